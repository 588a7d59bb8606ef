"""The cells tagged `any-model`, in the profile hub, with small models laid out as the real ones."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from local_hub import LocalHub
from notebook_code import NOTEBOOKS
from tiny_models import save_published_bert, save_published_gpt2
from tiny_pipeline import save_published
from tiny_sound import save_musicgen, save_vits

from helpers import registry
from tests import hub_cells

ROOT = Path(__file__).resolve().parents[1]
STEMS = sorted(path.stem for path in NOTEBOOKS.glob("[!.]*.ipynb"))
MAKERS = {
    "text": save_published_gpt2, "fill": save_published_bert, "image": save_published, "voice": save_vits,
    "music": save_musicgen,
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("published")


@pytest.fixture(scope="module")
def hub(place):
    """The models under their real names and revisions; one cache for all tests here."""
    with LocalHub() as server:
        for role, make in MAKERS.items():
            entry = registry.find(role, "hub")
            server.add(entry.hub_id, make(place / role), entry.revision)
        yield server


def child(hub, place, *command: str) -> str:
    """What a process with this hub prints; it must end well and say nothing on stderr."""
    environment = hub.environment(place / "home") | {"WORKBOOK_PROFILE": "hub", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def tagged(stem: str) -> list[int]:
    cells = nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=4).cells
    return [number for number, cell in enumerate(cells) if "any-model" in cell.metadata.get("tags", [])]


def test_a_slice_has_the_tagged_cells_and_what_they_need():
    for stem in STEMS:
        sliced = hub_cells.needed(stem)
        assert set(tagged(stem)) <= {number for number, _ in sliced}
        if sliced:
            assert [number for number, _ in sliced] == sorted(number for number, _ in sliced)
            seen = set(vars(__builtins__) if not isinstance(__builtins__, dict) else __builtins__)
            for _, source in sliced:
                made, used = hub_cells.names(source)
                assert used <= seen | made
                seen |= made


def test_names_are_those_of_the_top_level():
    source = (
        "a = b\ndef f(x):\n    y = x\n    return y + c + len(y)\nimport d.e\nfor i in [k for k in g]: h = i"
    )
    made, used = hub_cells.names(source)
    assert made == {"a", "f", "d", "i", "h"} and used - made == {"b", "c", "g"}


def test_what_a_cell_redefines_is_still_wanted_before():
    source = "a = f(b, c)\nb = a.b\nc += 1\nfor d in e: d(a)"
    assert hub_cells.wanted_before(source) == {"f", "b", "c", "e"}


@pytest.mark.hub
@pytest.mark.parametrize("stem", [stem for stem in STEMS if tagged(stem)])
def test_the_cells_that_follow_the_profile_run_to_the_end_with_the_hub_s_models(hub, place, tmp_path, stem):
    out = child(hub, place, "-m", "tests.hub_cells", stem, str(tmp_path / "build"))
    assert "Profile hub: models from the Hugging Face hub" in out
    assert all(f"[{number}]" in out for number in tagged(stem))


TUNE_TEXTS = """
import sys
from pathlib import Path
from helpers import checkpoints, session, tuning
checkpoints.build_folder = lambda: Path(sys.argv[1])
texts = [f"The patient {i} slept well.\\nNo pain." for i in range(24)] + ["word " * 3000]
started, folder = session.start("hub"), Path(sys.argv[1], "mine")
print(tuning.tune_texts(started, texts, folder, steps=4, batch_size=2, rank=2))
"""
READ_TEXTS = """
import sys
from transformers import AutoModelForCausalLM, AutoTokenizer
from helpers import session, text
started = session.start("hub")
tokenizer, model = text.load(started, sys.argv[1])
print(repr(text.generate(model, tokenizer, ["The patient", ""], seed=0, max_new_tokens=5)))
mine = AutoModelForCausalLM.from_pretrained(sys.argv[1], trust_remote_code=False)
words = AutoTokenizer.from_pretrained(sys.argv[1], trust_remote_code=False)
assert repr(text.generate(mine, words, "", seed=0)) == repr(text.generate(model, tokenizer, "", seed=0))
_, base = text.load(started)
assert mine.num_parameters() == base.num_parameters() and words.pad_token is None
assert any((one != other).any() for one, other in zip(mine.parameters(), base.parameters()))
"""


@pytest.mark.hub
def test_gpt2_is_fine_tuned_and_loads_again_in_a_new_process(hub, place, tmp_path):
    out = child(hub, place, "-c", TUNE_TEXTS, str(tmp_path))
    assert "Loss on 2 held-out texts, in nats per token" in out and out.endswith(f"{tmp_path / 'mine'}\n")
    assert "['" in child(hub, place, "-c", READ_TEXTS, str(tmp_path / "mine"))


TUNE_PICTURES = """
import sys
from pathlib import Path
from PIL import Image
from diffusers import UNet2DConditionModel
from helpers import checkpoints, own_data, session, tuning
checkpoints.build_folder = lambda: Path(sys.argv[1])
UNet2DConditionModel.num_parameters = lambda *_, **__: 860_000_000  # as the real one has: LoRA on attention
pictures = [own_data.Picture(Image.new("RGB", (512, 512), one), "a " + one, one) for one in ("red", "blue")]
tuning.tune_pictures(session.start("hub"), pictures, Path(sys.argv[1], "lora"), steps=2, batch_size=1, rank=2)
"""
READ_PICTURES = """
import sys
from pathlib import Path
from safetensors import safe_open
from helpers import images, session
pipe = images.load(session.start("hub", role="image"))
(before,) = images.generate(pipe, "a red", seed=0, steps=1)
pipe.load_lora_weights(sys.argv[1])
pipe.unet.set_adapters(pipe.get_active_adapters(), 1000.0)  # two small steps: make them visible
(after,) = images.generate(pipe, "a red", seed=0, steps=1)
assert before.size == (512, 512) and before.tobytes() != after.tobytes()
(path,) = Path(sys.argv[1]).glob("*.safetensors")
parts = {name.split(".lora")[0].rpartition("attn")[2][2:] for name in safe_open(path, "pt").keys()}
print(sorted(parts))
"""


@pytest.mark.hub
def test_stable_diffusion_is_fine_tuned_at_512_pixels_and_loads_again_in_a_new_process(hub, place, tmp_path):
    child(hub, place, "-c", TUNE_PICTURES, str(tmp_path))
    out = child(hub, place, "-c", READ_PICTURES, str(tmp_path / "lora"))
    assert out.splitlines()[-1] == "['to_k', 'to_out.0', 'to_q', 'to_v']"
