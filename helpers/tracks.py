"""Two tracks: the course (notebooks 01 to 08), and deeper (11 to 18), where 13 is the twin of 03."""

import re
from pathlib import Path

COURSE, DEEPER = "The course", "Deeper"


def track(stem: str) -> str:
    """The track of a notebook by its number; "" for one outside both."""
    number = re.match(r"([01])[1-8]_", stem)
    return (COURSE, DEEPER)[int(number[1])] if number else ""


def twin(stem: str, folder: Path) -> str:
    """The notebook in a folder with the same topic in the other track; "" where there is none."""
    number = f"{(int(stem[:2]) + 10) % 20:02d}" if track(stem) else "none"
    paths = sorted(folder.glob(f"{number}_*.ipynb"))
    return paths[-1].stem if paths else ""  # the last one: NAME.ipynb comes after NAME.failed.ipynb
