"""A pytest plugin for `make test-accelerator`: an accelerator seems to be there, to put nothing on.

A test, or a notebook's cell, fails where something was, also where a library caught the error.
"""

import os
import tempfile
from pathlib import Path

import pytest

from tests import accelerator


def pytest_configure(config: pytest.Config) -> None:
    """This process and the kernels that it starts find the accelerator; each has a record of its own."""
    record = Path(tempfile.mkdtemp(prefix="accelerator-")) / "touched.txt"
    os.environ.update(accelerator.environment(record))
    accelerator.pretend()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item):
    """Fail what put something on the accelerator."""
    record = Path(os.environ[accelerator.RECORD])
    before = len(accelerator.recorded(record))
    try:
        return (yield)
    finally:
        touched = accelerator.recorded(record)[before:]
        if touched:
            pytest.fail("\n".join(touched), pytrace=False)
