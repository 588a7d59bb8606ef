"""Execute notebooks headlessly and publish them as a site of standalone pages."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from unicodedata import normalize

from helpers import parameters
from helpers.checks import check_seed, find_path
from helpers.errors import WorkbookError
from helpers.session import PROFILES, build_folder
from helpers.signals import Stopped, stop_on_signals
from helpers.tracks import track, twin

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
RESERVED = ("index", "search", "whole", "glossary")  # names of the site's own pages
EPILOG = """exit codes: 0 all went well; 1 a notebook failed or a result could not be written (a full disk);
2 wrong usage, nothing was run; 128 and its number after a signal: 130 for Ctrl-C, 143 for SIGTERM.
Earlier results stay until the new ones are whole. Several runs may share a folder: those of one notebook
wait for each other."""


def find_notebooks(names: Sequence[str], folder: Path = NOTEBOOKS) -> list[Path]:
    """Notebooks by number (`3` or `03`), stem or path; all of `folder` where none is named.

    Raises WorkbookError where a name fits none.
    """
    known = sorted(folder.glob("[!.]*.ipynb"))
    names = [normalize("NFC", name) for name in names]
    if not (names or known):
        raise WorkbookError(f"There are no notebooks in {folder}; name one by its path.")
    found = []
    for name in names:
        prefix = f"{int(name):02d}_" if name.isdecimal() and len(name) < 9 else f"{name}_"
        called = {path: normalize("NFC", path.name) for path in known}
        matches = [p for p in known if called[p] in (name, f"{name}.ipynb") or called[p].startswith(prefix)]
        if Path(name).suffix == ".ipynb" and os.path.isfile(find_path(name)):
            matches = [find_path(name).resolve()]
        if not matches:
            choices = ", ".join(p.stem for p in known) or "none"
            raise WorkbookError(f"There is no notebook '{name}'; the workbook has: {choices}.")
        found += matches
    return list(dict.fromkeys(found)) or known


def declared(path: Path) -> dict[str, parameters.Parameter]:
    """The parameters that a notebook declares, by name; WorkbookError where their cell cannot be read."""
    try:
        return parameters.declared(parameters.source(parameters.read_cells(path)))
    except (KeyError, TypeError) as error:
        raise WorkbookError(f"{path.name} has a parameters cell without {error}: restore it.") from error
    except WorkbookError as error:
        raise WorkbookError(f"{path.name}: {error}") from error


def plan(paths: Sequence[Path], values: dict[str, str]) -> dict[Path, dict[str, object]]:
    """For each notebook the parameters to inject: those of `values` that it declares, as their type.

    Raises WorkbookError for a name that no selected notebook declares, and for a value of the wrong type or
    out of the range that the notebook states.
    """
    kinds = {path: declared(path) for path in paths}
    known = sorted(set().union(*kinds.values()))
    for name in values:
        if name not in known:
            raise parameters.unknown(name, known, "No selected notebook has a parameter")
    plans: dict[Path, dict[str, object]] = {path: {} for path in paths}
    for path, own in kinds.items():
        for name in (name for name in values if name in own):
            kind = own[name].kind
            try:
                plans[path][name] = parameters.convert(values[name], kind)
            except (ValueError, SyntaxError, TypeError) as error:
                message = f"Parameter '{name}' of {path.stem} must be {kind}; {values[name]!r} is not."
                raise WorkbookError(message) from error
            parameters.check(own[name], plans[path][name])
    return plans


def prepare_folder(folder: Path, paths: Sequence[Path] = ()) -> Path:
    """Make the output folder, prove that it can be written and holds no source; else WorkbookError.

    Two notebooks of one name would overwrite each other's result, so they are refused, too.
    """
    if len({path.stem for path in paths}) < len(paths):
        raise WorkbookError("Two of the notebooks have the same name; run them apart, with another --output.")
    if taken := [path.stem for path in paths if path.stem in RESERVED]:
        raise WorkbookError(f"{taken[0]}.html is a page of the site itself: give the notebook another name.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0" * 4096)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", error)
        reason = "is a file, not a folder" if os.path.isfile(folder) else f"cannot be written ({why})"
        raise WorkbookError(f"The output folder {folder} {reason}; name another --output.") from error
    folder = folder.resolve()
    if folder == NOTEBOOKS or any(path.resolve().parent == folder for path in paths):
        raise WorkbookError(f"The output folder {folder} holds notebooks themselves; name another --output.")
    return folder


def run_all(plans: dict[Path, dict[str, object]], folder: Path, stored: bool = False) -> int:
    """Execute notebook after notebook (or take what is stored), one line each; return how many failed."""
    from helpers import execution

    failures = 0
    for number, (path, values) in enumerate(plans.items(), 1):
        head = f"[{number}/{len(plans)}] {path.stem}"
        start = time.perf_counter()
        if not sys.stderr.isatty():
            print(f"{head}: {len(parameters.read_cells(path))} cells ...", flush=True)
        try:
            execution.copy_stored(path, folder) if stored else execution.execute(path, values, folder)
            print(f"{head}: done in {time.perf_counter() - start:.0f} s", flush=True)
        except execution.NotebookFailed as failure:
            failures += 1
            print(f"{head} {failure}", file=sys.stderr, flush=True)
        execution.write_site(folder, whole=number == len(plans))
    return failures


def list_notebooks(paths: Sequence[Path], explained: bool = False) -> int:
    """Print each notebook's name, title, track and parameters: as they stand there, or explained."""
    for path in paths:
        cells = parameters.read_cells(path)
        lines = parameters.source(cells).splitlines()
        if explained:
            lines = map(explain, declared(path).values())
        print(path.stem, parameters.title(cells), sep=": ")
        if other := twin(path.stem, path.parent):
            print(f"    {track(path.stem)}; its twin is {other}")
        print("".join(f"    {line}\n" for line in lines), end="")
    return 0


def explain(parameter: parameters.Parameter) -> str:
    """Type, default, range and meaning of a parameter, in two lines."""
    head = f"{parameter.name}: {parameter.kind}, by default {parameter.default}"
    if parameter.limits:
        head += ", from {:.15g} to {:.15g}".format(*parameter.limits)
    return f"{head}\n        {parameter.meaning}"


def command_line() -> argparse.ArgumentParser:
    """The parser of the command line; wrong usage makes it exit with 2."""
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m helpers.run", description=__doc__, epilog=EPILOG,
                                     formatter_class=style, add_help=False)  # fmt: skip
    add = parser.add_argument
    add("notebooks", nargs="*", metavar="NOTEBOOK", help="number (03), name or path (default: all)")
    add("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), dest="parameters",
        help="set a parameter in each selected notebook that has it")  # fmt: skip
    add("--output", type=Path, metavar="FOLDER", help="where results go (default: build)")
    add("--stored", action="store_true", help="publish the notebooks as they are stored, run nothing")
    add("--profile", choices=PROFILES, help="models to use where no parameter says it")
    add("--list", action="store_true", help="list notebooks and their parameters, run nothing")
    add("-h", "--help", action="store_true", help="this text; with a NOTEBOOK, what its parameters mean")
    return parser


def prepare(asked: argparse.Namespace) -> tuple[dict[Path, dict[str, object]], Path]:
    """What to run with which parameters, and where results go; WorkbookError where that cannot be."""
    paths = find_notebooks(asked.notebooks)
    if asked.stored and asked.parameters:
        raise WorkbookError("--stored runs nothing, so -p would change nothing: leave one of them out.")
    values = {normalize("NFKC", name): value for name, value in asked.parameters}  # as Python reads names
    profile, seed = (os.environ.get(f"WORKBOOK_{name}") for name in ("PROFILE", "SEED"))
    if profile and profile not in PROFILES:
        raise WorkbookError(f"There is no profile '{profile}'; set WORKBOOK_PROFILE to tiny, hub or auto.")
    if seed:
        check_seed(seed)
    return plan(paths, values), prepare_folder(asked.output or build_folder(), paths)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit code is one of those that EPILOG names."""
    parser = command_line()
    asked = parser.parse_args(arguments)
    if asked.help and not asked.notebooks:
        parser.print_help()
        return 0
    try:
        if asked.list or asked.help:
            return list_notebooks(find_notebooks(asked.notebooks), explained=asked.help)
        plans, folder = prepare(asked)
    except WorkbookError as error:
        print(error, file=sys.stderr)
        return 2
    if asked.profile:
        os.environ["WORKBOOK_PROFILE"] = asked.profile
    os.environ["WORKBOOK_OUTPUT"] = str(folder)  # what the notebooks write goes there, too
    os.environ.pop("MPLBACKEND", None)  # the notebooks' figures need the inline backend
    stop_on_signals()
    try:
        failures = run_all(plans, folder, asked.stored)
    except Stopped as stopped:
        print("Stopped. Finished notebooks are kept.", file=sys.stderr)
        return 128 + stopped.number
    except OSError as error:
        print(f"Cannot write in {folder} ({error.strerror}): make room there, or name another --output; "
              "finished notebooks are kept.", file=sys.stderr)  # fmt: skip
        return 1
    print(f"Read them: {folder / 'index.html'}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
