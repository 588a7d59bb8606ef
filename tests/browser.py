"""JupyterLab in Chromium, as a learner meets it: a server of its own, and a notebook open in a page."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[1]
SHOTS = ROOT / "build" / "browser"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
]  # fmt: skip
PATIENCE = 120  # seconds that any single step may take; a whole notebook has its own limit
CELLS = """() => [...document.querySelectorAll('.jp-Notebook .jp-Cell')].map(cell => ({
    code: cell.classList.contains('jp-CodeCell'),
    prompt: cell.querySelector('.jp-InputPrompt')?.textContent.trim() ?? '',
    stderr: cell.querySelector('[data-mime-type="application/vnd.jupyter.stderr"]')?.textContent ?? '',
    blank: [...cell.querySelectorAll('.jp-OutputArea img')]
        .filter(one => one.complete && !one.naturalWidth).length,
    unset: cell.querySelectorAll('mjx-merror, .MathJax_Error, .jp-RenderedLatex .merror').length,
}))"""
# Of a page: its width, its smallest letters, its figures (shown width, own width, alternative text).
LAYOUT = """() => ({
    width: document.documentElement.scrollWidth,
    letters: Math.min(...[...document.querySelectorAll('body *')].filter(one => one.innerText?.trim())
        .map(one => parseFloat(getComputedStyle(one).fontSize))),
    figures: [...document.querySelectorAll('.output img')]
        .map(one => [one.getBoundingClientRect().width, one.naturalWidth, one.alt]),
})"""
BYTES = """async picture => {
    const data = new Uint8Array(await (await fetch(picture.src)).arrayBuffer());
    return [...data].map(byte => byte.toString(16).padStart(2, '0')).join('');
}"""


def chromium() -> str | None:
    """Where Chromium is: WORKBOOK_CHROMIUM, else the system's; None where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return os.environ.get("WORKBOOK_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def copy_unrun(notebook: Path, folder: Path) -> None:
    """A copy without outputs and counts, so that whatever shows later was made in the browser."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    for cell in (one for one in content["cells"] if one["cell_type"] == "code"):
        cell["outputs"], cell["execution_count"] = [], None
    (folder / notebook.name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


class Server:
    """A running JupyterLab on a folder of notebooks; `call` talks to its API."""

    def __init__(self, url: str, token: str, folder: Path):
        self.url, self.token, self.folder = url, token, folder

    def call(self, path: str, method: str = "GET"):
        request = Request(f"{self.url}/api/{path}", method=method)
        request.add_header("Authorization", f"token {self.token}")
        body = urlopen(request, timeout=PATIENCE).read()
        return json.loads(body) if body else None

    def end_kernels(self) -> None:
        for session in self.call("sessions"):
            self.call(f"sessions/{session['id']}", "DELETE")


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    """JupyterLab on the notebooks in folder/notebooks, with nothing of the user's own settings."""
    silent = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps(silent))
    own = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR",
           "JUPYTERLAB_WORKSPACES_DIR", "WORKBOOK_OUTPUT")  # fmt: skip
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    environment = os.environ | {name: str(folder / name.lower()) for name in own}
    environment |= {"JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"), "JUPYTER_TOKEN": token}
    environment.pop("WORKBOOK_LIVE", None)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
               f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
               f"--ServerApp.root_dir={folder / 'notebooks'}"]  # fmt: skip
    log = folder / "jupyterlab.log"
    with log.open("w") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out, cwd=folder)
    server = Server(f"http://127.0.0.1:{port}", token, folder / "notebooks")
    try:
        _wait_until_up(server, process, log)
        yield server
        server.end_kernels()
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_until_up(server: Server, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        try:
            server.call("status")
            return
        except OSError:
            time.sleep(0.3)
    raise RuntimeError(f"JupyterLab does not answer; the end of its log:\n{log.read_text()[-2000:]}")


class Notebook:
    """A notebook open in JupyterLab. Cells go by their place, which `find` gives for a piece of source."""

    def __init__(self, page, server: Server, path: Path):
        self.page, self.path = page, path
        content = json.loads(path.read_text(encoding="utf-8"))
        self.sources = ["".join(cell["source"]) for cell in content["cells"]]
        self.problems: list[str] = []  # what went wrong in the page's own scripts
        page.set_default_timeout(PATIENCE * 1000)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.goto(f"{server.url}/lab/tree/{path.name}?reset&token={server.token}")
        page.locator(".jp-Notebook .jp-Cell").nth(len(self.sources) - 1).wait_for(state="attached")
        self.wait_for_idle()

    def wait_for_idle(self) -> None:
        """Until the status bar says that the kernel is idle; Run All before that runs nothing, silently."""
        self.page.locator("#jp-main-statusbar", has_text="| Idle").wait_for()

    def find(self, text: str) -> int:
        """The one cell whose source holds the text."""
        (place,) = [i for i, source in enumerate(self.sources) if text in source]
        return place

    def cell(self, place: int):
        return self.page.locator(".jp-Notebook .jp-Cell").nth(place)

    def run_all(self, limit: float) -> None:
        """Run All Cells from the menu, until every code cell has run; limit in seconds.

        AssertionError with the cell's first line where one fails, writes to stderr or has not run in time.
        """
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_text("Run All Cells", exact=True).click()
        end = time.monotonic() + limit
        while time.monotonic() < end:
            cells = self.page.evaluate(CELLS)
            self._assert_sound(cells)
            if all(re.fullmatch(r"\[\d+\]:", cell["prompt"]) for cell in cells if cell["code"]):
                break
            self.page.wait_for_timeout(1000)
        else:
            open_ones = [self.named(i) for i, cell in enumerate(cells) if cell["prompt"] in ("[ ]:", "[*]:")]
            raise AssertionError(f"not run within {limit} s: {open_ones[0]} and {len(open_ones) - 1} more")
        self.wait_for_idle()
        self._assert_sound(self.page.evaluate(CELLS))

    def _assert_sound(self, cells: list[dict]) -> None:
        for i, cell in enumerate(cells):
            # JupyterLab renders a traceback as what was written to stderr
            assert not cell["stderr"], f"{self.named(i)} shows an error or stderr: {cell['stderr'][-500:]}"
            assert not cell["blank"], f"{self.named(i)} shows a broken picture"
            assert not cell["unset"], f"{self.named(i)} shows a formula that could not be set"
        assert not self.problems, f"a script of the page failed: {self.problems[0]}"

    def named(self, place: int) -> str:
        """A cell as messages name it: its place, and its first line."""
        return f"{self.path.name}, cell {place} ({self.sources[place].strip().splitlines()[0][:60]})"

    def output(self, place: int) -> str:
        """The text that a cell shows below its source."""
        return "\n".join(self.cell(place).locator(".jp-OutputArea-output").all_text_contents())

    def run(self, place: int) -> str:
        """Run one cell by Ctrl+Enter with the cursor in it, and return the text that it then shows."""
        prompt = self.cell(place).locator(".jp-InputPrompt")
        before = now = prompt.text_content()
        self.cell(place).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        end = time.monotonic() + PATIENCE
        while now == before or not re.fullmatch(r"\[\d+\]:", now.strip()):
            shown = self.output(place)
            assert time.monotonic() < end, f"{self.named(place)} does not finish; it shows {shown!r}"
            self.page.wait_for_timeout(100)
            now = prompt.text_content()
        self.wait_for_idle()
        return self.output(place)

    def type(self, place: int, source: str) -> None:
        """Replace a cell's source, key by key, as a learner would."""
        self.cell(place).locator(".cm-content").click()
        keyboard = self.page.keyboard
        keyboard.press("Control+a")
        keyboard.press("Delete")
        for i, line in enumerate(source.split("\n")):
            if i:
                keyboard.press("Enter")
                keyboard.press("Shift+Home")  # what the editor indented by itself
            keyboard.type(line)
        lines = self.cell(place).locator(".cm-line").all_text_contents()
        seen = [line.rstrip() for line in lines]
        assert seen == source.split("\n"), f"{self.named(place)}: typed {source!r}, the cell has {seen}"

    def shot(self, name: str, place: int) -> None:
        """A picture of a cell with what it shows, build/browser/NN-NAME.png."""
        self.cell(place).screenshot(path=SHOTS / f"{self.path.stem[:2]}-{name}.png")


class Control:
    """One control of a cell's, found by its label, and the picture that it changes."""

    def __init__(self, notebook: Notebook, place: int, kind: str, label: str):
        self.notebook, self.place, self.label = notebook, place, label
        cell, words = notebook.cell(place), re.compile(f"^{re.escape(label)}$")
        boxes = cell.locator(f".jupyter-widgets.widget-{kind}")
        here = notebook.page.locator(".widget-label", has_text=words)
        self.box = boxes.filter(has=here)
        assert self.box.count() == 1, f"{notebook.named(place)} has {self.box.count()} {kind} '{label}'"
        self.image = cell.locator("img.widget-image")

    def picture(self) -> str:
        """The bytes of the picture on the screen, in hexadecimal digits."""
        return self.image.evaluate(BYTES)

    def value(self) -> str:
        """What the reader reads beside a slider or in a field."""
        readout = self.box.locator(".widget-readout")
        return readout.text_content() if readout.count() else self.box.locator("input, select").input_value()

    def press(self, key: str) -> None:
        """A key on a slider's handle; waits until the picture is another one."""
        before = self.picture()
        self.box.locator(".noUi-handle").focus()
        self.notebook.page.keyboard.press(key)
        self._wait_for_another(before, key)

    def enter(self, text: str) -> None:
        """Type into a field, and Enter."""
        before, field = self.picture(), self.box.locator("input")
        field.click()
        field.press("Control+a")
        self.notebook.page.keyboard.type(text)
        field.press("Enter")
        self._wait_for_another(before, text)

    def _wait_for_another(self, before: str, what: str) -> None:
        end = time.monotonic() + PATIENCE
        while self.picture() == before:
            where = f"{self.notebook.named(self.place)}: after {what!r} on '{self.label}'"
            assert time.monotonic() < end, f"{where} the picture is the same; value {self.value()}"
            self.notebook.page.wait_for_timeout(200)
        self.notebook.wait_for_idle()
