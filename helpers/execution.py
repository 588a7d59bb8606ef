"""Execute one notebook and publish it with its page, whole or not at all; a signal ends its kernel, too."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
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

from helpers import pages
from helpers.session import WorkbookError
from helpers.signals import SIGNALS, Stopped, stop_on_signals


class NotebookFailed(Exception):
    """A notebook could not be executed to its end; the message names notebook, cell and error."""


class ThisPython(AsyncKernelManager):
    """Starts kernels with the interpreter that runs this command, whatever kernelspecs the machine has.

    While a kernel runs, a signal cancels the execution, which shuts the kernel down; `stopped` keeps it.
    """

    stopped: int | None = None

    @property
    def kernel_spec(self) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "--log-level=ERROR", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")

    async def start_kernel(self, **options) -> None:
        """As the base class; in place of nbclient's signal handlers, after which a notebook just fails."""
        running = asyncio.current_task()

        def stop(number: int) -> None:
            ThisPython.stopped = number
            running.cancel()

        for number in SIGNALS:
            with contextlib.suppress(RuntimeError):  # on Windows, and outside the main thread
                asyncio.get_running_loop().add_signal_handler(number, stop, number)
        await super().start_kernel(**options)


def read(path: Path) -> nbformat.NotebookNode:
    """The notebook at `path`, or a WorkbookError that says that it cannot be read."""
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError, AttributeError, nbformat.ValidationError) as error:
        raise WorkbookError(f"{path} is not a readable notebook; restore it from git.") from error


@contextlib.contextmanager
def alone(folder: Path, name: str) -> Iterator[None]:
    """Keep other runs out of what `name` stands for in the folder; they wait, the killed ones do not count."""
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
    Raises Stopped after a signal, and leaves the folder as it was.
    """
    logging.getLogger("papermill").setLevel(logging.ERROR)  # the parameters have been checked
    with alone(folder, path.stem):
        _execute(path, parameters, folder)


def write_index(folder: Path) -> None:
    """Bring the folder's index.html up to date."""
    with alone(folder, "index"):
        pages.write_index(folder)


def _execute(path: Path, parameters: dict[str, object], folder: Path) -> None:
    result, failed = folder / f"{path.stem}.ipynb", folder / f"{path.stem}.failed.ipynb"
    partial = folder / f".{path.stem}.partial.ipynb"
    bar = {"desc": path.stem, "leave": False} if sys.stderr.isatty() else False
    try:
        _run(path, partial, parameters, bar)
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


def _run(path: Path, partial: Path, parameters: dict[str, object], bar: object) -> None:
    """papermill's execution, with Stopped for whatever it raises after a signal."""
    ThisPython.stopped = None
    try:
        papermill.execute_notebook(
            read(path), str(partial).replace("{", "{{").replace("}", "}}"), parameters,
            kernel_name="python3", language="python", kernel_manager_class=ThisPython,
            progress_bar=bar, store_widget_state=False,
        )  # fmt: skip
    except BaseException as error:
        if ThisPython.stopped is None:
            raise
        raise Stopped(ThisPython.stopped) from error
    finally:
        stop_on_signals()


def _publish(source: Path, target: Path) -> None:
    """Turn an executed notebook into `target` and its page, each replaced in one step."""
    page = target.with_suffix(".html")
    draft = source.with_suffix(".html")
    try:
        draft.write_text(pages.render(read(source)), encoding="utf-8")
        os.replace(draft, page)
        os.replace(source, target)
    finally:
        draft.unlink(missing_ok=True)
