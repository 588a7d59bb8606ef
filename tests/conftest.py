"""What every unit test runs under: the shipped models, offline, no display, the same examples every time."""

import os

import matplotlib
import pytest
from hypothesis import settings

os.environ.setdefault("WORKBOOK_PROFILE", "tiny")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Not MPLBACKEND: the kernels that nbval starts from this process would inherit it and lose their figures.
matplotlib.use("agg")

settings.register_profile("workbook", deadline=None, derandomize=True)
settings.load_profile("workbook")


@pytest.fixture
def build(tmp_path, monkeypatch):
    """A build folder of its own for a test of training."""
    from helpers import checkpoints

    folder = tmp_path / "build"
    folder.mkdir()
    monkeypatch.setattr(checkpoints, "build_folder", lambda: folder)
    return folder


@pytest.fixture
def shown(monkeypatch):
    """What was displayed: (data, metadata) pairs, or (widget, None)."""
    displayed = []
    monkeypatch.setattr(
        "IPython.display.display", lambda data, metadata=None, raw=False: displayed.append((data, metadata))
    )
    return displayed
