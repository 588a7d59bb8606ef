"""Training through `helpers.tuning`: the plain loop's losses, resuming, kills, a full disk, own texts."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from unicodedata import normalize

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from torch import nn
from transformers.pytorch_utils import Conv1D

from helpers import checkpoints, text, tuning
from helpers.session import Session
from smallworld.world.rhymes import corpus
from tests.tuning_tools import sentence

ROOT = Path(__file__).resolve().parents[1]
STEPS, RATE, EVERY = 40, 1e-2, 7
TOY = """
import sys, time
from pathlib import Path
import torch
from torch import nn
from helpers import checkpoints, tuning

def toy(dropout=0.0):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 1))

DATA = torch.randn(30, 4, generator=torch.Generator().manual_seed(1))

def loss_of_step(model, step):
    x = DATA[tuning.batch_of(step, len(DATA), 4, seed=3)]
    return (model(x)[:, 0] - x.prod(dim=1)).square().mean()
"""
exec(TOY)


pytestmark = pytest.mark.usefixtures("build")


def fitted(folder=None, dropout=0.0, **changes):
    model = toy(dropout)  # noqa: F821
    options = {"steps": STEPS, "learning_rate": RATE, "checkpoint_every": EVERY, "folder": folder} | changes
    losses = tuning.fit(model, loss_of_step, **options)  # noqa: F821
    return losses, torch.cat([one.detach().flatten() for one in model.parameters()])


def child(code: str, *arguments, **options) -> subprocess.CompletedProcess:
    head = f"{TOY}\ncheckpoints.build_folder = lambda: Path(sys.argv[1])\n"
    return subprocess.run([sys.executable, "-c", head + code, *map(str, arguments)], cwd=ROOT, text=True,
                          capture_output=True, timeout=180, **options)  # fmt: skip


# Batches


@pytest.mark.parametrize(("count", "size"), [(10, 3), (3, 10), (1, 4), (8, 8)])
def test_every_pass_draws_each_example_once(count, size):
    drawn = sum((tuning.batch_of(step, count, size, 5) for step in range(3 * count)), [])
    assert all(sorted(drawn[i : i + count]) == list(range(count)) for i in range(0, len(drawn), count))
    assert len(drawn) == 3 * count * size


def test_batches_follow_from_seed_and_step_alone():
    steps = [tuning.batch_of(step, 50, 8, 1) for step in range(20)]
    assert [tuning.batch_of(step, 50, 8, 1) for step in reversed(range(20))] == steps[::-1]
    assert [tuning.batch_of(step, 50, 8, 2) for step in range(20)] != steps
    passes = [sum((tuning.batch_of(step, 50, 10, seed) for step in range(start, start + 5)), [])
              for start, seed in ((0, 1), (5, 1), (0, 0), (5, 0))]  # fmt: skip
    assert len(set(map(tuple, passes))) == 4


def test_batches_of_nothing_are_refused():
    assert "count is 0: give" in sentence(tuning.batch_of, 0, 0, 4, 0)
    assert "size is 0: give" in sentence(tuning.batch_of, 0, 4, 0, 0)
    assert "seed" in sentence(tuning.batch_of, 0, 4, 4, -1)


# The loop


def test_the_losses_are_those_of_a_plain_loop():
    model, losses = toy(), []  # noqa: F821
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=0)
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = RATE * min((step + 1) / 10, (STEPS - step) / STEPS)
        loss = loss_of_step(model, step)  # noqa: F821
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    assert fitted()[0] == pytest.approx(losses, rel=1e-6) and losses[-1] < losses[0]


def test_only_what_requires_a_gradient_changes_and_the_mode_is_given_back():
    model = toy().eval()  # noqa: F821
    model[0].requires_grad_(False)
    before = [one.clone() for one in model.parameters()]
    tuning.fit(model, loss_of_step, steps=3, learning_rate=RATE)  # noqa: F821
    changed = [not torch.equal(one, then) for one, then in zip(model.parameters(), before, strict=True)]
    assert changed == [False, False, True, True] and not model.training


def test_the_random_state_is_left_as_it_was_and_dropout_follows_the_step():
    torch.manual_seed(7)
    wanted = torch.rand(3)
    torch.manual_seed(7)
    model = toy(dropout=0.5)  # noqa: F821
    torch.manual_seed(7)
    one = tuning.fit(model, loss_of_step, steps=5, learning_rate=RATE)  # noqa: F821
    assert torch.equal(torch.rand(3), wanted)
    assert fitted(dropout=0.5, steps=5)[0] == one != fitted(steps=5)[0]


def test_show_sees_each_step_and_its_loss():
    seen = []
    losses, _ = fitted(show=lambda step, loss: seen.append((step, loss)))
    assert seen == list(enumerate(losses))


def test_half_precision_weights_that_train_become_float32():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 1)).half()
    model[0].requires_grad_(False)
    tuning.fit(model, lambda model, step: model[1](torch.ones(1, 4)).mean(), steps=2, learning_rate=RATE)
    assert model[1].weight.dtype == torch.float32 and model[0].weight.dtype == torch.float16


@pytest.mark.parametrize("wrong", [
    {"steps": 0}, {"steps": 1.5}, {"learning_rate": 0}, {"learning_rate": float("nan")},
    {"checkpoint_every": 0}, {"learning_rate": "fast"},
])  # fmt: skip
def test_values_out_of_range_are_refused(wrong):
    ((name, value),) = wrong.items()
    assert f"{name} is {value}: give" in sentence(fitted, **wrong)


def test_nothing_to_train_and_a_loss_that_is_no_number_are_refused(build):
    model = toy().requires_grad_(False)  # noqa: F821
    assert "nothing to train" in sentence(tuning.fit, model, loss_of_step, steps=1, learning_rate=1)  # noqa: F821

    def burst(model, step):
        return loss_of_step(model, step) / (step < 9 or float("nan"))  # noqa: F821

    options = {"steps": STEPS, "learning_rate": RATE, "folder": "build/x", "checkpoint_every": 4}
    assert "step 9 is nan: try a lower" in sentence(tuning.fit, toy(), burst, **options)  # noqa: F821
    assert len(tuning.fit(toy(), loss_of_step, **options)) == STEPS  # noqa: F821


# Checkpoints


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_resumed_run_equals_an_uninterrupted_one(build, dropout):
    whole, weights = fitted(dropout=dropout)

    class Enough(Exception):
        pass

    def stop(step, loss):
        if step == 17:
            raise Enough

    with pytest.raises(Enough):
        fitted("build/run", dropout, show=stop)
    steps = []
    losses, resumed = fitted("build/run", dropout, show=lambda step, loss: steps.append(step))
    assert steps == list(range(14, STEPS)) and losses == whole and torch.equal(resumed, weights)


def test_a_finished_run_is_only_read(build):
    first = fitted("build/run")
    steps = []
    again = fitted("build/run", show=lambda step, loss: steps.append(step))
    assert again[0] == first[0] and torch.equal(again[1], first[1]) and steps == []


@pytest.mark.parametrize("other", [{"steps": 50}, {"learning_rate": 1e-3}, {"settings": {"rank": 4}}])
def test_another_runs_checkpoint_is_refused_by_name(build, other):
    fitted(build / "run", settings={"rank": 8})
    ((name, value),) = other.items()
    name, value = next(iter(value.items())) if name == "settings" else (name, value)
    message = sentence(fitted, build / "run", **{"settings": {"rank": 8}} | other)
    assert name in message and f"not {value}" in message and "remove that folder" in message
    assert fitted(build / "run", settings={"rank": 8})[0]  # the checkpoint is whole


def test_another_models_checkpoint_is_refused(build):
    fitted("build/run")
    other = nn.Linear(4, 1)
    assert "what trains" in sentence(tuning.fit, other, loss_of_step, steps=STEPS, learning_rate=RATE,  # noqa: F821
                                     folder="build/run")  # fmt: skip


def test_a_damaged_checkpoint_falls_back_on_the_one_before(build):
    whole = fitted("build/run")[0]
    (build / "run" / "checkpoint.pt").write_bytes(b"half")
    steps = []
    assert fitted("build/run", show=lambda step, loss: steps.append(step))[0] == whole and steps[0] == 35


def test_a_run_goes_on_in_its_folder_however_its_letters_are_composed(build):
    first = fitted(f"build/{normalize('NFD', 'é')}")
    steps = []
    assert fitted(f"build/{normalize('NFC', 'é')}", show=lambda step, _: steps.append(step))[0] == first[0]
    assert steps == [] and len(list(build.iterdir())) == 1


@pytest.mark.parametrize("folder", ["elsewhere", None, "build", "build/..", "build/../x", "../build/x", ""])
def test_a_folder_that_is_not_below_build_is_refused(build, folder):
    folder = build.with_name("elsewhere") if folder is None else folder  # an absolute path
    assert "not lie below build/: name a folder there" in sentence(fitted, folder)
    assert list(build.iterdir()) == []


def test_a_link_out_of_build_is_refused(build, tmp_path):
    (tmp_path / "out").mkdir()
    (build / "link").symlink_to(tmp_path / "out")
    assert "not lie below build/" in sentence(fitted, "build/link/x")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_in_the_folders_place_is_refused_and_kept(build):
    (build / "run").write_text("mine")
    assert "is a file" in sentence(fitted, "build/run")
    assert "is a file" in sentence(fitted, "build/run/below")
    assert (build / "run").read_text() == "mine"


def test_a_file_that_comes_in_the_way_later_makes_a_sentence(build):
    def block(step, loss):
        if step == 3:
            (build / "run").write_text("mine")

    assert "cannot be written" in sentence(fitted, "build/run", show=block)
    assert (build / "run").read_text() == "mine"


KILLED = """
def slow(model, step):
    time.sleep(0.01)
    return loss_of_step(model, step)

def tell(step, loss):
    print(step, flush=True)

options = {"steps": 40, "learning_rate": 1e-2, "checkpoint_every": 7, "folder": sys.argv[2]}
tuning.fit(toy(0.5), slow, show=tell, **options)
"""


def killed_at(step: int, build: Path) -> None:
    """A run in a process of its own, killed without warning when it says that it has done this step."""
    code = f"{TOY}\ncheckpoints.build_folder = lambda: Path(sys.argv[1])\n{KILLED}"
    command = [sys.executable, "-c", code, str(build), "build/run"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as run:
        for line in run.stdout:
            if int(line) == step:
                break
        time.sleep(random.Random(step).random() * 0.02)  # anywhere in the step after
        run.send_signal(signal.SIGKILL)
    assert run.returncode == -signal.SIGKILL


def check_kill(step: int, build: Path) -> None:
    whole, weights = fitted(dropout=0.5)
    killed_at(step, build)
    steps = []
    losses, resumed = fitted("build/run", 0.5, show=lambda step, loss: steps.append(step))
    assert step + 1 - EVERY <= steps[0] <= step + 4 and steps[0] % EVERY == 0
    assert losses == whole and torch.equal(resumed, weights)


@pytest.mark.long
@pytest.mark.parametrize("step", random.Random(0).sample(range(STEPS - 4), 2))
def test_a_killed_run_loses_at_most_one_interval(build, step):
    check_kill(step, build)


@pytest.mark.slow
@pytest.mark.parametrize("step", random.Random(1).sample(range(STEPS - 4), 10))
def test_ten_killed_runs_lose_at_most_one_interval(build, step):
    check_kill(step, build)


FULL = """
import resource
from helpers.errors import WorkbookError

def fill(step, loss):
    if step == 15:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

try:
    options = {"steps": 40, "learning_rate": 1e-2, "checkpoint_every": 7, "folder": "build/run"}
    tuning.fit(toy(), loss_of_step, show=fill, **options)
except WorkbookError as problem:
    print(problem)
"""


@pytest.mark.long
def test_a_full_disk_leaves_the_last_good_checkpoint(build):
    done = child(FULL, build)
    assert done.stdout.startswith("run cannot be written (") and done.stdout.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(os.listdir(build / "run")) == ["checkpoint.previous.pt", "checkpoint.pt"]
    steps = []
    assert (
        fitted("build/run", show=lambda step, loss: steps.append(step))[0] == fitted()[0] and steps[0] == 14
    )


# LoRA and own texts

SESSION = Session("tiny", "cpu", torch.float32, 0, Path("build"), False)
POEMS = list(corpus("train", 30, 0))
LOAD = """
import json
from transformers import AutoModelForCausalLM, AutoTokenizer
kinds = AutoTokenizer, AutoModelForCausalLM
tokenizer, model = (kind.from_pretrained(sys.argv[2], trust_remote_code=False) for kind in kinds)
ids = tokenizer(sys.argv[3], return_tensors="pt").input_ids
print(json.dumps([type(model).__name__, model(ids).logits[0, -1].tolist()]))
"""


def tuned(folder="build/mine", texts=POEMS, **options):
    return tuning.tune_texts(SESSION, texts, folder, **{"steps": 4, "batch_size": 4, "rank": 4} | options)


def test_lora_trains_beside_every_linear_layer():
    from transformers import GPT2Config, GPT2LMHeadModel

    base = GPT2LMHeadModel(GPT2Config(vocab_size=30, n_positions=8, n_embd=8, n_layer=2, n_head=2))
    count = sum(isinstance(part, Conv1D) for part in base.modules())
    state = torch.get_rng_state()
    model = tuning.with_lora(base, 2)
    assert torch.equal(torch.get_rng_state(), state)
    trained = [name for name, one in model.named_parameters() if one.requires_grad]
    assert len(trained) == 2 * count == 16 and all("lora_" in name for name in trained)
    assert "rank is 0: give" in sentence(tuning.with_lora, base, 0)


def test_lora_fits_a_model_with_plain_linear_layers(build):
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(vocab_size=30, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
                         num_attention_heads=2, max_position_embeddings=16)  # fmt: skip
    torch.manual_seed(0)
    model = tuning.with_lora(LlamaForCausalLM(config), 2)
    rows = [[1, 2, 3, 4], [1, 5, 6]]
    losses = tuning.fit(model, lambda m, step: tuning._token_loss(m, rows), steps=20, learning_rate=0.05)
    assert losses[-1] < losses[0] - 0.1


def test_padding_counts_for_nothing():
    tokenizer, model = text.load(SESSION)
    rows = [row for poem in POEMS[:3] for row in tuning._pieces(model, tokenizer, poem[: len(poem) // 2])]
    alone = [tuning._token_loss(model, [row]).item() * (len(row) - 1) for row in rows]
    targets = sum(len(row) - 1 for row in rows)
    assert tuning._token_loss(model, rows).item() == pytest.approx(sum(alone) / targets, rel=1e-4)
    assert tuning._held_out_loss(model, rows) == pytest.approx(sum(alone) / targets, rel=1e-4)
    long = tuning._pieces(model, tokenizer, "\n".join(POEMS))
    assert max(map(len, long)) == 512 and all(
        one[-1] == two[0] for one, two in zip(long, long[1:], strict=False)
    )


@pytest.mark.long
def test_own_texts_are_learnt_saved_and_loaded_again_in_a_new_process(build, capsys):
    folder = tuned(steps=12, learning_rate=5e-3)
    assert folder == build / "mine" and sorted(os.listdir(build)) == ["mine"]
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= set(os.listdir(folder))
    assert not any("adapter" in name for name in os.listdir(folder))
    before, after = map(float, capsys.readouterr().out.split("per token: ")[1].split(" ")[:3:2])
    assert after < before - 1
    done = child(LOAD, build, folder, POEMS[0])
    kind, logits = json.loads(done.stdout)
    tokenizer, model = text.load(SESSION, str(folder))
    ids = torch.tensor([tokenizer(POEMS[0]).input_ids])
    assert kind == "GPT2LMHeadModel" and torch.allclose(
        model(ids).logits[0, -1], torch.tensor(logits), atol=1e-4
    )
    _, base = text.load(SESSION)
    assert not torch.allclose(base(ids).logits[0, -1], torch.tensor(logits), atol=0.1)


def test_own_texts_resume_and_their_settings_are_compared(build, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(checkpoints, "finish", full)
        with pytest.raises(OSError):
            tuned()
    assert "(texts: " in sentence(tuned, texts=POEMS[1:])
    assert "(rank: 4, not 2)" in sentence(tuned, rank=2)
    assert tuned() == build / "mine" and sorted(os.listdir(build)) == ["mine"]


SAVE_FULL = """
import resource, torch
from helpers.errors import WorkbookError
from helpers.session import Session
session = Session("tiny", "cpu", torch.float32, 0, Path("build"), False)
resource.setrlimit(resource.RLIMIT_FSIZE, (5_000_000, 5_000_000))  # the checkpoint fits, not the model
try:
    tuning.tune_texts(session, ["One line."] * 3, "build/mine", steps=2, batch_size=2, rank=2)
except WorkbookError as problem:
    print(problem)
"""


@pytest.mark.long
def test_a_failed_rerun_keeps_the_finished_model(build):
    folder = tuned()
    kept = (folder / "model.safetensors").read_bytes()
    done = child(SAVE_FULL, build)
    assert done.stdout.startswith("mine cannot be written ("), done.stderr
    assert (folder / "model.safetensors").read_bytes() == kept
    assert sorted(os.listdir(build)) == ["mine", "mine.unfinished"]


@pytest.mark.parametrize("texts", [None, "a text", {"a"}, iter(["a"]), [1], [None], [b"a"], ["a\ud800"]])
def test_what_are_no_texts_is_refused(build, texts):
    assert re.search("give a list|is a text|half a character", sentence(tuned, texts=texts))


def test_the_held_out_loss_is_bounded_and_says_so(build, monkeypatch, capsys):
    measured = []
    monkeypatch.setattr(tuning, "HELD_OUT", 3)
    loss = lambda model, rows: measured.append(rows) or torch.zeros(())  # noqa: E731
    monkeypatch.setattr(tuning, "_token_loss", loss)
    monkeypatch.setattr(tuning, "fit", lambda *_, **__: None)
    tuned(texts=POEMS * 4)
    assert len(measured) == 6, "three pieces before and three after"
    assert "Loss on 12 held-out texts (3 pieces of them), in nats per token: " in capsys.readouterr().out


CLUSTER = {"LOCAL_RANK": "0", "RANK": "0", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "NODE_RANK": "0",
           "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1", "OMPI_COMM_WORLD_SIZE": "2", "PMI_RANK": "1",
           "ACCELERATE_USE_FSDP": "true", "ACCELERATE_USE_DEEPSPEED": "true",
           "TORCHELASTIC_RUN_ID": "a"}  # fmt: skip


def left_behind() -> list[dict]:
    """What a cluster's launchers leave in the environment: each variable alone, two, and all."""
    alone = [{name: value} for name, value in CLUSTER.items()]
    return [*alone, {"LOCAL_RANK": "0", "WORLD_SIZE": "2"}, CLUSTER]


@pytest.mark.parametrize("variables", left_behind(), ids="-".join)
def test_in_a_kernel_training_is_one_process_whatever_a_cluster_left_behind(monkeypatch, variables):
    alone = fitted(steps=3)[0]
    monkeypatch.setattr(tuning, "in_kernel", lambda: True)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert fitted(steps=3)[0] == alone
    assert {name: os.environ[name] for name in variables} == variables, "and they are as they were"


IN_A_KERNEL = """
import os, torch
from helpers import tuning
model = torch.nn.Linear(2, 1)
print(len(tuning.fit(model, lambda m, step: m(torch.ones(1, 2)).mean(), steps=2, learning_rate=0.1)))
"""


@pytest.mark.long
def test_a_real_kernel_ends_its_training_under_such_variables(monkeypatch):
    for name, value in CLUSTER.items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(IN_A_KERNEL)])
    NotebookClient(notebook, kernel_name="python3", timeout=300).execute()
    assert "2\n" in [output.get("text") for output in notebook.cells[0].outputs]


def test_processes_that_a_launcher_forked_from_a_kernel_know_each_other(monkeypatch):
    monkeypatch.setattr(tuning, "in_kernel", lambda: True)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with tuning._as_one_process():
        assert "WORLD_SIZE" not in os.environ
    monkeypatch.setenv("FORK_LAUNCHED", "1")
    with tuning._as_one_process():
        assert os.environ["WORLD_SIZE"] == "2"
    monkeypatch.setattr(tuning, "in_kernel", lambda: False)
    monkeypatch.delenv("FORK_LAUNCHED")
    with tuning._as_one_process():
        assert os.environ["WORLD_SIZE"] == "2"


def test_bad_input_for_own_texts_is_refused_before_long_work(build):
    for texts in ([], ["", " \n"]):
        assert "no text to learn from" in sentence(tuned, texts=texts)
    assert "rank is 0" in sentence(tuned, rank=0)
    assert "steps is 0" in sentence(tuned, steps=0)
    assert "batch_size is 0" in sentence(tuned, batch_size=0)
    assert "not lie below build/" in sentence(tuned, "elsewhere")
    (build / "file").write_text("mine")
    assert "is a file" in sentence(tuned, "build/file")
    assert sentence(tuned, model="build/nothing-here")
    assert list(build.iterdir()) == [build / "file"]


@pytest.mark.parametrize("kind, settings, room", [
    ("XLNetLMHeadModel", {"n_layer": 1, "d_model": 8, "n_head": 2, "d_inner": 8}, 512),  # -1 stands for none
    ("RobertaForCausalLM", {"max_position_embeddings": 34, "hidden_size": 8, "num_attention_heads": 2,
                            "num_hidden_layers": 1, "is_decoder": True}, 32),
    ("MptForCausalLM", {"max_seq_len": 16, "d_model": 8, "n_heads": 2, "n_layers": 1}, 16),
])  # fmt: skip
def test_texts_are_cut_to_the_context_of_other_models_too(kind, settings, room):
    import transformers
    from tiny_models import byte_level_tokenizer

    config = getattr(transformers, kind).config_class(vocab_size=300, **settings)
    model, tokenizer = getattr(transformers, kind)(config), byte_level_tokenizer()
    words = "In the forest, at night, the fox told a story. " * 60
    pieces = tuning._pieces(model, tokenizer, words)
    assert max(map(len, pieces)) == room
    assert tokenizer.decode([i for piece in pieces for i in piece[1:]], skip_special_tokens=True) == words
    assert tuning._token_loss(model.eval(), pieces[:1]).isfinite()
    if room < 512:
        assert f"the context of {room}" in sentence(text.check_room, model, tokenizer, words, 1)
    else:
        text.check_room(model, tokenizer, words, 1)


def test_a_tokenizer_without_an_end_is_refused_for_training():
    from tiny_models import byte_level_tokenizer

    tokenizer = byte_level_tokenizer()
    tokenizer.eos_token = None
    _, model = text.load(SESSION)
    assert "No token of this model ends a text" in sentence(tuning._pieces, model, tokenizer, "A")


def test_few_texts_are_all_learnt_and_a_seed_decides(build, capsys):
    one, same, other = (tuned(f"build/{i}", ["A cat."] * 2, seed=seed) for i, seed in enumerate((1, 1, 2)))
    assert capsys.readouterr().out == ""
    read = [(folder / "model.safetensors").read_bytes() for folder in (one, same, other)]
    assert read[0] == read[1] != read[2]
