"""The repository's address: the same everywhere, and set everywhere by one command."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.errors import WorkbookError
from tests import address
from tests.copies import copy_tree

ROOT = address.ROOT
FORK = address.Address("someone/their.course", "2027/spring")


@pytest.fixture
def tree(tmp_path) -> Path:
    """A copy of the files that the command needs and changes."""
    modules = "tests/__init__.py", "tests/address.py", "helpers/__init__.py", "helpers/errors.py"
    for name in ("README.md", "CITATION.cff", "pyproject.toml", *modules):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    for folder in ("notebooks", "docs"):
        copy_tree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns(".*"))
    return tmp_path


def run(tree: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "tests.address", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)


def holds(root: Path, repository: str, branch: str) -> None:
    """First cells, badges and all other files under `root` name this address, and no other."""
    notebooks = sorted((root / "notebooks").glob("[!.]*.ipynb"))
    texts = {path: path.read_text(encoding="utf-8") for path in address.files(root)}
    readme = texts[root / "README.md"]
    assert len(notebooks) >= 6 and address.current(root) == (repository, branch)
    for path in notebooks:
        badge = f"https://colab.research.google.com/github/{repository}/blob/{branch}/notebooks/{path.name}"
        cells = json.loads(texts[path])["cells"]
        first = next("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        assert f"]({badge})" in "".join(cells[0]["source"]) and f"]({badge})" in readme
        assert f"--no-deps git+https://github.com/{repository}@{branch}\n" in first
    assert f'repository-code: "https://github.com/{repository}"\n' in texts[root / "CITATION.cff"]
    clone = f"git clone https://github.com/{repository} && cd {repository.split('/')[1]}"
    assert any(clone in text for text in texts.values())


def test_one_address_stands_everywhere():
    holds(ROOT, *address.current(ROOT))


def test_no_other_file_names_it():
    repository = address.current(ROOT).repository
    listed = subprocess.run(["git", "grep", "-lF", repository], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode > 1:
        pytest.skip("not a git checkout")
    named = {ROOT / name for name in listed.stdout.splitlines()}
    assert named == set(address.files(ROOT)) & named != set()


def test_the_command_sets_it_everywhere_and_back_to_the_same_bytes(tree):
    old = address.current(tree)
    before = {path: path.read_bytes() for path in tree.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    naming = [path for path in before if old.repository.encode() in before[path]]
    done = run(tree, f"https://github.com/{FORK.repository}.git/", FORK.branch)
    assert (done.returncode, done.stderr) == (0, "")
    said = f"{len(naming)} files name https://github.com/{FORK.repository}, branch {FORK.branch}, now.\n"
    assert done.stdout == said
    holds(tree, *FORK)
    after = {path: path.read_bytes() for path in before}
    assert [path for path in before if after[path] != before[path]] == naming
    assert [path for path in after if old.repository.encode() in after[path]] == []
    assert run(tree, f"https://github.com/{FORK.repository}", FORK.branch).stdout.startswith("0 files")
    assert after == {path: path.read_bytes() for path in before}
    run(tree, f"https://github.com/{old.repository}", old.branch)
    assert before == {path: path.read_bytes() for path in before}


def test_only_the_address_is_replaced():
    old, new = address.Address("a/b", "main"), address.Address("c/d", "next")
    same = "github.com/a/bc github.com/a/b-x github.com/a/b.y xgithub.com/a/b https://a/b github.com/z/a/b"
    assert address.replaced(same, old, new) == same
    assert address.replaced("see https://github.com/a/b.", old, new) == "see https://github.com/c/d."
    assert address.replaced("github/a/b/blob/main/x", old, new) == "github/c/d/blob/next/x"
    assert address.replaced("github.com/a/b@main2", old, new) == "github.com/c/d@main2"
    assert address.replaced("github.com/a/b@main\ngithub.com/a/b@main-2", old, new) == (
        "github.com/c/d@next\ngithub.com/c/d@main-2"
    )
    assert address.replaced("github.com/a/b && cd b", old, new) == "github.com/c/d && cd d"


@pytest.mark.parametrize(
    "repository",
    ["", "someone/course", "http://github.com/a/b", "https://gitlab.com/a/b", "https://github.com/a",
     "https://github.com/a/b/c", "https://github.com/a/b c", "https://github.com/a/..", "https://github.com/a/.git",
     'https://github.com/a/b"', "https://x@github.com/a/b"],
)  # fmt: skip
def test_what_is_no_repository_is_refused_in_one_sentence(repository, tree, monkeypatch, capsys):
    monkeypatch.setattr(address, "ROOT", tree)
    before = (tree / "README.md").read_bytes()
    assert address.main([repository]) == 2
    sentence = "is no repository on GitHub: write make address REPOSITORY=https://github.com/OWNER/NAME.\n"
    assert capsys.readouterr().err == f'"{repository}" {sentence}'
    assert (tree / "README.md").read_bytes() == before


@pytest.mark.parametrize("branch", ["", "-b", "a b", 'a"', "a@b", "a//b", "a/", "a..b", "a.lock"])
def test_what_is_no_branch_is_refused(branch):
    with pytest.raises(WorkbookError, match=r"is no name of a branch: write BRANCH=main, or leave it out\.$"):
        address.check("https://github.com/a/b", branch)
