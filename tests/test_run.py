"""Headless execution: what is refused beforehand, what is published, and what a failure leaves alone."""

import ast
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from unicodedata import normalize

import nbformat
import papermill
import psutil
import pytest
from bs4 import BeautifulSoup
from IPython.core.interactiveshell import InteractiveShell
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from helpers import execution, pages, parameters, run, tracks
from helpers.errors import WorkbookError
from helpers.session import PROFILES
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
OWN = {f"{name}.html" for name in run.RESERVED}  # the site's own pages
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


RANGES = """profile: str = "tiny"  # tiny, hub or auto
seed: int = 0  # where it starts, 0 to 4294967295
steps: int = 20  # how many times noise is removed, 1 to 1000
scale: float = 5.0  # how strictly (1 is no guidance), 1 to 20
loud: bool = False  # louder
prompt: str = "é # 1 to 3"  # how it starts
own_texts: str = ""  # a folder of your texts, or "" for ours
model: str = ""  # "" for the profile's own; or a folder, or a model of the hub as owner/name"""
OUT_OF_RANGE = {
    "seed": ["-1", "4294967296"],
    "steps": ["0", "1001"],
    "scale": ["0.5", "20.1"],
    "profile": ["big", ""],
    "own_texts": ["nowhere"],
    "model": ["./nowhere", "/nowhere/at/all", "a/b/c", "a b", "x;y"],
}


@pytest.mark.parametrize("path", run.find_notebooks([]), ids=lambda path: path.stem)
def test_a_notebook_becomes_a_script_of_python(path):
    from nbconvert.exporters import ScriptExporter

    script, resources = ScriptExporter().from_filename(str(path))
    assert resources["output_extension"] == ".py"
    compile(script, path.name, "exec")


@pytest.mark.parametrize("path", run.find_notebooks([]), ids=lambda path: path.stem)
def test_a_prompt_that_goes_to_the_library_is_checked_against_the_model_s_context_first(path):
    """The library stops half-way, with an IndexError, or passes by luck; a later cell stops after minutes."""
    cells = [c["source"] for c in parameters.read_cells(path) if c["cell_type"] == "code"]
    given = [cell for cell in cells if re.search(r"text\.\w+\(\w+, \w+, prompt\b|\bwrite\(prompt\b", cell)]
    if given and "prompt" in run.declared(path):
        assert re.search(r"^session = start\(profile, seed", given[0], re.MULTILINE)
        assert re.search(r"\btext\.(check_room|generate)\(\w+, \w+, prompt, ", given[0])


@pytest.mark.parametrize(("name", "text"), [(n, text) for n in OUT_OF_RANGE for text in OUT_OF_RANGE[n]])
def test_values_out_of_the_stated_range_are_refused(tmp_path, name, text):
    with pytest.raises(WorkbookError, match=f"^{name} is .*: (give|choose|name) "):
        run.plan([write(tmp_path, parameters=RANGES)], {name: text})


def test_values_at_the_ends_of_the_stated_range_are_taken(tmp_path):
    path, folder = write(tmp_path, parameters=RANGES), tmp_path / "texts"
    folder.mkdir()
    with pytest.raises(WorkbookError, match="which is empty"):
        run.plan([path], {"own_texts": str(folder)})
    (folder / "one.txt").write_text("one")
    right = {"seed": (0, 2**32 - 1), "steps": (1, 1000), "scale": (1.0, 20.0), "profile": ("hub",),
             "own_texts": ("", str(folder)), "prompt": ("", "1 to 3"),
             "model": ("", str(folder), "gpt2", "owner/name", "owner/name@1234abc")}  # fmt: skip
    for name, values in right.items():
        for value in values:
            assert run.plan([path], {name: str(value)})[path] == {name: value}


def test_a_comment_is_read_as_range_and_meaning():
    found = parameters.declared(RANGES)
    assert {name: one.limits for name, one in found.items() if one.limits} == {
        "seed": (0, 2**32 - 1), "steps": (1, 1000), "scale": (1.0, 20.0)
    }  # fmt: skip
    assert found["scale"].meaning == "how strictly (1 is no guidance)"
    assert found["prompt"].comment == "how it starts" and found["prompt"].default == '"é # 1 to 3"'


@pytest.mark.parametrize("path", run.find_notebooks([]), ids=lambda path: path.stem)
def test_each_notebook_states_ranges_that_its_defaults_keep(path):
    found = parameters.declared(parameters.source(parameters.read_cells(path)))
    numbers = [one for one in found.values() if one.kind in ("int", "float")]
    assert numbers and all(one.limits and one.limits[0] < one.limits[1] for one in numbers)
    for one in found.values():
        parameters.check(one, ast.literal_eval(one.default))
        assert one.meaning and (one.kind != "str" or not one.limits)
    assert found["profile"].choices == PROFILES
    lowest, highest = found["seed"].limits
    assert lowest == 0 and 4_000_000_000 <= highest < 2**32  # some notebooks count on from their seed


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("steps", "0", "steps is 0: give a whole number from 1 to 1000."),
        ("steps", "2.5", "steps is 2.5: give"),
        ("scale", "'high'", "scale is high: give a number from 1 to 20."),
        ("prompt", "5", "prompt is 5: give a text"),
        ("own_texts", "'nowhere'", "own_texts is 'nowhere', which does not exist"),
    ],
)
def test_a_notebook_refuses_such_values_itself(name, value, told):
    shell = InteractiveShell()
    for cell in (RANGES, f"# Parameters\n{name} = {value}"):
        shell.run_cell(cell, store_history=True)
    with pytest.raises(WorkbookError, match=re.escape(told)):
        parameters.check_namespace(shell.user_ns)
    shell.run_cell(RANGES.replace("= 20", "= 30"), store_history=True)
    parameters.check_namespace(shell.user_ns)


# Ways to write a parameters cell in which its rules hold as well.
WRITTEN = {
    "as it is": RANGES,
    "a comment first": f"# change what you like\n\n{RANGES}",
    "a text first": f'"""What you may change."""\n{RANGES}',
    "a form of Colab": f"#@title Parameters\n{RANGES}",
    "called Parameters": f"# Parameters\n{RANGES}",
    "marked for a form": RANGES.replace("1 to 1000", '1 to 1000 #@param {type:"integer"}'),
    "without annotations": re.sub(r": (str|int|float|bool) =", " =", RANGES),
    "one without annotation": RANGES.replace("profile: str", "profile"),
    "an import between": RANGES.replace("steps:", "import os\nsteps:"),
    "timed": f"%%time\n{RANGES}",
    "a magic first": f"%matplotlib inline\n{RANGES}",
    "marked before the rule": RANGES.replace("  # how many", '  #@param {type:"integer"}  # how many'),
    "with the limits of a form": RANGES.replace(
        "# how many times, 1 to 1000", '#@param {type:"slider", min:1, max:1000}'
    ),
    "with a comment in the value": RANGES.replace("= 20  #", "= (  #").replace("1000", "1000\n    20\n)"),
    "with no word on profile and seed": re.sub(r"(?m)^(profile|seed): \w+ = (\S+).*", r"\1 = \2", RANGES),
    "with a separator of another kind": RANGES.replace('"Once', '"Once\u2028'),
    "with a comma in a number": RANGES.replace("1 to 1000", "1 to 1,000"),
    "over several lines": RANGES.replace("= 20  #", "= (\n    20\n)  #"),
    "with a comment above": RANGES.replace(
        "steps: int = 20  # how many times, 1 to 1000", "# how many times, 1 to 1000\nsteps: int = 20"
    ),
    "with comments above and beside": re.sub(r"(?m)^steps", "# 7 to 8\nsteps", RANGES),
    "another order": "\n".join(reversed(RANGES.splitlines())),
}


def in_shell(*cells: str) -> dict:
    """The variables of a notebook after these cells."""
    shell = InteractiveShell()
    for cell in cells:
        shell.run_cell(cell, store_history=True)
    return shell.user_ns


@pytest.mark.parametrize("cell", WRITTEN.values(), ids=WRITTEN)
def test_a_parameters_cell_is_read_as_code_however_it_is_written(cell):
    parameters.check_namespace(in_shell(cell))
    for line, told in {"steps = 0": "steps is 0: give", "own_texts = 'nowhere'": "does not exist"}.items():
        with pytest.raises(WorkbookError, match=told):
            parameters.check_namespace(in_shell(cell, f"# Parameters\n{line}\n"))


@pytest.mark.parametrize("line", [
    "steps, scale = 20, 5.0  # how many, 1 to 1000", "if True:\n    steps = 20  # how many, 1 to 1000",
    "steps: int = 20; scale: float = 5.0  # how strictly, 1 to 20", "for steps in (1, 2): pass",
    "steps = scale = 2  # how many, 1 to 3", "steps: int = 1\nsteps += 1  # how many, 1 to 3",
    "with open(__file__ if False else '/dev/null') as steps: pass", "def steps(): pass",
])  # fmt: skip
def test_a_line_that_cannot_be_read_is_told(line):
    cell = f"{RANGES.splitlines()[0]}\n{RANGES.splitlines()[1]}\n{line}"
    with pytest.raises(WorkbookError, match="The parameters cell cannot be read: `"):
        parameters.check_namespace(in_shell(cell))


def test_a_cell_that_only_uses_such_names_is_no_parameters_cell():
    cell = "profile = 'tiny'\nseed = 1\nfor steps in range(3):\n    x = steps"
    parameters.check_namespace(in_shell(cell))
    parameters.check_namespace(in_shell(RANGES, "later = 5\nsedes = 1"))
    parameters.check_namespace({})


@pytest.mark.parametrize("later", [
    'profile = "tiny"  # mine\nseed = 1', "profile: str = 'tiny'\nseed: int = 1\na = 1\nb = 2\nc = 3",
])  # fmt: skip
def test_a_later_cell_that_sets_some_of_them_is_not_taken_for_the_parameters_cell(later):
    parameters.check_namespace(in_shell(RANGES, later))
    with pytest.raises(WorkbookError, match="steps is 0: give"):
        parameters.check_namespace(in_shell(RANGES, later, "steps = 0"))
    parameters.check_namespace(in_shell(RANGES, later, RANGES.replace("1 to 1000", "0 to 1000"), "steps = 0"))


def test_a_comment_above_belongs_to_the_line_below_it_alone():
    cell = "# how many, 1 to 3\na: int = 2\nb: int = 5  # 4 to 6\n# 7 to 9\n\nc: int = 1"
    assert [one.limits for one in parameters.declared(cell).values()] == [(1, 3), (4, 6), None]


def test_a_negative_limit_is_one():
    (shift,) = parameters.declared("shift: float = -1.5  # to the left, -2 to 2.").values()
    assert shift.limits == (-2, 2) and shift.meaning == "to the left"


@pytest.mark.parametrize("rule, limits", [
    ("1 to 1000", (1, 1000)), ("1.0 to 1000", (1, 1000)), ("(1 to 1000)", (1, 1000)), ("1–1000", (1, 1000)),
    ("1 to 1_000.", (1, 1000)), ("0.5 to 2", (0.5, 2)),
    ('@param {"type": "slider", "min": 1, "max": 9}', (1, 9)),
    ('@param {type:"slider", min:1, max:9}  # how many, 2 to 3', (2, 3)), ("@param [1, 2]", None),
])  # fmt: skip
def test_a_range_may_be_written_in_these_ways(rule, limits):
    (steps,) = parameters.declared(f"steps: int = 2  # how many, {rule}").values()
    assert steps.limits == limits


@pytest.mark.parametrize("given, told", [
    ({"sede": 7}, "This notebook has no parameter 'sede'; did you mean 'seed'?"),
    ({"x": 1}, "no parameter 'x'; there are: profile, seed, steps"),
    ({"steps": 3, "Scale": 2.0}, "no parameter 'Scale'; did you mean 'scale'?"),
])  # fmt: skip
def test_an_injected_name_that_is_not_declared_is_refused(given, told):
    lines = "\n".join(f"{name} = {value!r}" for name, value in given.items())
    with pytest.raises(WorkbookError, match=re.escape(told)):
        parameters.check_namespace(in_shell(RANGES, f"# Parameters\n{lines}\n"))


@pytest.mark.parametrize("given, told", [
    ({"steps": 0}, "steps is 0: give a whole number"),
    ({"stepz": 5}, "no parameter 'stepz'; did you mean 'steps'"),
])  # fmt: skip
def test_plain_papermill_stops_at_start_before_anything_else(tmp_path, given, told):
    begin = "from helpers.session import start\nstart(profile, seed)"
    path = write(tmp_path, "08_t.ipynb", begin, "print('x')", parameters=RANGES)
    with pytest.raises(papermill.PapermillExecutionError, match=told):
        papermill.execute_notebook(
            path, tmp_path / "o.ipynb", given, kernel_name="python3", language="python",
            kernel_manager_class=execution.ThisPython, progress_bar=False,
        )  # fmt: skip
    assert "x" not in printed(tmp_path / "o.ipynb")


def test_refusing_loads_no_library_that_takes_seconds(tmp_path):
    code = (
        "import sys; from helpers import run; "
        "assert run.main(['03', '-p', 'max_new_tokens', '0']) == 2 == run.main(['03', '-p', 'sede', '1']); "
        "assert run.main(['03', '--help']) == run.main(['--list']) == 0; "
        "sys.exit(' '.join({'torch', 'papermill', 'nbformat', 'nbconvert'} & set(sys.modules)) or None)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=run.NOTEBOOKS.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_help_explains_a_notebook_and_the_exit_codes(tmp_path, capsys):
    path = str(write(tmp_path, parameters=RANGES))
    for arguments in ([path, "--help"], ["--help", path], ["-h", path]):
        assert run.main(arguments) == 0
        told = capsys.readouterr().out
        for one in parameters.declared(RANGES).values():
            assert f"{one.name}: {one.kind}, by default {one.default}" in told and one.meaning in told
        assert "steps: int, by default 20, from 1 to 1000\n" in told and "0 to 4294967295" in told
    assert run.main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(part in told for part in ("0 all", "1 a notebook", "2 wrong", "130", "143", "full disk"))


def test_a_result_never_replaces_its_source(tmp_path, capsys):
    path = write(tmp_path, "08_trial.ipynb", "print(1)")
    before = path.read_bytes()
    (tmp_path / "link").symlink_to(tmp_path)
    for folder in (tmp_path, tmp_path / "link", tmp_path / "below" / ".."):
        assert run.main([str(path), "--output", str(folder)]) == 2
        assert "holds notebooks themselves" in capsys.readouterr().err
    (tmp_path / "b").mkdir()
    other = write(tmp_path / "b", "08_trial.ipynb", "print(2)")
    assert run.main([str(path), str(other), "--output", str(tmp_path / "out")]) == 2
    assert "the same name" in capsys.readouterr().err
    assert path.read_bytes() == before


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
        "--stored runs nothing": [path, "--stored", "-p", "seed", "1"],
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


@pytest.mark.parametrize("given", ["NFC", "NFD"])
@pytest.mark.parametrize("written", ["NFC", "NFD"])
def test_a_parameter_is_found_however_its_letters_are_composed(tmp_path, written, given):
    line = f"{normalize(written, 'größe')}: int = 2  # how large, 1 to 3"
    path = write(tmp_path, parameters=f"{PARAMETERS}\n{line}")
    command = [str(path), "--output", str(tmp_path / "out"), "-p", normalize(given, "größe")]
    plans, _ = run.prepare(run.command_line().parse_args([*command, "3"]))
    assert plans[path] == {"größe": 3}
    with pytest.raises(WorkbookError, match="größe is 4: give a whole number from 1 to 3"):
        run.prepare(run.command_line().parse_args([*command, "4"]))


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
    assert "twin" not in shown


def test_list_names_twins_the_other_way_round_too(tmp_path, capsys):
    for stem in ("08_trial", "18_deeper", "19_outside"):
        write(tmp_path, f"{stem}.ipynb")
    assert run.main([*map(str, sorted(tmp_path.glob("*.ipynb"))), "--list"]) == 0
    shown = capsys.readouterr().out
    assert "    The course; its twin is 18_deeper\n" in shown
    assert "    Deeper; its twin is 08_trial\n" in shown
    assert shown.count("twin") == 2


@pytest.mark.parametrize(
    ("stem", "expected"),
    [("01_a", "The course"), ("08_a", "The course"), ("11_a", "Deeper"), ("18_a", "Deeper"),
     ("09_a", ""), ("10_a", ""), ("19_a", ""), ("21_a", ""), ("notes", "")],
)  # fmt: skip
def test_the_number_says_which_track_a_notebook_belongs_to(stem, expected):
    assert tracks.track(stem) == expected


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
    assert {p.name for p in out.iterdir()} == {"08_trial.html", "08_trial.ipynb"} | OWN
    assert path.read_bytes() == before
    text = printed(out / "08_trial.ipynb")
    assert "7 0.5 </code> & {x} [1, 2]" in text and sys.executable in text
    assert "agg" not in text.split(sys.executable)[0]
    assert "widgets" not in nbformat.read(out / "08_trial.ipynb", as_version=4).metadata
    index = BeautifulSoup((out / "index.html").read_text(encoding="utf-8"), "html.parser")
    links = [a["href"] for a in index.select("article a")]
    assert links == ["08_trial.html", "08_trial.ipynb", "08_trial.html#Aims"]
    assert 'prompt = "</code> & {x}"' in index.get_text() and "failed" not in index.main.get_text()
    check_page(out / "08_trial.html")


def check_page(path: Path) -> None:
    """A page that needs nothing from elsewhere, with its pictures, words and formulas."""
    page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    assert page.select("main script, link, iframe, object, embed") == []
    sources = [element["src"] for element in page.select("[src]")]
    assert sources and all(source.startswith("data:") for source in sources)
    assert "default-src 'none'" in page.select_one("meta[http-equiv=Content-Security-Policy]")["content"]
    assert page.select_one("meta[name=viewport]")["content"].startswith("width=device-width")
    assert [img["alt"] for img in page.select("img")] == ["one <red> dot"]
    assert len(page.select("math")) == 2 and page.select("math mfrac")
    assert page.select_one("main a").get_text() == "Open in Colab"
    assert [a["href"] for a in page.select("nav.contents a")] == [f"#{page.select_one('h2')['id']}"]


def test_stored_notebooks_are_published_without_running(tmp_path):
    path, out = write(tmp_path, "08_trial.ipynb", "print('ran')"), tmp_path / "out"
    assert run.main([str(path), "--stored", "--output", str(out)]) == 0
    assert {p.name for p in out.iterdir()} == {"08_trial.html", "08_trial.ipynb"} | OWN
    assert (out / "08_trial.ipynb").read_bytes() == path.read_bytes()
    page = BeautifulSoup((out / "08_trial.html").read_text(encoding="utf-8"), "html.parser")
    assert "print('ran')" in page.select_one("main").get_text() and page.select(".output") == []


@pytest.mark.long
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


# Signals, and runs side by side: real processes


def started(*arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "helpers.run", *arguments]
    return subprocess.Popen(command, cwd=run.NOTEBOOKS.parent, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, start_new_session=True)  # fmt: skip


def wait_for(condition, seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while not (reached := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return bool(reached)


def is_gone(number: int) -> bool:
    """Whether a process has ended; a zombie that nobody collects has."""
    try:
        return psutil.Process(number).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


RARE = [pytest.param(2, 130, marks=pytest.mark.faults), pytest.param(1, 129, marks=pytest.mark.faults)]


@pytest.mark.long
@pytest.mark.parametrize(("number", "code"), [(15, 143), (9, -9), *RARE])
def test_a_signal_ends_the_kernel_and_keeps_the_earlier_result(tmp_path, number, code):
    note = f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(f'{{os.getpid()}}.')"
    told_pid = f"import os, pathlib, time\n_ = {note}"
    path, out = write(tmp_path, "08_t.ipynb", told_pid, "if seed:\n    time.sleep(300)"), tmp_path / "out"
    out.mkdir()
    before = nbformat.writes(new_notebook()).encode()
    earlier = {"08_t.ipynb": before, "08_t.html": b"<p>", "index.html": b"<p>"}
    for name, content in earlier.items():
        (out / name).write_bytes(content)
    process = started(str(path), "--output", str(out), "-p", "seed", "1")
    assert wait_for(lambda: (tmp_path / "pid").is_file() and (tmp_path / "pid").read_text().endswith("."))
    process.send_signal(number)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == code, told
    assert wait_for(lambda: is_gone(int((tmp_path / "pid").read_text()[:-1])), 20), "the kernel goes on"
    assert {one.name: one.read_bytes() for one in out.iterdir() if one.name in earlier} == earlier
    if number != 9:
        assert "Traceback" not in told and {one.name for one in out.iterdir()} == set(earlier)
    assert run.main([str(path), "--output", str(out)]) == 0
    assert {one.name for one in out.iterdir()} == set(earlier) | OWN, "what a killed run left is gone"


@pytest.mark.long
def test_runs_side_by_side_leave_whole_results(tmp_path):
    source = (
        "import time\nfrom helpers.session import build_folder\nfor part in range(20):\n"
        "    with (build_folder() / 'picture.txt').open('a' if part else 'w') as file:\n"
        "        _ = file.write(f'{seed}\\n')\n    time.sleep(0.02)\nprint('seed is', seed)"
    )
    same = write(tmp_path, "08_same.ipynb", source)
    other = write(tmp_path, "09_other.ipynb", "print('other')")
    out, apart = tmp_path / "out", tmp_path / "apart"
    runs = [started(str(same), "--output", str(out), "-p", "seed", str(seed)) for seed in (1, 2)]
    runs += [started(str(other), "--output", str(out)), started(str(same), "--output", str(apart))]
    told = [process.communicate(timeout=120)[0] for process in runs]
    assert [process.returncode for process in runs] == [0] * 4, told
    found = {one.name for one in out.iterdir()}
    pages_of = {f"{stem}.{kind}" for stem in ("08_same", "09_other") for kind in ("ipynb", "html")}
    assert found == pages_of | OWN | {"picture.txt"}
    seed = printed(out / "08_same.ipynb").split()[-1]
    assert f"seed is {seed}" in (out / "08_same.html").read_text(encoding="utf-8")
    assert (out / "picture.txt").read_text().split() == [seed] * 20
    assert (apart / "picture.txt").read_text().split() == ["0"] * 20
    index = BeautifulSoup((out / "index.html").read_text(encoding="utf-8"), "html.parser")
    assert {a["href"] for a in index.select("article a") if "#" not in a["href"]} == pages_of
    assert [code.get_text() for code in index.select("article code")] == [f"seed = {seed}"]
    assert 'rel="next"' in (out / "08_same.html").read_text(encoding="utf-8")


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


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["05", "-p", "own_texts", "~nobody-of-that-name/texts"], "does not exist: name a folder"),
    (["05", "-p", "own_texts", "x" * 5000], "does not exist: name a folder"),
    (["03", "-p", "prompt", "caf\udce9"], "Parameter 'prompt' of 03_text_generation must be str"),
    (["03", "-p", "model", "owner/name.git"], "a model as owner/name"),
    (["03", "-p", "model", "o/" + "n" * 95], "a model as owner/name"),
    (["03", "-p", "model", "no..such"], "a model as owner/name"),
    (["x" * 6000 + ".ipynb"], "There is no notebook"), (["9" * 5000], "There is no notebook"),
    (["03", "--output", "x" * 300], "cannot be written"),
])  # fmt: skip
def test_odd_values_are_refused_in_one_sentence(arguments, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run.main([*arguments, *([] if "--output" in arguments else ["--output", "out"])]) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1


def test_a_parameters_cell_that_is_no_python_and_a_notebook_named_as_a_page_are_refused(tmp_path, capsys):
    path = write(tmp_path, "08_odd.ipynb", "pass")
    path.write_text(path.read_text().replace("seed: int = 0", "seed: int = "))
    for name in run.RESERVED:
        write(tmp_path, f"{name}.ipynb", "pass")
    taken = [(path.with_name(f"{name}.ipynb"), "another name") for name in run.RESERVED]
    for wrong, sentence in ((path, "parameters cell"), *taken):
        assert run.main([str(wrong), "--output", str(tmp_path / "out")]) == 2
        assert sentence in capsys.readouterr().err
