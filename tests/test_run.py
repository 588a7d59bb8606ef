"""Headless execution: what is refused beforehand, what is published, and what a failure leaves alone."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from helpers import execution, pages, run
from helpers.session import WorkbookError
from helpers.signals import SIGNALS
from tests import refresh
from tests.guard import pictures

PARAMETERS = """profile: str = "tiny"  # tiny, hub or auto
seed: int = 0  # any whole number
rate: float = 0.5  # between 0 and 1
loud: bool = False  # louder
prompt: str = "a = b"  # how it starts
sizes: list[int] = [1, 2]  # some
model: str | None = None  # a name
plain = 3"""
PICTURE = """import base64
from IPython.display import Image, display
data = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
display(Image(base64.b64decode(data), format="png", metadata={"alt": "one <red> dot"}))"""


@pytest.fixture(autouse=True)
def nothing_stays_set():
    """The command sets variables and signal handlers for its own process, which here is the tests'."""
    variables, handlers = dict(os.environ), [(number, signal.getsignal(number)) for number in SIGNALS]
    yield
    os.environ.clear()
    os.environ.update(variables)
    for number, handler in handlers:
        signal.signal(number, handler)


def write(folder: Path, name: str = "08_trial.ipynb", *sources: str, parameters: str = PARAMETERS) -> Path:
    """A small notebook: a title with formulas and a badge, parameters, then the given code cells."""
    badge = "[![Open in Colab](https://colab.research.google.com/b.svg)](https://colab.research.google.com/x)"
    title = new_markdown_cell(f"# A *trial* <b>\n\n{badge}\n\n## Aims\n\n$p(x)$ and\n\n$$\\frac{{1}}{{2}}$$")
    cells = [title, new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    path = folder / name
    nbformat.write(new_notebook(cells=cells + [new_code_cell(source) for source in sources]), path)
    return path


def printed(path: Path) -> str:
    """Everything that an executed notebook wrote to stdout."""
    notebook = nbformat.read(path, as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.get("text", "") for output in outputs)


# Before anything runs


def test_notebooks_are_found_by_number_stem_and_path(tmp_path):
    first, second = write(tmp_path, "01_one.ipynb"), write(tmp_path, "02_two.ipynb")
    assert run.find_notebooks([], tmp_path) == [first, second]
    for name in ("2", "02", "02_two", "02_two.ipynb", str(second)):
        assert run.find_notebooks([name], tmp_path) == [second]
    assert run.find_notebooks(["2", "02", "1"], tmp_path) == [second, first]
    for name in ("3", "two", "02_t", "missing.ipynb"):
        with pytest.raises(WorkbookError, match="no notebook"):
            run.find_notebooks([name], tmp_path)
    with pytest.raises(WorkbookError, match="no notebooks in"):
        run.find_notebooks([], tmp_path / "empty")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("seed", "-7", -7),
        ("rate", "1e-3", 0.001),
        ("rate", "2", 2.0),
        ("loud", "true", True),
        ("loud", "False", False),
        ("prompt", "007", "007"),
        ("prompt", "a = <b> {c}", "a = <b> {c}"),
        ("sizes", "3, 4", [3, 4]),
        ("sizes", "[5]", [5]),
        ("model", "None", None),
        ("model", "some/name", "some/name"),
        ("plain", "4", 4),
    ],
)
def test_values_take_the_annotated_type(tmp_path, name, text, value):
    path = write(tmp_path)
    given = run.plan([path], {name: text})[path][name]
    assert given == value and type(given) is type(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [("seed", "1.5"), ("seed", "x"), ("rate", "nan"), ("rate", "hot"), ("loud", "1"), ("sizes", "a,b")],
)
def test_values_of_the_wrong_type_are_refused(tmp_path, name, text):
    with pytest.raises(WorkbookError, match=f"Parameter '{name}' of 08_trial must be"):
        run.plan([write(tmp_path)], {name: text})


def test_a_parameter_must_exist_in_a_selected_notebook(tmp_path):
    first = write(tmp_path, "01_one.ipynb")
    second = write(tmp_path, "02_two.ipynb", parameters="steps: int = 1  # how many")
    assert run.plan([first, second], {"steps": "3"}) == {first: {}, second: {"steps": 3}}
    with pytest.raises(WorkbookError, match="'sede'; did you mean 'seed'"):
        run.plan([first, second], {"sede": "3"})


def wrong_usage(tmp_path) -> dict[str, list[str]]:
    path, file = str(write(tmp_path)), tmp_path / "file"
    file.write_text("here first")
    (tmp_path / "torn.ipynb").write_text('{"cells": [')
    return {
        "no notebook 'nowhere'": ["nowhere"],
        "no readable notebook|not a readable notebook": [str(tmp_path / "torn.ipynb")],
        "parameter 'sede'": [path, "-p", "sede", "1"],
        "must be int": [path, "-p", "seed", "one"],
        "profile is 'big': choose tiny, hub or auto": [path, "-p", "profile", "big"],
        "is a file": [path, "--output", str(file)],
        "Not a directory": [path, "--output", str(file / "below")],
    }


def test_wrong_usage_is_one_sentence_and_runs_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(execution, "execute", lambda *_: pytest.fail("something ran"))
    for expected, arguments in wrong_usage(tmp_path).items():
        assert (
            run.main(
                [*arguments] if "--output" in arguments else [*arguments, "--output", str(tmp_path / "o")]
            )
            == 2
        )
        error = capsys.readouterr().err.strip()
        assert any(part in error for part in expected.split("|")), error
        assert "\n" not in error and "Traceback" not in error
    assert (tmp_path / "file").read_text() == "here first"


def test_a_wrong_profile_in_the_environment_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("WORKBOOK_PROFILE", "big")
    assert run.main([str(write(tmp_path)), "--output", str(tmp_path / "out")]) == 2
    assert "no profile 'big'" in capsys.readouterr().err


def test_wrong_options_exit_with_2(capsys):
    for arguments in (["--profile", "big"], ["-p", "seed"], ["--colour"]):
        with pytest.raises(SystemExit) as exit_status:
            run.main(arguments)
        assert exit_status.value.code == 2
    capsys.readouterr()


def test_list_shows_titles_and_parameters(tmp_path, capsys):
    assert run.main([str(write(tmp_path)), "--list"]) == 0
    shown = capsys.readouterr().out
    assert "08_trial: A *trial* <b>" in shown and "seed: int = 0  # any whole number" in shown


# Execution


def test_a_run_publishes_notebook_page_and_index(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    sources = ("import os, sys\nprint(seed, rate, prompt, sizes, os.environ.get('MPLBACKEND'))", PICTURE)
    path, out = (
        write(tmp_path, "08_trial.ipynb", *sources, "print(sys.executable)"),
        tmp_path / "a {new} folder",
    )
    before = path.read_bytes()
    assert (
        run.main([str(path), "--output", str(out), "-p", "seed", "7", "-p", "prompt", "</code> & {x}"]) == 0
    )
    assert sorted(p.name for p in out.iterdir()) == ["08_trial.html", "08_trial.ipynb", "index.html"]
    assert path.read_bytes() == before
    text = printed(out / "08_trial.ipynb")
    assert "7 0.5 </code> & {x} [1, 2]" in text and sys.executable in text
    assert "agg" not in text.split(sys.executable)[0]
    assert "widgets" not in nbformat.read(out / "08_trial.ipynb", as_version=4).metadata
    index = BeautifulSoup((out / "index.html").read_text(encoding="utf-8"), "html.parser")
    assert [a["href"] for a in index.select("a")] == ["08_trial.html", "08_trial.ipynb"]
    assert 'prompt = "</code> & {x}"' in index.get_text() and "complete" in index.get_text()
    check_page(out / "08_trial.html")


def check_page(path: Path) -> None:
    """A page that needs nothing from elsewhere and no script, with its pictures, words and formulas."""
    page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    assert page.select("script, link, iframe, object, embed") == []
    sources = [element["src"] for element in page.select("[src]")]
    assert sources and all(source.startswith("data:") for source in sources)
    assert "default-src 'none'" in page.select_one("meta[http-equiv=Content-Security-Policy]")["content"]
    assert page.select_one("meta[name=viewport]")["content"].startswith("width=device-width")
    assert [img["alt"] for img in page.select("img")] == ["one <red> dot"]
    assert len(page.select("math")) == 2 and page.select("math mfrac")
    assert page.select_one("main a").get_text() == "Open in Colab"
    assert [a["href"] for a in page.select("nav a")] == [f"#{page.select_one('h2')['id']}"]


def test_a_failing_rerun_keeps_the_earlier_result(tmp_path, capsys):
    source = "print('seed', seed)\nif seed == 3:\n    raise ValueError('first line\\nrate must be positive')"
    path, out = write(tmp_path, "08_trial.ipynb", source), tmp_path / "out"
    assert run.main([str(path), "--output", str(out)]) == 0
    earlier = {name: (out / name).read_bytes() for name in ("08_trial.ipynb", "08_trial.html")}
    capsys.readouterr()
    other = write(tmp_path, "09_other.ipynb", "print('other')")
    assert run.main([str(path), str(other), "--output", str(out), "-p", "seed", "3"]) == 1
    message = capsys.readouterr().err
    assert "08_trial failed in cell In [3]: rate must be positive (See 08_trial.failed.ipynb)" in message
    assert earlier == {name: (out / name).read_bytes() for name in earlier}
    assert "seed 3" in printed(out / "08_trial.failed.ipynb")
    assert "other" in printed(out / "09_other.ipynb"), "the notebooks after a failed one run too"
    index = (out / "index.html").read_text(encoding="utf-8")
    assert "failed in cell In [3]" in index and "08_trial.failed.html" in index
    assert not [p.name for p in out.iterdir() if p.name.startswith(".")]
    assert run.main([str(path), "--output", str(out)]) == 0
    assert not list(out.glob("*.failed.*")), "a later success clears the failure"


def test_a_dying_kernel_is_reported_with_its_cell(tmp_path, capsys):
    path, out = write(tmp_path, "08_trial.ipynb", "import os", "os._exit(9)"), tmp_path / "out"
    assert run.main([str(path), "--output", str(out)]) == 1
    assert "failed in cell In [3]: its kernel died" in capsys.readouterr().err
    assert "failed in cell In [3]" in (out / "index.html").read_text(encoding="utf-8")


def test_a_full_disk_keeps_what_was_there(tmp_path, capsys, monkeypatch):
    path, out = write(tmp_path, "08_trial.ipynb", "print(1)"), tmp_path / "out"
    assert run.main([str(path), "--output", str(out)]) == 0
    earlier = {p.name: p.read_bytes() for p in out.iterdir()}

    def no_space(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pages, "render", no_space)
    assert run.main([str(path), "--output", str(out)]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert {p.name: p.read_bytes() for p in out.iterdir()} == earlier


def test_the_kernel_is_this_python_whatever_is_installed(tmp_path):
    spec = {"argv": ["/bin/false"], "display_name": "foreign", "language": "python"}
    for base in ("data", "home/.local/share/jupyter", "home/Library/Jupyter"):
        folder = tmp_path / base / "kernels" / "python3"
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps(spec))
    path, out = write(tmp_path, "08_trial.ipynb", "import sys\nprint(sys.executable)"), tmp_path / "out"
    environment = os.environ | {"JUPYTER_PATH": str(tmp_path / "data"), "HOME": str(tmp_path / "home")}
    environment.pop("JUPYTER_PREFER_ENV_PATH", None)
    command = [sys.executable, "-m", "helpers.run", str(path), "--output", str(out)]
    done = subprocess.run(command, cwd=run.NOTEBOOKS.parent, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert sys.executable in printed(out / "08_trial.ipynb")
    # Jupyter interrupts a kernel before it shuts it down, and a kernel that is slow to end may say so.
    said = [line for line in done.stderr.splitlines() if "KeyboardInterrupt caught in kernel" not in line]
    assert said == []


# Pages on their own


def test_pages_show_text_and_errors_literally():
    cell = new_code_cell("1 / 0", execution_count=4)
    cell.outputs = [
        nbformat.v4.new_output("stream", name="stdout", text="<script>alert(1)</script>"),
        nbformat.v4.new_output("error", ename="E", evalue="v", traceback=["\x1b[31mE\x1b[0m: <v>"]),
        nbformat.v4.new_output("display_data", {"text/html": "<b>bold</b><script>x()</script>"}),
        nbformat.v4.new_output("display_data", {"text/latex": r"$\frac{1}{3}$"}),
    ]
    page = BeautifulSoup(pages.render(new_notebook(cells=[cell])), "html.parser")
    assert "<script>alert(1)</script>" in page.select(".output pre")[0].get_text()
    assert "E: <v>" in page.select_one(".error").get_text()
    assert page.select("script") == [] and page.select_one(".output b").get_text() == "bold"
    assert page.select(".output mfrac")


def test_a_formula_that_cannot_be_converted_stays_readable():
    assert pages.mathml(r"\left( <x") in ("<code>\\left( &lt;x</code>",) or "<math" in pages.mathml(
        r"\left( <x"
    )
    assert "<mi>x</mi>" in pages.mathml("x")


# Refresh


def test_refresh_stores_outputs_in_normal_form(tmp_path, monkeypatch):
    for name, value in {"WORKBOOK_PROFILE": "hub", "WORKBOOK_SEED": "5", "CUDA_VISIBLE_DEVICES": "0"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    settings = "print(os.environ['WORKBOOK_PROFILE'], os.environ.get('WORKBOOK_SEED'))"
    source = f"import os\nprint('a', flush=True)\n{settings}"
    bar = "from tqdm.auto import tqdm\n_ = list(tqdm(range(2)))"
    path = write(tmp_path, "08_trial.ipynb", source, PICTURE, bar, "6 * 7")
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.update(widgets={}, language_info={"name": "python", "version": "3.1"})
    notebook.cells[2].metadata.update(collapsed=True)
    ids = [cell.id for cell in notebook.cells]
    nbformat.write(notebook, path)
    assert refresh.main([str(path)]) == 0
    stored = path.read_bytes()
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3, 4, 5]
    assert [cell.id for cell in notebook.cells] == ids
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert [dict(cell.metadata) for cell in code] == [{"tags": ["parameters"]}, {}, {}, {}, {}]
    assert [output.text for output in code[1].outputs] == ["a\ntiny None\n"]
    assert pictures(code[2].outputs) == ["one <red> dot"]
    assert refresh.WIDGET.encode() not in stored and code[4].outputs[0].execution_count == 5
    assert refresh.main([str(path)]) == 0
    assert path.read_bytes() == stored, "the same run gives the same file"


@pytest.mark.parametrize("source", ["1 / 0", "import sys\nprint('careful', file=sys.stderr)"])
def test_refresh_leaves_a_failing_notebook_alone(tmp_path, capsys, source):
    path = write(tmp_path, "08_trial.ipynb", source)
    before = path.read_bytes()
    assert refresh.main([str(path)]) == 1
    assert "08_trial was left as it is" in capsys.readouterr().err
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
