"""The first cell of every notebook, run by child processes in made-up folders.

What stands in for the outside: small git repositories that git reads in place of GitHub, a server with
Colab's list of sessions, and a `pip` that only writes down how it was called.
"""

import json
import os
import re
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import address
from tests.fake_colab import FOLDER, FORK, git, instead, opened, sessions
from tests.notebook_code import NOTEBOOKS, cells

NAME, MAIN = address.current(address.ROOT)
HOME = f"https://github.com/{NAME}"
SENTENCE = "ImportError: Cannot fetch the workbook: go online, or set WORKBOOK_REPOSITORY=URL@BRANCH."
CELLS = {path.stem: cells(path.stem)[0] for path in sorted(NOTEBOOKS.glob("[!.]*.ipynb"))}
FETCH = CELLS["01_concepts"].split("\n\nimport ")[0]
TELL = """
import helpers, json
modules = sorted(name for name in sys.modules if "helpers" in name)
print(json.dumps([helpers.__file__, helpers.WHERE, modules]))
"""
PIP = """
import pathlib, sys
pathlib.Path(__file__).with_name("calls").open("a").write(repr(sys.argv[1:]) + "\\n")
"""
WATCH = """
import sys
forbidden = "subprocess.Popen", "socket.connect"
sys.addaudithook(lambda event, _: sys.exit(event) if event in forbidden else None)
paths = list(sys.path)
"""


def package(folder: Path, where: str) -> Path:
    """A folder that holds what the cell takes for the workbook."""
    (folder / "helpers" / "smallworld").mkdir(parents=True)
    (folder / "helpers" / "__init__.py").write_text(f"__version__ = '0'\nWHERE = {where!r}\n")
    (folder / "helpers" / "smallworld" / "__init__.py").write_text("")
    return folder


def repository(folder: Path, where: str, main: str, *branches: str) -> Path:
    """A repository of two commits on its first branch; each further one says its own name."""
    package(folder, where)
    git("init", cwd=folder)
    git("checkout", "-b", main, cwd=folder)
    git("add", ".", cwd=folder)
    git("commit", "-m", "first", cwd=folder)
    git("commit", "--allow-empty", "-m", "second", cwd=folder)
    for branch in branches:
        git("checkout", "-b", branch, main, cwd=folder)
        (folder / "helpers" / "__init__.py").write_text(f"__version__ = '0'\nWHERE = '{where} {branch}'\n")
        git("commit", "-am", branch, cwd=folder)
    git("checkout", main, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def outside(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("outside")
    (folder / "pip").mkdir()
    (folder / "pip" / "__init__.py").write_text("")
    (folder / "pip" / "__main__.py").write_text(PIP)
    return {
        "pip": folder,
        HOME: repository(folder / "home", "home", MAIN, "next"),
        FORK: repository(folder / "fork", "fork", "main", "feature/music"),
    }


@pytest.fixture
def run(outside, tmp_path):
    """Runs the cell in a folder, by default an empty one, and returns the finished child process."""
    (tmp_path / "content").mkdir()
    (outside["pip"] / "pip" / "calls").unlink(missing_ok=True)

    def child(cwd=tmp_path / "content", before="", after=TELL, online=True, paths=(), **environment):
        known = instead({one: outside[one] for one in (HOME, FORK)} if online else {})
        nowhere = "http://127.0.0.1:9"  # the proxy of a machine without a network
        found = os.pathsep.join(map(str, (outside["pip"], *paths)))
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": found,
                       "https_proxy": nowhere, **known, **environment}  # fmt: skip
        command = [sys.executable, "-S", "-c", f"{before}\n{FETCH}\n{after}"]  # -S: nothing that is installed
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60)

    return child


def told(finished: subprocess.CompletedProcess) -> tuple[str, str, list[str]]:
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    return tuple(json.loads(finished.stdout))


def pip_calls(outside) -> list[str]:
    path = outside["pip"] / "pip" / "calls"
    return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def colab():
    """Serves Colab's list of sessions until the test ends; returns the variables that lead there."""
    with ExitStack() as stack:
        yield lambda *arguments, **options: stack.enter_context(sessions(*arguments, **options))


def test_the_cell_begins_alike_in_every_notebook():
    assert len(CELLS) == 6
    assert {source.split("\n\nimport ")[0] for source in CELLS.values()} == {FETCH}
    assert "smallworld" in FETCH


def test_where_it_is_installed_nothing_happens(run, tmp_path):
    there = package(tmp_path / "site", "site")
    finished = run(paths=[there], before=WATCH, after="assert paths == sys.path")
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")
    assert told(run(paths=[there]))[1] == "site"


@pytest.mark.parametrize("below", ["", "notebooks", "notebooks/drafts/old"])
def test_a_copy_is_found_upwards(below, run, outside, tmp_path):
    drive = package(tmp_path / "drive" / "My Drive" / "course 생성", "Drive")
    (drive / below).mkdir(parents=True, exist_ok=True)
    file, where, _ = told(run(cwd=drive / below, online=False))
    assert where == "Drive" and Path(file) == drive / "helpers" / "__init__.py"
    assert pip_calls(outside) == [] and not (drive / below / FOLDER).exists()


def test_it_is_fetched_from_home_and_stays_for_the_next_kernel(run, outside, tmp_path):
    content = tmp_path / "content"
    file, where, _ = told(run())
    assert where == "home" and Path(file) == content / FOLDER / "helpers" / "__init__.py"
    assert (content / FOLDER / ".git" / "shallow").read_text().count("\n") == 1
    installed = f"['install', '-qq', '--no-deps', '-e', '{content / FOLDER}']"
    assert pip_calls(outside) == [installed]
    assert told(run(online=False))[1] == "home"
    assert pip_calls(outside) == [installed]


@pytest.mark.parametrize(
    ("value", "where"),
    [(f"{FORK}@main", "fork"), (f"{FORK}@feature/music", "fork feature/music"), (f"{HOME}@next", "home next"),
     ("", "home")],
)  # fmt: skip
def test_the_variable_names_repository_and_branch(value, where, run):
    assert told(run(WORKBOOK_REPOSITORY=value))[1] == where


def test_the_variable_names_a_local_repository(run, outside):
    assert told(run(online=False, WORKBOOK_REPOSITORY=f"file://{outside[FORK]}@main"))[1] == "fork"


@pytest.mark.parametrize(
    ("address", "branch", "where"),
    [(FORK, "main", "fork"), (FORK, "feature/music", "fork feature/music"), (HOME, "next", "home next")],
)
def test_on_colab_it_comes_from_where_the_notebook_was_opened(address, branch, where, run, colab):
    assert told(run(**colab(opened(address, branch))))[1] == where


def test_the_variable_wins_over_colab(run, colab):
    assert told(run(**colab(opened(FORK, "main")), WORKBOOK_REPOSITORY=f"{HOME}@next"))[1] == "home next"


@pytest.mark.parametrize(
    "answer",
    [[], [{"path": "fileId=1a2B3c", "name": "https://example.org/a.ipynb"}], "<html>no list"],
)
def test_home_it_is_where_colab_tells_nothing(answer, run, colab):
    assert told(run(**colab(answer)))[1] == "home"


def test_home_it_is_where_colab_refuses_or_does_not_answer(run, colab):
    assert told(run(**colab(opened(FORK, "main"), status=403)))[1] == "home"


def test_home_it_is_where_nobody_listens(run):
    assert told(run(COLAB_JUPYTER_IP="127.0.0.1", KMP_TARGET_PORT="9"))[1] == "home"


def test_colab_is_given_three_seconds(run, colab):
    slow = colab(lambda: time.sleep(8) or opened(FORK, "main"))
    assert told(run(**slow))[1] == "home"


WRONG = {
    "a module": {"helpers.py": "WHERE = 'wrong'"},
    "a package": {"helpers/__init__.py": "__version__ = '9'", "helpers/text.py": ""},
    "one that fails": {"helpers.py": "1 / 0"},
    "a bare folder": {"helpers/text.py": ""},
}


def put(kind: str, folder: Path) -> None:
    for name, source in WRONG[kind].items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(source)


@pytest.mark.parametrize("kind", WRONG)
def test_another_package_of_that_name_is_not_used(kind, run, tmp_path):
    put(kind, tmp_path / "content")
    assert told(run())[1] == "home"


def test_another_package_that_is_imported_already_is_dropped(run, tmp_path):
    put("a package", tmp_path / "content")
    before = "import sys, types\nimport helpers.text\nsys.modules['helpers_of_mine'] = types.ModuleType('a')"
    _, where, modules = told(run(before=before))
    assert where == "home"
    assert modules == ["helpers", "helpers_of_mine"]


def fails(finished: subprocess.CompletedProcess) -> None:
    """The error ends with the sentence, and is not about another one."""
    assert finished.returncode == 1
    assert finished.stderr.splitlines()[-1] == SENTENCE
    assert "During handling" not in finished.stderr


def test_without_a_network_one_sentence_names_the_way_out(run, outside, tmp_path):
    fails(run(online=False))
    assert pip_calls(outside) == [] and not (tmp_path / "content" / FOLDER).exists()
    assert told(run())[1] == "home"  # later, online


def test_a_folder_that_an_ended_run_left_is_filled_or_named(run, tmp_path):
    left = tmp_path / "content" / FOLDER
    (left / "helpers").mkdir(parents=True)
    finished = run()
    fails(finished)
    assert f"{FOLDER}' already exists" in finished.stderr  # by git
    (left / "helpers").rmdir()
    assert told(run())[1] == "home"


@pytest.mark.parametrize("value", [f"{HOME}@gone", "https://github.com/nobody/nothing@main"])
def test_a_repository_or_branch_that_is_not_there_is_said_in_the_same_way(value, run):
    fails(run(WORKBOOK_REPOSITORY=value))


HOSTILE = [
    "ext::sh -c touch% owned@main",
    "--upload-pack=touch owned@main",
    "file:///x;touch owned@main",
    "$(touch owned)@main",
    f"{HOME}@--upload-pack=touch owned",
    f"{HOME}@-o",
    f"{HOME}@main;touch owned",
    f"{HOME}@main\ntouch owned",
    f"{HOME}@$(touch owned)",
    "https://user:secret@github.com/a/b@main",
    HOME,
    "/srv/course@main",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_or_malformed_address_reaches_no_command(value, run, outside, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text("#!/bin/sh\ntouch called\n")
    (tmp_path / "bin" / "git").chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    fails(run(WORKBOOK_REPOSITORY=value, PATH=path))
    assert list((tmp_path / "content").iterdir()) == [] and pip_calls(outside) == []


def test_a_hostile_list_of_sessions_reaches_no_command(run, colab, tmp_path):
    for branch in ("--upload-pack=touch owned", "$(touch owned)", "main;touch owned"):
        finished = run(**colab(opened(FORK, branch)))
        assert finished.returncode == 1 and finished.stderr.splitlines()[-1] == SENTENCE
    assert list((tmp_path / "content").iterdir()) == []


def test_git_never_asks_for_a_password(run, colab, tmp_path):
    ask = tmp_path / "ask"
    ask.write_text("#!/bin/sh\ntouch asked\n")
    ask.chmod(0o755)
    locked = colab("", status=401)
    address = f"http://127.0.0.1:{locked['KMP_TARGET_PORT']}/api/sessions@main"
    fails(run(WORKBOOK_REPOSITORY=address, SSH_ASKPASS=str(ask)))
    assert list((tmp_path / "content").iterdir()) == []


def test_the_cell_is_plain_python_without_a_shell():
    assert not re.search(r"^\s*[%!]|shell=True|os\.system", FETCH, re.MULTILINE)
