"""The house: which module may import which, how long a file may be, how large the helpers.

Everything is read from the source, imports inside functions and under TYPE_CHECKING included.
"""

import ast
import json
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# What still breaks a rule. It only ever shrinks: an entry that no longer breaks one fails a test.
KNOWN: set[str] = set()

# The floors of helpers, from the ground: a module imports from the floors below its own, never from its own.
# On top of all stand the lessons, which only notebooks import.
FLOORS = (
    "errors",
    "answers checks cores diagnosis download encodings metrics plots signals tracks",
    "diagrams hub",
    "registry",
    "parameters",
    "session pages",
    "controls guess progress_file text images checkpoints own_data",
    "exercises tuning website",
    "progress execution",
    "run",
)
LONGEST_FILE = 400  # lines
HELPERS = 4_065  # lines of all modules outside lessons, but for blank ones
MAKERS = ("smallworld.making", "smallworld.evaluate")


def modules(root: Path) -> dict[str, str]:
    """Module names and sources of helpers and smallworld; a package's own name stands for its __init__."""
    sources = {}
    for package in ("helpers", "smallworld"):
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            sources[name] = path.read_text(encoding="utf-8")
    return sources


def imported_names(source: str) -> Iterator[str]:
    """Every name that could be a module in the import statements of a source, wherever they stand."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            yield from (word.value for word in node.args if isinstance(word, ast.Constant))


def graph(sources: dict[str, str]) -> dict[str, set[str]]:
    """For each module the modules that it imports; a part of a package is not its whole."""
    arrows = {}
    for name, source in sources.items():
        targets = {target for target in imported_names(source) if target in sources}
        packages = {target for target in targets if any(other.startswith(f"{target}.") for other in targets)}
        arrows[name] = targets - packages - {name}
    return arrows


def reachable(arrows: dict[str, set[str]], start: str) -> set[str]:
    seen, waiting = set(), [start]
    while waiting:
        new = arrows[waiting.pop()] - seen
        seen |= new
        waiting += new
    return seen


def circles(sources: dict[str, str]) -> Iterator[str]:
    """Files that import each other, over however many others."""
    arrows = graph(sources)
    far = {name: reachable(arrows, name) for name in arrows}
    groups = {frozenset(other for other in far[name] if name in far[other]) for name in far}
    yield from (f"a circle: {', '.join(sorted(group))}" for group in groups if group)


def relative_imports(sources: dict[str, str]) -> Iterator[str]:
    for name, source in sources.items():
        if any(target.startswith(".") for target in imported_names(source)):
            yield f"{name} has a relative import"


def floors(sources: dict[str, str]) -> Iterator[str]:
    """Helpers that import from their own floor or from above, or that stand on none."""
    level = {f"helpers.{name}": i for i, row in enumerate(FLOORS) for name in row.split()}
    level["helpers"] = -1  # the version
    for name, targets in graph(sources).items():
        if not name.startswith("helpers.") or name.startswith("helpers.lessons"):
            continue
        if name not in level:
            yield f"{name} stands on no floor: write it into FLOORS"
            continue
        for target in targets:
            if target.startswith("helpers.lessons"):
                yield f"{name} imports {target}: only notebooks import lessons"
            elif target.startswith("helpers") and level.get(target, len(FLOORS)) >= level[name]:
                yield f"{name} imports {target}, which does not lie below it"


def strangers(sources: dict[str, str]) -> Iterator[str]:
    """The small world knows nothing of helpers; only it itself knows how its models are made."""
    for name, source in sources.items():
        for target in set(imported_names(source)):
            if name.startswith("smallworld") and target.split(".")[0] == "helpers":
                yield f"{name} imports helpers"
            if f"{target}.".startswith("smallworld.making.") and not name.startswith(MAKERS):
                yield f"{name} imports smallworld.making"


def long_files(sources: dict[str, str]) -> Iterator[str]:
    for name, source in sources.items():
        if len(source.splitlines()) > LONGEST_FILE:
            yield f"{name} has more than {LONGEST_FILE} lines"


def large_helpers(sources: dict[str, str]) -> Iterator[str]:
    own = [s for name, s in sources.items() if f"{name}.".startswith("helpers.") and "lessons" not in name]
    total = sum(bool(line.strip()) for source in own for line in source.splitlines())
    if total > HELPERS:
        yield f"helpers has {total} lines outside lessons, more than {HELPERS}"


RULES = (circles, relative_imports, floors, strangers, long_files, large_helpers)


def complaints(root: Path) -> set[str]:
    sources = modules(root)
    return {complaint for rule in RULES for complaint in rule(sources)}


def test_the_house_stands():
    assert complaints(ROOT) - KNOWN == set()


def test_what_is_known_to_break_a_rule_still_does():
    assert KNOWN - complaints(ROOT) == set()


def test_every_floor_is_there():
    sources = modules(ROOT)
    assert [name for row in FLOORS for name in row.split() if f"helpers.{name}" not in sources] == []


def test_of_the_notebooks_only_the_one_on_training_imports_the_makers():
    for path in sorted((ROOT / "notebooks").glob("[!.]*.ipynb")):
        text = path.read_text(encoding="utf-8")
        code = ["".join(c["source"]) for c in json.loads(text)["cells"] if c["cell_type"] == "code"]
        assert path.stem.startswith("06") or "smallworld.making" not in "\n".join(code), path.stem


# Each rule fires


def build(root: Path, files: dict[str, str]) -> Path:
    for name, source in files.items():
        path = root / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
    return root


LATE = "def f():\n    from helpers import hub\n"
TYPED = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from helpers.registry import Place\n"


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"smallworld/a": "import smallworld.b", "smallworld/b": "def f():\n    from smallworld import a"},
         "a circle: smallworld.a, smallworld.b"),
        ({"smallworld/a": "from smallworld.b import x", "smallworld/b": "from smallworld.c import x",
          "smallworld/c": "import importlib\nimportlib.import_module('smallworld.a')"},
         "a circle: smallworld.a, smallworld.b, smallworld.c"),
        ({"helpers/hub": TYPED, "helpers/registry": ""},
         "helpers.hub imports helpers.registry, which does not lie below it"),
        ({"helpers/errors": LATE, "helpers/hub": ""},
         "helpers.errors imports helpers.hub, which does not lie below it"),
        ({"helpers/text": "from helpers import images", "helpers/images": ""},
         "helpers.text imports helpers.images, which does not lie below it"),
        ({"helpers/attic": ""}, "helpers.attic stands on no floor: write it into FLOORS"),
        ({"helpers/text": "from helpers.lessons import text", "helpers/lessons/text": ""},
         "helpers.text imports helpers.lessons.text: only notebooks import lessons"),
        ({"helpers/hub": "from . import errors", "helpers/errors": ""}, "helpers.hub has a relative import"),
        ({"smallworld/world/a": "def f():\n    import helpers"}, "smallworld.world.a imports helpers"),
        ({"smallworld/judges/a": "from smallworld.making import text", "smallworld/making/text": ""},
         "smallworld.judges.a imports smallworld.making"),
        ({"helpers/lessons/a": "from smallworld import making", "smallworld/making/__init__": ""},
         "helpers.lessons.a imports smallworld.making"),
        ({"smallworld/a": "\n" * 401}, "smallworld.a has more than 400 lines"),
        ({"helpers/text": "x\n\n" * 200, "helpers/lessons/text": "x\n" * 400, "helpers/errors": "x\n" * 3866},
         "helpers has 4066 lines outside lessons, more than 4065"),
    ],
)  # fmt: skip
def test_a_rule_that_is_broken_is_told(tmp_path, files, told):
    assert told in complaints(build(tmp_path, files))


def test_arrows_that_point_down_are_no_complaint(tmp_path):
    files = {
        "helpers/__init__": "", "helpers/errors": "", "helpers/hub": "from helpers.errors import x",
        "helpers/registry": "import helpers\nfrom helpers import hub\nfrom smallworld import WEIGHTS",
        "helpers/lessons/a": "from helpers import registry\nfrom smallworld.world import a",
        "smallworld/__init__": "", "smallworld/world/a": "from smallworld import ROOT",
        "smallworld/making/b": "from smallworld.world import a", "smallworld/evaluate": LATE.replace(
            "helpers import hub", "smallworld.making import b"),
    }  # fmt: skip
    assert complaints(build(tmp_path, files)) == set()
