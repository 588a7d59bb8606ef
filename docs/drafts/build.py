"""Writes notebooks/07_music_and_speech.ipynb from the cells below, without outputs."""
import hashlib
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

CELLS = []


def md(name, text):
    CELLS.append(("md", name, text.strip("\n"), []))


def code(name, text, *tags):
    CELLS.append(("code", name, text.strip("\n"), list(tags)))


md("title", """
# Music and speech

[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/generative-ai-workbook/generative-ai-workbook/blob/main/notebooks/07_music_and_speech.ipynb)

A story is a row of words. A melody is a row of notes, and a voice is a row of numbers. So they can be written piece by piece, too. Here the loop of notebook 03 writes tunes, you train a small model that speaks, and you hear both.

**You will be able to**

- read a tune as text, as a picture and as a sound;
- let a language model write tunes, and count whether it does what you ask;
- turn a sound into tokens and back;
- say how a WaveNet looks far back, and why it needs a memory;
- say what the large models of today do differently.

**Prerequisites:** loops and functions in Python, a little NumPy, and one lesson with PyTorch. You need no music lesson. [Notebook 03](03_text_generation.ipynb) explains logits, softmax and the loop slowly.

**Time and memory:** about 80 minutes to read, listen and run, and half an hour more for the exercises. The cells run in about a minute and 0.7 GB on two CPU cores, without a network. With a GPU, the profile `hub` adds two large models, for speech and music (2.6 GB to download, about 3 GB on the GPU).
""")

md("setup", """
## Setting up

On your own computer `make lab` installs everything; the lines with `sys` and `%pip` are for Google Colab alone. The second cell holds values that you may change; `str`, `int` and `float` only name the kind of a value.

Sounds are shown as players. None starts by itself: turn the volume down first, then press play.
""")

code("imports", """
import sys

if "google.colab" in sys.modules:  # Colab has all libraries, but not this workbook
    %pip install -q --no-deps git+https://github.com/generative-ai-workbook/generative-ai-workbook@main

from helpers import controls, metrics, sound
from helpers.exercises import check, hint, score, solution, statement, use
from helpers.lessons.sound import (
    hub_models,  # the large models of section 7
    listening,  # what a program hears
    melodies,  # tunes, and how many do what was asked
    rolls,  # figures of tunes
    speech_diagrams,  # drawings
    speech_figures,  # figures of voices
    synthesis,  # from notes to a sound
    wavenet,  # the model that speaks
)
from helpers.plots import show
from helpers.session import generator, start
from smallworld.world import speech  # a voice without any learning
import time
import numpy as np
import torch
""")

code("parameters", """
profile: str = "tiny"  # tiny, hub or auto
seed: int = 0  # every random choice below follows from it, 0 to 4000000000
mood: str = "calm"  # happy, calm, brave, sleepy, sad or scary
place: str = "ocean"  # city, mountains, desert, ocean, forest, meadow, village or snow
voice_text: str = "Hello! I am Mina the fox."  # what the large voice says
voice: str = ""  # "" for the profile's own, a folder, or a hub model as owner/name
music_prompt: str = "a calm tune on a piano"  # what the large music model plays
music_seconds: float = 5.0  # how long it plays, 0.1 to 20
""", "parameters")

md("load-text", """
The next cell loads the *melody model*. It is a small GPT-2, like the model of notebook 03, but it has read tunes instead of stories ([its card](../smallworld/weights/melodies/README.md)).
""")

code("load", """
session = start(profile, seed, role="music")
tokenizer, melody_model = melodies.load(session)
torch.set_grad_enabled(False)  # gradients serve training, which comes in section 5
parameters = melody_model.num_parameters()  # the numbers that it has learnt
print(f"The melody model has {parameters:,} parameters.")
""")

# ---------------------------------------------------------------- 1
md("s1", """
## 1. A tune is a text

The small world of this workbook has stories and pictures. It is also sung. Here is a calm tune about the ocean. A small program wrote it, with rules and dice. It also wrote all the tunes that the model has read.
""")

code("compose", """
tune = melodies.compose("calm", "ocean", "D", "3/4", seed=15)
print(tune)
""")

md("read-tune", """
- `D4 1` is a note. Its name is D, and the 4 says how high it is (D5 is higher). Then comes its length: 1 **beat**. Tap your foot evenly; each tap is a beat.
- `|` begins a new **bar**, a group of beats. The **metre** of this tune is 3/4: every bar has three beats. Check it: $1 + 1 + 1$, then $2 + 1$, and so on.
- The **key** is D. It says which notes belong to the tune, and on which note it comes home.
- `rest`, which this tune does not have, is a silence.

As a picture and as a sound:
""")

code("roll", """
figure = rolls.piano_roll(tune)
# The words describe the figure for readers who cannot see it.
show(figure, "A piano roll: boxes go up from D4, come back, and end on D4.")
sound.player(synthesis.render(tune))
""")

md("roll-text", """
This picture is a **piano roll**. Time goes to the right, a higher note lies higher, and a longer note is longer. Grey lines end the bars. Follow the boxes with a finger while you listen.

*Guess first.* Next you hear two tunes about the snow, first A, then B. One is happy and one is sad. Which one is happy?
""")

code("pair", """
pair = {
    "happy": melodies.compose("happy", "snow", "D", "3/4", seed=5),
    "sad": melodies.compose("sad", "snow", "D", "3/4", seed=15),
}
tune_a, tune_b = sorted(pair.values())  # by the letters of their notes
pause = np.zeros(4000)  # half a second of silence
sound_a = synthesis.render(tune_a)
sound_b = synthesis.render(tune_b)
sound.player(np.concatenate([sound_a, pause, sound_b]))
""")

code("guess-moods", """
rolls.guess_moods(pair)
""")

md("moods", """
Both begin with the same move: two steps down. This *call* opens every tune about the snow; each of the eight places has its own. The mood is made by other things:

| mood | lengths | kind of key | and |
|---|---|---|---|
| happy | short | major | |
| calm | even | major | |
| brave | long, short, long, short | major | leaps |
| sleepy | long | major | notes close together |
| sad | slow | minor | |
| scary | short | minor | rests |

*Major* and *minor* are two kinds of keys; to many listeners minor sounds darker. These are the rules of our small world. Real music is freer.

*Try it.* Change the mood, the place or the seed in the cell that makes `tune`.

### From a note to a sound

A loudspeaker moves to and fro. How often it does so in a second is the **frequency** of the sound, in hertz (Hz). A higher frequency sounds higher: it has a higher **pitch**. A computer numbers the pitches: 69 is the note A4, with 440 Hz. After 12 steps, an **octave**, the frequency has doubled.

| pitch | 57 | 69 | 81 |
|---|---|---|---|
| note | A3 | A4 | A5 |
| frequency | 220 Hz | 440 Hz | 880 Hz |

### Your turn: 07.1

The card says what to write in place of `...`. If you are stuck, run `hint("07.1", 1)` or `solution("07.1")` in a new cell.
""")

code("st1", 'statement("07.1")')

code("ex1", """
def frequency(pitch):
    ...

check("07.1", frequency)
""", "exercise")

md("use1", """
`use` gives back your function if it is right, and else the reference answer; `.whose` says which.
""")

code("scale", """
my_frequency = use("07.1", frequency)
moments = np.arange(2400) / sound.RATE  # 0.3 seconds, cut into 2,400 moments
tones = []
for pitch in (60, 62, 64, 65, 67, 69, 71, 72):  # from C4 to C5
    hertz = my_frequency(pitch)
    # A sine goes up and down once while its input grows by 2 pi.
    angles = 2 * np.pi * hertz * moments
    tones.append(np.sin(angles))
print(f"The function is {my_frequency.whose}.")
sound.player(np.concatenate(tones))
""")

md("overtones", """
Eight notes, from C to the next C. They sound like a machine. `synthesis.render` does more: it adds **overtones**, with 2, 3, 4 and 5 times the frequency, as a string has them, and lets each note fade.
""")

# ---------------------------------------------------------------- 2
md("s2", """
## 2. The same loop

What did the loop of notebook 03 need? Tokens, a model that says how likely each next token is, and dice. Nothing in it knew about stories. So let us give it tunes.

Here each word of a tune is a token. We begin with a *request*: a mood, a place, a key, a metre and a colon.
""")

code("request", """
request = melodies.ask(mood, place, "D", "3/4")
request_ids = tokenizer(request).input_ids
print(request)
print(request_ids)
print(f"The tokenizer knows {len(tokenizer)} words.")
""")

md("next-text", """
After the colon come the notes. The model gives every word a probability to be the next one. We ask twice: after the request, and after the request with a first note.
""")

code("next", """
def next_probabilities(words):
    # How likely each word is to come after these words
    ids = tokenizer(words).input_ids
    inputs = torch.tensor([ids], device=melody_model.device)  # a list of one text
    logits = melody_model(inputs).logits
    last = logits[0, -1].float().cpu()  # after the last word
    return torch.softmax(last, dim=0)

beginnings = {}
for beginning in (request, request + " D4"):
    beginnings[beginning] = next_probabilities(beginning)
figure = rolls.next_words(tokenizer, beginnings)
show(figure, "Bars of next words: notes after the request, lengths after D4.")
""")

md("loop-text", """
After the request the model expects a note, and after a note a length. Nobody told it this rule. Now the loop draws a word, appends it, and begins again, until the end token is drawn.
""")

code("loop", """
dice = generator(session.seed)  # a source of random numbers
words = request
for step in range(150):  # at most 150 words
    probabilities = next_probabilities(words)
    position = torch.multinomial(probabilities, 1, generator=dice)
    number = position.item()  # a plain number
    if number == tokenizer.eos_token_id:  # the tune is over
        break
    words = words + " " + tokenizer.decode([number])
own_tune = words.removeprefix(request).strip()
print(own_tune.replace("| ", "|\\n"))  # each bar in a line of its own
""")

code("own", """
whole_tune = melodies.playable(own_tune)  # without a note that broke off
figure = rolls.piano_roll(whole_tune, key="D", metre="3/4")
show(figure, "A piano roll of the tune that the loop has written.")
sound.player(synthesis.render(whole_tune))
""")

md("own-text", """
A note outside the key would be orange; a bar with a wrong number of beats would have a pale ground. Does the tune open like the one in section 1?

*Try it.* Change `mood` and `place` at the top, and run this section again.
""")

# ---------------------------------------------------------------- 3
md("s3", """
## 3. Does it do what you ask?

One good tune proves little. So we let the model write many, and a program checks them. Begin with the metre: do the lengths in *every* bar add up to the right number of beats?

### Your turn: 07.2
""")

code("st2", 'statement("07.2")')

code("ex2", """
def keeps_metre(bars, beats):
    ...

check("07.2", keeps_metre)
""", "exercise")

md("kept-text", """
The next cell asks for 16 tunes in 3/4 at each of four temperatures. (Above 1, unlikely words are drawn more often.) `melodies.sing` runs the loop with the workbook's own model. `any` in a request leaves something open.

*Guess first:* at which temperature do the first tunes lose their metre?
""")

code("kept", """
my_metre = use("07.2", keeps_metre)
requests = [melodies.ask(metre="3/4")] * 16  # "any any any 3/4 :"
metre_counts = {}
for temperature in (0.5, 1.0, 1.5, 2.0):
    tunes = melodies.sing(
        requests, seed=session.seed,
        temperature=temperature, top_p=1.0)
    count = 0
    for tune in tunes:
        if my_metre(melodies.lengths(tune), 3):  # three beats in each bar
            count = count + 1
    metre_counts[f"T = {temperature}"] = count
note = f"The function is {my_metre.whose}."
figure = rolls.kept(metre_counts, 16, note)
show(figure, "Bars: fewer tunes keep their metre at a higher temperature.")
""")

md("obeyed-text", """
One wrong length breaks a bar, so a bold choice soon costs the metre. (The thin lines are 95 % confidence intervals, as in notebook 03.)

Now the whole request: 24 tunes, each with a mood, a place, a key and a metre. No training tune has this mood and this place *together*. A program, the *reader*, looks at the notes alone. It counts the beats, finds the key, and knows the calls and the signs of the moods.

A count needs a baseline. So we also take 24 tunes that were asked for nothing, and hold each against a request. What fits then fits by luck.

*Guess first:* how many of those fit a request in all four?
""")

code("obeyed", """
obeyed_counts = melodies.count_obeyed(seed=session.seed)
rolls.guess_luck(obeyed_counts)
""")

code("failed", """
obeyed = obeyed_counts.asked["all four"]
tune_count = obeyed_counts.total
# The ends of the thin line in the figure
low, high = metrics.wilson_interval(obeyed, tune_count)
print(f"{obeyed} of {tune_count} tunes do all four things.")
print(f"The interval: {low:.2f} to {high:.2f}")
for wish, tune, heard in obeyed_counts.failed[:1]:  # the first, if any
    print("\\nAsked for:", wish)
    print(tune)
    print("The reader hears:", heard)
""")

md("writers-text", """
What would a simpler model be worth? Notebook 01 remembers what came after a piece. Here a program remembers what came after *two* words, in 2,000 training tunes. It gets the same 24 requests. A third writer throws dice for every note.

*Guess first:* how many tunes of the second writer have the right mood?
""")

code("writers", """
writer_counts = melodies.count_writers(seed=session.seed)
figure = rolls.writers(writer_counts)
show(figure, "Bars: tunes with the right mood, by three writers; the model leads.")
""")

md("explore-text", """
The second writer sees only two words, so it forgets the mood when the notes begin. The model sees the request and all notes. (Does it copy? [Its card](../smallworld/weights/melodies/README.md) counts.)

In JupyterLab and Colab, move the controls. Elsewhere you see four moods with the same dice.
""")

code("explore", """
import ipywidgets as widgets  # lists to choose from, and a slider

def ahead(mood, place, temperature):
    # A tune on request, as a piano roll, under what the reader hears
    return rolls.sung(mood, place, "D", "3/4", temperature,
                      seed=session.seed)
""")

code("controls", """
controls.explore(
    ahead, "Four piano rolls: tunes for four moods, and what the reader hears.",
    # Where nothing can be moved: a figure for each of these moods.
    sweep={"mood": ("happy", "brave", "sleepy", "scary")},
    mood=widgets.Dropdown(
        options=melodies.MOODS, value=mood, description="mood"),
    place=widgets.Dropdown(
        options=melodies.PLACES, value=place, description="place"),
    temperature=widgets.FloatSlider(
        value=0.8, min=0.2, max=2.0, step=0.1,
        description="temperature"),
)
""")

# ---------------------------------------------------------------- 4
md("s4", """
## 4. A voice is a row of numbers

A microphone measures, 8,000 times a second, how far the air has pushed it. Each measurement is a *sample*, a number from -1 to 1. Here is an "a", as in *father*, at 120 Hz. A program made it by a formula, without any learning. Two parts make such a voice; see the drawing.
""")

code("a-voice", """
a_voice = speech.say("a", 120.0).samples
print(len(a_voice), "samples; five of them:")
print(a_voice[1000:1005].round(3))
sound.player(a_voice)
""")


code("parts", """
speech_diagrams.voice_parts()
""")

md("waves-text", """
The *source* gives the pitch: the vocal folds open and close 120 times a second. Throat and mouth are a *filter*. They make some frequencies louder, which are called **formants**; these make an "a" sound like an "a".

Here is a short piece of three voices. Where do you see the pitch, and where the vowel?
""")

code("waves", """
sounds = {
    "a at 120 Hz": a_voice,
    "i at 120 Hz": speech.say("i", 120.0).samples,
    "a at 200 Hz": speech.say("a", 200.0).samples,
}
figure = speech_figures.waves(sounds)
show(figure, "Three waves: a pattern comes again and again, more often at 200 Hz.")
""")

md("spectrogram-text", """
A pattern comes again and again. At 200 Hz it comes more often: that is the pitch. The vowel is in the shape of the pattern, which is hard to see. A **spectrogram** shows it better: time goes to the right, frequency goes up, and dark is strong.
""")

code("spectrograms", """
figure = speech_figures.spectrograms(sounds)
show(figure, "Three spectrograms: dark bands lie alike for a, and elsewhere for i.")
""")

md("levels-text", """
The dark bands are the formants. The two "a" have nearly the same bands; the "i" has others.

*Try it.* Put `speech.say("shima", (220.0, 110.0)).samples` into a player: its pitch falls.

### From a sample to a token

A language model chooses one of some thousand tokens. But a sample can be *any* number from -1 to 1. So we allow only a few *levels*, and write down the number of the nearest one. With five levels, at -1, -0.5, 0, 0.5 and 1, the sample 0.3 is nearest to 0.5. That is level 3: we count from 0.

### Your turn: 07.3
""")

code("st3", 'statement("07.3")')

code("ex3", """
def nearest_level(sample, levels):
    ...

check("07.3", nearest_level)
""", "exercise")

md("coarse-text", """
*Guess first:* you will hear the "a" with 256, with 16 and with 4 levels. From how few do you still understand it?
""")

code("coarse", """
my_level = use("07.3", nearest_level)
coarse_voices = {}
for levels in (256, 16, 4):
    coarse = []
    for sample in a_voice:
        level = my_level(sample, levels)
        # Back to a sample: level 0 is -1, the last one is 1.
        coarse.append(2 * level / (levels - 1) - 1)
    coarse_voices[f"{levels} levels"] = np.array(coarse)
print(f"The function is {my_level.whose}.")
figure = speech_figures.waves(coarse_voices)
show(figure, "The same wave three times: smooth, with steps, with large steps.")
sound.player(np.concatenate(list(coarse_voices.values())))
""")

md("mulaw-text", """
Many samples of a voice are small, and for them the steps are too large. **Mu-law**, an idea of the telephone companies, has small steps near 0 and large steps for the loud samples, which are rare. Here are 16 levels of both kinds.
""")

code("mulaw", """
figure = speech_figures.steps_of_mu_law(16)
show(figure, "Two rows of 16 levels: equal steps, and mu-law, flat near 0.")
numbers = wavenet.encode(a_voice, 16)  # the level of each sample, 0 to 15
mu_voice = wavenet.decode(numbers, 16).numpy()  # back to samples
even_voice = coarse_voices["16 levels"]
print("mean error with equal steps:", listening.mean_error(even_voice, a_voice))
print("mean error with mu-law:     ", listening.mean_error(mu_voice, a_voice))
sound.player(np.concatenate([even_voice, mu_voice]))
""")

md("mulaw-end", """
Equal steps came first. From here on we use 256 levels of mu-law: each sample is one of 256 tokens.
""")

# ---------------------------------------------------------------- 5
md("s5", """
## 5. A model that looks far back

Now the loop could write a voice: look at the samples so far, rate the 256 levels, draw one, append it. How far back must the model look? A voice of 100 Hz repeats its pattern every 80 samples, so it should see at least the last 80.

Take a network with layers. Each value is made from *two* values of the layer below: the one at the same place, and the one before it. Follow the lines down from the orange box.
""")

code("narrow", """
speech_diagrams.dilations([1, 1, 1, 1])
""")

md("wide-text", """
Four layers see five samples; for 80 samples you would need 79 layers. WaveNet (2016) has a better way: its second layer looks *two* places back, the third one *four*, the fourth one *eight*. Such layers are called **dilated convolutions** (stretched ones).

*Guess first:* how many samples do four layers see then?
""")

code("wide", """
speech_diagrams.dilations([1, 2, 4, 8])
""")

md("train-text", """
Each further layer doubles the number. It is the **receptive field** of the model, here $1 + 1 + 2 + 4 + 8 = 16$. No line leads to a *later* sample, since the model must guess it.

### Teach one in a few seconds

Training works as in notebook 01: the model guesses each next sample of a recording, and its parameters move a little, so that the true sample gets more probability. We train a very small model on 12 recordings of "a" by made-up speakers.
""")

code("train", """
recordings = wavenet.record(
    ["a"], 12,  # the vowel, and how many recordings
    pitches=(110.0, 130.0), seed=session.seed)
torch.manual_seed(session.seed)  # for the random numbers of a new network
little = wavenet.WaveNet(channels=16, skip=32)  # eight layers: 1, 2, ... 128
print(f"It sees {little.looks_back} samples.")
torch.set_grad_enabled(True)  # training needs gradients
losses = wavenet.train(
    little, recordings, steps=150,
    batch=2, length=768, seed=session.seed)
torch.set_grad_enabled(False)
figure = speech_figures.learning(losses)
show(figure, "A line: the loss falls from the level of blind guessing.")
assert losses[-1] < losses[0]
""")

md("next-sample-text", """
The loss of a sample is minus the logarithm of the probability that the model gave to it. A model that finds all 256 levels equally likely has the loss of the dashed line.

Here the model guesses a sample of a new speaker.
""")

code("next-sample", """
fresh = wavenet.record(
    ["a"], 1, pitches=(110.0, 130.0),
    seed=session.seed + 1000)  # another speaker
figure = speech_figures.next_sample(little, fresh, 1300)
show(figure, "A wave up to now, and beside it how likely each next sample is.")
""")

md("little-text", """
On the right is how likely each next sample is. It is the same kind of picture as the bars of section 2. Now let the model speak.
""")

code("little-voice", """
# NBVAL_IGNORE_OUTPUT
# a drawn sample depends on the last digits of the training
little_voice = wavenet.speak(little, "a", 120.0, seed=session.seed)
assert np.abs(little_voice).max() > 0.05  # it is not silent
sound.player(little_voice)
""")

md("little-end", """
After so little training it is rough. A better model follows in section 6.
""")

# ---------------------------------------------------------------- 6
md("s6", """
## 6. One sample after the other

`wavenet.speak` has a loop inside. Here is such a loop for 200 samples. `condition` says what to speak: for each sample the vowel and the pitch.
""")

code("slow", """
# NBVAL_IGNORE_OUTPUT
# times differ from run to run
condition = wavenet.request("a", 120.0)[:, 400:600]  # inside the vowel
dice = generator(session.seed)
levels = torch.full((1, 1), 128)  # level 128 is nearly 0: silence
began = time.perf_counter()  # a clock, in seconds
for step in range(200):
    logits = little(levels, condition[:, :step + 1])  # reads all samples again
    # Softmax, then a draw, at temperature 1
    new = wavenet.draw_level(logits[:, -1], 1.0, dice)
    levels = torch.cat([levels, new], dim=1)
seconds = time.perf_counter() - began
print(f"{seconds:.2f} seconds for 200 samples")
slow_levels = levels[:, 1:]  # without the silence
assert slow_levels.shape == (1, 200)
""")

md("ring-text", """
A second of speech has 8,000 samples, and each needs a turn of the loop. Where does the time go? In the last turn each layer computes 200 values, though 199 were computed before. All turns together make $1 + 2 + \\dots + 200 = 20{,}100$ values in each layer, and 200 would be enough.

So each layer should *keep* what it needs again. A layer that looks four samples back keeps four values, in a **ring buffer**: a list whose places are used again and again. The drawing shows step 6. `%` is the rest of a division: 6 % 4 is 2.
""")

code("ring", """
speech_diagrams.ring(4, 6)
""")

md("turn4", """
The value of four steps ago, that of step 2, is read. Then the value of step 6 takes its place.

### Your turn: 07.4
""")

code("st4", 'statement("07.4")')

code("ex4", """
def read_and_write(ring, step, new):
    ...

check("07.4", read_and_write)
""", "exercise")

md("fast-text", """
`wavenet.sample` is the loop with such a ring in each layer. It runs with your function, then once more to take the time.
""")

code("fast", """
# NBVAL_IGNORE_OUTPUT
# times differ from run to run
my_memory = use("07.4", read_and_write)
dice = generator(session.seed)  # the same dice as in the slow loop
fast_levels = wavenet.sample(little, condition, dice, memory=my_memory)
same = torch.equal(fast_levels, slow_levels)
print(f"The same samples: {same}. The function is {my_memory.whose}.")
began = time.perf_counter()
wavenet.sample(little, condition, dice)
seconds = time.perf_counter() - began
print(f"{seconds:.2f} seconds for 200 samples")
assert same
""")

md("words-text", """
The samples are the same: nothing is left out, it is only remembered. But a second of speech still needs 8,000 turns, one after the other, and a GPU with thousands of cores waits for a single sample.

### Can you understand it?

The workbook has a larger model of this kind, trained for less than an hour on five vowels, *m* and *sh*. It says *mi* and *shu*, in a random order. Which word comes first?
""")

code("words", """
# NBVAL_IGNORE_OUTPUT
# a drawn sample may depend on the last digits, which processors round
voice_model = wavenet.load()
two_words = ["mi", "shu"]
dice = generator(session.seed)
order = torch.randperm(2, generator=dice)  # 0 and 1, shuffled
spoken = {}
for number in order:
    word = two_words[number]
    spoken[word] = wavenet.speak(
        voice_model, word, 150.0,
        seed=session.seed, temperature=0.8)
first, second = spoken.values()
assert len(first) > 2000  # more than a quarter of a second
sound.player(np.concatenate([first, pause, second]))
""")

code("guess-first", """
speech_figures.guess_first(spoken)
""")

md("ear-text", """
An *sh* is a hiss, dark at high frequencies; an *m* is a quiet hum.

Two words prove little. So let a program listen, which does not know how the voice was made. It finds the formants by **linear prediction**: it looks for ten numbers, so that the last ten samples, each times its number, add up to nearly the next sample. These numbers tell the formants, and the nearest vowel is its answer.

Is this ear any good? First it hears 60 vowels of our own program. Then the model speaks five vowels at five pitches. *Guess first:* how many of these 25 does the ear recognise?
""")

code("ear", """
# NBVAL_IGNORE_OUTPUT
# a drawn sample may depend on the last digits, which processors round
ear_answers = listening.ear_test(60)
answers = listening.vowel_test(
    voice_model, seed=session.seed, temperature=0.8)
results = {"our program": ear_answers, "the model": answers}
figure = speech_figures.recognised(results)
show(figure, "Bars: most vowels are heard as asked; luck would be one in five.")
close = listening.on_pitch(answers)  # less than 3 % too high or too low
print(f"{close} of {len(answers)} vowels have the pitch that was asked for.")
assert close > 15
""")


# ---------------------------------------------------------------- 7
md("s7", """
## 7. The large models of today

What replaced the slow loop? First idea: do not write samples, but something shorter, such as a spectrogram, and turn it into a sound at the end. But a spectrogram says only *how strong* each frequency is, not where it is in its swing (its *phase*). What turns it into a sound is a **vocoder**.

A simple one, by Griffin and Lim, begins with random phases and makes a sound. Then it takes the phases that this sound really has, and begins again. A *likeness* of 1 means: exactly the wanted spectrogram.
""")

code("griffin", """
# NBVAL_IGNORE_OUTPUT
# the last digits of the sound depend on the processor
picture = listening.spectrogram(a_voice)
for rounds in (1, 5, 60):
    rebuilt = listening.griffin_lim(
        picture, steps=rounds, seed=session.seed)
    likeness = listening.likeness(picture, rebuilt)
    print(f"{rounds} rounds: likeness {likeness:.2f}")
assert likeness > 0.8
sound.player(rebuilt)
""")

md("map", """
Today a trained network does this step. Second idea: make all samples at once.

| year | system | how it works | what is published |
|---|---|---|---|
| 2016 | WaveNet (DeepMind) | sample after sample | paper |
| 2018 | Music Transformer (Magenta, Google) | notes as tokens | paper and code |
| 2020 | Jukebox (OpenAI) | tokens of sound, with singing | paper, code, weights |
| 2020 | HiFi-GAN | a vocoder, which is a GAN | paper, code, weights |
| 2021 | VITS | from text to sound, all at once | paper, code, weights |
| 2023 | MusicGen (Meta) | tokens of sound | paper, code, weights (not for business) |
| 2023 | MMS (Meta) | VITS in over 1,000 languages | the same |
| 2023 | ElevenLabs products | not published | nothing |

*Tokens of sound* are made by a network that squeezes a sound and unpacks it again. MusicGen's loop makes 50 steps for a second of music, our WaveNet's 8,000.

With the profile `hub` the next cell loads `facebook/mms-tts-eng`, a VITS, or the one that you name in `voice`: `facebook/mms-tts-kor` speaks Korean. The licence CC-BY-NC 4.0 forbids using it for business.
""")

code("hub-voice", """
from IPython.display import display  # shows a player anywhere in a cell

if session.profile == "hub" or voice:
    letters, speaker = hub_models.load_voice(session, voice)
    samples, rate = hub_models.speak(
        letters, speaker, voice_text, seed=session.seed)
    display(sound.player(samples, rate))
else:
    print("Here the profile hub says:", voice_text)
""", "any-model")

md("hub-music-text", """
And music: `facebook/musicgen-small`, with the same licence.
""")

code("hub-music", """
if session.profile == "hub":
    describer, player = hub_models.load_music(session)
    samples, rate = hub_models.play(
        describer, player, music_prompt,
        seconds=music_seconds, seed=session.seed)
    display(sound.player(samples, rate))
else:
    print("Here the profile hub plays:", music_prompt)
""", "any-model")

md("summary", """
*Think.* Some products copy a voice from a short recording. Who should be asked?

## Summary

- A tune can be written as words. Then the loop that writes stories writes tunes, too.
- Metre, key, mood and place can be counted. Such a count needs a baseline.
- A sound is a row of samples. With 256 levels of mu-law, a sample is a token.
- A WaveNet looks far back with few layers: each looks twice as far as the one below.
- A memory saves work and does not change the result.
- Today's models write something shorter than samples, or all samples at once.

## Check yourself

1. What must change in the loop of notebook 03, so that it writes tunes?
2. A note has 300 Hz. How many Hz has the note two octaves above it?
3. Of 24 tunes that were asked for nothing, 12 have the right metre. What does this tell?
4. Six layers look 1, 2, 4, 8, 16 and 32 samples back. How many samples does the model see?
5. A layer looks 128 samples back. How many values must it keep?

<details>
<summary>Answers</summary>

1. Nothing: only the model and its tokenizer are others.
2. 1,200 Hz: each octave doubles it.
3. Only what luck gives: there are two metres.
4. $1 + 1 + 2 + 4 + 8 + 16 + 32 = 64$.
5. 128: older values are never read again.

</details>

## Exercises: your score
""")

code("score", 'score("07")')

md("sources", """
## Sources

- van den Oord et al. 2016, [WaveNet](https://arxiv.org/abs/1609.03499); Le Paine et al. 2016, [Fast WaveNet](https://arxiv.org/abs/1611.09482): the memory.
- Huang et al. 2018, [Music Transformer](https://arxiv.org/abs/1809.04281); Dhariwal et al. 2020, [Jukebox](https://arxiv.org/abs/2005.00341); Copet et al. 2023, [MusicGen](https://arxiv.org/abs/2306.05284).
- Kong et al. 2020, [HiFi-GAN](https://arxiv.org/abs/2010.05646); Kim et al. 2021, [VITS](https://arxiv.org/abs/2106.06103); Pratap et al. 2023, [MMS](https://arxiv.org/abs/2305.13516).
- Griffin and Lim 1984, [on sounds from spectrograms](https://doi.org/10.1109/TASSP.1984.1164317).
- Atal and Hanauer 1971, [on linear prediction](https://doi.org/10.1121/1.1912679).
""")


def build(path: Path) -> None:
    cells = []
    for kind, name, text, tags in CELLS:
        cell = new_markdown_cell(text) if kind == "md" else new_code_cell(text)
        cell.id = hashlib.sha256(f"07 {name}".encode()).hexdigest()[:8]
        if tags:
            cell.metadata.tags = tags
        cells.append(cell)
    notebook = new_notebook(cells=cells, metadata={
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"file_extension": ".py", "name": "python", "nbconvert_exporter": "python"},
    })
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    count = 0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count
    nbformat.validate(notebook)
    nbformat.write(notebook, path)
    print(count, "code cells,", len(cells), "cells")


build(Path(sys.argv[1]))
