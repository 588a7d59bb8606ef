"""The notebooks' conventions, as far as a program can check them: `complaints(path)` lists what is broken.

Each rule takes a notebook and its path and yields sentences. tests/README.md lists the rules for authors;
test_hygiene.py holds every notebook against them and shows for each that it fires.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

from helpers.tracks import DEEPER, track, twin
from tests.guard import PICTURES, pictures

Notebook = nbformat.NotebookNode

ABSOLUTE_PATH = re.compile(r"(?<![\w.])/(?:home|root|tmp|work|Users|mnt|opt|var)/\w|\b[A-Z]:\\{1,2}\w")
TOKEN = re.compile(r"\b(hf_\w{20,}|gh[pousr]_\w{20,}|sk-[\w-]{20,}|AKIA[0-9A-Z]{16})")
ADDRESS = re.compile(r"\bat 0x[0-9a-f]{6,}")
LEAKS = {ABSOLUTE_PATH: "an absolute path", TOKEN: "a token", ADDRESS: "an address"}
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
MARKER = re.compile(r"^\s*#+\s*(NBVAL_\w+|PYTEST_VALIDATE_IGNORE_OUTPUT)\s*$", re.MULTILINE)
KNOWN_TAGS = re.compile(r"parameters|any-model|nbval-(ignore|check)-output|reason\b.*|exercise|solution")
# What breaks a run somewhere: in nbval, in papermill, in Colab's ipywidgets 7.7, or on today's libraries.
FORBIDDEN = {
    r"\bclear_output\b|\bdisplay_id\b": "clear_output and display_id never pass nbval",
    r"\binteract(ive)?\(|\bwidgets\.Output\b|\bOutput\(\)": "show controls with helpers.controls.explore",
    r"\bTagsInput\b|\bTimePicker\b|\btitles=": "ipywidgets 7.7 does not have it",
    r";\s*$": "a trailing semicolon hides nothing under nbval; assign to _ instead",
    r"\bsys\.exit\(|\bexit\(\)|\bquit\(\)": "exits with 0 under papermill",
    r"\bpickle\b|\btorch\.load\(|\ballow_pickle\b": "safetensors only",
    r"\btorch_dtype\b": "today's name is dtype",
    r"\bload_lora_weights\((?!.*weight_name)": "Diffusers 0.39, offline, wants to be told weight_name",
    r"^\s*(%pip|%conda|!)": "no shell; only the first cell installs, and only the workbook",
    r"NBVAL_SKIP|NBVAL_RAISES_EXCEPTION": "every cell runs, and none raises",
}
# The three lines for Colab, at the very beginning of a notebook's code; `make address` sets the address.
INSTALL = r"    %pip install -q --no-deps git\+https://github\.com/[\w-]+/[\w.-]+@[\w./+-]+\n"
COLAB = re.compile(r'import sys\n\nif "google\.colab" in sys\.modules:(  #.*)?\n' + INSTALL)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# Numbers of the notebooks that were rewritten to be read aloud: `readable` then holds in all their cells.
REWRITTEN: tuple[str, ...] = ("01", "02", "03", "07", "11", "12", "13")
SAY_SO = ("how", "here")  # the names, in helpers, of settings that hold trust_remote_code=False
RANDOM_DRAWS = {"rand", "randn", "randint", "randperm", "multinomial", "normal", "bernoulli"}


def code_cells(notebook: Notebook) -> list[Notebook]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def markdown_cells(notebook: Notebook) -> list[Notebook]:
    return [cell for cell in notebook.cells if cell.cell_type == "markdown"]


def name(cell: Notebook) -> str:
    """How a complaint names a code cell."""
    first = cell.source.strip().splitlines()[0] if cell.source.strip() else "empty"
    return f"cell In [{cell.execution_count}] ({first[:40]})"


def is_first(cell: Notebook, notebook: Notebook) -> bool:
    """Whether this is the notebook's first code cell."""
    return cell is code_cells(notebook)[0]


def tree(cell: Notebook) -> ast.Module:
    """The syntax of a code cell; lines for IPython (%pip) count as the calls that IPython makes of them."""
    return ast.parse(TransformerManager().transform_cell(cell.source))


def first_cell(notebook: Notebook, path: Path) -> Iterator[str]:
    """On Colab the workbook is installed, without a change to its libraries; then come imports, no more."""
    cell = next(iter(code_cells(notebook)), None)
    if cell is None:
        return
    if not COLAB.match(cell.source):
        yield f"{name(cell)}: it must begin with the three lines that install the workbook on Colab"
    if len(cell.source.splitlines()) > 25:  # one import a line, if each has a word on what it is for
        yield f"{name(cell)}: more than 25 lines"
    for statement in tree(cell).body[2:]:
        if not isinstance(statement, ast.Import | ast.ImportFrom):
            yield f"{name(cell)}: `{ast.unparse(statement)}` is no import"
    rest = COLAB.sub("", cell.source).strip()
    if rest and not re.match(r"(from|import) helpers\b", rest):
        yield f"{name(cell)}: helpers comes first, which says what to do where an import was interrupted"


def readable(notebook: Notebook, path: Path) -> Iterator[str]:
    """Code that can be read aloud: in the first cell, and in all cells once the notebook is rewritten."""
    rewritten = path.stem[:2] in REWRITTEN
    for cell in code_cells(notebook):
        if rewritten or is_first(cell, notebook):
            yield from long_lines(cell)
            yield from nested_comprehensions(cell)
            yield from tuple_statements(cell)


def long_lines(cell: Notebook, limit: int = 88) -> Iterator[str]:
    """Lines that are too wide for a page; an address at the end of a line cannot be broken."""
    for line in cell.source.splitlines():
        if len(re.sub(r"\S+://\S+$", "", line)) > limit:
            yield f"{name(cell)}: a line of {len(line)} columns, wanted at most {limit}: {line[:40]!r}"


def nested_comprehensions(cell: Notebook) -> Iterator[str]:
    """Comprehensions that hold another, or that have two loops."""
    for node in ast.walk(tree(cell)):
        if not isinstance(node, COMPREHENSIONS):
            continue
        inner = [n for n in ast.walk(node) if isinstance(n, COMPREHENSIONS) and n is not node]
        if inner or len(node.generators) > 1:
            yield f"{name(cell)}: `{ast.unparse(node)[:40]}` is a comprehension in another; write a loop"


def tuple_statements(cell: Notebook) -> Iterator[str]:
    """Several expressions on one line, as if they were one."""
    for node in ast.walk(tree(cell)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Tuple):
            yield f"{name(cell)}: `{ast.unparse(node)[:40]}` is a tuple as a statement; give each a line"


def opening(notebook: Notebook, path: Path) -> Iterator[str]:
    """Title, Colab badge, aims, prerequisites, time and memory, then set-up and parameters."""
    first_code = next((i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"), 0)
    text = "\n\n".join(cell.source for cell in notebook.cells[:first_code])
    wanted = {
        r"\A# \S": "a title as its first line",
        rf"colab\.research\.google\.com/github/\S+/{re.escape(path.name)}": "a Colab badge for itself",
        r"(?i)\bable to\b": "what you will be able to do",
        r"(?i)\bprerequisites?\b|\bbefore you (start|begin)\b": "prerequisites",
        r"(?i)\b(minutes?|seconds?|s)\b": "the time it takes",
        r"\bGB\b": "the memory it takes",
        r"\bCPU\b[\s\S]*\bGPU\b|\bGPU\b[\s\S]*\bCPU\b": "time and memory on CPU and GPU",
    }
    for pattern, what in wanted.items():
        if not re.search(pattern, text):
            yield f"the opening lacks {what}"
    tagged = [i for i, c in enumerate(code_cells(notebook)) if "parameters" in c.metadata.get("tags", [])]
    if len(tagged) != 1 or tagged[0] > 2:
        yield "exactly one of the first three code cells must be tagged `parameters`"


def twins(notebook: Notebook, path: Path) -> Iterator[str]:
    """A deeper notebook, and a course notebook once it is rewritten, links its twin in its first cell."""
    other = twin(path.stem, path.parent)
    must = other and (track(path.stem) == DEEPER or path.stem[:2] in REWRITTEN)
    if must and f"]({other}.ipynb)" not in notebook.cells[0].source:
        yield f"the first cell does not link its twin, [...]({other}.ipynb)"


def parameters(notebook: Notebook, path: Path) -> Iterator[str]:
    """Each parameter annotated, with a literal default and a comment; profile and seed among them."""
    tagged = [c for c in code_cells(notebook) if "parameters" in c.metadata.get("tags", [])]
    source = tagged[0].source if tagged else ""
    for node in ast.parse(source).body:
        line = source.splitlines()[node.end_lineno - 1]
        if not isinstance(node, ast.AnnAssign) or node.value is None:
            yield f"parameters cell: `{line}` is no annotated assignment"
        elif "#" not in line[node.end_col_offset :]:
            yield f"parameters cell: `{line}` lacks its comment"
    if 'profile: str = "tiny"  # tiny, hub or auto' not in source:
        yield 'the parameters cell lacks `profile: str = "tiny"  # tiny, hub or auto`'
    if not re.search(r"^seed: int = ", source, re.MULTILINE):
        yield "the parameters cell lacks `seed: int = ...`"


def closing(notebook: Notebook, path: Path) -> Iterator[str]:
    """Summary, self-check, exercises and their score, sources."""
    headings = [
        line.lstrip("# ").lower()
        for cell in markdown_cells(notebook)
        for line in cell.source.splitlines()
        if re.match(r"#{2,3} ", line)
    ]
    for part in ("summary", "check", "exercise", "sources"):
        if not any(part in heading for heading in headings):
            yield f"no heading names the {part}"
    if not any(f'score("{path.stem[:2]}")' in cell.source for cell in code_cells(notebook)):
        yield f'no cell calls score("{path.stem[:2]}")'


def run_state(notebook: Notebook, path: Path) -> Iterator[str]:
    """Executed once from top to bottom, without errors and warnings, in normal form."""
    code = code_cells(notebook)
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        yield "execution counts are not 1..n; run `make refresh`"
    for cell in code:
        if not cell.source.strip():
            yield f"{name(cell)}: empty code cell"
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"{name(cell)} stores an error"
            if output.get("name") == "stderr":
                yield f"{name(cell)} stores something on stderr"
    extra = set(notebook.metadata) - {"kernelspec", "language_info"}
    extra |= {key for cell in notebook.cells for key in cell.metadata} - {"tags"}
    if extra:
        yield f"metadata {', '.join(sorted(extra))} does not belong here; run `make refresh`"
    for tag in sorted({tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])}):
        if not KNOWN_TAGS.fullmatch(tag):
            yield f"tag '{tag}' is unknown"


def stored_text(cell: Notebook) -> str:
    """A cell's source and all text in its outputs, without the bytes of pictures."""
    texts = [cell.source]
    for output in cell.get("outputs", []):
        texts += [output.get("text", ""), output.get("evalue", "")]
        texts += [str(value) for kind, value in output.get("data", {}).items() if kind not in PICTURES]
    return "\n".join(texts)


def leaks(notebook: Notebook, path: Path) -> Iterator[str]:
    """No machine's paths, no token, no memory address, no megabyte."""
    for cell in notebook.cells:
        text = stored_text(cell)
        for pattern, what in LEAKS.items():
            if found := pattern.search(text):
                yield f"{what}: {found[0][:24]}"
    if path.is_file() and path.stat().st_size >= 1_000_000:
        yield f"{path.stat().st_size} bytes, wanted under 1 MB"


def is_ignored(cell: Notebook) -> bool:
    """Whether nbval leaves this cell's output uncompared."""
    return "nbval-ignore-output" in cell.metadata.get("tags", []) or "IGNORE_OUTPUT" in " ".join(
        MARKER.findall(cell.source)
    )


def has_reason(cell: Notebook) -> bool:
    """A tag `reason: ...`, or three words of comment beside the marker (at the top where a tag marks it)."""
    if any(tag.startswith("reason") for tag in cell.metadata.get("tags", [])):
        return True
    lines = cell.source.splitlines()
    marked = [i for i, line in enumerate(lines) if MARKER.match(line)] or [-1]
    near = [lines[j] for i in marked for j in (i - 1, i + 1) if 0 <= j < len(lines)]
    return any(line.startswith("#") and len(line.split()) > 3 for line in near)


def ignored_outputs(notebook: Notebook, path: Path) -> Iterator[str]:
    """Uncompared outputs give their reason, are asserted about, and are at most a quarter."""
    code = code_cells(notebook)
    ignored = [i for i, cell in enumerate(code) if is_ignored(cell)]
    for i in ignored:
        if not has_reason(code[i]):
            yield f"{name(code[i])}: an ignored output without a reason"
        if not any(re.search(r"^\s*assert\b", cell.source, re.MULTILINE) for cell in code[i : i + 3]):
            yield f"{name(code[i])}: no assertion follows an ignored output"
    with_output = [cell for cell in code if cell.outputs]
    if sum(is_ignored(cell) for cell in with_output) > len(with_output) / 4:
        yield "more than a quarter of the outputs are ignored"


def called(cell: Notebook) -> set[str]:
    """Names of the functions that a cell's statements call directly, not those inside its own definitions."""
    statements = [node for node in tree(cell).body if isinstance(node, ast.Expr)]
    calls = [node.value for node in statements if isinstance(node.value, ast.Call)]
    return {ast.unparse(call.func).split(".")[-1] for call in calls}


def missing_outputs(notebook: Notebook, path: Path) -> Iterator[str]:
    """Cells that print or show have something stored; cells that show a figure have a picture."""
    if not any(cell.outputs for cell in code_cells(notebook)):
        yield "saved without outputs; run `make refresh`"
    for cell in code_cells(notebook):
        calls = called(cell)
        if calls & {"print", "display", "show", "explore", "check", "hint", "score"} and not cell.outputs:
            yield f"{name(cell)} should have an output and has none"
        elif calls & {"show", "explore"} and not pictures(cell.outputs):
            yield f"{name(cell)} should show a picture and shows none"


def alternative_text(notebook: Notebook, path: Path) -> Iterator[str]:
    """Every picture says in words what it shows."""
    for cell in code_cells(notebook):
        if not all(text.strip() for text in pictures(cell.outputs)):
            yield f"{name(cell)}: a picture without alternative text"
    for cell in markdown_cells(notebook):
        tags = re.findall(r"<img\b[^>]*>", cell.source)
        without = [tag for tag in tags if not re.search(r"""alt=["'][^"']+""", tag)]
        if without or re.search(r"!\[\s*\]\(", cell.source):
            yield f"a Markdown picture without alternative text: {cell.source[:40]!r}"


def forbidden(notebook: Notebook, path: Path) -> Iterator[str]:
    """Calls that do not run everywhere, with the reason."""
    for cell in code_cells(notebook):
        source = COLAB.sub("", cell.source, count=1) if is_first(cell, notebook) else cell.source
        for pattern, reason in FORBIDDEN.items():
            if found := re.search(pattern, source, re.MULTILINE):
                yield f"{name(cell)}: `{found[0].strip()}`: {reason}"


def random_draws(notebook: Notebook, path: Path) -> Iterator[str]:
    """Every draw of torch takes a generator; numpy's global state is not used."""
    for cell in code_cells(notebook):
        for call in (node for node in ast.walk(tree(cell)) if isinstance(node, ast.Call)):
            function, keywords = ast.unparse(call.func), {keyword.arg for keyword in call.keywords}
            drawn = function.removeprefix("torch.") in RANDOM_DRAWS and function.startswith("torch.")
            if drawn and "generator" not in keywords:
                yield f"{name(cell)}: {function} without generator="
            if function.startswith("np.random.") and not function.endswith("default_rng"):
                yield f"{name(cell)}: {function} draws from global state; use default_rng(seed)"


def silent_loads(source: ast.AST) -> list[str]:
    """Loads that do not say that a model's own code stays where it is: in a live kernel, silence asks."""
    silent = []
    for call in (node for node in ast.walk(source) if isinstance(node, ast.Call)):
        function = ast.unparse(call.func)
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        loads = function == "pipeline" or re.search(r"\.from_pretrained$|\bAuto\w+\.from_config$", function)
        said = given.get("trust_remote_code", "False" if given.get(None) in SAY_SO or not loads else "")
        if said != "False":
            silent.append(ast.unparse(call))
    return silent


def loads(notebook: Notebook, path: Path) -> Iterator[str]:
    """No model brings code."""
    for cell in code_cells(notebook):
        for call in silent_loads(tree(cell)):
            yield f"{name(cell)}: `{call[:60]}` does not say trust_remote_code=False"


def devices(notebook: Notebook, path: Path) -> Iterator[str]:
    """Every `pipeline` of Transformers is told its device; else it moves its model to a GPU, if any."""
    for cell in code_cells(notebook):
        for call in (node for node in ast.walk(tree(cell)) if isinstance(node, ast.Call)):
            function = ast.unparse(call.func).rpartition(".")[2]
            if function == "pipeline" and "device" not in {keyword.arg for keyword in call.keywords}:
                yield f"{name(cell)}: pipeline without device=; write device=model.device"


def links(notebook: Notebook, path: Path) -> Iterator[str]:
    """Links to files of this repository lead somewhere."""
    for cell in markdown_cells(notebook):
        for target in LINK.findall(cell.source):
            local = "" if re.match(r"\w+:", target) else target.split("#")[0]
            if local and not (path.parent / local).exists():
                yield f"a link leads nowhere: {target}"


def terms(notebook: Notebook, path: Path) -> Iterator[str]:
    """Bold marks a term where it is explained; no prose before uses it (the opening may)."""
    first_code = next((i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"), 0)
    later = [cell.source for cell in notebook.cells[first_code:] if cell.cell_type == "markdown"]
    prose = [re.sub(r"```.*?```|`[^`]*`|\$[^$]+\$|\]\([^)]*\)", " ", text, flags=re.DOTALL) for text in later]
    explained: dict[str, int] = {}
    for i, text in enumerate(prose):
        for term in re.findall(r"\*\*([^*\n]+)\*\*", text):
            if len(term.split()) <= 3 and not term.endswith(":"):
                explained.setdefault(term.lower().rstrip("s."), i)
    for term, position in explained.items():
        longer = "|".join(re.escape(other) for other in explained if term in other and term != other)
        for text in prose[:position]:
            rest = re.sub(longer, " ", text.lower()) if longer else text.lower()
            if re.search(rf"\b{re.escape(term)}s?\b", rest):
                yield f"'{term}' is used before the cell that explains it (in bold): {text.strip()[:40]!r}"


def identifiers(notebook: Notebook, path: Path) -> Iterator[str]:
    """Cells keep one identifier each, so that changes can be followed."""
    ids = [cell.get("id") for cell in notebook.cells]
    if None in ids or len(set(ids)) < len(ids):
        yield "cell identifiers are missing or double; run `make refresh`"


RULES = (
    first_cell, readable, opening, twins, parameters, closing, run_state, leaks, ignored_outputs,
    missing_outputs, alternative_text, forbidden, random_draws, loads, devices, links, terms, identifiers,
)  # fmt: skip


def complaints(notebook: Notebook, path: Path) -> list[str]:
    """What is wrong with a notebook by all rules; an empty list where nothing is."""
    return [f"{rule.__name__}: {text}" for rule in RULES for text in rule(notebook, path)]


def long_functions(path: Path, limit: int = 40) -> list[str]:
    """Functions of a Python file with more than `limit` lines, definition and docstring included."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    functions = [n for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    sizes = {f"{path.name}:{n.lineno} {n.name}": n.end_lineno - n.lineno + 1 for n in functions}
    return [f"{where}: {size} lines" for where, size in sizes.items() if size > limit]


def unsafe_loading(source: str) -> list[str]:
    """Ways of loading a model or an array that run code from the file."""
    switches = r"(?:trust_remote_code|allow_pickle)\s*=\s*True"
    pattern = rf"{switches}|^\s*(?:import|from) pickle\b|\btorch\.load\((?!.*weights_only=True)"
    return [line.strip() for line in source.splitlines() if re.search(pattern, line)]
