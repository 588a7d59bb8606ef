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


# Places, whatever the role


def read(places, reader):
    """What a reader makes of the first place that it can read: as `text.load` and `images.load` do."""
    for place in places:
        with place.reading():
            return reader(place.folder)


def refused(places, reader=None) -> str:
    with pytest.raises(WorkbookError) as problem:
        read(places, reader)
    assert str(problem.value).endswith(".") and "\n" not in str(problem.value)
    return str(problem.value)


def raising(problem):
    def reader(_):
        raise problem

    return reader


@pytest.mark.parametrize("role, file", [("text", "config.json"), ("image", "model_index.json")])
def test_a_folder_is_a_place_if_the_first_file_of_its_role_is_there(tmp_path, role, file):
    assert f"{file} is missing" in refused(registry.places(role, str(tmp_path)))
    (tmp_path / file).touch()
    assert read(registry.places(role, str(tmp_path)), lambda folder: folder) == tmp_path


@pytest.mark.parametrize(
    "problem, words",
    [
        (registry.Damaged("half of it is gone"), "damaged (half of it is gone)"),
        (KeyError("unet"), "damaged (KeyError: 'unet')"),
        (RuntimeError("size mismatch\nfor conv_in"), "damaged (RuntimeError: size mismatch)"),
        (OSError(), "damaged (OSError: no reason given)"),
    ],
)
def test_whatever_goes_wrong_with_a_folder_is_one_sentence(tmp_path, problem, words):
    folder = tmp_path / "a {b}"
    folder.mkdir()
    (folder / "model_index.json").touch()
    message = refused(registry.places("image", str(folder)), raising(problem))
    assert words in message and str(folder) in message and "save_pretrained" in message


def test_the_reader_s_own_sentence_is_passed_on(tmp_path):
    (tmp_path / "config.json").touch()
    problem = WorkbookError("This is no such model.")
    assert refused(registry.places("text", str(tmp_path)), raising(problem)) == "This is no such model."


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """The hub's cache, in which a model lies if `there`; what is asked of the hub."""
    state = SimpleNamespace(there=True, asked=[], folder=tmp_path)

    def fetch(*arguments, live):
        state.asked.append((*arguments, live))
        state.there = True

    monkeypatch.setattr(hub, "cached_folder", lambda *_: tmp_path if state.there else None)
    monkeypatch.setattr(hub, "fetch", fetch)
    return state


@pytest.mark.parametrize("there", [True, False])
def test_a_hub_model_is_sought_in_the_cache_first_and_then_fetched(cache, there):
    def incomplete(folder):
        folders.append(folder)
        raise registry.Damaged("incomplete")

    entry, folders, cache.there = registry.find("image", "hub"), [], there
    message = refused(registry.places("image", entry.hub_id, live=True), incomplete)
    assert folders == [cache.folder] * (1 + there)
    assert cache.asked == [("image", entry.hub_id, entry.revision, entry.size_gb, True)]
    assert "(incomplete)" in message and f"hf cache rm model/{entry.hub_id}" in message


def test_a_cached_model_that_can_be_read_is_not_fetched(cache):
    assert read(registry.places("text", "a/b"), lambda folder: folder) == cache.folder and not cache.asked


def test_a_cached_model_of_another_kind_is_not_fetched_again(cache):
    assert refused(registry.places("text", "a/b"), raising(WorkbookError("Another kind."))) == "Another kind."
    assert not cache.asked


NAMES = ["../up", "a/..", "a/../b", "a/b/c", "a--b", "-a/b", ".a", "a/.b", "a b", "é/b", "a/b?x",
         "a/b@../../c", "a/b@-x", "a/b@a b", "a/b@a/../b"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_could_lead_elsewhere_reaches_neither_path_nor_url(monkeypatch, name):
    monkeypatch.setattr(hub, "cached_folder", lambda *_: pytest.fail("looked up"))
    assert f'"{name}" is neither a folder here nor a hub model' in refused(registry.places("text", name))


@pytest.mark.parametrize("name", ["gpt2", "a/b", "A-1/b_2.c", "a/b@refs/pr/1", "a/b@v1.0", "a/b@0123abc"])
def test_the_hub_s_own_names_are_let_through(cache, name):
    (place,) = [next(registry.places("text", name))]
    assert place.name in ("a/b", "A-1/b_2.c", "openai-community/gpt2")


class OutOfMemoryError(RuntimeError):
    """As torch's."""


@pytest.mark.parametrize("problem", [MemoryError(), OutOfMemoryError("CUDA out of memory")])
def test_a_model_too_large_for_the_memory_is_not_called_damaged(cache, problem):
    message = refused(registry.places("text", "a/b"), raising(problem))
    assert "a/b does not fit into the memory" in message and not cache.asked


# Falling back


def started(auto: bool) -> Session:
    return Session("hub", "cpu", None, 0, Path(), False, auto)


@pytest.fixture
def away(cache, monkeypatch):
    """The hub is out of reach, and its cache is empty."""

    def fetch(*_, **__):
        raise WorkbookError("The hub is away: connect, or use the profile tiny.")

    cache.there = False
    monkeypatch.setattr(hub, "fetch", fetch)


def test_auto_goes_on_with_the_shipped_model_and_says_why_in_one_line(away, capsys):
    session = started(auto=True)
    for role in ("text", "image"):
        assert read(session.places(role), lambda folder: folder) == registry.WEIGHTS / role
    out = capsys.readouterr().out
    assert session.profile == "tiny" and out.count("\n") == 1
    assert out.startswith("Profile tiny from here on") and out.endswith("The hub is away: connect.\n")


@pytest.mark.parametrize("auto, model", [(True, "someone/else"), (False, "")])
def test_what_was_asked_for_by_name_is_never_replaced(away, auto, model):
    session = started(auto)
    assert "The hub is away" in refused(session.places("text", model)) and session.profile == "hub"


@pytest.mark.parametrize("problem, fetches", [(MemoryError(), 0), (registry.Damaged("half"), 1)])
def test_auto_falls_back_from_a_cached_model_that_cannot_be_read_too(cache, capsys, problem, fetches):
    def reader(folder):
        if folder == cache.folder:
            raise problem
        return folder

    session = started(auto=True)
    assert read(session.places("text"), reader) == registry.WEIGHTS / "text"
    assert len(cache.asked) == fetches and session.profile == "tiny"
    assert capsys.readouterr().out.count("\n") == 1
