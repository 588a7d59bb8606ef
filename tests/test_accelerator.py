"""No library moves a model to an accelerator unasked, seen beside an accelerator that only seems to be there.

`make test-accelerator` runs the notebooks whole, and the helpers' own tests, in the same way.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests import accelerator, accelerator_cells
from tests.notebook_code import NOTEBOOKS

ROOT = Path(__file__).resolve().parents[1]
STEMS = sorted(path.stem for path in NOTEBOOKS.glob("[!.]*.ipynb"))
CALLING = [stem for stem in STEMS if accelerator_cells.library_names(stem)]

# What a library does by itself where it finds an accelerator, and what it puts there.
REFUSED = {
    "pipeline": ('pipeline("text-generation", model=model, tokenizer=tokenizer)', "GPT2LMHeadModel"),
    "fill-mask": ('pipeline("fill-mask", model=fill, tokenizer=words)', "ModernBertForMaskedLM"),
    "Trainer": ("Trainer(model=model, args=arguments())", "GPT2LMHeadModel"),
    "Accelerator": ("Accelerator().prepare(model)", "GPT2LMHeadModel"),
    "PEFT's files": ("PeftModel.from_pretrained(text.load(session)[1], ADAPTER)", "a tensor"),
    "Diffusers' offloading": ('offloaded()("a fox", num_inference_steps=1)', "a tensor"),
    "a line of ours": ('pipe.to("cuda")', "StableDiffusionPipeline"),
    "a draw": ('torch.randn(3, device="cuda")', "a tensor"),
}  # fmt: skip
# What must go on as if no accelerator were there.
FREE = {
    "pipeline with its device": "writer()('Once', max_new_tokens=2)",
    "seeds": "set_seed(0), torch.manual_seed(0)",
    "forked random numbers": "forked()",
    "writing": 'text.generate(model, tokenizer, "Once", seed=0, max_new_tokens=3)',
    "next tokens": 'text.next_token_probabilities(model, tokenizer, "Once")',
    "drawing": 'images.generate(pipe, "a fox", seed=0, steps=1)',
    "there and back": 'images.decode(pipe, images.encode(pipe, images.generate(pipe, "a", seed=1, steps=1)))',
    "training": "trained(model)",
    "LoRA": "trained(tuning.with_lora(text.load(session)[1], rank=2))",
    "judging": 'judge.load().read(images.generate(pipe, "a fox", seed=0, steps=1))',
}
ROUTES = """
import json, linecache, sys
import torch
from accelerate import Accelerator
from peft import PeftModel
from transformers import Trainer, TrainingArguments, pipeline, set_seed
from helpers import images, text, tuning
from helpers.session import start
from smallworld.judges import pictures as judge

FOLDER, ADAPTER = sys.argv[1], sys.argv[1] + "/adapter"
session = start()
tokenizer, model = text.load(session)
words, fill = text.load(session, role="fill")
pipe = images.load(session)
tuning.with_lora(text.load(session)[1], rank=2).save_pretrained(ADAPTER)

def arguments():
    return TrainingArguments(output_dir=FOLDER, report_to=[])

def writer():
    return pipeline("text-generation", model=model, tokenizer=tokenizer, device=model.device)

def offloaded():
    other = images.load(session)
    other.enable_model_cpu_offload()
    return other

def forked():
    with torch.random.fork_rng():
        torch.manual_seed(1)

def trained(model):
    ids = tokenizer("Once upon a time", return_tensors="pt").input_ids
    tuning.fit(model, lambda model, step: model(ids, labels=ids).loss, steps=1, learning_rate=1e-3)

for name, line in json.loads(sys.argv[2]).items():
    linecache.cache[name] = len(line), None, [line], name
    try:
        eval(compile(line, name, "eval"))
        print("=", name, "= fine", flush=True)
    except Exception as error:
        print("=", name, "=", type(error).__name__, error, flush=True)
"""


def child(record: Path, *command: str) -> str:
    """What a process prints that finds an accelerator; it must end well."""
    environment = os.environ | accelerator.environment(record) | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def routes(tmp_path_factory) -> tuple[dict[str, str], list[str]]:
    """What became of each line of REFUSED and FREE, run in one process; and the record of all refusals."""
    folder = tmp_path_factory.mktemp("routes")
    lines = {name: line for name, (line, _) in REFUSED.items()} | FREE
    out = child(folder / "record", "-c", ROUTES, str(folder), json.dumps(lines))
    ends = dict(re.findall(r"^= (.+?) = (.*)$", out, re.MULTILINE))
    return ends, accelerator.recorded(folder / "record")


@pytest.mark.parametrize("name", REFUSED)
def test_what_goes_to_the_accelerator_unasked_is_refused_and_written_down(routes, name):
    line, what = REFUSED[name]
    ends, record = routes
    words = f"{what} was put on the accelerator unasked, by line 1 of {name}: {line}"
    assert ends[name] == f"Touched {words}" and words in record


@pytest.mark.parametrize("name", FREE)
def test_what_stays_where_it_is_goes_on(routes, name):
    ends, record = routes
    assert ends[name] == "fine" and not any(f" of {name}: " in words for words in record)


def test_a_line_that_asks_for_itself_is_told_the_truth(tmp_path):
    code = "import torch; print(torch.cuda.is_available(), torch.accelerator.is_available())"
    assert child(tmp_path / "record", "-c", code).split() == ["False", "False"]
    library = "import torch.random as library; print(eval('torch.cuda.is_available()', vars(library)))"
    assert child(tmp_path / "record", "-c", library).split() == ["True"]


@pytest.mark.long
@pytest.mark.parametrize("stem", CALLING)
def test_a_notebook_s_calls_of_model_libraries_leave_the_accelerator_alone(tmp_path, stem):
    out = child(tmp_path / "record", "-m", "tests.accelerator_cells", stem, str(tmp_path / "build"))
    assert re.search(r"^\[\d+\] ran$", out, re.MULTILINE)
    assert accelerator.recorded(tmp_path / "record") == []


def test_cells_that_call_a_model_library_are_found():
    calls = accelerator_cells.calls_a_library("03_text_generation")
    assert calls(new_code_cell("tell = pipeline('text-generation', model=model)"))
    loads = accelerator_cells.calls_a_library("05_fine_tuning")
    assert loads(new_code_cell("model = AutoModelForCausalLM.from_pretrained(folder)"))
    assert not calls(new_code_cell("tell('Once'), print(pipeline)"))


FAULTY = """from transformers import pipeline
from helpers import text
from helpers.session import start
tokenizer, model = text.load(start())
tell = pipeline("text-generation", model=model, tokenizer=tokenizer)"""
CAUGHT = """try:
    pipeline("text-generation", model=model, tokenizer=tokenizer)
except RuntimeError:
    pass"""


@pytest.mark.long
def test_the_lane_fails_the_cells_that_move_a_model_and_no_others(tmp_path):
    """Also where the error was caught."""
    sources = [FAULTY, "assert model.device.type == 'cpu'", CAUGHT, FAULTY[:-1] + ", device=model.device)"]
    path = tmp_path / "trial.ipynb"
    cells = [new_code_cell(source, execution_count=i) for i, source in enumerate(sources, 1)]
    nbformat.write(new_notebook(cells=cells), path)
    command = [sys.executable, "-m", "pytest", "-p", "tests.accelerator_lane", "--nbval-lax", "-v",
               "--nbval-current-env", "-p", "no:cacheprovider", str(path)]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(ROOT), "WORKBOOK_OUTPUT": str(tmp_path / "build")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert re.findall(r"Cell (\d) FAILED", done.stdout) == ["0", "2"], done.stdout
    assert done.stdout.count("GPT2LMHeadModel was put on the accelerator unasked, by line") >= 2
