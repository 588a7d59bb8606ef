"""What goes wrong with the hub's three models, and what a reader is told: measured, against the local hub.

    python -m tests.faults_table           prints the table of docs/hub.md
    python -m tests.faults_table --json    the same as JSON, for tests/test_faults.py
    python -m tests.faults_table --files   the table of models that lie here and cannot be loaded

Each fault strikes an empty cache. Then the same process tries again without it; for GPT-2, "auto" meets the
fault too, and a new process tries after it.
"""

import contextlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from tests import test_diagnosis
from tests.local_hub import Fault, LocalHub

ROLES = {"text": "GPT-2", "fill": "BERT", "image": "Stable Diffusion"}
EVER = 99
AGAIN = """
import json, sys
from tests.faults_table import load
from helpers import session
load(session.start("hub"), sys.argv[1])
"""


@dataclass
class Case:
    """The hub, and the model that a fault strikes."""

    hub: LocalHub
    hub_id: str
    weights: str
    first: str

    def add(self, **settings) -> None:
        self.hub.faults.append(Fault(**{"name": self.weights, "times": EVER} | settings))

    @property
    def size(self) -> int:
        return (self.hub.repositories[self.hub_id].folder / self.weights).stat().st_size


@contextmanager
def endpoint(url: str) -> Iterator[None]:
    """The hub at another address."""
    from huggingface_hub import constants

    with mock.patch.object(constants, "ENDPOINT", url), mock.patch.dict(os.environ, HF_ENDPOINT=url):
        yield


@contextmanager
def refused(case: Case) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    with endpoint(f"http://127.0.0.1:{port}"):
        yield


@contextmanager
def silent(case: Case) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", 0)) as one, endpoint(f"http://127.0.0.1:{one.getsockname()[1]}"):
        yield


@contextmanager
def gated(case: Case) -> Iterator[None]:
    case.hub.repositories[case.hub_id].gated = True
    yield
    case.hub.repositories[case.hub_id].gated = False


@contextmanager
def missing(case: Case) -> Iterator[None]:
    repository = case.hub.repositories.pop(case.hub_id)
    yield
    case.hub.repositories[case.hub_id] = repository


def full_disk(case: Case):
    return mock.patch("shutil.disk_usage", lambda folder: SimpleNamespace(free=1_000))


@contextmanager
def spoilt_json(case: Case) -> Iterator[None]:
    """Other bytes in the cache, of the same size, in the file that a load begins with."""
    told(session("hub"), next(role for role, one in entries().items() if one.hub_id == case.hub_id))
    from huggingface_hub import constants

    (path,) = Path(constants.HF_HUB_CACHE).rglob(
        f"models--{case.hub_id.replace('/', '--')}/snapshots/*/{case.first}"
    )
    path.resolve().write_bytes(b"{" * path.stat().st_size)
    yield


def server(**settings) -> Callable:
    """A fault of the server's answers."""

    @contextmanager
    def struck(case: Case) -> Iterator[None]:
        wrong = settings.get("body") == b"same size"
        case.add(**settings | ({"body": b"\1" * case.size} if wrong else {}))
        yield
        case.hub.faults.clear()

    return struck


@contextmanager
def busy_first(case: Case) -> Iterator[None]:
    case.add(name=case.first, method="HEAD", status=429, headers={"Retry-After": "30"})
    yield
    case.hub.faults.clear()


@contextmanager
def cut(case: Case) -> Iterator[None]:
    case.add(cut_after=5_000, times=1)
    yield
    assert not case.hub.faults[0].times
    case.hub.faults.clear()


FAULTS = {
    "no name server finds the hub": lambda case: endpoint("http://hub.invalid"),
    "the connection is refused": refused,
    "the hub accepts and never answers": silent,
    "the list of files stands still": server(name="tree", stall_after=20),
    "the weights never come": server(stall_after=-1),
    "the weights stand still after 5,000 bytes": server(stall_after=5_000),
    "503 on what the hub knows of the weights": server(method="HEAD", status=503),
    "500 on the weights": server(status=500),
    "429 at the first question, Retry-After 30": busy_first,
    "429 on the weights, RateLimit t=55": server(status=429, headers={"RateLimit": '"resolvers";r=0;t=55'}),
    "the weights are cut off once": cut,
    "the weights have another size": server(body=b"too short"),
    "the weights have other bytes, once": server(body=b"same size", times=1),
    "the weights have other bytes, always": server(body=b"same size"),
    "the first file is spoilt in the cache": spoilt_json,
    "the disk is full": full_disk,
    "the model is gated": gated,
    "the model is gone": missing,
}


def entries() -> dict:
    from helpers import registry

    return {role: registry.find(role, "hub") for role in ROLES}


def session(profile: str):
    """What `start` gives, without its line."""
    from helpers.session import start

    with contextlib.redirect_stdout(io.StringIO()):
        return start(profile)


def load(started, role: str, model: str = ""):
    from helpers import images, text

    return images.load(started, model) if role == "image" else text.load(started, model, role=role)


def told(started, role: str, model: str = "") -> tuple[str, float, str]:
    """The sentence of refusal or "", the seconds until then, and what was printed."""
    from helpers.errors import WorkbookError

    sentence, printed, begin = "", io.StringIO(), time.monotonic()
    with contextlib.redirect_stdout(printed):
        try:
            load(started, role, model)
        except WorkbookError as problem:
            sentence = str(problem)
    return sentence, round(time.monotonic() - begin, 1), printed.getvalue()


def strike(case: Case, role: str, fault: Callable) -> dict:
    """One fault and one model: what is told, and whether the next try works."""
    from huggingface_hub import constants

    def empty() -> None:
        shutil.rmtree(constants.HF_HUB_CACHE, ignore_errors=True)

    empty()
    started = session("hub")
    with fault(case):
        sentence, seconds, printed = told(started, role)
    row = {"sentence": sentence, "seconds": seconds, "printed": printed, "again": told(started, role)[0]}
    if role == "text" and sentence:
        empty()
        automatic = replace(started, auto=True)
        with fault(case):
            _, row["auto seconds"], row["auto"] = told(automatic, role)
        row["auto profile"] = automatic.profile
        child = subprocess.run([sys.executable, "-c", AGAIN, role], capture_output=True, text=True)
        row["new process"] = child.stderr
    left = [path.name for path in Path(constants.HF_HUB_CACHE).rglob("*.incomplete")]
    return row | {"left": left}


def measure() -> list[dict]:
    """All faults against all models, as rows."""
    from tests.tiny_models import save_published_bert, save_published_gpt2
    from tests.tiny_pipeline import save_published

    rows = []
    with tempfile.TemporaryDirectory() as place, LocalHub() as hub:
        environment = hub.environment(Path(place, "home")) | {"OMP_NUM_THREADS": "1"}
        os.environ.clear()
        os.environ.update(environment)
        makers = {"text": save_published_gpt2, "fill": save_published_bert, "image": save_published}
        for role, entry in entries().items():
            hub.add(entry.hub_id, makers[role](Path(place, role)), entry.revision)
        for name, fault in FAULTS.items():
            for role, entry in entries().items():
                image = role == "image"
                weights = "unet/diffusion_pytorch_model.safetensors" if image else "model.safetensors"
                case = Case(hub, entry.hub_id, weights, "model_index.json" if image else "config.json")
                row = strike(case, role, fault)
                rows.append({"fault": name, "role": role, "hub_id": entry.hub_id, **row})
                print(f"{name}, {role}: {row['seconds']} s", file=sys.stderr, flush=True)
    return rows


def table(rows: list[dict]) -> str:
    """Markdown: a line for each fault, and each way in which the models' sentences differ."""
    lines = [f"| fault | {' | '.join(ROLES.values())} | what is told |", "|---|" + "---|" * (len(ROLES) + 1)]
    for name in FAULTS:
        found = {row["role"]: row for row in rows if row["fault"] == name}
        sentences = {}
        for role, row in found.items():
            sentence = row["sentence"].replace(row["hub_id"], "MODEL") or "nothing: it loads"
            sentences.setdefault(sentence, []).append(role)
        for sentence, roles in sentences.items():
            times = [f"{found[role]['seconds']} s" if role in roles else "" for role in ROLES]
            lines.append(f"| {name} | {' | '.join(times)} | {sentence} |")
    return "\n".join(lines)


FILES = {
    "its type is newer than the libraries": test_diagnosis.newer_type,
    "its class is newer": test_diagnosis.newer_class,
    "it is packed for a package that is not installed": test_diagnosis.packed,
    "it brings code of its own": test_diagnosis.own_code,
    "its weights are cut off": test_diagnosis.cut_weights,
    "its weights are pickles": test_diagnosis.pickled_weights,
    "its weights are of another configuration": test_diagnosis.other_shape,
    "its configuration is no table": test_diagnosis.list_for_table,
    "its kind is a text where a list should be": test_diagnosis.text_for_list,
    "there is only an adapter": test_diagnosis.adapter_alone,
    "its tokenizer is missing": test_diagnosis.no_tokenizer,
    "its tokenizer has more tokens than the model has rows": test_diagnosis.long_tokenizer,
}


def sentences_on_files() -> dict[str, str]:
    """What is told of a model in a folder, for each thing that may be wrong with its files."""
    from tests.tiny_models import save_gpt2

    sentences = {}
    for name, spoil in FILES.items():
        with tempfile.TemporaryDirectory() as place:
            folder = save_gpt2(Path(place, "model"))
            spoil(folder)
            sentences[name] = told(session("tiny"), "text", str(folder))[0].replace(str(folder), "FOLDER")
    return sentences


def main() -> None:
    if "--files" not in sys.argv:
        rows = measure()
        print(json.dumps(rows) if "--json" in sys.argv else table(rows))
    else:
        print("| a model of which | what is told |\n|---|---|")
        print(*(f"| {name} | {sentence} |" for name, sentence in sentences_on_files().items()), sep="\n")


if __name__ == "__main__":
    main()
