"""Every notebook as on Google Colab: its versions, an empty folder, and only the notebook itself in it.

`make test-colab` names the environment, which has the versions of colab.txt, in WORKBOOK_COLAB. The first
cell fetches this working tree from a local repository, and installs it there.
"""

import os
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from helpers import run
from tests.copies import copy_tree
from tests.fake_colab import FOLDER, FORK, git, instead, opened, sessions

pytestmark = pytest.mark.colab
ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = run.find_notebooks([])
ABSENT = {"jupyterlab", "nbval", "papermill", "pytest"}  # Colab has none of them
LEFT_OUT = (".git", ".venv*", "build", "*.egg-info", "__pycache__", ".*_cache", ".ipynb_checkpoints")
BRANCH = "lesson/1"


@pytest.fixture(scope="session")
def python() -> Path:
    folder = os.environ.get("WORKBOOK_COLAB", "")
    if not folder:
        pytest.skip("make test-colab makes the environment")
    return Path(folder) / "bin" / "python"


@pytest.fixture(scope="session")
def published(tmp_path_factory) -> Path:
    """A repository with the working tree as it is now, on a branch of its own."""
    folder = tmp_path_factory.mktemp("github") / "repository"
    copy_tree(ROOT, folder, ignore=shutil.ignore_patterns(*LEFT_OUT))
    git("init", cwd=folder)
    git("checkout", "-b", BRANCH, cwd=folder)
    git("add", ".", cwd=folder)
    git("commit", "-m", "as it is now", cwd=folder)
    return folder


@pytest.fixture
def installed(python, monkeypatch):
    """Asks pip there: `installed("list")`. The workbook is not installed before and after the test."""
    for name in ("PYTHONPATH", "VIRTUAL_ENV", "MPLBACKEND", "WORKBOOK_REPOSITORY"):  # they would lead here
        monkeypatch.delenv(name, raising=False)

    def pip(*arguments: str) -> str:
        command = [python, "-m", "pip", *arguments]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout

    pip("uninstall", "--quiet", "--yes", "generative-ai-workbook")
    yield pip
    pip("uninstall", "--quiet", "--yes", "generative-ai-workbook")


def execute(notebook: Path, python: Path, environment: dict[str, str]) -> nbformat.NotebookNode:
    """Run the notebook in its own folder by a kernel of that Python; a failing cell does not stop it."""

    class Kernel(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=argv, display_name="Python 3", language="python", env=environment)

    content = nbformat.read(notebook, as_version=4)
    for cell in (one for one in content.cells if one.cell_type == "code"):
        cell.outputs, cell.execution_count = [], None
    where = "import sys\nimport helpers\nprint(helpers.__file__, 'google.colab' in sys.modules)"
    content.cells.append(nbformat.v4.new_code_cell(where))
    client = NotebookClient(
        content, kernel_name="python3", kernel_manager_class=Kernel, timeout=900, allow_errors=True,
        resources={"metadata": {"path": str(notebook.parent)}},
    )  # fmt: skip
    client.execute()
    return content


def complaints(content: nbformat.NotebookNode) -> list[str]:
    """What failed, and what was written to stderr, cell by cell; the debugger's note is ipykernel's own."""
    found = []
    for cell in (one for one in content.cells if one.cell_type == "code"):
        if not cell.execution_count:
            found.append(f"not run: {cell.source[:60]}")
        for output in cell.outputs:
            if output.output_type == "error":
                found.append(f"In [{cell.execution_count}] {output.ename}: {output.evalue[:300]}")
            elif output.get("name") == "stderr":
                found.append(f"In [{cell.execution_count}] stderr: {output.text[:300]}")
    return found


def test_the_environment_is_colabs(installed):
    wanted = [line for line in (ROOT / "tests/colab.txt").read_text().splitlines() if "==" in line]
    found = installed("list", "--format=freeze").lower().replace("-", "_").splitlines()
    assert set(wanted) - set(found) == set()
    assert not ABSENT & {line.split("==")[0] for line in found}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_on_colab(path, python, installed, published, tmp_path):
    before = installed("list", "--format=freeze")
    notebook, fetched = Path(shutil.copy(path, tmp_path)), tmp_path / FOLDER
    with sessions(opened(FORK, BRANCH)) as colab:
        environment = colab | instead({FORK: published}) | {"COLAB_RELEASE_TAG": "release-colab-imitated"}
        if path != NOTEBOOKS[0]:  # the others take the variable
            environment = {"WORKBOOK_REPOSITORY": f"file://{published}@{BRANCH}"}
        environment |= {"PYTHONPATH": str(ROOT / "tests" / "on_colab")}
        content = execute(notebook, python, environment)
    assert complaints(content) == []
    assert content.cells[-1].outputs[0].text == f"{fetched}/helpers/__init__.py True\n"
    assert (fetched / ".git" / "shallow").exists()
    assert f"Editable project location: {fetched}\n" in installed("show", "generative-ai-workbook")
    left = installed("list", "--format=freeze", "--exclude", "generative-ai-workbook")
    assert left == before
