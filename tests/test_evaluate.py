"""The command that measures the shipped models, and what its parts share."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from smallworld import evaluate
from smallworld.making.evaluation.part import Measured, check_targets


@pytest.fixture
def quick_parts(monkeypatch):
    """The command's parts, each of which measures nothing and gives its plan's values instead."""
    for name, part in evaluate.PARTS.items():
        pretended = replace(part, measure=lambda folder, plan: Measured(vars(plan)))
        monkeypatch.setitem(evaluate.PARTS, name, pretended)
    return evaluate.PARTS


def printed(capsys) -> dict:
    return json.loads(capsys.readouterr().out)


def test_every_shipped_model_is_measured_in_one_json_object(quick_parts, capsys):
    evaluate.main([])
    result = printed(capsys)
    shipped = [name for name, part in quick_parts.items() if (part.folder / part.files[0]).exists()]
    assert list(result) == ["quick", *shipped] and {"text", "image", "fill"} <= set(shipped)
    assert result["quick"] is False
    for name in shipped:
        assert result[name] == vars(quick_parts[name].plan)


def test_a_quick_look_is_at_less_of_everything(quick_parts, capsys):
    evaluate.main(["--quick", "--seed", "3"])
    result = printed(capsys)
    assert result["quick"] is True
    for name in set(result) - {"quick"}:
        part = quick_parts[name]
        assert result[name] == vars(part.quick) | {"seed": 3}
        assert all(value <= vars(part.plan)[key] or not vars(part.plan)[key]
                   for key, value in vars(part.quick).items())  # fmt: skip


@pytest.mark.parametrize("options", [[], ["--quick"]])
def test_the_number_of_samples_can_be_chosen(options, quick_parts, capsys):
    evaluate.main(["--only", "text", "--samples", "7", *options])
    result = printed(capsys)
    assert set(result) == {"quick", "text"} and result["text"]["samples"] == 7


def test_a_model_that_is_not_there_yet_is_left_out_unless_it_is_asked_for(quick_parts, capsys, tmp_path):
    folders = [word for option in ("--images", "--fill", "--melodies") for word in (option, str(tmp_path))]
    evaluate.main(folders)
    captured = capsys.readouterr()
    assert set(json.loads(captured.out)) == {"quick", "text"}
    assert "no image model" in captured.err and "no fill model" in captured.err
    for name, target in (("image", "make train-images"), ("fill", "make train-fill"),
                         ("melodies", "make train-melodies")):  # fmt: skip
        with pytest.raises(SystemExit, match=f"There is no model in .*{target}"):
            evaluate.main([*folders, "--only", name])


def test_a_missing_judge_is_named_before_work_starts(quick_parts, monkeypatch, capsys, tmp_path):
    def no_judge():
        raise evaluate.JudgeError("There is no judge.")

    def no_work(folder, plan):
        pytest.fail("measured in spite of it")

    monkeypatch.setitem(quick_parts, "text", replace(quick_parts["text"], measure=no_work))
    monkeypatch.setitem(quick_parts, "image", replace(quick_parts["image"], needs=no_judge))
    with pytest.raises(SystemExit, match="There is no judge"):
        evaluate.main([])


def test_with_card_numbers_pictures_and_card_are_kept_beside_the_model(quick_parts, monkeypatch, tmp_path):
    image = quick_parts["image"]
    for name in image.files:
        (tmp_path / name).write_bytes((image.folder / name).read_bytes())
    numbers = json.loads((image.folder / "evaluation.json").read_text(encoding="utf-8"))
    sheet = Image.new("RGB", (8, 8))
    (tmp_path / "misses.png").write_bytes(b"of an earlier measurement")
    monkeypatch.setitem(
        quick_parts, "image",
        replace(image, measure=lambda folder, plan: Measured(numbers, {"samples.png": sheet})),
    )  # fmt: skip
    evaluate.main(["--only", "image", "--card", "--images", str(tmp_path)])
    assert json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8")) == numbers
    assert (tmp_path / "README.md").read_bytes() == (image.folder / "README.md").read_bytes()
    assert (tmp_path / "samples.png").exists() and not (tmp_path / "misses.png").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--samples", "0"], "--samples must be at least 1"),
        (["--model", "{empty}"], "There is no model in"),
        (["--quick", "--card"], "leave --quick out"),
    ],
)
def test_bad_input_gets_one_sentence(arguments, sentence, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        evaluate.main([argument.replace("{empty}", str(tmp_path)) for argument in arguments])
    said = capsys.readouterr().err if isinstance(stopped.value.code, int) else str(stopped.value.code)
    assert sentence in said and "Traceback" not in said


def test_targets_are_met_at_the_limit_and_beyond():
    rows = [("a", 0.9, ">=", 0.9), ("b", 0.89, ">=", 0.9), ("c", 2, "<=", 2), ("d", np.float64(2.1), "<=", 2)]
    checked = check_targets(rows)
    assert [row["met"] for row in checked] == [True, False, True, False]
    assert checked[0] == {"what": "a", "value": 0.9, "target": ">= 0.9", "met": True}
    assert json.loads(json.dumps(checked)) == checked
