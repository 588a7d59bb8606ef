"""Figures: one style, labelled, bounded, with alt text all the way to the web page."""

import base64
import io
import itertools
import warnings

import nbformat
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_rgb
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from PIL import Image

from helpers import plots
from helpers.errors import WorkbookError

LABELS = {"x_label": "token", "y_label": "probability"}


def table(**options):
    labels = {"rows": "ab", "columns": range(3), "value_label": "share"} | LABELS
    return plots.heatmap(np.arange(6).reshape(2, 3), **(labels | options))


FIGURES = {
    "bars": lambda: plots.bars(["a", "b"], [0.2, 0.8], **LABELS),
    "bars, horizontal": lambda: plots.bars(
        ["a"] * 20, range(20), horizontal=True, value_format=".1f", **LABELS
    ),
    "lines": lambda: plots.lines([1, 2], {"x": [1, 2], "y": [2, 1]}, bands={"x": [(0, 2), (1, 3)]}, **LABELS),
    "heatmap": table,
    "grid": lambda: plots.grid(2, 2, width=20)[0],
    "pictures": lambda: plots.pictures([np.zeros((8, 8, 3), np.uint8)] * 5, list("abcde"), side=1.2),
    "pictures, rows": lambda: plots.pictures(
        [np.eye(8)] * 6, "abc", columns=3, rows=("one", "two"), title="all"
    ),
}


def picture(figure) -> Image.Image:
    return Image.open(io.BytesIO(plots.png(figure)))


@pytest.fixture
def shown(monkeypatch):
    """What was displayed: (data, metadata) pairs."""
    displayed = []
    monkeypatch.setattr(
        "IPython.display.display", lambda data, metadata, raw: displayed.append((data, metadata)) or raw
    )
    return displayed


@pytest.mark.parametrize("name", FIGURES)
def test_every_picture_is_bounded_and_the_same_each_time(name):
    data = plots.png(FIGURES[name]())
    image = Image.open(io.BytesIO(data))
    assert 300 < image.width <= plots.MAX_PIXELS and len(data) < 100_000
    assert plots.png(FIGURES[name]()) == data and "Software" not in image.info


def test_show_displays_one_png_with_alt_text_and_closes(shown):
    figure, axes = pyplot.subplots()
    axes.plot([1, 2])
    plots.show(figure, "A line\n  that rises.")
    ((data, metadata),) = shown
    assert set(data) == {"image/png", "text/plain"} and data["text/plain"] == "A line that rises."
    assert metadata == {"image/png": {"alt": "A line that rises."}}
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert image.format == "PNG" and image.mode == "P"  # at most 256 colours
    assert not pyplot.get_fignums()


@pytest.mark.parametrize("alt", ["", "  \n"])
def test_a_picture_needs_alt_text(shown, alt):
    with pytest.raises(WorkbookError, match="alt text"):
        plots.show(FIGURES["bars"](), alt)
    assert not shown


def test_in_a_notebook_a_figure_shows_once_and_its_alt_text_reaches_the_page():
    code = """
import matplotlib.pyplot as plt
from helpers import plots
figure, axes = plt.subplots()
plots.show(figure, 'Empty "axes" & <nothing> else.')
plots.show(plots.bars(["a"], [1], x_label="letter", y_label="share"), "One bar.")
"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, kernel_name="python3", timeout=300).execute()
    outputs = notebook.cells[0].outputs
    assert [output.output_type for output in outputs] == ["display_data"] * 2
    assert [output.data["text/plain"] for output in outputs] == ['Empty "axes" & <nothing> else.', "One bar."]
    nbformat.validate(notebook)
    page, _ = HTMLExporter(template_name="classic").from_notebook_node(notebook)
    assert 'alt="One bar."' in page and "<nothing>" not in page and page.count("<img") == 2


@pytest.mark.parametrize("label", ["x_label", "y_label"])
@pytest.mark.parametrize(
    "draw", [lambda **k: plots.bars(["a"], [1], **k), table, lambda **k: plots.lines([1], {"a": [1]}, **k)]
)
def test_both_axes_need_a_label(draw, label):
    with pytest.raises(WorkbookError, match="axes need a label"):
        draw(**(LABELS | {label: " "}))
    axes = draw(**LABELS).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("token", "probability")


def test_bars_show_values_intervals_and_highlights():
    options = {"highlight": [1], "errors": [(0.1, 0.4), (0.7, 0.8)], "value_format": ".0%", "limits": (0, 1)}
    axes = plots.bars(["a", "b"], [0.2, 0.8], **options, **LABELS).axes[0]
    assert [bar.get_height() for bar in axes.patches] == [0.2, 0.8] and axes.get_ylim() == (0, 1)
    assert [bar.get_facecolor()[:3] for bar in axes.patches] == [
        to_rgb(colour) for colour in plots.PALETTE[:2]
    ]
    assert [text.get_text() for text in axes.texts] == ["20%", "80%"]
    segments = axes.collections[0].get_segments()
    np.testing.assert_allclose([segment[:, 1] for segment in segments], options["errors"])


def test_horizontal_bars_begin_on_top():
    axes = plots.bars(["a", "b"], [1, 2], horizontal=True, limits=(0, 4), **LABELS).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [1, 2] and axes.get_xlim() == (0, 4)
    assert axes.yaxis_inverted() and [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]


def test_lines_differ_by_more_than_colour_and_only_several_need_a_legend():
    axes = plots.lines([1, 10], {n: [1, 2] for n in "abc"}, log_x=True, limits=(0, 3), **LABELS).axes[0]
    assert (
        len({line.get_marker() for line in axes.lines}) == len({line.get_color() for line in axes.lines}) == 3
    )
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b", "c"]
    assert axes.get_xscale() == "log" and axes.get_yscale() == "linear" and axes.get_ylim() == (0, 3)
    assert plots.lines([1, 2], {"a": [1, 2]}, **LABELS).axes[0].get_legend() is None


def test_a_heatmap_writes_each_number_in_a_readable_ink():
    axes = table(value_format=".1f").axes[0]
    assert [text.get_text() for text in axes.texts] == ["0.0", "1.0", "2.0", "3.0", "4.0", "5.0"]
    assert axes.texts[0].get_color() == "white" and axes.texts[-1].get_color() == "#111111"
    assert not table(value_format="").axes[0].texts
    assert table(limits=(0, 100)).axes[0].texts[-1].get_color() == "white"


def test_tables_and_labels_must_fit():
    with pytest.raises(WorkbookError, match=r"\(2, 3\).*\(2, 2\)"):
        plots.heatmap(np.zeros((2, 3)), rows="ab", columns="ab", value_label="share", **LABELS)


def test_functions_draw_into_given_axes():
    figure, (left, right) = plots.grid(1, 2)
    assert plots.bars(["a"], [1], axes=left, **LABELS) is figure
    assert plots.lines([1, 2], {"a": [1, 2]}, axes=right, **LABELS) is figure
    assert left.patches and right.lines


def test_token_text_is_taken_literally_and_missing_glyphs_make_no_noise():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = plots.bars(["$x", "a$b$", "\\frac{", "한국", "_^"], range(5), title="$5", **LABELS)
        assert picture(figure).width > 300


def contrast(first, second) -> float:
    """Contrast ratio as WCAG 2 defines it, 1 to 21."""

    def luminance(colour):
        channels = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
        return np.dot([0.2126, 0.7152, 0.0722], channels)

    light, dark = sorted([luminance(first), luminance(second)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


# Machado, Oliveira and Fernandes (2009), full severity, on linear RGB.
BLINDNESS = {
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


@pytest.mark.parametrize("kind", BLINDNESS)
def test_the_first_colours_stay_apart_for_colour_blind_readers(kind):
    seen = [
        np.clip(np.array(BLINDNESS[kind]) @ np.array(to_rgb(c)) ** 2.2, 0, 1) ** (1 / 2.2)
        for c in plots.PALETTE[:5]
    ]
    for first, second in itertools.combinations(seen, 2):
        assert np.linalg.norm(first - second) > 0.25


def test_text_is_dark_enough():
    assert contrast(plots.STYLE["xtick.labelcolor"], "white") > 7


def test_pictures_stand_in_order_under_their_captions_beside_their_rows():
    shades = [np.full((4, 4, 3), value, np.uint8) for value in (0, 50, 100, 150, 200, 250)]
    figure = plots.pictures(shades, ["left", "middle", "right"], columns=3, rows=["up", "down"], title="six")
    axes = figure.get_axes()
    assert [int(place.images[0].get_array().flat[0]) for place in axes] == [0, 50, 100, 150, 200, 250]
    assert [place.get_title(loc="center") for place in axes] == ["left", "middle", "right", "", "", ""]
    assert [[text.get_text() for text in place.texts] for place in axes] == [["up"], [], [], ["down"], [], []]
    assert figure.get_suptitle() == "six" and not any(place.axison for place in axes)


def test_pictures_fill_the_last_row_as_far_as_they_go():
    figure = plots.pictures([np.eye(3)] * 5, [f"number {i}" for i in range(5)], columns=2)
    assert [len(place.images) for place in figure.get_axes()] == [1, 1, 1, 1, 1, 0]


@pytest.mark.parametrize(
    "count, captions, options",
    [
        (0, [], {}),
        (3, ["a", "b"], {}),
        (4, ["a"] * 3, {"columns": 2}),
        (4, [], {"columns": 2, "rows": ["a"]}),
    ],
)
def test_pictures_need_as_many_names_as_there_are(count, captions, options):
    with pytest.raises(WorkbookError, match="give each picture or column a caption and each row a name"):
        plots.pictures([np.eye(3)] * count, captions, **options)


def test_a_logarithmic_axis_has_plain_numbers():
    figure = plots.lines([0.01, 1, 100], {"": [1, 10, 1000]}, log_x=True, log_y=True, **LABELS)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    for axis in (axes.xaxis, axes.yaxis):
        labels = [tick.label1.get_text() for tick in axis.get_major_ticks()]
        assert "1" in labels and not any("$" in label for label in labels)
