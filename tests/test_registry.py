"""The table of models, and the hub's answers in one sentence."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers import hub, registry
from helpers.errors import WorkbookError
from helpers.session import Session


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


# Loading, whatever the role


def refused(role, session, model, read) -> str:
    with pytest.raises(WorkbookError) as problem:
        registry.load(role, session, model, read)
    assert str(problem.value).endswith(".") and "\n" not in str(problem.value)
    return str(problem.value)


@pytest.fixture
def tiny():
    return SimpleNamespace(profile="tiny", auto=False)


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
def test_a_hub_model_is_sought_in_the_cache_first_and_then_fetched(monkeypatch, cached):
    calls = []

    def read(session, source, **options):
        assert options["local_files_only"]
        calls.append((source, options["revision"]))
        raise registry.Damaged("incomplete")

    monkeypatch.setattr(hub, "is_cached", lambda *_: cached)
    monkeypatch.setattr(hub, "fetch", lambda *arguments, live: calls.append((*arguments, live)))
    entry = registry.find("image", "hub")
    pinned = (entry.hub_id, entry.revision)
    message = refused("image", SimpleNamespace(profile="hub", auto=False, live=True), "", read)
    assert calls == [pinned] * cached + [("image", *pinned, entry.size_gb, True), pinned]
    assert "(incomplete)" in message and f"hf cache rm model/{entry.hub_id}" in message


NAMES = ["../up", "a/..", "a/../b", "a/b/c", "a--b", "-a/b", ".a", "a/.b", "a b", "é/b", "a/b?x",
         "a/b@../../c", "a/b@-x", "a/b@a b", "a/b@a/../b"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_could_lead_elsewhere_reaches_neither_path_nor_url(monkeypatch, tiny, name):
    monkeypatch.setattr(hub, "is_cached", lambda *_: pytest.fail("looked up"))
    assert f'"{name}" is neither a folder here nor a hub model' in refused("text", tiny, name, None)


@pytest.mark.parametrize("name", ["gpt2", "a/b", "A-1/b_2.c", "a/b@refs/pr/1", "a/b@v1.0", "a/b@0123abc"])
def test_the_hub_s_own_names_are_let_through(monkeypatch, tiny, name):
    monkeypatch.setattr(hub, "is_cached", lambda *_: True)
    assert registry.load("text", tiny, name, lambda session, source, **_: source) in ("a/b", "A-1/b_2.c",
        "openai-community/gpt2")  # fmt: skip


# Falling back


def out_of_reach(*_, **__):
    raise WorkbookError("The hub is away: connect, or use the profile tiny.")


def test_auto_goes_on_with_the_shipped_model_and_says_why_in_one_line(monkeypatch, capsys):
    started, sources = Session("hub", "cpu", None, 0, Path(), False, auto=True), []
    monkeypatch.setattr(hub, "is_cached", lambda *_: False)
    monkeypatch.setattr(hub, "fetch", out_of_reach)
    for role in ("text", "image"):
        registry.load(role, started, "", lambda session, source, **_: sources.append(source))
    assert sources == [str(registry.WEIGHTS / "text"), str(registry.WEIGHTS / "image")]
    out = capsys.readouterr().out
    assert started.profile == "tiny" and out.count("\n") == 1
    assert out.startswith("Profile tiny from here on") and out.endswith("The hub is away: connect.\n")


@pytest.mark.parametrize("auto, model", [(True, "someone/else"), (False, "")])
def test_what_was_asked_for_by_name_is_never_replaced(monkeypatch, auto, model):
    started = Session("hub", "cpu", None, 0, Path(), False, auto)
    monkeypatch.setattr(hub, "is_cached", lambda *_: False)
    monkeypatch.setattr(hub, "fetch", out_of_reach)
    assert "The hub is away" in refused("text", started, model, None) and started.profile == "hub"


class OutOfMemoryError(RuntimeError):
    """As torch's."""


@pytest.mark.parametrize("problem", [MemoryError(), OutOfMemoryError("CUDA out of memory")])
def test_a_model_too_large_for_the_memory_is_not_called_damaged(monkeypatch, tiny, problem):
    def read(*_, **__):
        raise problem

    monkeypatch.setattr(hub, "is_cached", lambda *_: True)
    assert "a/b does not fit into the memory" in refused("text", tiny, "a/b", read)
