"""A small server that speaks the Hugging Face hub's protocol, for tests without a network.

    with LocalHub() as hub:
        hub.add("owner/name", folder, revision="0123...")
        hub.faults.append(Fault("model.safetensors", status=503))
        subprocess.run([...], env=hub.environment(tmp_path))

It knows the model, revision and tree calls of the API and `resolve` for files, in folders too. Files of LARGE
bytes and more are handed out by a second host name, to which `resolve` redirects, and known by their SHA-256;
smaller ones by Git's hash; both as the hub does. No xet.
"""

import contextlib
import hashlib
import json
import os
import re
import threading
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

LARGE = 20_000


@dataclass
class Repository:
    """One model as the hub has it."""

    folder: Path
    revision: str
    gated: bool = False

    def file(self, name: str) -> Path | None:
        path = self.folder / name
        return path if path.is_file() and ".." not in path.parts else None


@dataclass
class Fault:
    """What goes wrong with the next `times` answers about a file, or about the list of files ("tree").

    A status with headers, a body cut short or at a stand, other bytes, or 1,000 bytes every `pace` seconds.
    """

    name: str
    method: str = "GET"
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    stall_after: int | None = None  # bytes; -1 is before the headers
    body: bytes | None = None
    pace: float = 0
    times: int = 1


@dataclass
class LocalHub:
    """Two servers, the hub and the host of its large files; `requests` lists (method, path) of every call."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "LocalHub":
        handler = type("Handler", (_Handler,), {"hub": self})
        self.servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler) for _ in range(2)]
        for server in self.servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{self.servers[0].server_port}"
        self.files = f"http://localhost:{self.servers[1].server_port}"
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """From now on every connection is refused, and what stalls is let go."""
        self.closing.set()
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def add(self, name: str, folder: Path, revision: str = "", gated: bool = False) -> str:
        """Offer a folder as a model; returns its revision, 40 hex digits."""
        revision = revision or hashlib.sha1(name.encode()).hexdigest()
        self.repositories[name] = Repository(folder, revision, gated)
        return revision

    def environment(self, home: Path, endpoint: str = "") -> dict[str, str]:
        """The environment of a child process that takes this server for the hub; its cache is in `home`."""
        kept = {
            k: v
            for k, v in os.environ.items()
            if (not k.startswith(("HF_", "WORKBOOK_")) or k == "WORKBOOK_OUTPUT") and "proxy" not in k.lower()
        }
        return kept | {
            "HF_ENDPOINT": endpoint or self.endpoint,
            "HF_HOME": str(home),
            "CUDA_VISIBLE_DEVICES": "",
        }

    def fault(self, method: str, name: str) -> Fault | None:
        """The fault that is due for a call, counted down."""
        for fault in self.faults:
            if fault.times and fault.method == method and fault.name == name:
                fault.times -= 1
                return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection; `hub` is set by LocalHub."""

    hub: LocalHub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, path))
        if match := re.fullmatch(r"/large/(.+?)/-/(.+)", path):
            self.send_file(self.hub.repositories[match[1]], match[2])
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/([^/]+))?", path):
            self.send_listing(*match.groups())
        elif match := re.fullmatch(r"/(.+?)/resolve/([^/]+)/(.+)", path):
            self.resolve(*match.groups())
        else:
            self.refuse(404, "RepoNotFound")

    def resolve(self, name: str, revision: str, file: str) -> None:
        repository = self.hub.repositories.get(name)
        if repository is None:
            return self.refuse(401, "RepoNotFound")
        if revision not in ("main", repository.revision):
            return self.refuse(404, "RevisionNotFound")
        if repository.gated:
            return self.refuse(401, "GatedRepo")
        self.commit = repository.revision
        path = repository.file(file)
        if path is None:
            return self.refuse(404, "EntryNotFound")
        if path.stat().st_size < LARGE:
            return self.send_file(repository, file)
        if self.command == "HEAD" and (fault := self.hub.fault("HEAD", file)):
            return self.send(200, b"", {}, fault)
        linked = {"X-Linked-Size": str(path.stat().st_size), "X-Linked-ETag": f'"{digest(path)}"'}
        location = f"{self.hub.files}/large/{name}/-/{file}"
        return self.send(302, b"", {"Location": location, "X-Repo-Commit": repository.revision} | linked)

    def send_listing(self, name: str, kind: str | None, revision: str | None) -> None:
        repository = self.hub.repositories.get(name)
        if repository is None:
            return self.refuse(401, "RepoNotFound")
        if revision not in (None, "main", repository.revision):
            return self.refuse(404, "RevisionNotFound")
        files = sorted(path for path in repository.folder.rglob("*") if path.is_file())
        names = {path.relative_to(repository.folder).as_posix(): path for path in files}
        if kind != "tree":
            listing = {"id": name, "sha": repository.revision, "gated": repository.gated and "auto"}
            listing |= {"tags": [], "siblings": [{"rfilename": one} for one in names]}
            return self.send(200, json.dumps(listing).encode(), {"Content-Type": "application/json"})
        if "recursive=true" not in self.path:
            names = {one: path for one, path in names.items() if "/" not in one}
        listing = json.dumps([entry(one, path) for one, path in names.items()]).encode()
        fault = self.hub.fault("GET", "tree")
        return self.send(200, listing, {"Content-Type": "application/json"}, fault)

    def send_file(self, repository: Repository, file: str) -> None:
        """A file or, for a Range, its rest; with the fault that is due."""
        path = repository.file(file)
        fault = self.hub.fault(self.command, file)
        body = path.read_bytes() if not fault or fault.body is None else fault.body
        headers = {"ETag": f'"{digest(path)}"', "X-Repo-Commit": repository.revision}
        status, first = 200, re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if first:
            status, start = 206, int(first[1])
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            body = body[start:]
            if fault and fault.stall_after is not None:
                fault = replace(fault, stall_after=max(0, fault.stall_after - start))
        return self.send(status, body, headers, fault)

    def refuse(self, status: int, code: str) -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": code} if code else {}
        self.send(status, b"", headers | ({"X-Repo-Commit": self.commit} if hasattr(self, "commit") else {}))

    def send(self, status: int, body: bytes, headers: dict[str, str], fault: Fault | None = None) -> None:
        fault = fault or Fault("")
        if fault.status:
            status, body, headers = fault.status, b"", fault.headers
        if fault.stall_after == -1:
            self.hub.closing.wait()
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.write(body, fault)
        if fault.cut_after is not None:
            self.close_connection = True

    def write(self, body: bytes, fault: Fault) -> None:
        """The body or a part of it, with a pause between its pieces, then perhaps nothing for ever."""
        end = next((one for one in (fault.cut_after, fault.stall_after) if one is not None), len(body))
        size = 1000 if fault.pace else max(1, len(body))
        with contextlib.suppress(OSError):  # the other side has gone
            for start in range(0, end, size):
                self.wfile.write(body[start : min(end, start + size)])
                self.hub.closing.wait(fault.pace)
        if fault.stall_after is not None:
            self.hub.closing.wait()

    def log_message(self, *_) -> None:
        """Nothing on stderr."""


def digest(path: Path) -> str:
    """What the hub knows a file by: its SHA-256 if it is large, else Git's hash."""
    data = path.read_bytes()
    if len(data) >= LARGE:
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def entry(name: str, path: Path) -> dict:
    """A file's line in the tree call."""
    told = {"type": "file", "path": name, "size": path.stat().st_size, "oid": digest(path)}
    if told["size"] >= LARGE:
        told |= {"oid": "0" * 40, "lfs": {"oid": digest(path), "size": told["size"], "pointerSize": 130}}
    return told
