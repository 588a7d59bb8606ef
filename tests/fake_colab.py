"""What stands in for Google Colab and GitHub: a list of sessions, served, and small git repositories."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FORK = "https://github.com/someone/their-course"
FOLDER = "generative-ai-workbook"  # what the first cell makes in the current folder


def git(*arguments: str, cwd: Path) -> None:
    """Run git in a folder, whoever its user is."""
    settings = ["-c", "user.name=Anna", "-c", "user.email=anna@example.org"]
    subprocess.run(["git", *settings, *arguments], cwd=cwd, check=True, capture_output=True)


def instead(repositories: dict[str, Path]) -> dict[str, str]:
    """Variables that make git read these folders in place of these addresses."""
    variables = {"GIT_CONFIG_COUNT": str(len(repositories))}
    for i, (address, folder) in enumerate(repositories.items()):
        variables[f"GIT_CONFIG_KEY_{i}"] = f"url.file://{folder}.insteadOf"
        variables[f"GIT_CONFIG_VALUE_{i}"] = address
    return variables


def opened(address: str, branch: str) -> list[dict]:
    """Colab's list of sessions for a notebook opened from GitHub."""
    address = address.replace(":", "%3A")
    return [{"path": f"fileId={address}/blob/{branch}/notebooks/01_concepts.ipynb", "type": "notebook"}]


@contextmanager
def sessions(answer: list | str | Callable, status: int = 200) -> Iterator[dict[str, str]]:
    """A server that answers like a Colab kernel's list of sessions; gives the variables that lead there.

    answer: the list, or any text, or a function that returns the list.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            found = answer() if callable(answer) else answer
            text = found if isinstance(found, str) else json.dumps(found)
            self.send_response(status if self.path.startswith("/api/sessions") else 404)
            self.send_header("WWW-Authenticate", 'Basic realm="course"')
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # the other side has hung up
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    try:
        yield {"COLAB_JUPYTER_IP": "127.0.0.1", "KMP_TARGET_PORT": str(server.server_port)}
    finally:
        server.shutdown()
        server.server_close()
