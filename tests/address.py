"""Set the repository's address everywhere, for a fork: `make address REPOSITORY=https://github.com/OWNER/NAME`.

It stands in the first cell and the badge of each notebook, in README.md, CITATION.cff, the pages of docs/ and
pyproject.toml, where this command reads the present one. Every other byte stays as it is.
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from helpers.errors import WorkbookError

ROOT = Path(__file__).resolve().parents[1]


class Address(NamedTuple):
    """Where the workbook is published on GitHub."""

    repository: str  # OWNER/NAME
    branch: str

    @property
    def folder(self) -> str:
        """What `git clone` makes of it."""
        return self.repository.split("/")[1]


def check(repository: str, branch: str) -> Address:
    """The address, `.git` and a slash at its end left off; a WorkbookError where it is none of GitHub's."""
    parts = re.fullmatch(r"https://github\.com/(\w[\w-]*/\w[\w.-]*?)(\.git)?/?", repository, re.ASCII)
    if not parts:
        example = "make address REPOSITORY=https://github.com/OWNER/NAME"
        raise WorkbookError(f'"{repository}" is no repository on GitHub: write {example}.')
    named = re.fullmatch(r"\w[\w.+-]*(/\w[\w.+-]*)*", branch, re.ASCII)
    if not named or ".." in branch or branch.endswith((".", ".lock")):
        raise WorkbookError(f'"{branch}" is no name of a branch: write BRANCH=main, or leave it out.')
    return Address(parts[1], branch)


def current(root: Path) -> Address:
    """The address that pyproject.toml names."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    repository, branch = project["urls"]["Repository"].removeprefix("https://github.com/").split("/tree/")
    return Address(repository, branch)


def replaced(text: str, old: Address, new: Address) -> str:
    """The text with the new address for the old: with its branch, with the folder of its clone, or alone."""
    end = r"(?![\w+-]|\.\w)"  # else it is the beginning of a longer name
    repository = rf"(\bgithub(?:\.com)?/){re.escape(old.repository)}"
    branch = rf"(@|/blob/|/tree/){re.escape(old.branch)}{end}"
    folder = rf"( && cd ){re.escape(old.folder)}{end}"
    text = re.sub(repository + branch, rf"\g<1>{new.repository}\g<2>{new.branch}", text)
    text = re.sub(repository + folder, rf"\g<1>{new.repository}\g<2>{new.folder}", text)
    return re.sub(repository + end, rf"\g<1>{new.repository}", text)


def files(root: Path) -> list[Path]:
    """Where the address may stand."""
    notebooks = sorted((root / "notebooks").glob("[!.]*.ipynb"))
    pages = sorted((root / "docs").glob("*.md"))
    return [*notebooks, *pages, root / "README.md", root / "CITATION.cff", root / "pyproject.toml"]


def set_address(root: Path, new: Address) -> list[Path]:
    """Write the new address into the files below `root`; returns those that changed."""
    old = current(root)
    changed = []
    for path in files(root):
        before = path.read_bytes()
        after = replaced(before.decode(), old, new).encode()
        if after != before:
            path.write_bytes(after)
            changed.append(path)
    return changed


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0, or 2 for an address that is none."""
    parser = argparse.ArgumentParser(prog="python -m tests.address", description=__doc__.split("\n")[0])
    parser.add_argument("repository", help="https://github.com/OWNER/NAME")
    parser.add_argument("branch", nargs="?", default="main")
    chosen = parser.parse_args(arguments)
    try:
        new = check(chosen.repository, chosen.branch)
    except WorkbookError as error:
        print(error, file=sys.stderr)
        return 2
    changed = set_address(ROOT, new)
    print(f"{len(changed)} files name https://github.com/{new.repository}, branch {new.branch}, now.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
