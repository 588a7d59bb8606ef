"""A notebook's parameters: what its `parameters` cell says about them, and whether values keep to it.

Each line says all there is to know, `steps: int = 20  # how many times noise is removed, 1 to 1000`, with
or without the annotation. Its comment, else one just above, is the rule: for a number it ends in LOW to
HIGH; for a text it is "one, two or three" words to choose from, begins with "a folder", which must be
there, or speaks of a model as "owner/name"; else the text is free.
"""

from __future__ import annotations

import ast
import difflib
import io
import json
import math
import os
import re
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers.checks import check_number, find_path
from helpers.errors import WorkbookError
from helpers.registry import HUB_ID, REVISION

NUMBER = r"-?\d(?:[\d.,_]*\d)?(?:e[+-]?\d+)?"  # 1,000 and 1_000, too
RANGE = re.compile(rf"[,;:]?\s*\(?(?<![\w.-])({NUMBER})(?: to |–| – )({NUMBER})\)?\.?$")
FORM = re.compile(r"#?\s*@param\b\s*(?:\[[^]]*\]\s*)?(\{[^}]*\})?")  # of Colab
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
        if not found:
            return None
        low, high = (float(re.sub("[,_]", "", number)) for number in found.groups())
        whole = self.kind == "int" and low.is_integer() and high.is_integer()
        return (int(low), int(high)) if whole else (low, high)

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
    comments = _comments(source)
    parameters, ends = {}, [0, *(node.end_lineno for node in body)]
    for node, end_before in zip(body, ends, strict=False):
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Expr | ast.Pass):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        single = len(targets) == 1 and isinstance(targets[0], ast.Name) and node.lineno != end_before
        if not single or not isinstance(node, ast.Assign | ast.AnnAssign):
            line = _lines(source)[node.lineno - 1].strip()[:60]
            raise WorkbookError(f"The parameters cell cannot be read: `{line}` is not {PATTERN}.")
        if node.value is not None:
            parameters[targets[0].id] = _parameter(targets[0].id, node, source, comments)
    return parameters


def _lines(source: str) -> list[str]:
    """Lines as Python counts them; a form feed and the like end none."""
    return re.split(r"\r\n|\r|\n", source)


def _comments(source: str) -> dict[int, str]:
    """The comment of each line that has one, else of a line that holds it alone just above; without "#"."""
    tokens = tokenize.generate_tokens(io.StringIO(source, newline=None).readline)
    comments = [token for token in tokens if token.type == tokenize.COMMENT]
    alone = [not token.line[: token.start[1]].strip() for token in comments]
    return {c.start[0] + above: c.string[1:].strip() for c, above in zip(comments, alone, strict=True)}


def _rule(comment: str) -> str:
    """A comment without Colab's form; the limits of the form where it has no others."""
    form = FORM.search(comment)
    if not form:
        return comment
    rest = f"{comment[: form.start()].rstrip()} {comment[form.end() :].lstrip(' #')}".strip()
    bounds = [re.search(rf"[\"']?{end}[\"']?\s*:\s*({NUMBER})", form[1] or "") for end in ("min", "max")]
    if RANGE.search(rest) or not all(bounds):
        return rest
    return f"{rest}, {bounds[0][1]} to {bounds[1][1]}".removeprefix(", ")


def _parameter(
    name: str, node: ast.Assign | ast.AnnAssign, source: str, comments: Mapping[int, str]
) -> Parameter:  # fmt: skip
    """What a line says, or several lines where the value takes them."""
    numbers = range(node.lineno, node.end_lineno + 1)
    comment = _rule(" ".join(comments[number] for number in numbers if number in comments))
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
    set_in = [set(re.findall(r"^\s*(\w+)\s*(?::|=[^=])", cell, re.MULTILINE)) for cell in cells]
    place = [i for i in places if set_in[i] >= set_in[places[0]]][-1]  # the cell may have been run again
    parameters = declared(cells[place])
    for name in injected(cells[place:]):
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
    """Whether a cell sets profile and seed, and says with an annotation or a comment what something is."""
    if not all(re.search(rf"^\s*{name}\s*(:|=[^=])", cell, re.MULTILINE) for name in ("profile", "seed")):
        return False
    return bool(re.search(r"^\s*\w+\s*(:.*=|=[^=].*#)", cell, re.MULTILINE))


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
