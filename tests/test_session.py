"""What a notebook starts with: settings checked, device chosen, one line printed."""

import math
import os
import random
import re
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient

from helpers import checks, hub, registry, session
from helpers.errors import WorkbookError

NOISE = ["HF_HUB_DISABLE_PROGRESS_BARS", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_VERBOSITY"]
NOISE += ["DIFFUSERS_VERBOSITY", "TOKENIZERS_PARALLELISM", "TRANSFORMERS_VERBOSITY"]
TINY_LINE = "Profile tiny: the workbook's own small models, on the CPU in float32, seed 0.\n"


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    """No WORKBOOK_ setting from outside, and the global state as it was."""
    for name in ("PROFILE", "SEED", "DEVICE", "LIVE"):
        monkeypatch.delenv(f"WORKBOOK_{name}", raising=False)
    for name in NOISE:
        monkeypatch.setenv(name, os.environ.get(name, ""))
    with torch.random.fork_rng(), warnings.catch_warnings():
        yield


def shell(monkeypatch, allow_stdin=True, cells=()):
    """Pretend to run in a kernel."""
    parent = {"content": {"allow_stdin": allow_stdin}}
    kernel = SimpleNamespace(get_parent=lambda: parent)
    fake = SimpleNamespace(kernel=kernel, user_ns={"In": ["", *cells]})
    monkeypatch.setattr(session, "_shell", lambda: fake)


def gpu(monkeypatch, cached=False, reachable=False):
    """Pretend that there is a CUDA GPU, and say how the hub is."""

    def check(*_):
        if not reachable:
            raise WorkbookError("out of reach")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(hub, "cached_folder", lambda *_: Path() if cached else None)
    monkeypatch.setattr(hub, "check_reachable", check)


def refused(**options) -> str:
    with pytest.raises(WorkbookError) as problem:
        session.start(**options)
    assert str(problem.value).endswith(".") and "\n" not in str(problem.value)
    return str(problem.value)


# Defaults, and who wins


def test_start_prints_one_line_without_versions_paths_or_times(capfd):
    started = session.start()
    out, err = capfd.readouterr()
    assert out == TINY_LINE and err == ""
    assert (started.profile, started.device, started.dtype, started.seed) == ("tiny", "cpu", torch.float32, 0)
    assert started.output_folder == session.build_folder() and not started.live
    with pytest.raises(AttributeError):
        started.seed = 1
    assert not started.auto


def test_only_falling_back_changes_a_session():
    started = session.start("hub")
    started.fall_back("tiny")
    assert started.profile == "tiny" and not started.auto


def test_start_fixes_the_global_seed():
    session.start(seed=7)
    first = torch.rand(3)
    session.start(seed=7)
    assert torch.equal(first, torch.rand(3))
    assert torch.equal(first, torch.rand(3, generator=session.generator(7)))


def test_environment_wins_over_the_argument(monkeypatch, capsys):
    monkeypatch.setenv("WORKBOOK_SEED", "5")
    monkeypatch.setenv("WORKBOOK_PROFILE", "hub")
    started = session.start("tiny", seed=1)
    assert (started.profile, started.seed) == ("hub", 5) and "seed 5" in capsys.readouterr().out


def test_an_injected_cell_wins_over_the_environment_for_the_names_it_sets(monkeypatch):
    monkeypatch.setenv("WORKBOOK_SEED", "5")
    monkeypatch.setenv("WORKBOOK_PROFILE", "hub")
    shell(monkeypatch, cells=["seed = 1  # a seed", '# Parameters\nprompt = "seed = 3"\nseed = 7\n'])
    started = session.start("tiny", seed=7)
    assert (started.profile, started.seed) == ("hub", 7)


@pytest.mark.parametrize("cell", ["seed = 7", "# Parameters\nseeds = 7\n", "# Parameters of mine: seed = 7"])
def test_other_cells_are_not_taken_for_injected_ones(monkeypatch, cell):
    monkeypatch.setenv("WORKBOOK_SEED", "5")
    shell(monkeypatch, cells=[cell])
    assert session.start(seed=7).seed == 5


# Refusals


def test_an_unknown_profile_is_refused_with_the_three(monkeypatch):
    message = refused(profile="big")
    assert "big" in message and all(profile in message for profile in session.PROFILES)
    monkeypatch.setenv("WORKBOOK_PROFILE", "large")
    assert "large" in refused()


@pytest.mark.parametrize("seed", [-1, 1.5, "x", "", None, True, 2**32])
def test_a_seed_that_is_none_is_refused(seed):
    assert str(seed) in refused(seed=seed) and "4294967295" in refused(seed=seed)


def test_a_seed_may_come_as_text():
    assert session.start(seed="7").seed == 7


def test_a_file_where_the_output_folder_should_be_is_refused_and_kept(tmp_path):
    path = tmp_path / "results"
    path.write_text("precious")
    for folder in (path, path / "below"):
        assert str(folder) in refused(output_folder=folder)
    assert "is a file" in refused(output_folder=path) and path.read_text() == "precious"


def test_an_output_folder_is_made_and_its_content_kept(tmp_path):
    folder = tmp_path / "a" / "b"
    assert session.start(output_folder=folder).output_folder == folder and folder.is_dir()
    (folder / "picture.png").write_text("old")
    session.start(output_folder=str(folder))
    assert (folder / "picture.png").read_text() == "old"


def test_settings_are_checked_before_anything_heavy_is_imported():
    code = """
import sys
from helpers import errors, exercises, metrics, registry, session
try:
    session.start("big")
except errors.WorkbookError as problem:
    print(problem)
print(sorted({"torch", "transformers", "diffusers", "matplotlib"} & set(sys.modules)))
"""
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (
        child.stdout == 'Unknown profile "big": choose one of tiny, hub, auto.\n[]\n' and child.stderr == ""
    )


@pytest.mark.parametrize("value", [1, 5, np.int64(3)])
def test_a_count_within_its_range_is_accepted(value):
    checks.check_number("steps", value, 1, 5, "a whole number from 1 to 5")


@pytest.mark.parametrize("value", [0.5, 1, 0.75, np.float32(0.7)])
def test_a_number_within_its_range_is_accepted(value):
    checks.check_number("strength", value, 0.5, 1, "a number from 0.5 to 1")


@pytest.mark.parametrize("low, value", [
    (1, 0), (1, 6), (1, 2.0), (1, True), (1, "2"), (1, None), (1, float("nan")),
    (1.0, 0.999), (1.0, float("nan")), (1.0, float("inf")), (1.0, "2"), (1.0, True), (1.0, None), (1.0, 2j),
])  # fmt: skip
def test_a_number_out_of_range_is_refused_with_its_name_and_what_is_wanted(low, value):
    with pytest.raises(WorkbookError, match=f"^size is {re.escape(str(value))}: give what fits.$"):
        checks.check_number("size", value, low, 5 if value == 6 else math.inf, "what fits")


# Devices and profiles


def test_tiny_stays_on_the_cpu_beside_a_gpu_unless_told(monkeypatch, capsys):
    gpu(monkeypatch)
    assert session.start().device == "cpu"
    monkeypatch.setenv("WORKBOOK_DEVICE", "cuda")
    started = session.start()
    assert (started.profile, started.device, started.dtype) == ("tiny", "cuda", torch.float16)
    assert "on a CUDA GPU in float16" in capsys.readouterr().out


def test_hub_takes_the_gpu_unless_told(monkeypatch):
    gpu(monkeypatch)
    assert session.start("hub").device == "cuda"
    monkeypatch.setenv("WORKBOOK_DEVICE", "cpu")
    assert session.start("hub").device == "cpu"


def test_cuda_without_a_gpu_and_unknown_devices_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("WORKBOOK_DEVICE", "cuda")
    assert "no CUDA GPU" in refused()
    monkeypatch.setenv("WORKBOOK_DEVICE", "tpu")
    assert "tpu" in refused()


@pytest.mark.parametrize(
    "cached, reachable, profile", [(True, False, "hub"), (False, True, "hub"), (False, False, "tiny")]
)
def test_auto_takes_the_hub_where_its_models_can_be_had(monkeypatch, capsys, cached, reachable, profile):
    gpu(monkeypatch, cached, reachable)
    started = session.start("auto")
    assert started.profile == profile and started.auto
    line = capsys.readouterr().out
    assert line.startswith(f"Profile {profile} (auto: ") and line.count("\n") == 1


@pytest.mark.parametrize("role", ["text", "image"])
def test_auto_asks_for_the_model_of_its_role(monkeypatch, role):
    asked = []
    gpu(monkeypatch)
    monkeypatch.setattr(hub, "cached_folder", lambda *arguments: asked.append(arguments))
    monkeypatch.setattr(hub, "check_reachable", lambda *arguments: asked.append(arguments))
    assert session.start("auto", role=role).profile == "hub"
    model = registry.find(role, "hub")
    assert asked == [(model.hub_id, model.revision, role)] * 2


def test_auto_without_a_gpu_is_tiny_and_asks_nobody(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(hub, "cached_folder", lambda *_: pytest.fail("asked"))
    assert session.start("auto").profile == "tiny" and "no CUDA GPU" in capsys.readouterr().out


# Live or not


@pytest.mark.parametrize(
    "override, allowed, live", [("", True, True), ("", False, False), ("0", True, False), ("1", False, True)]
)
def test_live_is_what_the_front_end_says_unless_overridden(monkeypatch, override, allowed, live):
    shell(monkeypatch, allow_stdin=allowed)
    monkeypatch.setenv("WORKBOOK_LIVE", override)
    assert session.is_live() is live


def test_outside_a_kernel_nothing_is_live(monkeypatch):
    monkeypatch.setattr(session, "_shell", lambda: None)
    assert not session.is_live()
    monkeypatch.setattr(session, "_shell", lambda: SimpleNamespace())
    assert not session.is_live()


# Folders and noise


def test_build_folder_is_in_a_checkout_or_where_one_stands(monkeypatch, tmp_path):
    monkeypatch.delenv("WORKBOOK_OUTPUT", raising=False)
    monkeypatch.setattr(os, "access", lambda *_: True)  # the tests may run in a tree that cannot be written
    assert session.build_folder() == Path(session.__file__).parents[1] / "build"
    monkeypatch.setattr(session, "_root", lambda: tmp_path / "site-packages")
    monkeypatch.chdir(tmp_path)
    assert session.build_folder() == tmp_path / "build"


def test_libraries_are_quiet_and_other_warnings_are_not(recwarn):
    session.quiet_libraries()
    for library in ("transformers.models.x", "torch", "huggingface_hub.utils"):
        warnings.warn_explicit("noise", UserWarning, "file.py", 1, module=library)
    assert not recwarn.list
    warnings.warn_explicit("signal", UserWarning, "file.py", random.randrange(10**9), module="torchish")
    assert [str(w.message) for w in recwarn.list] == ["signal"]


def test_in_a_kernel_nothing_lands_on_stderr_and_injected_values_win(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBOOK_SEED", "5")
    cells = [
        "from helpers import session\nseed = 0",
        "# Parameters\nseed = 7\n",
        f"s = session.start(seed=seed, output_folder={str(tmp_path)!r})\nprint(s.live)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, kernel_name="python3", timeout=300).execute()
    outputs = [output for cell in notebook.cells for output in cell.outputs]
    assert [(output.name, output.text) for output in outputs] == [
        ("stdout", TINY_LINE.replace("seed 0", "seed 7") + "False\n")
    ]


def test_nothing_in_the_line_depends_on_the_machine():
    assert not re.search(r"[0-9]+\.[0-9]|/|\\", TINY_LINE)
