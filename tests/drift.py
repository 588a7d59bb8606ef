"""What has changed outside: the libraries, the models on the hub; `python -m tests.drift COMMAND`.

Beside it: `tests.outside_links` (other people's pages), `tests.colab_list` (Google Colab's versions) and
`tests.drift_history` (what broke when). In GitHub's CI each line is also a mark on the run, which the history
reads. Nothing but the standard library is imported before it is needed, so a broken library can be told of.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
MOST = 9  # lines that GitHub keeps as marks of one step
WAITS = (20.0, 60.0)  # seconds before the hub is asked a second and a third time


def canonical(name: str) -> str:
    """A distribution's name as indexes compare it. (PEP 503)"""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(text: str) -> dict[str, str]:
    """The lines `name==version` of a file of requirements or constraints, by canonical name."""
    found = re.findall(r"^([\w.-]+)==([^\s;#]+)", text, re.MULTILINE)
    return {canonical(name): version for name, version in found}


def installed() -> dict[str, str]:
    """Every distribution that this Python sees, with its version."""
    return {canonical(one.name): one.version for one in metadata.distributions() if one.name}


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """One line for each name that has another version now, then one for all that are new."""
    lines = []
    for name in sorted(before.keys() & now.keys()):
        if before[name] != now[name]:
            lines.append(f"{name} {before[name]} -> {now[name]}")
    new = [f"{name} {now[name]}" for name in sorted(now.keys() - before.keys())]
    return lines + ([f"new: {', '.join(new)}"] if new else [])


def failures(report: Path) -> list[str]:
    """One line for each test that failed, from the XML that `pytest --junitxml` wrote."""
    if not report.is_file():
        return [f"There is no {report.name}: the tests did not begin. Read what the installation says."]
    lines = []
    for case in ElementTree.parse(report).iter("testcase"):
        for problem in [*case.findall("failure"), *case.findall("error")]:
            said = (problem.get("message") or problem.text or "no reason given").strip()
            said = re.sub(r"\x1b\[[\d;]*m|#x1B\[[\d;]*m", "", said)  # colours, also as XML cannot hold them
            first = said.splitlines()[0] if said else "no reason given"
            lines.append(f"{case.get('classname')} {case.get('name')}: {first}"[:300])
    return lines


def missing_models(waits: Sequence[float] = WAITS) -> list[str]:
    """One line for each pinned revision that the hub does not hand out; it is asked with HEAD only.

    waits: seconds before each further try, since a busy hub is no lost model.
    """
    from helpers import hub, registry
    from helpers.errors import WorkbookError

    hub.ANSWER = 30.0  # seconds: a weekly check has more time than a reader
    lines = []
    for entry in registry.MODELS:
        if not entry.hub_id:  # it is shipped
            continue
        for wait in (*waits, None):
            try:
                hub.check_reachable(entry.hub_id, entry.revision, entry.role)
            except WorkbookError as error:
                if wait is not None:
                    time.sleep(wait)
                    continue
                lines.append(re.sub(r",? or use the profile tiny.*", ".", str(error)))
            break
    return lines


def tell(lines: Iterable[str], level: str = "error") -> int:
    """Print the lines, in GitHub's CI as marks on the run too; returns 1 if there is one, else 0.

    level: "error", "warning" or "notice", as GitHub knows them.
    """
    lines = list(lines)
    print(*lines, sep="\n", end="\n" if lines else "")
    if os.environ.get("GITHUB_ACTIONS") == "true":
        more = len(lines) - MOST
        for line in [*lines[:MOST], *([f"and {more} more"] if more > 0 else [])]:
            safe = line.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
            print(f"::{level}::{safe}")
    sys.stdout.flush()
    return 1 if lines else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0, or 1 where something that is needed broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.drift", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("versions", help="the libraries here that are not those of constraints.txt")
    commands.add_parser("pins", help="ask the hub for each model's pinned revision, with HEAD only")
    report = commands.add_parser("report", help="one line for each test that failed")
    report.add_argument("file", type=Path, help="what pytest --junitxml=FILE wrote")
    chosen = parser.parse_args(arguments)
    if chosen.command == "report":
        return tell(failures(chosen.file))
    if chosen.command == "pins":
        return tell(missing_models())
    tested = pinned((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    tell(changes(tested, installed()), level="notice")
    return 0


if __name__ == "__main__":
    sys.exit(main())
