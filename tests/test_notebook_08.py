"""Notebook 08: its example folders, what it expects, watching, keeping, its exercises."""

import contextlib
import io
import re
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch

from helpers import exercises, own_data, tuning
from helpers.errors import WorkbookError
from helpers.lessons.own import exercises as tasks
from helpers.lessons.own import folders, keep, plans, watching
from helpers.session import Session
from tests.notebook_code import cells

STEM = "08_your_own_model"


@pytest.fixture
def session(tmp_path):
    return Session("tiny", "cpu", torch.float32, 0, tmp_path, False)


# Folders


def test_the_example_of_texts_is_read_but_for_two_files(session):
    folder = folders.texts(session, "")
    found = own_data.read_texts(folder)
    assert {entry.name: entry.reason for entry in found.skipped} == {
        "empty.txt": "empty or blank", "letter.docx": "neither .txt nor .md",
    }  # fmt: skip
    assert len(found.items) > folders.FILES and not found.guesses
    assert all(folders.HEAD in words and folders.FOOT in words for words in found.items)
    assert found.items[0].count("\n") == 3 and max(map(len, found.items)) <= own_data.MAX_CHARS
    plans.check_texts(found.items)


def test_the_example_of_pictures_has_many_sizes_and_captions_and_one_broken_file(session):
    folder = folders.pictures(session, "")
    found = own_data.read_pictures(folder, 64)
    assert [entry.name for entry in found.skipped] == ["broken.jpg"]
    assert len(found.items) == folders.PICTURES and all(item.caption for item in found.items)
    plans.check_pictures(found.items)


def test_an_example_is_made_anew_and_an_own_folder_is_left_alone(session, tmp_path):
    folder = folders.texts(session, "")
    (folder / "mine.txt").write_text("mine")
    assert folders.texts(session, "") == folder and not (folder / "mine.txt").exists()
    own = tmp_path / "own"
    own.mkdir()
    (own / "mine.txt").write_text("mine")
    assert folders.texts(session, str(own)) == folders.pictures(session, str(own)) == own
    assert folders.listing(own) == "1 files: mine.txt"
    assert folders.listing(folder).endswith(", ...")


# What to expect, and too few


def test_too_few_are_refused_in_a_sentence():
    with pytest.raises(WorkbookError, match=r"Only 3 texts can be used, and 10 are the least: .*\.$"):
        plans.check_texts(["a"] * 3)
    with pytest.raises(WorkbookError, match="Only 0 pictures can be used"):
        plans.check_pictures([])


@pytest.mark.parametrize("profile", ["tiny", "hub"])
def test_more_steps_take_longer_and_each_place_is_named(session, profile):
    session = replace(session, profile=profile)
    for expected, places in ((plans.texts, plans.TEXT_PLACES), (plans.pictures, plans.PICTURE_PLACES)):
        said = expected(session, 200)
        assert said.startswith("200 steps") and said != expected(session, 900)
        assert all(place.name in said for place in places[profile])


@pytest.mark.parametrize(
    ("seconds", "words"), [(1, "5 seconds"), (33, "35 seconds"), (59, "1 minutes"), (3600, "60 minutes"),
                           (36_000, "10 hours")],
)  # fmt: skip
def test_times_are_rough(seconds, words):
    assert plans._time(seconds) == words


# Watching and keeping


def test_the_line_has_the_means_of_equal_parts():
    watch = watching.Losses()
    for step in range(40):
        watch(step, float(step))
    (axes,) = watch.figure().axes
    x, y = axes.lines[0].get_data()
    assert list(x)[:2] == [2, 4] and list(y)[:2] == [0.5, 2.5] and len(x) == 20
    few = watching.Losses()
    few(0, 3.0)
    assert list(few.figure().axes[0].lines[0].get_ydata()) == [3.0]
    assert len(watching.Losses().figure().axes[0].lines[0].get_ydata()) == 0


def test_a_training_tells_who_watches(build, monkeypatch):
    session = Session("tiny", "cpu", torch.float32, 0, build, False)
    watch = watching.Losses()
    tuning.tune_texts(session, ["A fox sang."] * 3, "build/mine", steps=2, batch_size=2, rank=2, show=watch)
    assert len(watch.losses) == 2


def test_full_memory_is_told_in_a_sentence():
    def no_room(model, step):
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(WorkbookError, match="memory is full.*batch_size"):
        tuning.fit(torch.nn.Linear(2, 1), no_room, steps=1, learning_rate=0.1)


def test_a_model_is_packed_beside_its_folder(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    packed = keep.as_zip(folder)
    assert packed == tmp_path / "mine.zip" and zipfile.ZipFile(packed).namelist()[-1] == "mine/config.json"
    with pytest.raises(WorkbookError, match="train the model first"):
        keep.as_zip(tmp_path / "nothing")


def test_in_colab_the_browser_gets_the_file(tmp_path, monkeypatch):
    sent = []
    colab = ModuleType("google.colab")
    colab.files = SimpleNamespace(download=sent.append)
    monkeypatch.setitem(sys.modules, "google", ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    (tmp_path / "mine").mkdir()
    packed = keep.as_zip(tmp_path / "mine")
    assert sent == [str(packed)]


# The notebook


def test_the_other_day_s_lines_name_the_folders_that_training_writes():
    code, prose = "\n".join(cells(STEM)), "\n".join(cells(STEM, "markdown"))
    written = re.findall(r'"build/([\w-]+)"', code)
    assert len(written) == 2
    for name in written:
        assert f'session.output_folder / "{name}"' in prose
    for block in re.findall(r"```python\n(.*?)```", prose, re.DOTALL):
        compile(block, "block", "exec")


def test_what_the_table_quotes_is_what_is_said(tmp_path):
    (table,) = (source for source in cells(STEM, "markdown") if "| what you read |" in source)
    (tmp_path / "letter.docx").write_bytes(b"PK")
    assert own_data.report(own_data.read_texts(tmp_path)) in table
    with pytest.raises(WorkbookError) as problem:
        plans.check_texts(["a"] * 3)
    assert str(problem.value).split(":")[0] in table
    assert tuning.FULL.split(":")[0] in table and "not a file of up to 256 MiB that can be read" in table
    assert own_data.MAX_BYTES >> 20 == 256


def run_after(id: str, answer) -> str:
    """What the cell after an exercise prints, with this answer."""
    (source,) = (source for source in cells(STEM) if f'use("{id}"' in source)
    space = {
        "use": exercises.use, "found": SimpleNamespace(items=list("abcdefghijkl")), "plans": plans,
        "training_texts": list("abcdefghijk"), exercises.of("08")[id].reference.__name__: answer,
        "session": Session("tiny", "cpu", torch.float32, 0, Path(), False),
    }  # fmt: skip
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(source, space)
    return printed.getvalue()


@pytest.mark.parametrize("id", ["08.1", "08.2"])
def test_the_next_cell_uses_the_learner_s_answer_only_if_it_is_right(id):
    assert "reference answer" in run_after(id, ...) and "reference answer" in run_after(id, WRONG[id][0])
    assert "reference answer" not in run_after(id, RIGHT[id][0])


# The exercises


def aside_by_slices(texts, every):
    aside = texts[every - 1 :: every]
    return [text for i, text in enumerate(texts, 1) if i % every], aside


def aside_by_counting(texts, every):
    lists = ([], [])
    left = every
    for text in texts:
        left = left - 1
        lists[left == 0].append(text)
        left = left or every
    return lists


def steps_by_loop(count, batch_size, passes):
    steps, left = 0, count * passes
    while left > 0:
        left = left - batch_size
        steps = steps + 1
    return steps


RIGHT = {
    "08.1": [aside_by_slices, aside_by_counting],
    "08.2": [steps_by_loop, lambda count, batch_size, passes: -(-count * passes // batch_size)],
}
WRONG = {
    "08.1": [*tasks.ASIDE_SLIPS.values(), lambda texts, every: ([], texts), lambda texts, every: None],
    "08.2": [*tasks.STEP_SLIPS.values(), lambda c, b, p: None, lambda c, b, p: c * p // b + 1],
}


@pytest.mark.parametrize("id, slips", [("08.1", tasks.ASIDE_SLIPS), ("08.2", tasks.STEP_SLIPS)])
def test_every_named_slip_is_named(id, slips):
    judge = exercises.of("08")[id].judge
    assert {why: judge(slip) for why, slip in slips.items()} == {why: why for why in slips}
