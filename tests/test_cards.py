"""The model cards: what stands in them comes from the records beside the weights."""

import json
import re
import shutil
from dataclasses import asdict

import pytest

from smallworld import WEIGHTS
from smallworld.making.cards import fill, image, text, writer
from smallworld.making.fill_data import Settings

PARTS = {part.name: part for part in (text.PART, fill.PART, image.PART)}
EVERY_PART = pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)


@pytest.fixture
def copy(tmp_path):
    """A function: the records of a shipped model in a folder of their own."""

    def records(part: writer.Part):
        for name in (part.record, "evaluation.json"):
            shutil.copy(WEIGHTS / part.name / name, tmp_path)
        return tmp_path

    return records


def written(folder, part: writer.Part) -> str:
    writer.write_card(folder, part)
    return (folder / "README.md").read_text(encoding="utf-8")


@EVERY_PART
def test_the_shipped_card_is_what_the_records_say(part, copy):
    shipped = (WEIGHTS / part.name / "README.md").read_text(encoding="utf-8")
    assert written(copy(part), part) == shipped


@EVERY_PART
def test_a_card_has_a_header_limits_and_a_licence_and_no_empty_field(part, copy):
    card = written(copy(part), part)
    assert card.startswith("---\nlicense: mit\n") and f"pipeline_tag: {part.task}\n" in card
    assert "limits" in card and "## Licence" in card
    assert not re.search(r"\{[a-z_]+\}", card)


@EVERY_PART
def test_what_was_not_measured_is_not_claimed(part, copy):
    folder = copy(part)
    (folder / "evaluation.json").unlink()
    card = written(folder, part)
    assert f"Not measured yet: `python -m smallworld.evaluate --only {part.name} --card`" in card
    assert "| met |" not in card


@pytest.mark.parametrize("name", ["text", "image"])
def test_a_missed_target_is_called_a_miss(name, copy):
    folder = copy(PARTS[name])
    measured = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    target = next(row for row in measured["targets"] if row["met"])
    target["met"] = False
    (folder / "evaluation.json").write_text(json.dumps(measured), encoding="utf-8")
    rows = [row for row in written(folder, PARTS[name]).splitlines() if target["what"] in row]
    assert any(row.endswith("| **missed** |") for row in rows)


def test_the_command_names_what_is_not_as_usual():
    usual = asdict(Settings())
    assert writer.command("train-fill", usual, usual) == "make train-fill"
    changed = usual | {"masked_share": 0.2, "start_from": "shipped"}
    command = writer.command("train-fill", changed, usual)
    assert command == 'make train-fill ARGS="--masked-share 0.2 --start-from shipped --ship"'


def test_an_autoencoder_alone_gets_a_card_that_says_so(copy):
    folder = copy(image.PART)
    record = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    assert image.part_of(record) is image.PART
    record["stages"] = [stage for stage in record["stages"] if stage["stage"] == "autoencoder"]
    (folder / "training.json").write_text(json.dumps(record), encoding="utf-8")
    assert image.part_of(record) is image.FIRST_STAGE
    card = written(folder, image.part_of(record))
    assert "first stage" in card and "pipeline_tag" not in card and "Not measured" not in card
    assert f"{record['stages'][-1]['curve'][-1]['psnr_scenes']:.1f} dB" in card
