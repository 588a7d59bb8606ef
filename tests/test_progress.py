"""What is remembered of exercises: over restarts, by two kernels at once, beside files that are broken."""

import errno
import json
import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import filelock
import pytest
from jupyter_client.manager import KernelManager

from helpers import exercises, progress, progress_file
from helpers.errors import WorkbookError
from helpers.exercises import Exercise
from tests.answers import import_lessons

import_lessons()
ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted({id[:2] for id in exercises.KNOWN})
TODAY = date.today().isoformat()


def reference():
    """Any number will do."""
    return 1


def exercise(id: str, function=reference) -> Exercise:
    """An exercise whose right answer is 1."""

    def judge(answer):
        return None if answer == 1 else "No."

    return Exercise(id, f"Task & {id}", judge, ("a", "b", "c"), function)


def restart() -> None:
    """Forget what a kernel holds in memory."""
    progress_file._saved.clear()
    progress_file._unsaved.clear()


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path) -> Path:
    """A build folder that does not exist yet, three exercises, and somebody in front of the notebook."""
    monkeypatch.setenv("WORKBOOK_OUTPUT", str(tmp_path / "build"))
    monkeypatch.setenv("WORKBOOK_LIVE", "1")
    known = {id: exercise(id) for id in ("50.1", "50.2", "51.1")}
    monkeypatch.setattr(exercises, "KNOWN", known)
    restart()
    yield tmp_path / "build"
    restart()


@pytest.fixture
def score(capsys):
    """What `score` prints for notebook 50, line by line without the titles."""

    def read() -> list[str]:
        capsys.readouterr()
        exercises.score("50")
        captured = capsys.readouterr()
        assert captured.err == ""
        return [line.rpartition(": ")[2] for line in captured.out.splitlines()]

    return read


def stored(folder: Path) -> dict:
    return json.loads((folder / "progress.json").read_text())["exercises"]


def test_what_is_solved_is_still_solved_after_a_restart(folder, score, capsys):
    exercises.check("50.1", 2)
    restart()
    exercises.check("50.1", 2)
    assert 'hint("50.1", 2)' in capsys.readouterr().out
    exercises.check("50.1", 1)
    exercises.check("50.2", 2)
    restart()
    exercises.check("50.1", 2)  # trying on changes nothing
    restart()
    assert score() == ["1 of 2 exercises solved.", "solved at attempt 3", "tried, not solved yet"]
    assert stored(folder) == {
        "50.1 reference": {"attempts": 3, "solved": TODAY},
        "50.2 reference": {"attempts": 1, "solved": ""},
    }


def test_no_code_is_stored_and_no_draft_is_left(folder):
    exercises.check("50.1", "a secret answer")
    exercises.use("50.1", 1)
    assert sorted(path.name for path in folder.iterdir()) == [".progress.json.lock", "progress.json"]
    assert "secret" not in (folder / "progress.json").read_text()


def test_another_exercise_of_the_same_number_is_not_solved(monkeypatch, score):
    exercises.check("50.1", 1)

    def successor():
        """Another task."""

    exercises.register(exercise("50.1", successor))
    assert score() == ["0 of 2 exercises solved.", "not attempted yet", "not attempted yet"]
    exercises.check("50.1", 2)
    exercises.register(exercise("50.1"))
    assert score()[1] == "solved at attempt 1"


@pytest.mark.parametrize("live", ["0", None])
def test_headless_the_file_is_neither_read_nor_written(monkeypatch, folder, score, live):
    exercises.check("50.1", 1)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    restart()
    monkeypatch.setenv("WORKBOOK_LIVE", live) if live else monkeypatch.delenv("WORKBOOK_LIVE")
    assert score() == ["0 of 2 exercises solved.", "not attempted yet", "not attempted yet"]
    exercises.check("50.2", 1)
    assert score() == ["1 of 2 exercises solved.", "not attempted yet", "solved at attempt 1"]
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_headless_no_folder_is_made(monkeypatch, folder):
    monkeypatch.setenv("WORKBOOK_LIVE", "0")
    exercises.check("50.1", 1)
    exercises.score("50")
    assert not folder.exists()


# Broken and foreign files

SOUND = {"attempts": 2, "solved": "2026-01-31"}
DAMAGED = {
    "empty": b"",
    "cut off": b'{"exercises": {"50.2 reference": {"attem',
    "no text": b"\xff\xfe\x00\x80" * 9,
    "zeros": bytes(100),
    "a list": b"[1, 2]",
    "a number": b"7",
    "of another program": b'{"version": 3, "courses": {}}',
    "a list of exercises": b'{"exercises": ["50.2"]}',
    "nested": b"[" * 100_000,
    "endless": b" " * 1_000_001 + b'{"exercises": {}}',
}
WRONG_ENTRIES = [
    {"attempts": -1, "solved": ""},
    {"attempts": True, "solved": ""},
    {"attempts": "2", "solved": ""},
    {"attempts": 10**30, "solved": ""},
    {"attempts": 1, "solved": "yes"},
    {"attempts": 1, "solved": None},
    {"attempts": 1},
    {"attempts": 1, "solved": "", "answer": "x"},
    [1, ""],
    None,
]


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_put_aside_and_a_new_one_begun(folder, score, content):
    folder.mkdir()
    (folder / "progress.json").write_bytes(content)
    assert score()[0] == "0 of 2 exercises solved."
    assert (folder / "progress.json").read_bytes() == content
    exercises.check("50.1", 1)
    assert score() == ["1 of 2 exercises solved.", "solved at attempt 1", "not attempted yet"]
    assert (folder / "progress.damaged.json").read_bytes() == content
    assert list(stored(folder)) == ["50.1 reference"]


@pytest.mark.parametrize("entry", WRONG_ENTRIES)
def test_beside_a_wrong_entry_the_sound_ones_are_kept(folder, score, entry):
    folder.mkdir()
    content = {"exercises": {"50.1 reference": entry, "50.2 reference": SOUND, "../x y": SOUND}}
    (folder / "progress.json").write_text(json.dumps(content))
    assert score() == ["1 of 2 exercises solved.", "not attempted yet", "solved at attempt 2"]
    exercises.check("50.1", 1)
    assert set(stored(folder)) == {"50.1 reference", "50.2 reference"}
    assert json.loads((folder / "progress.damaged.json").read_text()) == content


def test_exercises_of_another_version_stay(folder):
    folder.mkdir()
    (folder / "progress.json").write_text(json.dumps({"exercises": {"77.1 gone": SOUND}}))
    exercises.check("50.1", 1)
    assert stored(folder)["77.1 gone"] == SOUND and not (folder / "progress.damaged.json").exists()


def test_a_file_that_breaks_meanwhile_costs_nothing(folder, score):
    exercises.check("50.1", 1)
    (folder / "progress.json").write_text("{")
    assert score()[1] == "solved at attempt 1"
    exercises.check("50.2", 1)
    assert len(stored(folder)) == 2


# Folders and disks that refuse

FORGOTTEN = "build/progress.json cannot be written."


def refuse(number: int):
    def refused(*arguments, **named):
        raise OSError(number, os.strerror(number))

    return refused


def a_file_in_its_place(monkeypatch, folder):
    folder.write_text("")


def a_folder_of_that_name(monkeypatch, folder):
    (folder / "progress.json" / "full").mkdir(parents=True)


def a_read_only_disk(monkeypatch, folder):
    monkeypatch.setattr(os, "replace", refuse(errno.EROFS))


def a_full_disk(monkeypatch, folder):
    monkeypatch.setattr(Path, "write_text", refuse(errno.ENOSPC))


def a_read_only_folder(monkeypatch, folder):
    folder.mkdir()
    folder.chmod(0o555)
    if os.access(folder, os.W_OK):
        pytest.skip("this user can write anywhere")


def a_folder_that_cannot_be_searched(monkeypatch, folder):
    monkeypatch.setattr(Path, "stat", refuse(errno.EACCES))


TROUBLES = (
    a_file_in_its_place, a_folder_of_that_name, a_read_only_disk, a_full_disk, a_read_only_folder,
    a_folder_that_cannot_be_searched,
)  # fmt: skip


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_cannot_be_saved_is_remembered_until_the_kernel_ends(monkeypatch, folder, score, trouble):
    trouble(monkeypatch, folder)
    exercises.check("50.1", 2)
    exercises.check("50.1", 1)
    wanted = ["1 of 2 exercises solved.", "solved at attempt 2", "not attempted yet", FORGOTTEN]
    assert score() == wanted
    restart()
    assert score()[0] == "0 of 2 exercises solved."


def test_what_could_not_be_saved_is_saved_later(monkeypatch, folder, score):
    with monkeypatch.context() as full:
        a_full_disk(full, folder)
        exercises.check("50.1", 1)
    assert len(score()) == 4
    exercises.check("50.2", 1)
    assert len(score()) == 3 and len(stored(folder)) == 2


@pytest.mark.parametrize("problem", [filelock.Timeout("lock"), NotImplementedError("no flock"), OSError()])
def test_without_a_lock_it_is_saved_all_the_same(monkeypatch, folder, problem):
    def refused(*arguments, **named):
        raise problem

    monkeypatch.setattr(filelock.FileLock, "acquire", refused)
    exercises.check("50.1", 1)
    assert list(stored(folder)) == ["50.1 reference"]


# Two kernels

SOLVER = """
import sys, time
from pathlib import Path
from helpers import exercises
from tests.test_progress import exercise

first, meeting = int(sys.argv[1]), Path(sys.argv[2])
numbers = [*range(first, first + 20), 99]
exercises.register(*(exercise(f"50.{number}") for number in numbers))
(meeting / str(first)).touch()
while len(list(meeting.iterdir())) < 2:
    time.sleep(0.001)
for number in numbers[:-1]:
    exercises.check(f"50.{number}", 1)
    exercises.check("50.99", 2)
"""


def test_two_processes_that_save_at_once_lose_nothing(folder, tmp_path):
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    commands = [[sys.executable, "-c", SOLVER, str(first), str(meeting)] for first in (1, 21)]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) for command in commands]
    assert [process.wait(120) for process in running] == [0, 0]
    entries = stored(folder)
    assert entries.pop("50.99 reference") == {"attempts": 40, "solved": ""}
    assert entries == {f"50.{n} reference": {"attempts": 1, "solved": TODAY} for n in range(1, 41)}


class Kernel(KernelManager):
    """A kernel of this Python, asked as a notebook front end asks, or as papermill does."""

    def run(self, code: str, live: bool) -> str:
        printed = []
        client = self.client()
        client.start_channels()
        try:
            client.wait_for_ready(60)
            client.execute_interactive(
                code, allow_stdin=live, timeout=60,
                output_hook=lambda message: printed.append(message["content"].get("text", "")),
            )  # fmt: skip
        finally:
            client.stop_channels()
        return "".join(printed)


@pytest.mark.long
def test_a_kernel_remembers_only_where_somebody_sits(monkeypatch, folder):
    monkeypatch.delenv("WORKBOOK_LIVE")
    start = f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom helpers.lessons import text\n"
    start += "from helpers.exercises import check, score\n"
    solve = start + "from helpers.lessons.text.exercises import EXERCISES\nfirst = EXERCISES[0]\n"
    solve += "check(first.id, first.reference)"
    kernel = Kernel()
    kernel.start_kernel(cwd=ROOT)
    try:
        kernel.run(solve, live=False)
        assert not folder.exists()
        kernel.restart_kernel(now=True)
        kernel.run(solve, live=True)
        kernel.restart_kernel(now=True)
        assert "solved at attempt 1" in kernel.run(start + 'score("03")', live=True)
        assert "solved at attempt 1" not in kernel.run('score("03")', live=False)
    finally:
        kernel.shutdown_kernel(now=True)


# The command


def test_the_command_prints_all_exercises_and_a_summary(folder, capsys):
    exercises.check("50.2", 2)
    exercises.check("50.2", 1)
    exercises.check("51.1", 2)
    capsys.readouterr()
    assert progress.main(["--name", " Koa\n & Odo "]) == 0
    captured = capsys.readouterr()
    overview, _, summary = captured.out.partition("\n\n")
    assert captured.err == ""
    assert overview.splitlines()[-5:] == [
        "Notebook 50: 1 of 2 solved",
        "  50.1 Task & 50.1: not attempted yet",
        "  50.2 Task & 50.2: solved at attempt 2",
        "Notebook 51: 0 of 1 solved",
        "  51.1 Task & 51.1: tried, not solved yet",
    ]
    lines = summary.splitlines()
    assert lines[0] == "Summary" and lines[1].startswith("1 of 3 exercises solved; printed on ")
    assert lines[2:4] == ["Name: Koa & Odo", f"{TODAY}: 50.2 Task & 50.2, at attempt 2"]
    assert re.fullmatch("Checksum: [0-9a-f]{12}", lines[4]) and len(lines) == 5


def test_the_command_knows_every_notebook_s_exercises():
    command = [sys.executable, "-m", "helpers.progress"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = re.findall(r"^Notebook (\d\d): 0 of", done.stdout, re.MULTILINE)
    assert found == NOTEBOOKS and done.stderr == ""


@pytest.fixture
def summary(folder, tmp_path, capsys) -> Path:
    """A file with what the command prints."""
    exercises.check("50.1", 1)
    capsys.readouterr()
    progress.main(["--name", "Koa <Ünal>"])
    file = tmp_path / "summary.txt"
    file.write_text(f"Dear teacher,\n\n> {capsys.readouterr().out}\nThank you\n", encoding="utf-8")
    return file


EDITS = [
    ("Dear", "My dear", 0), ("\n", "\r\n", 0), (TODAY, "2020-01-01", 1), ("attempt 1", "attempt 2", 1),
    ("Koa", "Odo", 1), ("1 of 3", "3 of 3", 1), ("Checksum: ", "Checksum: 0", 1), ("Checksum", "Sum", 2),
    ("Summary", "Sum", 2),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "code"), EDITS)
def test_a_summary_that_was_edited_does_not_fit_its_checksum(summary, capsys, old, new, code):
    text = summary.read_text(encoding="utf-8")
    summary.write_text(text.replace(old, new), encoding="utf-8", newline="")
    assert progress.main(["--check", str(summary)]) == code
    said = ("The summary fits its checksum.", "The summary does not fit", "There is no summary in it")[code]
    assert said in "".join(capsys.readouterr())


def test_a_page_is_escaped_and_fits_its_checksum_too(folder, tmp_path, capsys):
    exercises.check("50.1", 1)
    page = tmp_path / "page.html"
    assert progress.main(["--name", "<script>Koa</script>", "--html", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert "Name: &lt;script&gt;Koa" in text and "<script" not in text and "Task &amp; 50.1: solved" in text
    assert progress.main(["--check", str(page)]) == 0


def test_a_damaged_file_is_named(folder, capsys):
    folder.mkdir()
    (folder / "progress.json").write_text("{")
    assert progress.main([]) == 0
    captured = capsys.readouterr()
    assert "0 of 3 exercises solved" in captured.out
    damaged = f"{folder / 'progress.json'} is damaged"
    assert captured.err == f"{damaged}: some of what was solved may be missing here.\n"


@pytest.mark.parametrize("arguments", [["--check", "nowhere.txt"], ["--html", "nowhere/page.html"], []])
def test_files_that_cannot_be_used_are_named_in_one_sentence(folder, capsys, arguments):
    (folder / "progress.json").mkdir(parents=True) if not arguments else None
    assert progress.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert captured.err.startswith(arguments[-1] if arguments else str(folder / "progress.json"))


def test_a_text_without_a_summary_is_refused():
    with pytest.raises(WorkbookError, match="no summary in it"):
        progress.is_unchanged("Checksum: 123456789012\nNothing")
