"""A web server for tests, on this machine only: each path has its answers, and every request is noted."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass
class Reply:
    """One answer: its status, its body, where a redirection leads; `head` is the status for HEAD alone."""

    status: int = 200
    body: bytes = b""
    location: str = ""
    head: int = 0


@dataclass
class Server:
    """Where it listens, what it answers (the last reply of a path stays), and what it was asked."""

    address: str
    replies: dict[str, list[Reply]]
    requests: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, method: str, path: str) -> Reply:
        self.requests.append((method, path))
        replies = self.replies.get(path, [Reply(404)])
        return replies.pop(0) if len(replies) > 1 else replies[0]


@contextmanager
def serving(replies: Mapping[str, Reply | list[Reply]]) -> Iterator[Server]:
    """A server that answers as told; a path that is not named is a 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reply = server.answer(self.command, urlsplit(self.path).path)
            self.send_response(reply.head if reply.head and self.command == "HEAD" else reply.status)
            if reply.location:
                self.send_header("Location", reply.location)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(reply.body)

        do_HEAD = do_GET

        def log_message(self, *_) -> None:
            """Nothing on stderr."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listed = {path: told if isinstance(told, list) else [told] for path, told in replies.items()}
    server = Server(f"http://127.0.0.1:{http.server_port}", listed)
    threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
