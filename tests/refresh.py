"""Re-execute notebooks in place, outputs in normal form: `python -m tests.refresh [NOTEBOOK ...]`."""

import hashlib
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from helpers.errors import WorkbookError
from helpers.execution import ThisPython, read
from helpers.run import find_notebooks

WIDGET = "application/vnd.jupyter.widget-view+json"
# Stored outputs come from the shipped models, on the CPU, offline, with the seeds as written.
ENVIRONMENT = {"WORKBOOK_PROFILE": "tiny", "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
UNSET = ("WORKBOOK_SEED", "WORKBOOK_DEVICE", "WORKBOOK_LIVE", "WORKBOOK_OUTPUT", "MPLBACKEND")


def execute(path: Path, timeout: float = 600) -> nbformat.NotebookNode:
    """Run a notebook in its own folder, as nbval does, and return it with its outputs (timeout in seconds).

    Raises WorkbookError where a cell fails, takes too long, or writes to stderr.
    """
    notebook = read(path)
    client = NotebookClient(
        notebook, kernel_name="python3", kernel_manager_class=ThisPython, timeout=timeout,
        record_timing=False, store_widget_state=False, coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
    )  # fmt: skip
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        lines = re.sub(r"\x1b\[[\d;]*m", "", str(error)).strip().splitlines()
        where = [line.partition(" ")[2].strip() for line in lines if line.startswith("--") and "> " in line]
        reason = " ".join([*where[:1], getattr(error, "ename", lines[-1]), getattr(error, "evalue", "")])
        raise WorkbookError(f"{path.stem} was left as it is, a cell failed: {reason}") from error
    for cell in (c for c in notebook.cells if c.cell_type == "code"):
        for output in cell.outputs:
            if output.get("name") == "stderr":
                message = f"cell In [{cell.execution_count}] writes to stderr: {output.text.splitlines()[0]}"
                raise WorkbookError(f"{path.stem} was left as it is, {message}")
    return notebook


def normalise(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Keep of an executed notebook what its readers need, so that the same run gives the same file.

    Counts become 1..n, identifiers stay, widget views (random names) and other metadata go, tags stay.
    """
    notebook.metadata = nbformat.from_dict({
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"file_extension": ".py", "name": "python", "nbconvert_exporter": "python"},
    })  # fmt: skip
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    count = 0
    for cell in notebook.cells:
        cell.setdefault("id", hashlib.sha256(cell.source.encode()).hexdigest()[:8])
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        if cell.cell_type != "code":
            continue
        count += 1
        cell.execution_count = count
        for output in cell.outputs:
            output.get("data", {}).pop(WIDGET, None)
            if output.output_type == "execute_result":
                output.execution_count = count
    return notebook


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0 where all were stored, 1 where one failed and was left as it is, 2 for wrong usage."""
    os.environ.update(ENVIRONMENT)
    for name in UNSET:
        os.environ.pop(name, None)
    try:
        paths = find_notebooks(sys.argv[1:] if arguments is None else arguments)
    except WorkbookError as error:
        print(error, file=sys.stderr)
        return 2
    failures = 0
    for path in paths:
        draft = path.with_name(f".{path.stem}.{os.getpid()}.tmp")
        try:
            nbformat.write(normalise(execute(path)), draft)
            os.replace(draft, path)
            print(f"{path.stem}: stored", flush=True)
        except WorkbookError as error:
            failures += 1
            print(error, file=sys.stderr, flush=True)
        finally:
            draft.unlink(missing_ok=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
