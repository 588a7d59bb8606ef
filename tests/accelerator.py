"""An accelerator that only seems to be there: every library finds it, and whatever is put on it is refused.

Libraries choose a device by themselves where none is named: `pipeline(...)` of Transformers, `Trainer`,
`Accelerator`, `PeftModel.from_pretrained`, `enable_model_cpu_offload`. On a machine without a GPU that choice
is the CPU, and nobody notices. After `pretend()` they find a CUDA device. The first tensor that is put on it,
or made there, raises `Touched`, which names the model and the line that did it. The same words go to a file:
so they are seen even where a library catches the error.

A notebook's own line that asks whether there is a GPU is told the truth: what it moves, it moves on purpose.
"""

import os
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path

RECORD = "WORKBOOK_ACCELERATOR_RECORD"  # the file to which each refusal adds one line
ROOT = Path(__file__).resolve().parents[1]
MOVES = {"to", "cuda", "_apply"}  # the methods by which a module, or a pipeline, changes its device
MEMORY = 80 * 10**9  # bytes, all of them free


class Touched(RuntimeError):
    """Something was put on an accelerator that nobody asked for."""


def environment(record: Path) -> dict[str, str]:
    """What a Python process, and each of its children, needs in its environment to start with `pretend()`."""
    folders = [str(ROOT / "tests" / "on_accelerator"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, folders)), RECORD: str(record)}


def recorded(record: Path) -> list[str]:
    """All refusals so far, in order."""
    return record.read_text(encoding="utf-8").splitlines() if record.exists() else []


def pretend() -> None:
    """From now on an accelerator seems to be there, in this process."""
    import torch

    modules = torch.cuda, torch.accelerator
    current = torch.accelerator.current_accelerator()
    honest = [(module.is_available(), module.device_count()) for module in modules]
    for module, (there, count) in zip(modules, honest, strict=True):
        for name, answer in answers(torch).items():
            if hasattr(module, name):
                setattr(module, name, answer)
        module.is_available = truthful(True, there)
        module.device_count = truthful(1, count)
    torch.accelerator.current_accelerator = truthful(torch.device("cuda"), current)
    refuse_files(torch)
    # Whatever puts a tensor on a CUDA device, or makes one there, has PyTorch call this first.
    torch.cuda._lazy_init = refuse


def refuse_files(torch: types.ModuleType) -> None:
    """Safetensors reads straight into a device's memory, past `torch.cuda`: refuse it there."""
    import safetensors.torch

    load_file = safetensors.torch.load_file

    def load(filename, device="cpu", **options):
        if torch.device(device).type == "cuda":
            refuse()
        return load_file(filename, device=device, **options)

    safetensors.torch.load_file = load


def answers(torch: types.ModuleType) -> dict[str, Callable]:
    """What `torch.cuda` and `torch.accelerator` say of the device, and their calls that put nothing on it."""
    properties = types.SimpleNamespace(
        name="a pretended GPU", major=9, minor=0, total_memory=MEMORY, multi_processor_count=132
    )
    stream = types.SimpleNamespace(is_capturing=lambda: False)
    state = torch.zeros(16, dtype=torch.uint8)
    return {
        "current_device": lambda: 0,
        "current_device_index": lambda: 0,
        "current_stream": lambda *_: stream,
        "set_device": lambda _: None,
        "set_device_index": lambda _: None,
        "get_device_name": lambda *_: properties.name,
        "get_device_properties": lambda *_: properties,
        "get_device_capability": lambda *_: (properties.major, properties.minor),
        "is_bf16_supported": lambda *_, **__: True,
        "is_current_stream_capturing": lambda: False,
        "mem_get_info": lambda *_: (MEMORY, MEMORY),
        "synchronize": lambda *_: None,
        "get_rng_state": lambda *_: state.clone(),
        "get_rng_state_all": lambda: [state.clone()],
        "set_rng_state": lambda *_, **__: None,
        "set_rng_state_all": lambda *_: None,
    }


def truthful(answer: object, honest: object) -> Callable:
    """A function that gives `answer` to libraries, and `honest` to lines that run as `__main__`."""

    def asked(*_, **__):
        asks = sys._getframe(1).f_globals.get("__name__")
        return honest if asks == "__main__" else answer

    return asked


def refuse() -> None:
    """Takes the place of the call that wakes CUDA: raises `Touched` and writes down the same words."""
    message = f"{moved()} was put on the accelerator unasked, by {place()}"
    if os.environ.get(RECORD):
        with open(os.environ[RECORD], "a", encoding="utf-8") as file:
            file.write(message + "\n")
    raise Touched(message)


def callers() -> Iterator[types.FrameType]:
    """The frames that led here, innermost first, without those of this file."""
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename != __file__:
            yield frame
        frame = frame.f_back


def moved() -> str:
    """The outermost model, or pipeline, that is being moved; else "a tensor"."""
    owners = [frame.f_locals.get("self") for frame in callers() if frame.f_code.co_name in MOVES]
    models = [type(owner).__name__ for owner in owners if hasattr(owner, "to")]
    return models[-1] if models else "a tensor"


def place() -> str:
    """The innermost line that belongs to no library: its file's name, its number and its words."""
    import linecache

    for frame in callers():
        name = frame.f_code.co_filename
        if "site-packages" not in name and not name.startswith((sys.base_prefix, "<frozen")):
            words = linecache.getline(name, frame.f_lineno).strip()
            return f"line {frame.f_lineno} of {Path(name).name}: {words}"
    return "no line of ours"
