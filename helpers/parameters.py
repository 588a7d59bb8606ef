"""A notebook's parameters: what its `parameters` cell says about them, and whether values keep to it.

Each line says all there is to know, `steps: int = 20  # how many times noise is removed, 1 to 1000`, with or
without the annotation. Its comment holds the rule: for a number it ends in LOW to HIGH; for a text it is
"one, two or three" words to choose from, begins with "a folder", which must be there, or speaks of a model as
"owner/name"; else the text is free.
"""

from __future__ import annotations

import ast
import difflib
import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers.checks import check_number, find_path
from helpers.errors import WorkbookError
from helpers.registry import HUB_ID, REVISION

NUMBER = r"-?\d[\d.]*(?:e[+-]?\d+)?"
RANGE = re.compile(rf"[,;:]?\s*(?<![\w.-])({NUMBER}) to ({NUMBER})\.?$")
CHOICES = re.compile(r"\w+(?:, \w+)* or \w+")
PATTERN = "one line a parameter, name: type = value  # meaning, low to high"
HUB_MODEL = re.compile(rf"{HUB_ID}(@{REVISION})?", re.ASCII)


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell; `default` as it stands there, `kind` as annotated or as that shows."""

    name: str
    kind: str
    default: str
    comment: str

    @property
    def limits(self) -> tuple[float, float] | None:
        """Lowest and highest number, or None where the comment ends in no range."""
        found = RANGE.search(self.comment)
        number = int if self.kind == "int" else float
        return (number(found[1]), number(found[2])) if found else None

    @property
    def choices(self) -> tuple[str, ...]:
        """The words to choose from; none for a text that is free."""
        listed = self.kind == "str" and CHOICES.fullmatch(self.comment)
        return tuple(re.split(", | or ", self.comment)) if listed else ()

    @property
    def meaning(self) -> str:
        """The comment without its range."""
        return RANGE.sub("", self.comment)


def read_cells(path: Path) -> Sequence[Mapping]:
    """A notebook's cells, sources as text; only its JSON is read, because nbformat takes seconds to import.

    Raises WorkbookError where there is no notebook of format 4.
    """
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return [{**cell, "source": "".join(cell["source"])} for cell in cells]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WorkbookError(f"{path} is not a readable notebook; restore it from git.") from error


def title(cells: Sequence[Mapping]) -> str:
    """The text of the first top-level heading, else an empty string."""
    lines = (line for c in cells if c["cell_type"] == "markdown" for line in c["source"].splitlines())
    return next((line[2:].strip(" *_`") for line in lines if line.startswith("# ")), "")


def source(cells: Sequence[Mapping]) -> str:
    """The source of the cell tagged `parameters`, or an empty string."""
    return next((c["source"] for c in cells if "parameters" in c["metadata"].get("tags", [])), "")


def declared(cell: str) -> dict[str, Parameter]:
    """The parameters that the source of a parameters cell declares, by name.

    Imports, magics and texts may stand beside them. Raises WorkbookError for what cannot be read.
    """
    source = re.sub(r"^[ \t]*[%!].*", "", cell, flags=re.MULTILINE)
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise WorkbookError(f"The parameters cell is no Python in line {line}: write {PATTERN}.") from None
    parameters, ends = {}, [0, *(node.end_lineno for node in body)]
    for node, end_before in zip(body, ends, strict=False):
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Expr | ast.Pass):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        single = len(targets) == 1 and isinstance(targets[0], ast.Name) and node.lineno != end_before
        if not single or not isinstance(node, ast.Assign | ast.AnnAssign):
            line = source.splitlines()[node.lineno - 1].strip()[:60]
            raise WorkbookError(f"The parameters cell cannot be read: `{line}` is not {PATTERN}.")
        if node.value is not None:
            parameters[targets[0].id] = _parameter(targets[0].id, node, source)
    return parameters


def _parameter(name: str, node: ast.Assign | ast.AnnAssign, source: str) -> Parameter:
    """What a line says, a form's `@param` left aside."""
    rest = source.splitlines()[node.end_lineno - 1].encode()[node.end_col_offset :].decode()
    comment = re.sub(r"\s*#?\s*@param\b.*", "", rest.partition("#")[2]).strip()
    if isinstance(node, ast.AnnAssign):
        kind = ast.unparse(node.annotation)
    else:
        try:
            kind = type(ast.literal_eval(node.value)).__name__
        except ValueError:  # computed
            kind = "object"
    return Parameter(name, kind, ast.get_source_segment(source, node.value), comment)


def convert(text: str, kind: str) -> object:
    """A value of type `kind` (int, float, bool, str, list[...], each `| None`) read from `text`.

    Raises ValueError where `text` is no such value. Lists: `a, b` or Python's `["a", "b"]`.
    """
    if kind.endswith(" | None"):
        return None if text == "None" else convert(text, kind.removesuffix(" | None"))
    if kind == "str":
        text.encode("utf-8")  # bytes of another encoding, which no notebook can hold, are a ValueError
        return text
    if kind.startswith("list"):
        items = ast.literal_eval(text) if text.startswith("[") else text.split(",")
        return [convert(str(item).strip(), kind[5:-1] or "str") for item in items]
    if kind == "bool":
        return ("false", "true").index(text.lower()) == 1
    value = int(text) if kind == "int" else float(text) if kind == "float" else ast.literal_eval(text)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(text)
    return value


def check(parameter: Parameter, value: object) -> None:
    """Raise WorkbookError, in one sentence that says what to give, where the value breaks its line's rule."""
    name, limits = parameter.name, parameter.limits
    if limits:
        kind = "a whole number" if parameter.kind == "int" else "a number"
        check_number(name, value, *limits, f"{kind} from {limits[0]:g} to {limits[1]:.15g}")
    if parameter.kind == "bool" and not isinstance(value, bool):
        raise WorkbookError(f"{name} is {value!r}: give True or False.")
    if parameter.kind != "str":
        return
    if not isinstance(value, str):
        raise WorkbookError(f"{name} is {value!r}: give a text, in quotes.")
    if parameter.choices and value not in parameter.choices:
        raise WorkbookError(f"{name} is {value!r}: choose {parameter.comment}.")
    if value and parameter.comment.startswith("a folder"):
        _check_folder(name, value)
    known = os.path.isdir(find_path(value)) or HUB_MODEL.fullmatch(value)
    if value and "owner/name" in parameter.comment and not known:
        raise WorkbookError(f"{name} is {value!r}: name a folder that exists, or a model as owner/name.")


def check_namespace(names: Mapping[str, object]) -> None:
    """Check a running notebook's variables against its parameters cell, which IPython keeps in `In`.

    It reaches what plain papermill injected and lines that were edited by hand. Raises WorkbookError, for an
    injected name that the cell does not declare and for a cell that cannot be read, too.
    """
    cells = [_without_magic(cell) for cell in names.get("In", [])]
    places = [i for i, cell in enumerate(cells) if _is_parameters_cell(cell)]
    if not places:
        return
    parameters = declared(cells[places[-1]])
    for name in injected(cells[places[-1] :]):
        if name not in parameters:
            raise unknown(name, parameters, "This notebook has no parameter")
    for name, parameter in parameters.items():
        if name in names:
            check(parameter, names[name])


def injected(cells: Iterable[str]) -> set[str]:
    """The names that papermill set, in a cell of its own that begins "# Parameters"."""
    own = [cell for cell in cells if cell.startswith("# Parameters\n") and not _is_parameters_cell(cell)]
    nodes = [node for cell in own for node in ast.parse(cell).body if isinstance(node, ast.Assign)]
    return {ast.unparse(target) for node in nodes for target in node.targets}


def _without_magic(cell: str) -> str:
    """The text below a %%time and the like, which IPython keeps as the argument of a call."""
    magic = re.fullmatch(r"get_ipython\(\).run_cell_magic\((.*)\)\s*", cell, re.DOTALL)
    return ast.literal_eval(f"({magic[1]})")[2] if magic else cell


def _is_parameters_cell(cell: str) -> bool:
    """Whether a cell sets profile and seed, and says with an annotation or a comment what one of them is."""
    lines = [re.search(rf"^\s*{name}\s*(:|=[^=]).*", cell, re.MULTILINE) for name in ("profile", "seed")]
    return all(lines) and any(line[1] == ":" or "#" in line[0] for line in lines)


def unknown(name: str, known: Iterable[str], head: str) -> WorkbookError:
    """The refusal of a parameter that no notebook declares, with the name that was perhaps meant."""
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"there are: {', '.join(known) or 'none'}."
    return WorkbookError(f"{head} '{name}'; {hint}")


def _check_folder(name: str, value: str) -> None:
    folder = find_path(value)
    what = "is a file" if os.path.isfile(folder) else "does not exist"
    if os.path.isdir(folder):
        if any(path.is_file() for path in folder.rglob("[!.]*")):
            return
        what = "is empty"
    raise WorkbookError(f"{name} is {value!r}, which {what}: name a folder that holds what you want to use.")
