"""The trainer of the language model: data, loss, schedule, stopping at any moment, export."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies
from safetensors.torch import load_file
from toy import ToySettings, trained

from smallworld import ROOT
from smallworld.making.language import text_model
from smallworld.making.language.run import export, train
from smallworld.making.language.text_data import (
    END,
    IGNORED,
    START,
    Settings,
    arrange_rows,
    collate,
    encode_stories,
    phases,
    plan_epoch,
    training_batches,
    write_short_stories,
)
from smallworld.making.language.text_model import build_model, next_token_loss, own_rows, text_nats
from smallworld.making.text import main, planned_steps, start_run
from smallworld.making.training import TrainingError
from smallworld.world import stories, wishes


@pytest.fixture(scope="module")
def run():
    return trained()


@pytest.fixture(scope="module")
def tokenizer(run):
    return run.tokenizer


# --- tokenizer ------------------------------------------------------------------------------------------


def test_any_text_survives_the_tokenizer(tokenizer):
    @settings(max_examples=150, deadline=None)
    @given(strategies.text(strategies.characters(exclude_categories=("Cs",)), max_size=60))
    def round_trip(text):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text

    round_trip()
    for text in (
        "",
        " ",
        "  two  spaces \n\n",
        "Mina 's , ! don 't",
        "한국어 🦊\u200b\t\r\n",
        "a<|endoftext|>b",
    ):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_the_tokenizer_has_one_special_token_and_pads_left(tokenizer):
    end = tokenizer.convert_tokens_to_ids(END)
    assert {
        tokenizer.bos_token_id,
        tokenizer.eos_token_id,
        tokenizer.pad_token_id,
        tokenizer.unk_token_id,
    } == {end}
    assert len(tokenizer) == ToySettings().vocabulary
    assert tokenizer.model_max_length == 512
    padded = tokenizer(["Once upon a time", "Once"], padding=True)
    assert padded["attention_mask"][1][0] == 0 and padded["attention_mask"][1][-1] == 1


def test_prompt_and_text_are_tokenised_as_their_concatenation(tokenizer):
    told = list(stories.corpus("train", 40, 3))
    documents = encode_stories(tokenizer, told)
    assert any(story.prompt for story in told) and not all(story.prompt for story in told)
    for number, story in enumerate(told):
        whole = tokenizer(story.prompt + story.text)["input_ids"]
        assert documents[number].tolist() == [*whole, tokenizer.eos_token_id]
        prompt = documents[number][: documents.text_starts[number]]
        assert tokenizer.decode(prompt.tolist()) == story.prompt


# --- batches --------------------------------------------------------------------------------------------

LENGTHS = np.random.default_rng(0).integers(120, 260, 900)


def test_every_story_comes_once_in_an_epoch_and_half_the_rows_begin_with_the_end_token():
    rows = arrange_rows(LENGTHS, Settings(), epoch=0)
    numbers = [number for row in rows for number in row if number != START]
    assert sorted(numbers) == list(range(900))
    assert 0.4 < np.mean([row[0] == START for row in rows]) < 0.6
    assert all(START not in row[1:] for row in rows)
    packed = [row for row in rows if len(row) - (row[0] == START) > 1]
    assert 0.1 < sum(map(len, packed)) / 900 < 0.3
    assert all(sum(LENGTHS[number] for number in row if number >= 0) >= 512 for row in packed[:-1])


def test_epochs_differ_and_the_seed_decides():
    assert plan_epoch(LENGTHS, Settings(), 0) == plan_epoch(LENGTHS, Settings(), 0)
    assert plan_epoch(LENGTHS, Settings(), 0) != plan_epoch(LENGTHS, Settings(), 1)
    assert plan_epoch(LENGTHS, Settings(seed=1), 0) != plan_epoch(LENGTHS, Settings(), 0)


def test_batches_keep_to_their_size_and_hold_little_padding():
    own = Settings()
    area = used = 0
    for rows in plan_epoch(LENGTHS, own, 0):
        widths = [min(512, sum(1 if n == START else LENGTHS[n] for n in row)) for row in rows]
        assert max(widths) * len(rows) <= own.batch_tokens
        area, used = area + max(widths) * len(rows), used + sum(widths)
    assert used / area > 0.95


def test_a_batch_labels_every_token_but_the_padding(run):
    end = run.tokenizer.eos_token_id
    first, second = run.train["whole"][0], run.train["whole"][1]
    input_ids, labels = collate([[START, 0], [1]], run.train["whole"], 512, end)
    width = max(len(first) + 1, len(second))
    assert input_ids.shape == labels.shape == (2, width)
    assert labels[0, : len(first) + 1].tolist() == [end, *first.tolist()]
    assert labels[1].tolist() == second.tolist() + [IGNORED] * (width - len(second))
    assert input_ids[1, len(second) :].eq(end).all()
    assert collate([[0, 1]], run.train["whole"], 20, end)[0].shape == (1, 20)


def test_skipping_batches_equals_having_drawn_them(run):
    own, end = run.settings, run.tokenizer.eos_token_id
    per_epoch = len(plan_epoch(run.train["whole"].lengths(), own, 0))
    drawn = list(islice(training_batches(run.train, own, end), 3 + 2 * per_epoch))
    for skip in (1, 2, 3, 3 + per_epoch, 5 + per_epoch):
        skipped = training_batches(run.train, own, end, skip=skip)
        for (expected, _), (found, _) in zip(drawn[skip:], skipped, strict=False):
            assert torch.equal(expected, found)


def test_the_phases_come_one_after_the_other_and_are_at_most_a_quarter_of_the_steps(run):
    assert phases(Settings()) == [("all", 600), ("some", 400), ("whole", 0)]
    assert phases(Settings(steps=200)) == [("all", 30), ("some", 20), ("whole", 0)]
    assert phases(Settings(short_steps=0)) == [("whole", 0)]
    end = run.tokenizer.eos_token_id
    drawn = training_batches(run.train, run.settings, end)
    assert phases(run.settings) == [("all", 2), ("some", 1), ("whole", 0)]
    for phase in ("all", "all", "some", "whole", "whole"):
        texts = {run.tokenizer.decode(document) for document in run.train[phase]}
        for row in next(drawn)[0][:3]:
            first = run.tokenizer.decode(row).split(END)
            assert any(f"{piece}{END}" in texts for piece in first if piece)


def test_short_stories_answer_a_request_for_a_mood_and_lack_their_opening():
    for part in ("all", "some"):
        cut = [story for n, story in enumerate(write_short_stories(part, 200, 0)) if n % 5 >= 2]
        assert all(wishes.read(story.prompt)["mood"] == [story.facts["mood"]] for story in cut)
        begins = [next(role for role, _ in story.sentences if role != "announce") for story in cut]
        first = Counter(begins)
        assert sum(first[role] for role in ("mood", "problem")) >= (120 if part == "all" else 20)
        assert all(story.text == " ".join(text for _, text in story.sentences) for story in cut)
    assert set(first) > {"mood", "problem", "open"}
    whole = [story for n, story in enumerate(write_short_stories("all", 50, 0)) if n % 5 < 2]
    assert all("open" in dict(story.sentences) for story in whole)


# --- loss and schedule ----------------------------------------------------------------------------------


def test_the_loss_is_the_mean_over_real_targets():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 4, 5, generator=generator)
    labels = torch.tensor([[1, 2, 3, 4], [0, 2, IGNORED, IGNORED]])
    log_p = logits.log_softmax(-1)
    expected = -(log_p[0, 0, 2] + log_p[0, 1, 3] + log_p[0, 2, 4] + log_p[1, 0, 2]) / 4
    assert torch.isclose(next_token_loss(logits, labels), expected)
    assert torch.isclose(
        next_token_loss(torch.zeros(1, 3, 7), torch.ones(1, 3).long()), torch.tensor(7.0).log()
    )


def test_text_nats_equal_the_log_probabilities_one_by_one(run):
    end = run.tokenizer.eos_token_id
    nats, tokens = text_nats(run.model.eval(), run.validation, end, batch_size=3)
    for number in range(len(run.validation)):
        row = torch.tensor([[end, *run.validation[number].tolist()]])
        log_p = run.model(row).logits[0].log_softmax(-1)
        start = 1 + int(run.validation.text_starts[number])
        alone = -sum(log_p[place - 1, row[0, place]].item() for place in range(start, row.shape[1]))
        assert nats[number] == pytest.approx(alone, rel=1e-4)
        assert tokens[number] == row.shape[1] - start


def test_minutes_bring_the_decay_forward_and_never_lengthen_the_run(run):
    settings = Settings(steps=1000, minutes=10, decay_share=0.3)
    for seconds, steps in ((30, 1000), (120, 500), (900, 100)):
        early = replace(run, settings=settings, total=1000, step=100, seconds=seconds)
        assert planned_steps(early) == steps
    decaying = replace(run, settings=settings, total=500, step=400, seconds=9999)
    assert planned_steps(decaying) == 500


# --- stopping and going on ------------------------------------------------------------------------------


def weights_of(some_run):
    return torch.cat([weight.detach().flatten() for weight in some_run.model.parameters()])


def apart(one, other) -> float:
    """How far two runs ended from each other, in shares of the way that the other one went from its start.

    Processes that round differently take slightly other ways: Adam turns a tiny gradient into a full step.
    """
    start = torch.cat(
        [w.detach().flatten() for w in build_model(other.settings, other.tokenizer).parameters()]
    )
    return float((weights_of(one) - weights_of(other)).norm() / (weights_of(other) - start).norm())


def test_training_lowers_the_loss(run):
    losses = [loss for _, loss in run.curve["validation"]]
    assert run.step == 12 and losses[-1] < losses[0] < np.log(400)
    assert run.curve["train"][-1][0] == 12
    assert (run.folder / "loss.png").stat().st_size > 1000
    assert "step 6:" in (run.folder / "samples.txt").read_text(encoding="utf-8")


def test_a_stopped_run_ends_like_an_uninterrupted_one(run, tmp_path):
    for stop in (5, 7, None):
        torch.manual_seed(random.randrange(1000))
        again = train(start_run(ToySettings(), tmp_path), stop_at=stop)
        assert again.step == (stop or 12)
    assert apart(again, run) < 0.01
    assert np.allclose(again.curve["validation"], run.curve["validation"], atol=1e-3)


ENDLESS = """
import sys
from pathlib import Path
from smallworld.making.language import run as language_run
from smallworld.making import text
from toy import ToySettings
text.look_at = lambda run: None
language_run.train(text.start_run(ToySettings(), Path(sys.argv[1])), checkpoint_minutes=0)
"""


@pytest.mark.long
def test_a_killed_run_goes_on_from_its_last_checkpoint(run, tmp_path):
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    child = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, str(tmp_path)], env=environment, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "checkpoint.previous.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    resumed = start_run(ToySettings(), tmp_path)
    assert resumed.step >= 1
    assert apart(train(resumed), run) < 0.01


def test_a_run_that_forgets_its_optimiser_ends_elsewhere(run, tmp_path):
    """What the tests above could miss if they were too lenient."""
    train(start_run(ToySettings(), tmp_path), stop_at=6)
    forgetful = start_run(ToySettings(), tmp_path)
    for optimizer in forgetful.optimizer.optimizers:
        optimizer.state.clear()
    assert apart(train(forgetful), run) > 0.02


def test_a_damaged_checkpoint_gives_way_to_the_one_before(run, tmp_path, capsys):
    train(start_run(ToySettings(), tmp_path), stop_at=3)
    train(start_run(ToySettings(), tmp_path), stop_at=4)
    newest = tmp_path / "checkpoint.pt"
    newest.write_bytes(newest.read_bytes()[:2000])
    assert start_run(ToySettings(), tmp_path).step == 3
    assert "checkpoint.pt cannot be read" in capsys.readouterr().err


def test_other_settings_are_refused_by_name_but_minutes_may_change(run):
    with pytest.raises(TrainingError, match="steps.*--fresh"):
        start_run(ToySettings(steps=99), run.folder)
    assert start_run(ToySettings(minutes=1.0), run.folder).step == 12


# --- several processes ----------------------------------------------------------------------------------

PART = """
import contextlib, json, os, signal, sys
from pathlib import Path
from smallworld.making.language import run as language_run, text_model
from smallworld.making import processes, text
from toy import ToySettings
folder, last, losses = Path(sys.argv[1]), int(sys.argv[2]), []
text.look_at = lambda run: None
text_model.mixed_precision = lambda device: contextlib.nullcontext()  # rounding is not what is compared
step = text.train_step
def noted(*given):
    losses.append(step(*given))
    if len(losses) == last:  # before its checkpoint
        os.kill(os.getpid(), signal.SIGKILL)
    return losses[-1]
text.train_step = noted
processes.join_processes("cpu")
run = text.start_run(ToySettings(batch_tokens=800), folder)
language_run.train(run, checkpoint_minutes=0 if last else 3)
if processes.is_first():
    (folder / "losses.json").write_text(json.dumps([losses, run.curve["train"]]))
processes.leave_processes()
threads = [(thread / "comm").read_text() for thread in Path("/proc/self/task").glob("*")]
assert not any("gloo" in name for name in threads), f"the group has outlived its end: {threads}"
"""
PROCESSES = {
    "alone": [],
    "torchrun": ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"],
    "accelerate": [
        "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1",
        "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0",
    ],
}  # fmt: skip


def losses_of(way: str, folder: Path, killed_in_step: int = 0) -> tuple[list, list]:
    """The losses of all steps that a toy run in processes of its own makes, and its training curve."""
    folder.mkdir(exist_ok=True)
    (folder / "part.py").write_text(PART)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *PROCESSES[way], str(folder / "part.py"), str(folder), str(killed_in_step)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180)
    if killed_in_step:
        assert done.returncode != 0 and not (folder / "losses.json").exists()
        return [], []
    assert done.returncode == 0, done.stderr
    return tuple(json.loads((folder / "losses.json").read_text()))


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return losses_of("alone", tmp_path_factory.mktemp("alone"))


@pytest.mark.long
@pytest.mark.parametrize("way", ["torchrun", "accelerate"])
def test_two_processes_lose_as_much_as_one(way, alone, tmp_path):
    losses, curve = losses_of(way, tmp_path)
    assert len(losses) == 12 and losses[-1] < losses[0] - 0.1
    assert np.allclose(losses, alone[0], rtol=0, atol=1e-4)
    assert np.allclose(curve, alone[1], rtol=0, atol=1e-4)
    written = sorted(path.name for path in tmp_path.glob("checkpoint*"))
    assert written == ["checkpoint.pt"]  # one process writes, and it wrote once


@pytest.mark.long
def test_two_killed_processes_go_on_to_the_same_loss(alone, tmp_path):
    losses_of("torchrun", tmp_path, killed_in_step=8)
    losses, curve = losses_of("torchrun", tmp_path)
    assert len(losses) == 5  # steps 8 to 12: the eighth had left no checkpoint
    assert np.allclose(losses, alone[0][7:], rtol=0, atol=1e-4)
    assert np.allclose(curve[-1], alone[1][-1], rtol=0, atol=1e-4)


@pytest.mark.parametrize(("rows", "count"), [(5, 2), (1, 3), (4, 4)])
def test_the_parts_of_a_batch_add_up_to_its_loss(rows, count, run, monkeypatch):
    batch = collate([[number] for number in range(rows)], run.train["whole"], 512, 0)
    whole, total = next_token_loss(run.model(batch[0]).logits, batch[1]), 0.0
    for number in range(count):
        monkeypatch.setattr(text_model, "place_among_processes", lambda n=number: (n, count))
        input_ids, labels, targets = own_rows(*batch)
        total += next_token_loss(run.model(input_ids).logits, labels, targets)
    assert torch.isclose(total, whole, atol=1e-5)


def test_a_mean_of_means_would_be_another_loss(run):
    """Why the parts are divided by the targets of the whole batch."""
    input_ids, labels = collate([[0], [1], [2]], run.train["whole"], 512, 0)
    labels[0, 20:] = IGNORED
    parts = [next_token_loss(run.model(input_ids[part]).logits, labels[part])
             for part in (slice(0, None, 2), slice(1, None, 2))]  # fmt: skip
    assert abs(sum(parts) / 2 - next_token_loss(run.model(input_ids).logits, labels)) > 1e-4


def test_several_processes_without_a_meeting_point_get_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name in ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit, match="start them with accelerate launch"):
        main(["--output", str(tmp_path), "--device", "cpu"])


# --- export ---------------------------------------------------------------------------------------------


def test_the_export_loads_silently_as_half_precision_on_disk(run, capfd):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = run.folder / "model"
    capfd.readouterr()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, trust_remote_code=False
        ).eval()
    inputs = tokenizer("Once upon a time", return_tensors="pt")
    model.generate(**inputs, max_new_tokens=3, do_sample=False)
    assert "warn" not in capfd.readouterr().err.lower()
    assert {weight.dtype for weight in load_file(folder / "model.safetensors").values()} == {torch.float16}
    assert torch.allclose(model(**inputs).logits, run.model.eval()(**inputs).logits, atol=0.02)
    ids = model.generation_config
    assert {ids.bos_token_id, ids.eos_token_id, ids.pad_token_id} == {tokenizer.eos_token_id}
    assert tokenizer("Mina and the sea")["input_ids"] == run.tokenizer("Mina and the sea")["input_ids"]


def test_the_record_beside_the_weights_is_small_and_holds_no_path(run):
    text = (run.folder / "model" / "training_curve.json").read_text(encoding="utf-8")
    record = json.loads(text)
    assert record["steps"] == 12 and record["settings"]["seed"] == 0
    assert record["curve"]["validation"][-1][0] == 12
    card = (run.folder / "model" / "README.md").read_text(encoding="utf-8")
    assert "Not measured yet" in card and "licen" in card.lower()
    for written in (text, card):
        assert str(run.folder) not in written and str(ROOT) not in written


def test_a_failed_export_leaves_the_earlier_one(run, tmp_path, monkeypatch):
    target = tmp_path / "weights"
    export(run, target)
    before = {path.name: path.read_bytes() for path in target.iterdir()}

    def no_room(folder, part):
        raise OSError("No space left on device")

    monkeypatch.setattr("smallworld.making.language.run.write_card", no_room)
    with pytest.raises(OSError):
        export(run, target)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before


# --- command line ---------------------------------------------------------------------------------------


def test_only_a_full_run_replaces_the_shipped_model(run, tmp_path, monkeypatch, capsys):
    shipped = tmp_path / "shipped"
    for module in ("text", "language.text_data", "language.text_model"):
        monkeypatch.setattr(f"smallworld.making.{module}.SHIPPED", shipped)
    monkeypatch.setattr("smallworld.making.text.Settings", ToySettings)
    main(["--steps", "2", "--output", str(tmp_path / "short"), "--device", "cpu"])
    assert (tmp_path / "short" / "model" / "model.safetensors").exists() and not shipped.exists()
    main(["--output", str(run.folder), "--device", "cpu"])
    assert "complete" in capsys.readouterr().out
    assert (shipped / "model.safetensors").exists()
    main(["--start-from", "shipped", "--steps", "2", "--output", str(tmp_path / "more"), "--device", "cpu"])
    more = json.loads((tmp_path / "more" / "model" / "training_curve.json").read_text(encoding="utf-8"))
    assert more["settings"]["start_from"] == "shipped"
    assert more["curve"]["validation"][-1][1] < run.curve["validation"][0][1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--steps", "0"], "--steps must be above 0"),
        (["--minutes", "-1"], "--minutes must be above 0"),
        (["--fresh", "--resume"], "choose one"),
        (["--output", __file__], "is a file: name a folder"),
        (["--resume", "--output", "{empty}"], "no checkpoint"),
        (["--start-from", "{empty}"], "there is no model in"),
    ],
)
def test_bad_input_gets_one_sentence(arguments, sentence, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([argument.replace("{empty}", str(tmp_path)) for argument in arguments])
    said = capsys.readouterr().err if isinstance(stopped.value.code, int) else str(stopped.value.code)
    assert sentence in said and "Traceback" not in said
