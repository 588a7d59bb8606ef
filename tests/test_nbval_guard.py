"""The notebook lane of `make test` fails when it should: on a small notebook, with the Makefile's flags."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests import refresh

ROOT = Path(__file__).resolve().parents[1]
HELPER = "def shout(word):\n    return word.upper()\n"
PICTURE = """import base64
from IPython.display import Image, display
data = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
display(Image(base64.b64decode(data), format="png", metadata={"alt": "one dot"}))"""
# Replaces one of the package's own functions in every Python that starts with this folder on its path.
SITE = """import helpers.metrics
helpers.metrics.distinct_n = lambda *_, **__: 0.123
"""


def makefile_flags() -> list[str]:
    """nbval's flags as the Makefile passes them on Linux."""
    (flags,) = re.findall(
        r"^NBVAL_FLAGS := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    return ["--nbval", *flags.split()]


def store(folder: Path) -> Path:
    """A tiny helper and a notebook that uses it and one of ours, stored as `make refresh` stores it."""
    (folder / "tiny_helper.py").write_text(HELPER)
    sources = [
        "from tiny_helper import shout\nprint(shout('hello'))",
        "from helpers import metrics\nprint(metrics.distinct_n(['a b a'], 1))",
        PICTURE,
    ]
    path = folder / "trial.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in sources]), path)
    nbformat.write(refresh.normalise(refresh.execute(path)), path)
    return path


def change(path: Path, *cells: int, **values) -> None:
    """Save the notebook with other values in some of its cells."""
    content = nbformat.read(path, as_version=4)
    for cell in cells:
        content.cells[cell].update(values)
    nbformat.write(content, path)


def change_helper(path: Path) -> None:
    path.with_name("tiny_helper.py").write_text(HELPER.replace("upper", "title"))


def lose_the_alternative_text(path: Path) -> None:
    content = nbformat.read(path, as_version=4)
    content.cells[2].outputs[0].metadata = {}
    nbformat.write(content, path)


# How the notebook is spoilt, and the cells that must fail for it.
OTHER = [nbformat.v4.new_output("stream", name="stdout", text="HELLO!\n")]
SPOILT = {
    "untouched": (lambda path: None, set()),
    "altered output": (lambda path: change(path, 0, outputs=OTHER), {0}),
    "saved without outputs": (
        lambda path: change(path, 0, 1, 2, outputs=[], execution_count=None),
        {0, 1, 2},
    ),
    "outputs removed, counts kept": (lambda path: change(path, 0, 2, outputs=[]), {0, 2}),
    "picture without its words": (lose_the_alternative_text, {2}),
    "changed helper": (change_helper, {0}),
}


def nbval(folder: Path, **environment: str) -> dict[str, set[int]]:
    """Run the Makefile's notebook lane on a folder of notebooks; folder name -> cells that failed."""
    command = [sys.executable, "-m", "pytest", *makefile_flags(), "-v", "-p", "no:cacheprovider", str(folder)]
    path = os.pathsep.join(filter(None, [environment.pop("PYTHONPATH", ""), str(ROOT)]))
    variables = {k: v for k, v in os.environ.items() if k != "MPLBACKEND"} | {"PYTHONPATH": path}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=300)
    cells = re.findall(r"([^/\n]+)/trial::ipynb::Cell (\d) (PASSED|FAILED)", done.stdout)
    assert len(cells) == 3 * len(list(folder.rglob("*.ipynb"))), done.stdout
    failed = {
        name: {int(n) for where, n, how in cells if where == name and how == "FAILED"} for name, _, _ in cells
    }
    assert done.returncode == (1 if any(failed.values()) else 0), done.stdout
    return failed


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> Path:
    return store(tmp_path_factory.mktemp("stored")).parent


@pytest.fixture(scope="module")
def failed(stored, tmp_path_factory) -> dict[str, set[int]]:
    folder = tmp_path_factory.mktemp("spoilt")
    for name, (spoil, _) in SPOILT.items():
        shutil.copytree(stored, folder / name)
        spoil(folder / name / "trial.ipynb")
    return nbval(folder)


@pytest.mark.long
@pytest.mark.parametrize("name", SPOILT)
def test_the_spoilt_cells_fail_and_no_others(failed, name):
    assert failed[name] == SPOILT[name][1]


@pytest.mark.long
def test_a_changed_function_of_the_package_fails(stored, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(SITE)
    assert nbval(stored, PYTHONPATH=str(tmp_path)) == {stored.name: {1}}
