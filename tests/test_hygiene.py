"""The notebooks and the house against their conventions; each check against a broken example."""

import ast
import json
import re
import struct
import subprocess
import tomllib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import helpers
from tests import rules

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[!.]*.ipynb"))
CODE = sorted((ROOT / "helpers").rglob("*.py")) + sorted((ROOT / "smallworld").rglob("*.py"))
WEIGHTS = ROOT / "smallworld" / "weights"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_keeps_the_conventions(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert rules.complaints(notebook, path) == []


# Each rule fires: a notebook that keeps every convention, and what makes each rule complain.

NAME = Path("notebooks/09_example.ipynb")
PNG = "iVBORw0KGgo="
BADGE = "[![Colab](https://x/b.svg)](https://colab.research.google.com/github/o/r/blob/main/09_example.ipynb)"
OPENING = f"""# An example
{BADGE}

You will be able to tell good from bad. Prerequisites: none. Time: 2 minutes and 1 GB on a CPU, 1 on a GPU."""
PARAMETERS = """profile: str = "tiny"  # tiny, hub or auto
seed: int = 0  # any whole number
a: int = 1  # one
b = a"""


FIRST = """import sys

if "google.colab" in sys.modules:  # why
    %pip install -q --no-deps git+https://github.com/someone/a-course@main

from helpers import text
import torch
"""
PLAIN = "a = 1\nprint(a)"


def good_notebook() -> nbformat.NotebookNode:
    """A notebook that keeps every rule: ten pairs of Markdown and code, each with what it needs."""
    markdown = [new_markdown_cell("Some words.") for _ in range(10)]
    markdown[0].source = OPENING
    for cell, heading in zip(markdown[-4:], ("Summary", "Self-check", "Exercises", "Sources"), strict=True):
        cell.source = f"## {heading}"
    code = [new_code_cell(PLAIN) for _ in range(10)]
    for cell in code:
        cell.outputs = [new_output("stream", name="stdout", text="1\n")]
    code[0].source, code[0].outputs = FIRST, []
    code[1].source, code[1].outputs = PARAMETERS.replace("\nb = a", "\nb: int = 2  # two"), []
    code[1].metadata.tags = ["parameters"]
    code[2].source = "figure = bars(1, 2)\nshow(figure, alt='two bars')"
    picture = new_output("display_data", {"image/png": PNG}, metadata={"image/png": {"alt": "two bars"}})
    code[2].outputs = [picture]
    code[9].source = 'score("09")'
    for count, cell in enumerate(code, 1):
        cell.execution_count = count
    return new_notebook(cells=[cell for pair in zip(markdown, code, strict=True) for cell in pair])


def code(number: int) -> Callable[[nbformat.NotebookNode], nbformat.NotebookNode]:
    return lambda notebook: rules.code_cells(notebook)[number]


def set_source(number: int, source: str):
    return lambda notebook: code(number)(notebook).update(source=source)


def set_output(number: int, *outputs):
    return lambda notebook: code(number)(notebook).update(outputs=[nbformat.from_dict(o) for o in outputs])


def set_markdown(number: int, source: str):
    return lambda notebook: rules.markdown_cells(notebook)[number].update(source=source)


def stream(text: str, name: str = "stdout") -> dict:
    return {"output_type": "stream", "name": name, "text": text}


FOLDER = "/" + "home/anna/course"
IGNORED = "# NBVAL_IGNORE_OUTPUT\n# times differ from run to run\na = 1\nprint(a)\nassert a > 0"
BROKEN = {
    "not for Colab": (set_source(0, "import torch"), "install the workbook on Colab"),
    "libraries for Colab": (set_source(0, FIRST.replace(" --no-deps", "")), "install the workbook on Colab"),
    "long first cell": (set_source(0, FIRST + "import torch\n" * 20), "more than 25 lines"),
    "work in the first cell": (set_source(0, FIRST + "a = torch.ones(3)"), "`a = torch.ones(3)` is no im"),
    "torch before helpers": (set_source(0, FIRST.replace("from helpers", "from h")), "helpers comes first"),
    "pip twice": (set_source(0, FIRST + "%pip install numpy"), "no shell"),
    "long first line": (set_source(0, FIRST + f"import {'a' * 82}"), "a line of 89 columns"),
    "no title": (set_markdown(0, OPENING.replace("# An", "An")), "lacks a title"),
    "no badge": (set_markdown(0, OPENING.replace("colab", "binder")), "lacks a Colab badge"),
    "other badge": (set_markdown(0, OPENING.replace("09_ex", "08_ex")), "lacks a Colab badge"),
    "no aims": (set_markdown(0, OPENING.replace("able to", "told to")), "lacks what you will"),
    "no prerequisites": (set_markdown(0, OPENING.replace("Prerequisites", "Needs")), "lacks prerequisites"),
    "no time": (set_markdown(0, OPENING.replace("minutes", "lines")), "lacks the time"),
    "no memory": (set_markdown(0, OPENING.replace("GB", "bags")), "lacks the memory"),
    "no GPU": (set_markdown(0, OPENING.replace("GPU", "phone")), "time and memory on CPU and GPU"),
    "untagged": (lambda nb: code(1)(nb).metadata.pop("tags"), "tagged `parameters`"),
    "late parameters": (lambda nb: nb.cells.append(nb.cells.pop(3)), "tagged `parameters`"),
    "unannotated": (set_source(1, PARAMETERS), "`b = a` is no annotated assignment"),
    "no comment": (set_source(1, PARAMETERS.replace("  # one\nb = a", "")), "lacks its comment"),
    "no profile": (set_source(1, PARAMETERS.replace("tiny, hub or auto", "which")), "lacks `profile"),
    "no seed": (set_source(1, PARAMETERS.replace("seed", "sead")), "lacks `seed"),
    "no summary": (set_markdown(-4, "## The end"), "no heading names the summary"),
    "no sources": (set_markdown(-1, "## The end"), "no heading names the sources"),
    "no score": (set_source(9, PLAIN), 'no cell calls score("09")'),
    "counts": (lambda nb: code(5)(nb).update(execution_count=99), "execution counts"),
    "unsaved": (lambda nb: code(5)(nb).update(execution_count=None, outputs=[]), "execution counts"),
    "empty cell": (set_source(5, " "), "empty code cell"),
    "error": (
        set_output(5, {"output_type": "error", "ename": "E", "evalue": "", "traceback": []}),
        "an error",
    ),
    "stderr": (set_output(5, stream("warning", "stderr")), "on stderr"),
    "widgets": (lambda nb: nb.metadata.update(widgets={}), "metadata widgets does not belong"),
    "timing": (lambda nb: code(5)(nb).metadata.update(execution={}), "metadata execution does not belong"),
    "tag": (lambda nb: code(5)(nb).metadata.update(tags=["raises-exception"]), "tag 'raises-exception'"),
    "path in source": (set_source(5, f"a = '{FOLDER}'\nprint(a)"), "an absolute path"),
    "path in output": (set_output(5, stream(f"saved\n{FOLDER}\n")), "an absolute path"),
    "token": (set_output(5, stream("hf_" + "a1" * 15)), "a token"),
    "address": (set_output(5, stream("<object at 0x7f0123456789>")), "an address"),
    "no reason": (set_source(5, IGNORED.replace("# times differ from run to run\n", "")), "without a reason"),
    "no assertion": (set_source(5, IGNORED.replace("assert ", "")), "no assertion follows"),
    "all ignored": (
        lambda nb: [c.update(source=IGNORED) for c in rules.code_cells(nb)[4:9]],
        "than a quarter",
    ),
    "no outputs": (lambda nb: [c.update(outputs=[]) for c in rules.code_cells(nb)], "saved without outputs"),
    "no output": (set_output(5), "should have an output and has none"),
    "no picture": (set_output(2, stream("1")), "should show a picture"),
    "no alt": (
        set_output(2, {"output_type": "display_data", "data": {"image/png": PNG}, "metadata": {}}),
        "a picture without alternative text",
    ),
    "no Markdown alt": (set_markdown(5, "![ ](a.png)"), "a Markdown picture without"),
    "no HTML alt": (set_markdown(5, '<img src="a.png">'), "a Markdown picture without"),
    "clear_output": (set_source(5, "a = 1\nclear_output()\nprint(a)"), "never pass nbval"),
    "interact": (set_source(5, "a = 1\ninteract(f)\nprint(a)"), "helpers.controls.explore"),
    "semicolon": (set_source(5, "a = 1\nprint(a);"), "semicolon hides nothing"),
    "pickle": (set_source(5, "import pickle"), "safetensors only"),
    "lora": (set_source(5, "pipe.load_lora_weights(a)"), "be told weight_name"),
    "code of a model": (
        set_source(5, "m = AutoModel.from_pretrained(a, trust_remote_code=True)"),
        "does not say trust_remote_code=False",
    ),
    "a load that asks": (set_source(5, "m = pipeline('fill-mask')"), "does not say trust_remote_code=False"),
    "pip": (set_source(5, "%pip install x"), "no shell"),
    "skip": (set_source(5, "# NBVAL_SKIP\na = 1\nprint(a)"), "every cell runs"),
    "global draw": (
        set_source(5, "a = torch.randn(3)\nprint(a)"),
        "torch.randn without generator",
    ),
    "numpy draw": (set_source(5, "a = np.random.rand(3)\nprint(a)"), "draws from global state"),
    "pipeline without a device": (
        set_source(5, "tell = transformers.pipeline('fill-mask', model=model)\nprint(tell)"),
        "pipeline without device=",
    ),
    "dead link": (set_markdown(5, "[there](../nowhere.md)"), "leads nowhere"),
    "early term": (
        lambda nb: [set_markdown(3, "We sample logits.")(nb), set_markdown(5, "A **logit** is a score.")(nb)],
        "'logit' is used before",
    ),
    "same id": (lambda nb: nb.cells[4].update(id=nb.cells[5].id), "identifiers"),
}


def test_a_good_notebook_has_no_complaints():
    assert rules.complaints(good_notebook(), NAME) == []


def test_a_reason_may_be_a_comment_or_a_tag():
    notebook = good_notebook()
    set_source(5, IGNORED)(notebook)
    set_source(6, IGNORED.split("\n", 2)[2])(notebook)
    code(6)(notebook).metadata.tags = ["nbval-ignore-output", "reason: wall time"]
    assert rules.complaints(notebook, NAME) == []


def test_a_term_may_be_used_in_and_after_the_cell_that_explains_it_and_inside_a_longer_one():
    notebook = good_notebook()
    set_markdown(4, "The **attention mask**, `attention` in code, and a logit's score.")(notebook)
    set_markdown(5, "To call it **attention**: the attention mask hides.")(notebook)
    assert list(rules.terms(notebook, NAME)) == []


@pytest.mark.parametrize("case", BROKEN)
def test_rule_fires(case):
    change, expected = BROKEN[case]
    notebook = good_notebook()
    change(notebook)
    assert any(expected in complaint for complaint in rules.complaints(notebook, NAME)), case


HARD_TO_READ = {
    "a long line": (f"a = '{'x' * 83}'", "a line of 89 columns"),
    "a comprehension in another": ("a = [[x for x in row] for row in rows]", "is a comprehension in"),
    "two loops in a comprehension": ("a = {x for row in rows for x in row}", "is a comprehension in"),
    "a generator in one": ("if a:\n    [sum(x for x in r) for r in rows]", "is a comprehension in"),
    "a tuple as a statement": ("print(a), print(b)", "`(print(a), print(b))` is a tuple as a statement"),
}


@pytest.mark.parametrize("case", HARD_TO_READ)
def test_code_that_is_hard_to_read_is_refused_once_a_notebook_is_rewritten(case, monkeypatch):
    source, expected = HARD_TO_READ[case]
    notebook = good_notebook()
    set_source(5, source)(notebook)
    assert list(rules.readable(notebook, NAME)) == []
    monkeypatch.setattr(rules, "REWRITTEN", ("09",))
    (complaint,) = rules.readable(notebook, NAME)
    assert expected in complaint
    assert list(rules.readable(notebook, NAME.with_name("08_example.ipynb"))) == []


def test_code_that_can_be_read_aloud_is_accepted(monkeypatch):
    monkeypatch.setattr(rules, "REWRITTEN", ("09",))
    notebook = good_notebook()
    lines = f"a = '{'x' * 82}'\n# see https://{'x' * 90}\nb, c = [x for x in a], (1, 2)\nprint(sum(b), c)"
    set_source(5, lines)(notebook)
    assert list(rules.readable(notebook, NAME)) == []


def test_rewritten_notebooks_are_there():
    assert set(rules.REWRITTEN) <= {path.stem[:2] for path in NOTEBOOKS}


def test_twins_link_each_other(tmp_path, monkeypatch):
    course, deeper = tmp_path / "03_plain.ipynb", tmp_path / "13_deeper.ipynb"
    for path in (course, deeper):
        path.touch()
    notebook = good_notebook()
    monkeypatch.setattr(rules, "REWRITTEN", ())
    assert list(rules.twins(notebook, course)) == []  # until it is rewritten
    assert list(rules.twins(notebook, tmp_path / "14_alone.ipynb")) == []
    monkeypatch.setattr(rules, "REWRITTEN", ("03",))
    for path, other in ((course, deeper), (deeper, course)):
        (complaint,) = rules.twins(notebook, path)
        assert f"does not link its twin, [...]({other.name})" in complaint
        linked = good_notebook()
        linked.cells[0].source += f"\n[Its twin]({other.name})"
        assert list(rules.twins(linked, path)) == []


def test_size_is_limited(tmp_path):
    path = tmp_path / NAME.name
    path.write_bytes(b" " * 1_000_000)
    assert "1000000 bytes, wanted under 1 MB" in "".join(rules.complaints(good_notebook(), path))


# The package


def test_functions_stay_short(tmp_path):
    assert [entry for path in CODE for entry in rules.long_functions(path)] == []
    long = tmp_path / "long.py"
    long.write_text("def short():\n    pass\n\n\ndef long():\n" + "    x = 1\n" * 40)
    assert rules.long_functions(long) == ["long.py:5 long: 41 lines"]


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_public_names_are_documented(path):
    public = (ast.FunctionDef, ast.ClassDef)
    nodes = [n for n in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(n, public)]
    bare = [n.name for n in nodes if not n.name.startswith("_") and not ast.get_docstring(n)]
    assert bare == []


def test_nothing_loads_code_with_data():
    found = {p.name: rules.unsafe_loading(p.read_text(encoding="utf-8")) for p in CODE}
    assert {name: lines for name, lines in found.items() if lines} == {}
    for line in (
        "import pickle",
        "torch.load(path)",
        "f(trust_remote_code=True)",
        "np.load(f, allow_pickle=True)",
    ):
        assert rules.unsafe_loading(line) == [line]
    assert rules.unsafe_loading("torch.load(path, weights_only=True)") == []


def tracked_files() -> list[Path]:
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_tracked_tree_is_small_and_safe():
    files = tracked_files()
    assert sum(path.stat().st_size for path in files) < 64 * 2**20
    pickled = {".bin", ".ckpt", ".joblib", ".npy", ".npz", ".onnx", ".pickle", ".pkl", ".pt", ".pth"}
    assert [path.name for path in files if path.suffix in pickled] == []


# The shipped weights

BUDGETS = {
    "text": (5e6, None),
    "image": (12e6, 24 * 2**20),
    "fill": (2e6, None),
    "judge": (None, 2**20),
    "style_judge": (None, 200_000),
}


def tensors(path: Path) -> dict[str, dict]:
    """The header of a safetensors file: name -> dtype, shape and offsets."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    return {name: entry for name, entry in header.items() if name != "__metadata__"}


def size(shape: list[int]) -> int:
    return size(shape[1:]) * shape[0] if shape else 1


@pytest.mark.parametrize("role", [role for role in BUDGETS if (WEIGHTS / role).is_dir()])
def test_weights_keep_their_budget(role):
    parameters, most_bytes = BUDGETS[role]
    files = sorted((WEIGHTS / role).rglob("*.safetensors"))
    entries = [entry for file in files for entry in tensors(file).values()]
    assert entries, f"weights/{role} holds no safetensors file"
    assert {entry["dtype"] for entry in entries if entry["dtype"].startswith(("F", "B"))} <= {"F16"}
    if parameters:
        assert sum(size(entry["shape"]) for entry in entries) <= parameters
    if most_bytes:
        assert (
            sum(path.stat().st_size for path in (WEIGHTS / role).rglob("*") if path.is_file()) <= most_bytes
        )
    card = (WEIGHTS / role / "README.md").read_text(encoding="utf-8").lower()
    assert [word for word in ("data", "command", "seed", "quality", "limit") if word not in card] == []


def test_text_model_reads_512_tokens():
    config = WEIGHTS / "text" / "config.json"
    if not config.is_file():
        pytest.skip("no text model here yet")
    assert json.loads(config.read_text(encoding="utf-8"))["n_positions"] >= 512


# The house


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pairs}


def test_every_requirement_is_pinned_within_its_range():
    groups = [project()["dependencies"], *project()["optional-dependencies"].values()]
    for requirement in (Requirement(text) for group in groups for text in group):
        if requirement.name != project()["name"]:
            assert pins()[requirement.name.lower()] in requirement.specifier, requirement


def test_every_pin_admits_the_oldest_python_that_the_project_does():
    oldest = project()["requires-python"].removeprefix(">=") + ".0"  # systems ship early 3.11 releases
    for name in pins():
        try:
            wanted = metadata.metadata(name)["Requires-Python"] or ""
        except metadata.PackageNotFoundError:  # of another platform
            continue
        assert SpecifierSet(wanted).contains(oldest), f"{name} wants Python {wanted}"


def test_ranges_admit_colab():
    lines = (ROOT / "tests" / "colab.txt").read_text(encoding="utf-8").splitlines()
    colab = {"torch": "2.11.0"} | dict(line.split("==") for line in lines if "==" in line)
    ranges = {r.name: r.specifier for r in map(Requirement, project()["dependencies"])}
    assert {"transformers", "diffusers", "ipywidgets"} <= ranges.keys() & colab.keys()
    assert [name for name in ranges.keys() & colab.keys() if colab[name] not in ranges[name]] == []


def test_conda_gives_the_same_environment():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["name"] == project()["name"]
    (packages,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert packages == ["-c constraints.txt", "-e .[lab]"]


def targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return {
        name for line in re.findall(r"^([a-z][a-z -]*):", makefile, re.MULTILINE) for name in line.split()
    }


PAGES = ["README.md", "CONTRIBUTING.md", "tests/README.md"]
PAGES += sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("file", [*PAGES, ".github/workflows/notebooks.yml", ".ci/run"])
def test_make_commands_named_in_files_exist(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    commands = re.findall(r"(?:^|`|run: |exec )make ([a-z][a-z-]*)", text, re.MULTILINE)
    assert commands or file == "docs/hub.md", f"{file} names no make command"
    assert set(commands) <= targets()


CARDS = sorted(str(path.relative_to(ROOT)) for path in WEIGHTS.glob("*/README.md"))


@pytest.mark.parametrize("file", [*PAGES, *CARDS, *(f"notebooks/{path.name}" for path in NOTEBOOKS)])
def test_files_named_on_a_page_exist(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    named = re.findall(r"`((?:helpers|smallworld|notebooks|tests|docs)/[\w./-]*)`", text)
    if file == "tests/README.md":
        named += [f"tests/{name}" for name in re.findall(r"`(\w+\.(?:py|txt))`", text)]
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_make_has_the_promised_commands():
    promised = (
        "run lab test check refresh train-text bench test-slow test-browser test-colab test-faults test-gpu"
    )
    assert set(promised.split()) <= targets()


@pytest.mark.parametrize("file", PAGES)
def test_pictures_and_links_of_a_page(file):
    path = ROOT / file
    notebook = new_notebook(cells=[new_markdown_cell(path.read_text(encoding="utf-8"))])
    assert list(rules.links(notebook, path)) + list(rules.alternative_text(notebook, path)) == []
    pictures = re.findall(r"!\[[^\]]*\]\((?!https:)([^)]+)\)", path.read_text(encoding="utf-8"))
    assert [picture for picture in pictures if not (path.parent / picture).is_file()] == []


def test_readme_lists_every_notebook():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in NOTEBOOKS if f"notebooks/{path.name}" not in text] == []


def test_the_citation_names_version_and_licences():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0" and citation["version"] == helpers.__version__
    assert " AND ".join(citation["license"]) == project()["license"]
    assert {"title", "message", "authors"} <= citation.keys()


def test_workflow_is_pinned_and_asks_for_little():
    text = (ROOT / ".github/workflows/notebooks.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    gpu = workflow["jobs"]["gpu"]["if"]
    assert "GPU_RUNNER" in gpu and "head.repo.full_name == github.repository" in gpu
    assert {"push", "pull_request", "schedule", "workflow_dispatch"} == set(workflow[True])  # "on" is true
    assert len({one["python"] for one in workflow["jobs"]["cpu"]["strategy"]["matrix"]["include"]}) > 1
    assert "secrets." not in text
    site = workflow["jobs"]["site"]
    assert site["permissions"] == {"pages": "write", "id-token": "write"} and site["needs"] == "cpu"
    assert "'push'" in site["if"] and "'refs/heads/main'" in site["if"]
    assert [name for name, job in workflow["jobs"].items() if "permissions" in job] == ["site"]
    uses = re.findall(r"uses: (\S+)", text)
    assert uses and all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action in uses)
