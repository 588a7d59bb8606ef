"""Execute one notebook and publish it with its page, whole or not at all."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import papermill
from filelock import FileLock, Timeout
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from helpers import pages, website
from helpers.errors import WorkbookError


class NotebookFailed(Exception):
    """A notebook could not be executed to its end; the message names notebook, cell and error."""


class ThisPython(AsyncKernelManager):
    """Starts kernels with the interpreter that runs this command, whatever kernelspecs the machine has."""

    @property
    def kernel_spec(self) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "--log-level=CRITICAL", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


def read(path: Path) -> nbformat.NotebookNode:
    """The notebook at `path`, or a WorkbookError that says that it cannot be read."""
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError, AttributeError, nbformat.ValidationError) as error:
        raise WorkbookError(f"{path} is not a readable notebook; restore it from git.") from error


@contextlib.contextmanager
def alone(folder: Path, name: str) -> Iterator[None]:
    """Keep other runs out of what `name` stands for in the folder: they wait. A killed run holds nothing."""
    lock = FileLock(folder / f".{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if name != "index":
            print(f"Another run writes {name} in {folder.name}; waiting for it to end.", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows removes no open file
            os.unlink(lock.lock_file)  # waiting runs notice and make a new one
        lock.release()


def execute(path: Path, parameters: dict[str, object], folder: Path) -> None:
    """Execute one notebook and publish notebook and page in `folder`; an earlier result stays until then.

    Raises NotebookFailed; what was computed up to there is then in NAME.failed.ipynb and its page.
    """
    logging.getLogger("papermill").setLevel(logging.ERROR)  # the parameters have been checked
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # after a signal it tells of the kernel's death
    with alone(folder, path.stem):
        _execute(path, parameters, folder)


def copy_stored(path: Path, folder: Path) -> None:
    """Publish one notebook as it is stored, with its page, in `folder`; nothing is executed."""
    read(path)
    with alone(folder, path.stem):
        partial = folder / f".{path.stem}.partial.ipynb"
        try:
            shutil.copyfile(path, partial)
            _publish(partial, folder / path.name)
        finally:
            partial.unlink(missing_ok=True)


def write_site(folder: Path, whole: bool = True) -> None:
    """Bring the folder's site up to date; whole=False: only its first page, which takes less time."""
    with alone(folder, "index"):
        website.write(folder) if whole else website.write_index(folder)


def _execute(path: Path, parameters: dict[str, object], folder: Path) -> None:
    result, failed = folder / f"{path.stem}.ipynb", folder / f"{path.stem}.failed.ipynb"
    partial = folder / f".{path.stem}.partial.ipynb"
    bar = {"desc": path.stem, "leave": False} if sys.stderr.isatty() else False
    try:
        papermill.execute_notebook(
            read(path), str(partial).replace("{", "{{").replace("}", "}}"), parameters,
            kernel_name="python3", language="python", kernel_manager_class=ThisPython,
            progress_bar=bar, store_widget_state=False,
        )  # fmt: skip
        _publish(partial, result)
    except (PapermillExecutionError, DeadKernelError) as error:
        reached = pages.facts(read(partial))["reached"]
        last_line = "its kernel died; was there too little memory?"
        if isinstance(error, PapermillExecutionError):
            last_line = f"{error.ename}: {error.evalue}".strip().splitlines()[-1]
        _publish(partial, failed)
        message = f"failed in cell In [{reached}]: {last_line} (See {failed.name})"
        raise NotebookFailed(message) from error
    finally:
        partial.unlink(missing_ok=True)
    for leftover in (failed, failed.with_suffix(".html")):
        leftover.unlink(missing_ok=True)


def _publish(source: Path, target: Path) -> None:
    """Turn an executed notebook into `target` and its page, each replaced in one step."""
    page = target.with_suffix(".html")
    draft = source.with_suffix(".html")
    with alone(target.parent, "index"):  # which may be rewriting the page's links
        try:
            draft.write_text(pages.render(read(source)), encoding="utf-8")
            os.replace(draft, page)
            os.replace(source, target)
        finally:
            draft.unlink(missing_ok=True)
