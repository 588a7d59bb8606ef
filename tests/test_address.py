"""The repository's address: the same everywhere, and set everywhere by one command."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.errors import WorkbookError
from tests import address
from tests.copies import copy_tree

ROOT = address.ROOT
FORK = ("someone/their.course", "2027/spring")


@pytest.fixture
def tree(tmp_path) -> Path:
    """A copy of the files that the command needs and changes."""
    modules = "tests/__init__.py", "tests/address.py", "helpers/__init__.py", "helpers/session.py"
    for name in ("README.md", "pyproject.toml", *modules):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    copy_tree(ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns(".*"))
    return tmp_path


def run(tree: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "tests.address", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)


def holds(root: Path, repository: str, branch: str) -> None:
    """First cells, badges, README and pyproject.toml under `root` all name this address, and no other."""
    paths = sorted((root / "notebooks").glob("[!.]*.ipynb"))
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert len(paths) == 6 and address.current(root) == (repository, branch)
    for path in paths:
        badge = f"https://colab.research.google.com/github/{repository}/blob/{branch}/notebooks/{path.name}"
        sources = ["".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
        assert f"]({badge})" in sources[0] and f"]({badge})" in readme
        assert f'address = "https://github.com/{repository}@{branch}"\n' in sources[2]
        named = re.findall(r"github(?:\.com)?/([\w-]+/[\w.-]*\w)", sources[0] + sources[2])
        assert set(named) == {repository}
    clone = f"git clone https://github.com/{repository} && cd {repository.split('/')[1]}\n"
    assert any(clone in path.read_text(encoding="utf-8").replace("\\n", "\n") for path in paths)


def test_one_address_stands_everywhere():
    holds(ROOT, *address.current(ROOT))


def test_the_command_sets_it_everywhere_and_back_to_the_same_bytes(tree):
    before = {path: path.read_bytes() for path in tree.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    done = run(tree, f"https://github.com/{FORK[0]}.git/", FORK[1])
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("8 files")
    holds(tree, *FORK)
    after = {path: path.read_bytes() for path in before}
    assert run(tree, f"https://github.com/{FORK[0]}", FORK[1]).stdout.startswith("0 files")
    assert after == {path: path.read_bytes() for path in before}
    old, branch = address.current(ROOT)
    run(tree, f"https://github.com/{old}", branch)
    assert before == {path: path.read_bytes() for path in before}


def test_only_the_address_is_replaced():
    old, new = ("a/b", "main"), ("c/d", "next")
    same = "github.com/a/bc github.com/a/b-x github.com/a/b.y xgithub.com/a/b https://a/b github.com/z/a/b"
    assert address.replaced(same, old, new) == same
    assert address.replaced("see https://github.com/a/b.", old, new) == "see https://github.com/c/d."
    assert address.replaced("github/a/b/blob/main/x", old, new) == "github/c/d/blob/next/x"
    assert address.replaced("github.com/a/b@main2", old, new) == "github.com/c/d@main2"
    assert address.replaced("github.com/a/b && cd b", old, new) == "github.com/c/d && cd d"


@pytest.mark.parametrize(
    "repository",
    ["", "someone/course", "http://github.com/a/b", "https://gitlab.com/a/b", "https://github.com/a",
     "https://github.com/a/b/c", "https://github.com/a/b c", 'https://github.com/a/b"', "https://x@github.com/a/b"],
)  # fmt: skip
def test_what_is_no_repository_is_refused_in_one_sentence(repository, tree, monkeypatch, capsys):
    monkeypatch.setattr(address, "ROOT", tree)
    before = (tree / "README.md").read_bytes()
    assert address.main([repository]) == 2
    sentence = "is no repository on GitHub: write make address REPOSITORY=https://github.com/OWNER/NAME.\n"
    assert capsys.readouterr().err == f'"{repository}" {sentence}'
    assert (tree / "README.md").read_bytes() == before


@pytest.mark.parametrize("branch", ["", "-b", "a b", 'a"', "a@b"])
def test_what_is_no_branch_is_refused(branch):
    with pytest.raises(WorkbookError, match=r"is no name of a branch: write BRANCH=main, or leave it out\.$"):
        address.check("https://github.com/a/b", branch)
