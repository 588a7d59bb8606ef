"""Which words of a text the training stories never contain, nor the requests that stand before them."""

import re
from collections.abc import Iterable
from functools import cache

from smallworld.world import grammar, vocabulary, wishes

WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")


def _split(text: str) -> list[str]:
    """The words of a text in small letters, slots left out."""
    return WORD.findall(grammar.SLOT.sub(" ", text).lower())


@cache
def words() -> frozenset[str]:
    """Collect every word, in small letters, of the training stories and their requests."""
    texts = [pattern.text for group in grammar.patterns().values() for pattern in group]
    texts += [phrase for phrases in grammar.lists().values() for phrase in phrases]
    texts += [phrase for phrases in grammar.objects().values() for phrase in phrases]
    slots = grammar.FACT_SLOTS - {"obj"}
    texts += [phrase for slot in slots for phrase in grammar.phrases(slot)]
    for section in grammar.sections(wishes.WISHES_FILE):
        if section not in ("read", "own_words"):
            texts += wishes.phrasings(section, False)
    texts += [
        *wishes.PLAIN,
        *vocabulary.MOODS,
        "a",
        "an",
        "and",
        "about",
        "with",
        "in",
        "it",
        "one",
        "the",
        "who",
    ]
    texts += ["friend", "friends", "meets", "named", "called", "little", "small", "young"]
    return frozenset(word for text in texts for word in _split(text))


def unseen(text: str, also_known: Iterable[str] = ()) -> list[str]:
    """List the words (and numbers) of a text that no training story contains, in small letters, each once.

    A word with a hyphen or an ending 's is known if its parts are. ``also_known``: words learnt since, for
    instance by fine-tuning.
    """
    known = words() | {word.lower() for word in also_known}
    found = dict.fromkeys(_split(text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")))
    split = {word: {part for part in re.split(r"-|'s\Z", word) if part} for word in found}
    new = [word for word in found if word not in known and not split[word] <= known]
    return [word for word in new if wishes.repaired(word) not in known]


def notice(texts: Iterable[str]) -> str:
    """One line that names the words of some prompts which the story model never met; "" where it met all."""
    new = unseen(" ".join(texts))
    if not new:
        return ""
    named = ", ".join(f'"{word}"' for word in new)
    return f"The story model never met {named}: it will guess, or write about something else."
