"""Which words of a prompt reach the image model, which of them it has seen, and what it can draw."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache

from transformers import CLIPTokenizer

from smallworld import WEIGHTS
from smallworld.world import vocabulary

SEEN = "words.txt"  # in the folder of an image model: every word of the captions it was trained on
WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")


def notices(prompts: Sequence[str], tokenizer: CLIPTokenizer, small_world: bool) -> list[str]:
    """Say in a line each what a text encoder has no room for, and which words the small model never saw."""
    room = tokenizer.model_max_length
    lines = [
        f'The text encoder reads {room} tokens of a prompt; it does not see "{rest}".'
        for prompt in dict.fromkeys(prompts)
        if (rest := truncated(prompt, tokenizer))
    ]
    if small_world and (new := unseen(" ".join(prompts), tokenizer.get_added_vocab())):
        named = ", ".join(f'"{word}"' for word in new)
        lines.append(f"The model never saw {named}. What it can draw: {drawable()}.")
    return lines


def truncated(prompt: str, tokenizer: CLIPTokenizer) -> str:
    """Return the end of a prompt that does not fit, from the first word that is not read whole."""
    row = tokenizer(prompt, return_offsets_mapping=True, verbose=False)  # it would warn of what is said here
    if len(row.input_ids) <= tokenizer.model_max_length:
        return ""
    cut = row.offset_mapping[tokenizer.model_max_length - 1][0]  # the last place is for the end token
    start = next((word.start() for word in WORD.finditer(prompt) if word.start() < cut < word.end()), cut)
    return prompt[start or cut :].strip()


def unseen(prompt: str, also_known: Iterable[str] = ()) -> list[str]:
    """List the words (and numbers) of a prompt that the image model never saw, in lower case, each once.

    A word with a hyphen or an ending 's is known if its parts are. ``also_known``: tokens that were added.
    """
    known = seen() | {word for token in also_known for word in WORD.findall(token.lower())}
    found = WORD.findall(prompt.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    parts = {word: {part for part in re.split(r"-|'s\Z", word) if part} for word in found}
    return [word for word in parts if word not in known and not parts[word] <= known]


@cache
def seen() -> frozenset[str]:
    """Give every word of the captions on which the shipped image model was trained."""
    return frozenset((WEIGHTS / "image" / SEEN).read_text(encoding="utf-8").split())


def drawable() -> str:
    """Name the places, times, things and colours of the drawn world, group by group."""
    places = vocabulary.PLACES.values()
    groups = {
        "places": vocabulary.PLACES,
        "times": vocabulary.TIMES,
        "things": [*vocabulary.SKY_THINGS, *(thing for place in places for thing in place.things)],
        "colours": [*vocabulary.COLORS, *(c for colors in vocabulary.THING_COLORS.values() for c in colors)],
    }
    return "; ".join(f"{name}: {', '.join(dict.fromkeys(keys))}" for name, keys in groups.items())
