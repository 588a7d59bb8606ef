"""Every notebook with other seeds: its own assertions must hold for each of them."""

import nbformat
import pytest

from helpers import execution, run

pytestmark = pytest.mark.slow


NUMBERS = [path.stem[:2] for path in run.find_notebooks([])]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("number", NUMBERS)
def test_a_notebook_holds_with_other_seeds(number, seed, tmp_path, monkeypatch):
    for name in ("WORKBOOK_SEED", "MPLBACKEND"):
        monkeypatch.delenv(name, raising=False)
    (notebook,) = run.find_notebooks([number])
    execution.execute(notebook, {"profile": "tiny", "seed": seed}, tmp_path)
    executed = nbformat.read(tmp_path / notebook.name, as_version=4)
    code = [cell for cell in executed.cells if cell.cell_type == "code" and cell.source.strip()]
    assert all(cell.execution_count for cell in code)
    assert any(f"seed = {seed}\n" in cell.source + "\n" for cell in code)  # the seed has arrived
    published = sorted(path.name for path in tmp_path.iterdir())
    assert published == [f"{notebook.stem}.html", f"{notebook.stem}.ipynb"]
