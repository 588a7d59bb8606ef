"""A pytest plugin beside nbval, which closes what nbval leaves open. Makefile: `-p tests.guard`.

nbval runs a cell saved without an execution count but compares nothing, and it never compares pictures, not
even whether there is one. Here the first is an error, and the second is checked: as many pictures as are
stored, each with the stored alternative text.
"""

import pytest
from nbval.plugin import IPyNbCell

PICTURES = ("image/png", "image/jpeg", "image/svg+xml")


def pictures(outputs: list) -> list[str]:
    """The alternative text (or an empty string) of each picture among the outputs, in order."""
    found = []
    for output in outputs:
        metadata = output.get("metadata") or {}
        for kind in PICTURES:
            if kind in (output.get("data") or {}):
                found.append((metadata.get(kind) or {}).get("alt") or metadata.get("alt") or "")
    return found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item):
    """Fail an nbval cell that was saved without being run, or whose pictures differ from the stored ones."""
    result = yield
    if isinstance(item, IPyNbCell) and not item.options["skip"]:
        if item.cell.source.strip() and item.cell.execution_count is None:
            pytest.fail("this cell was saved without its outputs; run `make refresh`", pytrace=False)
        strict = item.options["check"] and not item.config.option.nbval_lax
        stored, computed = pictures(item.cell.outputs), pictures(item.test_outputs or [])
        if strict and stored != computed:
            pytest.fail(f"pictures differ: stored {stored}, computed {computed}", pytrace=False)
    return result
