"""Code that comes with a model is never run, and nobody is asked, not even where somebody would say yes."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel
from tiny_models import save_bert, save_gpt2
from tiny_pipeline import save

from helpers import diagnosis
from helpers.errors import WorkbookError

REVISION = "0" * 40
EVIL = """
import pathlib
pathlib.Path({mark!r}).touch()
class Evil:
    @classmethod
    def from_pretrained(cls, *_, **__):
        return cls()
    register_for_auto_class = classmethod(lambda cls, *_, **__: None)
"""
LOAD = """
from helpers import images, text
from helpers.errors import WorkbookError
from helpers.session import start
started = start("tiny")
def told(role, model):
    try:
        images.load(started, model) if role == "image" else text.load(started, model, role=role)
        return "loaded"
    except WorkbookError as problem:
        return str(problem)
"""


def change(path: Path, **values) -> None:
    """Other values in a JSON file, which is made where it is missing."""
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(known | values))


def config(role: str, **values) -> Callable[[Path], None]:
    """A model of an unknown type, whose code lies beside it."""
    auto = "AutoModelForCausalLM" if role == "text" else "AutoModelForMaskedLM"
    code = {"AutoConfig": "evil.Evil", auto: "evil.Evil", "AutoTokenizer": ["evil.Evil", "evil.Evil"]}
    return lambda folder: change(folder / "config.json", model_type="evil", auto_map=code, **values)


def tokenizer(folder: Path) -> None:
    """A known model whose tokenizer is code, beside a table of tokens that needs none."""
    code = {"AutoTokenizer": ["evil.Evil", "evil.Evil"]}
    change(folder / "tokenizer_config.json", tokenizer_class="EvilTokenizer", auto_map=code)


def tokenizer_alone(folder: Path) -> None:
    """The same without the table."""
    tokenizer(folder)
    (folder / "tokenizer.json").unlink()


def head(folder: Path) -> None:
    """A known configuration with a head that is code."""
    code = {"AutoModelForCausalLM": "evil.Evil", "AutoModelForMaskedLM": "evil.Evil"}
    change(folder / "config.json", model_type="vit", architectures=["Evil"], auto_map=code)


def part(name: str, library: str, kind: str) -> Callable[[Path], None]:
    """A pipeline of which a part is chosen by its own files, which name code."""

    def spoil(folder: Path) -> None:
        change(folder / "model_index.json", **{name: [library, kind]})
        code = {"AutoConfig": "evil.Evil", "AutoModel": "evil.Evil", "AutoTokenizer": ["evil.Evil", None]}
        change(folder / name / "config.json", model_type="evil", auto_map=code)
        change(folder / name / "tokenizer_config.json", auto_map=code)
        shutil.copy(folder / "evil.py", folder / name / "evil.py")

    return spoil


def pipeline_class(folder: Path) -> None:
    change(folder / "model_index.json", _class_name=["evil", "Evil"])


def kernel_of_the_hub(name: str) -> Callable[[Path], None]:
    return lambda folder: change(folder / name, attn_implementation="someone/attention")


CASES = {
    "text, its type": ("text", config("text")),
    "text, its tokenizer": ("text", tokenizer),
    "text, its head": ("text", head),
    "text, attention from the hub": ("text", kernel_of_the_hub("config.json")),
    "fill, its type": ("fill", config("fill")),
    "fill, its tokenizer": ("fill", tokenizer),
    "text, its tokenizer alone": ("text", tokenizer_alone),
    "fill, its tokenizer alone": ("fill", tokenizer_alone),
    "image, its text encoder": ("image", part("text_encoder", "transformers", "AutoModel")),
    "image, its text encoder, a class of its own": ("image", part("text_encoder", "evil", "Evil")),
    "image, its tokenizer class": ("image", part("tokenizer", "transformers", "AutoTokenizer")),
    "image, its UNet": ("image", part("unet", "diffusers", "AutoModel")),
    "image, its scheduler": ("image", part("scheduler", "evil", "Evil")),
    "image, itself": ("image", pipeline_class),
    "image, attention from the hub": ("image", kernel_of_the_hub("text_encoder/config.json")),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("foreign")


@pytest.fixture(scope="module")
def models(place) -> dict[str, dict[str, Path]]:
    """Each case as a folder and as a model in the hub's cache; a mark appears where its code ran."""
    sound = {"text": save_gpt2(place / "text"), "fill": save_bert(place / "fill")}
    sound["image"] = save(place / "image")
    made = {}
    for number, (name, (role, spoil)) in enumerate(CASES.items()):
        folder = shutil.copytree(sound[role], place / "models" / str(number))
        (folder / "evil.py").write_text(EVIL.format(mark=str(place / f"ran-{number}")))
        spoil(folder)
        cached = place / "cache" / f"models--someone--m{number}"
        shutil.copytree(folder, cached / "snapshots" / REVISION)
        (cached / "refs").mkdir()
        (cached / "refs" / "main").write_text(REVISION)
        made[name] = {"folder": str(folder), "cache": f"someone/m{number}", "mark": place / f"ran-{number}"}
    return made


@pytest.fixture(scope="module")
def kernel(place):
    """A live kernel; `ask(code)` is what it prints, `questions` what it wanted to know, answered by y."""
    environment = os.environ | {"HF_HUB_CACHE": str(place / "cache"), "HF_HUB_OFFLINE": "1",
                                "WORKBOOK_OUTPUT": str(place / "build")}  # fmt: skip
    environment["HF_MODULES_CACHE"] = str(place / "modules")
    manager, client = start_new_kernel(kernel_name="python3", env=environment)
    questions = []

    def yes(message):
        questions.append(message["content"]["prompt"])
        client.input("y")

    def ask(code: str) -> str:
        printed = []
        reply = client.execute_interactive(
            code, allow_stdin=True, stdin_hook=yes, timeout=240,
            output_hook=lambda message: printed.append(message["content"].get("text", "")),
        )  # fmt: skip
        assert reply["content"]["status"] == "ok", "\n".join(reply["content"].get("traceback", []))
        return "".join(printed)

    ask(LOAD)
    yield ask, questions
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.long
@pytest.mark.parametrize("source", ["folder", "cache"])
@pytest.mark.parametrize("name", CASES)
def test_nothing_is_asked_and_nothing_runs(kernel, models, name, source):
    (ask, questions), (role, _) = kernel, CASES[name]
    told = ask(f"print(told({role!r}, {models[name][source]!r}))").strip()
    assert questions == [] and not models[name]["mark"].exists()
    if name.endswith("its tokenizer"):
        assert told == "loaded"
        return
    assert "\n" not in told and told.endswith(".")
    words = "its tokenizer is missing|not whole" if "alone" in name else "code of its own, which is never run"
    assert re.search(words, told)


@pytest.mark.long
def test_a_part_that_a_library_loads_by_itself_is_not_asked_for_either(kernel):
    ask, questions = kernel
    code = """
from transformers import AutoModelForCausalLM, ViTConfig
settings = ViTConfig(auto_map={"AutoModelForCausalLM": "evil.Evil"})
try:
    AutoModelForCausalLM.from_config(settings)
except ValueError as problem:
    print("trust_remote_code" in str(problem))
"""
    assert ask(code).strip() == "True" and questions == []


def test_a_model_that_the_library_knows_loads_without_the_code_that_it_names(tmp_path):
    """Many published models name code from the time before the library knew them."""
    from helpers import text
    from helpers.session import start

    folder = save_gpt2(tmp_path / "gpt2")
    (folder / "evil.py").write_text(EVIL.format(mark=str(tmp_path / "ran")))
    code = {"AutoModelForCausalLM": "evil.Evil", "AutoConfig": "evil.Evil"}
    pipelines = {"text-generation": {"impl": "evil.Evil", "pt": ["AutoModelForCausalLM"]}}
    change(folder / "config.json", auto_map=code, custom_pipelines=pipelines)
    _, model = text.load(start("tiny", output_folder=tmp_path), str(folder))
    assert type(model).__name__ == "GPT2LMHeadModel" and not (tmp_path / "ran").exists()
    assert not hasattr(model.config, "custom_pipelines")


@pytest.mark.parametrize("value", ["someone/attention", "someone/attention@v1:f", {"": "someone/attention"}])
def test_attention_that_the_hub_computes_is_refused_wherever_it_is_written(tmp_path, value):
    for name in ("config.json", "text_encoder/config.json"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        change(path, attn_implementation="sdpa")
        diagnosis.refuse_code(tmp_path, "It")
        change(path, attn_implementation=value)
        with pytest.raises(WorkbookError, match="It brings program code"):
            diagnosis.refuse_code(tmp_path, "It")
        change(path, attn_implementation="sdpa")
