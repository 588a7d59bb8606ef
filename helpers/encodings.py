"""The text in a file's bytes: by what the file says, else by a guess that is told, else not at all."""

from __future__ import annotations

import re
import unicodedata

from charset_normalizer import from_bytes

from helpers.errors import WorkbookError

BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
SAMPLE = 100_000  # bytes that are looked at for a guess
MARKS = set("“”„‘’‚«»‹›…–—•·°§€£¥©®™¿¡")  # that stand in texts of all kinds
MARKS |= set("、。「」『』・ー〜～！？：；（），\u3000")
# The letters beside a to z of the languages in each encoding; a text has those of one of them.
LATIN = {
    "cp1252": ("àâæçéèêëîïôœùûüÿ", "äöüßéà", "áéíóúüñ", "áâãàçéêíóôõú", "àèéìíîòóùú", "äöåéü", "æøåéó",
               "éëïóöü", "àâçèéêëïîñôöü"),  # the last are those of foreign words in English
    "cp1250": ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîşţ", "čćđšž"),
    "cp1254": ("çğıi̇öşüâîû",),
    "cp1257": ("āčēģīķļņšūž", "ąčęėįšųūž", "äõöüšž"),
}  # fmt: skip
SCRIPTS = {
    "cp949": ("HANGUL SYLLABLE", "CJK UNIFIED"),
    "cp932": ("HIRAGANA", "KATAKANA", "CJK UNIFIED", "IDEOGRAPHIC"),
    "euc_jp": ("HIRAGANA", "KATAKANA", "CJK UNIFIED", "IDEOGRAPHIC"),
    "gb18030": ("CJK UNIFIED",),
    "big5": ("CJK UNIFIED",),
    "cp1251": ("CYRILLIC",),
    "koi8_r": ("CYRILLIC",),
    "cp1253": ("GREEK",),
    "cp1255": ("HEBREW",),
    "cp1256": ("ARABIC",),
}
TYPICAL = {"cp949": "HANGUL SYLLABLE", "cp932": "HIRAGANA", "euc_jp": "HIRAGANA"}  # in a fifth of the letters


def decoded(data: bytes) -> tuple[str, str]:
    """The text, and the encoding if it was guessed, else ""; WorkbookError with the reason for no text."""
    encoding = next((name for mark, name in BOMS.items() if data.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in data:
        raise WorkbookError("binary: it has zero bytes")
    try:
        return data.decode(encoding), ""
    except UnicodeDecodeError:
        if encoding != "utf-8" or _nearly_utf_8(data):
            raise WorkbookError("damaged: save it as UTF-8 again") from None
    guess = _guess(data)
    if not guess:
        raise WorkbookError("neither UTF-8 nor surely another encoding: save it as UTF-8")
    return data.decode(guess), guess


def _nearly_utf_8(data: bytes) -> bool:
    """Whether more characters are right than wrong."""
    text = data.decode("utf-8", "surrogateescape")  # a wrong byte becomes half a character
    wrong = len(re.findall(r"[\udc80-\udcff]", text))
    return sum(not c.isascii() for c in text) - wrong > wrong


def _guess(data: bytes) -> str:
    """The one encoding in which the bytes are a text of some language, or "" where none or several are.

    charset-normalizer ranks; it is asked about the words that are not ASCII, because the others hide them.
    """
    words = b" ".join(re.findall(rb"\S*[\x80-\xff]\S*", data))[:SAMPLE]
    ranked = from_bytes(words, cp_isolation=[*LATIN, *SCRIPTS], threshold=0.5)
    ranks = {name: match for match in ranked for name in match.could_be_from_charset}
    texts = {}
    for name in ranks:
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        if _is_language(text, name):
            texts[name] = text
    for name in (*LATIN, "cp932", "euc_jp"):  # most texts have Western letters; kana are no accident
        if name in texts:
            return name
    best = min(texts, key=lambda name: (ranks[name].chaos, -ranks[name].coherence), default="")
    others = [ranks[name] for name in texts if texts[name] != texts[best]]
    clear = [
        other.chaos > ranks[best].chaos + 0.05 or other.coherence < ranks[best].coherence - 0.2
        for other in others
    ]
    return best if all(clear) else ""


def _is_language(text: str, encoding: str) -> bool:
    """Whether the letters beyond ASCII, are those of one language of the encoding."""
    text = text[:SAMPLE]
    strange = {c for c in text if not c.isascii()}
    letters = {c for c in strange if c.isalpha() or unicodedata.combining(c)}
    if not letters or not strange - letters <= MARKS:
        return False
    words = [word for word in re.findall(r"[^\W\d_]+", text) if not word.isascii()]
    if encoding in LATIN:
        plain = sum(c.isascii() for word in words for c in word)
        small = not any(re.search("[a-z]", word) and word[1:] != word[1:].lower() for word in words)
        own = any({c.lower() for c in letters} <= set(alphabet) for alphabet in LATIN[encoding])
        enough = encoding == "cp1252" or len(letters) >= 3
        return own and small and enough and 3 * plain >= len("".join(words))
    names = [unicodedata.name(c, "") for word in words for c in word if not c.isascii()]
    typical = sum(name.startswith(TYPICAL.get(encoding, "")) for name in names)
    mixed = encoding not in TYPICAL and any(re.search("[A-Za-z]", word) for word in words)
    right = all(name.startswith(SCRIPTS[encoding]) for name in names) and len(letters) >= 8
    return right and 5 * typical >= len(names) and not mixed
