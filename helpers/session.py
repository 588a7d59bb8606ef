"""What a notebook starts with: profile, device, number type, seed and output folder."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from helpers import hub, parameters, registry
from helpers.checks import check_seed, check_text
from helpers.cores import settle_threads
from helpers.diagnosis import Unreadable, check_interpreter
from helpers.errors import WorkbookError
from helpers.registry import ModelEntry, Place

if TYPE_CHECKING:
    import torch

PROFILES = ("tiny", "hub", "auto")
LIBRARIES = ("accelerate", "diffusers", "huggingface_hub", "torch", "transformers")


@dataclass(frozen=True)
class Session:
    """What runs where: `start` makes it, the other helpers take it."""

    profile: str  # "tiny" or "hub"; "auto" is decided by then
    device: str  # "cpu" or "cuda"
    dtype: torch.dtype  # float32 on the CPU, float16 on a GPU
    seed: int
    output_folder: Path
    live: bool  # whether somebody can move a slider
    auto: bool = False  # whether "auto" chose the profile, so that another may take its place

    @property
    def shows_progress(self) -> bool:
        """Whether the libraries may show their bars: somebody watches, and it takes long."""
        return self.live and self.profile != "tiny"

    def places(self, role: str, model: str = "") -> Iterator[Place]:
        """Where to read a model from: "" for the profile's own, a folder, "owner/name[@revision]" of the hub.

        As `registry.places`. If "auto" chose the profile and its model cannot be had or read, a line says so,
        and the fallback's place comes last.
        """
        check_text("A model's name", str(model) if isinstance(model, Path) else model)
        entry = registry.find(role, self.profile)
        if model:
            yield from registry.places(role, model, self.live)
        elif entry.folder:
            yield registry.in_folder(role, entry.folder)
        elif self.auto:
            yield from self._places_or_fallback(entry)
        else:
            yield from registry.places(role, entry.hub_id, self.live)

    def _places_or_fallback(self, entry: ModelEntry) -> Iterator[Place]:
        try:
            for place in registry.places(entry.role, entry.hub_id, self.live):
                place.go_on_after = (WorkbookError,)
                yield place
                problem = place.problem
                if not isinstance(problem, Unreadable):  # fetching it again would not help
                    break
        except WorkbookError as error:
            problem = error
        reason = re.sub(",? or use the profile tiny.*", ".", str(problem))
        print(f"Profile {entry.fallback} from here on, as auto allows, until start is called again: {reason}")
        self.fall_back(entry.fallback)
        yield from self.places(entry.role)

    def fall_back(self, profile: str) -> None:
        """Go on with another profile, where this one's models cannot be had."""
        object.__setattr__(self, "profile", profile)


def start(
    profile: str = "tiny", seed: int = 0, output_folder: str | Path | None = None, role: str = "text"
) -> Session:
    """Check the settings, choose the device, fix torch's global seed and print what runs where, in one line.

    A value injected by papermill wins over WORKBOOK_PROFILE and WORKBOOK_SEED, and those over the arguments.
    A relative output folder counts from the folder that holds `helpers`; None is `build_folder()`.
    "auto" asks for the hub's model of this role ("text", "image" or "music").
    WORKBOOK_DEVICE=cuda moves the tiny profile to a GPU, =cpu keeps every profile off it.
    Raises WorkbookError, before anything is loaded, for an unknown profile, a seed that is none, a parameter
    of the notebook that is out of its range, or a folder that cannot be written.
    """
    check_interpreter()
    profile = _setting("profile", profile)
    if profile not in PROFILES:
        raise WorkbookError(f'Unknown profile "{profile}": choose one of {", ".join(PROFILES)}.')
    seed = check_seed(_setting("seed", seed))
    parameters.check_namespace(getattr(_shell(), "user_ns", {}))
    folder = _ready(build_folder() if output_folder is None else _root() / output_folder)
    wanted = os.environ.get("WORKBOOK_DEVICE", "")
    if wanted not in ("", "cpu", "cuda"):
        raise WorkbookError(f'WORKBOOK_DEVICE is "{wanted}": set it to cpu or cuda, or not at all.')
    live = is_live()
    quiet_libraries(progress=live and profile != "tiny")
    auto = profile == "auto"
    profile, device, reason = _choose(profile, wanted, role)
    settle_threads()
    import torch

    torch.manual_seed(seed)
    dtype = torch.float16 if device == "cuda" else torch.float32
    models = "the workbook's own small models" if profile == "tiny" else "models from the Hugging Face hub"
    place = "a CUDA GPU" if device == "cuda" else "the CPU"
    print(f"Profile {profile}{reason}: {models}, on {place} in {str(dtype)[6:]}, seed {seed}.")
    return Session(profile, device, dtype, seed, folder, live, auto)


def build_folder() -> Path:
    """The folder for what notebooks write: WORKBOOK_OUTPUT, else build/ in the checkout or here."""
    if chosen := os.environ.get("WORKBOOK_OUTPUT"):
        return Path(chosen).absolute()
    root = _root()
    checkout = (root / "pyproject.toml").is_file() and os.access(root, os.W_OK)
    return (root if checkout else Path.cwd()) / "build"


def generator(seed: int) -> torch.Generator:
    """A CPU generator, so that a seed means the same numbers on every device."""
    import torch

    return torch.Generator("cpu").manual_seed(check_seed(seed))


def is_live() -> bool:
    """Whether somebody sits in front of this notebook (WORKBOOK_LIVE=0 or 1 overrides).

    Jupyter front ends announce that they can answer `input()`; papermill and nbval that they cannot.
    """
    override = os.environ.get("WORKBOOK_LIVE", "")
    if override:
        return override != "0"
    try:
        return bool(_shell().kernel.get_parent()["content"]["allow_stdin"])
    except (AttributeError, KeyError, TypeError):
        return False


def in_kernel() -> bool:
    """Whether this runs in a notebook, live or not."""
    return getattr(_shell(), "kernel", None) is not None


def quiet_libraries(progress: bool = False) -> None:
    """Keep library warnings and log lines, and progress bars unless asked for, off stderr.

    Libraries that are not imported yet read the environment when they are; the others are told directly.
    """
    os.environ["TRANSFORMERS_VERBOSITY"] = os.environ["DIFFUSERS_VERBOSITY"] = "error"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["HF_HUB_VERBOSITY"] = "error"
    for library in LIBRARIES:
        warnings.filterwarnings("ignore", module=rf"{library}(\.|$)")
        logging = sys.modules.get(f"{library}.utils.logging")
        if logging is not None and hasattr(logging, "set_verbosity_error"):
            logging.set_verbosity_error()
        if logging is not None and hasattr(logging, "disable_progress_bar") and not progress:
            logging.disable_progress_bar()
    if not progress:
        os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
        if "huggingface_hub.utils" in sys.modules:
            sys.modules["huggingface_hub.utils"].disable_progress_bars()


def _choose(profile: str, wanted: str, role: str) -> tuple[str, str, str]:
    """Profile and device that will be used, and for "auto" the reason in brackets."""
    if profile == "tiny" and wanted != "cuda":
        return "tiny", "cpu", ""
    import torch

    cuda = wanted != "cpu" and torch.cuda.is_available()
    if wanted == "cuda" and not cuda:
        raise WorkbookError("WORKBOOK_DEVICE is cuda, but torch finds no CUDA GPU: unset it to use the CPU.")
    if profile != "auto":
        return profile, "cuda" if cuda else "cpu", ""
    if not cuda:
        return "tiny", "cpu", " (auto: no CUDA GPU here)"
    model = registry.find(role, "hub")
    try:
        if not hub.cached_folder(model.hub_id, model.revision, role):
            hub.check_reachable(model.hub_id, model.revision, role)
    except WorkbookError:
        return "tiny", "cuda" if wanted else "cpu", " (auto: the hub is out of reach)"
    return "hub", "cuda", " (auto: a CUDA GPU, and the hub's models can be had)"


def _setting(name: str, argument):
    """The value that counts: injected by papermill (it *is* the argument then), environment, argument."""
    value = os.environ.get(f"WORKBOOK_{name.upper()}", "")
    cells = getattr(_shell(), "user_ns", {}).get("In", [])
    return value if value and name not in parameters.injected(cells) else argument


def _shell():
    """The running IPython shell, or None."""
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None


def _root() -> Path:
    return Path(__file__).resolve().parents[1]


def _ready(folder: Path) -> Path:
    """The folder, made if need be; one sentence if that is impossible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = "is a file" if folder.is_file() else f"cannot be made ({error.strerror})"
        raise WorkbookError(f"The output folder {folder} {what}: name another one.") from None
    if not os.access(folder, os.W_OK):
        raise WorkbookError(f"The output folder {folder} cannot be written: name another one.")
    return folder
