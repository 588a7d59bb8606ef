"""The glossary: every term that a notebook explains, in alphabetical order, with the place that does."""

import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
ROW = re.compile(r"\| ([^|]+) \| ([^|]+) \| ([^|]+) \| \[(\d\d), ([^\]]+)\]\((\S+)\) \|")
OPENING = {"you will be able to", "prerequisites:", "time and memory:"}
LISTS = {"the transformer", "the gan", "the diffusion model"}  # bold beginnings of list items


def rows() -> list[tuple[str, ...]]:
    lines = (NOTEBOOKS / "glossary.md").read_text(encoding="utf-8").splitlines()
    table = [line for line in lines if line.startswith("|")][2:]
    found = [ROW.fullmatch(line) for line in table]
    assert all(found), [line for line, match in zip(table, found, strict=True) if not match]
    return [match.groups() for match in found]


def defined(path: Path) -> list[tuple[str, str]]:
    """The bold terms of a notebook in order, each with the heading above it; both in small letters."""
    heading, terms = "", []
    for cell in nbformat.read(path, as_version=4).cells:
        for line in cell.source.splitlines() if cell.cell_type == "markdown" else ():
            if line.startswith("#"):
                heading = line.lstrip("# ").lower()
            bold = (term.lower().strip(".:") for term in re.findall(r"\*\*([^*]+)\*\*", line))
            terms += [(term, heading) for term in bold if f"{term}:" not in OPENING and term not in OPENING]
    return terms


def same(term: str, bold: str) -> bool:
    """Whether a bold term is this one, with an article or in the plural."""
    bold = re.sub(r"^(the|a|an) ", "", bold)
    return bold in (term.lower(), f"{term.lower()}s")


def section(place: str) -> str:
    """What a heading must begin with: "section 3" is "3. ", "exercise 04.4" is "your turn: 04.4"."""
    place = re.sub(r"section (\d+)", r"\1. ", place)
    return re.sub(r"exercise ", "your turn: ", place).lower()


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_a_term_is_explained_where_the_glossary_says(row):
    term, korean, sentence, number, place, link = row
    assert re.search("[가-힣]", korean) and sentence.endswith(".") and sentence[0].isupper()
    (notebook,) = NOTEBOOKS.glob(f"{number}_*.ipynb")
    assert link == notebook.name
    places = [heading for bold, heading in defined(notebook) if same(term, bold)]
    assert any(heading.startswith(section(place)) for heading in places), places


def test_the_first_notebook_that_explains_a_term_is_the_one_named():
    earliest = {}
    for notebook in sorted(NOTEBOOKS.glob("[!.]*.ipynb")):
        for bold, _ in defined(notebook):
            earliest.setdefault(bold, notebook.name[:2])
    for term, *_, number, _, _ in rows():
        first = min(number for bold, number in earliest.items() if same(term, bold))
        assert number == first, term


@pytest.mark.parametrize("notebook", sorted(NOTEBOOKS.glob("[!.]*.ipynb")), ids=lambda path: path.stem)
def test_every_term_that_a_notebook_explains_is_in_the_glossary(notebook):
    terms = [row[0] for row in rows()]
    missing = [bold for bold, _ in defined(notebook) if not any(same(term, bold) for term in terms)]
    assert [bold for bold in missing if bold not in LISTS] == []


def test_the_glossary_is_in_alphabetical_order():
    terms = [row[0].lower() for row in rows()]
    assert terms == sorted(terms) and len(set(terms)) == len(terms)
