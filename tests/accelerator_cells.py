"""The cells in which a notebook calls a model library itself, and what they need, with the shipped models.

python -m tests.accelerator_cells STEM FOLDER     FOLDER takes what is written; without it: the cells, printed
"""

import ast
import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

from tests import hub_cells
from tests.notebook_code import NOTEBOOKS, statements

LIBRARIES = {"accelerate", "diffusers", "peft", "transformers"}


def library_names(stem: str) -> set[str]:
    """The names that a notebook imports from a library that may choose a device."""
    found = set()
    for node in (inner for statement in statements(stem) for inner in ast.walk(statement)):
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in LIBRARIES:
            found |= {name.asname or name.name for name in node.names}
        if isinstance(node, ast.Import):
            found |= {name.asname or name.name for name in node.names if name.name.split(".")[0] in LIBRARIES}
    return found


def calls_a_library(stem: str) -> Callable[[nbformat.NotebookNode], bool]:
    """Whether a cell of this notebook calls such a name, or an attribute of it (`Model.from_pretrained`)."""
    known = library_names(stem)

    def calls(cell: nbformat.NotebookNode) -> bool:
        tree = ast.parse(TransformerManager().transform_cell(cell.source))
        called = (ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))
        return any(name.split(".")[0] in known for name in called)

    return calls


def run(stem: str, folder: Path) -> None:
    """Run them as a kernel does, without a window; a cell that fails is named, and the next one follows.

    A cell may need what an earlier one changed and did not make. `make test-accelerator` runs all cells.
    """
    import matplotlib
    from IPython.core.interactiveshell import InteractiveShell

    matplotlib.use("agg")
    os.environ["WORKBOOK_OUTPUT"] = str(folder)
    shell = InteractiveShell.instance()
    for number, source in hub_cells.needed(stem, calls_a_library(stem)):
        with contextlib.chdir(NOTEBOOKS):
            result = shell.run_cell(source, store_history=True)
        print(f"[{number}]", "ran" if result.success else type(result.error_in_exec).__name__, flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        for number, source in hub_cells.needed(sys.argv[1], calls_a_library(sys.argv[1])):
            print(f"[{number}] {source}")
    else:
        run(sys.argv[1], Path(sys.argv[2]))
