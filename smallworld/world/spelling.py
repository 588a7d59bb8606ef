"""Articles and capital letters of the sentences that the story grammar writes."""

import re

BEFORE_VOWEL = re.compile(r"\b([Aa]) (?=[aeiouAEIOU])")


def with_articles(sentence: str) -> str:
    """Write "an" before a vowel ("a otter" -> "an otter")."""
    return BEFORE_VOWEL.sub(r"\1n ", sentence)


WRONG_ARTICLE = re.compile(r"\b[Aa] (?=[aeiouAEIOU])|\b[Aa]n (?!hour)(?=[^aeiouAEIOU])")


def capitalise(sentence: str) -> str:
    """Write the first letter large, also after an opening quotation mark."""
    start = 1 if sentence.startswith('"') else 0
    return sentence[:start] + sentence[start : start + 1].upper() + sentence[start + 1 :]
