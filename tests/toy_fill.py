"""A masked language model small enough to be trained inside a test."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from smallworld.making.fill import start_run
from smallworld.making.fill_data import Settings
from smallworld.making.language_run import export, train

TOY = Settings(stories=60, steps=8, layers=1, width=24, heads=2, batch=4, warmup=2)


@cache
def trained() -> Path:
    """The folder of the model that a toy run exports; leave it as it is."""
    folder = Path(tempfile.mkdtemp(prefix="toy-fill-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    export(train(start_run(TOY, folder)), folder / "model")
    return folder / "model"
