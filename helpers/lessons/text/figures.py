"""The figures of notebook 03: next tokens as bars, settings side by side, counts with their intervals."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helpers import guess, plots, text
from helpers.diagrams import visible
from helpers.lessons.text.stories import Obeyed, Sound, wilson_interval

WIDTH = 8.1  # inches, as wide as a page
SAME = "the same number after both"


def side_by_side(labels: Sequence[str], panels: Mapping[str, Sequence[float]], note: str = "") -> Figure:
    """Bars of probabilities, a panel for each entry: the same labels and one scale in all of them."""
    highest = max(float(max(values)) for values in panels.values())
    figure, row = _row(len(panels), len(labels), note)
    for axes, (title, values) in zip(row, panels.items(), strict=True):
        _token_bars(labels, values, axes, title=title, limits=(0, 1.25 * highest))
    for axes in row[1:]:  # the labels stand once, on the left
        axes.set_yticklabels([])
        axes.set_ylabel("")
    return figure


def likeliest(
    tokenizer, places: Mapping[str, torch.Tensor], cuts: Mapping[str, torch.Tensor] | None = None,
    count: int = 10, note: str = "",
) -> Figure:  # fmt: skip
    """The likeliest next tokens after each prompt, a panel for each, on one scale.

    places: for each prompt the probabilities (vocabulary,); cuts: the same after top-k or top-p; tokens that
    are above 0 there are orange and ticked. note: a line above all panels.
    """
    figure, row = _row(len(places), count, note)
    for axes, (prompt, probabilities) in zip(row, places.items(), strict=True):
        top = probabilities.topk(min(count, len(probabilities)))
        title, kept = _ending(prompt), []
        if cuts:
            title += f"\n{number_kept(cuts[prompt]):,} kept (✓)"
            kept = [i for i, token in enumerate(top.indices.tolist()) if cuts[prompt][token] > 0]
        names = token_names(tokenizer, top.indices)
        names = [f"{name} ✓" if i in kept else name for i, name in enumerate(names)]
        _token_bars(names, top.values, axes, title=title, limits=(0, 1.15), highlight=kept)
    return figure


def number_kept(cut: torch.Tensor) -> int:
    """How many tokens still have a probability."""
    return int((cut > 0).sum())


def guess_where_more(
    tokenizer, places: Mapping[str, torch.Tensor], cuts: Mapping[str, torch.Tensor], note: str = ""
) -> None:
    """Guess first: after which of two prompts does the cut keep more tokens? Then see both."""
    counts = {f"after “{_ending(prompt)}”": number_kept(cut) for prompt, cut in cuts.items()}
    answer = max(counts, key=counts.get) if len(set(counts.values())) > 1 else SAME

    def draw(chosen: str | None) -> Figure:
        guessed = f"You guessed: {chosen}. " if chosen else ""
        return likeliest(tokenizer, places, cuts, note=guessed + note)

    alt = "Bars of the likeliest next tokens. Kept are " + ", ".join(
        f"{number} {place}" for place, number in counts.items()
    )
    guess.choice("Where does it keep more tokens?", [*counts, SAME], draw, answer=answer, alt=alt + ".")


def guess_soundest(counts: Mapping[str, Sound]) -> None:
    """Guess first: which setting writes the most sound stories? Then see the share of each."""
    shares = {name: count.sound / count.total for name, count in counts.items()}
    intervals = [wilson_interval(count.sound, count.total) for count in counts.values()]
    said = ", ".join(f"{name}: {count.sound} of {count.total}" for name, count in counts.items())
    guess.winner(
        "Which setting writes the most stories without a fault?", shares, errors=intervals, limits=(0, 1.1),
        x_label="setting", y_label="stories without a fault (share)", alt=f"Bars with intervals. {said}.",
    )  # fmt: skip


def obeyed(counts: Obeyed, note: str = "") -> Figure:
    """How many stories keep to each part of a request, with 95 % intervals: asked, and not asked."""
    figure, row = _row(2, 7, note)
    for axes, (title, hits) in zip(row, _groups(counts), strict=True):
        shares = [number / counts.total for number in hits.values()]
        intervals = [wilson_interval(number, counts.total) for number in hits.values()]
        labels = [f"{fact}\n{number} of {counts.total}" for fact, number in hits.items()]
        plots.bars(labels, shares, errors=intervals, limits=(0, 1.05), title=title,
                   x_label="part of the request", y_label="stories that fit (share)", axes=axes)  # fmt: skip
        axes.tick_params(axis="x", labelsize=10)
    row[1].set_ylabel("")
    return figure


def guess_luck(counts: Obeyed) -> None:
    """Guess first: how many stories that were not asked for anything fit a request? Then see all counts."""
    total, lucky = counts.total, counts.not_asked["all three"]
    limits = {"at most 2": 2, f"3 to {total // 2 - 1}": total // 2 - 1, f"{total // 2} or more": total}
    answer = next(name for name, most in limits.items() if lucky <= most)

    def draw(chosen: str | None) -> Figure:
        return obeyed(counts, note=f"You guessed for “all three”, not asked: {chosen}." if chosen else "")

    said = [f"{title}: " + ", ".join(f"{fact} {number}" for fact, number in hits.items())
            for title, hits in _groups(counts)]  # fmt: skip
    question = f"Of {total} stories without a request, how many fit place, time and character by luck?"
    guess.choice(question, list(limits), draw, answer=answer,
                 alt=f"Bars with intervals, of {total} stories. {'; '.join(said)}.")  # fmt: skip


def next_and_text(
    model, tokenizer, prompt: str, *, seed: int, max_new_tokens: int, temperature: float, top_p: float
) -> Figure:
    """The next token's probabilities after temperature and top-p, above a text that is drawn with them.

    A prompt that ends its line (a request) is not shown again; the text stands alone.
    """
    settings = {"temperature": temperature, "top_p": top_p}
    logits = text.next_token_probabilities(model, tokenizer, prompt).log()
    probabilities = (logits / temperature).softmax(dim=0)
    likeliest_tokens = probabilities.topk(min(6, len(probabilities))).indices
    shares = nucleus_of(probabilities, top_p)[likeliest_tokens]
    story = text.generate(model, tokenizer, prompt, seed=seed, max_new_tokens=max_new_tokens, **settings)[0]
    figure, (chart, page) = plots.grid(2, 1, width=7.0, height=5.6)
    _token_bars(token_names(tokenizer, likeliest_tokens), shares, chart,
                title=f"temperature {temperature}, top-p {top_p}", limits=(0, 1.15))  # fmt: skip
    page.axis("off")
    page.text(0, 1, _page(story if prompt.endswith("\n") else prompt + story), va="top", parse_math=False)
    return figure


def nucleus_of(probabilities: torch.Tensor, top_p: float) -> torch.Tensor:
    """The likeliest tokens until their sum reaches top_p, all others 0; adds up to 1. Shape (vocabulary,)."""
    ranked, order = probabilities.sort(descending=True)
    before = ranked.cumsum(dim=0) - ranked  # the sum of all likelier tokens
    kept = torch.where(before < top_p, ranked, 0)
    cut = torch.zeros_like(probabilities).scatter(0, order, kept)
    return cut / cut.sum()


def token_names(tokenizer, tokens: Iterable[int]) -> list[str]:
    """Tokens as a figure shows them: a dot is a space."""
    return [visible(tokenizer.decode([int(token)])) for token in tokens]


def _row(panels: int, bars: int, note: str) -> tuple[Figure, Sequence[Axes]]:
    """A figure of panels side by side, with a line above them if there is one."""
    height = 0.34 * bars + 1.5 + (0.4 if note else 0)
    figure, row = plots.grid(1, panels, width=WIDTH, height=height, squeeze=False)
    if note:
        figure.suptitle(note, fontsize=12, x=0.02, ha="left")
    return figure, row[0]


def _token_bars(names: Sequence[str], values, axes: Axes, **look) -> None:
    heights = [float(value) for value in values]
    plots.bars(names, heights, horizontal=True, value_format=".2f", x_label="probability",
               y_label="next token", axes=axes, **look)  # fmt: skip


def _groups(counts: Obeyed) -> list[tuple[str, dict[str, int]]]:
    return [("asked", counts.asked), ("not asked", counts.not_asked)]


def _ending(prompt: str, width: int = 30) -> str:
    """A prompt as a title: its last words where it is long."""
    line = " ".join(prompt.split())
    return line if len(line) <= width else "…" + line[-width:]


def _page(words: str) -> str:
    """A text in lines that fit under the bars, also where four figures share a page; the first nine."""
    lines = textwrap.wrap(words.strip(), 44)
    return "\n".join(lines if len(lines) <= 9 else [*lines[:9], "…"])
