"""A melody model small enough to be trained inside a test."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from smallworld.making.language.melody_data import Settings
from smallworld.making.language.run import export, train
from smallworld.making.melodies import start_run

TOY = Settings(
    tunes=120, steps=8, layers=1, width=16, heads=2, batch_tokens=800, warmup=2, validation_tunes=6,
    evaluate_every=4,
)  # fmt: skip


@cache
def trained() -> Path:
    """The folder of the model that a toy run exports; leave it as it is."""
    folder = Path(tempfile.mkdtemp(prefix="toy-melodies-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    export(train(start_run(TOY, folder)), folder / "model")
    return folder / "model"
