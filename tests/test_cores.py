"""How many threads a notebook takes on a machine that others use, too."""

import os
import subprocess
import sys
from math import inf
from pathlib import Path

import pytest

from helpers import cores

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("allowed, idle, wanted", [
    (2, 2.0, 2), (2, 1.4, 2), (2, 1.3, 1), (2, 0.0, 1), (2, inf, 2), (8, 5.5, 6), (8, 5.3, 5),
    (1, 1.0, 1), (0.5, 40.0, 1), (2, 64.0, 2), (1.5, inf, 2), (64, inf, 64),
])  # fmt: skip
def test_threads_are_the_free_cores_and_at_least_one(allowed, idle, wanted):
    assert cores.threads(allowed, idle) == wanted


class Machine:
    """Stands in for the system's counts: each sample gives the next busy shares of cores 0 and 1."""

    def __init__(self, monkeypatch, file, samples, bound=(0, 1)):
        self.file, self.samples = file, iter(samples)
        self.idle, self.busy = [1000, 1000, 1000], [500, 500, 500]
        monkeypatch.setattr(cores, "STATISTICS", file)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(bound), raising=False)
        monkeypatch.setattr(cores.time, "sleep", lambda _: self.go_on())
        self.write()

    def go_on(self):
        for core, share in enumerate(next(self.samples)):
            self.busy[core] += round(10 * share)
            self.idle[core] += 10 - round(10 * share)
        self.write()

    def write(self):
        lines = ["cpu  1 2 3 4 5 6 7 8 9 10"]
        for core, (idle, busy) in enumerate(zip(self.idle, self.busy, strict=True)):
            lines.append(f"cpu{core} {busy - 30} 0 20 {idle - 5} 5 0 0 10 700 700")
        self.file.write_text("\n".join([*lines, "intr 1 2 3", "ctxt 5"]) + "\n")


@pytest.mark.parametrize("samples, wanted", [
    ([(0, 0, 0)] * 3, 2.0),
    ([(1, 1, 0)] * 3, 0.0),
    ([(1, 0, 0)] * 3, 1.0),
    ([(1, 1, 0), (0.5, 0.2, 0), (1, 1, 0)], 1.3),  # a short burst is no load
    ([(0, 0, 1)] * 3, 2.0),  # a core that this process may not use
])  # fmt: skip
def test_idle_cores_are_those_of_the_quietest_sample(monkeypatch, tmp_path, samples, wanted):
    Machine(monkeypatch, tmp_path / "stat", samples)
    assert cores.idle_cores() == pytest.approx(wanted)


@pytest.mark.parametrize("text", [None, "", "cpu 1 2 3 4 5 6 7 8\n"])
def test_where_the_system_does_not_tell_nothing_is_known(monkeypatch, tmp_path, text):
    Machine(monkeypatch, tmp_path / "other", [()] * 3)
    if text is not None:
        (tmp_path / "stat").write_text(text)
    monkeypatch.setattr(cores, "STATISTICS", tmp_path / "stat")
    monkeypatch.setattr(cores.time, "sleep", lambda _: None)
    assert cores.idle_cores() == inf


@pytest.mark.parametrize("text, wanted", [
    (None, inf), ("max 100000\n", inf), ("250000 100000\n", 2.5), ("nonsense", inf), ("1 0", inf),
])  # fmt: skip
def test_a_container_s_quota_counts(monkeypatch, tmp_path, text, wanted):
    monkeypatch.setattr(cores, "QUOTA", tmp_path / "cpu.max")
    if text is not None:
        (tmp_path / "cpu.max").write_text(text)
    assert cores._quota() == wanted


CHILD = """
import sys
import torch
from helpers import cores
from helpers.session import start
torch.set_num_threads(4)
idle = iter([float(sys.argv[1]), 4.0])
cores.idle_cores = lambda: next(idle)
start(), start()
print(torch.get_num_threads())
"""


@pytest.mark.parametrize("idle, variable, wanted", [
    ("4", "", "4"), ("1", "", "1"), ("2.7", "", "3"), ("1", "4", "4"),
])  # fmt: skip
def test_a_notebook_takes_the_free_cores_once_unless_the_environment_says_a_number(
    tmp_path, idle, variable, wanted
):
    environment = os.environ | {"OMP_NUM_THREADS": variable, "WORKBOOK_OUTPUT": str(tmp_path)}
    if not variable:
        del environment["OMP_NUM_THREADS"]
    command = [sys.executable, "-c", CHILD, idle]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout.split()[-1:] == [wanted], done.stderr
