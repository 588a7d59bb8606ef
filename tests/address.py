"""Set the repository's address everywhere, for a fork: `make address REPOSITORY=https://github.com/OWNER/NAME`.

It stands in the first cell and the badge of each notebook, in README.md, and in pyproject.toml, where this
command reads the present one. Every other byte stays as it is.
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from helpers.errors import WorkbookError

ROOT = Path(__file__).resolve().parents[1]
Address = tuple[str, str]  # OWNER/NAME, branch


def check(repository: str, branch: str) -> Address:
    """The address, `.git` and a slash at its end left off; a WorkbookError where it is none of GitHub's."""
    found = re.fullmatch(r"https://github\.com/([\w-]+/[\w.-]+?)(\.git)?/?", repository, re.ASCII)
    if not found:
        way_out = "write make address REPOSITORY=https://github.com/OWNER/NAME"
        raise WorkbookError(f'"{repository}" is no repository on GitHub: {way_out}.')
    if not re.fullmatch(r"\w[\w./+-]*", branch):
        raise WorkbookError(f'"{branch}" is no name of a branch: write BRANCH=main, or leave it out.')
    return found[1], branch


def current(root: Path) -> Address:
    """The address that pyproject.toml names."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return tuple(project["urls"]["Repository"].removeprefix("https://github.com/").split("/tree/"))


def replaced(text: str, old: Address, new: Address) -> str:
    """The text with the new address for the old, alone, with its branch, or with the folder of its clone."""
    (was, branch), (repository, to) = old, new
    folder = was.split("/")[1]
    pattern = re.compile(
        rf"(\bgithub(?:\.com)?/){re.escape(was)}(?![\w-]|\.\w)"
        rf"(?:(@|/blob/|/tree/){re.escape(branch)}(?![\w+-]|\.\w)|( && cd ){re.escape(folder)}\b)?"
    )

    def form(found: re.Match) -> str:
        rest = found[2] + to if found[2] else found[3] + repository.split("/")[1] if found[3] else ""
        return found[1] + repository + rest

    return pattern.sub(form, text)


def files(root: Path) -> list[Path]:
    """Where the address may stand."""
    notebooks = sorted((root / "notebooks").glob("[!.]*.ipynb"))
    return [*notebooks, root / "README.md", root / "pyproject.toml"]


def set_address(root: Path, new: Address) -> list[Path]:
    """Write the new address into the files below `root`; returns those that changed."""
    old, changed = current(root), []
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
        changed = set_address(ROOT, check(chosen.repository, chosen.branch))
    except WorkbookError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{len(changed)} files name {chosen.repository}, branch {chosen.branch}, now.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
