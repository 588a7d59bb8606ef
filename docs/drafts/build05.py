import sys; sys.path.insert(0, "docs/drafts")
from cells import Book
b = Book("05")
md, code = b.md, b.code
A = "any-model"

md("title", """
# Fine-tuning

[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/generative-ai-workbook/generative-ai-workbook/blob/main/notebooks/05_fine_tuning.ipynb)

Somebody has trained a model for a long time and gives it away. It knows a lot, but not your style and not your domain, such as medicine or law. So you train it a little further, on a few examples of yours. Here a teller of stories learns to rhyme, and a painter learns to cut paper.

**You will be able to**

- write the loop that trains a language model, in six lines;
- show what a pretrained model gives you, and a new one does not;
- build LoRA in ten lines, put it into a model and train it;
- see what a model forgets, and do something about it;
- teach a model a style of writing, a domain, and a style of pictures.

**Prerequisites:** [notebook 01](01_concepts.ipynb) (loss, optimizer, a step of training) and [notebook 03](03_text_generation.ipynb) (tokens, probabilities). Notebook 15 goes deeper. Do you only want to use your own texts or pictures? Go to [notebook 08](08_your_own_model.ipynb).

**Time and memory:** about 80 minutes to read and run, and 40 more for the exercises. The cells run in about two minutes and 1.5 GB on two CPU cores, without a network. With a GPU, the profile `hub` does the same with GPT-2 and Stable Diffusion (6 GB to download, an estimated 10 GB on the GPU).
""")

md("setup", """
## Setting up

You may skip the lines with `sys` and `%pip`: they install this workbook in Google Colab. `text` and `images` load models, `tuning` trains an image model in section 6. The modules `diagrams`, `examples`, `figures` and `papercuts` hold the drawings, texts, figures and pictures of this notebook.
""")
code("imports", """
import sys

if "google.colab" in sys.modules:  # Colab has all libraries, but not this workbook
    %pip install -q --no-deps git+https://github.com/generative-ai-workbook/generative-ai-workbook@main

from helpers import images, text, tuning
from helpers.exercises import check, hint, score, solution, statement, use
from helpers.lessons.tuning import diagrams, examples, figures, papercuts
from helpers.plots import show
from helpers.session import generator, start

import copy  # copies a whole model

import torch
from tqdm.auto import tqdm  # a bar that shows how far a loop is
""")
code("parameters", """
profile: str = "tiny"  # tiny, hub or auto
seed: int = 0  # every random choice below follows from it, 0 to 4000000000
""", "parameters")
md("load-text", """
The next cell loads the language model that we begin with: our `base`. With the profile `tiny` it is the storyteller of this workbook, with `hub` it is GPT-2. The learning rate says how far each step of training changes the model (notebook 01). A large model wants smaller steps.
""")
code("load", """
session = start(profile, seed)
tokenizer, base = text.load(session)
base = base.float()  # 32 bits for each number, also on a GPU
end = tokenizer.eos_token_id  # the token that ends a text
rate = 0.006  # the learning rate
if session.profile == "hub":
    rate = 0.0005
print(f"The model has {base.num_parameters():,} parameters.")
""", A)

md("s1", """
## 1. A storyteller that cannot rhyme

The storyteller has read many stories, all of them in prose. We want poems. We have 300 short ones; here are two.
""")
code("poems", """
poems = examples.poems("train", 300, session.seed)
print(poems[0], poems[1], sep="\\n\\n")  # with an empty line between them
""", A)
md("held-out", """
Two verses that rhyme are a *couplet*. A poem has two of them.

We set 60 more poems aside. The model never trains on them, so they can show what it has really learnt. Such data are called **held-out**. Their heroes, places and times come in combinations that no training poem has. We also keep 20 stories, to see later what becomes of the old skill.
""")
code("held-out-code", """
new_poems = examples.poems("test", 60, session.seed)
old_stories = examples.stories("test", 20, session.seed)
print(new_poems[0])
""", A)
md("write-text", """
What does the storyteller write about a fox, before any training?
""")
code("write", """
def write(model, beginning="", count=1):
    \"\"\"A list of new texts, each at most 70 tokens longer than its beginning.\"\"\"
    new_texts = text.generate(
        model, tokenizer, beginning, seed=session.seed,
        top_p=0.95, max_new_tokens=70, num_return_sequences=count)
    return [beginning + new_text for new_text in new_texts]

about_mina = write(base, "Mina the fox")[0]
show(figures.texts({"the storyteller": about_mina}),
     "A text in prose that begins with Mina the fox.")
""", A)
md("chances-text", """
Prose. How wrong is that, as a number? Read a verse from left to right. Before each token, the model gives a probability to every possible next token (notebook 03). We look at the probability of the token that really comes. The next function collects them.
""")
code("chances", """
def chances(model, words):
    \"\"\"The probability that the model gave to each token of a text.\"\"\"
    ids = [end] + tokenizer(words).input_ids  # a text begins after another one
    inputs = torch.tensor([ids], device=model.device)
    with torch.no_grad():  # we only look, we do not train
        logits = model(inputs).logits[0]
    probabilities = torch.softmax(logits.float(), dim=1)
    result = []
    for i in range(1, len(ids)):
        # Row i - 1 is what the model expected before token i.
        result.append(probabilities[i - 1, ids[i]].item())
    return result
""", A)
code("verse", """
verse = new_poems[0].splitlines()[0]  # the first verse
verse_tokens = []
for number in tokenizer(verse).input_ids:
    verse_tokens.append(tokenizer.decode([number]))
before = chances(base, verse)
show(figures.surprise(verse_tokens, {"the storyteller": before}),
     "Bars of probabilities, one for each token of a verse.")
""", A)
md("ex1", """
A dot before a word is its space. Where a bar is short, the model did not expect the token.

Training needs *one* number. Notebook 01 used the loss: minus the logarithm of the probability. Do it by hand for two tokens. A probability of 0.5 has the loss $-\\log 0.5 = 0.69$. A probability of 0.25 has the loss 1.39. The mean is 1.04. A probability of 1 has the loss 0: no surprise at all.

### Your turn: 05.1

Write it for any number of tokens. The card says what to write in place of `...`. If you are stuck, run `hint("05.1", 1)` or `solution("05.1")` in a new cell.
""")
b.exercise("05.1", "mean_loss", "probabilities")
code("use1", """
# Your function if it is right, else the reference answer
loss_of = use("05.1", mean_loss)
loss_before = loss_of(before)
print(f"{verse} Its mean loss is {loss_before:.2f}.")
""", A)

md("s2", """
## 2. The training loop in six lines

To train means: show the model pieces of text, and change it so that the loss gets smaller.

All pieces shall have the same length. So we join all poems to one long row of tokens, a *ribbon*, with the end token between them. Here is a very short ribbon. Find the end token in it.
""")
code("ribbon", """
def ribbon_of(texts):
    \"\"\"All texts as one row of tokens, with an end token around each.\"\"\"
    ids = [end]
    for one_text in texts:
        ids = ids + tokenizer(one_text).input_ids + [end]
    return torch.tensor(ids, device=base.device)

print("end token:", end)
print(ribbon_of(["A fox sang.", "A fox slept."]).tolist())
""", A)
md("batch-text", """
For each step we cut 8 pieces of 64 tokens out of the ribbon, at random places. Eight pieces together are a *batch*.
""")
code("batch", """
def draw_batch(ribbon, dice):
    \"\"\"Eight pieces of the ribbon, as a tensor of shape (8, 64).\"\"\"
    places = torch.randint(0, len(ribbon) - 64, (8,), generator=dice)
    pieces = []
    for place in places.tolist():
        pieces.append(ribbon[place : place + 64])
    return torch.stack(pieces)  # one piece in each row

poem_ribbon = ribbon_of(poems)
batch = draw_batch(poem_ribbon, generator(session.seed))
print(len(poem_ribbon), "tokens; a batch has the shape", tuple(batch.shape))
""", A)
md("loop-text", """
And this is the loop. Its six lines are numbered. Lines 2 to 5 are the four stages of notebook 01.
""")
code("train", """
def train(model, ribbon, steps, rate):
    \"\"\"Train the model itself; return the loss of each step.\"\"\"
    dice = generator(session.seed)  # every model sees the same batches
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    losses = []
    for step in tqdm(range(steps), leave=False):
        batch = draw_batch(ribbon, dice)  # 1. take some examples
        loss = model(batch, labels=batch).loss  # 2. how wrong is the model?
        optimizer.zero_grad()  # 3. forget the directions of the last step
        loss.backward()  # 4. which direction is better?
        optimizer.step()  # 5. go a little in this direction
        losses.append(loss.item())  # 6. write the loss down
    return losses
""", A)
md("loop-explained", """
In line 2 the batch comes twice, once as the input and once as `labels`, the right answers. That works because a text holds its own answers: after each token, the right answer is the next token. The library takes the mean loss of all tokens, as you did in 05.1. `AdamW` is a usual optimizer.

### Two students

Now the question of this section. Why not train a new model on our poems? We give two models the same 70 steps:

- *from scratch*: a model of the same shape, filled with random numbers;
- *pretrained*: a copy of our storyteller.

Each gets a learning rate that suits it.
""")
code("two", """
from transformers import AutoModelForCausalLM

torch.manual_seed(session.seed)  # for the random numbers of the new model
fresh = AutoModelForCausalLM.from_config(base.config, trust_remote_code=False)
fresh = fresh.to(base.device).eval()
poet = copy.deepcopy(base)  # a copy; base itself stays as it is

curves = {}
curves["from scratch"] = train(fresh, poem_ribbon, 70, 0.003)
curves["pretrained"] = train(poet, poem_ribbon, 70, rate)
show(figures.losses(curves),
     "Two falling lines; that of the pretrained model ends far lower.")
""", A)
md("two-read", """
At first the new model does better: it expects nothing, and the storyteller firmly expects prose. After a few steps the lines cross.

What is such a difference worth? Read what both write now.
""")
code("two-texts", """
def compare(named_models, beginning=""):
    \"\"\"A figure with a text by each model, side by side.\"\"\"
    texts = {}
    for name, model in named_models.items():
        texts[name] = write(model, beginning)[0]
    return figures.texts(texts)

show(compare({"from scratch": fresh, "pretrained": poet}),
     "Left: broken words and no sense. Right: four verses in whole words.")
""", A)
md("two-why", """
Both had the same poems and the same time. Spelling, names and grammar were in the storyteller already. It only had to learn the form. The new model had to learn everything, from 300 poems.

*Guess first:* each model writes 30 poems, which have 60 couplets. How many couplets of the pretrained model rhyme, after 70 steps?
""")
code("count", """
students = {"before": base, "from scratch": fresh, "pretrained": poet}
counts = {}
for name, model in students.items():
    thirty_poems = write(model, "", 30)
    counts[name] = examples.count_couplets(thirty_poems, poems)
figures.guess_rhymes(counts)
""", A)
md("count-read", """
The thin line is the 95 % confidence interval (notebook 03). The hatched part of a bar are couplets that stand in no training poem word for word. They are few, or new only in the hero's name: the model has mostly learnt the couplets that it saw. A few hundred examples teach a form, not much more.

*Try it.* Change 70 to 20 or 140 in the cell that trains the two models, and run the cells from there.

And the verse from section 1? The model has never seen it.
""")
code("after", """
after = chances(poet, verse)
loss_after = loss_of(after)
note = f"mean loss: {loss_before:.1f} before, {loss_after:.1f} after"
show(figures.surprise(verse_tokens, {"before": before, "after": after}, note),
     "Bars for each token of a verse: most are longer after training.")
""", A)

md("s3", """
## 3. LoRA: train a small part

The loop changed all the numbers of the model. For a large model that is a problem. Training needs four times the memory of the model (notebook 01), and each new style is a file as large as the model.

Look at one layer. It takes 192 numbers `x` and multiplies them by a table `W` of 192 x 576 numbers. **LoRA** leaves `W` as it is. Beside it, it trains two small tables, `A` and `B`.
""")
code("drawing", """
diagrams.lora()
""")
md("hand", """
Between `A` and `B` there are only 16 numbers. This width is called the **rank**. (LoRA is short for low-rank adaptation.)

Two small tables can stand for a large one. Multiply by hand: each row of the result is a number of `A` times the row `B`.
""")
code("hand-code", """
A = torch.tensor([[1.0], [2.0], [0.0], [-1.0]])  # 4 x 1: the rank is 1
B = torch.tensor([[3.0, 0.0, 1.0, 0.0, 2.0, 5.0]])  # 1 x 6
print(A @ B)  # @ multiplies two tables
print("numbers in A and B:", A.numel() + B.numel())
""")
md("ex2", """
So 10 numbers make a table of 4 x 6 = 24 numbers. (Not every table: the rows are all alike, up to a factor. A higher rank allows more.)

### Your turn: 05.2

How many numbers does LoRA train in a layer?
""")
b.exercise("05.2", "lora_size", "inputs, outputs, rank")
code("use2", """
size = use("05.2", lora_size)
numbers = {"the whole W": 192 * 576}
for rank in (1, 4, 16, 64):
    numbers[f"LoRA, rank {rank}"] = size(192, 576, rank)
note = f"The function lora_size is {size.whose}."
show(figures.sizes(numbers, note),
     "Bars: LoRA trains far fewer numbers than W has, the more the higher the rank.")
""")
md("ten", """
### Ten lines

Here is LoRA as a layer. It holds the old layer, and it adds the way through `A` and `B` to its result. `B` begins with zeros, so at first nothing changes at all.
""")
code("lora", """
lora_dice = generator(session.seed)

class LoRA(torch.nn.Module):
    def __init__(self, layer, rank):
        super().__init__()
        inputs, outputs = layer.weight.shape  # as GPT-2 keeps its tables
        random_numbers = torch.randn(inputs, rank, generator=lora_dice)
        self.layer = layer  # the old layer with W
        self.A = torch.nn.Parameter(random_numbers / inputs**0.5)
        self.B = torch.nn.Parameter(torch.zeros(rank, outputs))

    def forward(self, x):
        return self.layer(x) + 2 * (x @ self.A @ self.B)
""", A)
md("put-in", """
(The factor 2 makes the new way a bit stronger; libraries call it `alpha / rank`.)

Now these lines go into the model. First we freeze everything. Then we replace four layers in each block of the Transformer.
""")
code("put-in-code", """
lora_poet = copy.deepcopy(base)
lora_poet.requires_grad_(False)  # frozen: no number of the model is trained
for block in lora_poet.transformer.h:
    block.attn.c_attn = LoRA(block.attn.c_attn, 16)
    block.attn.c_proj = LoRA(block.attn.c_proj, 16)
    block.mlp.c_fc = LoRA(block.mlp.c_fc, 16)
    block.mlp.c_proj = LoRA(block.mlp.c_proj, 16)
lora_poet.to(base.device)
trained = 0
for parameter in lora_poet.parameters():
    if parameter.requires_grad:  # True for A and B only
        trained = trained + parameter.numel()
print(f"{trained:,} of {base.num_parameters():,} numbers are trained.")
""", A)
md("train-lora", """
Nothing else changes: the same loop, the same poems. LoRA needs more steps, because its new way begins with nothing. We give it 210. This is the longest wait of the text sections, about half a minute.
""")
code("train-lora-code", """
curves["LoRA"] = train(lora_poet, poem_ribbon, 210, rate)
show(figures.losses(curves),
     "Three falling lines; LoRA falls more slowly and gets low as well.")
""", A)
code("lora-rhymes", """
counts["LoRA"] = examples.count_couplets(write(lora_poet, "", 30), poems)
show(figures.rhyme_bars(counts),
     "Bars: the pretrained model rhymes, with full training and with LoRA.")
print(write(lora_poet, "Mina the fox")[0].count("\\n") > 0)
""".replace('print(write(lora_poet, "Mina the fox")[0].count("\\n") > 0)\n', ""), A)
code("lora-text", """
three_models = {"before": base, "all numbers": poet, "LoRA": lora_poet}
show(compare(three_models, "Mina the fox"),
     "Three texts that begin with Mina the fox: prose, and two poems.")
""", A)
md("lora-read", """
It works. Only `A` and `B` of each layer must be kept. So one model can have fifty styles: fifty small files, and the large one only once.

You will not write this class every time. The library PEFT has it, with many options. This is the same LoRA in PEFT:
""")
code("peft", """
from peft import LoraConfig, get_peft_model

config = LoraConfig(
    r=16,  # the rank
    lora_alpha=32,  # alpha / rank is 2
    target_modules=["c_attn", "c_proj", "c_fc"],
    fan_in_fan_out=True)  # as GPT-2 keeps its tables
peft_poet = get_peft_model(copy.deepcopy(base), config)
trained_by_peft, _ = peft_poet.get_nb_trainable_parameters()
print(f"Our lines train {trained:,} numbers, PEFT {trained_by_peft:,}.")
""", A)

md("s4", """
## 4. What is forgotten?

The poet was a storyteller. Can it still tell a story? We ask all three for one, in the words that the storyteller knows.
""")
code("request", """
old_request = "Tell a calm story about Mina the fox in the desert at night.\\n"
show(compare(three_models, old_request),
     "Three answers to a request for a story: a story before, verses after.")
""", A)
md("forgetting", """
This is called **forgetting**: training for the new makes the model worse at the old. Nobody told it to give up stories. But it saw only poems, and each step moved it towards them.

Two things help:

- *a gentle rate*: smaller steps. The model moves less, away from stories too;
- **replay**: mix some old examples with the new ones.

### Your turn: 05.3

Write the mixing. Your list is used for the next training.
""")
b.exercise("05.3", "mixed", "new, old, every")
code("use3", """
mix = use("05.3", mixed)
some_stories = examples.stories("train", 60, session.seed)
mixture = mix(poems, some_stories, 5)  # after five poems one story

gentle_poet = copy.deepcopy(base)
train(gentle_poet, poem_ribbon, 70, rate / 4)
replay_poet = copy.deepcopy(base)
train(replay_poet, ribbon_of(mixture), 70, rate)
""".replace('train(gentle_poet', 'gentle_losses = train(gentle_poet').replace('train(replay_poet', 'replay_losses = train(replay_poet'), A)
code("answers2", """
cures = {"all numbers": poet, "gentle rate": gentle_poet,
         "with replay": replay_poet}
show(compare(cures, old_request),
     "Three answers to the request; the one after replay is a story again.")
""", A)
md("measure", """
One answer is not a measure. So we take the loss on whole ribbons, of the new poems and of the old stories. The ribbon is cut into rows of 64 tokens.
""")
code("loss-on", """
def loss_on(model, ribbon):
    \"\"\"The mean loss of all tokens of a ribbon.\"\"\"
    row_count = len(ribbon) // 64
    rows = ribbon[: row_count * 64].reshape(row_count, 64)
    with torch.no_grad():
        return model(rows, labels=rows).loss.item()

new_ribbon = ribbon_of(new_poems)
old_ribbon = ribbon_of(old_stories)
losses = {}
for name, model in (three_models | cures).items():  # all five of them
    on_new = loss_on(model, new_ribbon)
    on_old = loss_on(model, old_ribbon)
    losses[name] = (on_new, on_old)
""", A)
md("guess-kept", """
*Guess first:* which of the four trained models keeps its stories best?
""")
code("skills", """
figures.guess_kept(losses)
""", A)
md("skills-read", """
Each dot is a model. Training moves it to the left: it learns poems. It also moves up: it forgets stories. Replay moves it to the left and hardly up, because the stories are in the examples. So keep some old data if you can, and always measure the old skill, too.

*Try it.* Mix in fewer stories: `mix(poems, some_stories, 20)`.
""")

md("s5", """
## 5. A domain: notes from a clinic

A rhyme is a *style*: new form, old content. A *domain* has content of its own. Here are two notes from a clinic. They are invented, and no patient is real.
""")
code("notes", """
clinic_notes = examples.clinical_notes("train", 300, session.seed)
print(examples.NOTICE)
print()  # an empty line
print(clinic_notes[0])
print()
print(clinic_notes[1])
""", A)
md("notes-text", """
The first line is the complaint (*CC* or *PC*), the second the history. Shortened words are everywhere (`3 d` are three days). We train a copy of the storyteller on them, and let both write a text.
""")
code("notes-train", """
clerk = copy.deepcopy(base)
note_losses = train(clerk, ribbon_of(clinic_notes), 70, rate)
print(examples.NOTICE)
show(compare({"before": base, "after": clerk}),
     "Left: no note. Right: something that looks like a note, with mistakes.")
""", A)
md("notes-read", """
Read the note on the right carefully. It looks like a note, but does it make sense? Form is learnt in a minute. Sense needs far more data, and no amount of data makes every sentence true. A text that *looks* right is the one to check most carefully.
""")

md("s6", """
## 6. A style for pictures

The painter of notebook 04 knows one way of drawing. We want *paper-cuts*. We have 60, each with a caption that says what is to be seen, and nothing about the style.
""")
code("cuts", """
painter = images.load(session)
side = papercuts.side_of(painter)  # how many pixels wide its pictures are
cuts = papercuts.examples(60, side, session.seed)
cut_pictures = [cut.picture for cut in cuts[:4]]
usual_pictures = papercuts.usual(4, side, session.seed)
show(figures.pairs(usual_pictures, cut_pictures, ("usual", "paper-cut")),
     "Four scenes drawn as usual, and below as paper-cuts: the sky is made of "
     "sheets with wavy edges, and things have a pale margin and a dark shadow.")
print("The caption of the first:", cuts[0].caption)
""", A)
md("before", """
First we paint 12 scenes that are in no training picture. Then we train, and paint them again from the same seed.
""")
code("before-code", """
wishes = papercuts.prompts(12, session.seed)
print(wishes[0])
pictures_before = images.generate(
    painter, wishes, seed=session.seed, steps=10)
""", A)
md("tune", """
`tuning.tune_pictures` has the same six lines inside. An example is a picture with noise, and the loss says how badly the noise was guessed (notebook 04). It puts PEFT's LoRA beside the layers of the painter, trains, and writes `A` and `B` of all layers into a small file.
""")
code("tune-code", """
small = session.profile == "tiny"
style_folder = tuning.tune_pictures(
    session, cuts, "build/paper-cut-style", seed=session.seed,
    steps=TINY_STEPS if small else 400,
    batch_size=TINY_BATCH if small else 2)
lora_file = style_folder / "pytorch_lora_weights.safetensors"
file_size = lora_file.stat().st_size  # in bytes
print(f"The file has {file_size / 1e6:.1f} MB.")
""", A)
code("after-code", """
painter.load_lora_weights(style_folder, weight_name=lora_file.name)
pictures_after = images.generate(
    painter, wishes, seed=session.seed, steps=10)
""", A)
md("ex4", """
### Your turn: 05.4

Where has a picture changed most? Think of it as 8 by 8 blocks, like a chess board. Find the block.
""")
b.exercise("05.4", "changed_most", "before, after")
code("use4", """
find = use("05.4", changed_most)
figure = figures.changed(pictures_before[:3], pictures_after[:3], find)
show(figure, "Three scenes before and after, from the same seed. In the lower row "
     "they look cut from paper. Arrows point to the block that changed most.")
""", A)
md("changed-read", """
Each arrow points to the block that has changed most. Compare it above and below. The scene is the same, from the same seed; the way of drawing is new. Nobody had to teach the painter again what the sea is.

Is it really the style? A small network judges. It learnt from drawings, so we also show it the training pictures as soft as our painter draws: squeezed into latents and unfolded again.
""")
code("judge", """
twelve_cuts = [cut.picture for cut in cuts[:12]]
soft_cuts = papercuts.as_the_model_draws(painter, twelve_cuts)
called = {
    "true paper-cuts,\\nas soft as the painter's": papercuts.count_called(soft_cuts),
    "before": papercuts.count_called(pictures_before),
    "after": papercuts.count_called(pictures_after),
}
show(figures.paper_cuts(called),
     "Bars: true paper-cuts are recognised, none before, most after training.")
""", A)
md("judge-read", """
Twelve pictures are few, so the intervals are long. But the difference between before and after is clear.

*Try it.* Paint your own sentence: change `wishes[0]` in the cell with the 12 scenes, and run the cells after it.
""")

md("summary", """
## Summary

- Training is a loop: take examples, measure the loss, find the better direction, take a step.
- A pretrained model already knows the language. A few minutes teach it a form.
- LoRA leaves the model as it is and trains two small tables beside each layer. It needs more steps, and its file is small.
- What is not in the examples is forgotten. Replay and a gentle rate help. Measure the old skill, too.
- A style is learnt fast, for texts and pictures. A text that looks right can still be wrong.

Next: [your own texts and pictures](08_your_own_model.ipynb). Notebook 15 compares rates and ranks, and teaches a painter one particular thing.

## Check yourself

1. Why does the storyteller begin with a higher loss than a new model, and end with a lower one?
2. Why does `B` begin with zeros?
3. A layer has 1000 inputs and 1000 outputs. How many numbers does LoRA train at rank 8, and how many has the layer?
4. Fine-tuned on contracts, your assistant answers every question like a contract. What can you do?
5. The fine-tuned model writes perfect notes. May a nurse use them?

<details>
<summary>Answers</summary>

1. It firmly expects prose, so poems surprise it more than a model that expects nothing. But it knows the words, so it learns the form faster.
2. So that the model is unchanged at first, and training starts from what it knows.
3. 1000 x 8 + 8 x 1000 = 16,000, of 1,000,000.
4. Mix in old examples (replay), take a smaller learning rate or LoRA, train fewer steps. And measure the old skill.
5. No. It has learnt how notes look. Nothing makes what they say true.

</details>

## Exercises: your score
""")
code("score", """
score("05")
""")
md("sources", """
## Sources

- Hu et al. 2022, [LoRA: low-rank adaptation of large language models](https://arxiv.org/abs/2106.09685).
- Biderman et al. 2024, [LoRA learns less and forgets less](https://arxiv.org/abs/2405.09673).
- McCloskey and Cohen 1989, [Catastrophic interference in connectionist networks](https://doi.org/10.1016/S0079-7421(08)60536-8): forgetting.
- Rolnick et al. 2019, [Experience replay for continual learning](https://arxiv.org/abs/1811.11682).
- Loshchilov and Hutter 2019, [Decoupled weight decay regularization](https://arxiv.org/abs/1711.05101): AdamW.
- Hugging Face: [PEFT](https://huggingface.co/docs/peft) and [Diffusers on training](https://huggingface.co/docs/diffusers/training/overview).
""")
for c in b.cells:
    c["source"] = [l.replace("TINY_STEPS", "120").replace("TINY_BATCH", "8") for l in c["source"]]
b.write(sys.argv[1] if len(sys.argv) > 1 else "./notebooks/05_fine_tuning.ipynb")
