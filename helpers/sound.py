"""Sound as samples: checked, as loud as it should be, as a WAV file, with a player."""

from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING

import numpy as np

from helpers.errors import WorkbookError

if TYPE_CHECKING:
    from IPython.display import Audio

RATE = 8_000  # samples a second, as over a telephone: a notebook keeps every sample that it plays
SILENCE = 1e-6  # of full loudness: less is played as silence and not made louder


def check_samples(samples: np.ndarray) -> np.ndarray:
    """The samples (count,) as float64; WorkbookError where they are no row of finite numbers."""
    row = np.asarray(samples, dtype=np.float64)
    if row.ndim != 1 or not row.size:
        raise WorkbookError(f"A sound is a row of samples, but these have the shape {row.shape}.")
    if not np.isfinite(row).all():
        raise WorkbookError("Some samples are no numbers (nan or inf), so nothing can be played.")
    return row


def wav(samples: np.ndarray, rate: int = RATE) -> bytes:
    """A WAV file with a byte for each sample, made so loud that the loudest one is just not cut off."""
    row = check_samples(samples)
    loudest = float(np.abs(row).max())
    bytes_ = np.round(127 * row / loudest if loudest > SILENCE else 0 * row) + 128
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 1, rate, 0, "NONE", "not compressed"))
        sound.writeframes(bytes_.astype(np.uint8).tobytes())
    return file.getvalue()


def player(samples: np.ndarray, rate: int = RATE) -> Audio:
    """A player for the last line of a cell. It never starts by itself, and works on pages without scripts."""
    from IPython.display import Audio

    return Audio(wav(samples, rate))
