"""Interactive figures: one picture headless, redrawn pictures live, on the API of two ipywidgets versions."""

import ast
import base64
import io
import json
from pathlib import Path

import ipywidgets as widgets
import pytest
from PIL import Image

from helpers import controls, plots
from helpers.errors import WorkbookError
from tests.alike import alike

ROOT = Path(__file__).parents[1]
SLIDER = {
    "value",
    "min",
    "max",
    "step",
    "description",
    "continuous_update",
    "readout",
    "readout_format",
    "orientation",
}
CHOICE = {"options", "value", "description"}
COMMON = {  # classes and keywords that ipywidgets 7.7 and 8 share, as far as the workbook needs them
    "FloatSlider": SLIDER, "IntSlider": SLIDER, "FloatLogSlider": SLIDER | {"base"}, "Dropdown": CHOICE,
    "SelectionSlider": CHOICE, "ToggleButtons": CHOICE,
    "Checkbox": {"value", "description", "indent"}, "HTML": {"value"},
    "IntText": {"value", "description"},
    "Text": {"value", "description", "placeholder", "continuous_update"}, "Button": {"description"},
    "Textarea": {"value", "description", "placeholder", "continuous_update", "rows"},
    "Image": {"value", "format", "width", "height"}, "VBox": {"children"}, "HBox": {"children"},
    "Layout": {"width", "height", "margin"},
}  # fmt: skip
EVERYWHERE = {"layout", "style", "disabled"}


def draw(temperature, word="fox"):
    """A figure that shows its values."""
    if word == "refused":
        raise WorkbookError("That word <is> refused.")
    labels = {"x_label": "letter", "y_label": "share", "limits": (0, 2)}
    return plots.bars(list(word), [temperature] * len(word), title=f"{word}, {temperature}", **labels)


def sliders():
    return {
        "temperature": widgets.FloatSlider(value=1.0, min=0.5, max=1.5, step=0.5),
        "word": widgets.Dropdown(options=["fox", "mouse", "refused"]),
    }


def headless(monkeypatch, shown, alt="Bars.", **options):
    """The one picture shown, as bytes, and its alt text."""
    monkeypatch.setenv("WORKBOOK_LIVE", "0")
    controls.explore(draw, alt, **options, **sliders())
    ((data, metadata),) = shown
    shown.clear()
    return base64.b64decode(data["image/png"]), metadata["image/png"]["alt"]


def live(monkeypatch, shown, alt="Bars.", **options):
    """The controls, the picture and the caption."""
    monkeypatch.setenv("WORKBOOK_LIVE", "1")
    made = sliders()
    controls.explore(draw, alt, **options, **made)
    ((box, _),) = shown
    assert isinstance(box, widgets.VBox) and box.children[:2] == tuple(made.values())
    return made, *box.children[2:]


def test_headless_shows_the_draw_s_own_picture(monkeypatch, shown):
    data, alt = headless(monkeypatch, shown)
    assert alt == "Bars." and alike(data, plots.png(draw(1.0, "fox")))
    assert not alike(data, plots.png(draw(1.5, "fox")))
    assert headless(monkeypatch, shown, alt=lambda temperature, word: f"{word} {temperature}")[1] == "fox 1.0"


def test_a_sweep_is_one_sheet_of_small_multiples(monkeypatch, shown):
    data, _ = headless(monkeypatch, shown, sweep={"temperature": (0.5, 1.0, 1.5)})
    sheet = Image.open(io.BytesIO(data))
    assert sheet.width == plots.MAX_PIXELS and len(data) < 100_000
    places = [
        sheet.crop((x, y, x + 449, y + sheet.height // 2 - 1))
        for y in (0, sheet.height // 2)
        for x in (0, 450)
    ]
    inked = [len(place.getcolors(100_000) or range(99)) > 1 for place in places]
    assert inked == [True, True, True, False]
    assert len({place.tobytes() for place in places}) == 4
    assert headless(monkeypatch, shown, sweep={"temperature": [0.5, 1.0, 1.5]})[0] == data


def test_a_sweep_over_two_controls_crosses_them(monkeypatch, shown):
    calls = []
    monkeypatch.setenv("WORKBOOK_LIVE", "0")
    controls.explore(
        lambda **values: calls.append(values) or draw(**values), "Bars.",
        sweep={"temperature": (0.5, 1.5), "word": ("fox", "mouse")}, **sliders(),
    )  # fmt: skip
    assert [tuple(call.values()) for call in calls] == [
        (0.5, "fox"),
        (0.5, "mouse"),
        (1.5, "fox"),
        (1.5, "mouse"),
    ]


def test_a_live_caption_says_the_values_instead_of_describing_the_printed_sweep(monkeypatch, shown):
    made, _, caption = live(monkeypatch, shown, alt="Two bars.", sweep={"temperature": (0.5, 1.5)})
    assert caption.value == "Drawn with temperature 1.0, word fox."
    made["word"].description, made["temperature"].value = "animal", 1.5
    assert caption.value == "Drawn with temperature 1.5, animal fox."


def test_a_sweep_over_no_control_is_refused(monkeypatch, shown):
    for state in "01":
        monkeypatch.setenv("WORKBOOK_LIVE", state)
        with pytest.raises(WorkbookError, match="no control for warmth: sweep over temperature, word"):
            controls.explore(draw, "Bars.", sweep={"warmth": (1, 2)}, **sliders())
    assert not shown


def test_live_a_changed_value_draws_anew(monkeypatch, shown):
    made, picture, _ = live(monkeypatch, shown, sweep={"temperature": (0.5, 1.5)})
    assert picture.value == plots.png(draw(1.0, "fox"))
    made["temperature"].value = 1.5
    assert picture.value == plots.png(draw(1.5, "fox"))
    made["word"].value = "mouse"
    assert picture.value == plots.png(draw(1.5, "mouse"))
    assert made["temperature"].continuous_update is False


def test_live_a_value_is_what_stands_beside_the_slider(monkeypatch, shown):
    """A step down to 0.8 arrives as 0.7999999999999999."""
    made, picture, _ = live(monkeypatch, shown)
    made["temperature"].value = 0.7999999999999999
    assert picture.value == plots.png(draw(0.8, "fox"))


def test_live_a_long_label_is_not_cut_off(monkeypatch, shown):
    made, *_ = live(monkeypatch, shown)
    assert {control.style.description_width for control in made.values()} == {"100px"}


def test_live_the_picture_is_not_stretched(monkeypatch, shown):
    _, picture, _ = live(monkeypatch, shown)
    assert picture.layout.align_self == "flex-start"


def test_live_a_prompt_is_seen_whole(monkeypatch):
    monkeypatch.setenv("WORKBOOK_LIVE", "1")
    monkeypatch.setattr("IPython.display.display", lambda box: None)
    field = widgets.Text(value="fox")
    controls.explore(lambda word: draw(1.0, word), "Bars.", word=field)
    assert field.layout.width == "460px"


def test_live_a_refused_value_is_said_and_the_last_picture_stays(monkeypatch, shown):
    made, picture, caption = live(monkeypatch, shown, alt=lambda temperature, word: f"<b>{word}")
    before = picture.value
    assert caption.value == "&lt;b&gt;fox"
    made["word"].value = "refused"
    assert picture.value == before and caption.value == "That word &lt;is&gt; refused."
    made["word"].value = "mouse"
    assert picture.value != before and caption.value == "&lt;b&gt;mouse"


def test_live_leaves_no_figure_open(monkeypatch, shown):
    from matplotlib import pyplot

    def drawn(temperature, word):
        figure, axes = pyplot.subplots()
        axes.plot([temperature])
        return figure

    monkeypatch.setenv("WORKBOOK_LIVE", "1")
    made = sliders()
    controls.explore(drawn, "A point.", **made)
    made["temperature"].value = 0.5
    assert not pyplot.get_fignums()


def sources():
    """The package's and the notebooks' code that uses widgets."""
    for path in sorted((ROOT / "helpers").rglob("*.py")):
        yield path.name, path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        for cell in cells:
            if cell["cell_type"] == "code":
                yield path.name, "".join(cell["source"])


def widget_calls(source):
    """(class, keywords) of every call of widgets.X or ipywidgets.X."""
    for node in ast.walk(ast.parse(source)):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and getattr(called.value, "id", "") in ("widgets", "ipywidgets"):
            yield called.attr, {keyword.arg for keyword in node.keywords}


def outside_the_common_api(source):
    return [
        (name, keywords) for name, keywords in widget_calls(source)
        if name not in COMMON or not keywords <= COMMON[name] | EVERYWHERE
    ]  # fmt: skip


def test_only_what_ipywidgets_7_and_8_share_is_used():
    texts = [(name, text) for name, text in sources() if "widgets" in text]
    assert texts
    assert [(name, wrong) for name, text in texts for wrong in outside_the_common_api(text)] == []


@pytest.mark.parametrize(
    "code", ["widgets.TagsInput()", "widgets.Tab(titles=['a'])", "widgets.IntSlider(tooltip='x')"]
)
def test_what_only_one_of_them_has_is_found(code):
    assert outside_the_common_api(code)


@pytest.mark.parametrize("name", COMMON)
def test_the_common_list_is_true_here(name):
    assert COMMON[name] <= set(getattr(widgets, name).class_trait_names())
