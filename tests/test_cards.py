"""The model cards: what stands in them comes from the records beside the weights."""

import ast
import json
import re
import shutil
from dataclasses import asdict

import pytest

from smallworld import WEIGHTS
from smallworld.making.cards import fill, image, melodies, text, writer
from smallworld.making.language.fill_data import Settings
from tests import rules

EVERY = (text.CARD, fill.CARD, image.CARD, melodies.CARD)
CARDS = {card.name: card for card in EVERY if (WEIGHTS / card.name / "evaluation.json").is_file()}
EVERY_CARD = pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)


@pytest.fixture
def copy(tmp_path):
    """A function: the records of a shipped model in a folder of their own."""

    def records(card: writer.Card):
        for name in (card.record, "evaluation.json"):
            shutil.copy(WEIGHTS / card.name / name, tmp_path)
        return tmp_path

    return records


def written(folder, card: writer.Card) -> str:
    writer.write_card(folder, card)
    return (folder / "README.md").read_text(encoding="utf-8")


@EVERY_CARD
def test_the_shipped_card_is_what_the_records_say(card, copy):
    shipped = (WEIGHTS / card.name / "README.md").read_text(encoding="utf-8")
    assert written(copy(card), card) == shipped


@EVERY_CARD
def test_a_card_has_a_header_limits_and_a_licence_and_no_empty_field(card, copy):
    lines = written(copy(card), card)
    assert lines.startswith("---\nlicense: mit\n") and f"pipeline_tag: {card.task}\n" in lines
    assert "limits" in lines and "## Licence" in lines
    assert not re.search(r"\{[a-z_]+\}", lines)


@EVERY_CARD
def test_the_example_of_a_card_loads_without_foreign_code(card, copy):
    (example,) = re.findall(r"```python\n(.*?)```", written(copy(card), card), re.DOTALL)
    assert "trust_remote_code=False" in example and rules.silent_loads(ast.parse(example)) == []


@EVERY_CARD
def test_what_was_not_measured_is_not_claimed(card, copy):
    folder = copy(card)
    (folder / "evaluation.json").unlink()
    lines = written(folder, card)
    assert f"Not measured yet: `python -m smallworld.evaluate --only {card.name} --card`" in lines
    assert "| met |" not in lines


@pytest.mark.parametrize("name", sorted({"text", "image", "melodies"} & set(CARDS)))
def test_a_missed_target_is_called_a_miss(name, copy):
    folder = copy(CARDS[name])
    measured = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    target = next(row for row in measured["targets"] if row["met"])
    target["met"] = False
    (folder / "evaluation.json").write_text(json.dumps(measured), encoding="utf-8")
    rows = [row for row in written(folder, CARDS[name]).splitlines() if target["what"] in row]
    assert any(row.endswith("| **missed** |") for row in rows)


def test_the_command_names_what_is_not_as_usual():
    usual = asdict(Settings())
    assert writer.command("train-fill", usual, usual) == "make train-fill"
    changed = usual | {"masked_share": 0.2, "start_from": "shipped"}
    command = writer.command("train-fill", changed, usual)
    assert command == 'make train-fill ARGS="--masked-share 0.2 --start-from shipped --ship"'


def test_an_autoencoder_alone_gets_a_card_that_says_so(copy):
    folder = copy(image.CARD)
    record = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    assert image.card_of(record) is image.CARD
    record["stages"] = [stage for stage in record["stages"] if stage["stage"] == "autoencoder"]
    (folder / "training.json").write_text(json.dumps(record), encoding="utf-8")
    assert image.card_of(record) is image.FIRST_STAGE
    written_card = written(folder, image.card_of(record))
    assert "first stage" in written_card and "pipeline_tag" not in written_card
    assert "Not measured" not in written_card
    assert f"{record['stages'][-1]['curve'][-1]['psnr_scenes']:.1f} dB" in written_card
