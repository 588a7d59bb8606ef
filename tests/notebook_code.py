"""The functions that a notebook teaches, taken out of it for tests to call; the notebook is not run."""

import ast
import warnings
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def code(stem: str, kind: str = "code") -> list[str]:
    """The code cells of a notebook, or those of another kind ("markdown"), as they are written."""
    notebook = nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=4)
    return [cell.source for cell in notebook.cells if cell.cell_type == kind]


@cache
def definitions(stem: str) -> dict[str, ast.FunctionDef | ast.ClassDef]:
    """All functions and classes at the top level of a notebook's code cells; the last of a name counts."""
    found, kinds = {}, ast.FunctionDef | ast.ClassDef
    for source in code(stem):
        tree = ast.parse(TransformerManager().transform_cell(source))  # IPython's own syntax becomes Python
        found |= {node.name: node for node in tree.body if isinstance(node, kinds)}
    return found


def functions(notebook_stem: str, *names: str, **seen) -> SimpleNamespace:
    """The named functions and classes of notebooks/<notebook_stem>.ipynb, decorators included, as attributes.

    They see `torch`, what is `seen`, and the notebook's functions and classes that they use, directly
    or not, and nothing else. Raises KeyError where the notebook defines no function or class of that name.
    """
    import torch

    known, wanted, open_names = definitions(notebook_stem), {}, list(names)
    while open_names:
        name = open_names.pop()
        if name not in known:
            raise KeyError(f"{notebook_stem} has no function '{name}'; it has: {', '.join(known)}")
        wanted[name] = known[name]
        used = {node.id for node in ast.walk(known[name]) if isinstance(node, ast.Name)}
        open_names += sorted((used & known.keys()) - wanted.keys())
    in_order = [node for name, node in known.items() if name in wanted]
    namespace = {"torch": torch, "__name__": notebook_stem} | seen
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as an invalid escape in a docstring
        exec(compile(ast.Module(in_order, []), f"{notebook_stem}.ipynb", "exec"), namespace)
    return SimpleNamespace(**{name: namespace[name] for name in names})
