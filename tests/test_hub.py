"""The hub profile against a local server: child processes load language and image models, pinned, once."""

import json
import subprocess
import sys

import pytest
from local_hub import LocalHub
from tiny_models import save_bert, save_llama, save_published_bert, save_published_gpt2
from tiny_pipeline import SIZE, save

from helpers import registry

PINNED = registry.find("text", "hub")
PINNED_FILL = registry.find("fill", "hub")
PINNED_IMAGE = registry.find("image", "hub")
LOAD = """
import json, sys
from helpers import errors, session, text
start = session.start(profile="hub")
results = []
for name in json.loads(sys.argv[1]):
    try:
        tokenizer, model = text.load(start, name)
        (told,) = text.generate(model, tokenizer, "Once", seed=0, max_new_tokens=5)
        results.append([type(model).__name__, told])
    except errors.WorkbookError as problem:
        results.append(str(problem))
print(json.dumps(results))
"""
LOAD_FILL = """
import json, sys
from transformers import pipeline
from helpers import errors, session, text
start = session.start(profile="hub")
results = []
for name in json.loads(sys.argv[1]):
    try:
        tokenizer, model = text.load(start, name, role="fill")
        fill = pipeline("fill-mask", model=model, tokenizer=tokenizer, trust_remote_code=False)
        scale = model.base_model.embeddings.LayerNorm.weight.mean().item()
        results.append([type(model).__name__, len(fill("the [MASK] shone", top_k=3)), scale])
    except errors.WorkbookError as problem:
        results.append(str(problem))
print(json.dumps(results))
"""
LOAD_IMAGE = """
import json, sys
from helpers import images, session
start = session.start(profile="hub", role="image")
results = []
for name in json.loads(sys.argv[1]):
    try:
        pipe = images.load(start, name)
        (picture,) = images.generate(pipe, "a red balloon", seed=0, steps=1)
        results.append([type(pipe).__name__, type(pipe.safety_checker).__name__, *picture.size])
    except errors.WorkbookError as problem:
        results.append(str(problem))
print(json.dumps(results))
"""
WHOLE = ["StableDiffusionPipeline", "StableDiffusionSafetyChecker", SIZE, SIZE]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Tiny models to offer."""
    place = tmp_path_factory.mktemp("models")
    return {
        "gpt2": save_published_gpt2(place / "gpt2"),
        "llama": save_llama(place / "llama"),
        "bert": save_bert(place / "bert"),
        "published bert": save_published_bert(place / "published"),
    }


@pytest.fixture
def hub(folders):
    """A hub with GPT-2 and BERT under their real names and revisions, and four other models."""
    with LocalHub() as server:
        server.add(PINNED.hub_id, folders["gpt2"], PINNED.revision)
        server.add(PINNED_FILL.hub_id, folders["published bert"], PINNED_FILL.revision)
        server.add("someone/llama", folders["llama"])
        server.add("someone/bert", folders["bert"])
        server.add("someone/gated", folders["gpt2"], gated=True)
        yield server


def load(names, environment, code: str = LOAD) -> list:
    """What a child process makes of these names: a list about each model, or the sentence of refusal."""
    command = [sys.executable, "-c", code, json.dumps(names)]
    child = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert child.returncode == 0, child.stderr
    assert child.stderr == ""
    line, *_, results = child.stdout.splitlines()
    assert line == "Profile hub: models from the Hugging Face hub, on the CPU in float32, seed 0."
    return json.loads(results)


@pytest.mark.long
def test_any_causal_model_loads_pinned_and_offline_after_the_first_time(hub, tmp_path):
    names = ["", "someone/llama", "someone/missing", "someone/gated", "someone/bert", "someone/llama@0000000"]
    gpt2, llama, missing, gated, bert, unknown = load(names, hub.environment(tmp_path))
    assert gpt2[0] == "GPT2LMHeadModel" and gpt2[1] and llama[0] == "LlamaForCausalLM" and llama[1]
    assert "no public model someone/missing" in missing and "owner/name" in missing
    assert "someone/gated is gated" in gated and "hf auth login" in gated
    assert "someone/bert is a BertForMaskedLM" in bert
    assert "no revision 0000000" in unknown
    resolve = f"/{PINNED.hub_id}/resolve/"
    fetched = [path for method, path in hub.requests if method == "GET" and path.startswith(resolve)]
    assert {path.split("/")[4] for path in fetched} == {PINNED.revision}
    files = {"config.json", "generation_config.json", "merges.txt", "tokenizer.json", "tokenizer_config.json"}
    assert {path.rpartition("/")[2] for path in fetched} == files | {"vocab.json"}, "and no more is asked for"
    assert not any("adapter" in path for _, path in hub.requests)
    assert hub.requests[-1][0] == "HEAD" and "0000000" in hub.requests[-1][1]

    hub.close()
    hub.requests.clear()
    again = load(["", "gpt2", "someone/llama", "someone/other"], hub.environment(tmp_path))
    assert again[:3] == [gpt2, gpt2, llama], "cached models load without a network, by their short name too"
    assert "does not answer" in again[3] and "someone/other is not on this machine" in again[3]
    assert not hub.requests


@pytest.mark.long
def test_the_masked_model_loads_pinned_as_it_is_published(hub, tmp_path):
    bert, gpt2 = load(["", "someone/llama"], hub.environment(tmp_path), LOAD_FILL)
    assert bert == ["BertForMaskedLM", 3, 1.0] and "LlamaForCausalLM, not a masked language model" in gpt2
    fetched = [path for method, path in hub.requests if method == "GET" and PINNED_FILL.hub_id in path]
    assert {path.split("/")[4] for path in fetched if "/resolve/" in path} == {PINNED_FILL.revision}


@pytest.mark.faults
def test_a_cache_without_tokenizer_is_completed_or_refused_but_never_used(hub, tmp_path):
    def lose(*names: str) -> None:
        lost = [path for name in names for path in tmp_path.rglob(name)]
        assert len(lost) == len(names)
        for path in lost:
            path.unlink()

    environment = hub.environment(tmp_path)
    whole = load([""], environment)
    lose("tokenizer.json", "tokenizer_config.json")
    assert load([""], environment | {"HF_HUB_OFFLINE": "1"}) == whole, "vocabulary and merges are enough"
    lose("vocab.json", "merges.txt")
    assert load([""], environment) == whole
    lose("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt")
    (message,) = load([""], environment | {"HF_HUB_OFFLINE": "1"})
    assert "does not answer" in message and "HF_HUB_OFFLINE" in message


# Image models


@pytest.fixture(scope="module")
def pipeline_folder(tmp_path_factory):
    return save(tmp_path_factory.mktemp("pipeline") / "pipeline", safety_checker=True)


@pytest.fixture
def image_hub(pipeline_folder, folders):
    """A hub with a pipeline under the real name and revision of Stable Diffusion, and three other models."""
    with LocalHub() as server:
        server.add("someone/gpt2", folders["gpt2"])
        names = {
            PINNED_IMAGE.hub_id: PINNED_IMAGE.revision,
            "someone/pipeline": "1" * 40,
            "someone/gated": "2" * 40,
        }
        for name, revision in names.items():
            server.add(name, pipeline_folder, revision, gated="gated" in name)
        yield server


@pytest.mark.long
def test_any_stable_diffusion_loads_pinned_and_offline_after_the_first_time(image_hub, tmp_path):
    revision = "1" * 40
    names = [
        "",
        "someone/pipeline",
        "someone/missing",
        "someone/gated",
        "someone/gpt2",
        "someone/pipeline@0000000",
    ]
    pinned, other, missing, gated, gpt2, unknown = load(names, image_hub.environment(tmp_path), LOAD_IMAGE)
    assert pinned == other == WHOLE
    assert "no public model someone/missing" in missing and "owner/name" in missing
    assert "someone/gated is gated" in gated and "hf auth login" in gated
    assert "someone/gpt2 has no model_index.json, so it is no image model" in gpt2
    assert "no revision 0000000" in unknown
    resolve = f"/{PINNED_IMAGE.hub_id}/resolve/"
    fetched = [path for method, path in image_hub.requests if method == "GET" and path.startswith(resolve)]
    assert len(fetched) > 5 and {path.split("/")[4] for path in fetched} == {PINNED_IMAGE.revision}

    image_hub.close()
    image_hub.requests.clear()
    names = ["", "stable-diffusion-v1-4", f"someone/pipeline@{revision}", "someone/other"]
    *cached, refused = load(names, image_hub.environment(tmp_path), LOAD_IMAGE)
    assert cached == [WHOLE] * 3, "cached models load without a network, by their short name too"
    assert "does not answer" in refused and "someone/other is not on this machine" in refused
    assert not image_hub.requests


@pytest.mark.faults
@pytest.mark.parametrize("lost", ["tokenizer.json", "diffusion_pytorch_model.safetensors"])
def test_an_incomplete_pipeline_in_the_cache_is_completed_or_refused(image_hub, tmp_path, lost):
    environment = image_hub.environment(tmp_path)
    assert load([""], environment, LOAD_IMAGE) == [WHOLE]
    for path in tmp_path.rglob(lost):
        path.unlink()
    (message,) = load([""], environment | {"HF_HUB_OFFLINE": "1"}, LOAD_IMAGE)
    assert "does not answer" in message and "HF_HUB_OFFLINE" in message
    assert load([""], environment, LOAD_IMAGE) == [WHOLE]
