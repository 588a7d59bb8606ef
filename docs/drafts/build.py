import hashlib, sys, nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
cells = []
def _id(name): return hashlib.sha256(("n06 " + name).encode()).hexdigest()[:8]
def md(name, text):
    c = new_markdown_cell(text.strip("\n")); c.id = _id(name); cells.append(c)
def code(name, text, tags=()):
    c = new_code_cell(text.strip("\n")); c.id = _id(name)
    if tags: c.metadata["tags"] = list(tags)
    cells.append(c)
TRAINED = ("nbval-ignore-output", "reason: a model is trained here and rounding differs between machines")

md("title", """
# Training from scratch

[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/generative-ai-workbook/generative-ai-workbook/blob/main/notebooks/06_training_from_scratch.ipynb)

Every model begins as random numbers. Here you train one from nothing and watch it: first it writes noise, then words, then sentences. After that you make training go wrong in the usual ways, and you put it right again.

**You will be able to**

- read a training loop line by line, and say what the loss is;
- choose a learning rate and a batch size from a map that you measured;
- say what dirty and imbalanced data do, and clean a collection;
- see on a curve when a model begins to learn by heart, and what helps;
- use batch normalisation without falling into its trap, and say what attention and depth are worth.

**Prerequisites:** loops and functions in Python, a little NumPy, and one lesson with PyTorch (you know what a tensor is). [Notebook 03](03_text_generation.ipynb) helps: it shows how a model writes.

**Time and memory:** about 90 minutes to read and run, and 45 more for the exercises. The cells run in about two minutes and 0.8 GB on two CPU cores, without a network. No GPU is needed, and none is used.
""")
md("setup", """
## Setting up

On your own computer, started with `make lab`, everything is installed. The lines with `sys` and `%pip` are for Google Colab alone; you may skip them. The second cell holds values that you may change. What comes from `helpers.lessons.training` belongs to this notebook; it stands in the folder `helpers/lessons/training/`, for you to read.
""")
code("imports", """
import sys

if "google.colab" in sys.modules:  # Colab has all libraries, but not this workbook
    %pip install -q --no-deps git+https://github.com/generative-ai-workbook/generative-ai-workbook@main

from helpers.exercises import check, hint, score, solution, statement, use
from helpers.lessons.training import diagrams, experiments, figures, normalising, texts
from helpers.lessons.training.laboratory import (
    TinyGPT, draw_windows, fit, next_token_loss, vocabulary, write, write_texts)
from helpers.plots import show
from helpers.session import generator, start

import math

from tqdm.auto import tqdm  # shows how far a loop is
import torch
""")
code("parameters", """
profile: str = "tiny"  # tiny, hub or auto
seed: int = 0  # every random choice below follows from it, 0 to 4294967295
steps: int = 1000  # turns of the training loop in section 1, 1000 to 100000
""", ["parameters"])
code("start", """
session = start(profile, seed)
base_seed = session.seed  # the same number, or another one given from outside
torch.set_num_threads(1)  # one core: our networks are too small to share
torch.set_printoptions(precision=2, sci_mode=False)  # print two digits
""")

# ---------------------------------------------------------------- section 1
md("s1", """
## 1. Watch a model learn

Our model trains for seconds, so it gets a small language to learn: the first sentences of the stories of our small world. Here are three of them.
""")
code("s1-sentences", """
sentences = texts.first_sentences(2000, base_seed)
for sentence in sentences[:3]:
    print(sentence)
""")
md("s1-letters", """
A model reads numbers. In this section each letter is one token, and each token gets a number. All sentences stand one behind the other on a long strip. Between them stands a line break, which Python writes as `\\n`. It says: here a sentence ends.
""")
code("s1-alphabet", """
long_text = "\\n"
for sentence in sentences:
    long_text = long_text + sentence + "\\n"
letters = sorted(set(long_text))  # every letter once, in order
print(len(long_text), "letters in all")
print(len(letters), "different ones:", letters)
""")
code("s1-numbers", """
number_of = {}  # for each letter its number
for number in range(len(letters)):
    number_of[letters[number]] = number

numbers = []
for letter in long_text:
    numbers.append(number_of[letter])
strip = torch.tensor(numbers)
print(strip[:10])  # the line break and "Once upon"
""")
md("s1-task", """
What shall the model learn? One thing: after each letter, say which letter comes next. Nobody has to write down the right answers, because they stand in the text. By hand, with a name:
""")
code("s1-next", """
name = "Mina "
for i in range(1, 5):
    before = name[:i]  # the first i letters
    print("after", before, "comes", repr(name[i]))  # repr adds quotes
""")
md("s1-loss", """
The model does not name one letter. It gives every letter a probability. How good was the guess? Look at the probability *p* that it gave to the letter that really came, and take $-\\log p$ (the natural logarithm). That is the surprise.
""")
code("s1-surprise", """
for p in (0.99, 0.9, 0.5, 0.1, 0.01):
    surprise = -math.log(p)
    print(p, round(surprise, 2))
""")
md("s1-ex1", """
Sure and right: nearly no surprise. The smaller *p* was, the larger the surprise. The mean surprise over many letters is the **loss**. Its unit is called *nat*. Training means: make the loss smaller.

### Your turn: 06.1

Write the mean surprise as a function. If you are stuck, run `hint("06.1", 1)` in a new cell; hints 2 and 3 tell more, and `solution("06.1")` tells all.
""")
code("s1-ex1-card", 'statement("06.1")')
code("s1-ex1-stub", """
def mean_surprise(probabilities):
    ...

check("06.1", mean_surprise)
""", ["exercise"])
md("s1-blind", """
Somebody who knows nothing could give each letter the same probability. What is the loss then? (`use` gives back your function if it is right, else the reference answer.)
""")
code("s1-blind-loss", """
loss_of = use("06.1", mean_surprise)
same_for_all = 1 / len(letters)
blind_loss = loss_of([same_for_all, same_for_all, same_for_all])
print(f"{blind_loss:.2f} nats per letter")
""")
md("s1-model", """
Now the model. `TinyGPT` is a small Transformer: 35 lines in `laboratory.py`. It is built like GPT, with two layers. Its parameters are random numbers at first. Let it write three lines before it has learnt anything.
""")
code("s1-build", """
torch.manual_seed(base_seed)  # the parameters follow from the seed
model = TinyGPT(len(letters), width=48, layers=2, length=64)
print(f"{model.parameter_count():,} parameters")
""")
code("s1-noise", """
def to_text(numbers):
    \"\"\"The letters behind a list of numbers.\"\"\"
    text = ""
    for number in numbers:
        text = text + letters[number]
    return text

dice = generator(base_seed)  # a source of random numbers
for row in write(model, 3, dice, limit=50):
    print(repr(to_text(row)))
""")
md("s1-loop", """
Noise. Now we train. The model reads several pieces of the strip at once; together they are a **batch**. One turn of training has five steps:
""")
code("s1-drawing", "diagrams.training_loop()")
md("s1-batch", """
Step 1: `draw_windows` cuts 16 windows of 64 letters out of the strip, at random places. The *targets* are the same windows, moved on by one letter: what comes next.
""")
code("s1-windows", """
inputs, targets = draw_windows(strip, 16, 64, dice)
print(inputs.shape)  # (windows, letters)
first_input = to_text(inputs[0])
first_target = to_text(targets[0])
print(repr(first_input))
print(repr(first_target))
""")
md("s1-steps", """
Steps 2 and 3: the model gives every letter a score (a *logit*), and `next_token_loss` makes probabilities of the scores and takes the mean surprise. Step 4: PyTorch computes for each parameter how the loss would change if this parameter grew a little. That is its slope (also called *gradient*). Step 5: the optimizer changes each parameter a little, in the direction in which the loss falls. How far? The **learning rate** `lr` says it.

And that, several hundred times, is training:
""")
code("s1-train", """
optimizer = torch.optim.AdamW(model.parameters(), lr=0.005)
moments = [1, 30, 100, 300, 600, steps]  # when the model shall write
losses = []
written = {}
for step in tqdm(range(1, steps + 1), leave=False):
    inputs, targets = draw_windows(strip, 16, 64, dice)  # 1. batch
    logits = model(inputs)  # 2. guess
    loss = next_token_loss(logits, targets)  # 3. loss
    optimizer.zero_grad()  # forget the slopes of the turn before
    loss.backward()  # 4. slopes
    optimizer.step()  # 5. step
    losses.append(loss.item())
    if step in moments:
        rows = write(model, 20, generator(base_seed), limit=110)
        written[step] = [to_text(row) for row in rows]
""")
md("s1-read", """
At six moments the model wrote 20 lines. Read two of each aloud.
""")
code("s1-show", """
for step in written:
    loss = losses[step - 1]  # counted from 0
    print(f"step {step}: {loss:.2f} nats")
    lines = written[step]
    print("   ", lines[0])
    print("   ", lines[1])
assert losses[-1] < 0.3 * blind_loss
""", TRAINED)
md("s1-curve", """
The loss tells the same story in one line:
""")
code("s1-figure", """
figure = figures.learning_curve(
    losses, moments, blind_loss,
    note=f"The dashed line is computed by {loss_of.whose}.")
show(figure, "A curve of the loss: it starts above the dashed line of blind "
     "guessing, falls fast and then slowly.")
""")
md("s1-after-curve", """
(The steps are drawn on a scale where each power of ten has the same length.) A random model is even worse than the blind one: it is surprised because it is sure of wrong things. Then it falls fast, and later slowly.

*Guess first.* We look at all 20 lines of each moment. How many of their words are *real words*? How many lines name somebody with the *right kind*: Mina is a fox, Koa is an otter? How many are a *whole sentence* that our grammar could have written? One of these three comes last.
""")
code("s1-guess", """
known_words = set(texts.words_of(long_text))
figures.guess_order(written, known_words)
""")
md("s1-end", """
The model learns what is short and frequent before what is long and rare. To spell a word, a few letters are enough. For a sentence everything must fit, from the first word to the full stop. *Try it.* Set `steps` to 3000 in the second cell, and run all cells of this section again.
""")

# ---------------------------------------------------------------- section 2
md("s2", """
## 2. How large a step, how many examples?

Two numbers stood in the loop without a reason: the learning rate 0.005 and the batch size 16. What do they do? First with a model that has a single parameter *w*. Its loss is $(w - 3)^2$, so 3 is the best value. The slope of this loss is $2 (w - 3)$. We begin at 0 and take six steps.
""")
code("s2-hand", """
for rate in (0.1, 0.9, 1.1):
    w = 0.0
    path = [w]
    for step in range(6):
        slope = 2 * (w - 3)
        w = w - rate * slope  # against the slope: the loss falls
        path.append(round(w, 2))
    print(rate, path)
""")
md("s2-words", """
With 0.1 it comes closer, slowly. With 0.9 it jumps over the 3 and back, and still comes closer. With 1.1 each jump is longer than the one before: it runs away.

For a model with thousands of parameters nobody knows the best rate before. So we measure. From here on a token is a whole word, and a text is the *beginning* of a story: two sentences. The model has one layer, and it trains in a few seconds.
""")
code("s2-texts", """
train_texts = texts.beginnings(800, base_seed)
held_out = texts.beginnings(200, base_seed, held_out=True)
print(train_texts[0])
print(texts.words_of(train_texts[0])[:8])
print(len(vocabulary()), "different tokens")
""")
md("s2-held-out", """
The second collection is **held-out**: no model ever learns from it. Its heroes, places and times come together in no training text. Whoever wants to know how good a model is must ask it something new.

`fit` is the loop of section 1 as a function. One thing is added: the learning rate falls in a straight line, down to 0 at the last step, so that the model settles. *Try it:* change the rate and the batch size, and see what happens to the text and to the loss.
""")
code("s2-try", """
my_run = fit(
    train_texts, held_out, base_seed,
    rate=0.01,  # change this number,
    batch_size=16,  # or this one
    steps=250)
my_texts = write_texts(my_run.model, 2, base_seed)
for text in my_texts:
    print(text)
last_loss = my_run.held_out[-1]
print(f"held-out loss: {last_loss:.2f} nats per word")
""", TRAINED)
md("s2-map", """
Now many of them. Each model below reads 3,200 windows in all. So with a batch of 8 it takes 400 steps, with a batch of 128 only 25. *Guess first:* which learning rate is best for a batch of 32? (The map trains 21 models; it takes half a minute.)
""")
code("s2-guess", """
table = experiments.rate_map(train_texts, held_out, base_seed)
figures.guess_rate(table, 32)
assert table[32][0.01] < table[32][0.0003]  # not on the edge of the valley
""")
md("s2-after", """
On the left the steps are too short: the model is not there yet. On the right they are too long, and it learns next to nothing. Between them lies a valley.

Compare the framed cells. A large batch leaves fewer steps, so each step may be longer: the best rate moves to the right. That is a common rule: with a larger batch, a larger learning rate.

All models below use a batch of 16, 250 steps and the rate 0.01, from the valley of this map.

### Your turn: 06.2

Choose a learning rate for a batch of 64. Your rate is used to train a model, and its loss on texts that it never saw decides.
""")
code("s2-ex-card", 'statement("06.2")')
code("s2-ex-stub", """
my_rate = ...

check("06.2", my_rate)
""", ["exercise"])
code("s2-curves", """
chosen = use("06.2", my_rate)
runs = {}
for rate in (0.001, chosen.value, 0.3):
    runs[f"rate {rate}"] = fit(
        train_texts, held_out, base_seed,
        rate=rate, batch_size=64, steps=50, every=5)
figure = figures.rate_curves(runs, f"The middle rate is {chosen.whose}.")
show(figure, "Three falling curves: the middle rate ends lowest.")
""")

# ---------------------------------------------------------------- section 3
md("s3", """
## 3. Is more data better than clean data?

Texts from the web are full of nonsense. We imitate that: in about half of these 1,200 texts, three words of ten are replaced by words from elsewhere.
""")
code("s3-dirty", """
clean = texts.beginnings(1200, base_seed + 1)
dirty = texts.spoil(clean, base_seed)
for text in dirty[:3]:
    print(text)
""")
md("s3-pairs", """
A filter must find the spoilt texts without knowing the truth. One idea: look at pairs of neighbouring words. Good pairs come again and again, spoilt pairs are mostly alone. Here with four short texts. `pair_counts` says for each pair of a text how often *all* texts have it.
""")
code("s3-hand", """
small = [
    "the fox sat by the sea",
    "the fox sat by the fire",
    "the cat sat by the sea",
    "the fox green by spoon sea",
]
counts = texts.count_pairs(small)
for text in small:
    print(texts.pair_counts(text, counts), text)
""")
md("s3-hand-after", """
*the fox* stands in three texts, so its count is 3. The last text is the spoilt one: four of its five pairs occur only once. (Twice a 1 is no proof: *the cat* is rare here, and fine.) Now the same with the large collection. For six texts you see whether it is good, and how many of its pairs occur only once.
""")
code("s3-singles", """
counts = texts.count_pairs(dirty)
for i in range(6):
    pair_counts = texts.pair_counts(dirty[i], counts)
    alone = pair_counts.count(1)  # how many of them are 1
    is_good = dirty[i] == clean[i]  # the truth, which a filter never sees
    print(alone, "pairs are alone; is it good?", is_good)
""")
md("s3-ex", """
### Your turn: 06.3

Write the filter. It is judged on another collection.
""")
code("s3-ex-card", 'statement("06.3")')
code("s3-ex-stub", """
def is_clean(pair_counts):
    ...

check("06.3", is_clean)
""", ["exercise"])
code("s3-filter", """
keep = use("06.3", is_clean)
kept_texts = []
for text in dirty:
    if keep(texts.pair_counts(text, counts)):
        kept_texts.append(text)
print(len(kept_texts), "of", len(dirty), "texts are kept.")
""")
md("s3-guess", """
*Guess first.* Three collections, the same training for each: all the dirty texts; the half that the filter kept; only a hundred texts, all clean. From which one does a model learn best? `compare` trains a model on each and measures the held-out loss.
""")
code("s3-compare", """
collections = {
    f"dirty: {len(dirty)} texts": dirty,
    f"filtered: {len(kept_texts)} texts": kept_texts,
    "clean: 100 texts": clean[:100],
}
losses = experiments.compare(collections, held_out, base_seed)
figures.guess_collection(losses, f"The filter is {keep.whose}.")
""")
md("s3-after", """
The filter threw half of the collection away, and the model got *better*. But cleanness alone is not enough either: a hundred clean texts are too few. What counts is how many *good* texts there are.

### What is rare

Now all texts are clean, but only two in a hundred play in the snowy valley. Two cures are tried. **Oversampling** shows the rare texts more often: the same 16 texts, seven times each. *Collecting* gets 96 new ones. Then we ask each model for 600 texts and count how many play in the snow. And we measure the loss on new texts that do.
""")
code("s3-rare", """
in_snow = texts.beginnings(16, base_seed, place="snow")
elsewhere = texts.beginnings(784, base_seed, without="snow")
new_texts = texts.beginnings(96, base_seed + 1, place="snow")
collections = {
    "2 % snow": elsewhere + in_snow,
    "oversampled": elsewhere + 7 * in_snow,  # each text seven times
    "collected": elsewhere + in_snow + new_texts,
}
""")
code("s3-snow", """
shares = {}  # of texts in the snow, in each collection
for name in collections:
    shares[name] = texts.snow_share(collections[name])
balances = experiments.snow(collections, base_seed)
show(figures.balance(balances, shares), "Bars: with 2 % snow few texts tell of "
     "snow; both cures bring it back, and new texts lower the loss most.")
""")
md("s3-snow-after", """
Left: a model tells of the snow about as often as its texts do (the short dashed lines; the thin lines are 95 % intervals). Oversampling repairs that. Right: how badly does it do there? Repeating 16 texts helps a little, new texts help more. Balance decides what a model *says*; only new texts teach it more.
""")

# ---------------------------------------------------------------- section 4
md("s4", """
## 4. When does it stop learning and begin to memorise?

Now the model gets only 40 texts, and it trains longer: 400 steps. Here is a text that it writes afterwards, and below it the training text that is most like it.
""")
code("s4-few", """
few = texts.beginnings(40, base_seed + 2)
run = fit(few, held_out, base_seed, steps=400, every=20)
written = write_texts(run.model, 20, base_seed)
text = written[0]
print("it writes:  ", text)
print("it has read:", experiments.most_similar(text, few))
""", TRAINED)
md("s4-copied", """
Is that a rule? For each text we look for the longest run of words that it shares with any of the 40. But two texts of our world share words anyway. So we need a baseline: new texts, which the grammar wrote.
""")
code("s4-runs", """
copied = experiments.mean_overlap(written, few)
baseline = experiments.mean_overlap(held_out[:20], few)
print("the model's texts:", copied, "words in a row")
print("new texts:", baseline, "words in a row")
assert copied > baseline
""", TRAINED)
md("s4-ex", """
It has learnt texts by heart. (That is also a question of privacy: what is copied may be somebody's letter.) The measured losses show when it began. `run.training` holds the losses on its own texts, `run.held_out` those on held-out ones, after every 20 steps.

### Your turn: 06.4

If we stop in time, we keep a better model. But while the training runs, nobody knows what comes later. A simple rule: wait until the held-out loss has not fallen for some time. How long we wait is called *patience*.
""")
code("s4-ex-card", 'statement("06.4")')
code("s4-ex-stub", """
def stop_at(losses, patience):
    ...

check("06.4", stop_at)
""", ["exercise"])
code("s4-both", """
stop = use("06.4", stop_at)
stop_index = stop(run.held_out, 3)
figure = figures.both_losses(run, stop_index, f"It stops where {stop.whose} says.")
show(figure, "The loss on its own texts falls to almost 0; the held-out loss "
     "falls, then climbs. A star marks the lowest place: early stopping.")
""")
md("s4-terms", """
On its own texts the model gets better and better. On all other texts it gets worse. That is **overfitting**. To keep the model of the lowest held-out loss is **early stopping**: the star.

What else helps? Three changes, one at a time:

- **Dropout** sets a random part of the numbers inside the network to 0 at each step, here three of ten. So the network cannot rely on any single one.
- **Augmentation** makes new texts out of old ones by a change that keeps them right. Ours gives each text to other heroes:
- More texts: 800 instead of 40.
""")
code("s4-augment", """
for text in texts.with_other_heroes(few[:1])[:3]:
    print(text)
""")
md("s4-guess", """
*Guess first:* which of the three leaves the lowest held-out loss at the end?
""")
code("s4-cures", """
def train(collection, dropout):
    return fit(
        collection, held_out, base_seed,
        steps=400, every=20, dropout=dropout)

runs = {"no cure": run}
runs["dropout"] = train(few, 0.3)
runs["augmentation"] = train(texts.with_other_heroes(few), 0)
runs["more texts"] = train(train_texts, 0)
early = run.held_out[stop_index]  # what early stopping reaches
figures.guess_cure(runs, early)
""")
md("s4-after", """
(The number in each title is the held-out loss at the end.) Every change helps, and nothing helps as much as more texts. Early stopping costs nothing but a held-out collection.

One warning: whoever chooses by the held-out loss begins to fit *that*. For a final report keep a third collection that decides nothing.
""")

# ---------------------------------------------------------------- section 5
md("s5", """
## 5. Batch normalisation: its use and its trap

Twelve layers stand one behind the other. Each takes the numbers of the layer before. If they shrink a little in each layer, after twelve layers almost nothing is left. **Batch normalisation** puts the numbers in order after each layer. By hand, with a batch of four texts (rows) and two numbers for each text (columns):
""")
code("s5-table", """
batch = torch.tensor([
    [1.0, 20.0],
    [3.0, 40.0],
    [2.0, 30.0],
    [4.0, 10.0],
])
means = batch.mean(dim=0)  # dim=0: down each column
print(means)
differences = batch - means
print(differences)
""")
code("s5-variance", """
variance = (differences ** 2).mean(dim=0)  # how far apart they are
print(variance)
print(differences / variance ** 0.5)  # ** 0.5 is the square root
""")
md("s5-ex", """
Now both columns have the mean 0 and the same size, though one was ten times as large. (PyTorch's version also learns a factor and a shift for each column.)

### Your turn: 06.5

Write this as a function. A tiny number is added under the root, so that nothing is ever divided by 0.
""")
code("s5-ex-card", 'statement("06.5")')
code("s5-ex-stub", """
def normalise(batch):
    ...

check("06.5", normalise)
""", ["exercise"])
md("s5-use", """
The use. A network with twelve layers reads which words a text has, and says the time of day: morning, noon, sunset or night. Guessing would be right in one of four texts. We train it twice: without normalisation, and with your function behind each layer.
""")
code("s5-train", """
learn = normalising.examples(1000, base_seed)
judge = normalising.examples(200, base_seed, held_out=True)
function = use("06.5", normalise)
plain = normalising.train(learn, judge, base_seed)
normed = normalising.train(learn, judge, base_seed, function)
right = {
    "with batch normalisation": normed.right,
    "without": plain.right,
}
figure = figures.deep(right, 1 / 4, f"The function is {function.whose}.")
show(figure, "With batch normalisation the share of right answers climbs to "
     "nearly 1 in 60 steps; without it stays near guessing.")
""")
md("s5-trap", """
The same layers, the same steps: one network learns it, the other one hardly begins. That is why batch normalisation is in so many networks for pictures.

The trap. Each held-out text was judged together with 199 others. Somebody who uses the network has one text. *Guess first:* what happens with smaller batches?
""")
code("s5-sizes", """
for size in (200, 20, 2, 1):
    share = normalising.share_right(normed.model, judge, size)
    print(f"{size} texts at once: {share:.0%} are right")
assert share < 0.5
""", TRAINED)
md("s5-why", """
A text that is alone in its batch *is* the mean. The difference is 0 in every column, whatever the text says, so the answer is always the same one.

PyTorch's `nn.BatchNorm1d` has a way out. During training it also keeps a running average of means and variances. After `model.eval()` it uses these stored numbers, and other texts do not matter any more.
""")
code("s5-library", """
library = normalising.train(learn, judge, base_seed, "batch")
for size in (200, 1):
    share = normalising.share_right(library.model, judge, size)
    print(f"{size} texts at once, after eval(): {share:.0%} are right")
assert share > 0.8
""", TRAINED)
md("s5-forget", """
What if you forget `eval()`? The next cell asks about *one* text twice, each time among nine other texts. It prints the probability that the network gives to the right answer.
""")
code("s5-modes", """
def ask(first):
    # How sure is it of the right answer about text 0, among nine others?
    others = range(first, first + 9)
    return normalising.belief(library.model, judge, 0, others)

library.model.train()  # as if eval() had been forgotten
print("training mode:", ask(1), "and", ask(50))
library.model.eval()
print("after eval():", ask(1), "and", ask(50))
assert ask(1) == ask(50)
""", TRAINED)
md("s5-layer", """
In training mode the answer about one text depends on its neighbours. So: `model.train()` before training, `model.eval()` before use.

There is a second way out, **layer normalisation**. It takes mean and variance along a *row*: over the numbers of one text. Transformers use it, our `TinyGPT` too.
""")
code("s5-drawing", "diagrams.batch_and_layer()")
md("s5-end", """
Layer normalisation needs no other texts, so it has nothing to store and no second mode.
""")

# ---------------------------------------------------------------- section 6
md("s6", """
## 6. What are attention and depth worth?

A Transformer has layers, and in each of them attention, which lets a word look at the words before it. How many layers lie on top of each other is called the **depth**. What is each of them worth? We change one thing at a time. With attention switched off, a word sees only itself, but the number of parameters stays the same. And a deeper model gets narrower layers, so that all have about the same number of parameters.

*Guess first:* what makes the loss worse?
""")
code("s6-shapes", """
many_texts = texts.beginnings(2000, base_seed + 3)
shapes = experiments.shapes(many_texts, held_out, base_seed)
figures.guess_shape(shapes)
""")
md("s6-after", """
Without attention the next word must be guessed from one word alone, and more layers do not help with that. With attention each word can use all words before it. At this size and with these short texts the number of layers matters much less.

## Summary

- Training is a loop: batch, guess, loss, slopes, step. The loss is the mean surprise.
- A model learns what is short and frequent first.
- Between too slow and too wild lies a valley of learning rates. A larger batch wants a larger rate.
- Good texts count. A filter helps even when it throws half away. Oversampling brings a share back, new texts bring knowledge.
- If the held-out loss climbs while the training loss falls, the model learns by heart. Stop early, use dropout or augmentation, or best of all get more texts.
- Batch normalisation makes deep networks trainable, and makes texts depend on each other: call `eval()` before use.
- Attention is worth much; depth needs a task that needs it.

## Check yourself

1. The loss of a model on its training texts is excellent, and users complain. What do you look at first?
2. You make the batch four times as large and change nothing else. Why may the result be worse after reading the same number of texts?
3. Your data have one dialect at 1 %. Why is it not enough to show it a hundred times as often?
4. A network works in training and fails in use, one picture at a time. What do you suspect?
5. Why does a model without attention not get better with more layers?

<details>
<summary>Answers</summary>

1. The loss on held-out data: probably the model has overfitted.
2. There are only a quarter of the steps. The learning rate should be larger, too.
3. The share comes back, but the few texts teach nothing new. Collect more.
4. Batch normalisation, left in training mode.
5. Each place knows only its own word, in whatever many steps it thinks about it.

</details>

## Exercises: your score

The [glossary](glossary.md) lists all terms, in English and Korean.
""")
code("score", 'score("06")')
md("sources", """
## Sources

- Vaswani et al. 2017, [Attention is all you need](https://arxiv.org/abs/1706.03762): the Transformer.
- Loshchilov and Hutter 2019, [Decoupled weight decay regularization](https://arxiv.org/abs/1711.05101): the optimizer AdamW.
- Goyal et al. 2017, [Accurate, large minibatch SGD](https://arxiv.org/abs/1706.02677): a larger batch, a larger learning rate.
- Wenzek et al. 2019, [CCNet](https://arxiv.org/abs/1911.00359): web texts, filtered by a language model.
- Carlini et al. 2021, [Extracting training data from large language models](https://arxiv.org/abs/2012.07805): what models know by heart.
- Prechelt 1998, [Early stopping, but when?](https://doi.org/10.1007/3-540-49430-8_3); Srivastava et al. 2014, [Dropout](https://jmlr.org/papers/v15/srivastava14a.html).
- Ioffe and Szegedy 2015, [Batch normalization](https://arxiv.org/abs/1502.03167); Ba et al. 2016, [Layer normalization](https://arxiv.org/abs/1607.06450).
""")

nb = new_notebook(cells=cells)
nb.metadata = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
               "language_info": {"file_extension": ".py", "name": "python", "nbconvert_exporter": "python"}}
nb.nbformat, nb.nbformat_minor = 4, 5
out = sys.argv[1] if len(sys.argv) > 1 else "./notebooks/06_training_from_scratch.ipynb"
# keep outputs of unchanged cells
try:
    old = {c.id: c for c in nbformat.read(out, as_version=4).cells if c.cell_type == "code"}
except Exception:
    old = {}
for c in nb.cells:
    if c.cell_type == "code" and c.id in old and old[c.id].source == c.source:
        c.outputs, c.execution_count = old[c.id].outputs, old[c.id].execution_count
nbformat.validate(nb)
with open(out, "w", encoding="utf-8") as f:
    nbformat.write(nb, f)
