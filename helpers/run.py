"""Execute notebooks headlessly and publish them as standalone pages: `python -m helpers.run --help`."""

import argparse
import ast
import contextlib
import difflib
import logging
import math
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import nbformat
import papermill
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from helpers import pages
from helpers.session import PROFILES, WorkbookError, build_folder

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


class ThisPython(AsyncKernelManager):
    """Starts kernels with the interpreter that runs this command, whatever kernelspecs the machine has."""

    @property
    def kernel_spec(self) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "--log-level=ERROR", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


class NotebookFailed(Exception):
    """A notebook could not be executed to its end; the message names notebook, cell and error."""


def find_notebooks(names: Sequence[str], folder: Path = NOTEBOOKS) -> list[Path]:
    """Notebooks by number (`3` or `03`), stem or path; all of `folder` where none is named.

    Raises WorkbookError where a name fits none.
    """
    known = sorted(folder.glob("[!.]*.ipynb"))
    if not (names or known):
        raise WorkbookError(f"There are no notebooks in {folder}; name one by its path.")
    found = []
    for name in names:
        prefix = f"{int(name):02d}_" if name.isdecimal() else f"{name}_"
        matches = [p for p in known if p.stem == name or p.name == name or p.name.startswith(prefix)]
        if Path(name).suffix == ".ipynb" and Path(name).is_file():
            matches = [Path(name).resolve()]
        if not matches:
            choices = ", ".join(p.stem for p in known) or "none"
            raise WorkbookError(f"There is no notebook '{name}'; the workbook has: {choices}.")
        found += matches
    return list(dict.fromkeys(found)) or known


def read(path: Path) -> nbformat.NotebookNode:
    """The notebook at `path`, or a WorkbookError that says that it cannot be read."""
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError, AttributeError, nbformat.ValidationError) as error:
        raise WorkbookError(f"{path} is not a readable notebook; restore it from git.") from error


def parameter_source(notebook: nbformat.NotebookNode) -> str:
    """The source of the cell tagged `parameters`, or an empty string."""
    tagged = [c.source for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    return tagged[0] if tagged else ""


def declared(path: Path) -> dict[str, str]:
    """Names of a notebook's parameters and their types, as annotated or else as their default shows."""
    kinds = {}
    for node in ast.parse(parameter_source(read(path))).body:
        if isinstance(node, ast.AnnAssign):
            kinds[ast.unparse(node.target)] = ast.unparse(node.annotation)
        elif isinstance(node, ast.Assign):
            with contextlib.suppress(ValueError):
                default = type(ast.literal_eval(node.value)).__name__
                kinds |= {ast.unparse(target): default for target in node.targets}
    return kinds


def convert(text: str, kind: str) -> object:
    """A value of type `kind` (int, float, bool, str, list[...], each `| None`) read from `text`.

    Raises ValueError where `text` is no such value. Lists: `a, b` or Python's `["a", "b"]`.
    """
    if kind.endswith(" | None"):
        return None if text == "None" else convert(text, kind.removesuffix(" | None"))
    if kind == "str":
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


def plan(paths: Sequence[Path], values: dict[str, str]) -> dict[Path, dict[str, object]]:
    """For each notebook the parameters to inject: those of `values` that it declares, as their type.

    Raises WorkbookError for a name that no selected notebook declares and for a value of the wrong type.
    """
    kinds = {path: declared(path) for path in paths}
    known = sorted(set().union(*kinds.values()))
    for name in values:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"they have: {', '.join(known) or 'none'}."
            raise WorkbookError(f"No selected notebook has a parameter '{name}'; {hint}")
    plans: dict[Path, dict[str, object]] = {path: {} for path in paths}
    for path, kind in kinds.items():
        for name in (name for name in values if name in kind):
            try:
                plans[path][name] = convert(values[name], kind[name])
            except (ValueError, SyntaxError, TypeError) as error:
                message = f"Parameter '{name}' of {path.stem} must be {kind[name]}; '{values[name]}' is not."
                raise WorkbookError(message) from error
    return plans


def prepare_folder(folder: Path) -> Path:
    """Make the output folder and prove that it can be written, or raise WorkbookError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder.resolve()
    except OSError as error:
        reason = "is a file, not a folder" if folder.is_file() else f"cannot be written ({error.strerror})"
        raise WorkbookError(f"The output folder {folder} {reason}; name another --output.") from error


def execute(path: Path, parameters: dict[str, object], folder: Path) -> None:
    """Execute one notebook and publish notebook and page in `folder`; an earlier result stays until then.

    Raises NotebookFailed; what was computed up to there is then in NAME.failed.ipynb and its page.
    """
    result, failed = folder / f"{path.stem}.ipynb", folder / f"{path.stem}.failed.ipynb"
    partial = folder / f".{path.stem}.{os.getpid()}.ipynb"
    bar = {"desc": path.stem, "leave": False} if sys.stderr.isatty() else False
    try:
        papermill.execute_notebook(
            read(path), str(partial).replace("{", "{{").replace("}", "}}"), parameters,
            kernel_name="python3", language="python", kernel_manager_class=ThisPython,
            progress_bar=bar, store_widget_state=False,
        )  # fmt: skip
        publish(partial, result)
    except (PapermillExecutionError, DeadKernelError) as error:
        reached = pages.facts(read(partial))["reached"]
        last_line = "its kernel died; was there too little memory?"
        if isinstance(error, PapermillExecutionError):
            last_line = f"{error.ename}: {error.evalue}".strip().splitlines()[-1]
        publish(partial, failed)
        message = f"failed in cell In [{reached}]: {last_line} (See {failed.name})"
        raise NotebookFailed(message) from error
    finally:
        partial.unlink(missing_ok=True)
    for leftover in (failed, failed.with_suffix(".html")):
        leftover.unlink(missing_ok=True)


def publish(source: Path, target: Path) -> None:
    """Turn an executed notebook into `target` and its page, each replaced in one step."""
    page = target.with_suffix(".html")
    draft = source.with_suffix(".html")
    try:
        draft.write_text(pages.render(read(source)), encoding="utf-8")
        os.replace(draft, page)
        os.replace(source, target)
    finally:
        draft.unlink(missing_ok=True)


def run_all(plans: dict[Path, dict[str, object]], folder: Path) -> int:
    """Execute notebook after notebook, one line each; return how many failed."""
    failures = 0
    for number, (path, parameters) in enumerate(plans.items(), 1):
        head = f"[{number}/{len(plans)}] {path.stem}"
        start = time.perf_counter()
        if not sys.stderr.isatty():
            print(f"{head}: {len(read(path).cells)} cells ...", flush=True)
        try:
            execute(path, parameters, folder)
            print(f"{head}: done in {time.perf_counter() - start:.0f} s", flush=True)
        except NotebookFailed as failure:
            failures += 1
            print(f"{head} {failure}", file=sys.stderr, flush=True)
        pages.write_index(folder)
    return failures


def list_notebooks(paths: Sequence[Path]) -> int:
    """Print each notebook's name, title and parameters."""
    for path in paths:
        notebook = read(path)
        print(path.stem, pages.title(notebook), sep=": ")
        print("".join(f"    {line}\n" for line in parameter_source(notebook).splitlines()), end="")
    return 0


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; wrong usage exits with 2."""
    parser = argparse.ArgumentParser(prog="python -m helpers.run", description=__doc__)
    add = parser.add_argument
    add("notebooks", nargs="*", metavar="NOTEBOOK", help="number (03), name or path (default: all)")
    add("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), dest="parameters",
        help="set a parameter in each selected notebook that has it")  # fmt: skip
    add("--output", type=Path, metavar="FOLDER", help="where results go (default: build)")
    add("--profile", choices=PROFILES, help="models to use where no parameter says it")
    add("--list", action="store_true", help="list notebooks and their parameters, run nothing")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0 where all went well, 1 where a notebook failed, 2 for wrong usage."""
    asked = options(arguments)
    try:
        paths = find_notebooks(asked.notebooks)
        if asked.list:
            return list_notebooks(paths)
        values = dict(asked.parameters)
        for profile in (values.get("profile"), os.environ.get("WORKBOOK_PROFILE")):
            if profile and profile not in PROFILES:
                raise WorkbookError(f"There is no profile '{profile}'; choose tiny, hub or auto.")
        plans = plan(paths, values)
        folder = prepare_folder(asked.output or build_folder())
    except WorkbookError as error:
        print(error, file=sys.stderr)
        return 2
    if asked.profile:
        os.environ["WORKBOOK_PROFILE"] = asked.profile
    os.environ.pop("MPLBACKEND", None)  # the notebooks' figures need the inline backend
    logging.getLogger("papermill").setLevel(logging.ERROR)  # `plan` has checked the parameters
    try:
        failures = run_all(plans, folder)
    except KeyboardInterrupt:
        print("Stopped. Finished notebooks are kept.", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"Cannot write in {folder} ({error.strerror}). Finished notebooks are kept.", file=sys.stderr)
        return 1
    print(f"Read them: {folder / 'index.html'}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
