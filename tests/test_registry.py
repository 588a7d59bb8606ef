"""The table of models, and the hub's answers in one sentence."""

import re
from types import SimpleNamespace

import pytest

from helpers import registry
from helpers.session import WorkbookError


def test_every_model_says_where_it_comes_from_and_under_which_licence():
    for entry in registry.MODELS:
        assert entry.name and entry.licence and entry.size_gb > 0
        if entry.folder is None:
            assert re.fullmatch(r"[\w.-]+/[\w.-]+", entry.hub_id) and re.fullmatch(
                "[0-9a-f]{40}", entry.revision
            )
            assert entry.fallback == "tiny"
        else:
            assert entry.folder.is_relative_to(registry.WEIGHTS) and not entry.hub_id
    keys = [(entry.role, entry.profile) for entry in registry.MODELS]
    assert len(set(keys)) == len(keys)


def test_find_gives_the_entry_or_lists_the_choices():
    assert registry.find("text", "tiny").folder == registry.WEIGHTS / "text"
    assert registry.find("text", "hub").hub_id == "openai-community/gpt2"
    assert registry.find("image", "tiny").folder == registry.WEIGHTS / "image"
    assert registry.find("image", "hub").hub_id == "CompVis/stable-diffusion-v1-4"
    with pytest.raises(WorkbookError, match="no music/tiny model: choose one of text/tiny, text/hub"):
        registry.find("music", "tiny")


@pytest.mark.parametrize(
    "name, expected",
    [
        ("openai-community/gpt2", ("openai-community/gpt2", "607a30d783dfa663caf39e06633721c8d4cfcd7e")),
        ("gpt2", ("openai-community/gpt2", "607a30d783dfa663caf39e06633721c8d4cfcd7e")),
        ("gpt2@main", ("openai-community/gpt2", "main")),
        (
            "stable-diffusion-v1-4",
            ("CompVis/stable-diffusion-v1-4", "133a221b8aa7292a167afc5127cb63fb5005638b"),
        ),
        ("someone/else", ("someone/else", "main")),
        ("someone/else@abc", ("someone/else", "abc")),
    ],
)
def test_resolve_pins_what_the_table_knows(name, expected):
    assert registry.resolve(name) == expected


@pytest.mark.parametrize(
    "status, code, words",
    [
        (401, "RepoNotFound", "no public model a/b"),
        (401, "", "no public model a/b"),
        (401, "GatedRepo", "gated"),
        (403, "", "gated"),
        (404, "RevisionNotFound", "no revision main"),
        (404, "EntryNotFound", "no config.json"),
        (429, "", "answers 429"),
        (503, "", "answers 503"),
        (None, "", "does not answer"),
    ],
)
def test_the_hub_s_refusals_become_one_sentence(monkeypatch, status, code, words):
    answer = SimpleNamespace(status_code=status, headers={"X-Error-Code": code}) if status else None
    monkeypatch.setattr(registry, "_ask_hub", lambda *_: answer)
    with pytest.raises(WorkbookError) as problem:
        registry.check_reachable("a/b", "main")
    message = str(problem.value)
    assert words in message and "profile tiny" in message and message.endswith(".") and "\n" not in message


@pytest.mark.parametrize("role, file", [("text", "config.json"), ("image", "model_index.json")])
def test_each_role_is_asked_for_by_the_file_that_its_models_begin_with(monkeypatch, role, file):
    asked = []
    answer = SimpleNamespace(status_code=404, headers={"X-Error-Code": "EntryNotFound"})
    monkeypatch.setattr(registry, "_ask_hub", lambda path: asked.append(path) or answer)
    with pytest.raises(WorkbookError, match=f"a/b has no {file}, so it is no {role} model to load"):
        registry.check_reachable("a/b", "main", role)
    assert asked == [f"a/b/resolve/main/{file}"]


def test_a_model_is_cached_if_the_first_file_of_its_role_is(monkeypatch, tmp_path):
    import huggingface_hub

    def look_up(hub_id, filename, revision):
        return str(tmp_path) if (hub_id, filename, revision) == ("a/b", "model_index.json", "c") else None

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", look_up)
    assert registry.is_cached("a/b", "c", "image") and not registry.is_cached("a/b", "c")


@pytest.mark.parametrize("status", [200, 302, 307])
def test_a_hub_that_hands_the_model_out_is_no_problem(monkeypatch, status):
    monkeypatch.setattr(registry, "_ask_hub", lambda *_: SimpleNamespace(status_code=status, headers={}))
    registry.check_reachable("a/b", "main")


def test_offline_mode_is_no_answer():
    assert registry._ask_hub("a/b") is None


# Loading, whatever the role


def refused(role, session, model, read) -> str:
    with pytest.raises(WorkbookError) as problem:
        registry.load(role, session, model, read)
    assert str(problem.value).endswith(".") and "\n" not in str(problem.value)
    return str(problem.value)


@pytest.fixture
def tiny():
    return SimpleNamespace(profile="tiny")


@pytest.mark.parametrize("role, file", [("text", "config.json"), ("image", "model_index.json")])
def test_a_folder_is_read_if_the_first_file_of_its_role_is_there(tiny, tmp_path, role, file):
    def read(session, source, **options):
        return session, source, options

    assert f"{file} is missing" in refused(role, tiny, str(tmp_path), read)
    (tmp_path / file).touch()
    assert registry.load(role, tiny, str(tmp_path), read) == (tiny, str(tmp_path), {"local_files_only": True})


@pytest.mark.parametrize(
    "problem, words",
    [
        (registry.Damaged("half of it is gone"), "damaged (half of it is gone)"),
        (KeyError("unet"), "damaged (KeyError: 'unet')"),
        (RuntimeError("size mismatch\nfor conv_in"), "damaged (RuntimeError: size mismatch)"),
        (OSError(), "damaged (OSError: no reason given)"),
    ],
)
def test_whatever_goes_wrong_with_a_folder_is_one_sentence(tiny, tmp_path, problem, words):
    def read(*_, **__):
        raise problem

    (tmp_path / "model_index.json").touch()
    message = refused("image", tiny, str(tmp_path), read)
    assert words in message and str(tmp_path) in message and "save_pretrained" in message


def test_the_reader_s_own_sentence_is_passed_on(tiny, tmp_path):
    def read(*_, **__):
        raise WorkbookError("This is no such model.")

    (tmp_path / "config.json").touch()
    assert refused("text", tiny, str(tmp_path), read) == "This is no such model."


@pytest.mark.parametrize("cached", [True, False])
def test_a_hub_model_is_sought_in_the_cache_first_and_then_once_on_the_hub(monkeypatch, cached):
    calls = []

    def read(session, source, **options):
        calls.append((source, options["revision"], options["local_files_only"]))
        raise registry.Damaged("incomplete")

    monkeypatch.setattr(registry, "is_cached", lambda *_: cached)
    monkeypatch.setattr(registry, "check_reachable", lambda *arguments: calls.append(arguments))
    entry = registry.find("image", "hub")
    pinned = (entry.hub_id, entry.revision)
    message = refused("image", SimpleNamespace(profile="hub"), "", read)
    assert calls == [(*pinned, True)] * cached + [(*pinned, "image"), (*pinned, False)]
    assert "(incomplete)" in message and f"hf cache rm model/{entry.hub_id}" in message
