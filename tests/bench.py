"""Measured speed, printed: `make bench`. Times belong to the machine; ratios of paired runs travel better."""

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median

WANTED = 1.1  # how many times as fast as model.generate the notebook's loop with a cache has to be
MODULES = ("helpers.session", "helpers.registry", "helpers.metrics", "helpers.exercises", "helpers.run")


Work = Callable[[], object]


def seconds(work: Work) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def paired(first: Work, second: Work, pairs: int) -> list[tuple[float, float]]:
    """Seconds of two pieces of work, run in turn `pairs` times (first second first ...) after a warm-up."""
    first(), second()
    return [(seconds(first), seconds(second)) for _ in range(pairs)]


def generation(pairs: int, count: int, prompt: str = "Once upon a time") -> dict:
    """The notebook's greedy_cached against model.generate: same model, prompt and tokens, batch of one.

    Tokens per second of both (medians), and the median over the pairs of seconds(generate) / seconds(ours).
    Raises RuntimeError where the two write different tokens: then the comparison would mean nothing.
    """
    import torch

    from helpers import text
    from helpers.session import start
    from tests.notebook_code import functions

    tokenizer, model = text.load(start("tiny"))
    greedy_cached = functions("03_text_generation", "greedy_cached").greedy_cached
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
    times = paired(loop, library, pairs)
    return {
        "new_tokens": count, "pairs": pairs, "threads": torch.get_num_threads(),
        "loop_tokens_per_second": round(count / median(a for a, _ in times), 1),
        "generate_tokens_per_second": round(count / median(b for _, b in times), 1),
        "ratio": round(median(b / a for a, b in times), 3),
        "ratio_range": [round(pick(b / a for a, b in times), 3) for pick in (min, max)], "wanted": WANTED,
    }  # fmt: skip


def imports(repeats: int = 3) -> dict[str, float]:
    """Seconds that a fresh Python takes to start and import each light module (medians); "python" is none."""
    commands = {"python": "pass"} | {module: f"import {module}" for module in MODULES}
    return {
        name: round(median(seconds(lambda c=code: subprocess.run([sys.executable, "-c", c], check=True))
                           for _ in range(repeats)), 3)
        for name, code in commands.items()
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and end with one line of JSON; 1 where the wanted ratio is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--pairs", type=int, default=9, help="how often both are timed (at least 7)")
    parser.add_argument("--tokens", type=int, default=200, help="new tokens in each run")
    asked = parser.parse_args(arguments)
    if asked.pairs < 7 or asked.tokens < 1:
        parser.error("take at least 7 pairs and 1 token")
    speed = generation(asked.pairs, asked.tokens)
    print(f"{asked.tokens} new tokens, greedy, {asked.pairs} pairs, {speed['threads']} threads (medians)")
    print(f"  greedy_cached   {speed['loop_tokens_per_second']:8.1f} tokens/s")
    print(f"  model.generate  {speed['generate_tokens_per_second']:8.1f} tokens/s")
    low, high = speed["ratio_range"]
    print(f"  ratio           {speed['ratio']:8.2f} (pairs: {low} to {high}; wanted: {WANTED} or more)")
    loading = imports()
    print("Start of Python and import, seconds:")
    print("\n".join(f"  {name:18} {value:5.2f}" for name, value in loading.items()))
    machine = {"python": platform.python_version(), "machine": platform.machine()}
    print(json.dumps({"generation": speed, "imports": loading} | machine))
    return int(speed["ratio"] < WANTED)


if __name__ == "__main__":
    sys.exit(main())
