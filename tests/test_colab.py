"""Every notebook as on Google Colab: its versions, and a folder with nothing but the notebook.

`make test-colab` names the environment with the versions of colab.txt in WORKBOOK_COLAB. The first cell runs
as it stands: its %pip line asks git for the address on GitHub, git is told to read a repository of this tree
instead, and pip builds what it finds there and installs it into an environment that is thrown away.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from helpers import run
from tests import address, fake_colab

pytestmark = pytest.mark.colab
ROOT = Path(__file__).resolve().parents[1]
ABSENT = {"jupyterlab", "nbval", "papermill", "pytest", "generative_ai_workbook"}  # Colab has none of them
LAST_CELL = "import sys\nimport helpers\nprint(helpers.__file__, 'google.colab' in sys.modules)"


def installed(colab: Path) -> list[str]:
    """What the environment holds, as name==version, in pip's own order."""
    command = [colab / "bin" / "python", "-m", "pip", "list", "--format=freeze"]
    listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return listed.lower().replace("-", "_").splitlines()


@pytest.fixture(scope="session")
def colab() -> Iterator[Path]:
    """The environment with Colab's versions; the tests leave it as it was."""
    folder = os.environ.get("WORKBOOK_COLAB", "")
    if not folder:
        pytest.skip("make test-colab makes the environment")
    before = installed(Path(folder))
    yield Path(folder)
    assert installed(Path(folder)) == before


@pytest.fixture(scope="session")
def github(tmp_path_factory) -> dict[str, str]:
    """Variables that put a repository of this working tree in the place of the one on GitHub."""
    owner_and_name, branch = address.current(ROOT)
    repository = fake_colab.publish(tmp_path_factory.mktemp("github") / "repository", branch)
    return fake_colab.instead_of(f"https://github.com/{owner_and_name}", repository)


def execute(notebook: Path, python: Path, environment: dict[str, str]) -> nbformat.NotebookNode:
    """Run the notebook in its own folder by a kernel of that Python; a failing cell does not stop it."""

    class Kernel(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=argv, display_name="Python 3", language="python", env=environment)

    content = nbformat.read(notebook, as_version=4)
    content.cells.append(nbformat.v4.new_code_cell(LAST_CELL))
    for cell in content.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        content, kernel_name="python3", kernel_manager_class=Kernel, timeout=900, allow_errors=True,
        resources={"metadata": {"path": str(notebook.parent)}},
    )  # fmt: skip
    client.execute()
    return content


def complaints(content: nbformat.NotebookNode) -> list[str]:
    """What failed, and what was written to stderr, cell by cell."""
    sentences = []
    for cell in content.cells:
        if cell.cell_type != "code":
            continue
        if not cell.execution_count:
            sentences.append(f"not run: {cell.source[:60]}")
        for output in cell.outputs:
            if output.output_type == "error":
                sentences.append(f"In [{cell.execution_count}] {output.ename}: {output.evalue[:300]}")
            elif output.get("name") == "stderr":
                sentences.append(f"In [{cell.execution_count}] stderr: {output.text[:300]}")
    return sentences


def test_the_environment_is_colabs(colab):
    lines = (ROOT / "tests" / "colab.txt").read_text(encoding="utf-8").splitlines()
    found = installed(colab)
    assert {line for line in lines if "==" in line} - set(found) == set()
    assert not ABSENT & {line.split("==")[0] for line in found}


def test_what_goes_wrong_in_a_notebook_is_named():
    good, silent, loud, broken = (nbformat.v4.new_code_cell(source) for source in ("a", "b", "c", "d"))
    good.execution_count, loud.execution_count, broken.execution_count = 1, 2, 3
    good.outputs = [nbformat.v4.new_output("stream", name="stdout", text="fine")]
    loud.outputs = [nbformat.v4.new_output("stream", name="stderr", text="a warning")]
    broken.outputs = [nbformat.v4.new_output("error", ename="KeyError", evalue="'x'")]
    notebook = nbformat.v4.new_notebook(cells=[good, silent, loud, broken])
    assert complaints(notebook) == ["not run: b", "In [2] stderr: a warning", "In [3] KeyError: 'x'"]


@pytest.mark.parametrize("path", run.find_notebooks([]), ids=lambda path: path.stem)
def test_a_notebook_runs_on_colab(path, colab, github, tmp_path, monkeypatch):
    for name in ("PYTHONPATH", "VIRTUAL_ENV", "MPLBACKEND"):  # they would lead to this working tree
        monkeypatch.delenv(name, raising=False)
    python = fake_colab.fresh_python(colab, tmp_path / "python")
    folder = tmp_path / "content"
    folder.mkdir()
    environment = github | fake_colab.without_network(colab / "wheels")
    content = execute(Path(shutil.copy(path, folder)), python, environment)
    assert complaints(content) == []
    (packages,) = (tmp_path / "python").glob("lib/python*/site-packages")
    assert content.cells[-1].outputs[0].text == f"{packages}/helpers/__init__.py True\n"
    assert {entry.name for entry in folder.iterdir()} <= {path.name, "build"}
