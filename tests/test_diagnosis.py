"""Why a model cannot be loaded: each cause has its own sentence and way out."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers import diagnosis, registry, text
from helpers.errors import WorkbookError

pytest_plugins = ("fixtures_text",)


@pytest.fixture
def folder(gpt2_folder, tmp_path):
    """A copy of the random GPT-2 that a test may spoil."""
    return shutil.copytree(gpt2_folder, tmp_path / "model")


def change(path: Path, **values) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def sentence(function, *arguments, **options) -> str:
    with pytest.raises(WorkbookError) as problem:
        function(*arguments, **options)
    message = str(problem.value)
    assert message.endswith(".") and "\n" not in message and len(message) < 500
    return message


def newer_type(folder):
    change(folder / "config.json", model_type="newer", architectures=["NewerForCausalLM"])


def newer_class(folder):
    change(folder / "config.json", architectures=["NewerForCausalLM"])


def newer_setting(folder):
    change(folder / "config.json", activation_function="newer")


def packed(folder):
    change(folder / "config.json", quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True})


def own_code(folder):
    change(folder / "config.json", model_type="mine", auto_map={"AutoConfig": "mine.Config"})


def other_shape(folder):
    change(folder / "config.json", n_embd=64)


def cut_weights(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def pickled_weights(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def no_tokenizer(folder):
    for path in folder.glob("tokenizer*"):
        path.unlink()


def lost_part(folder):
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"a": "model-1.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def long_tokenizer(folder):
    """More tokens than the model has rows."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    tokenizer.add_tokens(["<extra>"])
    tokenizer.save_pretrained(folder)


def text_for_list(folder):
    change(folder / "config.json", architectures="GPT2LMHeadModel")


def list_for_table(folder):
    (folder / "config.json").write_text("[1]")


def number_for_table(folder):
    (folder / "generation_config.json").write_text("3")


def odd_index(folder):
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text('{"weight_map": [1]}')


def odd_part(folder):
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": 1}}')


def adapter_alone(folder):
    """As PEFT writes it, in a folder of its own or beside the configuration of its model."""
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")


def adapter_without_settings(folder):
    adapter_alone(folder)
    (folder / "config.json").unlink()


NEWER = r"has whole files, but Transformers \S+ and Diffusers \S+ make no model of them"
CAUSES = {
    newer_type: rf"{NEWER} \(ValueError: .*model type `newer`.*: try newer versions",
    newer_class: r"is a NewerForCausalLM, unknown to Transformers \S+ and Diffusers \S+: name another",
    newer_setting: rf"{NEWER} \(KeyError: 'newer'",
    packed: r"needs a package that is not installed.*bitsandbytes",
    other_shape: r"is damaged \(its weights have other shapes than its config\w+ says\): save it again",
    own_code: r"brings program code of its own, which is never run here: name a model",
    cut_weights: r"is damaged \(model.safetensors is cut off or has other content\): save it again",
    pickled_weights: r"is damaged \(there are no safetensors, the only weights that are loaded\): save it",
    no_tokenizer: r"is damaged \(.*tokenizer.*\): save it again",
    lost_part: r"is damaged \(model.safetensors.index.json names model-1.safetensors, which is missing\)",
    text_for_list: r"is damaged \(architectures in config.json is no list of names\): save it again",
    list_for_table: r"is damaged \(config.json is no JSON object\): save it again",
    number_for_table: r"is damaged \(generation_config.json is no JSON object\): save it again",
    odd_index: r"is damaged \(model.safetensors.index.json names \[1\], which is missing\)",
    odd_part: r"is damaged \(model.safetensors.index.json names 1, which is missing\)",
    adapter_alone: r"holds only an adapter \(LoRA\): merge it into its model and save both",
    adapter_without_settings: r"holds only an adapter \(LoRA\): merge it into its model and save both",
    long_tokenizer: r"is damaged \(the tokenizer has tokens up to number 300, the model only 300 rows\)",
}


@pytest.mark.parametrize("spoil", CAUSES, ids=lambda spoil: spoil.__name__)
def test_each_cause_is_told_with_its_way_out(folder, cpu, spoil):
    spoil(folder)
    message = sentence(text.load, cpu, str(folder))
    assert str(folder) in message and re.search(CAUSES[spoil], message), message


def test_the_tokens_of_a_tokenizer_must_have_rows_in_a_pipeline_too(tmp_path):
    import tiny_pipeline

    from helpers import images

    pipe = tiny_pipeline.build()
    images._check_parts(pipe)
    pipe.tokenizer.add_tokens(["<extra>"])
    with pytest.raises(diagnosis.Damaged, match="the tokenizer has tokens up to number"):
        images._check_parts(pipe)
    pipe = tiny_pipeline.build()
    pipe.tokenizer.model_max_length = 99
    with pytest.raises(diagnosis.Damaged, match="the tokenizer writes 99 tokens, the text encoder reads"):
        images._check_parts(pipe)


@pytest.mark.parametrize("index, told", [
    ("[1]", r"model_index.json is no JSON object"), ("3", r"model_index.json is no JSON object"),
    ({"_class_name": None}, "names no class"),
    ({"_class_name": "StableDiffusion3Pipeline"}, "is no plain StableDiffusionPipeline"),
    ({"unet": None}, "names no unet"), ({"vae": "AutoencoderKL"}, "names no vae"),
    ({"text_encoder": [None, None]}, "names no text_encoder"),
])  # fmt: skip
def test_the_index_of_a_pipeline_is_read_with_care(tmp_path, cpu, index, told):
    import tiny_pipeline

    from helpers import images

    path = tiny_pipeline.save(tmp_path / "pipe") / "model_index.json"
    if isinstance(index, str):
        path.write_text(index)
    else:
        known = json.loads(path.read_text()) | index
        path.write_text(json.dumps({name: value for name, value in known.items() if value is not None}))
    assert re.search(told, sentence(images.load, cpu, str(path.parent)))


def test_a_lora_of_pictures_is_no_model(tmp_path, cpu):
    from helpers import images

    (tmp_path / "pytorch_lora_weights.safetensors").write_bytes(b"")
    for load in (images.load, text.load):
        assert "holds only an adapter (LoRA): merge it" in sentence(load, cpu, str(tmp_path))


@pytest.fixture
def interrupted(monkeypatch):
    """What an interrupt leaves behind is forgotten after the test."""
    monkeypatch.setattr(diagnosis, "_interrupted", [])


@pytest.mark.parametrize("error", [ImportError("cannot import name 'x'"), RuntimeError("has a docstring")])
def test_after_an_interrupt_an_error_is_not_the_model_s_fault(folder, interrupted, error):
    def read(problem):
        for place in registry.places("text", str(folder)):
            with place.reading():
                raise problem

    with pytest.raises(KeyboardInterrupt):
        read(KeyboardInterrupt())
    assert "a load before was interrupted: restart the kernel and try again" in sentence(read, error)
    cut_weights(folder)
    assert "model.safetensors is cut off" in sentence(read, RuntimeError("half a file"))


def test_python_without_docstrings_is_refused_before_anything_is_loaded(tmp_path):
    code = """
from helpers import session
try:
    session.start()
except Exception as problem:
    print(type(problem).__name__, problem)
"""
    for optimize, told in (("2", "WorkbookError Python runs without docstrings"), ("1", "Profile tiny")):
        environment = os.environ | {"PYTHONOPTIMIZE": optimize, "WORKBOOK_OUTPUT": str(tmp_path)}
        child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
        assert child.stdout.startswith(told) and child.stderr == "", child.stderr


AGAIN = """
import sys, time
from helpers import errors, session, text
started = session.start("tiny")
print("begin", flush=True)
for attempt in range(2):
    try:
        text.load(started)
        print("loaded", flush=True)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    except errors.WorkbookError as problem:
        print(problem, flush=True)
"""


@pytest.mark.long
@pytest.mark.parametrize("wait", [0.1, 1.0, 2.5])
def test_a_second_try_after_an_interrupt_works_or_says_restart_the_kernel(tmp_path, wait):
    environment = os.environ | {"WORKBOOK_OUTPUT": str(tmp_path), "WORKBOOK_PROFILE": "tiny"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", AGAIN], text=True, env=environment, **pipes) as run:
        run.stdout.readline()
        assert run.stdout.readline() == "begin\n"
        time.sleep(wait)
        run.send_signal(signal.SIGINT)
        first, *rest = run.communicate(timeout=240)[0].splitlines()
    assert first in ("interrupted", "loaded") and len(rest) == 1
    assert rest[0] == "loaded" or "restart the kernel" in rest[0]


FIRST_CELL_TWICE = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell

class Interrupt:
    left = 1

    @classmethod
    def find_spec(cls, name, *_):
        if name == sys.argv[2] and cls.left:
            cls.left = 0
            raise KeyboardInterrupt

cells = json.load(open(sys.argv[1], encoding="utf-8"))["cells"]
first = "".join(next(cell["source"] for cell in cells if cell["cell_type"] == "code"))
shell = InteractiveShell()
for interrupts in ([Interrupt], []):
    sys.meta_path[:0] = interrupts
    try:
        error = shell.run_cell(first).error_in_exec
    except KeyboardInterrupt as problem:
        error = problem
    print("->", type(error).__name__, error)
"""


@pytest.mark.long
@pytest.mark.parametrize("number", ["03", "04"])
@pytest.mark.parametrize("module", [
    "matplotlib.rcsetup", "matplotlib.figure", "numpy.linalg", "torch._C", "torch.autograd", "torch.nn",
])  # fmt: skip
def test_the_first_cell_after_an_interrupt_works_or_says_restart_the_kernel(number, module):
    (path,) = (Path(__file__).resolve().parents[1] / "notebooks").glob(f"{number}_*.ipynb")
    command = [sys.executable, "-c", FIRST_CELL_TWICE, str(path), module]
    printed = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    first, second = (line for line in printed if line.startswith("-> "))
    told = r"-> ImportError The import of \w+ was interrupted: restart the kernel and try again\."
    assert re.fullmatch(f"-> KeyboardInterrupt|{told}", first.rstrip())  # some library hides the interrupt
    assert re.fullmatch(f"-> NoneType None|{told}", second)
