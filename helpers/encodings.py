"""The text in a file's bytes: by what the file says, else by a guess that is told, else not at all.

Bytes that are UTF-8 are read as UTF-8, also where letters of East Asia happened to make them. That is told as
a guess where few letters are strange and stand alone (`å = book`); else nothing shows it.
"""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress

from charset_normalizer import from_bytes

from helpers.errors import WorkbookError

BOMS = {b"\xff\xfe\0\0": "utf-32", b"\0\0\xfe\xff": "utf-32",
        b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}  # fmt: skip
# Signs that only such encodings have; what else holds an ESC is no text.
SEVEN_BITS = {"iso2022_kr": rb"\x1b\$\)C", "iso2022_jp_2": rb"\x1b[$(]", "hz": rb"~\{(?:[\x21-\x7e]{2})+~\}"}
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
    said = next((name for mark, name in BOMS.items() if data.startswith(mark)), "")
    switched = next((name for name, sign in SEVEN_BITS.items() if not said and re.search(sign, data)), "")
    if not said and not switched and b"\0" in data:
        raise WorkbookError("binary: it has zero bytes")
    try:
        text = data.decode(said or switched or "utf-8")
    except UnicodeDecodeError:
        if switched:
            raise WorkbookError("control characters (ESC), in no encoding that is known here") from None
        if said or _nearly_utf_8(data):
            raise WorkbookError("damaged: save it as UTF-8 again") from None
        if guess := _guess(data):
            return data.decode(guess), guess
        raise WorkbookError("neither UTF-8 nor surely another encoding: save it as UTF-8") from None
    if not said and not switched and (other := _utf_7(data)):
        return other, "utf-7"
    return text, switched or ("utf-8" if not said and _is_doubtful(text) else "")


def _utf_7(data: bytes) -> str:
    """The text where every "+" of an ASCII file begins other letters, and several, as in UTF-7; else ""."""
    with suppress(UnicodeDecodeError):
        text = data.decode("utf-7")
        strange = [c for c in text if not c.isascii()]
        if sum(c.isalpha() for c in strange) >= 4 and all(c.isalpha() or c in MARKS for c in strange):
            return text
    return ""


def _is_doubtful(text: str) -> bool:
    """Whether the letters beyond ASCII are so few, in words of their own, that other letters may be meant."""
    words = [word for word in re.findall(r"[^\W\d_]+", text) if not word.isascii()]
    strange = "".join(words)
    alone = not re.search("[a-zA-Z]", strange) and all(c < "\u0250" for c in strange)
    return 0 < len(strange) <= 4 and alone and not set(strange.lower()) & set("àèéó")  # words of Europe


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
        with suppress(UnicodeDecodeError):
            text = data.decode(name)
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
