"""Loading, generating, watching and going to latents and back with text-to-image models."""

import copy
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_models import save_gpt2
from tiny_pipeline import FACTOR, ROOM, SIZE, save

from helpers import hub, images, registry
from helpers.errors import WorkbookError
from helpers.lessons.images import editing, watching

pytest_plugins = ("fixtures_text",)
PROMPTS = ["a red balloon", "two flying cars", "", "the sea at night"]
SEEDS = [0, 1, 2, 3]
SIDE = SIZE // FACTOR


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory):
    """The tiny random pipeline, in float16 as the shipped one is."""
    return save(tmp_path_factory.mktemp("image") / "pipeline")


@pytest.fixture(scope="session")
def checked_folder(tmp_path_factory):
    """The same with a safety checker."""
    return save(tmp_path_factory.mktemp("checked") / "pipeline", safety_checker=True)


@pytest.fixture(scope="session")
def pipe(image_folder, cpu):
    return images.load(cpu, str(image_folder))


@pytest.fixture(scope="session")
def image_to_image(pipe):
    return editing.image_to_image(pipe)


@pytest.fixture(scope="session")
def inpainting(pipe):
    return editing.inpainting(pipe)


@pytest.fixture
def folder(image_folder, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(image_folder, tmp_path / "model")


@pytest.fixture
def as_shipped(image_folder, monkeypatch):
    """The tiny random pipeline in the place of the shipped one."""
    entry = registry.ModelEntry("image", "tiny", "", "", "", "", 0, image_folder.resolve(), "")
    monkeypatch.setattr(registry, "MODELS", (entry,))


def picture(seed: int = 0, size: tuple[int, int] = (SIZE, SIZE)) -> Image.Image:
    """A picture of coarse random colours."""
    colours = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize(size)


def sentence(function, *arguments, **options) -> str:
    """The one sentence with which a call is refused."""
    with pytest.raises(WorkbookError) as problem:
        function(*arguments, **options)
    message = str(problem.value)
    assert message.endswith(".") and "\n" not in message and len(message) < 500
    return message


def difference(some, others) -> int:
    """By how much, of 255, two lists of pictures differ where they differ most."""
    assert len(some) == len(others) and [one.size for one in some] == [other.size for other in others]
    pairs = zip(some, others, strict=True)
    return max(int(np.abs(np.asarray(a, int) - np.asarray(b, int)).max()) for a, b in pairs)


def at_work(pipe, monkeypatch) -> None:
    """From now on the pipeline may not be run."""
    monkeypatch.setattr(type(pipe), "__call__", lambda *_, **__: pytest.fail("the pipeline ran"))


# Loading


def modules(pipe) -> dict[str, torch.nn.Module]:
    return {name: part for name, part in pipe.components.items() if isinstance(part, torch.nn.Module)}


def test_load_gives_an_evaluating_float32_pipeline_on_the_cpu(pipe, image_folder):
    from safetensors.torch import load_file

    assert set(modules(pipe)) == {"vae", "text_encoder", "unet"} and pipe.safety_checker is None
    for name, part in modules(pipe).items():
        (path,) = (image_folder / name).glob("*.safetensors")
        stored, loaded = load_file(path), part.state_dict()
        assert not part.training and {tensor.dtype for tensor in stored.values()} == {torch.float16}
        assert {weights.dtype for weights in part.parameters()} == {torch.float32}
        assert all(torch.equal(loaded[key], tensor.float()) for key, tensor in stored.items())


def test_loading_and_drawing_print_nothing(image_folder, cpu, capfd):
    images.generate(images.load(cpu, str(image_folder)), "a red balloon", seed=0, steps=1)
    assert capfd.readouterr() == ("", "")


def test_a_safety_checker_is_kept_and_says_what_it_hides(checked_folder, cpu, capsys):
    pipe = images.load(cpu, str(checked_folder))
    assert type(pipe.safety_checker).__name__ == "StableDiffusionSafetyChecker"
    assert {weights.dtype for weights in pipe.safety_checker.parameters()} == {torch.float32}
    drawn = images.generate(pipe, PROMPTS[:2], seed=0, steps=2)
    assert all(np.asarray(one).any() for one in drawn) and capsys.readouterr().out == ""
    pipe.safety_checker.concept_embeds_weights.data.fill_(-2)
    hidden = images.generate(pipe, PROMPTS[:3], seed=0, steps=2, batch_size=2)
    assert not any(np.asarray(one).any() for one in hidden)
    assert capsys.readouterr().out.startswith("The safety checker made 3 of 3 pictures black: ")


def test_a_missing_folder_of_the_workbook_names_the_way_out(cpu, tmp_path, monkeypatch):
    entry = registry.ModelEntry("image", "tiny", "", "", "", "", 0, tmp_path / "weights" / "image", "")
    monkeypatch.setattr(registry, "MODELS", (entry,))
    monkeypatch.setattr(registry, "WEIGHTS", tmp_path / "weights")
    message = sentence(images.load, cpu)
    assert str(entry.folder) in message and "git checkout" in message and "`make train-images`" in message


def weights_of(folder, part):
    (path,) = (folder / part).glob("*.safetensors")
    return path


def change_weights(folder, part, change):
    from safetensors.torch import load_file, save_file

    tensors = load_file(weights_of(folder, part))
    change(tensors)
    save_file(tensors, weights_of(folder, part), {"format": "pt"})


def cut_weights(folder):
    path = weights_of(folder, "unet")
    path.write_bytes(path.read_bytes()[:-1000])


def cut_header(folder):
    path = weights_of(folder, "text_encoder")
    path.write_bytes(path.read_bytes()[:20])


def lose_weights(folder):
    weights_of(folder, "vae").unlink()


def lose_one_weight_of_the_unet(folder):
    change_weights(folder, "unet", lambda tensors: tensors.pop("conv_in.weight"))


def lose_one_weight_of_the_text_encoder(folder):
    change_weights(folder, "text_encoder", lambda tensors: tensors.pop(max(tensors)))


def lose_one_weight_of_the_vae(folder):
    change_weights(folder, "vae", lambda tensors: tensors.pop("post_quant_conv.bias"))


def spoil_one_number(folder):
    change_weights(folder, "vae", lambda tensors: tensors["decoder.conv_in.bias"][:1].fill_(torch.nan))


def change_one_shape(folder):
    change_weights(folder, "unet", lambda tensors: tensors.update({"conv_in.bias": torch.zeros(3)}))


def lose_tokenizer(folder):
    for path in (folder / "tokenizer").iterdir():
        path.unlink()


def lose_vocabulary(folder):
    (folder / "tokenizer" / "tokenizer.json").unlink()


def cut_tokenizer(folder):
    (folder / "tokenizer" / "tokenizer.json").write_text("{}")


def lose_scheduler(folder):
    shutil.rmtree(folder / "scheduler")


def cut_config(folder):
    (folder / "unet" / "config.json").write_text('{"sample_size": ')


def cut_index(folder):
    (folder / "model_index.json").write_text('{"_class_name": ')


def empty_index(folder):
    (folder / "model_index.json").write_text("{}")


@pytest.mark.parametrize(
    "damage",
    [
        cut_weights, cut_header, lose_weights, lose_one_weight_of_the_unet,
        lose_one_weight_of_the_text_encoder, lose_one_weight_of_the_vae, spoil_one_number, change_one_shape,
        lose_tokenizer, lose_vocabulary, cut_tokenizer, lose_scheduler, cut_config, cut_index, empty_index,
    ],
)  # fmt: skip
def test_a_damaged_folder_is_named_with_the_way_out(folder, cpu, damage):
    damage(folder)
    message = sentence(images.load, cpu, str(folder))
    assert str(folder) in message and "damaged" in message and "save_pretrained" in message


def test_a_folder_of_another_kind_of_model_is_named(cpu, tmp_path):
    message = sentence(images.load, cpu, str(save_gpt2(tmp_path)))
    assert f"no model in {tmp_path}" in message and "model_index.json is missing" in message


def test_another_pipeline_is_named(pipe, cpu, tmp_path):
    from diffusers import DDPMPipeline, DDPMScheduler

    DDPMPipeline(pipe.unet, DDPMScheduler()).save_pretrained(tmp_path)
    message = sentence(images.load, cpu, str(tmp_path))
    assert message == f"The model in {tmp_path} is no plain StableDiffusionPipeline: name one that is."


@pytest.mark.parametrize("change, words", [
    ({"unet": ["my_unet", "MyUNet"]}, "brings program code of its own"),
    ({"_class_name": "StableDiffusionInpaintPipeline"}, "no plain StableDiffusionPipeline"),
])  # fmt: skip
def test_a_pipeline_with_parts_from_elsewhere_is_refused(folder, cpu, change, words):
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | change))
    (folder / "unet" / "my_unet.py").write_text("raise SystemExit('code from elsewhere ran')")
    assert words in sentence(images.load, cpu, str(folder))


@pytest.mark.parametrize("name", ["not/a/pipeline", "folder that is not there", "../elsewhere/pipeline"])
def test_what_is_neither_folder_nor_hub_id_is_refused_without_asking_the_hub(cpu, name, monkeypatch):
    monkeypatch.setattr(hub, "ask", lambda *_: pytest.fail("asked the hub"))
    assert name in sentence(images.load, cpu, name)


# Generating


def test_generate_is_the_library_s_pipeline_from_the_noise_of_the_seed(pipe):
    settings = {"num_inference_steps": 4, "guidance_scale": 3.0, "width": 48, "height": 32}
    texts = {"prompt": PROMPTS[0], "negative_prompt": PROMPTS[1]}
    library = pipe(**texts, latents=images.noise(pipe, 5, (48, 32)), **settings)
    settings = {"steps": 4, "guidance_scale": 3, "size": (48, 32), "negative_prompt": PROMPTS[1]}
    drawn = images.generate(pipe, PROMPTS[0], seed=5, **settings)
    assert difference(drawn, library.images) == 0 and drawn[0].size == (48, 32) and drawn[0].mode == "RGB"


def one_by_one(pipe, **settings):
    """A picture for each of PROMPTS and SEEDS, in a call of its own."""
    pairs = zip(PROMPTS, SEEDS, strict=True)
    return [images.generate(pipe, text, seed=seed, **settings)[0] for text, seed in pairs]


def test_a_batch_changes_no_picture(pipe):
    four = images.generate(pipe, PROMPTS, seed=SEEDS)
    assert difference(four, one_by_one(pipe)) <= 1
    assert difference(four, images.generate(pipe, PROMPTS, seed=SEEDS, batch_size=3)) <= 1


def test_same_seed_same_picture_over_six_runs_and_one_or_two_threads(pipe):
    first = images.generate(pipe, PROMPTS[0], seed=0, steps=5)
    threads = torch.get_num_threads()
    try:
        for run in range(6):
            torch.set_num_threads(1 + run // 4)
            assert difference(images.generate(pipe, PROMPTS[0], seed=0, steps=5), first) <= 1
    finally:
        torch.set_num_threads(threads)


def test_prompt_seed_negative_prompt_and_settings_all_count(pipe):
    def draw(prompt="a red balloon", seed=0, **settings):
        return images.generate(pipe, prompt, seed=seed, **{"steps": 4} | settings)

    plain = draw()
    for other in ({"prompt": "two flying cars"}, {"seed": 1}, {"negative_prompt": "two flying cars"},
                  {"guidance_scale": 2}, {"steps": 3}):  # fmt: skip
        assert difference(plain, draw(**other)) > 5, other
    unguided = draw(guidance_scale=1)
    assert difference(unguided, draw(guidance_scale=1, negative_prompt="two flying cars")) == 0


def test_one_prompt_goes_with_all_seeds_and_one_seed_with_all_prompts(pipe):
    def draw(prompts, seed, **settings):
        return images.generate(pipe, prompts, seed=seed, steps=3, **settings)

    assert difference(draw("a red balloon", range(3)), draw(["a red balloon"] * 3, [0, 1, 2])) <= 1
    assert difference(draw(PROMPTS, 7), draw(PROMPTS, [7] * 4)) <= 1
    negatives = ["", "the sea"]
    singles = [draw("two cars", 7, negative_prompt=negative)[0] for negative in negatives]
    assert difference(draw("two cars", 7, negative_prompt=negatives), singles) <= 1
    assert draw([], 0) == draw([], []) == []


def test_an_empty_prompt_is_unconditional(pipe):
    for seed in SEEDS:
        guided, unguided = (
            images.generate(pipe, "", seed=seed, steps=4, guidance_scale=scale) for scale in (9, 1)
        )
        assert difference(guided, unguided) <= 1


def test_the_model_s_own_size_a_side_and_width_and_height(pipe):
    sizes = {None: (SIZE, SIZE), 48: (48, 48), (48, 32): (48, 32), (32, 48): (32, 48)}
    for size, expected in sizes.items():
        assert images.generate(pipe, "", seed=0, steps=1, size=size)[0].size == expected


def test_the_global_random_state_stays_as_it_was(pipe, image_to_image):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    images.generate(pipe, "a red balloon", seed=1, steps=2)
    images.generate(image_to_image, "a red balloon", seed=1, steps=2, image=picture(), strength=0.5)
    assert torch.equal(torch.rand(3), expected)


def test_a_progress_bar_is_shown_on_request_only(pipe, capfd):
    images.generate(pipe, PROMPTS[:2], seed=0, steps=2, batch_size=1, progress=True)
    shown = capfd.readouterr().err
    assert "from picture 1" in shown and "from picture 2" in shown
    images.generate(pipe, PROMPTS[:2], seed=0, steps=2)
    assert capfd.readouterr().err == ""


# Notices

LONG = "a red balloon over the sea at night, two flying cars above the futuristic city at sunset again"
SEEN = "a red balloon over the sea at night, two flying cars above the "
CUT_IN_A_WORD = "two flying cars above the city at night over qwertyuiop and the sea"


def read(pipe, prompt) -> str:
    """What the text encoder reads of a prompt, without blanks."""
    ids = pipe.tokenizer(prompt, truncation=True).input_ids
    return pipe.tokenizer.decode(ids, skip_special_tokens=True).replace(" ", "")


def test_a_prompt_longer_than_the_encoder_takes_names_the_words_it_does_not_see(pipe, capsys):
    drawn = images.generate(pipe, [LONG, LONG, "a red balloon"], seed=0, steps=2, batch_size=1)
    rest = "futuristic city at sunset again"
    line = f'The text encoder reads {ROOM} tokens of a prompt; it does not see "{rest}".\n'
    assert capsys.readouterr().out == line
    assert read(pipe, LONG) == SEEN.replace(" ", "") and SEEN + rest == LONG
    assert difference(drawn[:1], images.generate(pipe, SEEN + "city", seed=0, steps=2)) <= 1


def test_a_word_that_is_read_in_part_is_not_seen(pipe):
    assert "qw" in read(pipe, CUT_IN_A_WORD) and "qwertyuiop" not in read(pipe, CUT_IN_A_WORD)
    (line,) = images.notices(pipe, [CUT_IN_A_WORD])
    assert 'does not see "qwertyuiop and the sea".' in line


def test_a_negative_prompt_that_is_too_long_is_named_too(pipe, capsys):
    images.generate(pipe, "a red balloon", negative_prompt=LONG, seed=0, steps=1)
    assert "it does not see" in capsys.readouterr().out


def test_a_prompt_that_just_fits_has_no_notice(pipe):
    tokens = pipe.tokenizer(LONG).input_ids[1:-1]
    fits, too_long = (pipe.tokenizer.decode(tokens[:count]).strip() for count in (ROOM - 2, ROOM - 1))
    assert images.notices(pipe, [fits]) == [] and len(images.notices(pipe, [too_long])) == 1


def test_words_never_seen_are_named_once_with_what_can_be_drawn(pipe, as_shipped, capsys):
    prompts = ["a Unicorn and a balloon", "the red unicorn, a zither!"]
    images.generate(pipe, prompts, seed=0, steps=1, batch_size=1)
    lines = [line for line in capsys.readouterr().out.splitlines() if "never saw" in line]
    assert len(lines) == 1 and lines[0].startswith('The model never saw "unicorn", "zither". ')
    assert "balloon" in lines[0].split("draw: ")[1]


def test_known_words_and_the_empty_prompt_have_no_notice(pipe, as_shipped):
    assert images.notices(pipe, ["a red balloon over the sea at night", ""]) == []


def test_the_shipped_model_is_known_by_a_relative_path_too(as_shipped, image_folder, cpu, monkeypatch):
    monkeypatch.chdir(image_folder.parent)
    (line,) = images.notices(images.load(cpu, image_folder.name), ["a unicorn"])
    assert line.startswith('The model never saw "unicorn".')


def test_other_models_may_know_any_word(pipe, capsys):
    images.generate(pipe, "a unicorn", negative_prompt="a zither", seed=0, steps=1)
    assert capsys.readouterr().out == ""


# Refusals


@pytest.mark.parametrize(
    "name, value",
    [
        ("steps", 0), ("steps", -1), ("steps", 2.5), ("steps", True), ("steps", 1001), ("steps", "many"),
        ("guidance_scale", "high"), ("guidance_scale", 0.5), ("guidance_scale", float("nan")),
        ("guidance_scale", float("inf")), ("guidance_scale", None),
        ("size", 33), ("size", 0), ("size", -32), ("size", 36), ("size", 32.0), ("size", (32, 33)),
        ("size", (32, 32, 32)), ("size", "32"),
        ("batch_size", 0), ("batch_size", -1), ("batch_size", 1.5),
        ("seed", -1), ("seed", "x"), ("seed", 1.5), ("seed", None), ("seed", 2**32),
    ],
)  # fmt: skip
def test_a_setting_out_of_range_is_refused_before_any_work(pipe, monkeypatch, name, value):
    at_work(pipe, monkeypatch)
    message = sentence(images.generate, pipe, "a red balloon", **{"seed": 0} | {name: value})
    assert name in message and str(value) in message and "give" in message


@pytest.mark.parametrize(
    "prompts, seed, negatives",
    [
        (["a", "b"], [0, 1, 2], ""), (["a", "b", "c"], [0, 1], ""), (["a", "b"], [], ""), ("a", [], ""),
        ("a", 0, []), (["a", "b"], 0, ["c", "d", "e"]), ("a", [0, 1], ["c", "d", "e"]), ([], [0, 1], ""),
    ],
)  # fmt: skip
def test_numbers_that_do_not_match_are_refused(pipe, monkeypatch, prompts, seed, negatives):
    at_work(pipe, monkeypatch)
    message = sentence(images.generate, pipe, prompts, seed=seed, negative_prompt=negatives)
    assert message == "Give as many seeds and negative prompts as prompts, or one for all."


@pytest.mark.parametrize("prompt", [None, 3, b"a balloon", ["a balloon", None]])
def test_a_prompt_that_is_no_text_is_refused(pipe, monkeypatch, prompt):
    at_work(pipe, monkeypatch)
    wrong = prompt[1] if isinstance(prompt, list) else prompt
    for options in ({"prompts": prompt}, {"prompts": "a balloon", "negative_prompt": prompt}):
        message = sentence(images.generate, pipe, seed=0, **options)
        assert message == f"A prompt is a text, but this one is a {type(wrong).__name__}: {wrong!r}."


@pytest.mark.parametrize("strength", [-0.5, 0, 2, 1.01, "strong", float("nan"), True, None])
@pytest.mark.parametrize("kind", ["image_to_image", "inpainting"])
def test_a_strength_out_of_range_is_refused(request, monkeypatch, kind, strength):
    pipe = request.getfixturevalue(kind)
    at_work(pipe, monkeypatch)
    options = {"image": picture(), "mask_image": picture(), "strength": strength}
    message = sentence(images.generate, pipe, "", seed=0, **options)
    assert f"strength is {strength}" in message


def test_a_strength_that_leaves_no_step_is_refused(image_to_image, monkeypatch):
    at_work(image_to_image, monkeypatch)
    message = sentence(images.generate, image_to_image, "", seed=0, image=picture(), steps=4, strength=0.2)
    assert "4 steps" in message and "strength 0.2" in message


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1"])
def test_a_picture_in_another_mode_is_refused(image_to_image, monkeypatch, mode):
    at_work(image_to_image, monkeypatch)
    message = sentence(images.generate, image_to_image, "", seed=0, image=picture().convert(mode))
    assert f'mode "{mode}"' in message and 'convert("RGB")' in message


@pytest.mark.parametrize("size", [(33, 32), (32, 30), (36, 36)])
def test_a_picture_of_another_size_is_refused(image_to_image, monkeypatch, size):
    at_work(image_to_image, monkeypatch)
    message = sentence(images.generate, image_to_image, "", seed=0, image=picture(size=size))
    assert str(size) in message and "multiples of 8" in message


# From a picture


def test_image_to_image_shares_the_weights_and_starts_from_the_picture(pipe, image_to_image):
    assert image_to_image.unet is pipe.unet
    settings = {"seed": SEEDS, "steps": 4, "strength": 0.5}
    four = images.generate(image_to_image, PROMPTS, image=picture(0), **settings)
    assert difference(four, images.generate(image_to_image, PROMPTS, image=picture(0), **settings)) == 0
    assert difference(four, one_by_one(image_to_image, image=picture(0), steps=4, strength=0.5)) <= 1
    assert difference(four, images.generate(image_to_image, PROMPTS, image=picture(1), **settings)) > 5
    assert difference(four, images.generate(image_to_image, PROMPTS[::-1], image=picture(0), **settings)) > 5


@pytest.mark.parametrize("strength, calls", [(0.1, 1), (0.5, 5), (1, 10)])
def test_strength_is_the_share_of_the_steps_that_run(image_to_image, strength, calls):
    settings = {"image": picture(size=(48, 32)), "steps": 10, "strength": strength}
    trajectory = watching.record(image_to_image, "a red balloon", seed=0, **settings)
    assert trajectory.timesteps == list(range(999, 0, -100))[-calls:]
    assert len(trajectory.noisy) == calls and trajectory.picture.size == (48, 32)


def test_little_noise_stays_closer_to_the_picture_than_much(pipe, image_to_image):
    settings = {"seed": 0, "image": picture(), "steps": 20, "guidance_scale": 1}
    original = images.encode(pipe, picture())
    distances = []
    for strength in (0.05, 0.5, 1.0):
        first = watching.record(image_to_image, "", strength=strength, **settings).noisy[:1]
        distances.append((first - original).norm().item())
    assert distances == sorted(distances) and distances[0] < distances[-1] / 2


def test_inpainting_draws_where_the_mask_is_white(inpainting):
    settings = {"image": picture(), "steps": 4}
    black, white = (Image.new("RGB", (SIZE, SIZE), colour) for colour in ("black", "white"))

    def draw(prompts, mask):
        return images.generate(inpainting, prompts, seed=SEEDS, mask_image=mask, **settings)

    assert difference(draw(PROMPTS, black), draw(PROMPTS[::-1], black)) <= 1
    four = draw(PROMPTS, white)
    assert difference(four, draw(PROMPTS[::-1], white)) > 5
    assert difference(four, one_by_one(inpainting, mask_image=white, **settings)) <= 1
    assert difference(four, draw(PROMPTS, white.convert("L"))) == 0


def test_inpainting_keeps_the_picture_s_width_and_height(inpainting):
    shape = (48, 32)
    (drawn,) = images.generate(
        inpainting, "", seed=0, steps=2, image=picture(size=shape), mask_image=Image.new("L", shape, 255)
    )
    assert drawn.size == shape


@pytest.mark.parametrize("name", ["image", "mask_image"])
@pytest.mark.parametrize("value", [None, "a.png", [picture()], np.zeros((SIZE, SIZE, 3)), 5])
def test_what_is_no_picture_is_refused(inpainting, monkeypatch, name, value):
    at_work(inpainting, monkeypatch)
    inputs = {"image": picture(), "mask_image": Image.new("L", (SIZE, SIZE)), name: value}
    message = sentence(images.generate, inpainting, "a", seed=0, **inputs)
    assert message.startswith(f"{name} is a {type(value).__name__}: give one picture")


@pytest.mark.parametrize("prompts", [None, 5, b"a", {"a": 1}, iter(["a"]), ["a", None], ["\ud83d"]])
def test_what_is_no_prompt_is_refused(pipe, monkeypatch, prompts):
    at_work(pipe, monkeypatch)
    assert "A prompt " in sentence(images.generate, pipe, prompts, seed=0)


@pytest.mark.parametrize("pictures", [None, "a.png", [np.zeros((SIZE, SIZE, 3))]])
def test_what_is_no_picture_is_not_encoded(pipe, pictures):
    assert "A picture to encode is a" in sentence(images.encode, pipe, pictures)


# Watching


def with_last_alpha_one(pipe, name):
    """The pipe with a scheduler whose last step goes all the way to x_0, as the shipped model's does."""
    pipe = images.with_scheduler(pipe, name)
    pipe.scheduler = type(pipe.scheduler).from_config(pipe.scheduler.config, set_alpha_to_one=True)
    return pipe


@pytest.mark.parametrize("steps", [1, 2, 5, 20])  # divisors of 1000: then DDIM's last step ends at x_0
@pytest.mark.parametrize("name", images.SCHEDULERS)
def test_the_last_predicted_x0_is_the_picture_that_generate_makes(pipe, name, steps):
    pipe = with_last_alpha_one(pipe, name)
    timesteps, noisy, predicted, drawn = watching.record(pipe, "a red balloon", seed=1, steps=steps)
    assert noisy.shape == predicted.shape == (steps, 4, SIDE, SIDE)
    assert len(timesteps) == steps and timesteps == sorted(timesteps, reverse=True)
    assert difference([drawn], images.generate(pipe, "a red balloon", seed=1, steps=steps)) == 0
    assert difference(images.decode(pipe, predicted[-1:]), [drawn]) <= 1
    if steps > 1:
        assert difference(images.decode(pipe, predicted[:1]), [drawn]) > 5


def guided_x0(pipe, prompt, noisy, timestep, scale):
    """The x_0 that the UNet's prediction of v stands for, by hand (Salimans and Ho 2022)."""
    with torch.no_grad():
        texts = torch.cat(pipe.encode_prompt(prompt, "cpu", 1, True)[::-1])
        plain, conditional = pipe.unet(torch.cat([noisy] * 2), timestep, texts).sample.chunk(2)
    v = plain + scale * (conditional - plain)
    alpha = pipe.scheduler.alphas_cumprod[timestep]
    return alpha.sqrt() * noisy - (1 - alpha).sqrt() * v


@pytest.mark.parametrize("name", images.SCHEDULERS)
def test_each_predicted_x0_is_what_the_unet_says_of_its_noisy_latents(pipe, name):
    pipe = images.with_scheduler(pipe, name)
    trajectory = watching.record(pipe, "a red balloon", seed=2, steps=5, guidance_scale=3)
    for timestep, noisy, predicted in zip(*trajectory[:3], strict=True):
        expected = guided_x0(pipe, "a red balloon", noisy[None], timestep, 3)
        torch.testing.assert_close(predicted[None], expected, atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("name", images.SCHEDULERS)
def test_every_scheduler_starts_from_the_noise_of_the_seed(pipe, name):
    pipe = images.with_scheduler(pipe, name)
    noisy = watching.record(pipe, "", seed=3, steps=2).noisy
    torch.testing.assert_close(noisy[:1], images.noise(pipe, 3), atol=1e-3, rtol=1e-3)


def test_recording_leaves_the_pipe_as_it_was(pipe):
    scheduler, config = pipe.scheduler, dict(pipe.config)
    before = dict(vars(scheduler))
    watching.record(pipe, "", seed=0, steps=2)
    assert pipe.scheduler is scheduler and dict(pipe.config) == config
    assert vars(scheduler).keys() == before.keys() and "step" not in vars(scheduler)


def test_other_schedulers_cannot_be_recorded(pipe, monkeypatch):
    from diffusers import PNDMScheduler

    at_work(pipe, monkeypatch)
    other = copy.copy(pipe)
    other.scheduler = PNDMScheduler.from_config(pipe.scheduler.config)
    message = sentence(watching.record, other, "", seed=0)
    assert "ddim, euler, dpm++" in message and "with_scheduler" in message


@pytest.mark.parametrize(
    "options", [{"prompt": ["a", "b"], "seed": 0}, {"prompt": "a", "seed": [0, 1]}, {"prompt": [], "seed": 0}]
)
def test_one_picture_is_recorded_at_a_time(pipe, monkeypatch, options):
    at_work(pipe, monkeypatch)
    assert "give one prompt and one seed" in sentence(watching.record, pipe, **options)


def test_with_scheduler_changes_another_pipe_only(pipe):
    scheduler, config = pipe.scheduler, dict(pipe.config)
    for name, kind in images.SCHEDULERS.items():
        other = images.with_scheduler(pipe, name)
        assert type(other.scheduler).__name__ == kind == other.config["scheduler"][1]
        assert other.unet is pipe.unet and other.vae is pipe.vae
        kept = ("prediction_type", "beta_schedule", "beta_end", "timestep_spacing")
        assert all(other.scheduler.config[key] == scheduler.config[key] for key in kept)
        assert pipe.scheduler is scheduler and dict(pipe.config) == config
        (drawn,) = images.generate(other, "a red balloon", seed=0, steps=3)
        assert np.asarray(drawn).std() > 5


def test_there_and_back_is_the_same_scheduler(pipe):
    back = pipe
    for name in ("euler", "dpm++", "ddim"):
        back = images.with_scheduler(back, name)
    assert difference(*(images.generate(one, "two cars", seed=0, steps=3) for one in (pipe, back))) == 0


@pytest.mark.parametrize("name", ["DDIM", "heun", "", None])
def test_an_unknown_scheduler_is_refused_with_the_choice(pipe, name):
    message = sentence(images.with_scheduler, pipe, name)
    assert f'"{name}"' in message and "ddim, euler, dpm++" in message


# Noise and latents


def test_noise_is_a_seed_s_own(pipe):
    two = images.noise(pipe, [3, 4])
    assert two.shape == (2, 4, SIDE, SIDE) and two.dtype == torch.float32
    assert torch.equal(two, torch.cat([images.noise(pipe, 3), images.noise(pipe, 4)]))
    assert not torch.equal(two[0], two[1])
    assert images.noise(pipe, 3, (48, 32)).shape == (1, 4, 8, 12)
    generator = torch.Generator("cpu").manual_seed(3)
    assert torch.equal(images.noise(pipe, generator), two[:1])
    assert not torch.equal(images.noise(pipe, generator), two[:1]), "a generator goes on"


def test_noise_is_standard_normal(pipe):
    many = images.noise(pipe, range(100))
    assert abs(many.mean()) < 0.03 and abs(many.std() - 1) < 0.03


@pytest.mark.parametrize("options", [
    {"seeds": -1}, {"seeds": [0, "x"]}, {"seeds": 0, "size": 30}, {"seeds": []}, {"seeds": None},
])  # fmt: skip
def test_noise_refuses_what_generate_refuses(pipe, options):
    assert "give" in sentence(images.noise, pipe, **options)


def test_encode_gives_the_mean_latents_on_the_unet_s_scale(pipe):
    pictures = [picture(0), picture(1)]
    latents = images.encode(pipe, pictures)
    assert latents.shape == (2, 4, SIDE, SIDE) and not latents.requires_grad
    pixels = torch.stack([torch.tensor(np.array(one)) for one in pictures]).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.no_grad():
        mean = pipe.vae.encode(pixels).latent_dist.mean
    torch.testing.assert_close(latents, mean * pipe.vae.config.scaling_factor, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(images.encode(pipe, pictures[0]), latents[:1], atol=1e-5, rtol=1e-4)
    assert images.encode(pipe, picture(size=(48, 32))).shape == (1, 4, 8, 12)


def test_decode_is_the_decoder_on_the_vae_s_scale(pipe):
    latents = images.noise(pipe, [0, 1], (48, 32))
    pictures = images.decode(pipe, latents)
    assert [(one.size, one.mode) for one in pictures] == [((48, 32), "RGB")] * 2
    with torch.no_grad():
        decoded = pipe.vae.decode(latents / pipe.vae.config.scaling_factor).sample
    shown = ((decoded / 2 + 0.5).clamp(0, 1) * 255).round().permute(0, 2, 3, 1).numpy()
    assert difference(pictures, list(map(Image.fromarray, shown.astype(np.uint8)))) <= 1
    assert difference(pictures[:1], pictures[1:]) > 5


ODD_LATENTS = [None, [1], picture(), np.zeros((1, 4, 8, 8)), torch.zeros(4, 8, 8), torch.zeros(1, 3, 8, 8),
               torch.zeros(0, 4, 8, 8)]  # fmt: skip


@pytest.mark.parametrize("latents", ODD_LATENTS)
def test_what_are_no_latents_is_refused(pipe, latents):
    assert "give a tensor (pictures, 4, height, width)" in sentence(images.decode, pipe, latents)


@pytest.mark.parametrize("prompts", [None, 3, [3], ["a fox", None], [b"a"], ["a\ud800"], {"a": 1}])
def test_notices_refuse_what_are_no_prompts(pipe, prompts):
    assert "A prompt " in sentence(images.notices, pipe, prompts)


def test_notices_take_one_prompt_as_generate_does(pipe):
    long = "fox " * 200
    assert images.notices(pipe, long) == images.notices(pipe, [long]) != []


@pytest.mark.parametrize("size", [10**9, 8 * 10**8, (8, 8 * 10**9), 2**63, 4104, True, "64", (64,), {}])
def test_a_size_that_no_memory_holds_is_refused(pipe, size):
    assert "give multiples of 8 pixels, up to 4096" in sentence(images.noise, pipe, 0, size)
    assert "give multiples of 8 pixels" in sentence(images.generate, pipe, "a fox", seed=0, size=size)


def test_a_size_may_be_numpy_s(pipe):
    assert torch.equal(images.noise(pipe, 0, np.int64(64)), images.noise(pipe, 0, 64))


@pytest.mark.parametrize(
    "pictures, words",
    [
        ([], "There is no picture in the list"), (None, "is a NoneType"), ("a.png", "is a str"),
        ([picture(), picture(size=(48, 32))], "differ in size"),
        (picture().convert("RGBA"), 'mode "RGBA"'),
        ([picture(), picture().convert("L")], 'mode "L"'),
        (picture(size=(33, 32)), "multiples of 8"),
    ],
)
def test_pictures_that_cannot_be_encoded_are_refused(pipe, pictures, words):
    assert words in sentence(images.encode, pipe, pictures)


# Kinds of pipelines


@pytest.mark.parametrize(
    ("kind", "inputs", "said"),
    [
        ("pipe", {"image": picture()}, "takes no image"),
        ("pipe", {"strength": 0.5}, "takes no strength"),
        ("image_to_image", {}, "needs image"),
        ("image_to_image", {"image": picture(), "mask_image": picture()}, "takes no mask_image"),
        ("inpainting", {"image": picture()}, "needs mask_image"),
        ("pipe", {"guidance": 3}, "takes no guidance"),
    ],
)
def test_another_kind_of_pipeline_is_asked_for_in_a_sentence(kind, inputs, said, request):
    pipe = request.getfixturevalue(kind)
    assert said in sentence(images.generate, pipe, "a fox", seed=0, steps=2, **inputs)
