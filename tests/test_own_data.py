"""Reading a user's own texts and pictures: each file is used rightly or skipped by name."""

import io
import json
import os
import struct
import subprocess
import sys
import zlib
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers import own_data
from tests.tuning_tools import sentence

STORY = "Once upon a time, the café was “open”.\nNaïve owls said: déjà vu!"
RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)
CORNERS = ((8, 8), (55, 8), (8, 55), (55, 55))
BYTES = st.binary(max_size=300)


def put(folder, name: str, data: bytes | str) -> None:
    """A file below the folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def texts_of(folder, data: bytes | str, **options) -> list[str]:
    """The texts of one file, of which nothing is skipped."""
    put(folder, "a.txt", data)
    items, skipped, _ = own_data.read_texts(folder, **options)
    assert skipped == []
    return items


def reasons(found: own_data.Found) -> dict[str, str]:
    return {one.name: one.reason for one in found.skipped}


def quarters(size=(64, 64), colours=(RED, GREEN, BLUE, WHITE)) -> Image.Image:
    """Four colours: left and right above, left and right below."""
    picture = Image.new("RGB", (2, 2))
    picture.putdata(colours)
    return picture.resize(size, Image.Resampling.NEAREST)


def saved(picture: Image.Image, kind: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def picture_of(folder, data: bytes, size: int = 64) -> Image.Image:
    """The one picture of the folder, from a file with these bytes."""
    put(folder, "a.png", data)
    items, skipped, _ = own_data.read_pictures(folder, size)
    assert skipped == [] and [one.name for one in items] == ["a.png"]
    assert items[0].picture.mode == "RGB" and items[0].picture.size == (size, size)
    return items[0].picture


def assert_corners(picture: Image.Image, colours, within: int = 2) -> None:
    """The colours well inside the four quarters."""
    found = [picture.getpixel(place) for place in CORNERS]
    assert np.abs(np.subtract(found, colours)).max() <= within, found


# Folders


@pytest.mark.parametrize("read", [own_data.read_texts, own_data.read_pictures])
def test_a_folder_that_is_none_is_refused_in_a_sentence(read, tmp_path):
    assert "does not exist: name one" in sentence(read, tmp_path / "none")
    assert "does not exist: name one" in sentence(read, "") and "not exist" in sentence(read, "a\0b\n")
    assert "not exist" in sentence(read, "x" * 5000)
    put(tmp_path, "file", "text")
    assert "is a file: name one" in sentence(read, tmp_path / "file")
    (tmp_path / "empty" / "below").mkdir(parents=True)
    assert "is empty: put your" in sentence(read, str(tmp_path / "empty"))
    put(tmp_path, "empty/.DS_Store", b"\0")
    assert "is empty: put your" in sentence(read, str(tmp_path / "empty"))


@pytest.mark.parametrize("value", [0, -1, 1.5, None, True])
def test_sizes_out_of_range_are_refused(value, tmp_path):
    put(tmp_path, "a.txt", "text")
    assert f"is {value}: give a whole number" in sentence(own_data.read_texts, tmp_path, max_chars=value)
    assert f"is {value}: give a whole number" in sentence(own_data.read_pictures, tmp_path, value)


def test_nothing_is_written_and_torch_is_not_imported(tmp_path):
    put(tmp_path, "a.txt", STORY)
    put(tmp_path, "a.png", saved(quarters()))
    os.utime(tmp_path, (1, 1))
    own_data.read_texts(tmp_path), own_data.read_pictures(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["a.png", "a.txt"] and tmp_path.stat().st_mtime == 1
    code = "import sys, helpers.own_data; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).stdout == b"False\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes in folders")
def test_links_hidden_files_and_pipes_are_skipped_by_name(tmp_path):
    put(tmp_path, "out/secret.txt", "secret")
    folder = tmp_path / "in"
    put(folder, "a.txt", "used")
    put(folder, ".git/notes.txt", "hidden")
    put(folder, ".hidden.txt", "hidden")
    (folder / "link.txt").symlink_to(tmp_path / "out" / "secret.txt")
    (folder / "up").symlink_to(tmp_path)
    (folder / "broken.txt").symlink_to("nowhere")
    (folder / "loop.txt").symlink_to("loop.txt")
    os.mkfifo(folder / "pipe.txt")
    for read in (own_data.read_texts, own_data.read_pictures):
        found = read(folder)
        assert {"link.txt", "up", "broken.txt", "loop.txt", "pipe.txt", ".hidden.txt"} <= set(reasons(found))
        assert "link" in reasons(found)["link.txt"] and "not a file" in reasons(found)["pipe.txt"]
        assert "secret" not in str(found)
    assert own_data.read_texts(folder).items == ["used"]


def test_files_above_the_limit_or_unreadable_are_skipped_by_name(tmp_path, monkeypatch):
    put(tmp_path, "a.txt", "used")
    put(tmp_path, "big.txt", "x" * 101)
    monkeypatch.setattr(own_data, "MAX_BYTES", 100)
    assert own_data.read_texts(tmp_path).items == ["used"]
    assert list(reasons(own_data.read_texts(tmp_path))) == ["big.txt"]
    monkeypatch.setattr(own_data.Path, "read_bytes", lambda path: os.listdir(path))
    assert reasons(own_data.read_texts(tmp_path))["a.txt"] == "Not a directory"


# Texts


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_give_the_same_text(encoding, line_end, tmp_path):
    bom = "\ufeff" if encoding.endswith("e") else ""
    assert texts_of(tmp_path, (bom + STORY.replace("\n", line_end)).encode(encoding)) == [STORY]


def test_latin_1_and_what_cp1252_lacks(tmp_path):
    assert texts_of(tmp_path, "Café Müller, señor".encode("latin-1")) == ["Café Müller, señor"]
    put(tmp_path, "b.txt", b"caf\xe9\x81 \x93open\x94")
    assert "neither UTF-8 nor surely another" in reasons(own_data.read_texts(tmp_path))["b.txt"]


def test_other_scripts_and_emoji_survive(tmp_path):
    text = "옛날 옛적에. 昔々。\u2003Жили-были 👩‍🚀"
    assert texts_of(tmp_path, text) == [text] and texts_of(tmp_path, text.encode("utf-16")) == [text]
    assert texts_of(tmp_path, text.encode("utf-32")) == [text]


def test_control_characters_go_and_words_stay_apart(tmp_path):
    assert texts_of(tmp_path, "a\x07b\tc\x0cd\x7f\x1b e\u2028f\ufeffg\x85h\x1fi") == ["ab\tc d e fg h i"]
    assert texts_of(tmp_path, "a\0b".encode("utf-16")) == ["ab"]


@pytest.mark.parametrize("data, reason", [
    (b"", "empty"), (b" \r\n\t", "empty"), (b"\xef\xbb\xbf", "empty"), (b"\xff\xfe", "empty"),
    (b"abc\0def", "zero bytes"), (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "zero bytes"),
    (b"\x1b(\xff", "control characters"), (b"\xff\xfea", "damaged"), ("옛날 옛적에".encode()[:-1], "damaged"),
    ("옛날 옛적에".encode("cp949"), "UTF"),
    ("жили-были".encode("koi8-r"), "UTF"), (b"\xff\xfe\x00\xd8", "damaged"),
])  # fmt: skip
def test_what_is_no_text_is_skipped_with_the_reason(data, reason, tmp_path):
    put(tmp_path, "below/b.txt", data)
    put(tmp_path, "a.md", "used")
    found = own_data.read_texts(tmp_path)
    assert found.items == ["used"] and list(reasons(found)) == ["below/b.txt"]
    assert reason in reasons(found)["below/b.txt"]


def test_files_come_in_order_with_subfolders_and_others_are_named(tmp_path):
    for name in ("b.txt", "a/z.MD", "a.TXT", "c.docx"):
        put(tmp_path, name, name)
    found = own_data.read_texts(tmp_path)
    assert sorted(found.items) == ["a.TXT", "a/z.MD", "b.txt"] and found.items[-1] == "b.txt"
    assert found == own_data.read_texts(str(tmp_path))
    assert reasons(found) == {"c.docx": "neither .txt nor .md"}


# Encodings that a file does not name


PLAIN = "The dog went to the sea every morning. It was happy there, and so was the cat. "
LANGUAGES = {
    "cp949": "옛날 옛적에 강아지 한 마리가 숲속에 살았습니다. 강아지는 매일 아침 바다로 나갔습니다.",
    "cp932": "むかしむかし、あるところに、小さな犬が森に住んでいました。犬は毎朝、海へ行きました。",
    "euc_jp": "むかしむかし、あるところに、小さな犬が森に住んでいました。犬は毎朝、海へ行きました。",
    "gb18030": "很久以前，森林里住着一只小狗。它每天早上都去海边散步，看日出。",
    "big5": "很久以前，森林裡住著一隻小狗。它每天早上都去海邊散步，看日出。",
    "cp1251": "Жила-была собака. Каждое утро она ходила к морю и смотрела на солнце.",
    "koi8_r": "Жила-была собака. Каждое утро она ходила к морю и смотрела на солнце.",
    "cp1253": "Μια φορά κι έναν καιρό ζούσε ένα μικρό σκυλί στο δάσος. Κάθε πρωί πήγαινε στη θάλασσα.",
    "cp1250": "Dawno temu w lesie mieszkał mały pies. Każdego ranka szedł nad morze. Żółw śpi.",
    "cp1252": "Il était une fois un petit chien qui vivait dans la forêt, où le soleil naît. Ça brûle.",
    "iso2022_jp_2": "むかしむかし、小さな犬が森に住んでいました。",
    "iso2022_kr": "옛날 옛적에 강아지 한 마리가 숲속에 살았습니다.",
    "utf-7": "옛날 옛적에 강아지 한 마리가 1 + 2 숲속에 살았습니다.",
    "hz": "很久以前，森林里住着一只小狗。",
    "cp1254": "Bir zamanlar ormanda küçük bir köpek yaşarmış. Güneşin doğuşunu izlermiş. Ağaç.",
}


@pytest.mark.parametrize("plain", [0, 3, 40])
@pytest.mark.parametrize("encoding", LANGUAGES)
def test_a_guessed_encoding_gives_the_text_and_is_told(tmp_path, encoding, plain):
    text = PLAIN * plain + LANGUAGES[encoding]
    put(tmp_path, "a.txt", text.encode(encoding))
    found = own_data.read_texts(tmp_path, max_chars=10_000)
    assert found.items == [text]
    assert own_data.report(found) == f"Nothing was skipped.\nRead 1 as {encoding}, a guess: a.txt"


@pytest.mark.parametrize(
    "encoding", ["cp1250", "cp1251", "koi8_r", "mac_roman", "iso8859_2", "cp949", "cp932", "big5"]
)
@pytest.mark.parametrize("words", ["Żółw", "kůň", "жили-были", "강아지", "犬が", "déjà vu", "很久", "où"])
def test_few_letters_are_read_rightly_or_not_at_all(tmp_path, encoding, words):
    """But for Western letters, which most texts have that are not UTF-8."""
    try:
        data = (PLAIN + words).encode(encoding)
    except UnicodeEncodeError:
        pytest.skip("not in this encoding")
    put(tmp_path, "a.txt", data)
    found = own_data.read_texts(tmp_path)
    assert found.items in ([], [PLAIN + words]) or found.guesses == [("a.txt", "cp1252")]
    assert bool(found.items) != bool(found.skipped)


@pytest.mark.parametrize("words", ["책 = book", "창 is a window", "(철) iron", "BOOK: 책 창", "특 1"])
def test_few_letters_that_happen_to_be_utf_8_are_told_as_a_guess(tmp_path, words):
    put(tmp_path, "a.txt", words.encode("cp949"))
    assert own_data.read_texts(tmp_path).guesses == [("a.txt", "utf-8")]


@pytest.mark.parametrize("text", [
    "Un chien à la plage", "Ein Hund. Schön", "Œuvre, naïf", "책 = book", "я", "red+yellow-", "1+1, C++11",
    "caf+AOk", "a++b", "+82-10-1234", "πr²", "x² + y²", "5 µm", "Łódź", "\u201cHi\u201d \u2013 he said",
])  # fmt: skip
def test_what_is_surely_utf_8_is_no_guess(tmp_path, text):
    put(tmp_path, "a.txt", text)
    found = own_data.read_texts(tmp_path)
    assert found.items == [text] and found.guesses == []


def test_captions_in_another_encoding_are_guessed_too(tmp_path):
    put(tmp_path, "a.png", saved(quarters()))
    put(tmp_path, "a.txt", LANGUAGES["cp949"].encode("cp949"))
    found = own_data.read_pictures(tmp_path)
    assert found.items[0].caption == LANGUAGES["cp949"] and found.guesses == [("a.txt", "cp949")]


# Names that look the same


@pytest.mark.parametrize("on_disk, in_text", [("NFD", "NFC"), ("NFC", "NFD")])
def test_a_composed_and_a_decomposed_name_are_one(tmp_path, on_disk, in_text):
    """macOS writes names decomposed; editors and metadata.jsonl have them composed."""
    word = "강아지-é"
    here, there = normalize(on_disk, word), normalize(in_text, word)
    folder = tmp_path / here
    put(folder, f"{here}/a-{here}.png", saved(quarters()))
    put(folder, f"{here}/a-{there}.txt", "beside")
    put(folder, f"b-{here}.png", saved(quarters()))
    put(folder, "metadata.jsonl", json.dumps({"file_name": f"b-{there}.png", "text": "listed"}))
    found = own_data.read_pictures(tmp_path / there)
    assert found.skipped == [] and [one.caption for one in found.items] == ["listed", "beside"]
    assert own_data.read_texts(tmp_path / there / there).items == ["beside"]


def test_of_two_files_whose_names_look_the_same_one_is_told_as_skipped(tmp_path):
    names = [normalize(form, "강아지-é.txt") for form in ("NFC", "NFD")]
    for number, name in enumerate(names):
        put(tmp_path, name, f"story {number}")
    if len(os.listdir(tmp_path)) == 1:
        pytest.skip("this file system takes them for one")
    found = own_data.read_texts(tmp_path)
    assert len(found.items) == 1 and list(reasons(found)) == [names[0]]
    assert "a second file of the same name" in own_data.report(found)
    assert reasons(own_data.read_pictures(tmp_path))[names[0]]


@pytest.mark.parametrize("folder", [None, 3, ["a"], b"a"])
@pytest.mark.parametrize("read", [own_data.read_texts, own_data.read_pictures])
def test_what_is_no_name_of_a_folder_is_refused(read, folder):
    assert "A folder is a text, but this one is a" in sentence(read, folder)


# Cutting


def test_texts_are_cut_at_paragraphs_else_sentences_else_words_else_characters(tmp_path):
    text = "One two. Three four.\n\nFive six.\n \nSeven eight! “Nine?” Ten eleven twelve thirteen\n"
    text += "fourteenfifteensixteen"
    assert texts_of(tmp_path, text, max_chars=32) == [
        "One two. Three four.\n\nFive six.",
        "Seven eight! “Nine?”",
        "Ten eleven twelve thirteen",
        "fourteenfifteensixteen",
    ]
    assert texts_of(tmp_path, text, max_chars=12)[-3:] == ["thirteen", "fourteenfift", "eensixteen"]
    assert texts_of(tmp_path, "昔々ある所に。お爺さんと。", max_chars=8) == ["昔々ある所に。", "お爺さんと。"]
    assert texts_of(tmp_path, "Version 3.11 is out", max_chars=11) == ["Version", "3.11 is out"]
    assert texts_of(tmp_path, text, max_chars=10**9) == [text]


@pytest.mark.parametrize("unit", ["x", "word ", "Ein Satz. ", "\n\n", ".", "a\n", "a\n\n", " \n", "。"])
def test_long_lines_and_large_files_are_used_whole(unit, tmp_path):
    text = "Start " + unit * (10**5 // len(unit)) + " end"
    texts = texts_of(tmp_path, text)
    assert max(map(len, texts)) <= own_data.MAX_CHARS
    assert "".join("".join(texts).split()) == "".join(text.split())


def test_a_file_of_5_megabytes_is_used_whole(tmp_path):
    sentences = [f"Story {number} tells of owls, in {number % 7} words." for number in range(130_000)]
    paragraphs = [" ".join(sentences[first : first + 9]) for first in range(0, len(sentences), 9)]
    text = "\r\n\r\n".join(paragraphs)
    assert len(text) > 5_000_000
    texts = texts_of(tmp_path, text)
    assert " ".join(texts).split() == text.split() and len(texts) < 1.4 * len(text) / own_data.MAX_CHARS
    assert max(map(len, texts)) <= own_data.MAX_CHARS and all(text.endswith(".") for text in texts)


WORDS = st.text(st.sampled_from("ab.!”。é \n\t\r\x0c\u2028\xa0") | st.characters(codec="utf-8"), max_size=120)


@given(WORDS, st.integers(1, 40))
@example("a. b", 2)
@example("ab\n\ncd", 3)
def test_cutting_keeps_everything_but_space(text, max_chars):
    text = text.strip()
    pieces = own_data._cut(text, max_chars)
    assert all(len(piece) <= max_chars and piece == piece.strip() for piece in pieces)
    assert all(pieces) or text == ""
    assert "".join("".join(pieces).split()) == "".join(text.split())
    if max(map(len, text.split()), default=0) <= max_chars and not set(text) & set("。！？"):
        assert " ".join(pieces).split() == text.split()


# Pictures


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
@pytest.mark.parametrize("size", [(64, 64), (300, 300), (8, 8), (1030, 1030)])
def test_kinds_and_sizes(kind, size, tmp_path):
    assert_corners(picture_of(tmp_path, saved(quarters(size), kind)), (RED, GREEN, BLUE, WHITE), 20)


def test_size_is_what_the_caller_says(tmp_path):
    large = quarters((1024, 1024))
    assert picture_of(tmp_path, saved(large, "JPEG", quality=95), 512).getpixel((500, 500)) == WHITE
    assert picture_of(tmp_path, saved(large), 1).size == (1, 1)


def with_margins(size, box) -> Image.Image:
    picture = Image.new("RGB", size, BLACK)
    picture.paste(quarters((box[2] - box[0], box[3] - box[1])), box[:2])
    return picture


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("size, box", [
    ((200, 100), (50, 0, 150, 100)), ((100, 201), (0, 50, 100, 150)), ((3000, 1000), (1000, 0, 2000, 1000)),
])  # fmt: skip
def test_the_centre_square_is_taken(kind, size, box, tmp_path):
    picture = picture_of(tmp_path, saved(with_margins(size, box), kind))
    assert_corners(picture, (RED, GREEN, BLUE, WHITE), 12)
    assert min(picture.getpixel((62, 62))) > 200


@pytest.mark.parametrize("side", [255, 256, 257, 515, 777])
def test_shrinking_agrees_with_the_library(side, tmp_path):
    noise = np.random.default_rng(side).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC)
    expected = picture.resize((64, 64), Image.Resampling.LANCZOS)
    found = picture_of(tmp_path, saved(picture, compress_level=1))
    assert np.abs(np.asarray(found, float) - np.asarray(expected, float)).max() < 8


@pytest.mark.parametrize("orientation, colours", {
    1: (RED, GREEN, BLUE, WHITE), 2: (GREEN, RED, WHITE, BLUE), 3: (WHITE, BLUE, GREEN, RED),
    4: (BLUE, WHITE, RED, GREEN), 5: (RED, BLUE, GREEN, WHITE), 6: (BLUE, RED, WHITE, GREEN),
    7: (WHITE, GREEN, BLUE, RED), 8: (GREEN, WHITE, RED, BLUE), 9: (RED, GREEN, BLUE, WHITE),
}.items())  # fmt: skip
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientations(orientation, colours, kind, tmp_path):
    picture = with_margins((200, 100), (50, 0, 150, 100))
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert_corners(picture_of(tmp_path, saved(picture, kind, exif=exif)), colours, 12)


def test_transparency_is_put_on_white(tmp_path):
    picture = quarters().convert("RGBA")
    alpha = Image.new("L", (64, 64), 255)
    alpha.paste(0, (0, 0, 32, 32))
    alpha.paste(128, (32, 0, 64, 32))
    picture.putalpha(alpha)
    for kind in ("PNG", "WEBP", "TIFF"):
        data = saved(picture, kind, **({"lossless": True} if kind == "WEBP" else {}))
        assert_corners(picture_of(tmp_path, data), (WHITE, (127, 255, 127), BLUE, WHITE))
    large = picture_of(tmp_path, saved(picture.resize((999, 999), Image.Resampling.NEAREST)))
    assert_corners(large, (WHITE, (127, 255, 127), BLUE, WHITE))


def test_palettes_with_and_without_transparency(tmp_path):
    picture = quarters().quantize(4)
    assert_corners(picture_of(tmp_path, saved(picture)), (RED, GREEN, BLUE, WHITE))
    red = picture.getpixel((0, 0))
    for kind in ("PNG", "GIF"):
        assert_corners(
            picture_of(tmp_path, saved(picture, kind, transparency=red)), (WHITE, GREEN, BLUE, WHITE)
        )
    alphas = bytes(0 if index == red else 255 for index in range(4))
    assert_corners(picture_of(tmp_path, saved(picture, transparency=alphas)), (WHITE, GREEN, BLUE, WHITE))
    assert_corners(picture_of(tmp_path, saved(quarters(), transparency=GREEN)), (RED, WHITE, BLUE, WHITE))


def test_grey_with_and_without_alpha_black_and_white_and_cmyk(tmp_path):
    grey = quarters(colours=(BLACK, (80,) * 3, (160,) * 3, WHITE)).convert("L")
    greys = [(value,) * 3 for value in (0, 80, 160, 255)]
    for kind in ("PNG", "JPEG", "TIFF", "BMP"):
        assert_corners(picture_of(tmp_path, saved(grey, kind)), greys, 3)
    clear = Image.merge("LA", (grey, Image.new("L", (64, 64), 0)))
    assert_corners(picture_of(tmp_path, saved(clear)), [WHITE] * 4)
    assert_corners(picture_of(tmp_path, saved(grey.convert("1", dither=0))), (BLACK, BLACK, WHITE, WHITE))
    for kind in ("JPEG", "TIFF"):
        data = saved(quarters().convert("CMYK"), kind)
        assert_corners(picture_of(tmp_path, data), (RED, GREEN, BLUE, WHITE), 20)


def test_16_bit_grey_is_scaled_to_8(tmp_path):
    values = np.kron(np.array([[0, 257 * 80], [257 * 160, 65535]]), np.ones((150, 150))).astype(np.uint16)
    greys = [(value,) * 3 for value in (0, 80, 160, 255)]
    for kind in ("PNG", "TIFF"):
        assert_corners(picture_of(tmp_path, saved(Image.fromarray(values), kind)), greys)
    big_endian = Image.frombytes("I;16B", (300, 300), values.astype(">u2").tobytes())
    assert_corners(picture_of(tmp_path, saved(big_endian, "TIFF")), greys)
    dark = Image.fromarray((values // 512).astype(np.int32))
    assert_corners(picture_of(tmp_path, saved(dark, "TIFF")), [(0,) * 3] * 4, 1)


def test_pixels_of_32_bits_are_skipped_by_name(tmp_path):
    put(tmp_path, "int.tif", saved(Image.fromarray(np.full((9, 9), 70000, np.int32)), "TIFF"))
    put(tmp_path, "float.tif", saved(Image.fromarray(np.full((9, 9), 0.5, np.float32)), "TIFF"))
    found = own_data.read_pictures(tmp_path)
    assert found.items == [] and set(reasons(found)) == {"int.tif", "float.tif"}
    assert all("32 bits" in reason for reason in reasons(found).values())


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, row: bytes, colour_type: int = 0, bits: int = 8) -> bytes:
    """A PNG file, all rows the same, written without holding it in memory."""
    packer, header = zlib.compressobj(1), struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    data = b"".join(packer.compress(b"\0" + row) for _ in range(height)) + packer.flush()
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def test_one_pixel_is_enlarged(tmp_path):
    assert_corners(picture_of(tmp_path, saved(Image.new("RGB", (1, 1), RED))), [RED] * 4, 0)
    assert picture_of(tmp_path, saved(Image.new("L", (1, 500), 9), "BMP")).getpixel((0, 0)) == (9, 9, 9)
    assert_corners(picture_of(tmp_path, png(2_000_000, 1, b"\x50" * 2_000_000)), [(80,) * 3] * 4, 0)


PEAK = """
import re, sys
from helpers import own_data
def peak():  # of this process alone; getrusage knows its parent's too
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
own_data.Image.init()
before = peak()
(one,), skipped, _ = own_data.read_pictures(sys.argv[1])
print((peak() - before) // 1024, *one.picture.getpixel((8, 8)), *one.picture.getpixel((55, 55)))
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="memory is measured on Linux")
@pytest.mark.parametrize("kind", ["rgba.png", "grey16.png", "rgb.jpg"])
def test_8000_by_6000_pixels_are_read_within_300_megabytes(kind, tmp_path):
    if kind == "rgba.png":
        data = png(8000, 6000, bytes((*RED, 255)) * 4000 + bytes((*BLUE, 0)) * 4000, 6)
        colours = [*RED, *WHITE]
    elif kind == "grey16.png":
        data = png(8000, 6000, b"\x50\x50" * 4000 + b"\xff\xff" * 4000, 0, 16)
        colours = [80] * 3 + [255] * 3
    else:
        data = saved(quarters((8000, 6000), (RED, BLUE, RED, BLUE)), "JPEG")
        colours = [254, 0, 0, 0, 0, 254]
    put(tmp_path, kind, data)
    child = subprocess.run([sys.executable, "-c", PEAK, tmp_path], capture_output=True, text=True, check=True)
    megabytes, *found = map(int, child.stdout.split())
    assert found == colours and megabytes < (60 if kind == "rgb.jpg" else 300)


def test_pictures_above_the_limit_are_skipped_before_they_are_read(tmp_path):
    assert own_data.MAX_PIXELS >= 8000 * 6000
    header = png(1, 1, b"\0")[33:]
    for name, side in (("warned.png", 10_000), ("bomb.png", 60_000), ("zero.png", 0)):
        data = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
        put(tmp_path, name, b"\x89PNG\r\n\x1a\n" + data + header)
    put(tmp_path, "large.webp", saved(Image.new("RGB", (4500, 4500)), "WEBP", method=0))
    put(tmp_path, "good.png", saved(quarters()))
    found = own_data.read_pictures(tmp_path)
    assert [one.name for one in found.items] == ["good.png"] and len(found.skipped) == 4
    for name in ("warned.png", "bomb.png", "large.webp"):
        assert reasons(found)[name] == "above 50 million pixels (WebP: 20)"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_truncated_pictures_are_skipped_by_name(kind, tmp_path):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8))
    data = saved(noise, kind)
    put(tmp_path, "half", data[: len(data) // 2])
    put(tmp_path, "few", data[:20])
    put(tmp_path, "whole", data)
    found = own_data.read_pictures(tmp_path)
    assert [one.name for one in found.items] == ["whole"] and set(reasons(found)) == {"half", "few"}
    assert "truncated" in reasons(found)["half"]


def test_what_is_no_picture_is_skipped_by_name_and_a_name_does_not_matter(tmp_path):
    put(tmp_path, "text.png", STORY)
    put(tmp_path, "empty.jpg", b"")
    put(tmp_path, "program.png", "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    put(tmp_path, "PHOTO", saved(quarters(), "JPEG"))
    found = own_data.read_pictures(tmp_path)
    assert [one.name for one in found.items] == ["PHOTO"] and len(found.skipped) == 3
    assert all("not a picture" in reason for reason in reasons(found).values())


def test_the_first_frame_of_an_animation_is_taken(tmp_path):
    frames = [quarters(), Image.new("RGB", (64, 64), BLACK)]
    for kind in ("GIF", "PNG", "WEBP", "TIFF"):
        data = saved(frames[0], kind, save_all=True, append_images=frames[1:])
        assert_corners(picture_of(tmp_path, data), (RED, GREEN, BLUE, WHITE), 12)


# Captions


def captions(folder) -> dict[str, str]:
    return {one.name: one.caption for one in own_data.read_pictures(folder).items}


def test_captions_beside_pictures_are_decoded_as_texts_are(tmp_path):
    for name in ("a.png", "b.jpg", "below/c.PNG", "d.png", "e.png"):
        put(tmp_path, name, saved(Image.new("RGB", (2, 2))))
    put(tmp_path, "a.txt", "a café\r\n at\tnight\r\n".encode("cp1252"))
    put(tmp_path, "b.txt", "옛날".encode("utf-16"))
    put(tmp_path, "below/c.TXT", "\ufeffa balloon")
    put(tmp_path, "e.txt", " \n")
    put(tmp_path, "readme.txt", "about")
    assert captions(tmp_path) == {
        "a.png": "a café at night", "b.jpg": "옛날", "below/c.PNG": "a balloon", "d.png": "", "e.png": "",
    }  # fmt: skip
    found = own_data.read_pictures(tmp_path)
    assert reasons(found) == {"e.txt": "empty or blank", "readme": "a caption without its picture"}


def test_captions_in_metadata_and_its_bad_lines_by_number(tmp_path):
    for name in ("a.png", "b.png", "below/c.png", "below/d.png"):
        put(tmp_path, name, saved(Image.new("RGB", (2, 2))))
    lines = [
        json.dumps({"file_name": "a.png", "text": "first\n\ud800 line", "more": 1}), "", "{", "[1]",
        '{"text": "x"}',
        '{"file_name": "b.png", "text": 3}', '{"file_name": 3, "text": "x"}', "[" * 100_000, "null",
        '{"file_name": "./below/c.png", "text": "sea"}', '{"file_name": "../../etc/passwd", "text": "no"}',
        '{"file_name": "b.png", "text": "from metadata"}',
    ]  # fmt: skip
    put(tmp_path, "metadata.jsonl", "\ufeff" + "\r\n".join(["", *lines, ""]))
    put(tmp_path, "below/metadata.jsonl", '{"file_name": "d.png", "text": "a café"}')
    put(tmp_path, "b.txt", "from beside")
    assert captions(tmp_path) == {
        "a.png": "first line", "b.png": "from beside", "below/c.png": "sea", "below/d.png": "a café",
    }  # fmt: skip
    skipped = reasons(own_data.read_pictures(tmp_path))
    bad = {f"metadata.jsonl line {number}" for number in (4, 5, 6, 7, 8, 9, 10)}
    assert set(skipped) == {*bad, "../../etc/passwd"}


# Any bytes at all


@given(BYTES, st.sampled_from([b"", b"\xff\xfe", b"\xef\xbb\xbf", b"\xfe\xff"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_a_text_or_skipped(tmp_path, data, start):
    put(tmp_path, "a.txt", start + data)
    items, skipped, _ = own_data.read_texts(tmp_path, max_chars=50)
    assert bool(items) != bool(skipped) and all(0 < len(item) <= 50 for item in items)
    assert not any(c != "\t" and c != "\n" and ord(c) < 32 for item in items for c in item)
    "".join(items).encode()


HEADS = {
    kind: saved(Image.effect_noise((20, 20), 90), kind)
    for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
}


@given(st.sampled_from(sorted(HEADS)), st.integers(0, 600), BYTES, st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_a_picture_or_skipped(tmp_path, kind, place, data, cut):
    whole = HEADS[kind]
    put(tmp_path, "a", whole[:place] + data + (b"" if cut else whole[place + len(data) :]))
    items, skipped, _ = own_data.read_pictures(tmp_path, 8)
    assert len(items) + len(skipped) == 1
    assert all(one.picture.size == (8, 8) and one.picture.mode == "RGB" for one in items)


@given(BYTES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_any_bytes_are_captions_or_skipped(tmp_path, data):
    put(tmp_path, "a.png", HEADS["PNG"])
    put(tmp_path, "a.txt", data)
    put(tmp_path, "metadata.jsonl", data)
    ((_, caption, _),), *_ = own_data.read_pictures(tmp_path, 8)
    assert "\n" not in caption and caption == caption.strip()


# The report


def test_the_report_groups_by_reason_and_names_a_few():
    skipped = [own_data.Skipped(f"{number}.txt", "empty or blank") for number in range(7)]
    skipped.insert(3, own_data.Skipped("x.png", "truncated"))
    guesses = [own_data.Guess(f"{number}.txt", "cp949") for number in range(3)]
    assert own_data.report(own_data.Found([], skipped, guesses), 2).splitlines() == [
        "Skipped 7 (empty or blank): 0.txt, 1.txt, ...", "Skipped 1 (truncated): x.png",
        "Read 3 as cp949, a guess: 0.txt, 1.txt, ...",
    ]  # fmt: skip
    assert own_data.report(own_data.Found([], [], [])) == "Nothing was skipped."


def test_names_cannot_break_the_report(tmp_path):
    names = [
        b"new\nline.txt",
        b"\x1b[31mred.txt",
        "\u202egnp.txt".encode(),
        b"not-utf-8-\xff.txt",
        b"t\tab.txt",
    ]
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb"):
            pass
    text = own_data.report(own_data.read_texts(tmp_path))
    assert text.startswith("Skipped 5 (empty or blank): ") and text.isprintable() and text.encode()
    assert "new\\nline.txt" in text and "not-utf-8-\\udcff.txt" in text
    assert len(own_data.report(own_data.Found([], [own_data.Skipped("x" * 4000, "why")], []))) < 150
