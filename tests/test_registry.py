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
    with pytest.raises(WorkbookError, match="no music/tiny model: choose one of text/tiny, text/hub"):
        registry.find("music", "tiny")


@pytest.mark.parametrize(
    "name, expected",
    [
        ("openai-community/gpt2", ("openai-community/gpt2", "607a30d783dfa663caf39e06633721c8d4cfcd7e")),
        ("gpt2", ("openai-community/gpt2", "607a30d783dfa663caf39e06633721c8d4cfcd7e")),
        ("gpt2@main", ("openai-community/gpt2", "main")),
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


@pytest.mark.parametrize("status", [200, 302, 307])
def test_a_hub_that_hands_the_model_out_is_no_problem(monkeypatch, status):
    monkeypatch.setattr(registry, "_ask_hub", lambda *_: SimpleNamespace(status_code=status, headers={}))
    registry.check_reachable("a/b", "main")


def test_offline_mode_is_no_answer():
    assert registry._ask_hub("a/b") is None
