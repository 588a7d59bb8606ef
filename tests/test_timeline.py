"""The figure of named marks over years."""

from helpers.diagrams import QUIET
from helpers.lessons.concepts.figures import map_of_systems
from helpers.lessons.concepts.timeline import FIELDS, read_systems, timeline


def test_a_timeline_puts_each_name_at_its_year_and_level():
    rows = [
        {"year": "2018", "who": "a", "field": "text", "how": "one"},
        {"year": "2020", "who": "b", "field": "image", "how": "two"},
        {"year": "2020", "who": "c", "field": "image", "how": "one"},
    ]
    figure = timeline(rows, name="who", level="field", kind="how", levels=("text", "image"))
    (axes,) = figure.axes
    places = {text.get_text(): text.xy for text in axes.texts}
    assert places["a"] == (2018, 0) and places["b"] == (2020, 1)
    assert places["c"][0] == 2020 and 1 < places["c"][1] < 2
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["one", "two"]
    colours = [line.get_color() for line in axes.lines[2:]]  # after the two of the legend
    assert colours[0] == colours[2] != colours[1]


def test_an_unknown_kind_is_grey_and_the_last_one_of_the_legend():
    figure = map_of_systems()
    (legend,) = figure.legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels[-1] == "family not published" and "not published" not in labels
    assert figure.axes[0].lines[len(labels) - 1].get_color() == QUIET


def test_stacked_names_stay_in_the_band_of_their_level():
    figure = map_of_systems()
    (axes,) = figure.axes
    fields = {row["system"]: row["field"] for row in read_systems()}
    for text in axes.texts:
        assert 0 <= text.xy[1] - FIELDS.index(fields[text.get_text()]) < 0.5
