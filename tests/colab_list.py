"""Bring tests/colab.txt to what Google Colab has today: `python -m tests.colab_list`.

Google publishes the versions of Colab's libraries. Only those that colab.txt names are taken over; what it
says of ranges and of deviations stays. `make test-colab` then runs every notebook on them.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from urllib.parse import unquote
from urllib.request import urlopen

from helpers.errors import WorkbookError
from tests.drift import canonical, changes, pinned, tell

COLAB = Path(__file__).with_name("colab.txt")
PUBLISHED = "https://raw.githubusercontent.com/googlecolab/backend-info/main/pip-freeze.txt"
DAY = re.compile(r"(?<=published list of )\d{4}-\d\d-\d\d")
TORCH = re.compile(r"^# TORCH: ", re.MULTILINE)


def published(freeze: str) -> dict[str, str]:
    """Names and versions of `pip freeze`, those of wheels by address too; without local parts (+cu128)."""
    found = pinned(freeze)
    for name, wheel in re.findall(r"^([\w.-]+) @ \S*?/([^/\s#]+)\.whl", freeze, re.MULTILINE):
        found[canonical(name)] = unquote(wheel).split("-")[1]
    return {name: version.partition("+")[0] for name, version in found.items()}


def named(text: str) -> dict[str, str]:
    """The versions that colab.txt holds, torch and torchvision of its line `# TORCH:` too."""
    line = next((line for line in text.splitlines() if TORCH.match(line)), "")
    return pinned(text) | pinned(TORCH.sub("", line).replace(" ", "\n"))


def renewed(text: str, versions: Mapping[str, str], day: str) -> str:
    """colab.txt with these versions and the day on which the list was read (YYYY-MM-DD).

    Raises WorkbookError where the list lacks a library, or the file its day.
    """
    lacking = sorted(named(text).keys() - versions.keys())
    if lacking:
        raise WorkbookError(f"Colab's list has no {', '.join(lacking)}: look whether it has another name.")
    if not DAY.search(text):
        raise WorkbookError("tests/colab.txt lacks `published list of YYYY-MM-DD`: restore it.")

    def newer(found: re.Match) -> str:
        return f"{found[1]}=={versions[canonical(found[1])]}"

    lines = []
    for line in text.splitlines():
        if TORCH.match(line) or not line.startswith("#"):
            line = re.sub(r"([\w.-]+)==\S+", newer, line)
        lines.append(line)
    return DAY.sub(day, "\n".join(lines) + "\n")


def fetch(source: str, timeout: float = 60) -> str:
    """The published list; WorkbookError where it cannot be had."""
    try:
        with urlopen(source, timeout=timeout) as response:
            return response.read().decode()
    except (OSError, ValueError) as error:
        raise WorkbookError(f"Colab's list cannot be had from {source} ({error}): try again.") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0, or 1 where the list cannot be had or lacks something."""
    parser = argparse.ArgumentParser(prog="python -m tests.colab_list", description=__doc__.split("\n")[0])
    parser.add_argument("--source", default=PUBLISHED, help="the list's address")
    parser.add_argument("--file", type=Path, default=COLAB, help="the file to renew")
    chosen = parser.parse_args(arguments)
    text = chosen.file.read_text(encoding="utf-8")
    try:
        versions = published(fetch(chosen.source))
        after = renewed(text, versions, date.today().isoformat())
    except WorkbookError as error:
        return tell([str(error)])
    chosen.file.write_text(after, encoding="utf-8")
    before = named(text)
    tell(changes(before, {name: versions[name] for name in before}), level="notice")
    return 0


if __name__ == "__main__":
    sys.exit(main())
