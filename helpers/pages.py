"""Notebooks as standalone web pages that fetch nothing and can be read without scripts."""

import base64
import hashlib
import html
import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import nbformat
from bs4 import BeautifulSoup
from bs4.element import PreformattedString, Tag
from latex2mathml.converter import convert as to_mathml
from markupsafe import Markup
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from helpers.parameters import title

# Elements that run, fetch, send or redirect, and attributes with an address that a browser loads by itself.
UNWANTED = ("script, link, iframe, frame, object, embed, applet, base, form, template, noscript, meta, "
            "style, title, svg use, svg image, svg feimage, svg animate, "
            "svg set, plaintext, a.anchor-link")  # fmt: skip
LOADING = ("src", "srcset", "poster", "background", "data", "action", "formaction", "ping", "attributionsrc")
STYLING = r"url|import|image-set|expression|\\|position"  # by which a style fetches, runs or covers the page
EMBEDDED = ("data:image/", "data:audio/")
TEMPLATE = Path(__file__).with_name("page")
SCRIPTS = ("site.js", "search.js")  # the only ones that a page may run, by the policy that `fill` gives it


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
    exporter.register_filter("by_lines", by_lines)
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
    """A notebook as one HTML page: pictures inside, formulas as MathML, no request, no foreign script."""
    return frame(content(notebook), facts(notebook))


def frame(main: Tag, told: dict[str, Any], place: dict[str, Any] | None = None) -> str:
    """A page around the content of a notebook; told: its `facts`; place: what `website` says of its place."""
    headings = [(h["id"], h.get_text(" ", strip=True), h.name) for h in main.select("h2[id], h3[id]")]
    shown = Markup(main.decode_contents())
    return fill("notebook.html.j2", main=shown, headings=headings, facts=told, place=place or {})


def content(notebook: nbformat.NotebookNode) -> Tag:
    """What a notebook shows, as an element that runs and fetches nothing."""
    text, _ = _exporter().from_notebook_node(notebook)
    page = BeautifulSoup(f"<main>{text}</main>", "html.parser")
    make_harmless(page)
    seen: dict[str, int] = {}
    for element in page.select("[id]"):  # two headings with the same words
        name = element["id"]
        seen[name] = seen.get(name, 0) + 1
        element["id"] = name if seen[name] == 1 else f"{name}-{seen[name]}"
    return page.main


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATE), autoescape=True, trim_blocks=True)


def fill(template: str, scripts: Sequence[str] = SCRIPTS[:1], **values: Any) -> str:
    """A page from its template, with style and scripts inside, and a policy that admits nothing else."""
    texts = {name: (TEMPLATE / name).read_text(encoding="utf-8") for name in (*scripts, "style.css")}
    hashes = [base64.b64encode(hashlib.sha256(texts[name].encode()).digest()).decode() for name in scripts]
    policy = "; ".join([
        "default-src 'none'", "img-src data:", "media-src data:", "style-src 'unsafe-inline'",
        " ".join(["script-src", *(f"'sha256-{one}'" for one in hashes)]),
    ])  # fmt: skip
    inside = {name: Markup(text) for name, text in texts.items()}
    return _templates().get_template(template).render(inside=inside, policy=policy, **values)


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
    for link in page.select("main a[href]"):  # to another notebook, or the glossary: to its page
        link["href"] = re.sub(r"^([\w.-]+)\.(ipynb|md)(?=#|$)", r"\1.html", link["href"])
    for picture in page.select("img:not([src])"):  # a badge becomes its own words
        picture.replace_with(picture.get("alt") or "")


def fragment(markup: str) -> str:
    """HTML of a cell or an output with its tags balanced, so that it ends where it should."""
    return str(BeautifulSoup(markup, "html.parser"))


def by_lines(code: str) -> str:
    """Highlighted code with an element for each line, so that a long one goes on below its own beginning."""
    parts = re.fullmatch(r"(.*?<pre>(?:<span></span>)?)(.*?)\n?(</pre>.*)", code, re.DOTALL)
    start, lines, end = parts.groups()
    marked = []
    for line in lines.split("\n"):
        plain = re.sub("<[^>]*>", "", line)
        indent = len(plain) - len(plain.lstrip(" "))
        marked.append(f'<span class="line" style="--indent:{indent}ch">{line}\n</span>')
    return f"{start}{''.join(marked)}{end}"
