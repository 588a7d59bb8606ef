"""The notebooks in JupyterLab, driven in Chromium as a learner would (`make test-browser`).

Pictures of what was seen are left in build/browser/.
"""

import re

import nbformat
import numpy as np
import pytest
import torch

from helpers import exercises, pages
from tests import browser, notebook_code
from tests.browser_answers import TYPED

pytest_plugins = ("fixtures_browser",)
# Seconds for Run All.
LIMITS = {
    "01": 400, "02": 500, "03": 500, "04": 700, "05": 1500, "06": 700, "11": 700, "12": 900, "13": 700
}  # fmt: skip
PATHS = {path.stem[:2]: path for path in sorted(notebook_code.NOTEBOOKS.glob("[0-9]*.ipynb"))}
# A control of each notebook: a piece of its cell's source, its label, what it reads one step to the right.
SLIDERS = {
    "01": ("controls.explore(\n    plot_step", "step", "1"),
    "03": ("controls.explore(\n    ahead", "temperature", "0.90"),
    "04": ("controls.explore(moment", "step", "2"),
    "05": ("controls.explore(at_scale", "scale", "1.25"),
}


@pytest.fixture(scope="session")
def server(chrome, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    (folder / "notebooks").mkdir()
    for path in PATHS.values():
        browser.copy_unrun(path, folder / "notebooks")
    with browser.serve(folder) as running:
        yield running


@pytest.fixture
def opened(chrome, server, request):
    """Opens a notebook by number; a failed test leaves a picture of the whole window."""
    context = chrome.new_context(viewport={"width": 1400, "height": 1800})
    page = context.new_page()
    yield lambda number: browser.Notebook(page, server, PATHS.get(number) or server.folder / number)
    page.screenshot(path=browser.SHOTS / f"last-{request.node.name}.png")
    context.close()
    server.end_kernels()


def tried(id: str, source: str) -> str | None:
    """What the judge says to an answer written as text."""
    space = {"np": np, "torch": torch}
    exec(source, space)
    exercise = exercises.of(id[:2])[id]
    return exercise.judge(space[exercise.reference.__name__])


@pytest.mark.parametrize("id", TYPED)
def test_what_is_typed_is_wrong_and_then_right(id):
    wrong, right = TYPED[id]
    assert tried(id, wrong) and tried(id, right) is None


def answer(notebook: browser.Notebook, id: str) -> None:
    """Type the wrong answer and the right one, and read the feedback to each."""
    (wrong, right), exercise = TYPED[id], exercises.of(id[:2])[id]
    place = notebook.find(f'check("{id}"')
    call = f'\n\ncheck("{id}", {exercise.reference.__name__})'
    assert notebook.output(place).strip() == f"{id} {exercise.title}: not attempted yet."
    notebook.type(place, wrong + call)
    said = f'{id} {exercise.title}: not yet. {tried(id, wrong)}\nIf you are stuck: hint("{id}", 1)'
    assert notebook.run(place).strip() == said
    notebook.shot(f"exercise-{id}-wrong", place)
    notebook.type(place, right + call)
    assert notebook.run(place).strip() == f"{id} {exercise.title}: correct."
    notebook.shot(f"exercise-{id}-right", place)


def read_score(notebook: browser.Notebook, number: str, solved: list[str]) -> None:
    place, known = notebook.find(f'score("{number}")'), exercises.of(number)
    lines = [f"{len(solved)} of {len(known)} exercises solved."]
    for id, exercise in known.items():
        state = "solved at attempt 2" if id in solved else "not attempted yet"
        lines.append(f"  {id} {exercise.title}: {state}")
    assert notebook.run(place).strip() == "\n".join(lines)
    notebook.shot("score", place)


def step_and_back(slider: browser.Control, reads: str) -> None:
    """One step right and one left: another picture, named by its value, and then the first one again."""
    before, value = slider.picture(), slider.value()
    slider.press("ArrowRight")
    assert slider.value() == reads
    slider.notebook.shot(f"control-{slider.label}-{reads}", slider.place)
    slider.press("ArrowLeft")
    assert (slider.value(), slider.picture() == before) == (value, True)


def written(server: browser.Server, *sources: str) -> str:
    """The name of a small notebook, made of code cells, that the server has."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}  # without, a dialog asks for one
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), server.folder / "small.ipynb")
    return "small.ipynb"


@pytest.mark.browser
@pytest.mark.parametrize("source, found", [
    ("1 / 0", "cell 1 .* shows an error or stderr: .*ZeroDivisionError"),
    ("import sys\nprint('oh', file=sys.stderr)", "cell 1 .* shows an error or stderr: oh"),
    ("from IPython.display import HTML\nHTML('<img alt=\"\" src=\"data:image/png;base64,AAAA\">')",
     "cell 1 .* shows a broken picture"),
    ("import time\ntime.sleep(60)", "not run within 8 s: small.ipynb, cell 1 .* and 0 more"),
], ids=["error", "stderr", "picture", "time"])  # fmt: skip
def test_what_goes_wrong_in_a_cell_is_found(opened, server, source, found):
    notebook = opened(written(server, "1 + 1", source))
    with pytest.raises(AssertionError, match=re.compile(found, re.DOTALL)):
        notebook.run_all(8)


@pytest.mark.browser
@pytest.mark.parametrize("number", PATHS)
def test_a_page_is_readable_on_a_phone(chrome, tmp_path, number):
    file, asked = tmp_path / "page.html", []
    file.write_text(pages.render(nbformat.read(PATHS[number], as_version=4)), encoding="utf-8")
    context = chrome.new_context(viewport={"width": 390, "height": 844}, offline=True)
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    seen = page.evaluate(browser.LAYOUT)
    page.screenshot(path=browser.SHOTS / f"{number}-phone.png")
    context.close()
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    assert seen["width"] == 390 and seen["letters"] >= 12  # nothing but code and figures is moved sideways
    figures = seen["figures"]  # drawn for 1,000 pixels or less: their words would be unreadable at 330
    assert figures and all(shown >= min(natural, 560) and alt for shown, natural, alt in figures)


@pytest.mark.browser
def test_a_control_that_does_nothing_is_found(opened, server, monkeypatch):
    made = (
        "import io\nimport ipywidgets as widgets\nfrom PIL import Image\nfile = io.BytesIO()\n"
        "Image.new('RGB', (9, 9)).save(file, 'PNG')\n"
        "widgets.VBox([widgets.IntSlider(description='dead'), widgets.Image(value=file.getvalue())])"
    )
    notebook = opened(written(server, made))
    notebook.run_all(30)
    monkeypatch.setattr(browser, "PATIENCE", 3)
    with pytest.raises(AssertionError, match="after 'ArrowRight' on 'dead' the picture is the same; value 1"):
        browser.Control(notebook, 0, "hslider", "dead").press("ArrowRight")


@pytest.mark.browser
@pytest.mark.parametrize("number", ["01", "03", "04", "05", "06", "11", "12", "13"])
def test_a_notebook_runs_and_answers(opened, number):
    notebook = opened(number)
    notebook.run_all(LIMITS[number])
    (id,) = [one for one in TYPED if one.startswith(number)]
    answer(notebook, id)
    read_score(notebook, number, [id])
    if number not in SLIDERS:
        assert not [source for source in notebook.sources if "explore(" in source]  # no controls
        return
    text, label, reads = SLIDERS[number]
    step_and_back(browser.Control(notebook, notebook.find(text), "hslider", label), reads)
    if number == "01":
        place = notebook.find("controls.explore(\n    bill")
        step_and_back(browser.Control(notebook, place, "hslider", "parameters"), "70")


@pytest.mark.browser
def test_notebook_02_in_full(opened):
    notebook = opened("02")
    notebook.run_all(LIMITS["02"])
    for id in exercises.of("02"):
        answer(notebook, id)
    read_score(notebook, "02", list(exercises.of("02")))
    place = notebook.find("controls.explore(\n    room")
    step_and_back(browser.Control(notebook, place, "hslider", "guidance"), "5.50")
    step_and_back(browser.Control(notebook, place, "hslider", "temperature"), "1.10")
    for label, typed in (("story", "One night"), ("picture", "two purple rockets over the snow at night"),
                         ("seed", "7")):  # fmt: skip
        field = browser.Control(notebook, place, "text", label)
        before, value = field.picture(), field.value()
        field.enter(typed)
        assert field.value() == typed
        notebook.shot(f"control-{label}", place)
        field.enter(value)
        assert field.picture() == before
