"""The free beginnings of many words (``free.txt``, ``free_words.txt``): their kinds, slots and forms.

A kind has three sections: "begin" says what somebody or something did, "after" brings in the hero, and "join"
comes back to what was begun. What it is about is an item with several forms, which the sentences share.
"""

FREE_KINDS = (
    "found", "lost", "made", "wanted", "could", "went", "felt", "seen", "mishap", "spoke", "ask", "call",
    "noise", "house", "people", "critter", "who", "rain", "day", "spot", "pair", "habit",
)  # fmt: skip
# The hero is the subject of these.
HEROES = frozenset(FREE_KINDS[:11]) | {"habit"}
# {found1}, {found2} are the forms of what is found, {found0} is the last word of the first form.
ITEM_SLOTS = tuple(f"{kind}{number}" for kind in FREE_KINDS for number in range(5))
FREE_SLOTS = (*ITEM_SLOTS, "kin")  # {kin} is the one of the family who is spoken of
SUBJECTS = {"name": "{name}", "pronoun": "{they}"}  # how {sub} is said where the list "sub" is not meant
ROLES = {"cry": "cry", "begin": "begin", "after": "open", "join": "join"}  # of the sentences of a section


def facts_of(kind: str) -> tuple[tuple[str, str], ...]:
    """What a sentence of a free beginning of this kind says about the story."""
    return (("beginning", kind),) + ((("company", "friend"),) if kind == "pair" else ())


def opened(line: str) -> list[str]:
    """A line that begins with "^" stands for two: without and with an opener such as "one day"."""
    return [line[2:], "{op}{comma} " + line[2:]] if line.startswith("^ ") else [line]


def item_fields(kind: str, entry: str) -> dict[str, str]:
    """The forms of what a free beginning is about: "broom / swept" fills {house0}, {house1} and {house2}."""
    forms = entry.split(" / ")
    fields = {f"{kind}{number}": form for number, form in enumerate(forms, 1)}
    return fields | {f"{kind}0": forms[0].split(" ")[-1]}
