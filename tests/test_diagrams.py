"""Drawings: well-formed, the same each time, inside their sheet, true to their numbers, and safe."""

import re
from xml.etree import ElementTree

import nbformat
import numpy as np
import pytest
import torch
from IPython.core.formatters import DisplayFormatter

from helpers import diagrams, pages
from helpers.diagrams import Canvas
from helpers.errors import WorkbookError
from helpers.lessons.concepts import diagrams as concepts
from helpers.lessons.randomness import diagrams as chance
from helpers.lessons.text import diagrams as drawn
from helpers.lessons.training import diagrams as training

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '</text><script>alert("&")</script>'
ODD = ["", " ", "\n", "\x00\x1b", "‮", "😀", "옛날 옛적에", "a" * 300, HOSTILE]
SENTENCE = ["The", " fox", " ate", ",", " since", " it", " was"]
WEIGHTS = [0.05, 0.62, 0.06, 0.02, 0.08, 0.1, 0.07]
FOREST = [
    ((" there",), 0.6),
    ((" there", " was"), 0.5),
    ((" there", " was", " a"), 0.7),
    ((" there", " lived"), 0.3),
    ((" there", " lived", " a"), 0.8),
    ((" in",), 0.3),
    ((" in", " the"), 0.9),
    ((" in", " the", " desert"), 0.2),
]


def many(count: int) -> tuple[list[str], list[float]]:
    return [f" word{i}" for i in range(count)], [1 / count] * count


DRAWINGS = {
    "loop": drawn.next_token_loop,
    "loop, the last one picked": lambda: drawn.next_token_loop(
        SENTENCE, [" a", " b", " c", " d", " e"], [0.2, 0.2, 0.2, 0.2, 0.2], picked=4
    ),
    "loop, a long prompt": lambda: drawn.next_token_loop([" story"] * 3000, [" of"], [1]),
    "loop, odd tokens": lambda: drawn.next_token_loop(ODD, ODD[-5:], [0.2] * 5),
    "tree": drawn.continuation_tree,
    "tree, one beam": lambda: drawn.continuation_tree(beams=1),
    "tree, three steps": lambda: drawn.continuation_tree("Once upon a time", FOREST, 3),
    "tree, one branch": lambda: drawn.continuation_tree("a", [(("b",), 1)], 12),
    "tree, odd tokens": lambda: drawn.continuation_tree(HOSTILE, [((word,), 0.1) for word in ODD]),
    "tree, an odd start": lambda: drawn.continuation_tree("\x00 a\x1b\n", [(("b",), 0.1)]),
    "nucleus": lambda: drawn.nucleus(SENTENCE, WEIGHTS, 0.8),
    "nucleus, everything": lambda: drawn.nucleus(SENTENCE, WEIGHTS, 1.0),
    "nucleus, many": lambda: drawn.nucleus(*many(50_000), 0.999),
    "nucleus, odd tokens": lambda: drawn.nucleus(ODD, [0.1] * len(ODD), 0.5),
    "top-k": lambda: drawn.top_k(SENTENCE, WEIGHTS, 3),
    "top-k, many": lambda: drawn.top_k(*many(50_000), 40_000),
    "cache": drawn.kv_cache,
    "cache, long": lambda: drawn.kv_cache(["a" * 20] * 7, [" b", " c", " d"]),
    "cache, odd tokens": lambda: drawn.kv_cache(ODD[:7], ODD[7:]),
    "padding": drawn.padding,
    "padding on the right": lambda: drawn.padding(side="right"),
    "padding, odd tokens": lambda: drawn.padding([ODD[:6], ODD[6:], [""], ODD[3:]]),
    "attention": lambda: drawn.attention(SENTENCE, WEIGHTS),
    "attention, two": lambda: drawn.attention(["a", "b"], [1, 0]),
    "attention, long": lambda: drawn.attention(*many(200)),
    "attention, odd tokens": lambda: drawn.attention(ODD, [0.1] * len(ODD)),
    "inputs and dials": chance.inputs_and_dials,
    "streams": chance.streams,
    "streams, other numbers": lambda: chance.streams(torch.linspace(-10, 10, 6)),
    "sections": chance.sections,
    "sections, the first and narrow ones": lambda: chance.sections(["a", "b", HOSTILE], [0.1, 0.1, 0.8], 0.0),
    "turned noise": chance.turned_noise,
    "turned noise, far": lambda: chance.turned_noise(80),
    "guidance": chance.guidance,
    "concepts, attention": concepts.attention,
    "concepts, training loop": concepts.training_loop,
    "concepts, point as text": concepts.point_as_text,
    "concepts, two players": concepts.two_players,
    "concepts, noise": concepts.noising,
    "training loop": training.training_loop,
    "batch and layer": training.batch_and_layer,
}


def parse(diagram: diagrams.Diagram) -> ElementTree.Element:
    return ElementTree.fromstring(diagram.svg)


def texts(diagram: diagrams.Diagram) -> list[str]:
    return [text.text or "" for text in parse(diagram).iter(f"{SVG}text")]


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", text)]


def corners(element: ElementTree.Element) -> list[tuple[float, float]]:
    """Points between which an element lies; of a line that bends, points on it."""
    name, given = element.tag.removeprefix(SVG), element.attrib
    if name == "rect":
        x, y, width, height = (float(given[key]) for key in ("x", "y", "width", "height"))
        return [(x, y), (x + width, y + height)]
    if name == "circle":
        x, y, r = (float(given[key]) for key in ("cx", "cy", "r"))
        return [(x - r, y - r), (x + r, y + r)]
    if name == "text":
        x, y, size = (float(given[key]) for key in ("x", "y", "font-size"))
        width = diagrams.text_width(element.text or "", size)
        x -= width * diagrams.ANCHORS[given["text-anchor"]]
        return [(x, y - 0.8 * size), (x + width, y + 0.2 * size)]
    flat = numbers(given["points"] if name == "polygon" else given["d"])
    points = list(zip(flat[::2], flat[1::2], strict=True))
    if "C" not in given.get("d", ""):
        return points
    shares = np.linspace(0, 1, 21)[:, None]
    powers = [(1 - shares) ** 3, 3 * shares * (1 - shares) ** 2, 3 * shares**2 * (1 - shares), shares**3]
    curve = sum(power * np.array(point) for power, point in zip(powers, points, strict=True))
    return [(x, y) for x, y in curve.tolist()]


@pytest.fixture(scope="module", params=DRAWINGS)
def diagram(request) -> diagrams.Diagram:
    return DRAWINGS[request.param]()


def test_a_drawing_lies_on_its_sheet(diagram):
    root = parse(diagram)
    left, top, width, height = numbers(root.get("viewBox"))
    assert (left, top, width) == (0, 0, diagrams.WIDTH) and 100 < height < 800
    assert (numbers(root.get("width")), numbers(root.get("height"))) == ([width], [height])
    places = [point for element in root[1:] for point in corners(element)]
    assert len(places) > 10
    assert all(0 <= x <= width and 0 <= y <= height for x, y in places)


def test_texts_do_not_lie_on_each_other(diagram):
    boxes = [corners(text) for text in parse(diagram).iter(f"{SVG}text") if text.text]
    for i, ((left, top), (right, bottom)) in enumerate(boxes):
        for (other_left, other_top), (other_right, other_bottom) in boxes[i + 1 :]:
            apart = right <= other_left or other_right <= left or bottom <= other_top or other_bottom <= top
            assert apart, (texts(diagram)[i], left, top)


def test_letters_are_large_and_dark(diagram):
    for text in parse(diagram).iter(f"{SVG}text"):
        assert float(text.get("font-size")) >= 19
        assert text.get("fill") in (diagrams.INK, diagrams.QUIET, diagrams.GROUND)


def test_a_drawing_is_harmless_and_whole(diagram):
    root = parse(diagram)
    assert {element.tag for element in root.iter()} <= {
        SVG + name for name in ("svg", "title", "rect", "text", "path", "polygon", "circle")
    }
    names = {name for element in root.iter() for name in element.attrib}
    assert not any(name.startswith("on") or "href" in name or name == "id" for name in names)
    assert "url(" not in diagram.svg and diagram.svg.count("http") == 1  # the name of the format
    # whatever the page that it stands in sets
    assert all(element.get("fill") for element in root[1:])


def test_alt_text_is_where_readers_and_pages_look_for_it(diagram):
    root = parse(diagram)
    assert root.get("role") == "img" and root[0].tag == f"{SVG}title"
    assert root.get("aria-label") == root[0].text == diagram.alt
    assert len(diagram.alt) > 60 and diagram.alt == " ".join(diagram.alt.split())
    data, metadata = DisplayFormatter().format(diagram)
    assert data == {"image/svg+xml": diagram.svg, "text/plain": diagram.alt}
    assert metadata == {"image/svg+xml": {"alt": diagram.alt}}


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_the_same_each_time(name):
    assert DRAWINGS[name]() == DRAWINGS[name]()


def test_a_drawing_reaches_the_page_with_its_alt_text():
    diagram = drawn.padding([["<b>", " & "], ["a"]])
    data, metadata = DisplayFormatter().format(diagram)
    output = nbformat.v4.new_output("display_data", data, metadata=metadata)
    cell = nbformat.v4.new_code_cell("drawing", outputs=[output])
    page = pages.BeautifulSoup(pages.render(nbformat.v4.new_notebook(cells=[cell])), "html.parser")
    assert [picture["alt"] for picture in page.select("main img")] == [diagram.alt]


def test_data_cannot_leave_its_text():
    diagram = drawn.attention([HOSTILE, "x"], [0.5, 0.5])
    assert "<script" not in diagram.svg
    assert texts(diagram)[0][:10] == HOSTILE[:10] and HOSTILE in diagram.alt


def test_control_characters_are_written_out():
    shown = texts(drawn.attention(["\x00", "\n", " a ", "‮", "b"], [0.2] * 5))
    assert shown[::2] == [r"\x00", r"\n", "·a·", r"\u202e", "b"]


def test_a_drawing_cannot_be_changed():
    with pytest.raises(AttributeError):
        drawn.kv_cache().svg = ""


def test_numbers_on_bars_are_those_given_and_bars_as_long():
    diagram = drawn.top_k(SENTENCE, WEIGHTS, 2)
    root = parse(diagram)
    bars = [rect for rect in root.iter(f"{SVG}rect") if rect.get("rx") == "3"]
    values = [float(text) for text in texts(diagram) if re.fullmatch(r"0\.\d\d", text)]
    assert values == sorted(WEIGHTS, reverse=True)[: len(values)] and len(values) == len(bars) == 5
    lengths = [float(bar.get("width")) for bar in bars]
    assert np.allclose(np.array(lengths) / lengths[0], np.array(values) / values[0], atol=0.01)
    assert [bar.get("fill") == diagrams.BLUE for bar in bars] == [True] * 2 + [False] * 3


@pytest.mark.parametrize("top_p, kept", [(0, 1), (0.5, 1), (0.51, 2), (0.8, 2), (0.9, 3), (0.91, 4), (1, 4)])
def test_nucleus_keeps_up_to_the_first_sum_that_is_enough(top_p, kept):
    diagram = drawn.nucleus(["c", "a", "d", "b"], [0.1, 0.5, 0.1, 0.3], top_p)  # 0.5, 0.8, 0.9, 1.0
    bars = [rect for rect in parse(diagram).iter(f"{SVG}rect") if rect.get("rx") == "3"]
    assert [bar.get("fill") for bar in bars].count(diagrams.BLUE) == kept
    bold = [t.text for t in parse(diagram).iter(f"{SVG}text") if t.get("font-weight")]
    assert bold == [f"{[0.5, 0.8, 0.9, 1.0][kept - 1]:.2f}", "kept"]


def test_a_sum_that_is_enough_but_for_rounding_is_enough():
    probabilities = [0.4, 0.3, 0.2, 0.1]
    assert sum(probabilities[:3]) < 0.9
    assert "Kept are 3" in drawn.nucleus(list("abcd"), probabilities, 0.9).alt


def test_tokens_that_are_not_drawn_are_counted():
    words, probabilities = many(200)
    shown = texts(drawn.nucleus(words, probabilities, 0.9))
    assert "173 more" in shown and "together 0.865" in shown  # beside seven drawn ones
    assert "17 more" in shown and "together 0.085" in shown  # beside three
    assert {"all others", "together 0.25"} <= set(texts(drawn.top_k(["a", "b"], [0.5, 0.25], 1)))


def test_a_tree_shows_each_probability_and_each_product():
    shown = [
        float(text) for text in texts(drawn.continuation_tree("Once", FOREST)) if re.match(r"\d\.", text)
    ]
    products = [0.6 * 0.5 * 0.7, 0.6 * 0.3 * 0.8, 0.3 * 0.9 * 0.2]
    expected = [probability for _, probability in FOREST] + products
    assert np.allclose(sorted(shown), sorted(expected), atol=0.0051)


@pytest.mark.parametrize(
    "beams, thick, best",
    [(1, 2, "The fox ran home"), (2, 4, "The fox was happy"), (9, 7, "The fox was happy")],
)
def test_beam_search_keeps_the_best_of_each_step(beams, thick, best):
    diagram = drawn.continuation_tree(beams=beams)
    lines = [path for path in parse(diagram).iter(f"{SVG}path") if "C" in path.get("d")]
    assert [line.get("stroke-width") for line in lines].count("5") == thick
    assert all((line.get("stroke-width") == "5") != ("stroke-dasharray" in line.attrib) for line in lines)
    assert f"“{best}”" in diagram.alt


@pytest.mark.parametrize(
    "prompt, new, without, cached",
    [(3, 2, "3 + 4 + 5 = 12", "3 + 1 + 1 = 5"), (7, 1, "7 + 8 = 15", "7 + 1 = 8")],
)
def test_the_cache_counts_what_is_read(prompt, new, without, cached):
    diagram = drawn.kv_cache(["a"] * prompt, ["b"] * new)
    assert [text for text in texts(diagram) if "=" in text] == [f"{without} tokens", f"{cached} tokens"]
    tokens = [rect for rect in parse(diagram).iter(f"{SVG}rect") if rect.get("height") == str(diagrams.TOKEN)]
    read = [rect for rect in tokens if rect.get("stroke") == diagrams.BLUE]
    assert len(read) == int(without.split()[-1]) + int(cached.split()[-1])


@pytest.mark.parametrize("side, second", [("left", "0 0 1"), ("right", "1 0 0")])
def test_padding_fills_one_side_and_masks_it(side, second):
    shown = texts(drawn.padding([["a", "b", "c"], ["d"]], side))
    assert " ".join(text for text in shown if text in "01") == f"1 1 1 {second}"
    assert [text for text in shown if text in ("pad", "d")] == (
        ["pad", "pad", "d"] if side == "left" else ["d", "pad", "pad"]
    )
    assert ("wrong" in shown) == (side == "right")


def test_attention_lines_are_as_thick_as_their_weights():
    diagram = drawn.attention(SENTENCE, WEIGHTS)
    lines = sorted((numbers(path.get("d"))[-2], path) for path in parse(diagram).iter(f"{SVG}path"))
    thickness = [float(path.get("stroke-width")) for _, path in lines]
    assert np.allclose(thickness, [1 + 17 * weight for weight in WEIGHTS[:-1]], atol=0.051)
    assert texts(diagram)[1::2] == [f"{weight:.2f}" for weight in WEIGHTS]


def test_attention_to_itself_is_one_more_line():
    plain, looped = (drawn.attention(SENTENCE, WEIGHTS, itself=flag) for flag in (False, True))
    more = [path for path in parse(looped).iter(f"{SVG}path")][len(list(parse(plain).iter(f"{SVG}path"))) :]
    loop, _ = more  # and the shaft of the arrowhead
    assert len(list(parse(looped).iter(f"{SVG}polygon"))) == 1
    assert float(loop.get("stroke-width")) == pytest.approx(1 + 17 * WEIGHTS[-1], abs=0.051)
    assert "and to itself" in looped.alt and "itself" not in plain.alt


def test_attention_on_a_long_text_shows_the_largest_weights_and_sums_the_rest():
    weights = [0.002] * 150
    weights[20], weights[90] = 0.4, 0.2
    shown = texts(drawn.attention([f" w{i}" for i in range(150)], weights))
    assert {"·w20", "·w90", "·w149", "…"} <= set(shown)
    assert abs(sum(float(text) for text in shown if re.fullmatch(r"\d\.\d\d", text)) - sum(weights)) < 0.05


@pytest.mark.parametrize(("u", "word"), [(0, "cat"), (0.49, "cat"), (0.51, "dog"), (0.81, "owl"), (1, "owl")])
def test_a_number_lands_in_the_section_that_holds_it(u, word):
    diagram = chance.sections(["cat", "dog", "owl"], [0.5, 0.3, 0.2], u)
    root = parse(diagram)
    boxes = [rect for rect in root.iter(f"{SVG}rect") if rect.get("rx") == "8"]
    landed = [rect.get("stroke") == diagrams.ORANGE for rect in boxes]
    assert landed == [name == word for name in ("cat", "dog", "owl")]
    assert [float(rect.get("width")) for rect in boxes] == [320, 192, 128]
    assert texts(diagram)[0] == "0" and f"lands in the section of {word}." in diagram.alt


def test_turned_noise_keeps_its_length_and_half_of_each_does_not():
    tips = [numbers(p.get("points"))[:2] for p in parse(chance.turned_noise(30)).iter(f"{SVG}polygon")]
    corners = [60, 60, 420, 420, 60, 420]  # twice first and second noise, half of each, turned
    lengths = [np.hypot(x - corner, y - 310) for corner, (x, y) in zip(corners, tips, strict=True)]
    assert np.allclose(lengths, [210] * 4 + [210 / 2**0.5, 210], atol=0.2)


@pytest.mark.parametrize(
    "kind", [list, tuple, np.array, torch.tensor, lambda x: torch.tensor(x).bfloat16().float()]
)
def test_numbers_come_from_lists_arrays_and_tensors(kind):
    assert drawn.top_k(["a", "b"], kind([0.5, 0.25]), 1) == drawn.top_k(["a", "b"], [0.5, 0.25], 1)


MISUSES = {
    "a text for a list": lambda: drawn.attention("fox", [0.1] * 3),
    "numbers for words": lambda: drawn.attention([1, 2], [0.5, 0.5]),
    "a tensor for words": lambda: drawn.kv_cache(torch.tensor([1, 2])),
    "too few words": lambda: drawn.attention(["a"], [1]),
    "half a character": lambda: drawn.attention(["a", "\ud800"], [0.5, 0.5]),
    "fewer numbers than words": lambda: drawn.top_k(["a", "b"], [0.5], 1),
    "a table of numbers": lambda: drawn.top_k(["a", "b"], torch.ones(2, 2) / 4, 1),
    "one number": lambda: drawn.top_k(["a"], 1.0, 1),
    "words for numbers": lambda: drawn.top_k(["a"], ["much"], 1),
    "logits": lambda: drawn.top_k(["a", "b"], [3.1, -2], 1),
    "a sum above 1": lambda: drawn.top_k(["a", "b"], [0.8, 0.7], 1),
    "not a number": lambda: drawn.top_k(["a", "b"], [0.8, float("nan")], 1),
    "k of 0": lambda: drawn.top_k(["a", "b"], [0.5, 0.5], 0),
    "k above the words": lambda: drawn.top_k(["a", "b"], [0.5, 0.5], 3),
    "top_p of 2": lambda: drawn.nucleus(["a", "b"], [0.5, 0.5], 2),
    "too few words for top_p": lambda: drawn.nucleus(["a", "b"], [0.5, 0.1], 0.9),
    "a pick that is not there": lambda: drawn.next_token_loop(picked=3),
    "a side that is none": lambda: drawn.padding(side="top"),
    "a text for a batch": lambda: drawn.padding("Once upon"),
    "a batch of one": lambda: drawn.padding([["a"]]),
    "a row without tokens": lambda: drawn.padding([["a"], []]),
    "a long row": lambda: drawn.padding([["a"] * 7, ["a"]]),
    "no beams": lambda: drawn.continuation_tree(beams=0),
    "no branches": lambda: drawn.continuation_tree("a", []),
    "a branch without its beginning": lambda: drawn.continuation_tree("a", [(("b", "c"), 0.5)]),
    "a branch twice": lambda: drawn.continuation_tree("a", [(("b",), 0.5), (("b",), 0.4)]),
    "a branch that is a text": lambda: drawn.continuation_tree("a", [("b", 0.5)]),
    "a branch that is no pair": lambda: drawn.continuation_tree("a", ["abc"]),
    "a branch of four steps": lambda: drawn.continuation_tree("a", [(tuple("bcde"), 0.5)]),
    "a probability of 2": lambda: drawn.continuation_tree("a", [(("b",), 2)]),
    "a number for a start": lambda: drawn.continuation_tree(7),
    "a stream of five": lambda: chance.streams([1, 2, 3, 4, 5]),
    "sections that are too narrow": lambda: chance.sections(["a", "b"], [0.95, 0.05]),
    "sections without their sum": lambda: chance.sections(["a", "b"], [0.5, 0.3]),
    "u beyond the line": lambda: chance.sections(u=1.5),
    "a turn that is none": lambda: chance.turned_noise(0),
    "no alt text": lambda: Canvas().diagram(" \n"),
    "outside": lambda: Canvas().box(700, 0, 50, 50),
    "above": lambda: Canvas().text(100, 3, "high"),
    "nowhere": lambda: Canvas().line([(0, 0), (float("nan"), 1)]),
    "a long line": lambda: Canvas().text(360, 40, "word " * 40),
    "a number for a text": lambda: Canvas().text(360, 40, 7),
    "an unknown anchor": lambda: Canvas().text(360, 40, "a", anchor="centre"),
    "a colour by name": lambda: Canvas().box(10, 10, 50, 50, colour="red"),
}


@pytest.mark.parametrize("name", MISUSES)
def test_misuse_is_told_in_one_sentence(name):
    with pytest.raises(WorkbookError) as error:
        MISUSES[name]()
    message = str(error.value)
    assert message.endswith(".") and "\n" not in message and 30 < len(message) < 200


def test_words_are_wrapped_and_shortened_by_their_width():
    assert diagrams.wrap("one two three", 70, 20) == ["one", "two", "three"]
    assert diagrams.wrap("one two three", 400, 20) == ["one two three"]
    assert diagrams.shorten("hippopotamus", 80, 20) == "hippo…"
    assert diagrams.text_width("옛날", 20) == 40 > diagrams.text_width("il", 20)


def test_estimated_widths_are_those_of_the_widest_usual_font():
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    font = FontProperties(family="DejaVu Sans")
    for words in (
        "The model reads it all",
        "Append it, then again from 1",
        "WMmw@ 0.123 AVON",
        "·hippopotamus",
    ):
        real = TextPath((0, 0), words, size=20, prop=font).get_extents().x1
        assert real <= diagrams.text_width(words, 20) <= 1.25 * real


def test_an_arrow_ends_where_it_points():
    canvas = Canvas()
    canvas.arrow([(100, 100), (100, 50), (200, 50)])
    line, head = parse(canvas.diagram("An arrow that turns once."))[2:]
    assert numbers(line.get("d")) == [100, 100, 100, 50, 186, 50]
    assert numbers(head.get("points"))[:2] == [200, 50]


def test_a_grid_has_a_colour_for_each_cell():
    canvas = Canvas()
    canvas.grid(
        24, 24, [["1", "2"], ["3", "4"]], width=50, colours=[["#0072B2", "#E69F00"], ["#E69F00", "#000000"]]
    )
    diagram = canvas.diagram("Four cells.")
    assert texts(diagram) == ["1", "2", "3", "4"]
    cells = parse(diagram).findall(f"{SVG}rect")[1:]
    assert [cell.get("stroke") for cell in cells] == ["#0072B2", "#E69F00", "#E69F00", "#000000"]
    assert [(cell.get("x"), cell.get("y")) for cell in cells] == [
        ("24", "24"),
        ("74", "24"),
        ("24", "66"),
        ("74", "66"),
    ]
