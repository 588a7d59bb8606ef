"""What a notebook teaches, taken out of it for tests to call; the notebook is not run."""

import ast
import warnings
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
Definition = ast.FunctionDef | ast.ClassDef


def cells(stem: str, kind: str = "code", tag: str = "") -> list[str]:
    """The sources of a notebook's cells of a kind ("code" or "markdown"), or of those with a tag."""
    notebook = nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=4)
    wanted = (cell for cell in notebook.cells if cell.cell_type == kind)
    return [cell.source for cell in wanted if not tag or tag in cell.metadata.get("tags", [])]


@cache
def statements(stem: str) -> tuple[ast.stmt, ...]:
    """All statements at the top level of a notebook's code cells; IPython's own syntax has become Python."""
    change = TransformerManager().transform_cell
    return tuple(node for source in cells(stem) for node in ast.parse(change(source)).body)


def definitions(stem: str) -> dict[str, Definition]:
    """All functions and classes at the top level of a notebook; the last of a name counts."""
    return {node.name: node for node in statements(stem) if isinstance(node, Definition)}


def constants(stem: str) -> dict[str, ast.Assign]:
    """All names that a notebook assigns at the top level; the first assignment of a name counts."""
    found = {}
    for node in statements(stem):
        if isinstance(node, ast.Assign):
            for name in (one.id for target in node.targets for one in ast.walk(target) if hasattr(one, "id")):
                found.setdefault(name, node)
    return found


def functions(notebook_stem: str, *names: str, **seen) -> SimpleNamespace:
    """The named functions, classes and constants of notebooks/<notebook_stem>.ipynb as attributes.

    They see `torch`, what is `seen`, each other, and the notebook's functions and classes that they use,
    directly or not, and nothing else. Raises KeyError where the notebook defines nothing of that name.
    """
    import torch

    known, fixed = definitions(notebook_stem), constants(notebook_stem)
    wanted, open_names = {}, list(names)
    while open_names:
        name = open_names.pop()
        if name not in known and name not in fixed:
            raise KeyError(f"{notebook_stem} has no function '{name}'; it has: {', '.join(known)}")
        wanted[name] = known.get(name) or fixed[name]
        used = {node.id for node in ast.walk(wanted[name]) if isinstance(node, ast.Name)}
        open_names += sorted((used & known.keys()) - wanted.keys())
    in_order = [node for node in statements(notebook_stem) if any(node is one for one in wanted.values())]
    namespace = {"torch": torch, "__name__": notebook_stem} | seen
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as an invalid escape in a docstring
        exec(compile(ast.Module(in_order, []), f"{notebook_stem}.ipynb", "exec"), namespace)
    return SimpleNamespace(**{name: namespace[name] for name in names})
