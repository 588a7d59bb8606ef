import sys, time
sys.path.insert(0, ".")
import torch; torch.set_num_threads(1)
from pathlib import Path
from helpers import images, tuning, checkpoints
from helpers.session import Session
from helpers.lessons.tuning import papercuts, figures, exercises as tasks
seed, steps, batch, rate, count = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])
build = Path("docs/drafts/build"); build.mkdir(exist_ok=True)
checkpoints.build_folder = lambda: build
session = Session("tiny", "cpu", torch.float32, seed, build, False)
pipe = images.load(session)
cuts = papercuts.examples(count, papercuts.side_of(pipe), seed)
wishes = papercuts.prompts(12, seed)
t=time.time(); before = images.generate(pipe, wishes, seed=seed, steps=10); print("paint", round(time.time()-t,1), flush=True)
t=time.time()
folder = tuning.tune_pictures(session, cuts, "build/h", seed=seed, steps=steps, batch_size=batch, learning_rate=rate)
print("train", round(time.time()-t,1), flush=True)
pipe.load_lora_weights(folder, weight_name="pytorch_lora_weights.safetensors")
t=time.time(); after = images.generate(pipe, wishes, seed=seed, steps=10); print("paint with LoRA", round(time.time()-t,1))
soft = papercuts.as_the_model_draws(pipe, [c.picture for c in cuts[:12]])
print(sys.argv[1:], "soft", papercuts.count_called(soft), "before", papercuts.count_called(before), "after", papercuts.count_called(after), flush=True)
from helpers import plots
fig = figures.changed(before[:3], after[:3], tasks.changed_most)
open(f"docs/drafts/pic_{'_'.join(sys.argv[1:])}.png","wb").write(plots.png(fig))
