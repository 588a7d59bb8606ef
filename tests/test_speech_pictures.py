"""Figures, drawings and players of the sections on speech hold what they are given and refuse what is odd."""

from xml.etree import ElementTree

import numpy as np
import pytest

from helpers import plots
from helpers.errors import WorkbookError
from helpers.lessons.sound import listening, speech_diagrams, speech_figures, wavenet
from helpers.lessons.sound.listening import Answer
from smallworld.judges.voice import Heard
from smallworld.world import speech
from smallworld.world.sounds import RATE

VOICE = speech.say("shi", 150.0).samples
ANSWERS = [
    Answer("a", 120.0, Heard("a", 121.0, (720.0, 1100.0))),
    Answer("i", 180.0, Heard("e", 150.0, (500.0, 1900.0))),
    Answer("u", 200.0, Heard("", 0.0, (0.0, 0.0))),
]
DRAWINGS = {
    "voice": speech_diagrams.voice_parts, "dilations": speech_diagrams.dilations,
    "no dilations": lambda: speech_diagrams.dilations([1, 1, 1, 1]), "ring": speech_diagrams.ring,
    "ring of six": lambda: speech_diagrams.ring(6, 11),
    "ring of six, first place": lambda: speech_diagrams.ring(6, 12),
}  # fmt: skip
FIGURES = {
    "waves": lambda: speech_figures.waves({"one": VOICE, "two": -VOICE}),
    "spectrograms": lambda: speech_figures.spectrograms({"one": VOICE, "two": np.zeros(4000)}),
    "mu-law": speech_figures.steps_of_mu_law,
    "next": lambda: speech_figures.next_sample(wavenet.WaveNet(4, 4), wavenet.record(["a"], 1), 1300),
    "learning": lambda: speech_figures.learning([5.5, 5.0, 4.0]),
    "recognised": lambda: speech_figures.recognised({"our synthesis": ANSWERS, "the model": ANSWERS[:1]}),
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_well_formed_and_the_same_each_time(name):
    drawing = DRAWINGS[name]()
    assert ElementTree.fromstring(drawing.svg).get("aria-label") == drawing.alt
    assert drawing.svg == DRAWINGS[name]().svg and len(drawing.alt) > 60


def test_the_drawing_of_dilations_counts_what_the_model_sees():
    assert "sees 16 samples" in speech_diagrams.dilations().alt
    assert "the 16 samples that it depends on" in speech_diagrams.dilations().alt
    assert "the 5 samples that it depends on" in speech_diagrams.dilations([1, 1, 1, 1]).alt


@pytest.mark.parametrize("steps", [(), (16,), (1, 2, 4, 8, 16), (0,), (1.5,), "12", 4])
def test_dilations_that_do_not_fit_are_told(steps):
    with pytest.raises(WorkbookError, match="give 1 to 5 whole numbers"):
        speech_diagrams.dilations(steps)


def test_a_ring_names_the_place_that_is_read_and_written():
    assert "Place 2 holds the value of step 2" in speech_diagrams.ring(4, 6).alt
    with pytest.raises(WorkbookError, match="dilation is 9"):
        speech_diagrams.ring(9, 20)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_can_be_drawn_and_names_its_axes(name):
    figure = FIGURES[name]()
    assert all(axes.get_xlabel() or axes.get_ylabel() for axes in figure.axes)
    assert len(plots.png(figure)) > 5_000


@pytest.mark.parametrize(("order", "answer"), [(("mi", "shu"), "mi"), (("shu", "mi"), "shu")])
def test_the_word_that_was_played_first_is_the_right_guess(order, answer, monkeypatch):
    asked = []
    monkeypatch.setattr(speech_figures.guess, "choice", lambda *given, **named: asked.append((given, named)))
    speech_figures.guess_first({word: speech.say(word).samples for word in order})
    (((_, options, draw), named),) = asked
    assert options == ["mi", "shu"] and named["answer"] == answer
    assert named["alt"].endswith(f"first {order[0]}, then {order[1]}.")
    for chosen in (None, "mi"):
        first, second = (axes.get_title(loc="left") for axes in draw(chosen).axes)
        assert first.startswith(f"first: {order[0]}") and second == f"second: {order[1]}"
        assert ("your guess: mi" in first) == (chosen == "mi")


def test_griffin_lim_finds_a_wave_with_the_wanted_spectrogram_and_the_same_pitch():
    from smallworld.judges import voice

    spoken = speech.say("a", 140.0).samples
    wanted = listening.spectrogram(spoken)
    rough, fine = (listening.griffin_lim(wanted, steps) for steps in (1, 60))
    assert listening.likeness(wanted, fine) > max(0.8, listening.likeness(wanted, rough))
    assert listening.likeness(wanted, spoken) > 0.999
    heard = voice.hear(fine)
    assert heard.vowel == "a" and heard.pitch == pytest.approx(140, rel=0.05)
    assert np.array_equal(fine, listening.griffin_lim(wanted, 60)) and RATE == 8000
