"""Labelled pictures: from readers' words to verdicts, sheets and keys, rounds on disk, the examination."""

import json

import numpy as np
import pytest
from PIL import Image

from smallworld.judges.pictures import UNREADABLE, Judge, Reading
from smallworld.making import contact_sheets as sheets
from smallworld.making import judge_exam as exam
from smallworld.making import judge_labels as labels
from smallworld.making.judge_data import UNSAID, labelled_examples


def line(**given):
    plain = {"thing": "boat", "certainty": "sure", "count": "1", "color": "red", "place": "sea",
             "time": "noon", "defect": "none"}  # fmt: skip
    return plain | given


# --- verdicts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "thing"),
    [
        ({"thing": "boat"}, "boat"),
        ({"thing": "Sailing  boat"}, "boat"),
        ({"thing": "hot-air balloon"}, "balloon"),
        ({"thing": "cars"}, "flying car"),
        ({"thing": "boat", "certainty": "guess"}, None),
        ({"thing": "cannot tell", "certainty": "sure"}, UNREADABLE),
        ({"thing": "cannot tell", "certainty": "guess"}, UNREADABLE),
        ({"thing": "hat"}, UNREADABLE),  # a thing that the world does not have
        ({"thing": "none", "count": "0"}, ""),
        ({"thing": "none", "certainty": "guess"}, ""),
    ],
)
def test_a_line_becomes_a_verdict_on_the_thing(given, thing):
    assert labels.verdict_of(line(**given)).thing == thing


def test_the_other_columns_become_keys_too():
    found = labels.verdict_of(line(count="2", color="violet", place="beach", time="dusk", defect="visible"))
    assert found == labels.Verdict("boat", "purple", 2, "ocean", "sunset", True)
    unknown = labels.verdict_of(line(count="many", color="plaid", place="moon", time="later"))
    assert (unknown.count, unknown.color, unknown.place, unknown.time) == (None,) * 4
    assert labels.verdict_of(line(thing="none", count="0", color="red")).color is None


@pytest.mark.parametrize(
    ("first", "second", "thing"),
    [
        ({}, {}, "boat"),
        ({}, {"certainty": "guess"}, "boat"),
        ({}, {"thing": "tent"}, None),
        ({}, {"thing": "cannot tell"}, None),
        ({"thing": "cannot tell"}, {"thing": "cannot tell"}, UNREADABLE),
        ({"thing": "cannot tell"}, {"certainty": "guess"}, UNREADABLE),
        ({"certainty": "guess"}, {"certainty": "guess"}, None),
    ],
)
def test_two_readers_have_a_verdict_where_they_agree(first, second, thing):
    verdicts = [labels.verdict_of(line(**given)) for given in (first, second)]
    assert labels.common_verdict(verdicts).thing == thing == labels.common_verdict(verdicts[::-1]).thing


def test_every_word_of_the_table_means_a_key_of_the_vocabulary():
    for name, words in labels.meanings().items():
        allowed = {"", *labels.FACTS[name], *([UNREADABLE] if name == "thing" else [])}
        assert words and set(words.values()) <= allowed
        assert all(word == " ".join(word.lower().split()) for word in words)


# --- sheets, keys and rounds ----------------------------------------------------------------------------


def folder_of(path, count, **given):
    path.mkdir()
    made = [{"prompt": f"p{number}", "place": "ocean", "time": "noon", "thing": "boat", "color": "red",
             "count": 1, "weights": "toy", "steps": 8, "guidance": 3.0, "seed": number} | given
            for number in range(count)]  # fmt: skip
    pictures = np.random.default_rng(0).integers(0, 256, (count, 64, 64, 3), np.uint8)
    np.save(path / "pictures.npy", pictures)
    (path / "pictures.json").write_text(json.dumps(made))
    return path, pictures, made


def test_sheets_hide_what_the_key_tells_and_answers_find_their_pictures(tmp_path):
    source, pictures, made = folder_of(tmp_path / "made", 40)
    out, key, kept = tmp_path / "sheets", tmp_path / "key", tmp_path / "labelled"
    assert sheets.lay("first", [source], out, key, controls=0.2, seed=1) == 2
    names = {path.name for path in out.iterdir()}
    assert names == {"READ.md", *(f"first_0{n}.{kind}" for n in (1, 2) for kind in ("png", "tsv"))}
    told = (out / "READ.md").read_text()
    assert not any(thing in told for thing in labels.FACTS["thing"] if thing)
    table = out / "first_01.tsv"
    rows = [f"{cell}\tboat\tsure\t1\tred\tsea\tnoon\tnone" for cell in range(1, 25)]
    table.write_text(table.read_text() + "\n".join(rows) + "\n")
    assert sheets.keep("first", key, [("a reader", table)], "a note", kept) == 24
    read = labels.load_labelled(folder=kept)
    assert len(read) == 24 and all(len(picture.readings) == 1 for picture in read)
    by_prompt = {entry["prompt"]: picture for entry, picture in zip(made, pictures, strict=True)}
    shown = [picture for picture in read if picture.made["weights"] != "drawing"]
    assert all(np.array_equal(picture.pixels, by_prompt[picture.made["prompt"]]) for picture in shown)
    assert {picture.part for picture in read if picture.made["weights"] == "drawing"} <= {"exam"}
    assert [p.verdict.place for p in read] == ["ocean"] * 24


def test_parts_are_drawn_by_lot_unless_they_are_settled():
    made = [{"weights": "toy"}] * 600 + [{"weights": "toy", "part": "fit"}] * 50
    parts = sheets.choose_parts(made, 0)
    assert parts == sheets.choose_parts(made, 0) != sheets.choose_parts(made, 1)
    assert set(parts[600:]) == {"fit"}
    shares = {part: parts[:600].count(part) / 600 for part in labels.PARTS}
    assert shares == pytest.approx({"exam": 0.5, "choose": 0.12, "fit": 0.38}, abs=0.06)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (["1\tboat\tsure\t1\tred\tsea\tnoon"], "has not 8 columns"),
        (["x\tboat\tsure\t1\tred\tsea\tnoon\tnone"], "has not 8 columns and a number"),
        (["99\tboat\tsure\t1\tred\tsea\tnoon\tnone"], "there is no cell 99"),
        (["1\tboat\tperhaps\t1\tred\tsea\tnoon\tnone"], "cell 1 is neither sure nor guess"),
        (["1\tboat\tsure\t1\tred\tsea\tnoon\tnone"] * 2, "read a cell twice"),
    ],
)
def test_answers_that_cannot_be_used_are_named(rows, sentence, tmp_path):
    source, *_ = folder_of(tmp_path / "made", 3)
    sheets.lay("first", [source], tmp_path / "sheets", tmp_path / "key", controls=0.1, seed=0)
    table = tmp_path / "sheets" / "first_01.tsv"
    table.write_text(table.read_text() + "\n".join(rows) + "\n")
    with pytest.raises(sheets.SheetError, match=sentence):
        sheets.keep("first", tmp_path / "key", [("a", table)], "", tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_a_sheet_shows_each_picture_smoothly_enlarged_at_its_number():
    pictures = np.zeros((8, 64, 64, 3), np.uint8)
    pictures[:, :, :, 0] = (np.arange(8) * 30)[:, None, None]
    sheet = np.asarray(sheets.draw_sheet(pictures, 1))
    side = 64 * sheets.SCALE
    for number in range(8):
        row, column = divmod(number, sheets.SHEET_COLUMNS)
        left = sheets.GAP + column * (side + sheets.GAP)
        top = sheets.GAP + sheets.TITLE + row * (side + sheets.TITLE + sheets.GAP)
        assert (sheet[top : top + side, left : left + side] == (number * 30, 0, 0)).all()


def test_a_grid_gives_back_its_pictures():
    pictures = np.random.default_rng(0).integers(0, 256, (labels.COLUMNS + 3, 64, 64, 3), np.uint8)
    np.testing.assert_array_equal(labels.split_grid(labels.join_grid(pictures), len(pictures)), pictures)


@pytest.mark.parametrize("name", labels.rounds())
def test_a_stored_round_is_whole(name):
    pictures = labels.load_round(name)
    assert pictures and {picture.part for picture in pictures} <= set(labels.PARTS)
    for picture in pictures:
        assert {"prompt", "weights", "thing", "count"} <= picture.made.keys()
        assert all(reading["certainty"] in ("sure", "guess") for reading in picture.readings)


def test_the_labelled_folder_is_small_and_no_picture_is_both_learnt_from_and_examined_on():
    assert sum(path.stat().st_size for path in labels.FOLDER.iterdir()) <= 6 << 20
    learnt = {picture.pixels.tobytes() for picture in labels.load_labelled(["fit", "choose"])}
    assert not learnt & {picture.pixels.tobytes() for picture in labels.load_labelled(["exam"])}


@pytest.mark.parametrize("damage", ["no table", "cut picture", "no json list"])
def test_a_damaged_round_is_named(damage, tmp_path):
    record = {"made": "", "pictures": [{"weights": "toy", "part": "fit"}]}
    labels.save_round("r", np.zeros((1, 64, 64, 3), np.uint8), record, [], tmp_path)
    if damage == "no table":
        (tmp_path / "r.tsv").unlink()
    elif damage == "cut picture":
        (tmp_path / "r.png").write_bytes((tmp_path / "r.png").read_bytes()[:60])
    else:
        (tmp_path / "r.json").write_text("{}")
    with pytest.raises(labels.LabelError, match="labelled round r .* cannot be read"):
        labels.load_round("r", tmp_path)


# --- learning from them and examining on them -----------------------------------------------------------


def labelled(asked="boat", *, part="exam", weights="toy", **given):
    pixels = np.zeros((64, 64, 3), np.uint8)
    return labels.Labelled(pixels, {"thing": asked, "weights": weights}, part, (line(**given),))


def test_labelled_pictures_are_learnt_from_as_far_as_the_eye_is_clear():
    blob = labelled(thing="cannot tell", color="plaid")
    pictures = [labelled(count="2"), blob, labelled(certainty="guess")]
    examples = labelled_examples(pictures, times=3)
    assert len(examples) == 6 and examples.layouts.isnan().all()
    things = [labels.FACTS["thing"].index("boat"), len(labels.FACTS["thing"])] * 3
    assert examples.labels[:, 2].tolist() == things
    assert examples.labels[0, 4] == labels.FACTS["count"].index(2) and examples.labels[1, 3] == UNSAID
    assert len(labelled_examples([], times=3)) == 0


class Fixed:
    """In place of a judge: it gives these readings in turn."""

    def __init__(self, *readings):
        self.readings = readings

    def read(self, pictures):
        assert len(pictures) == len(self.readings)
        return list(self.readings)


def read(thing, unreadable=0.0, count=1):
    return Reading("ocean", "noon", thing, "red", count, unreadable=unreadable)


def test_the_examination_counts_what_the_eye_and_the_judge_say():
    cases = [
        (labelled(), read("boat", count=2)),
        (labelled(), read(UNREADABLE)),
        (labelled(thing="tent"), read("boat")),
        (labelled(thing="cannot tell"), read("boat")),
        (labelled(thing="cannot tell"), read("tent")),
        (labelled(thing="cannot tell"), read(UNREADABLE)),
        (labelled(thing="none", count="0"), read("")),
        (labelled(certainty="guess"), read("boat")),
        (labelled(weights="drawing"), None),
    ]
    judge = Fixed(*[reading for _, reading in cases[:-1]])
    result = exam.examine(judge, [picture for picture, _ in cases])
    assert result["pictures"] == 8
    shares = {name: (result[name]["pictures"], result[name]["share"]) for name in result if "blobs" in name}
    assert shares == {"blobs_passed": (3, 0.3333), "blobs_named": (3, 0.6667)}
    assert result["agreement"]["share"] == pytest.approx(3 / 7, abs=1e-4)
    assert result["obeyed"]["share"] == pytest.approx(4 / 7, abs=1e-4)
    assert (result["named_refused"]["pictures"], result["doubtful_passed"]["share"]) == (3, 1.0)
    assert result["count"] == {"pictures": 1, "share": 0.0, "low": 0.0, "high": 0.0}
    assert ["tent", "boat", 1] in result["confusion"] and len(result["confusion"]) == 4


def test_agreement_of_two_readers_counts_pictures_that_both_read():
    twice = [
        labels.Labelled(np.zeros(0), {}, "exam", (line(), line(**other)))
        for other in ({}, {"thing": "tent"}, {"thing": "ship"}, {"certainty": "guess"})
    ]
    result = exam.agreement_of_readers([*twice, labelled()])
    assert (result["pictures"], result["share"]) == (4, 0.5)


def test_the_threshold_parts_blobs_from_things_as_well_as_it_can():
    blobs = [labelled(thing="cannot tell")] * 3
    things = [labelled()] * 3
    judge = Fixed(*[read("boat", p) for p in (0.9, 0.8, 0.3, 0.2, 0.1, 0.05)])
    assert 0.2 <= exam.choose_threshold(judge, blobs + things) < 0.3
    assert exam.choose_threshold(None, blobs) == exam.choose_threshold(None, []) == 0.5
    real = Judge()
    exam.set_threshold(real, 0.25)
    assert real.threshold == 0.25


def test_a_png_of_pictures_may_stand_in_place_of_an_array(tmp_path):
    source, pictures, made = folder_of(tmp_path / "made", 5)
    labels.join_grid(pictures).save(source / "pictures.png")
    (source / "pictures.npy").unlink()
    found, lines = sheets.read_folder(source)
    np.testing.assert_array_equal(found, pictures)
    assert lines == made
    Image.new("RGB", (64, 64)).save(source / "pictures.png")
    with pytest.raises(sheets.SheetError, match="has not room for 5 pictures"):
        sheets.read_folder(source)
