"""Reads single sentences of the small world: which pattern writes them, and what fills each slot."""

import re
from dataclasses import dataclass
from functools import cache

from smallworld.world import grammar
from smallworld.world.grammar import Pattern, capitalise

SENTENCE_END = re.compile(r"""(?<=[.!?])\s+(?=["A-Z])|(?<=[.!?]")\s+(?=["A-Z])""")


@dataclass(frozen=True)
class Reading:
    """One way to read a sentence: the pattern it follows and what fills each slot."""

    pattern: Pattern
    slots: tuple[tuple[str, str], ...]


def split_sentences(text: str) -> list[str]:
    """Split a text into sentences; a quotation followed by a small letter goes on."""
    return [part for part in SENTENCE_END.split(text.strip()) if part]


class _Expression:
    """Builds the regular expression of a pattern, with a group for each slot that a fact fills."""

    def __init__(self, text: str):
        self.slots: list[str] = []
        self.source = self._text(text, True)

    def _text(self, text: str, first: bool) -> str:
        """The expression of a text with slots; ``first``: at the start of the sentence."""
        pieces = []
        for number, piece in enumerate(re.split(r"\{(\w+)\}", text)):
            if number % 2:
                pieces.append(self._slot(piece, first))
            else:
                literal = re.escape(capitalise(piece) if first else piece)
                pieces.append(re.sub(r"\b([Aa])\\ $", r"\1n?\\ ", literal))
            first = first and piece in ("", '"')
        return "".join(pieces)

    def _slot(self, slot: str, first: bool) -> str:
        """The expression of everything that may fill a slot, the longest first."""
        values = sorted(grammar.phrases(slot), key=len, reverse=True)
        depends = slot in grammar.FACT_SLOTS or slot not in grammar.lists()
        if depends:
            self.slots.append(slot)
        inner = "|".join(self._text(value, first) for value in values)
        return f"({inner})" if depends else f"(?:{inner})"


@cache
def _compiled(text: str, any_case: bool) -> tuple[re.Pattern, tuple[str, ...]]:
    """The expression of a pattern's text and the slots of its groups."""
    built = _Expression(text)
    return re.compile(built.source, re.IGNORECASE if any_case else 0), tuple(built.slots)


@cache
def _index() -> tuple[tuple[str, Pattern], ...]:
    """All patterns, each with its longest fixed part: a sentence without it need not be compared."""
    table = []
    for group in grammar.patterns().values():
        for pattern in group:
            first, *others = re.split(r"\{\w+\}", pattern.text)
            literals = [capitalise(first) if first not in ("", '"') else first, *others]
            literals = [re.sub(r"\b[Aa] $", "", literal) for literal in literals]
            table.append((max(literals, key=len), pattern))
    return tuple(table)


@cache
def read_sentence(sentence: str, any_case: bool = False) -> tuple[Reading, ...]:
    """Find every pattern that writes exactly this sentence, with its slots; () where there is none.

    ``any_case``: capital and small letters count as the same, as at the beginning of a typed story.
    """
    if grammar.WRONG_ARTICLE.search(sentence):
        return ()
    searched = sentence.lower() if any_case else sentence
    found = []
    for longest, pattern in _index():
        if (longest.lower() if any_case else longest) in searched:
            expression, slots = _compiled(pattern.text, any_case)
            match = expression.fullmatch(sentence)
            if match:
                pairs = zip(slots, match.groups(), strict=True)
                found.append(
                    Reading(pattern, tuple((slot, value) for slot, value in pairs if value is not None))
                )
    return tuple(found)
