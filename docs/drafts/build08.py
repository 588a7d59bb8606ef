import sys; sys.path.insert(0, "docs/drafts")
from cells import Book
b = Book("08")
md, code = b.md, b.code
A = "any-model"

md("title", """
# Your own model

[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/generative-ai-workbook/generative-ai-workbook/blob/main/notebooks/08_your_own_model.ipynb)

Here a model learns from *your* texts or *your* pictures, in five steps. Run the notebook once as it is, with our small example. Then put in your own folder and run it again.

**You will be able to**

- train a text model on a folder of your texts, and an image model on a folder of your pictures;
- say what was read, what was skipped, and why;
- choose how long to train, and know what to expect;
- keep your model, and use it again another day;
- say which data you may use.

**Prerequisites:** you can run a cell of a notebook and change a value. You need no other notebook. [Notebook 05](05_fine_tuning.ipynb) explains what happens inside.

**Time and memory:** 30 minutes with our example, of which the cells take one minute and 1.5 GB on two CPU cores, without a network. With your own data and the large models of the profile `hub` you need a GPU: Google Colab lends one for nothing. Plan an hour, 6 GB to download and 8 GB on the GPU.
""")
md("setup", """
## Setting up

You may skip the lines with `sys` and `%pip`: they install this workbook in Google Colab. You will change the second cell.
""")
code("imports", """
import sys

if "google.colab" in sys.modules:  # Colab has all libraries, but not this workbook
    %pip install -q --no-deps git+https://github.com/generative-ai-workbook/generative-ai-workbook@main

from helpers import images, own_data, text, tuning
from helpers.exercises import check, hint, score, solution, statement, use
from helpers.lessons.own import folders, keep, plans, watching
from helpers.lessons.tuning import figures
from helpers.plots import show
from helpers.session import start
""")
code("parameters", """
profile: str = "tiny"  # tiny, hub or auto
seed: int = 0  # every random choice below follows from it, 0 to 4000000000
my_texts: str = ""  # a folder with your texts, or "" for our example
my_pictures: str = ""  # a folder with your pictures, or "" for our example
text_model: str = ""  # "" for the profile's own, a folder, or a hub model as owner/name
caption: str = "a picture in my style"  # for pictures that have no caption
""", "parameters")

md("texts", """
## 1. Your texts

### Step 1: choose where to train

For a first try, leave everything as it is. The small model of this workbook trains on any computer in seconds. It knows only one small world of stories, so it is good for trying, not for your texts.

For your own texts take GPT-2, on a GPU:

1. In Colab open the menu *Runtime*, then *Change runtime type*. Choose *T4 GPU* and *Save*.
2. In the cell above write `profile: str = "hub"`.
3. Run the notebook from its first cell.

**GPT-2** has read English. It cuts a Korean syllable into two or three pieces and has hardly seen such pieces, so it writes Korean badly. For Korean name a model that has read it, for example `text_model: str = "Qwen/Qwen2.5-0.5B"` (1 GB, Apache licence).
""".replace("**GPT-2** has", "GPT-2 has"))
code("start", """
session = start(profile, seed)
""", A)
md("step2", """
The line says which models are used, and whether on a CPU or a GPU.

### Step 2: put your texts into a folder

Make a folder with files that end in `.txt` or `.md`, one text in each. Thirty short texts are a good beginning. They should be of *one* kind, such as poems, recipes or letters: the model learns what they have in common. Then write the folder's name into `my_texts` above.

- *On your own computer:* its path, such as `my_texts: str = "~/Documents/my-texts"`.
- *In Colab:* click on the folder symbol on the left, make a folder `my-texts`, and drag your files into it. Write `my_texts: str = "/content/my-texts"`. Colab forgets this folder when you leave.
- *In Google Drive*, which forgets nothing: run these two lines in a new cell, and write `my_texts: str = "/content/drive/MyDrive/my-texts"`.

```python
from google.colab import drive
drive.mount("/content/drive")
```

Use only texts that you may use; section 3 says more.
""")
code("folder", """
text_folder = folders.texts(session, my_texts)  # yours, or our example
print(folders.listing(text_folder))
""", A)
md("step3", """
### Step 3: see what is read

`read_texts` reads every file that it can, in most encodings. It cuts a text of more than 2,000 letters into pieces, at the end of a paragraph. What it cannot use it skips, and `report` says why.
""")
code("read", """
found = own_data.read_texts(text_folder)
print(own_data.report(found))
plans.check_texts(found.items)  # stops if there are too few
print(len(found.items), "texts. The first one:")
print()
print(found.items[0])
""", A)
md("ex1", """
Look at the text. Is it whole? Are the letters right?

### Your turn: 08.1

To see later what the model has learnt, set some texts aside. It must not train on them. The card says what to write in place of `...`; `hint("08.1", 1)` in a new cell helps.
""")
b.exercise("08.1", "set_aside", "texts, every")
code("use1", """
# Your function if it is right, else the reference answer
set_apart = use("08.1", set_aside)
training_texts, new_texts = set_apart(found.items, 10)
print(len(training_texts), "texts to train on,", len(new_texts), "set aside")
""", A)
md("ex2", """
How long shall it train? In one step the model reads 8 texts. For a start it should read each text about 20 times.

### Your turn: 08.2
""")
b.exercise("08.2", "steps_for", "count, batch_size, passes")
code("use2", """
count_steps = use("08.2", steps_for)
text_steps = count_steps(len(training_texts), 8, 20)
text_steps = min(text_steps, plans.MOST_STEPS)  # not too long for a start
print(plans.texts(session, text_steps))
""", A)
md("step4", """
These numbers are estimates. If it is too long for you, make `text_steps` smaller.

### Step 4: train, and watch

The bar shows how far it is, and the loss: how wrong the model is. If the training is cut off, run the cell again: it goes on where it was. (The model gets LoRA, two small tables beside each layer; notebook 05 draws it.)
""")
code("train", """
# NBVAL_IGNORE_OUTPUT
# the model is trained here, and rounding differs between machines
watch = watching.Losses()
text_model_folder = tuning.tune_texts(
    session, training_texts, "build/my-text-model", model=text_model,
    steps=text_steps, batch_size=8, seed=seed, show=watch)
assert text_model_folder.is_dir()
""", A)
code("watch", """
show(watch.figure(), "A line that falls: the loss at each part of the training.")
""", A)
md("step4b", """
The message compares the loss on some texts that `tune_texts` itself kept back (a tenth, if there are 20 or more). *After* should be lower than *before*. If it is higher, the model has learnt your texts by heart: take fewer steps, or more texts. If the line still falls at its end, take more steps.

### Step 5: try it, and keep it

We give the model the first three words of a text that was set aside, before the training and after it.
""")
code("try", """
words = new_texts[0].split()
beginning = " ".join(words[:3])  # or words of your own

def write(tokenizer, model):
    new_text = text.generate(model, tokenizer, beginning, seed=seed,
                             top_p=0.9, max_new_tokens=60)
    return beginning + new_text[0]
""", A)
code("try2", """
tokenizer, base = text.load(session, text_model)  # before
my_tokenizer, my_model = text.load(session, str(text_model_folder))  # after
two_texts = {"before": write(tokenizer, base),
             "after": write(my_tokenizer, my_model)}
show(figures.texts(two_texts),
     "Two texts with the same beginning: before training and after it.")
""", A)
md("keep", """
Does it sound like your texts? Compare it with them: it should not be a copy.

The model is the folder `my-text-model` below `build`, which lies beside the folder of the notebooks (in Colab it is `/content/build`). *Another day,* run the first two cells of this notebook, and then:

```python
session = start(profile, seed)
folder = session.output_folder / "my-text-model"
tokenizer, model = text.load(session, str(folder))
print(text.generate(model, tokenizer, "How it begins", seed=1)[0])
```

`keep.as_zip` packs the folder into one file. In Colab your browser downloads it. To use it there another day, upload the file, run `!unzip my-text-model.zip -d build` in a new cell, and then the lines above.
""")
code("zip", """
zip_file = keep.as_zip(text_model_folder)
print(zip_file.name)
""", A)

md("pictures", """
## 2. Your pictures

### Step 1: choose where to train

For a first try, leave everything as it is. For your own pictures take Stable Diffusion, on a GPU: the same three lines as in section 1, step 1. (Without a GPU it would take days.)

### Step 2: put your pictures into a folder

Ten to thirty pictures are a good beginning. They should have *one* thing in common, which the model shall learn: a style, or one particular thing. PNG, JPEG, WebP, GIF, BMP and TIFF are read, of any size. Write the folder's name into `my_pictures`, as for texts.

A caption helps much. Write it into a text file with the same name: `cat.txt` for `cat.png`. Say what is to be seen, but *not* what the model shall learn to do always: for a style say "a red boat on the sea", not "a paper-cut". Pictures without a caption get the one in `caption` above.
""")
code("picture-folder", """
picture_folder = folders.pictures(session, my_pictures)
print(folders.listing(picture_folder))
""", A)
md("p3", """
### Step 3: see what is read

From each picture the square in its middle is taken, in the size that the model paints. So nothing important should be at the edges.
""")
code("read-pictures", """
painter = images.load(session)
side = painter.unet.config.sample_size * painter.vae_scale_factor  # in pixels
found = own_data.read_pictures(picture_folder, side)
print(own_data.report(found))
plans.check_pictures(found.items)  # stops if there are too few
print(len(found.items), "pictures of", side, "x", side, "pixels")
""", A)
code("look", """
first_pictures = []
first_captions = []
for item in found.items[:4]:
    first_pictures.append(item.picture)
    first_captions.append(item.caption or caption)
show(figures.named(first_pictures, first_captions),
     "The first four pictures of the folder, each with its caption.")
""", A)
md("p4", """
Do picture and caption belong together?

### Step 4: train, and watch

Each picture should be seen about 60 times. A large model reads 2 pictures in a step, the small one 8.
""")
code("picture-steps", """
batch_size = 8 if session.profile == "tiny" else 2
picture_steps = count_steps(len(found.items), batch_size, 60)
picture_steps = min(picture_steps, plans.MOST_STEPS)
print(plans.pictures(session, picture_steps))
""", A)
code("train-pictures", """
watch = watching.Losses()
picture_model_folder = tuning.tune_pictures(
    session, found.items, "build/my-picture-model", caption=caption,
    steps=picture_steps, batch_size=batch_size, seed=seed, show=watch)
show(watch.figure(), "A line with ups and downs, which falls a little.")
""", A)
md("p5", """
This line goes up and down, because some noise is easier to guess than other noise. It tells little. Better look at the pictures.

### Step 5: try it, and keep it

We paint three sentences, before and after, from the same seed. Write your own; they should not be captions of your folder.
""")
code("paint", """
wishes = ["a red balloon over the mountains at noon",
          "a white boat on the ocean at sunset",
          "a blue house in the meadow in the morning"]
before = images.generate(painter, wishes, seed=seed, steps=10)
file_name = "pytorch_lora_weights.safetensors"
painter.load_lora_weights(picture_model_folder, weight_name=file_name)
after = images.generate(painter, wishes, seed=seed, steps=10)
show(figures.pairs(before, after, ("before", "after")),
     "Three pictures before training, and below from the same seed after it.")
""", A)
md("keep-pictures", """
Is it what you wished? If too little has changed, take more steps. If all pictures look like one of yours, take fewer steps, or more pictures.

The folder `my-picture-model` below `build` holds only what was learnt, a few megabytes. It works with the painter that it was trained on. *Another day,* run the first two cells, and then:

```python
session = start(profile, seed)
painter = images.load(session)
painter.load_lora_weights(session.output_folder / "my-picture-model",
                          weight_name="pytorch_lora_weights.safetensors")
images.generate(painter, "what you wish", seed=1)[0]
```
""")
code("zip-pictures", """
zip_file = keep.as_zip(picture_model_folder)
print(zip_file.name)
""", A)

md("rights", """
## 3. What may you use?

- *Texts and pictures of others* are protected, also on the web. Use your own, what is in the public domain, or what has a licence that allows it.
- *Faces and names:* use pictures of people, or what they wrote, only if they have agreed. A model can give back what it has seen, and it cannot unlearn it.
- *Secrets:* no passwords, no letters of others, nothing about patients, pupils or customers.
- *A living artist's style:* do not sell or pass off what you make as theirs.
- *The model has a licence, too.* GPT-2's (MIT) allows nearly everything. That of Stable Diffusion v1-4 (CreativeML OpenRAIL-M) forbids uses that harm, for example to deceive people or to give medical advice.

And do not fine-tune in order to teach *facts*, such as the prices of your shop. The model learns how such texts sound, and invents the rest. Put facts into the prompt instead.

## 4. When something fails

You read one sentence that says what to do. These are the usual ones:

| what you read | what to do |
|---|---|
| The folder "..." does not exist | Look at the spelling. In Colab it begins with `/content/`. |
| The folder "..." is empty | The files are still uploading, or lie elsewhere. |
| Only 3 texts can be used, and 10 are the least | Cut long texts into pieces, or find more. |
| Skipped 1 (neither .txt nor .md): letter.docx | Save the document as plain text. |
| Skipped 1 (not a file of up to 256 MiB that can be read) | It is huge: cut it into pieces. |
| The GPU's memory is full | Restart the kernel (menu *Runtime*). Take half the `batch_size`, or a smaller model. |
| The checkpoint in ... is another run's | You changed a setting after a training was cut off. Remove the folder that is named. |

Pictures of different sizes are no problem: each gets its middle square.

## Summary

- Five steps: a GPU and a profile, a folder, see what is read, train and watch, try and keep.
- The model learns what your examples have in common. Set some aside, to see what it has really learnt.
- Fewer steps if it copies, more steps if it has not changed.
- Use only what you may use.

## Check yourself

1. Your model repeats one of your letters word for word. What do you change?
2. Why do captions name what is in the picture, but not the style?
3. Somebody wants a model that knows the opening hours of 200 shops. What do you say?

<details>
<summary>Answers</summary>

1. Fewer steps or more texts: it has learnt them by heart.
2. What the captions do not name is what all pictures have in common. So the style comes with every prompt, and the things only when they are named.
3. Put the opening hours into the prompt. Fine-tuning would teach how such lists sound, and the model would invent hours.

</details>

## Exercises: your score
""")
code("score", """
score("08")
""")
md("sources", """
## Sources

- Hu et al. 2022, [LoRA: low-rank adaptation of large language models](https://arxiv.org/abs/2106.09685).
- Carlini et al. 2021, [Extracting training data from large language models](https://arxiv.org/abs/2012.07805): a model can give back what it has seen.
- Rombach et al. 2022, [High-resolution image synthesis with latent diffusion models](https://arxiv.org/abs/2112.10752), and the [licence of Stable Diffusion v1-4](https://huggingface.co/spaces/CompVis/stable-diffusion-license).
- Google: [questions about Colab](https://research.google.com/colaboratory/faq.html), on its GPUs and how long they are lent.
""")
b.write(sys.argv[1] if len(sys.argv) > 1 else "./notebooks/08_your_own_model.ipynb")
