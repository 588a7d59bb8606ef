"""The notebook lane of `make test` fails when it should: on a small notebook, with the Makefile's flags."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from helpers import refresh

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


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> Path:
    """A tiny helper and a notebook that uses it and one of ours, stored as `make refresh` stores it."""
    folder = tmp_path_factory.mktemp("notebooks")
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


@pytest.fixture
def notebook(stored, tmp_path) -> Path:
    """A copy of the stored notebook and its helper, to be spoilt."""
    for file in (stored, stored.with_name("tiny_helper.py")):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path / stored.name


def change(path: Path, cell: int, **values) -> None:
    """Save the notebook with other values in one of its cells."""
    content = nbformat.read(path, as_version=4)
    content.cells[cell].update(values)
    nbformat.write(content, path)


def nbval(path: Path, **environment: str) -> subprocess.CompletedProcess:
    """Run the Makefile's notebook lane on one notebook."""
    command = [sys.executable, "-m", "pytest", *makefile_flags(), "-p", "no:cacheprovider", str(path)]
    variables = {k: v for k, v in os.environ.items() if k != "MPLBACKEND"} | environment
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=300)


def outcome(done: subprocess.CompletedProcess) -> dict[str, int]:
    """The numbers of pytest's last line, `{"failed": 1, "passed": 2}`."""
    return {
        word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error)", done.stdout[-200:])
    }


def test_an_untouched_notebook_passes(notebook):
    done = nbval(notebook)
    assert outcome(done) == {"passed": 3}, done.stdout


def test_an_altered_output_fails(notebook):
    output = nbformat.v4.new_output("stream", name="stdout", text="HELLO!\n")
    change(notebook, 0, outputs=[output])
    done = nbval(notebook)
    assert done.returncode == 1 and outcome(done) == {"failed": 1, "passed": 2}, done.stdout


def test_a_notebook_saved_without_outputs_fails(notebook):
    for cell in range(3):
        change(notebook, cell, outputs=[], execution_count=None)
    done = nbval(notebook)
    assert done.returncode == 1 and outcome(done) == {"failed": 3}, done.stdout
    assert "saved without its outputs" in done.stdout


def test_outputs_removed_with_their_counts_kept_fail(notebook):
    change(notebook, 0, outputs=[])
    change(notebook, 2, outputs=[])
    done = nbval(notebook)
    assert done.returncode == 1 and outcome(done) == {"failed": 2, "passed": 1}, done.stdout


def test_a_picture_without_its_words_fails(notebook):
    output = nbformat.read(notebook, as_version=4).cells[2].outputs[0]
    change(notebook, 2, outputs=[output | {"metadata": {}}])
    done = nbval(notebook)
    assert done.returncode == 1 and outcome(done) == {"failed": 1, "passed": 2}, done.stdout
    assert "pictures differ" in done.stdout


def test_a_changed_helper_fails(notebook):
    notebook.with_name("tiny_helper.py").write_text(HELPER.replace("upper", "title"))
    done = nbval(notebook)
    assert done.returncode == 1 and outcome(done) == {"failed": 1, "passed": 2}, done.stdout


def test_a_changed_function_of_the_package_fails(notebook, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SITE)
    done = nbval(notebook, PYTHONPATH=f"{tmp_path / 'site'}{os.pathsep}{ROOT}")
    assert done.returncode == 1 and outcome(done) == {"failed": 1, "passed": 2}, done.stdout
    assert "0.123" in done.stdout
