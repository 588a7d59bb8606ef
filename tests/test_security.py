"""What must not happen: code out of data, a shell, markup out of words, files elsewhere, secrets told."""

import ast
import base64
import hashlib
import html
import io
import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import ipywidgets
import nbformat
import pytest
from bs4 import BeautifulSoup
from bs4.element import Doctype, PreformattedString
from IPython.core.inputtransformer2 import TransformerManager
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers import checkpoints, controls, exercises, guess, pages, progress, registry, session, text, website
from helpers.errors import WorkbookError
from helpers.run import RESERVED
from tests import rules
from tests.copies import copy_tree
from tests.notebook_code import cells, functions

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[!.]*.ipynb"))
HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '"><svg onload=alert(1)>',
    "</td></table><b>",
    "</pre></div></main><iframe src=//e.example>", "' onmouseover='alert(1)", "&lt;script&gt;", "<!--", "]]>",
]  # fmt: skip


def programs() -> dict[str, str]:
    """The source of every module of the package and, as Python, of every notebook."""
    found = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in helpers_files()}
    change = TransformerManager().transform_cell
    return found | {path.stem: "\n".join(change(source) for source in cells(path.stem)) for path in NOTEBOOKS}


def helpers_files() -> list[Path]:
    return sorted((ROOT / "helpers").rglob("*.py"))


def calls(source: str) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]


# Code out of data


UNSAFE_IMPORTS = {"pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}


def code_loading(source: str) -> list[str]:
    """Imports and calls that can run code out of a file; models read without use_safetensors=True."""
    nodes = list(ast.walk(ast.parse(source)))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    found = [name for name in names if name.split(".")[0] in UNSAFE_IMPORTS]
    for call in calls(source):
        function, shown = ast.unparse(call.func), ast.unparse(call)
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        if function.endswith("torch.load") and given.get("weights_only") != "True":
            found.append(shown)
        if given.get("allow_pickle", "False") != "False":
            found.append(shown)
        model = re.search(
            r"(Model\w*|Pipeline|AutoencoderKL|UNet\w*|auto|kind|Kind)\.from_pretrained$", function
        )
        if model and given.get("use_safetensors") != "True" and given.get(None) != "how":
            found.append(shown)
        if function in ("eval", "exec", "compile", "__import__"):
            found.append(shown)
    return found + rules.silent_loads(ast.parse(source))


def test_settings_that_stand_for_it_do_say_so():
    for name in ("text", "images"):
        source = (ROOT / "helpers" / f"{name}.py").read_text(encoding="utf-8")
        assert source.count('"trust_remote_code": False') == 1


@pytest.mark.parametrize("folder", ["smallworld", "tests"])
def test_no_other_load_is_silent_either(folder):
    for path in sorted((ROOT / folder).rglob("*.py")):
        assert rules.silent_loads(ast.parse(path.read_text(encoding="utf-8"))) == [], path.name


# Folders of the workbook's own, written just before or shipped: a teacher reads them as a reader would.
OWN_FOLDERS = {
    "05_fine_tuning": ["AutoModelForCausalLM.from_pretrained(place, "],
}


def test_nothing_runs_code_that_lies_in_data():
    for name, source in programs().items():
        left = [
            one for one in code_loading(source) if not one.startswith(tuple(OWN_FOLDERS.get(name, ["?"])))
        ]
        assert left == [], name
    assert '"use_safetensors": True' in (ROOT / "helpers" / "images.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "line",
    [
        "import pickle", "from joblib import load", "torch.load(f)", "torch.load(f, weights_only=False)",
        "np.load(f, allow_pickle=True)", "AutoModel.from_pretrained(f)",
        "AutoConfig.from_pretrained(f)", "AutoTokenizer.from_pretrained(f, trust_remote_code=True)",
        "AutoModel.from_config(c, trust_remote_code=x)", "pipeline('text-generation', model=m)",
        "Adapter.from_pretrained(f, **options)", "eval(prompt)",
        "StableDiffusionPipeline.from_pretrained(f, use_safetensors=False)",
    ],
)  # fmt: skip
def test_each_way_is_seen(line):
    assert code_loading(line)


class Bomb:
    """Unpickling one makes a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_model_folder_brings_no_code_of_its_own(tmp_path, monkeypatch):
    monkeypatch.delenv("WORKBOOK_PROFILE", raising=False)
    mark, folder = tmp_path / "mark", tmp_path / "model"
    copy_tree(registry.find("text", "tiny").folder, folder)
    (folder / "evil.py").write_text(
        f"import pathlib\npathlib.Path({str(mark)!r}).touch()\nclass Evil: pass\n"
    )
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModelForCausalLM": "evil.Evil", "AutoConfig": "evil.Evil"}
    (folder / "config.json").write_text(json.dumps(config))
    started = session.start("tiny", output_folder=tmp_path)
    text.load(started, str(folder))
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(WorkbookError):
        text.load(started, str(folder))
    assert not mark.exists()


# No shell


def shell_use(source: str) -> list[str]:
    """Calls that reach a shell, and IPython's own syntax for it."""
    found = []
    for call in calls(source):
        function, shown = ast.unparse(call.func), ast.unparse(call)
        shells = ("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "pty.spawn")
        magics = (".system", ".getoutput", ".run_cell_magic", ".run_line_magic")
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        shell = function in shells or given.get("shell", "False") != "False"
        magic = function.startswith("get_ipython()") and function.endswith(magics)
        found += [shown] * (shell or magic)
    return found


# What the first cell's line for Colab becomes; no value that anybody gives reaches it.
COLAB = re.compile(
    r"get_ipython\(\)\.run_line_magic\('pip', 'install -q --no-deps git\+https://github\.com/[\w./-]+@[\w./+-]+'\)"
)


def test_nothing_reaches_a_shell_but_the_installation_on_colab():
    for name, source in programs().items():
        calls = shell_use(source)
        if name in {path.stem for path in NOTEBOOKS}:
            assert COLAB.fullmatch(calls.pop(0)), name
        assert calls == [], name
    change = TransformerManager().transform_cell
    for line in (
        "!ls {prompt}",
        "x = !ls",
        "%sx ls",
        "%%bash\nls",
        "%system ls",
        "os.system(a)",
        "run(a, shell=b)",
    ):
        assert shell_use(change(line)), line


def test_hostile_values_arrive_as_they_are_and_do_nothing(tmp_path):
    mark = tmp_path / "mark"
    values = [
        f"; touch {mark}", f"$(touch {mark})", f"`touch {mark}`", f"a\ntouch {mark}\n",
        f"!touch {mark}", "{seed}",
        "{{x}} {0} {", '"""\nimport os; os._exit(3)\n"""', "\\", 'a" + str(1/0) + "b', "' or 1/0 #",
        "%pip x", "é\t한",
        "\\n\\u0041\\x41", "\r\n\x0b\x85\u2028", "- a", *HOSTILE,
    ]  # fmt: skip
    lines = "".join(f'\nv{i}: str = ""  # a value' for i in range(len(values)))
    cell = new_code_cell("seed: int = 0  # s, 0 to 9" + lines, metadata={"tags": ["parameters"]})
    show = new_code_cell(
        f"import json\nprint(json.dumps([globals()[f'v{{i}}'] for i in range({len(values)})]))"
    )
    path, out = tmp_path / "08 {a} $(b).ipynb", tmp_path / "o {seed} ;x"
    nbformat.write(new_notebook(cells=[new_markdown_cell("# T"), cell, show]), path)
    before = dict(os.environ)
    given = [part for i, value in enumerate(values) for part in ("-p", f"v{i}", value)]
    command = [sys.executable, "-m", "helpers.run", str(path), "--output", str(out), *given]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=before)
    assert done.returncode == 0, done.stderr
    executed = nbformat.read(out / path.name, as_version=4)
    assert json.loads(executed.cells[-1].outputs[0].text) == values
    own = {f"{name}.html" for name in RESERVED}
    assert not mark.exists() and {one.name for one in out.iterdir()} == own | {
        path.name, path.with_suffix(".html").name
    }  # fmt: skip
    for page in out.glob("*.html"):
        assert harmful(page.read_text(encoding="utf-8")) == []


# Markup out of words


def remove_own(soup: BeautifulSoup) -> None:
    """Take out of a page the scripts and the search that every page of the site has, outside its text."""
    texts = {(pages.TEMPLATE / name).read_text(encoding="utf-8") for name in pages.SCRIPTS}
    for element in soup.select("body > script, body > header > form"):
        is_script = element.name == "script" and set(element.attrs) == set() and element.get_text() in texts
        is_data = element.attrs == {"type": "application/json", "id": "sections"}
        is_search = element.attrs == {"action": "search.html", "role": "search"}
        if is_script or is_data or is_search:
            element.decompose()


def harmful(page: str) -> list[str]:
    """What in a page would run, fetch or send: elements, event attributes and addresses, by their words."""
    soup = BeautifulSoup(page, "html.parser")
    remove_own(soup)
    found = [str(one)[:80] for one in soup.select("script, link, iframe, object, embed, base, form, frame")]
    for element in soup.find_all(True):
        for name, value in element.attrs.items():
            address = " ".join(value) if isinstance(value, list) else value or ""
            loads = name in ("src", "srcset", "poster", "background", "data", "action", "formaction", "ping")
            runs = name.startswith("on") or re.match(r"\s*(javascript|vbscript|data:text)", address, re.I)
            if runs or (loads and not address.startswith(("data:image/", "data:audio/"))):
                found.append(f"{element.name} {name}={address[:60]}")
    found += [str(one)[:80] for one in soup.find_all(string=lambda text: isinstance(text, PreformattedString))
              if not isinstance(one, Doctype)]  # fmt: skip
    styles = [one.get_text() for one in soup.select("style")] + [
        one["style"] for one in soup.select("[style]")
    ]
    fetching = r"url\(|@import|image-set\(|expression\("
    return found + [style[:80] for style in styles if re.search(fetching, style)]


def test_harm_is_seen():
    for part in ("<script></script>", "<p onclick=x>", "<img src=//a.b/c>", "<a href='javascript:x'>a</a>",
                 "<p style='background:url(//a)'>", "<style>@import '//a'</style>",
                 "<video poster=x>", "<!--><script></script>-->", "<![CDATA[a><script></script>]]>",
                 "<p style=\"background:image-set('//a' 1x)\">"):  # fmt: skip
        assert harmful(part), part


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_pages_of_the_notebooks_run_and_fetch_nothing(path):
    page = pages.render(nbformat.read(path, as_version=4))
    assert harmful(page) == []
    soup = BeautifulSoup(page, "html.parser")
    assert soup.select("img") and all(one.get("alt", "").strip() for one in soup.select("img"))
    assert soup.select_one("meta[name=viewport]")["content"] == "width=device-width, initial-scale=1"
    policy = soup.select_one("meta[http-equiv=Content-Security-Policy]")["content"]
    allowed = {"default-src 'none'", "img-src data:", "media-src data:", "style-src 'unsafe-inline'"}
    scripts = [one.get_text() for one in soup.select("script")]
    hashes = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts]
    assert set(policy.split("; ")) == allowed | {f"script-src 'sha256-{hashes[0]}'"} and len(hashes) == 1


def shown_everywhere(words: str) -> nbformat.NotebookNode:
    """A notebook with the words as text, result, error, picture's alt text, parameter and, raw, as HTML."""
    cell = new_code_cell("1", execution_count=1)
    cell.outputs = [
        new_output("stream", name="stdout", text=words), new_output("stream", name="stderr", text=words),
        new_output("execute_result", {"text/plain": words}, execution_count=1),
        new_output("error", ename=words, evalue=words, traceback=[words]),
        new_output("display_data", {"image/png": "iVBO"}, metadata={"image/png": {"alt": words}}),
        new_output("display_data", {"image/svg+xml": "<svg/>"}, metadata={"image/svg+xml": {"alt": words}}),
    ]  # fmt: skip
    injected = new_code_cell(f"# Parameters\nprompt = {words!r}", metadata={"tags": ["injected-parameters"]})
    return new_notebook(cells=[new_markdown_cell("# Title\n\n## End"), injected, cell])


@pytest.mark.parametrize("words", HOSTILE)
def test_words_stay_words_in_every_output_of_a_page(words, tmp_path):
    notebook = shown_everywhere(words)
    page = pages.render(notebook)
    soup = BeautifulSoup(page, "html.parser")
    assert harmful(page) == []
    assert [one["alt"] for one in soup.select("main img")] == [words, words]
    assert [one.get_text().strip() for one in soup.select(".output pre")] == [words] * 4
    assert len(soup.select("main > section")) == 3 and soup.select_one("body > footer")
    name = f"08 {words.replace('/', '_')}"[:60]
    nbformat.write(notebook, tmp_path / f"{name}.ipynb")
    (tmp_path / f"{name}.html").write_text(page, encoding="utf-8")
    website.write(tmp_path)
    for file in tmp_path.glob("*.html"):
        assert harmful(file.read_text(encoding="utf-8")) == []
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert f"prompt = {words!r}" in BeautifulSoup(index, "html.parser").get_text()


RAW = [
    "<a href=javascript:alert(1)>a</a>", "<p style='background:url(//a)'>", "![a](http://a.example/b.png)",
    "<a href='java\nscript:alert(1)'>a</a>", "<meta http-equiv=refresh content='0;url=//a'>", "![a](b.png)",
    "<!--><script>alert(1)</script>-->", "<!--><img src=//a onerror=alert(1)>-->",
    "<?a ><script>alert(1)</script>?>", "<![CDATA[a><script>alert(1)</script>]]>",
    "<p style=\"background:image-set('//a' 1x)\">a</p>",
]  # fmt: skip


@pytest.mark.parametrize("words", HOSTILE + RAW)
def test_raw_markup_in_markdown_and_html_outputs_is_made_harmless(words):
    cell = new_code_cell("1", execution_count=1)
    cell.outputs = [new_output("display_data", {kind: words}) for kind in ("text/html", "text/markdown")]
    last = new_code_cell("2", execution_count=2)
    page = pages.render(new_notebook(cells=[new_markdown_cell(f"# T\n\n{words}"), cell, last]))
    assert harmful(page) == [] and "http-equiv=refresh" not in page and 'content="0;' not in page
    assert "In [2]" in BeautifulSoup(page, "html.parser").select_one("main").get_text()


OUT = '</div></section></main><meta/http-equiv="refresh"/content="0;url=https://a.example/"/><img/src=x>'


@pytest.mark.parametrize("data", [
    {"text/latex": rf"$\text{{{OUT}}}$"}, {"image/png": f'iVBO">{OUT}'}, {"image/jpeg": f'iVBO">{OUT}'},
    {"text/html": '<svg><filter id=f><feImage href="https://a.example/a.png"/></filter></svg>'},
    {"text/html": '<svg><rect fill="url(https://a.example/a)" mask="url(//a.example/b)"/></svg>'},
    {"text/html": "a<plaintext>b"}, {"text/html": "<a href='#x' attributionsrc='https://a.example/'>a</a>"},
], ids=["latex", "png", "jpeg", "filter", "fill", "plaintext", "attribution"])  # fmt: skip
def test_no_output_leaves_its_place_or_fetches(data):
    cells = [new_code_cell(str(i), execution_count=i) for i in (1, 2)]
    cells[0].outputs = [new_output("display_data", data)]
    page = pages.render(new_notebook(cells=[new_markdown_cell("# T"), *cells]))
    main = BeautifulSoup(page, "html.parser").select_one("main")
    assert harmful(page) == [] and len(main.select("section")) == 3 and not main.select("meta, plaintext")
    assert not any("a.example" in str(value) for one in main.select("*")
                   for name, value in one.attrs.items() if name != "src")  # fmt: skip
    assert len(BeautifulSoup(page, "html.parser").select("meta[http-equiv]")) == 1  # the page's own policy


def test_every_place_that_makes_html_is_one_that_these_tests_know():
    making = r"\bHTML\(|_repr_html_|text/html|\bMarkdown\(|<!doctype|<td|<img |<table"
    found = {name for name, source in programs().items() if re.search(making, source, re.I)}
    assert found == {
        "helpers/controls.py", "helpers/exercises.py", "helpers/guess.py", "helpers/progress.py",
        "04_image_generation",
    }  # fmt: skip


@pytest.mark.parametrize("words", HOSTILE)
def test_statement_cards_and_the_page_of_progress_escape_their_words(words, tmp_path, monkeypatch):
    def reference(x):
        return x

    reference.__doc__ = words
    card = exercises.Exercise(
        "99.1", words, lambda answer: None, ("a", "b", "c"), reference,
        purpose=words, shapes=words, example=(words, words), difficulty=1, minutes=5,
    )  # fmt: skip
    shown = exercises._card_as_html(card)
    assert harmful(shown) == [] and shown.count(html.escape(words)) >= 3
    monkeypatch.setattr(exercises, "KNOWN", {"99.1": card})
    assert progress.main(["--html", str(tmp_path / "page.html"), "--name", words]) == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert harmful(page) == [] and html.escape(" ".join(words.split())) in page


@pytest.mark.parametrize("words", HOSTILE)
def test_a_guess_escapes_its_question(words, monkeypatch):
    monkeypatch.setattr(guess, "is_live", lambda: True)
    shown: list = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    guess.winner(words, {"one": 0.2, "two": 0.3}, alt="two bars", x_label="method", y_label="share")
    texts = [child.value for child in _children(shown[0]) if isinstance(child, ipywidgets.HTML)]
    assert any(html.escape(words) in text for text in texts)
    assert [line for text in texts for line in harmful(text)] == []


def _children(widget) -> list:
    """A widget and all that it contains."""
    return [widget, *(inner for child in getattr(widget, "children", ()) for inner in _children(child))]


@pytest.mark.parametrize("words", HOSTILE)
def test_the_illustrated_story_escapes_words_and_captions(words):
    from PIL import Image

    made = functions("04_image_generation", "page_html", base64=base64, html=html, io=io,
                     say=lambda caption: caption)  # fmt: skip
    page = made.page_html([(words, {"caption": words}, Image.new("RGB", (8, 8)))] * 2)
    soup = BeautifulSoup(page, "html.parser")
    assert harmful(page) == [] and [one["alt"] for one in soup.select("img")] == [words] * 2
    assert soup.get_text().count(words) == 2


def test_the_caption_below_a_live_control_is_escaped(monkeypatch):
    shown = []
    monkeypatch.setenv("WORKBOOK_LIVE", "1")
    monkeypatch.setattr("IPython.display.display", lambda box: shown.append(box))
    controls.explore(lambda a: Figure(), lambda a: a, a=ipywidgets.Text(value=HOSTILE[0]))
    (caption,) = (one for one in shown[0].children if isinstance(one, ipywidgets.HTML))
    for words in HOSTILE:
        shown[0].children[0].value = words
        assert BeautifulSoup(caption.value, "html.parser").get_text() == words and "<" not in caption.value


# Files elsewhere


@pytest.mark.parametrize(
    "folder", ["..", "build/../..", "build/../../x", "/", "~", "build/link/x", "build/link", ""]
)
def test_training_writes_only_below_the_output_folder(tmp_path, monkeypatch, folder):
    (tmp_path / "outside").mkdir()
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "link").symlink_to(tmp_path / "outside")
    for output, name in ((tmp_path / "build", "build"), (tmp_path / "results", "results")):
        monkeypatch.setenv("WORKBOOK_OUTPUT", str(output))
        output.mkdir(exist_ok=True)
        if not (output / "link").exists():
            (output / "link").symlink_to(tmp_path / "outside")
        with pytest.raises(WorkbookError, match="does not lie below"):
            checkpoints.below_build(folder)
        assert checkpoints.below_build("build/my-model") == tmp_path / name / "my-model"
        assert checkpoints.below_build(str(output / "a" / "b")) == output / "a" / "b"


# Secrets in the tree


def tracked() -> dict[str, str]:
    """Every tracked text file by its name."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    found = {}
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and b"\0" not in (data := path.read_bytes())[:8192]:
            found[name] = data.decode("utf-8")
    return found


SECRETS = {
    "a token": rules.TOKEN,
    "a key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY|\bA[KS]IA[0-9A-Z]{16}|\bAIza[\w-]{35}"),
    "an address of a person": re.compile(
        r"(?<![\w.+/-])[\w.+-]+@(?!example\.)(?:[a-z\d-]+\.)+(?:com|org|net|io|de|kr|example)\b"
    ),
    "a password in an address": re.compile(r"https?://[^/\s\"'{}]+:[^/\s\"'{}@]+@"),
    "an absolute path": rules.ABSOLUTE_PATH,
    "a private package index": re.compile(
        r"https?://(?!pypi\.org|download\.pytorch\.org|test\.pypi\.org)[\w.-]*(?:pypi|artifact|nexus|devpi|mirror)[\w.-]*"
        r"|https?://[^\s\"']+/simple\b|--(?:extra-)?index-url[ =]+(?!\$\(TORCH_INDEX\))\S"
    ),
}  # fmt: skip
TELLTALE = {
    "a token": "hf_" + "a1" * 15, "a key": "AKIA" + "A1" * 8, "an address of a person": "anna" + "@mail.com",
    "a password in an address": "https://u:" + "p@host/x", "an absolute path": "/" + "home/anna/x",
    "a private package index": "https://pypi." + "corp.internal/simple",
}  # fmt: skip
# The rules themselves, and addresses that a rule takes for a person's.
ABOUT_SECRETS = {"tests/rules.py", "tests/test_security.py"}


@pytest.mark.parametrize("kind", SECRETS)
def test_the_tree_tells_nothing_private(kind):
    assert SECRETS[kind].search(TELLTALE[kind])
    found = {n: SECRETS[kind].search(text) for n, text in tracked().items() if n not in ABOUT_SECRETS}
    assert {name: one[0] for name, one in found.items() if one} == {}
