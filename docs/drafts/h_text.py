"""h_text.py what ... : experiments on the notebook's functions"""
import sys, time, copy
sys.path.insert(0, ".")
import torch; torch.set_num_threads(1)
from types import SimpleNamespace
from pathlib import Path
from helpers import text
from helpers.session import Session, generator
from helpers.lessons.tuning import examples, exercises as tasks
from tests.notebook_code import functions
seed = int(sys.argv[1])
t0=time.time()
session = Session("tiny", "cpu", torch.float32, seed, Path("docs/drafts/build"), False)
tokenizer, base = text.load(session)
seen = {"text": text, "session": SimpleNamespace(seed=seed), "tokenizer": tokenizer, "base": base,
        "end": tokenizer.eos_token_id, "generator": generator, "tqdm": lambda s, **_: s, "lora_dice": generator(seed)}
f = functions("05_fine_tuning", "write", "chances", "ribbon_of", "draw_batch", "train", "LoRA", "loss_on", **seen)
poems = examples.poems("train", 300, seed)
ribbon = f.ribbon_of(poems)
new, old = f.ribbon_of(examples.poems("test", 60, seed)), f.ribbon_of(examples.stories("test", 20, seed))
mix = f.ribbon_of(tasks.mixed(poems, examples.stories("train", 60, seed), 5))
print("setup", round(time.time()-t0,1), len(ribbon), len(new), len(old), len(mix), flush=True)
def lora():
    m = copy.deepcopy(base).requires_grad_(False)
    for b in m.transformer.h:
        for part, n in ((b.attn,"c_attn"),(b.attn,"c_proj"),(b.mlp,"c_fc"),(b.mlp,"c_proj")):
            setattr(part, n, f.LoRA(getattr(part,n),16))
    return m
def report(name, m, losses=None, t=0):
    t1=time.time(); told=f.write(m,"",30); g=time.time()-t1
    c=examples.count_couplets(told, poems)
    print(f"{name}: train {t:.0f}s gen {g:.1f}s poems {f.loss_on(m,new):.2f} stories {f.loss_on(m,old):.2f} {c}", [round(x,2) for x in (losses or [])[:3]+(losses or [])[-3:]], flush=True)
    print("   ", told[0].replace("\n"," / ")[:160], flush=True)
if "base" in sys.argv[2:]: report("base", base)
for what in sys.argv[2:]:
    if what=="base": continue
    kind, steps, rate = what.split(":"); steps=int(steps); rate=float(rate)
    t=time.time()
    if kind=="scratch":
        torch.manual_seed(seed); m=type(base)(base.config).eval(); l=f.train(m,ribbon,steps,rate)
    elif kind=="full": m=copy.deepcopy(base); l=f.train(m,ribbon,steps,rate)
    elif kind=="replay": m=copy.deepcopy(base); l=f.train(m,mix,steps,rate)
    elif kind=="lora": m=lora(); l=f.train(m,ribbon,steps,rate)
    elif kind=="notes":
        notes=examples.clinical_notes("train",300,seed)
        m=copy.deepcopy(base); l=f.train(m,f.ribbon_of(notes),steps,rate)
        print(f.write(m)[0])
    report(what,m,l,time.time()-t)
    print("    REQ", f.write(m,"Tell a calm story about Mina the fox in the desert at night.\n")[0].replace("\n"," / ")[60:260], flush=True)
