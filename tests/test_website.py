"""The pages of a folder as one site: what is on it, where its links lead, what its search knows."""

import base64
import io
import json
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from helpers import execution, pages, run, website

NAMES = [path.stem for path in run.find_notebooks([])]


def painted(colour: str, kind: str = "JPEG", width: int = 900) -> str:
    """A picture of one colour, as a notebook stores it."""
    file = io.BytesIO()
    Image.new("RGB", (width, 300), colour).save(file, kind)
    return base64.b64encode(file.getvalue()).decode()


def shown(kind: str, data: str, alt: str):
    return new_output("display_data", {kind: data}, metadata={kind: {"alt": alt}})


def write(folder: Path, name: str, **metadata) -> Path:
    """A small executed notebook, and its page, in a folder."""
    words = (
        f"# Title of {name}\n\n[![Badge](https://a.example/b.svg)](https://a.example/)\n\n"
        "First **words**, [a link](04_next.ipynb).\n\n"
        "**Time and memory:** about 90 minutes. A minute in 1.5 GB."
    )
    code = new_code_cell('answer = 1\ncheck("03.1", answer)\ncheck("03.2", answer)', execution_count=1)
    code.outputs = [
        shown("image/png", painted("red", "PNG"), "a figure"),
        shown("image/jpeg", painted("blue"), "a picture"),
        new_output("stream", name="stdout", text="said in an output"),
    ]  # fmt: skip
    cells = [
        new_markdown_cell(words), new_markdown_cell("## The *first* part\n\nunicorns &lt;here&gt;"), code,
        new_markdown_cell("### By hand\n\n[above](#The-first-part)"),
        new_markdown_cell("### By hand\n\nbadger"),
    ]  # fmt: skip
    notebook = new_notebook(cells=cells, metadata=metadata)
    nbformat.write(notebook, folder / f"{name}.ipynb")
    page = folder / f"{name}.html"
    page.write_text(pages.render(notebook), encoding="utf-8")
    return page


def soup(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def found_by_search(folder: Path) -> list[dict[str, str]]:
    return json.loads(soup(folder / "search.html").select_one("#sections").get_text())


@pytest.fixture
def site(tmp_path) -> Path:
    """A folder with five notebooks of both tracks, one failed, and one that has no page."""
    timed = {"papermill": {"duration": 61.4, "start_time": "2026-01-02T03:04:05.6+00:00"}}
    for name in ("02_first", "03_second", "12_deeper", "04_third.failed", "mine"):
        write(tmp_path, name, **(timed if name == "03_second" else {}))
    write(tmp_path, "05_without_page").unlink()
    (tmp_path / "06_broken.ipynb").write_text("{")
    (tmp_path / "06_broken.html").write_text("<p>")
    entries = {"03.2 b": {"attempts": 2, "solved": "2026-01-02"}, "03.1 a": {"attempts": 1, "solved": ""}}
    (tmp_path / "progress.json").write_text(json.dumps({"exercises": entries}))
    website.write(tmp_path)
    return tmp_path


def test_the_first_page_has_a_card_for_each_notebook_that_has_a_page(site):
    index = soup(site / "index.html")
    assert [h.get_text() for h in index.select("main h2")] == ["The course", "Deeper", "Other notebooks"]
    titles = ["02 Title of 02_first", "03 Title of 03_second", "04 Title of 04_third.failed",
              "12 Title of 12_deeper", "Title of mine"]  # fmt: skip
    assert [h.get_text() for h in index.select("article h3")] == titles
    first, second, third, deeper, _ = index.select("article")
    assert "First words, a link." in first.get_text()
    assert "Time: about 90 minutes." in second.get_text()
    assert "The cells ran in 61 s on 2026-01-02 03:04 UTC." in second.get_text()
    assert "ran in" not in first.get_text() and "failed in cell" in third.get_text()
    assert [a["href"] for a in first.select("a") if a.get_text() == "12"] == ["12_deeper.html"]
    assert [a["href"] for a in deeper.select("a") if a.get_text() == "02"] == ["02_first.html"]
    assert [a.get_text() for a in second.select("details a")] == ["The first part"]


def test_the_first_page_tells_what_is_solved(site):
    index = soup(site / "index.html")
    assert "2 exercises, 1 solved." in index.select("article")[1].get_text()
    bars = [(bar["value"], bar["max"]) for bar in index.select("progress")]
    assert bars == [("2", "4"), ("1", "2"), ("1", "2")], "each of the notebooks has the solved exercise"
    (site / "progress.json").write_text("{")
    website.write_index(site)
    assert soup(site / "index.html").select("progress") == []


def test_a_card_shows_the_painted_picture_made_small(site):
    picture = soup(site / "index.html").select_one("article img")
    assert picture["alt"] == "a picture" and picture["src"].startswith("data:image/jpeg;base64,")
    image = Image.open(io.BytesIO(base64.b64decode(picture["src"].partition(",")[2])))
    assert image.width == website.WIDTH
    red, _, blue = image.resize((1, 1)).getpixel((0, 0))
    assert blue > 200 and red < 50


DRAWN, FIGURE = shown("image/svg+xml", "<svg/>", "drawn"), shown("image/png", painted("red", "PNG"), "figure")
SMALL, DAMAGED = shown("image/png", painted("red", "PNG", 9), "small"), shown("image/png", "iVBO", "damaged")


@pytest.mark.parametrize("outputs, alt", [
    ([], None), ([DRAWN], "drawn"), ([DRAWN, FIGURE], "figure"), ([SMALL, FIGURE], "figure"),
    ([DAMAGED], None),
])  # fmt: skip
def test_the_picture_of_a_notebook(outputs, alt):
    cell = new_code_cell("1", execution_count=1, outputs=outputs)
    picture = website.cover(pages.content(new_notebook(cells=[cell])))
    assert (picture and picture[1]) == alt


def test_pages_lead_to_those_before_and_after_and_to_the_twin(site):
    links = {}
    for name in ("02_first", "03_second", "12_deeper", "mine"):
        page = soup(site / f"{name}.html")
        links[name] = [(a["rel"][0], a["href"]) for a in page.select("footer a")]
    assert links == {
        "02_first": [("next", "03_second.html")],
        "03_second": [("prev", "02_first.html"), ("next", "12_deeper.html")],
        "12_deeper": [("prev", "03_second.html"), ("next", "mine.html")],
        "mine": [("prev", "12_deeper.html")],
    }
    contents = soup(site / "02_first.html").select_one("nav.contents")
    assert "The course, 1 of 2" in contents.get_text()
    assert contents.progress["value"] == "1" and contents.progress["max"] == "2"
    assert contents.select_one("a[href='12_deeper.html']").get_text() == "12 Title of 12_deeper"
    assert [a["href"] for a in contents.select("li a")] == ["#The-first-part", "#By-hand", "#By-hand-2"]


def test_writing_again_changes_nothing_and_a_new_notebook_is_linked(site):
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in site.glob("*.html")}
    website.write(site)
    after = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in site.glob("*.html")}
    assert after == before and not list(site.glob(".*"))
    write(site, "04_third")
    website.write(site)
    assert 'href="04_third.html">04' in (site / "03_second.html").read_text(encoding="utf-8")


def test_the_whole_is_one_page_whose_links_stay_in_it(site):
    whole = soup(site / "whole.html")
    assert [one["id"] for one in whole.select("article")] == ["02_first", "03_second", "12_deeper", "mine"]
    titles = [a["href"] for a in whole.select(".titles a")]
    assert titles == ["#02_first", "#03_second", "#12_deeper", "#mine"]
    ids = [one["id"] for one in whole.select("[id]")]
    assert len(ids) == len(set(ids))
    assert whole.select_one("article a[href^='#']")["href"] == "#02_first-The-first-part"
    assert len(whole.select("article .output img")) == 8


def test_the_search_knows_prose_and_code_but_no_outputs(site):
    sections = [one for one in found_by_search(site) if one["address"].startswith("02_first")]
    headings = [one["heading"] for one in sections]
    assert headings == ["Title of 02_first", "The first part", "By hand", "By hand"]
    first = sections[1]
    assert first["address"] == "02_first.html#The-first-part" and first["page"] == "02 Title of 02_first"
    assert first["text"] == 'unicorns <here> answer = 1 check("03.1", answer) check("03.2", answer)'
    assert "said in an output" not in json.dumps(sections)
    assert "<here>" not in (site / "search.html").read_text(encoding="utf-8"), "data cannot leave its element"


def test_the_search_knows_the_glossary_in_both_languages(site):
    terms = [one for one in found_by_search(site) if one["page"] == "Glossary"]
    (attention,) = [one for one in terms if one["heading"] == "attention"]
    assert "어텐션" in attention["text"] and attention["address"] == "glossary.html#attention"
    assert soup(site / "glossary.html").select_one("#attention")


# The site of the workbook's own notebooks, as they are stored


@pytest.fixture(scope="module")
def workbook(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    for path in run.find_notebooks([]):
        execution.copy_stored(path, folder)
    execution.write_site(folder)
    return folder


@pytest.mark.long
def test_the_workbook_s_site_is_whole(workbook):
    names = {path.name for path in workbook.iterdir()}
    assert names == {f"{name}.{kind}" for name in NAMES for kind in ("ipynb", "html")} | {
        f"{name}.html" for name in run.RESERVED
    }  # fmt: skip
    cards = soup(workbook / "index.html").select("article")
    assert [card.select_one("h3 a")["href"] for card in cards] == [f"{name}.html" for name in NAMES]
    for card in cards:
        assert card.img["alt"] and card.select("details a")
        assert re.search(r"Time: about [^.]*(minutes|hours?)", card.get_text())
        assert re.search(r"\d exercises", card.get_text())


@pytest.mark.long
def test_every_link_of_the_workbook_s_site_leads_somewhere_and_nothing_is_loaded(workbook):
    parsed = {path.name: soup(path) for path in workbook.glob("*.html")}
    ids = {name: {one["id"] for one in page.select("[id]")} for name, page in parsed.items()}
    dead = []
    for name, page in parsed.items():
        addresses = [a["href"] for a in page.select("a[href]")] + [page.form["action"]]
        addresses += [section["address"] for section in found_by_search(workbook)] * (name == "search.html")
        for address in addresses:
            parts = urlsplit(address)
            if parts.scheme in ("http", "https"):
                continue
            target = unquote(parts.path) or name
            there = (workbook / target).is_file()
            if not there or (parts.fragment and not {parts.fragment, unquote(parts.fragment)} & ids[target]):
                dead.append((name, address))
        loaded = [one["src"] for one in page.select("[src]")]
        assert [source[:60] for source in loaded if not source.startswith("data:")] == []
        assert page.select("link, iframe, object, embed") == []
        numbers = [element["id"] for element in page.select("[id]")]
        assert len(numbers) == len(set(numbers)), name
    assert dead == []


@pytest.mark.long
def test_the_contents_of_each_page_match_its_headings(workbook):
    for name in NAMES:
        page = soup(workbook / f"{name}.html")
        headings = [(f"#{h['id']}", h.get_text(" ", strip=True)) for h in page.select("main h2, main h3")]
        links = [(a["href"], a.get_text()) for a in page.select("nav.contents li a")]
        assert headings == links and len(links) > 5
