"""Measured speed, as Markdown: `make bench`. Times belong to the machine; paired ratios travel better."""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from tests.calibration import calibrate, in_units

LOOP_WANTED = 1.1  # how many times as fast as model.generate the notebook's loop with a cache has to be
PICTURE_WANTED = 2.0  # and the default picture, compared with 50 steps of the model's own scheduler
MODULES = ("helpers.session", "helpers.registry", "helpers.metrics", "helpers.exercises", "helpers.run",
           "helpers.text", "helpers.images", "helpers.plots", "torch")  # fmt: skip
PARTS = ("generation", "picture", "imports", "notebooks")

Work = Callable[[], object]


def seconds(work: Work) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def paired(first: Work, second: Work, pairs: int) -> list[tuple[float, float]]:
    """Seconds of two pieces of work, run in turn `pairs` times (first second first ...) after a warm-up."""
    first(), second()
    return [(seconds(first), seconds(second)) for _ in range(pairs)]


def compared(times: list[tuple[float, float]], names: tuple[str, str], wanted: float) -> dict:
    """Median seconds of both, and over the pairs second / first: how many times as fast the first is."""
    ratios = [second / first for first, second in times]
    medians = [round(median(column), 4) for column in zip(*times, strict=True)]
    return {
        "pairs": len(times), "seconds": dict(zip(names, medians, strict=True)),
        "ratio": round(median(ratios), 3), "ratio_range": [round(min(ratios), 3), round(max(ratios), 3)],
        "wanted": wanted,
    }  # fmt: skip


def generation(pairs: int, count: int, prompt: str = "Once upon a time") -> dict:
    """The notebook's greedy_cached against model.generate: same model, prompt and tokens, batch of one.

    Raises RuntimeError where the two write different tokens: then the comparison would mean nothing.
    """
    import torch

    from helpers import text
    from helpers.session import start
    from tests.notebook_code import functions

    tokenizer, model = text.load(start("tiny"))
    greedy_cached = functions("13_text_generation_deeper", "greedy_cached").greedy_cached
    once = tokenizer(prompt, return_tensors="pt")
    limits = {"do_sample": False, "min_new_tokens": count, "max_new_tokens": count}

    @torch.no_grad()  # as the notebook and generate run
    def loop() -> torch.Tensor:
        return greedy_cached(model, once.input_ids, count)

    def library() -> torch.Tensor:
        return model.generate(**once, **limits)

    # generate forbids the end token while it has to go on; the loop has no such rule, so they may part there.
    mine, theirs = loop()[0], library()[0]
    apart = (mine != theirs).nonzero().flatten().tolist()
    if apart and mine[apart[0]] != model.generation_config.eos_token_id:
        raise RuntimeError(f"greedy_cached and generate write different tokens, from position {apart[0]} on.")
    found = compared(paired(loop, library, pairs), ("greedy_cached", "model.generate"), LOOP_WANTED)
    rates = {name: round(count / one, 1) for name, one in found["seconds"].items()}
    return {"new_tokens": count, "tokens_per_second": rates} | found


def picture(pairs: int, prompt: str = "a red balloon over the ocean at sunset") -> dict:
    """`images.generate` as it is called by default against the library's own default, 50 steps.

    Same prompt, seed, guidance and scheduler (the one that the model comes with). Raises RuntimeError where
    the judge of pictures reads another scene in one than in the other.
    """
    from helpers import images
    from helpers.session import start
    from smallworld.judges import pictures as judge

    pipe, reader = images.load(start("tiny")), judge.load()

    def ours() -> list:
        return images.generate(pipe, prompt, seed=0)

    def library() -> list:
        given = {"latents": images.noise(pipe, 0), "guidance_scale": images.GUIDANCE_SCALE}
        return pipe(prompt, **given).images

    read = [[(it.place, it.time, it.thing) for it in reader.read(draw())] for draw in (ours, library)]
    if read[0] != read[1]:
        raise RuntimeError(f"The two draw different scenes: {read[0]} and {read[1]}.")
    names = f"images.generate ({images.STEPS} steps)", f"pipeline (50 steps, {type(pipe.scheduler).__name__})"
    return compared(paired(ours, library, pairs), names, PICTURE_WANTED)


def imports(repeats: int = 5) -> dict[str, float]:
    """Seconds that a fresh Python takes to start and import each module (medians); "python" imports none."""
    commands = {"python": "pass"} | {module: f"import {module}" for module in MODULES}
    return {
        name: round(median(seconds(lambda c=code: subprocess.run([sys.executable, "-c", c], check=True))
                           for _ in range(repeats)), 3)
        for name, code in commands.items()
    }  # fmt: skip


def notebooks(names: Sequence[str] = ()) -> dict:
    """Each notebook's wall time, in seconds and in units, and its peak memory in GB; and the calibrations.

    They run as `make run` runs them, one at a time; a unit is one calibration, measured before and after.
    Memory is that of the largest process, the kernel (in notebook 06 two that train side by side count once).
    Raises RuntimeError where a notebook fails.
    """
    from helpers.run import find_notebooks

    calibrations, found = calibrate(), {}
    for path in find_notebooks(names):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "helpers.run", path, "--output", Path(folder) / "out"]
            begin = time.perf_counter()
            child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            _, status, usage = os.wait4(child.pid, 0)  # with the kernel's usage, which helpers.run waited for
            took = time.perf_counter() - begin
        if status:
            raise RuntimeError(f"{path.stem} failed: see it with python -m helpers.run {path.stem[:2]}.")
        scale = 1 if sys.platform == "darwin" else 1024  # bytes on macOS, else KiB
        found[path.stem] = {"seconds": round(took, 1), "gigabytes": round(usage.ru_maxrss * scale / 1e9, 2)}
        print(f"{path.stem}: {took:.0f} s", file=sys.stderr, flush=True)
    calibrations += calibrate()
    for one in found.values():
        one["units"] = round(in_units(one["seconds"], calibrations), 1)
    return {"each": found, "calibrations": [round(one, 2) for one in calibrations]}


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def report(found: dict) -> str:
    """What was measured, as Markdown."""
    text = ""
    for part in PARTS[:2]:
        if one := found.get(part):
            (fast, quick), (slow, slower) = one["seconds"].items()
            low, high = one["ratio_range"]
            text += "\n" + table((part, "seconds"), [(fast, quick), (slow, slower)])
            text += f"\nIt is {one['ratio']:.2f} times as fast ({one['pairs']} pairs: {low} to {high}; "
            text += f"wanted: {one['wanted']}).\n"
    if "imports" in found:
        text += "\n" + table(("start of Python and import", "seconds"), list(found["imports"].items()))
    if "notebooks" in found:
        each, calibrations = found["notebooks"]["each"], found["notebooks"]["calibrations"]
        rows = [(name, one["units"], one["seconds"], one["gigabytes"]) for name, one in each.items()]
        units, times, memory = list(zip(*rows, strict=True))[1:]
        rows.append(("all", round(sum(units), 1), round(sum(times), 1), max(memory)))
        text += "\n" + table(("notebook", "units", "seconds", "GB at the peak"), rows)
        text += f"\nA unit is {median(calibrations):.2f} s here (median of {len(calibrations)}: "
        text += f"{min(calibrations):.2f} to {max(calibrations):.2f}).\n"
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and end with one line of JSON; 1 where a wanted ratio is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all by default")
    parser.add_argument("--pairs", type=int, default=9, help="pairs that are timed, 7 or more")
    parser.add_argument("--tokens", type=int, default=200, help="new tokens in each run of generation")
    asked = parser.parse_args(arguments)
    if asked.pairs < 7 or asked.tokens < 1 or set(asked.parts) - set(PARTS):
        parser.error(f"take at least 7 pairs and 1 token, and parts from {', '.join(PARTS)}")
    import torch

    measures = {
        "generation": lambda: generation(asked.pairs, asked.tokens), "picture": lambda: picture(asked.pairs),
        "imports": imports, "notebooks": notebooks,
    }  # fmt: skip
    found = {part: measures[part]() for part in asked.parts or PARTS}
    where = {"python": platform.python_version(), "torch": torch.__version__, "machine": platform.machine(),
             "cores": os.cpu_count(), "threads": torch.get_num_threads()}  # fmt: skip
    print(", ".join(f"{name} {value}" for name, value in where.items()), report(found), sep="\n")
    print(json.dumps(found | where))
    return int(any(one["ratio"] < one["wanted"] for one in found.values() if "ratio" in one))


if __name__ == "__main__":
    sys.exit(main())
