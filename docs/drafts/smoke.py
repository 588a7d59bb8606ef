"""Execute the notebooks' cells in this process with tiny settings."""
import sys, json, time, os, traceback
os.environ["WORKBOOK_OUTPUT"]="docs/drafts/build"
sys.path.insert(0, ".")
import matplotlib; matplotlib.use("agg")
import torch; torch.set_num_threads(1)
import IPython.display as D
shown=[]
D.display=lambda *a, **k: shown.append(a)
number=sys.argv[1]
path={"05":"05_fine_tuning","08":"08_your_own_model"}[number]
nb=json.load(open(f"./notebooks/{path}.ipynb"))
small=[("70, rate","2, rate"),("70, 0.003","2, 0.003"),("210, rate","2, rate"),("max_new_tokens=70","max_new_tokens=6"),
 ("steps=120 if small","steps=2 if small"),("batch_size=8 if small","batch_size=2 if small"),("prompts(12","prompts(3"),("cuts[:12]","cuts[:3]"),('"train", 300','"train", 40'),('"test", 60','"test", 8'),
 ('"test", 20','"test", 2'),('"train", 60, session','"train", 4, session'),("steps=10","steps=2"),('"", 30','"", 2'),
 ("8, 20)","8, 1)"),("batch_size, 60)","batch_size, 2)"),("max_new_tokens=60","max_new_tokens=6"),("images.generate(painter, wishes, seed=seed)","images.generate(painter, wishes, seed=seed, steps=2)"),("examples(60","examples(4")]
ns={"__name__":"__main__"}
t0=time.time(); n=0
for c in nb["cells"]:
    if c["cell_type"]!="code": continue
    s="".join(c["source"]).replace("    %pip","    pass  # %pip")
    for a,b in small: s=s.replace(a,b)
    n+=1
    try: exec(compile(s,f"cell{n}","exec"),ns)
    except Exception:
        print("FAILED cell",n,"\n",s); traceback.print_exc(); 
    print(f"[{n}] {time.time()-t0:.0f}s cpu {time.process_time():.0f}", flush=True)
