"""What is solved in the whole workbook, and a summary for a teacher: `python -m helpers.progress`.

The summary ends in a checksum of its own words, and `--check FILE` says whether a file's summary still fits
its checksum. So a teacher sees a change that was made by hand in passing. It is no proof: whoever reads this
program can compute a checksum, and the file that it reads, build/progress.json, can be edited as well.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import pkgutil
import sys
from collections.abc import Sequence
from datetime import date
from importlib import import_module
from pathlib import Path

import helpers
from helpers import exercises, progress_file
from helpers.errors import WorkbookError
from helpers.progress_file import Records

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Progress in the workbook</title>
<style>:root {{ color-scheme: light dark }} pre {{ white-space: pre-wrap; font: 1rem/1.6 system-ui }}</style>
<h1>Progress in the workbook</h1>
<pre>
{text}
</pre>
</html>
"""


def import_exercises() -> None:
    """Import every lesson, which makes its exercises known; they are found on disk, none is named here."""
    folder = Path(__file__).with_name("lessons")
    for lesson in pkgutil.iter_modules([str(folder)]):
        import_module(f"{helpers.__name__}.lessons.{lesson.name}")


def overview(records: Records) -> str:
    """Each notebook that has exercises, with a line for each of them."""
    lines = []
    for number in sorted({id.split(".")[0] for id in exercises.KNOWN}):
        known = exercises.of(number)
        solved, states = exercises.tally(known.values(), records)
        lines.append(f"Notebook {number}: {solved} of {len(known)} solved")
        lines += [f"  {state}" for state in states]
    return "\n".join(lines)


def summary(records: Records, day: str, name: str = "") -> str:
    """All that is solved, in order of its dates, with a checksum as the last line; day: today's date."""
    solved = []
    for exercise in exercises.KNOWN.values():
        record = records.get(exercise.key)
        if record and record.solved:
            solved.append(f"{record.solved}: {exercise.id} {exercise.title}, at attempt {record.attempts}")
    count = f"{len(solved)} of {len(exercises.KNOWN)} exercises solved"
    lines = ["Summary", f"{count}; printed on {day} by version {helpers.__version__} of the workbook."]
    if name.strip():
        lines.append(f"Name: {' '.join(name.split())}")
    lines += sorted(solved)
    return "\n".join([*lines, f"Checksum: {checksum(lines)}"])


def checksum(lines: Sequence[str]) -> str:
    """Twelve letters and digits that depend on every word of the lines, but not on the spaces."""
    words = "\n".join(" ".join(line.split()) for line in lines)
    return hashlib.sha256(words.encode()).hexdigest()[:12]


def is_unchanged(text: str) -> bool:
    """Whether the summary in a text, or in a page, fits its checksum; WorkbookError where there is none."""
    if "<pre>" in text:
        text = html.unescape(text)
    lines = [line.strip() for line in text.splitlines()]
    starts = [i for i, line in enumerate(lines) if line == "Summary"]
    ends = [i for i, line in enumerate(lines) if line.startswith("Checksum: ")]
    if not starts or not ends:
        raise WorkbookError("There is no summary in it: give a file that this command has written.")
    return lines[ends[-1]] == f"Checksum: {checksum(lines[starts[-1] : ends[-1]])}"


def report(asked: argparse.Namespace) -> None:
    """Print progress and summary, or write them as a page for a light and a dark screen."""
    path = progress_file.place()
    records, sound = progress_file.read(path)
    import_exercises()
    text = f"{overview(records)}\n\n{summary(records, date.today().isoformat(), asked.name)}"
    if asked.html:
        asked.html.write_text(PAGE.format(text=html.escape(text)), encoding="utf-8")
        text = f"Written: {asked.html}"
    print(text)
    if not sound:
        print(f"{path} is damaged: some of what was solved may be missing here.", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 for done, 1 for a summary that was changed, 2 for files that cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m helpers.progress", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--name", default="", help="write this name into the summary")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page instead")
    parser.add_argument("--check", type=Path, metavar="FILE", help="say whether its summary was changed")
    asked = parser.parse_args(arguments)
    try:
        if asked.check is None:
            report(asked)
            return 0
        unchanged = is_unchanged(asked.check.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, WorkbookError) as error:
        reason = str(error) if isinstance(error, WorkbookError) else "It cannot be read or written as text."
        print(f"{asked.check or asked.html or progress_file.place()}: {reason}", file=sys.stderr)
        return 2
    print("The summary fits its checksum." if unchanged else "The summary does not fit its checksum.")
    return 0 if unchanged else 1


if __name__ == "__main__":
    sys.exit(main())
