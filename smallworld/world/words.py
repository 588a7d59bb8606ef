"""Which words of a prompt reach the image model, which of them it has seen, and what it can draw."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from transformers import CLIPTokenizer

from smallworld.world import captions, reader, vocabulary

WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")


def notices(
    prompts: Sequence[str], tokenizer: CLIPTokenizer, small_world: bool, negative: Sequence[str] = ()
) -> list[str]:
    """Say in a line each what a text encoder has no room for, and what the small model cannot draw.

    ``negative`` holds negative prompts: they may list any number of things; only new words are named.
    """
    room = tokenizer.model_max_length
    lines = [
        f'The text encoder reads {room} tokens of a prompt; it does not see "{rest}".'
        for prompt in dict.fromkeys((*prompts, *negative))
        if (rest := truncated(prompt, tokenizer))
    ]
    return lines + _beyond_the_world(prompts, negative, tokenizer) if small_world else lines


def _beyond_the_world(prompts: Sequence[str], negative: Sequence[str], tokenizer: CLIPTokenizer) -> list[str]:
    """One line for each kind of request that the small model does not understand, or never saw drawn."""
    texts = list(dict.fromkeys(prompts))
    negations, numbers, colors, characters = (
        list(dict.fromkeys(each for text in texts for each in read(text)))
        for read in (
            reader.negations,
            reader.numbers_above_three,
            reader.impossible_colors,
            reader.characters,
        )
    )
    lines = [_negation_line(negations)] if negations else []
    if numbers:
        lines.append(f"The model counts to three: {_quoted(numbers)} will come out as another number.")
    if colors:
        lines.append(_color_line(colors))
    if characters:
        lines.append(f"The model draws nobody: {_quoted(characters)} will be left out.")
    mixed = [things for text in texts if len(things := _things(text)) > 1 and not reader.negations(text)]
    if mixed:
        things = _quoted(mixed[0], " and ")
        lines.append(f"The model draws one kind of thing in a picture: {things} may melt into one.")
    said = {*negations, *numbers, *(color for color, _ in colors)}
    new = [word for word in unseen(" ".join((*prompts, *negative)), tokenizer.get_added_vocab())
           if word not in said]  # fmt: skip
    if new:
        lines.append(f"The model never saw {_quoted(new)}. What it can draw: {drawable()}.")
    return lines


def _negation_line(words: Sequence[str]) -> str:
    """What to do instead of "no" and "without"."""
    return (
        f"The model does not understand {_quoted(words)}: name only what should be there, "
        "and put the rest into negative_prompt."
    )


def _color_line(pairs: Sequence[tuple[str, str]]) -> str:
    """Which colours the things have for which another colour was asked."""
    asked = _quoted([f"{color} {thing}" for color, thing in pairs])
    things = dict.fromkeys(thing for _, thing in pairs)
    colors = [f"a {thing} can be {_listed(vocabulary.colors_of(thing))}" for thing in things]
    return f"The model never saw {asked}: {'; '.join(colors)}.".replace(" a airship", " an airship")


def _things(text: str) -> list[str]:
    """The kinds of things that a prompt names."""
    return list(dict.fromkeys(each.thing for each in reader.read_things(text)))


def _quoted(words: Iterable[str], link: str = ", ") -> str:
    return link.join(f'"{word}"' for word in words)


def _listed(words: Sequence[str]) -> str:
    """red, blue or green."""
    return " or ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def truncated(prompt: str, tokenizer: CLIPTokenizer) -> str:
    """Return the end of a prompt that does not fit, from the first word that is not read whole."""
    row = tokenizer(prompt, return_offsets_mapping=True, verbose=False)  # it would warn of what is said here
    if len(row.input_ids) <= tokenizer.model_max_length:
        return ""
    cut = row.offset_mapping[tokenizer.model_max_length - 1][0]  # the last place is for the end token
    start = next((word.start() for word in WORD.finditer(prompt) if word.start() < cut < word.end()), cut)
    return prompt[start or cut :].strip()


def unseen(prompt: str, also_known: Iterable[str] = ()) -> list[str]:
    """List the words (and numbers) of a prompt that no caption contains, in lower case, each once.

    A word with a hyphen or an ending 's is known if its parts are. ``also_known``: tokens that were added.
    """
    known = captions.words() | {word for token in also_known for word in WORD.findall(token.lower())}
    found = WORD.findall(prompt.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    parts = {word: {part for part in re.split(r"-|'s\Z", word) if part} for word in found}
    return [word for word in parts if word not in known and not parts[word] <= known]


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
