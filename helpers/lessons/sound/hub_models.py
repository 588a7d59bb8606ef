"""Two large models of the hub: one speaks what you write (VITS), one plays what you describe (MusicGen).

Both are licensed CC-BY-NC 4.0: what you make with them must not be used commercially.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch

from helpers.checks import check_number, check_seed, check_text
from helpers.diagnosis import Damaged, refuse_code
from helpers.errors import WorkbookError
from helpers.registry import Place
from helpers.session import Session, quiet_libraries
from smallworld import WEIGHTS

if TYPE_CHECKING:
    from transformers import MusicgenForConditionalGeneration, VitsModel
    from transformers import PreTrainedTokenizerBase as Tokenizer

LONGEST_TEXT, LONGEST_MUSIC = 400, 20.0  # letters; seconds
NONE_HERE = "The profile tiny has no such model: set the profile to hub, or name a model."
KINDS = {"voice": ("vits", "VitsModel", "VITS voice"),
         "music": ("musicgen", "MusicgenForConditionalGeneration", "MusicGen model")}  # fmt: skip


def load_voice(session: Session, model: str = "") -> tuple[Tokenizer, VitsModel]:
    """Tokenizer and a VITS model that speaks, on the session's device, in float32 (it is small).

    model: "" for the profile's own, English; "facebook/mms-tts-kor" is Korean, and there are some thousand
    more languages; or a folder. Safetensors only, and never code from the hub. Raises WorkbookError in a
    sentence.
    """
    return _load(session, "voice", model)


def load_music(session: Session, model: str = "") -> tuple[Tokenizer, MusicgenForConditionalGeneration]:
    """Tokenizer and a MusicGen model, on the session's device and in its dtype; otherwise as `load_voice`."""
    return _load(session, "music", model)


def speak(tokenizer: Tokenizer, model: VitsModel, text: str, *, seed: int = 0) -> tuple[np.ndarray, int]:
    """A text, spoken: samples between -1 and 1, and how many of them there are a second.

    The whole wave is computed at once, from a text and from noise, so a seed fixes it. Korean is first
    written in Latin letters, as these models learnt it. Raises WorkbookError where no letter is known.
    """
    check_text("The text", text)
    if len(text) > LONGEST_TEXT:
        raise WorkbookError(f"The text has {len(text)} letters: give at most {LONGEST_TEXT}.")
    text = in_latin_letters(text) if getattr(tokenizer, "is_uroman", False) else text
    inputs = tokenizer(text, return_tensors="pt").to(model.device)
    if inputs.input_ids.shape[1] < 3:
        raise WorkbookError(f"The voice knows no letter of {text[:40]!r}: write in its language.")
    with torch.no_grad(), _seeded(model, seed):
        wave = model(**inputs).waveform[0]
    return _samples(wave), model.config.sampling_rate


def play(
    tokenizer: Tokenizer, model: MusicgenForConditionalGeneration, prompt: str, *, seconds: float = 5.0,
    seed: int = 0, guidance_scale: float = 3.0,
) -> tuple[np.ndarray, int]:  # fmt: skip
    """Music for a description: samples between -1 and 1, and how many of them there are a second.

    A language model draws tokens of sound, 50 steps a second, and a decoder turns them into a wave. A seed
    fixes it. guidance_scale: how closely it keeps to the description; 1 is no guidance. (Copet et al. 2023)
    """
    check_text("The prompt", prompt)
    if not prompt.strip():
        raise WorkbookError("The prompt is empty: describe the music, such as a calm tune on a piano.")
    check_number("seconds", seconds, 0.1, LONGEST_MUSIC, f"a number from 0.1 to {LONGEST_MUSIC:.0f}")
    check_number("guidance_scale", guidance_scale, 1.0, 20.0, "a number from 1 to 20 (1 is no guidance)")
    inputs = tokenizer([prompt], return_tensors="pt").to(model.device)
    steps = max(1, round(seconds * model.config.audio_encoder.frame_rate))
    steps += model.config.decoder.num_codebooks  # a delay of a step between the rows of tokens
    with torch.no_grad(), _seeded(model, seed):
        wave = model.generate(**inputs, do_sample=True, guidance_scale=float(guidance_scale),
                              max_new_tokens=steps)  # fmt: skip
    return _samples(wave[0, 0]), model.config.audio_encoder.sampling_rate


def in_latin_letters(text: str) -> str:
    """The text with each Korean syllable in Latin letters, as Unicode names it: 안녕 becomes annyeong."""
    letters = []
    for letter in unicodedata.normalize("NFC", text):
        name = unicodedata.name(letter, "")
        korean = name.startswith("HANGUL SYLLABLE ")
        letters.append(name.split()[-1].lower() if korean else letter)
    return "".join(letters)


def _load(session: Session, role: str, model: str):
    if session.profile == "tiny" and not model:
        raise WorkbookError(NONE_HERE)
    for place in session.places(role, model):  # another one follows where the model cannot be read
        with place.reading():
            import transformers  # noqa: F401  first, since only what is imported can be told to be quiet

            quiet_libraries(progress=session.shows_progress)
            dtype = torch.float32 if role == "voice" else session.dtype
            tokenizer, loaded = _read(role, place, dtype)
            return tokenizer, loaded.to(session.device).eval()


def _read(role: str, place: Place, dtype: torch.dtype):
    """Tokenizer and model from a folder; Damaged, or whatever a library raises, where it holds none."""
    import transformers

    kind, class_name, words = KINDS[role]
    if WEIGHTS in place.folder.parents:  # where auto has fallen back
        raise WorkbookError(NONE_HERE)
    refuse_code(place.folder, place.name)
    here = {"local_files_only": True, "trust_remote_code": False}
    config = transformers.AutoConfig.from_pretrained(place.folder, **here)
    if config.model_type != kind:
        raise WorkbookError(f"{place.name} is a {config.model_type}, not a {words}: name one that is.")
    tokenizer = transformers.AutoTokenizer.from_pretrained(place.folder, **here)
    model, report = getattr(transformers, class_name).from_pretrained(
        place.folder, dtype=dtype, use_safetensors=True, output_loading_info=True, **here
    )
    if report["missing_keys"] or not all(weights.isfinite().all() for weights in model.parameters()):
        raise Damaged("some of its weights are missing or not numbers")
    if len(tokenizer) < 3:
        raise Damaged(f"the tokenizer knows {len(tokenizer)} tokens")
    return tokenizer, model


@contextmanager
def _seeded(model, seed: int) -> Iterator[None]:
    """A block in which a seed fixes every random number; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[model.device] if model.device.type == "cuda" else []):
        torch.manual_seed(check_seed(seed))
        yield


def _samples(wave: torch.Tensor) -> np.ndarray:
    return wave.float().cpu().clamp(-1, 1).numpy()
