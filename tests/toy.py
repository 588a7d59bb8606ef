"""A language model small enough to be trained inside a test."""

import atexit
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from smallworld.making.language_run import export, train
from smallworld.making.text import TextRun, start_run
from smallworld.making.text_data import Settings


@dataclass(frozen=True)
class ToySettings(Settings):
    """The trainer's settings with toy sizes as defaults."""

    stories: int = 80
    steps: int = 12
    vocabulary: int = 400
    layers: int = 1
    width: int = 16
    heads: int = 2
    batch_tokens: int = 1_500
    warmup: int = 3
    validation_stories: int = 4
    evaluate_every: int = 6
    sample_tokens: int = 20


@cache
def trained() -> TextRun:
    """A toy run from start to end, exported to ``run.folder / "model"``; leave that folder as it is."""
    folder = Path(tempfile.mkdtemp(prefix="toy-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    run = train(start_run(ToySettings(), folder))
    export(run, folder / "model")
    return run
