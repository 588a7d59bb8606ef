"""The figures of the melodies: piano rolls, the next note as bars, counts with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from helpers import guess, metrics, plots
from helpers.errors import WorkbookError
from helpers.lessons.sound import melodies
from helpers.lessons.sound.melodies import ALL, Obeyed
from helpers.lessons.sound.synthesis import read
from smallworld.world.melodies import KEYS, NAMES, Bars, beats_of, pitch_name, sounding
from smallworld.world.melody_reader import likeliest_key, notes_outside

WIDTH = 8.1  # inches, as wide as a page
IN_KEY, OUTSIDE, UNEVEN = plots.PALETTE[0], plots.PALETTE[4], "#fbe6d4"


def piano_roll(tunes: str | Mapping[str, str], *, key: str = "", metre: str = "", note: str = "") -> Figure:
    """Tunes as a piano roll: time runs to the right, higher notes lie higher, long notes are long.

    tunes: one tune as text, or several by their titles, below each other on one scale; key, metre: where
    they are given, notes outside the key are orange, and bars that do not fill the metre have a pale ground;
    note: a line above all.
    """
    named = {"": tunes} if isinstance(tunes, str) else dict(tunes)
    if not named:
        raise WorkbookError("There is no tune to draw: give at least one.")
    bars = {title: read(tune) for title, tune in named.items()}
    figure, rows = plots.grid(
        len(bars), 1, width=WIDTH, height=1.9 * len(bars) + 0.6 + 0.4 * bool(note), squeeze=False, sharex=True
    )
    if note:
        figure.suptitle(note, fontsize=12, x=0.02, ha="left")
    for (axes,), (title, tune) in zip(rows, bars.items(), strict=True):
        _roll(axes, tune, key, metre)
        axes.set_title(title, fontsize=12)
    _share_pitches([axes for (axes,) in rows], list(bars.values()))
    longest = max(sum(map(beats_of, tune)) for tune in bars.values())
    rows[-1][0].set(xlabel="time (beats)", xlim=(0, longest))
    return figure


def _roll(axes: Axes, bars: Bars, key: str, metre: str) -> None:
    """One tune: a box for each note, a grey line for each bar line."""
    wanted, start = float(metre.split("/")[0]) if metre else 0.0, 0.0
    outside = _outside(bars, key)
    for bar in bars:
        end = start + beats_of(bar)
        if wanted and end - start != wanted:
            axes.axvspan(start, end, color=UNEVEN, zorder=0)
        for note in bar:
            if note.pitch is not None:
                colour = OUTSIDE if note.pitch % 12 in outside else IN_KEY
                corner = (start + 0.04, note.pitch - 0.42)
                axes.add_patch(Rectangle(corner, note.beats - 0.08, 0.84, color=colour))
            start += note.beats
        axes.axvline(end, color="#8a8a8a", linewidth=1)
    axes.grid(False, axis="x")
    axes.set_ylabel("note")


def _outside(bars: Bars, key: str) -> set[int]:
    """The pitches, as semitones above C, that the key does not hold; none where no key is given."""
    if key not in KEYS or not sounding(bars):
        return set()
    tonic, mode, _ = likeliest_key(sounding(bars), key)
    return {note.pitch % 12 for note in sounding(bars) if notes_outside([note], tonic, mode)}


def _share_pitches(rows: Sequence[Axes], tunes: Sequence[Bars]) -> None:
    """The same pitches in all rows, with the names of some white keys."""
    pitches = [note.pitch for bars in tunes for note in sounding(bars)] or [60]
    low, high = min(pitches) - 1, max(pitches) + 1
    letters = "CDEGA" if high - low <= 14 else "CEGA"
    named = [pitch for pitch in range(low, high + 1) if NAMES[pitch % 12] in letters]
    for axes in rows:
        axes.set_ylim(low - 0.5, high + 0.5)
        axes.set_yticks(named, [pitch_name(pitch) for pitch in named])


def sung(mood: str, place: str, key: str, metre: str, temperature: float, *, seed: int) -> Figure:
    """A tune that the shipped model sings on request, as a piano roll under what the reader heard.

    A tune that breaks off is drawn up to there.
    """
    request = melodies.ask(mood, place, key, metre)
    (tune,) = melodies.sing([request], seed=seed, temperature=temperature)
    heard = melodies.heard(melodies.read(tune, key))
    whole = melodies.playable(tune) or "rest 4"
    marks = {"key": key, "metre": metre if metre != "any" else ""}
    return piano_roll({f"asked: {request[:-2]}\nheard: {heard}": whole}, **marks)


def next_words(tokenizer, places: Mapping[str, Sequence[float]], count: int = 8) -> Figure:
    """The likeliest next words of a tune after each beginning, a panel for each, on one scale.

    places: for each beginning the probabilities of all words, a tensor (vocabulary,).
    """
    figure, row = plots.grid(1, len(places), width=WIDTH, height=0.34 * count + 1.6, squeeze=False)
    for axes, (beginning, probabilities) in zip(row[0], places.items(), strict=True):
        top = probabilities.topk(count)
        names = [tokenizer.decode([number]) for number in top.indices.tolist()]
        title = beginning if len(beginning) <= 30 else "…" + beginning[-30:]
        plots.bars(
            names, top.values.tolist(), horizontal=True, value_format=".2f", limits=(0, 1.15), title=title,
            x_label="probability", y_label="next word", axes=axes,
        )  # fmt: skip
        axes.title.set_fontsize(11)
    for axes in row[0][1:]:
        axes.set_ylabel("")
    return figure


# ------------------------------------------------------------------ counts
def kept(counts: Mapping[str, int], total: int, note: str = "") -> Figure:
    """How many of `total` tunes keep their metre at each setting, with 95 % intervals; note: a line above."""
    figure, axes = plots.grid(width=WIDTH, height=3.6 + 0.4 * bool(note))
    if note:
        figure.suptitle(note, fontsize=12, x=0.02, ha="left")
    _shares(axes, counts, total, "Tunes that keep their metre", "temperature")
    return figure


def obeyed(counts: Obeyed, note: str = "") -> Figure:
    """How many tunes keep to each part of a request, with 95 % intervals: asked, and not asked."""
    figure, row = plots.grid(1, 2, width=WIDTH, height=3.8 + 0.4 * bool(note))
    if note:
        figure.suptitle(note, fontsize=12, x=0.02, ha="left")
    for axes, (title, hits) in zip(
        row, {"asked": counts.asked, "not asked": counts.by_luck}.items(), strict=True
    ):
        _shares(axes, hits, counts.total, title, "part of the request")
    row[1].set_ylabel("")
    return figure


def writers(counts: Mapping[str, Obeyed], fact: str = "mood") -> Figure:
    """The share of tunes that keep to one part of a request, for each writer, with 95 % intervals."""
    figure, axes = plots.grid(width=WIDTH, height=3.6)
    total = next(iter(counts.values())).total
    hits = {name: count.asked[fact] for name, count in counts.items()}
    _shares(axes, hits, total, f"{fact} as asked", "who writes the tune")
    return figure


def guess_luck(counts: Obeyed) -> None:
    """Guess first: how many tunes that were asked for nothing fit a request in all? Then see all counts."""
    total, lucky = counts.total, counts.by_luck[ALL]
    limits = {"at most 2": 2, f"3 to {total // 2 - 1}": total // 2 - 1, f"{total // 2} or more": total}
    answer = next(name for name, most in limits.items() if lucky <= most)

    def draw(chosen: str | None) -> Figure:
        return obeyed(counts, note=f"You guessed for “{ALL}”, not asked: {chosen}." if chosen else "")

    said = [
        f"{title}: " + ", ".join(f"{fact} {number}" for fact, number in hits.items())
        for title, hits in {"asked": counts.asked, "not asked": counts.by_luck}.items()
    ]
    question = f"Of {total} tunes without a request, how many fit mood, place, key and metre by luck?"
    guess.choice(question, list(limits), draw, answer=answer,
                 alt=f"Bars with intervals, of {total} tunes. {'; '.join(said)}.")  # fmt: skip


def guess_moods(tunes: Mapping[str, str]) -> None:
    """Guess first, by ear or by eye: which of two tunes has the mood that stands first?

    tunes: by their moods; they are drawn in the order of the alphabet of their notes, so that the order tells
    nothing, and named once there is a guess.
    """
    moods = list(tunes)
    wanted, ranked = moods[0], sorted(tunes.values())
    letters = {tune: f"tune {letter}" for letter, tune in zip("ABCDEF", ranked, strict=False)}
    answer = letters[tunes[wanted]]

    def draw(chosen: str | None) -> Figure:
        titles = {f"{letters[tune]}: {mood}": tune for mood, tune in tunes.items()}
        shown = dict(sorted(titles.items()))
        return piano_roll(shown, note=f"You guessed: {chosen}." if chosen else "")

    said = ", ".join(f"{letters[tune]} is {mood}" for mood, tune in tunes.items())
    guess.choice(f"Which tune is {wanted}?", sorted(letters.values()), draw, answer=answer,
                 alt=f"Piano rolls below each other: {said}.")  # fmt: skip


def _shares(axes: Axes, hits: Mapping[str, int], total: int, title: str, x_label: str) -> None:
    """Bars of shares of `total` with their intervals and counts."""
    intervals = [metrics.wilson_interval(number, total) for number in hits.values()]
    labels = [f"{name}\n{number} of {total}" for name, number in hits.items()]
    plots.bars(labels, [number / total for number in hits.values()], errors=intervals, limits=(0, 1.05),
               title=title, x_label=x_label, y_label="tunes (share)", axes=axes)  # fmt: skip
    axes.tick_params(axis="x", labelsize=9)
