"""The cells of a notebook that follow the profile, with what they need, run with the hub's models.

python -m tests.hub_cells STEM FOLDER     in the environment of a local hub; FOLDER takes what is written
"""

import ast
import builtins
import contextlib
import symtable
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

from tests.notebook_code import NOTEBOOKS


def names(source: str) -> tuple[set[str], set[str]]:
    """The names that Python text defines at its top level, and those that it uses from outside."""
    table = symtable.symtable(source, "cell", "exec")
    own = table.get_symbols()
    made = {one.get_name() for one in own if one.is_assigned() or one.is_imported()}
    used = {one.get_name() for one in own if one.is_referenced()}
    inner = list(table.get_children())
    while inner:
        table = inner.pop()
        inner += table.get_children()
        used |= {one.get_name() for one in table.get_symbols() if one.is_global() and one.is_referenced()}
    return made, used - set(dir(builtins))


def wanted_before(source: str) -> set[str]:
    """The names that a cell's text uses before it defines them, statement by statement."""
    known, wanted = set(), set()
    for statement in ast.parse(source).body:
        made, used = names(ast.unparse(statement))
        simple = isinstance(statement, ast.Assign | ast.AugAssign)  # "x = x + 1" uses x, a loop its own name
        wanted |= used - known - (set() if simple else made)
        known |= made
    return wanted


def follows_the_profile(cell: nbformat.NotebookNode) -> bool:
    """Whether a cell runs with any model."""
    return "any-model" in cell.metadata.get("tags", [])


def needed(
    stem: str, chooses: Callable[[nbformat.NotebookNode], bool] = follows_the_profile
) -> list[tuple[int, str]]:
    """Position and text of the chosen code cells and of the statements that make what they use."""
    notebook = nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=4)
    wanted, chosen = set(), []
    for number, cell in reversed(list(enumerate(notebook.cells))):
        if cell.cell_type != "code":
            continue
        source = TransformerManager().transform_cell(cell.source)
        whole = chooses(cell)
        parts = [source] if whole else [ast.unparse(node) for node in ast.parse(source).body]
        for part in reversed(parts):
            made, used = names(part)
            if whole or made & wanted:
                wanted = (wanted - made) | (wanted_before(part) if whole else used)
                chosen.insert(0, (number, part))
    return chosen


def run(stem: str, folder: Path) -> None:
    """Run them as a kernel does, without a window, and with ten steps where pictures are learnt."""
    import matplotlib
    from IPython.core.interactiveshell import InteractiveShell

    from helpers import checkpoints, session, tuning

    matplotlib.use("agg")
    session.build_folder = checkpoints.build_folder = lambda: folder
    tune_pictures = tuning.tune_pictures
    tuning.tune_pictures = lambda *given, **options: tune_pictures(
        *given, **options | {"steps": 10}
    )  # not 400
    shell = InteractiveShell.instance()
    for number, source in needed(stem):
        print(f"[{number}]", flush=True)
        with contextlib.chdir(NOTEBOOKS):
            shell.run_cell(source, store_history=True).raise_error()


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print(*(f"[{number}] {source}" for number, source in needed(sys.argv[1])), sep="\n")
    else:
        run(sys.argv[1], Path(sys.argv[2]))
