"""Executed notebooks as standalone web pages that fetch nothing and need no script."""

import contextlib
import html
import os
import re
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import nbformat
from bs4 import BeautifulSoup
from bs4.element import PreformattedString
from latex2mathml.converter import convert as to_mathml
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from helpers.parameters import title
from helpers.tracks import track, twin

# Elements that run, fetch, send or redirect, and attributes with an address that a browser loads by itself.
UNWANTED = ("script, link, iframe, frame, object, embed, applet, base, form, template, noscript, main meta, "
            "main style, main title, svg use, svg image, svg feimage, svg animate, "
            "svg set, plaintext, a.anchor-link")  # fmt: skip
LOADING = ("src", "srcset", "poster", "background", "data", "action", "formaction", "ping", "attributionsrc")
STYLING = r"url|import|image-set|expression|\\|position"  # by which a style fetches, runs or covers the page
EMBEDDED = ("data:image/", "data:audio/")
TEMPLATE = Path(__file__).with_name("page")


def mathml(formula: str, display: str = "inline") -> str:
    """A TeX formula as MathML, which browsers draw without scripts; as code where it cannot be converted."""
    try:
        return to_mathml(formula.strip(), display=display)
    except Exception:  # the converter names no common base class for its errors
        return f"<code>{html.escape(formula)}</code>"


class _Renderer(IPythonRenderer):
    """nbconvert's Markdown with its formulas converted."""

    def block_math(self, body: str) -> str:
        return mathml(body, "block")

    def inline_math(self, body: str) -> str:
        return mathml(body)

    def latex_environment(self, name: str, body: str) -> str:
        return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")


class _Exporter(HTMLExporter):
    """nbconvert's HTML exporter with this folder's template and the renderer above."""

    @jinja2.pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        attachments = context.get("cell", {}).get("attachments", {})
        renderer = _Renderer(escape=False, attachments=attachments)
        return fragment(MarkdownWithMath(renderer=renderer).render(source))


@cache
def _exporter() -> _Exporter:
    exporter = _Exporter(template_name="page", extra_template_basedirs=[str(TEMPLATE.parent)])
    exporter.register_filter("fragment", fragment)
    exporter.register_filter("mathml", lambda text: fragment(mathml(text.strip().strip("$"), "block")))
    return exporter


def facts(notebook: nbformat.NotebookNode) -> dict[str, Any]:
    """What papermill noted: title, start (UTC), seconds, injected parameters, number of code cells begun."""
    told = notebook.metadata.get("papermill", {})
    start = told.get("start_time")
    injected = [c.source for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", [])]
    code = [c.metadata.get("papermill", {}) for c in notebook.cells if c.cell_type == "code"]
    return {
        "title": title(notebook.cells),
        "start": datetime.fromisoformat(start).strftime("%Y-%m-%d %H:%M UTC") if start else "",
        "seconds": told.get("duration") or 0,
        "parameters": injected[0].splitlines()[1:] if injected else [],
        "reached": sum(bool(cell.get("start_time")) for cell in code),
    }


def render(notebook: nbformat.NotebookNode) -> str:
    """An executed notebook as one HTML page: pictures inside, formulas as MathML, no script, no request."""
    name = title(notebook.cells) or "Notebook"
    text, _ = _exporter().from_notebook_node(notebook, {"metadata": {"name": name}, "facts": facts(notebook)})
    page = BeautifulSoup(text, "html.parser")
    make_harmless(page)
    for heading in page.select("main h2[id]"):
        item = page.new_tag("li")
        item.append(page.new_tag("a", href=f"#{heading['id']}", string=heading.get_text(strip=True)))
        page.select_one("nav ul").append(item)
    return str(page)


def make_harmless(page: BeautifulSoup) -> None:
    """Remove what could run or fetch something; notebooks show texts that models and strangers wrote."""
    for element in page.select(UNWANTED):
        element.decompose()
    for hidden in page.main.find_all(string=lambda text: isinstance(text, PreformattedString)):
        hidden.extract()  # comments and the like end elsewhere for a browser than for this parser
    for element in page.select("main *"):
        for name, value in list(element.attrs.items()):
            text = re.sub(r"[\s\0-\x1f]", "", " ".join(value) if isinstance(value, list) else value or "")
            loads = name in LOADING and not (name == "src" and text.startswith(EMBEDDED))
            leads = name in ("href", "xlink:href") and not re.match(r"https?:|mailto:|#|[\w./-]+(#|$)", text)
            styled = name == "style" and re.search(STYLING, text, re.IGNORECASE)
            fetches = name not in ("alt", "title") and re.search(r"url\((?!['\"]?#)", text, re.IGNORECASE)
            if name.startswith("on") or loads or leads or styled or fetches:
                del element[name]
    for link in page.select("main a[href]"):  # to another notebook: to its page
        link["href"] = re.sub(r"^([\w.-]+)\.ipynb(?=#|$)", r"\1.html", link["href"])
    for picture in page.select("img:not([src])"):  # a badge becomes its own words
        picture.replace_with(picture.get("alt") or "")


def fragment(markup: str) -> str:
    """HTML of a cell or an output with its tags balanced, so that it ends where it should."""
    return str(BeautifulSoup(markup, "html.parser"))


def write_index(folder: Path) -> None:
    """Write `folder`/index.html, which lists the executed notebooks that lie there."""
    rows = []
    for path in sorted(folder.glob("[!.]*.ipynb")):
        place = {"name": path.stem, "track": track(path.stem), "twin": twin(path.stem, folder)}
        with contextlib.suppress(ValueError, AttributeError, OSError):  # somebody else's, and broken
            rows.append(place | facts(nbformat.read(path, as_version=4)))
    loader = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATE), autoescape=True)
    draft = folder / ".index.html"
    try:
        draft.write_text(loader.get_template("contents.html.j2").render(rows=rows), encoding="utf-8")
        os.replace(draft, folder / "index.html")
    finally:
        draft.unlink(missing_ok=True)
