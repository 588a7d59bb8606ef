"""What goes wrong with the hub: each fault ends soon, in one sentence, and the next try works."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from local_hub import Fault, LocalHub
from tiny_models import save_published_gpt2

from helpers import registry
from tests import faults_table

ROOT = Path(__file__).resolve().parents[1]
HEALS = {"the weights are cut off once", "the weights have other bytes, once",
         "the first file is spoilt in the cache"}  # fmt: skip
WORDS = {
    "no name server finds the hub": "does not answer: connect to the network",
    "the connection is refused": "does not answer: connect to the network",
    "the hub accepts and never answers": "does not answer: connect to the network",
    "the list of files stands still": "does not answer: connect to the network",
    "the weights never come": "stands still",
    "the weights stand still after 5,000 bytes": "stands still",
    "503 on what the hub knows of the weights": "answers 503 .*: try again in a few minutes",
    "500 on the weights": "answers 500 .*: try again in a few minutes",
    "429 at the first question, Retry-After 30": "answers 429 .*: try again in 30 seconds, perhaps after `hf",
    "429 on the weights, RateLimit t=55": "answers 429 .*: try again in 55 seconds, perhaps after `hf",
    "the weights have another size": r"arrives damaged, twice\): try again in a few minutes",
    "the weights have other bytes, always": r"arrives damaged, twice\): try again in a few minutes",
    "the disk is full": "needs .* [MG]B, but the hub's cache has only 0.00 MB of disk: make room",
    "the model is gated": "is gated: accept its terms on the hub, log in with `hf auth login`",
    "the model is gone": "has no public model .*: check the name",
}
CASES = [(fault, role) for fault in faults_table.FAULTS for role in faults_table.ROLES]


def test_every_fault_has_its_row_and_its_words():
    text = (ROOT / "docs" / "hub.md").read_text(encoding="utf-8")
    for fault in faults_table.FAULTS:
        assert f"\n| {fault} |" in text, fault
    assert set(WORDS) | HEALS == set(faults_table.FAULTS) and not set(WORDS) & HEALS


@pytest.mark.faults
def test_the_table_of_files_is_what_is_told():
    text = (ROOT / "docs" / "hub.md").read_text(encoding="utf-8")
    plain = re.compile(r"\d+\.\d+\.\d+")  # versions
    for name, sentence in faults_table.sentences_on_files().items():
        assert f"| {name} | {plain.sub('0', sentence)} |" in plain.sub("0", text), name


def test_the_table_has_a_line_for_each_sentence_and_a_time_for_each_model():
    name, *_ = faults_table.FAULTS
    rows = [{"fault": name, "role": role, "hub_id": f"a/{role}", "seconds": 1.5,
             "sentence": f"a/{role} fails."} for role in faults_table.ROLES]  # fmt: skip
    assert faults_table.table(rows).splitlines()[2:] == [f"| {name} | 1.5 s | 1.5 s | 1.5 s | MODEL fails. |"]
    rows[1]["sentence"] = ""
    assert faults_table.table(rows).splitlines()[2:] == [
        f"| {name} | 1.5 s |  | 1.5 s | MODEL fails. |", f"| {name} |  | 1.5 s |  | nothing: it loads |",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def rows():
    """Every fault with every model, measured in a process of its own, which takes minutes."""
    command = [sys.executable, "-m", "tests.faults_table", "--json"]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr
    return {(row["fault"], row["role"]): row for row in json.loads(child.stdout)}


@pytest.mark.faults
@pytest.mark.parametrize("fault, role", CASES)
def test_a_fault_ends_soon_in_one_sentence_and_the_next_try_works(rows, fault, role):
    row = rows[fault, role]
    if fault in HEALS:
        assert row["sentence"] == ""
    else:
        assert re.search(WORDS[fault], row["sentence"]) and row["hub_id"] in row["sentence"]
        assert (
            "profile tiny" in row["sentence"]
            and row["sentence"].endswith(".")
            and "\n" not in row["sentence"]
        )
    assert row["seconds"] < 15 or fault in HEALS
    assert row["again"] == "" and row["left"] == []
    lines = row["printed"].splitlines()
    assert len(lines) <= 1 and all(
        re.fullmatch(r"Fetching \S+, [\d.]+ [MG]B, once\.", line) for line in lines
    )


@pytest.mark.faults
@pytest.mark.parametrize("fault", list(WORDS))
def test_under_auto_the_shipped_model_takes_over_and_says_so_and_a_new_process_finds_the_hub(rows, fault):
    row = rows[fault, "text"]
    assert row["auto profile"] == "tiny" and row["auto seconds"] < 15
    (line,) = (line for line in row["auto"].splitlines() if not line.startswith("Fetching "))
    assert line.startswith("Profile tiny from here on, as auto allows") and re.search(WORDS[fault][:30], line)
    assert row["new process"] == ""


SLOW = """
import time
from helpers import session, text
start, begin = session.start("hub"), time.monotonic()
text.load(start)
print(time.monotonic() - begin)
"""


@pytest.mark.faults
def test_a_slow_download_that_goes_on_is_not_ended(tmp_path):
    entry = registry.find("text", "hub")
    with LocalHub() as hub:
        folder = save_published_gpt2(tmp_path / "gpt2")
        hub.add(entry.hub_id, folder, entry.revision)
        pieces = (folder / "model.safetensors").stat().st_size / 1000
        hub.faults.append(Fault("model.safetensors", pace=25 / pieces))
        environment = hub.environment(tmp_path / "home")
        child = subprocess.run([sys.executable, "-c", SLOW], env=environment, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr
    assert float(child.stdout.splitlines()[-1]) > 25


@pytest.mark.faults
def test_a_child_that_begins_late_on_a_busy_machine_is_no_network_that_stands_still(tmp_path):
    entry = registry.find("text", "hub")
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, time\nif 'helpers.download' in sys.orig_argv:\n    time.sleep(12)\n"
    )
    with LocalHub() as hub:
        hub.add(entry.hub_id, save_published_gpt2(tmp_path / "gpt2"), entry.revision)
        environment = hub.environment(tmp_path / "home")
        environment["PYTHONPATH"] = f"{tmp_path}:{environment.get('PYTHONPATH', '')}"
        child = subprocess.run([sys.executable, "-c", SLOW], env=environment, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr
    assert float(child.stdout.splitlines()[-1]) > 12


END = """
import os, threading, time
from helpers import hub, session, text
start = session.start("hub")
threading.Timer(float(os.environ["LIVES"]), os._exit, [9]).start()
text.load(start)
"""


@pytest.mark.faults
def test_the_download_ends_with_the_process_that_wanted_it(tmp_path):
    entry = registry.find("text", "hub")
    with LocalHub() as hub:
        hub.add(entry.hub_id, save_published_gpt2(tmp_path / "gpt2"), entry.revision)
        hub.faults.append(Fault("model.safetensors", pace=0.5))
        environment = hub.environment(tmp_path / "home") | {"LIVES": "25"}
        child = subprocess.run([sys.executable, "-c", END], env=environment, capture_output=True, text=True)
        assert child.returncode == 9 and "Fetching" in child.stdout, child.stderr
        time.sleep(1)
        sizes = [sum(one.stat().st_size for one in (tmp_path / "home").rglob("*.incomplete"))]
        time.sleep(3)
        sizes.append(sum(one.stat().st_size for one in (tmp_path / "home").rglob("*.incomplete")))
    assert sizes[0] == sizes[1]
