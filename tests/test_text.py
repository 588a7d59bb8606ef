"""Loading language models and generating with them."""

import re
import shutil
from types import SimpleNamespace

import pytest
import torch
import transformers
from tiny_models import CONTEXT, END, metaspace_tokenizer, save_bert

from helpers import hub, registry, text
from helpers.errors import WorkbookError

pytest_plugins = ("fixtures_text",)
PROMPTS = ["Once upon a time", "The", "In the forest, at night, the"]


@pytest.fixture
def folder(gpt2_folder, tmp_path):
    """A copy of the random GPT-2 that a test may damage."""
    return shutil.copytree(gpt2_folder, tmp_path / "model")


def sentence(function, *arguments, **options) -> str:
    """The one sentence with which a call is refused."""
    with pytest.raises(WorkbookError) as problem:
        function(*arguments, **options)
    message = str(problem.value)
    assert message.endswith(".") and "\n" not in message and len(message) < 500
    return message


# Loading


def test_load_gives_an_evaluating_float32_model_on_the_cpu(gpt2, cpu, folder):
    tokenizer, model = gpt2
    assert not model.training and model.dtype == torch.float32 and len(tokenizer) == model.config.vocab_size
    model.half().save_pretrained(folder)
    model.float()
    assert text.load(cpu, str(folder))[1].dtype == torch.float32


def test_attention_maps_can_be_switched_on(gpt2):
    tokenizer, model = gpt2
    model.set_attn_implementation("eager")
    ids = torch.tensor([tokenizer("Once upon").input_ids])
    assert model(ids, output_attentions=True).attentions[0].shape[-1] == ids.shape[1]
    model.set_attn_implementation("sdpa")


def test_a_missing_folder_of_the_workbook_names_the_way_out(cpu, tmp_path, monkeypatch):
    entry = registry.ModelEntry("text", "tiny", "", "", "", "", 0, tmp_path / "weights" / "text", "")
    monkeypatch.setattr(registry, "MODELS", (entry,))
    monkeypatch.setattr(registry, "WEIGHTS", tmp_path / "weights")
    message = sentence(text.load, cpu)
    assert str(entry.folder) in message and "git checkout" in message and "make train-text" in message


def cut_weights(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def cut_header(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:20])


def lose_weights(folder):
    (folder / "model.safetensors").unlink()


def lose_one_weight(folder):
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    del tensors["transformer.h.1.mlp.c_fc.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def spoil_one_number(folder):
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    tensors["transformer.wte.weight"][3, 3] = torch.nan
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def lose_tokenizer(folder):
    for path in folder.glob("*token*"):
        path.unlink()


def cut_tokenizer(folder):
    (folder / "tokenizer.json").write_text("{}")


def cut_config(folder):
    (folder / "config.json").write_text('{"model_type": ')


@pytest.mark.parametrize(
    "damage",
    [
        cut_weights,
        cut_header,
        lose_weights,
        lose_one_weight,
        spoil_one_number,
        lose_tokenizer,
        cut_tokenizer,
        cut_config,
    ],
)
def test_a_damaged_folder_is_named_with_the_way_out(folder, cpu, damage):
    damage(folder)
    message = sentence(text.load, cpu, str(folder))
    assert str(folder) in message and "damaged" in message and "save_pretrained" in message


def test_a_folder_without_config(folder, cpu):
    (folder / "config.json").unlink()
    assert str(folder) in (message := sentence(text.load, cpu, str(folder))) and "config.json" in message


def test_a_model_that_is_not_causal_is_named(tmp_path, cpu):
    message = sentence(text.load, cpu, str(save_bert(tmp_path)))
    assert "BertForMaskedLM" in message and "not a causal language model" in message


@pytest.mark.parametrize(
    "name", ["not/a/model", "folder that is not there", "../elsewhere/model", "owner/na me"]
)
def test_what_is_neither_folder_nor_hub_id_is_refused_without_asking_the_hub(cpu, name, monkeypatch):
    monkeypatch.setattr(hub, "ask", lambda *_: pytest.fail("asked the hub"))
    assert name in sentence(text.load, cpu, name)


# Distributions


def test_next_token_probabilities_are_the_softmax_of_the_last_logits(gpt2):
    tokenizer, model = gpt2
    probabilities = text.next_token_probabilities(model, tokenizer, "Once upon")
    logits = model(**tokenizer("Once upon", return_tensors="pt")).logits[0, -1]
    assert probabilities.shape == (len(tokenizer),) and probabilities.dtype == torch.float32
    torch.testing.assert_close(probabilities, logits.softmax(-1).detach())
    begin = text.next_token_probabilities(model, tokenizer, "")
    torch.testing.assert_close(begin, text.next_token_probabilities(model, tokenizer, END))


def test_texts_longer_than_the_context_are_refused(gpt2):
    tokenizer, model = gpt2
    long = "fox " * 100
    tokens = str(len(tokenizer(long).input_ids))
    message = sentence(text.next_token_probabilities, model, tokenizer, long)
    assert tokens in message and str(CONTEXT) in message


# Generating


@pytest.mark.parametrize("options", [{"do_sample": False}, {"temperature": 0.8, "top_p": 0.9}, {"top_k": 5}])
def test_generate_is_the_library_s_generate(gpt2, options):
    tokenizer, model = gpt2
    ids = torch.tensor([tokenizer(PROMPTS[0]).input_ids])
    torch.manual_seed(3)
    settings = {"do_sample": True, "top_k": 0} | options
    expected = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=20, **settings)
    expected = tokenizer.decode(expected[0, ids.shape[1] :], skip_special_tokens=True)
    assert text.generate(model, tokenizer, PROMPTS[0], seed=3, max_new_tokens=20, **options) == [expected]


@pytest.mark.parametrize("penalty", [1.0, 1.3])
@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_a_batch_changes_no_greedy_text(request, name, penalty):
    tokenizer, model = request.getfixturevalue(name)
    options = {"seed": 0, "max_new_tokens": 12, "do_sample": False, "repetition_penalty": penalty}
    alone = [text.generate(model, tokenizer, prompt, **options)[0] for prompt in PROMPTS]
    assert text.generate(model, tokenizer, PROMPTS, **options) == alone
    assert text.generate(model, tokenizer, PROMPTS, batch_size=2, **options) == alone


def same_text(tokenizer, model):
    options = {"seed": 11, "max_new_tokens": 10, "temperature": 0.9, "top_p": 0.95}
    first = text.generate(model, tokenizer, PROMPTS[:2], **options)
    threads = torch.get_num_threads()
    try:
        for run in range(10):
            torch.set_num_threads(1 + run // 5)
            assert text.generate(model, tokenizer, PROMPTS[:2], **options) == first
    finally:
        torch.set_num_threads(threads)
    options["seed"] = 12
    assert text.generate(model, tokenizer, PROMPTS[:2], **options) != first


def test_same_seed_same_text_over_ten_runs_and_one_or_two_threads(gpt2):
    same_text(*gpt2)


def test_shipped_model_same_seed_same_text(shipped):
    same_text(*shipped)


def test_a_seed_fixes_the_whole_call_and_not_one_prompt_in_it(gpt2):
    tokenizer, model = gpt2
    options = {"seed": 0, "max_new_tokens": 20}
    assert text.generate(model, tokenizer, PROMPTS, **options) == text.generate(
        model, tokenizer, PROMPTS, **options
    )
    several = text.generate(model, tokenizer, [PROMPTS[0]] * 3, **options)
    assert len(set(several)) == 3
    assert text.generate(model, tokenizer, PROMPTS[0], num_return_sequences=3, **options) == several


def test_the_global_random_state_stays_as_it_was(gpt2):
    tokenizer, model = gpt2
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    text.generate(model, tokenizer, "The", seed=1, max_new_tokens=3)
    assert torch.equal(torch.rand(3), expected)


def test_several_sequences_come_prompt_by_prompt(gpt2):
    tokenizer, model = gpt2
    options = {"seed": 0, "max_new_tokens": 8, "temperature": 1e-4}
    one = text.generate(model, tokenizer, PROMPTS, **options)
    assert len(set(one)) == 3
    three = text.generate(model, tokenizer, PROMPTS, num_return_sequences=3, batch_size=4, **options)
    assert three == [continuation for continuation in one for _ in range(3)]
    assert text.generate(model, tokenizer, [], seed=0) == []


def test_special_tokens_end_a_text_and_do_not_show(gpt2, monkeypatch):
    tokenizer, model = gpt2
    bias = torch.zeros(len(tokenizer))
    bias[tokenizer.eos_token_id] = 1000
    monkeypatch.setattr(model.lm_head, "forward", lambda hidden: hidden @ model.lm_head.weight.T + bias)
    assert text.generate(model, tokenizer, ["", "The", "Once upon"], seed=0) == ["", "", ""]


def test_a_continuation_keeps_its_leading_space():
    tokenizer = metaspace_tokenizer()
    ids = tokenizer("the fox lived", add_special_tokens=False).input_ids
    head = len(tokenizer("the fox", add_special_tokens=False).input_ids)
    assert text._continuation(tokenizer, ids[:head], ids[head:]) == " lived"
    assert tokenizer.decode(ids[head:]) == "lived"


def test_the_model_s_own_generation_settings_do_not_leak_in(gpt2):
    tokenizer, model = gpt2
    plain = text.generate(model, tokenizer, "The", seed=0)
    model.generation_config.temperature, model.generation_config.top_k = 0.1, 2
    try:
        assert text.generate(model, tokenizer, "The", seed=0) == plain
    finally:
        model.generation_config.temperature, model.generation_config.top_k = 1.0, 50


@pytest.mark.parametrize(
    "name, value",
    [
        ("temperature", -1), ("temperature", 0), ("temperature", float("nan")), ("temperature", "hot"),
        ("top_p", 0), ("top_p", 2), ("top_k", -1), ("top_k", 2.5), ("repetition_penalty", 0),
        ("repetition_penalty", 1e-300), ("temperature", 1e-300),
        ("max_new_tokens", 0), ("max_new_tokens", True), ("num_return_sequences", 0), ("batch_size", 0),
        ("seed", -1), ("seed", "x"), ("seed", 1.5), ("do_sample", "no"), ("temperature", 10**400),
    ],
)  # fmt: skip
def test_a_setting_out_of_range_is_refused_before_generating(gpt2, monkeypatch, name, value):
    tokenizer, model = gpt2
    monkeypatch.setattr(model, "generate", lambda *_, **__: pytest.fail("generated"))
    message = sentence(text.generate, model, tokenizer, "The", **({"seed": 0} | {name: value}))
    assert name in message and str(value)[:60] in message


@pytest.mark.parametrize("kind, settings, room", [
    ("Roberta", {"max_position_embeddings": 34, "pad_token_id": 1, "is_decoder": True}, 32),
    ("Mpt", {"max_seq_len": 32, "d_model": 8, "n_heads": 2, "n_layers": 1}, 32),
    ("GPT2", {"n_positions": 32, "n_embd": 8, "n_head": 2, "n_layer": 1}, 32),
])  # fmt: skip
def test_the_context_of_other_models_is_known_too(gpt2, kind, settings, room):
    small = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    own = small | settings if kind == "Roberta" else settings
    config = getattr(transformers, f"{kind}Config")(vocab_size=1000, **own)
    name = "GPT2LMHeadModel" if kind == "GPT2" else f"{kind}ForCausalLM"
    model = getattr(transformers, name)(config).eval()
    tokenizer, _ = gpt2
    prompt = tokenizer.decode(tokenizer("fox " * 100).input_ids[:room])
    text.next_token_probabilities(model, tokenizer, tokenizer.decode(tokenizer(prompt).input_ids[: room - 1]))
    assert f"the context of {room}" in sentence(text.next_token_probabilities, model, tokenizer, prompt)


def test_a_tokenizer_without_a_first_token_wants_words(gpt2):
    tokenizer = lambda prompt: SimpleNamespace(input_ids=[])  # noqa: E731
    tokenizer.bos_token_id = tokenizer.eos_token_id = None
    assert "cannot be empty" in sentence(text.next_token_probabilities, gpt2[1], tokenizer, "")


def test_refusals_say_what_to_do(gpt2):
    tokenizer, model = gpt2
    assert "do_sample=False" in sentence(text.generate, model, tokenizer, "The", seed=0, temperature=0)
    options = {"seed": 0, "do_sample": False, "num_return_sequences": 2}
    assert "do_sample=True" in sentence(text.generate, model, tokenizer, "The", **options)
    assert "NoneType" in sentence(text.generate, model, tokenizer, [None], seed=0)


@pytest.mark.parametrize("prompts", [None, 5, {"a": 1}, {"a"}, b"The", iter(["The"]), ["The", 3], [["The"]]])
def test_what_is_no_prompt_is_refused_before_it_is_looked_through(gpt2, prompts):
    tokenizer, model = gpt2
    assert re.search("is a (text|\\w+)[:,]", sentence(text.generate, model, tokenizer, prompts, seed=0))


@pytest.mark.parametrize("options", [
    {"repetition_penalty": 1e-6}, {"repetition_penalty": 1e300}, {"temperature": 1e-6},
    {"temperature": 1e300}, {"temperature": 2}, {"top_p": 1e-300}, {"top_k": 10**30}, {"batch_size": 10**30},
])  # fmt: skip
def test_settings_at_the_ends_of_their_ranges_give_a_text(gpt2, options):
    tokenizer, model = gpt2
    assert len(text.generate(model, tokenizer, ["The"], seed=0, max_new_tokens=2, **options)) == 1


@pytest.mark.parametrize("role", ["image", "sound", "", None, 3, ["text"]])
def test_another_role_is_refused(cpu, gpt2_folder, role):
    for model in ("", str(gpt2_folder)):
        assert 'give "text" or "fill"' in sentence(text.load, cpu, model, role)


@pytest.mark.parametrize("half", ["\ud83d", "a\udc00", "\udcff"])
def test_half_a_character_is_refused(gpt2, half):
    tokenizer, model = gpt2
    assert "half a character" in sentence(text.generate, model, tokenizer, ["The", half], seed=0)
    assert "half a character" in sentence(text.next_token_probabilities, model, tokenizer, half)


@pytest.mark.parametrize("model", [None, 3, ["a"], b"a"])
def test_what_is_no_name_of_a_model_is_refused(cpu, model):
    assert "A model's name is a text" in sentence(text.load, cpu, model)


def test_a_prompt_for_the_library_is_checked_against_the_context(gpt2):
    tokenizer, model = gpt2
    prompt = tokenizer.decode(tokenizer("fox " * 100).input_ids[:40])
    text.check_room(model, tokenizer, prompt, CONTEXT - 40)
    assert "40 tokens" in sentence(text.check_room, model, tokenizer, prompt, CONTEXT - 39)
    assert "max_new_tokens" in sentence(text.check_room, model, tokenizer, prompt, 0)


def test_a_prompt_too_long_for_the_new_tokens_names_both_numbers(gpt2):
    tokenizer, model = gpt2
    prompt = tokenizer.decode(tokenizer("fox " * 100).input_ids[:40])
    assert text.generate(model, tokenizer, prompt, seed=0, max_new_tokens=CONTEXT - 40)
    message = sentence(text.generate, model, tokenizer, prompt, seed=0, max_new_tokens=CONTEXT - 39)
    assert "40" in message and "39" in message


# The shipped model


def test_shipped_weights_are_there(cpu):
    tokenizer, model = text.load(cpu)
    assert model.num_parameters() <= 5_000_000 and model.config.n_positions >= 512
    assert len(tokenizer) == model.config.vocab_size
    assert tokenizer.eos_token == tokenizer.bos_token == tokenizer.pad_token == END


def test_shipped_model_writes_from_a_prompt_and_from_nothing(shipped):
    tokenizer, model = shipped
    told, untold = text.generate(model, tokenizer, ["Once upon a time", ""], seed=0)
    assert len(told.split()) > 10 and len(untold.split()) > 10 and END not in told + untold
