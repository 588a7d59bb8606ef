"""What the hub says, and what a download costs, in one sentence; no network, no server."""

import errno
import json
from types import SimpleNamespace

import pytest

from helpers import download, hub
from helpers.errors import WorkbookError


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
    monkeypatch.setattr(hub, "ask", lambda *_: answer)
    with pytest.raises(WorkbookError) as problem:
        hub.check_reachable("a/b", "main")
    message = str(problem.value)
    assert words in message and "profile tiny" in message and message.endswith(".") and "\n" not in message


@pytest.mark.parametrize("role, file", [("text", "config.json"), ("image", "model_index.json")])
def test_each_role_is_asked_for_by_the_file_that_its_models_begin_with(monkeypatch, role, file):
    asked = []
    answer = SimpleNamespace(status_code=404, headers={"X-Error-Code": "EntryNotFound"})
    monkeypatch.setattr(hub, "ask", lambda path: asked.append(path) or answer)
    with pytest.raises(WorkbookError, match=f"a/b has no {file}, so it is no {role} model to load"):
        hub.check_reachable("a/b", "main", role)
    assert asked == [f"a/b/resolve/main/{file}"]


def test_a_model_is_cached_if_the_first_file_of_its_role_is(monkeypatch, tmp_path):
    import huggingface_hub

    def look_up(hub_id, filename, revision):
        wanted = (hub_id, filename, revision) == ("a/b", "model_index.json", "c")
        return str(tmp_path / filename) if wanted else None

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", look_up)
    assert hub.cached_folder("a/b", "c", "image") == tmp_path and hub.cached_folder("a/b", "c") is None


@pytest.mark.parametrize("status", [200, 302, 307])
def test_a_hub_that_hands_the_model_out_is_no_problem(monkeypatch, status):
    monkeypatch.setattr(hub, "ask", lambda *_: SimpleNamespace(status_code=status, headers={}))
    hub.check_reachable("a/b", "main")


def test_offline_mode_is_no_answer():
    assert hub.ask("a/b") is None


@pytest.mark.parametrize("headers, wait", [
    ({}, "a few minutes"), ({"Retry-After": "7"}, "7 seconds"),
    ({"RateLimit": '"api";r=0;t=55'}, "55 seconds"),
    ({"Retry-After": "Fri, 01 Jan 2027 00:00:00 GMT"}, "a few minutes"),
    ({"Retry-After": "7", "RateLimit": '"api";r=0;t=55'}, "7 seconds"),
])  # fmt: skip
def test_how_long_a_busy_hub_asks_to_wait_is_told(monkeypatch, headers, wait):
    answer = SimpleNamespace(status_code=429, headers=headers)
    monkeypatch.setattr(hub, "ask", lambda *_: answer)
    with pytest.raises(
        WorkbookError, match=f"answers 429 for a/b: try again in {wait}, perhaps after `hf auth"
    ):
        hub.check_reachable("a/b", "main")


# What is fetched


def listing(monkeypatch, *pages):
    """The hub lists these files, page by page; the paths it is asked for."""
    asked = []

    def ask(path, method="HEAD"):
        asked.append(path)
        page = pages[len(asked) - 1]
        entries = [{"type": "file", "path": name, "size": 10, "oid": name} for name in page]
        url = f"https://hub/api/next{len(asked)}" if len(asked) < len(pages) else ""
        links = {"next": {"url": url}} if url else {}
        return SimpleNamespace(status_code=200, headers={}, links=links, json=lambda: entries)

    monkeypatch.setattr(hub, "ask", ask)
    return asked


GPT2 = ["config.json", "merges.txt", "model.safetensors", "tokenizer.json", "vocab.json"]
SPARE = [".gitattributes", "README.md", "pytorch_model.bin", "tf_model.h5", "rust_model.ot", "64.tflite",
         "run.py", "model.fp16.safetensors", "onnx/decoder_model.onnx", "onnx/config.json"]  # fmt: skip
PIPELINE = ["model_index.json", "unet/config.json", "unet/diffusion_pytorch_model.safetensors",
            "safety_checker/model.safetensors", "tokenizer/merges.txt",
            "unet/diffusion_pytorch_model-00001-of-00002.safetensors"]  # fmt: skip
SPARE_PARTS = ["v1-4.ckpt", "v1-4.safetensors", "unet/diffusion_pytorch_model.fp16.safetensors",
               "unet/unet.py", "unet/diffusion_pytorch_model.non_ema.safetensors",
               "text_encoder/pytorch_model.bin", "other/config.json",
               "safety_checker/model.fp16.safetensors"]  # fmt: skip


@pytest.mark.parametrize("role, wanted, spare", [("text", GPT2, SPARE), ("image", PIPELINE, SPARE_PARTS)])
def test_only_what_is_loaded_is_fetched_and_the_first_file_last(monkeypatch, role, wanted, spare):
    asked = listing(monkeypatch, sorted(wanted[:2] + spare), wanted[2:])
    files = hub._files(role, "a/b", "main")
    assert {file.path for file in files} == set(wanted) and files[-1].path == wanted[0]
    assert asked == [f"api/models/a/b/tree/main?recursive={str(role == 'image').lower()}", "api/next1"]


def test_large_files_are_known_by_their_sha_256_and_others_by_git_s_hash(monkeypatch):
    entries = [{"type": "file", "path": "config.json", "size": 3, "oid": "11"},
               {"type": "file", "path": "model.safetensors", "size": 9, "oid": "22", "lfs": {"oid": "33"}},
               {"type": "directory", "path": "onnx.json"}]  # fmt: skip
    answer = SimpleNamespace(status_code=200, headers={}, links={}, json=lambda: entries)
    monkeypatch.setattr(hub, "ask", lambda *_: answer)
    assert hub._files("text", "a/b", "main") == [("model.safetensors", 9, "33"), ("config.json", 3, "11")]


def test_pickled_weights_are_refused_before_any_download(monkeypatch):
    listing(monkeypatch, ["config.json", "pytorch_model.bin"])
    with pytest.raises(WorkbookError, match="a/b has no safetensors, the only weights loaded here"):
        hub._files("text", "a/b", "main")


def test_a_page_that_is_no_list_is_no_answer(monkeypatch):
    answer = SimpleNamespace(status_code=200, headers={}, json=lambda: json.loads("<html>Log in</html>"))
    monkeypatch.setattr(hub, "ask", lambda *_: answer)
    with pytest.raises(WorkbookError, match="does not answer"):
        hub._files("text", "a/b", "main")


# Room, and a line before it begins


@pytest.fixture
def offered(monkeypatch):
    """A model of 500 MB on the hub, of which the cache has config.json; set free bytes by the function."""
    import huggingface_hub

    files = [hub.HubFile("model.safetensors", 500_000_000, ""), hub.HubFile("config.json", 1_000, "")]
    monkeypatch.setattr(hub, "check_reachable", lambda *_: None)
    monkeypatch.setattr(hub, "_files", lambda *_: files)
    cached = {"config.json"}
    monkeypatch.setattr(
        huggingface_hub,
        "try_to_load_from_cache",
        lambda hub_id, name, revision: "here" if name in cached else None,
    )
    downloads = []
    monkeypatch.setattr(hub, "download", lambda *arguments: downloads.append(arguments))

    def free(size):
        monkeypatch.setattr(hub.shutil, "disk_usage", lambda folder: SimpleNamespace(free=size))

    free(10**12)
    return SimpleNamespace(files=files, cached=cached, downloads=downloads, free=free)


def test_one_line_says_what_is_fetched_and_how_large(offered, capsys):
    hub.fetch("text", "a/b", "main")
    assert capsys.readouterr().out == "Fetching a/b, 0.50 GB, once.\n"
    assert offered.downloads == [("a/b", "main", offered.files, 0)]
    hub.fetch("text", "a/b", "main", live=True)
    assert offered.downloads[1][-1] == 500_000_000, "live, a bar of so many bytes"


def test_what_is_there_is_only_checked(offered, capsys):
    offered.cached.add("model.safetensors")
    offered.free(0)
    hub.fetch("text", "a/b", "main")
    assert capsys.readouterr().out == "" and offered.downloads


@pytest.mark.parametrize("known, told", [((), "size unknown"), ((0.55,), "0.55 GB")])
def test_a_size_that_the_hub_does_not_tell_is_the_table_s_or_unknown(offered, capsys, known, told):
    offered.files[0] = hub.HubFile("model.safetensors", None, "")
    hub.fetch("text", "a/b", "main", *known)
    assert capsys.readouterr().out == f"Fetching a/b, {told}, once.\n"


def test_a_disk_without_room_is_named_with_both_sizes_before_the_download(offered, capsys):
    offered.free(499_000_000)
    with pytest.raises(WorkbookError) as problem:
        hub.fetch("text", "a/b", "main")
    message = str(problem.value)
    assert "a/b needs 0.53 GB, but" in message and "only 0.50 GB" in message
    assert all(way_out in message for way_out in ("make room", "HF_HOME", "profile tiny"))
    assert not offered.downloads and capsys.readouterr().out == ""
    offered.free(526_000_000)
    hub.fetch("text", "a/b", "main")
    assert offered.downloads


@pytest.mark.parametrize("outcome, words", [
    (None, "stands still (9 seconds without a byte): check the network"),
    ({"reason": "x", "status": 503, "wait": "9 seconds"}, "answers 503 for a/b: try again in 9 seconds"),
    ({"reason": "x", "errno": errno.ENOSPC}, "(the disk is full): make room, set HF_HOME"),
    ({"reason": "x", "errno": errno.EACCES}, "cannot be written): set HF_HOME"),
    ({"reason": "model.safetensors arrives damaged, twice"}, "(model.safetensors arrives damaged, twice)"),
])  # fmt: skip
def test_whatever_ends_a_download_is_one_sentence_with_the_way_out(outcome, words):
    with pytest.raises(WorkbookError) as problem:
        download._explain("a/b", outcome)
    message = str(problem.value)
    assert words in message and message.endswith("or use the profile tiny.") and "\n" not in message


def test_a_file_is_known_by_git_s_hash_or_sha_256(tmp_path):
    (tmp_path / "a").write_bytes(b"hello\n")
    assert download._digest(tmp_path / "a", 40) == "ce013625030ba8dba906f756967f9e9ca394464a"
    assert download._digest(tmp_path / "a", 64).startswith("5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d0")
