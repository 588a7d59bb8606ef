"""What changes outside: libraries, pinned models and Colab's list, told in lines; the page of what broke."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from local_hub import Fault, LocalHub
from small_server import Reply, serving

from helpers import hub, registry
from helpers.errors import WorkbookError
from tests import colab_list, drift, drift_history

ROOT = drift.ROOT


# Versions, and what failed on them


def test_names_are_compared_as_indexes_compare_them():
    text = "# a comment==1\nPyYAML==6.0.3\nhuggingface_hub==2.4.0 ; python_version > '3'\nnumpy>=2\n"
    assert drift.pinned(text) == {"pyyaml": "6.0.3", "huggingface-hub": "2.4.0"}


def test_what_has_another_version_is_a_line_and_what_is_new_is_one():
    before = {"numpy": "2.4.6", "torch": "2.13.0", "gone": "1"}
    now = {"numpy": "2.4.6", "torch": "2.14.0", "b": "2", "a": "1"}
    assert drift.changes(before, now) == ["torch 2.13.0 -> 2.14.0", "new: a 1, b 2"]
    assert drift.changes(before, before) == []


def test_this_environment_is_read():
    assert drift.installed()["pytest"] == pytest.__version__


REPORT = """<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest" errors="1" failures="2" tests="4">
<testcase classname="tests.test_text" name="test_fine" />
<testcase classname="tests.test_text" name="test_a[1]">
  <failure message="AssertionError: assert 1 == 2&#10; +  where 1 = f()">long</failure></testcase>
<testcase classname="notebooks.03" name="Cell 4"><failure>#x1B[31mCell failed: KeyError
more</failure></testcase>
<testcase classname="tests.test_run" name="test_b"><error message="" /></testcase>
</testsuite></testsuites>"""


def test_each_failed_test_is_one_line(tmp_path):
    report = tmp_path / "newest.xml"
    report.write_text(REPORT)
    assert drift.failures(report) == [
        "tests.test_text test_a[1]: AssertionError: assert 1 == 2",
        "notebooks.03 Cell 4: Cell failed: KeyError",
        "tests.test_run test_b: no reason given",
    ]
    assert "did not begin" in drift.failures(tmp_path / "none.xml")[0]


def test_the_report_of_a_real_run_is_read(tmp_path):
    (tmp_path / "test_trial.py").write_text("def test_it():\n    assert 1 == 2, 'a reason'\n")
    report = tmp_path / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", "."]
    subprocess.run(command, cwd=tmp_path, capture_output=True)
    (line,) = drift.failures(report)
    assert line.startswith("test_trial test_it: AssertionError: a reason")
    assert drift.main(["report", str(report)]) == 1


def test_lines_become_marks_only_where_github_reads_them(monkeypatch, capsys):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    assert drift.tell(["100 % broke"]) == 1 and capsys.readouterr().out == "100 % broke\n"
    assert drift.tell([]) == 0 and capsys.readouterr().out == ""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert drift.tell(["100 % broke"], "warning") == 1
    assert capsys.readouterr().out == "100 % broke\n::warning::100 %25 broke\n"
    drift.tell([str(number) for number in range(12)])
    marks = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::")]
    assert len(marks) == 10 and marks[-1] == "::error::and 3 more"


def test_versions_are_told_and_break_nothing(capsys):
    assert drift.main(["versions"]) == 0
    with pytest.raises(SystemExit):
        drift.main(["nothing of the kind"])


# The hub's pinned revisions


ASK = "from tests import drift; raise SystemExit(drift.tell(drift.missing_models(waits=(0.0,))))"


@pytest.fixture
def local(tmp_path):
    """A hub that has every model of the table, with its first file only."""
    with LocalHub() as local:
        for entry in registry.MODELS:
            if entry.hub_id:
                folder = tmp_path / entry.hub_id
                folder.mkdir(parents=True)
                (folder / hub.FIRST_FILES[entry.role]).write_text("{}")
                local.add(entry.hub_id, folder, entry.revision)
        yield local


def asked(local: LocalHub, home: Path) -> subprocess.CompletedProcess:
    environment = local.environment(home) | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "0"}
    return subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True)


def test_pinned_models_are_asked_for_by_head_alone(local, tmp_path):
    done = asked(local, tmp_path / "home")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    pins = {(entry.hub_id, entry.revision) for entry in registry.MODELS if entry.hub_id}
    # The hub's library asks for a list of its own, too, which has nothing to do with models.
    requests = [(method, path) for method, path in local.requests if path != "/api/agent-harnesses"]
    assert {method for method, _ in requests} == {"HEAD"} and len(requests) == len(pins) >= 3
    assert all(any(f"/{name}/resolve/{pin}/" in path for _, path in requests) for name, pin in pins)


def test_a_model_or_a_revision_that_is_gone_is_a_line(local, tmp_path):
    text, image = registry.find("text", "hub"), registry.find("image", "hub")
    del local.repositories[text.hub_id]
    local.repositories[image.hub_id].revision = "0" * 40
    done = asked(local, tmp_path / "home")
    assert done.returncode == 1 and done.stderr == ""
    gone, moved = done.stdout.splitlines()
    assert f"no public model {text.hub_id}" in gone
    assert f"{image.hub_id} has no revision {image.revision}" in moved
    assert "profile tiny" not in done.stdout


def test_a_busy_hub_is_asked_again(local, tmp_path):
    local.faults.append(Fault("config.json", method="HEAD", status=503))
    assert asked(local, tmp_path / "home").returncode == 0
    local.faults.append(Fault("config.json", method="HEAD", status=503, times=2))
    assert "answers 503" in asked(local, tmp_path / "home").stdout


# Colab's list

FREEZE = """# generated
torch @ https://download.pytorch.org/whl/cu128/torch-2.12.0%2Bcu128-cp313-cp313-linux_x86_64.whl#sha256=0
torchvision==0.27.0+cu128
google-colab @ file:///colabtools/dist/google_colab-1.0.0.tar.gz
huggingface-hub==1.30.0
numpy==2.1.3
other==1
"""
OURS = """# Its published list of 2026-08-19: about numpy==1 and more.
# TORCH: torch==2.11.0 torchvision==0.26.0
charset-normalizer>=3,<4
huggingface_hub==1.27.0
numpy==2.1.3
"""


def test_colabs_versions_are_taken_over_and_nothing_else(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    source, file = tmp_path / "freeze.txt", tmp_path / "colab.txt"
    source.write_text(FREEZE)
    file.write_text(OURS)
    assert colab_list.main(["--source", source.as_uri(), "--file", str(file)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told == ["huggingface-hub 1.27.0 -> 1.30.0", "torch 2.11.0 -> 2.12.0",
                    "torchvision 0.26.0 -> 0.27.0"]  # fmt: skip
    lines = file.read_text().splitlines()
    assert "2026-08-19" not in lines[0] and lines[0].endswith(": about numpy==1 and more.")
    assert lines[1:] == ["# TORCH: torch==2.12.0 torchvision==0.27.0", "charset-normalizer>=3,<4",
                         "huggingface_hub==1.30.0", "numpy==2.1.3"]  # fmt: skip


def test_a_list_that_cannot_be_had_or_lacks_something_changes_nothing(tmp_path, capsys):
    file = tmp_path / "colab.txt"
    file.write_text(OURS)
    for content, said in ((None, "cannot be had"), ("numpy==2.2.0\n", "has no huggingface-hub, torch")):
        source = tmp_path / "list.txt"
        if content:
            source.write_text(content)
        assert colab_list.main(["--source", source.as_uri(), "--file", str(file)]) == 1
        assert said in capsys.readouterr().out and file.read_text() == OURS


def test_the_shipped_list_can_be_renewed():
    text = colab_list.COLAB.read_text(encoding="utf-8")
    versions = colab_list.named(text)
    assert {"torch", "torchvision", "transformers", "ipywidgets"} <= versions.keys()
    assert colab_list.renewed(text, versions, "2026-08-19") == text
    newer = colab_list.renewed(text, dict.fromkeys(versions, "99"), "2027-01-04")
    assert colab_list.named(newer) == dict.fromkeys(versions, "99") and "list of 2027-01-04)" in newer
    with pytest.raises(WorkbookError, match="lacks `published list"):
        colab_list.renewed("numpy==1\n", {"numpy": "2"}, "2027-01-04")


# What broke when

JOBS = [
    {"id": 7, "name": "newest", "conclusion": "failure", "html_url": "https://github.com/o/n/job/7"},
    {"id": 8, "name": "colab", "conclusion": "success", "html_url": "https://github.com/o/n/job/8"},
]
MARKS = [
    {"annotation_level": "notice", "message": "torch 1 -> 2"},
    {"annotation_level": "failure", "message": "test_text test_a: <b>KeyError</b>"},
    {"annotation_level": "failure", "message": "Process completed with exit code 1."},
]


def reply(content) -> Reply:
    return Reply(body=json.dumps(content).encode())


@pytest.fixture
def github():
    """GitHub's interface, with one run in which one of two jobs failed."""
    runs = [{"id": 1, "created_at": "2026-11-30T04:47:00Z", "html_url": "https://github.com/o/n/run/1"}]
    start = "/repos/o/n/actions"
    with serving({
        f"{start}/workflows/drift.yml/runs": reply({"workflow_runs": runs}),
        f"{start}/runs/1/jobs": reply({"jobs": JOBS}),
        "/repos/o/n/check-runs/7/annotations": reply(MARKS),
    }) as server:  # fmt: skip
        yield server


def test_the_page_tells_what_broke_when(github, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "")
    output = tmp_path / "site" / "drift.html"
    assert drift_history.main(["o/n", "--api", github.address, "--output", str(output)]) == 0
    page = BeautifulSoup(output.read_text(encoding="utf-8"), "html.parser")
    head, row = page.select("tr")
    assert [cell.get_text() for cell in head.select("th")] == ["Day", "newest", "colab"]
    day, newest, colab = row.select("td")
    assert day.get_text() == "2026-11-30" and colab.get_text() == "fine"
    assert newest.get_text() == "broketest_text test_a: <b>KeyError</b>" and not newest.select("b")
    assert newest.a["href"] == "https://github.com/o/n/job/7"
    assert page.select("script, img, link, iframe") == []
    assert len(github.requests) == 3, "nothing is asked of a job that was fine"


def test_githubs_own_mark_is_shown_where_there_is_no_other():
    assert drift_history.marks(MARKS) == ["test_text test_a: <b>KeyError</b>"]
    assert drift_history.marks(MARKS[2:]) == ["Process completed with exit code 1."]


def test_before_the_first_run_the_page_says_so():
    assert "There has been no run yet." in drift_history.page([])


def test_a_silent_github_is_one_sentence(github, tmp_path, capsys):
    output = tmp_path / "drift.html"
    assert drift_history.main(["o/other", "--api", github.address, "--output", str(output)]) == 1
    assert "GitHub answers 404" in capsys.readouterr().err and not output.exists()
    assert drift_history.main(["o/n", "--api", "http://127.0.0.1:9", "--output", str(output)]) == 1
    assert "is there a network?" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        drift_history.main(["../../secret"])
    assert stopped.value.code == 2
