import sys,json,time,traceback,io,os,ast
os.environ["WORKBOOK_LIVE"]="0"
from IPython.core.interactiveshell import InteractiveShell
out="docs/drafts/fig"; os.makedirs(out,exist_ok=True)
from helpers import plots, guess
state={"n":0,"id":""}
def save(figure,alt):
    state["n"]+=1; p=f"{out}/{state['id']}_{state['n']}.png"; open(p,"wb").write(plots.png(figure)); print("[FIG]",p,"|",alt)
plots.show=save; guess.plots.show=save
names=json.load(open("docs/drafts/names.json"))
nb=json.load(open("./notebooks/06_training_from_scratch.ipynb"))
only=sys.argv[1].split(",") if len(sys.argv)>1 else []
space={}
import torch
t0=time.time()
for c in nb["cells"]:
    if c["cell_type"]!="code": continue
    name=names[c["id"]]
    if only and not any(name.startswith(o) for o in only+["imports","parameters","start","s2-texts"]): continue
    src="\n".join(("    pass" if "%pip" in l else l) for l in "".join(c["source"]).splitlines())
    state["id"]=name
    print(f"\n=== {name}",flush=True)
    a=time.process_time()
    try:
        tree=ast.parse(src)
        last=tree.body[-1] if isinstance(tree.body[-1],ast.Expr) else None
        body=tree.body[:-1] if last is not None else tree.body
        exec(compile(ast.Module(body,[]),name,"exec"),space)
        if last is not None:
            v=eval(compile(ast.Expression(last.value),name,"eval"),space)
            if v is not None:
                if hasattr(v,"svg"): open(f"{out}/{name}.svg","w").write(v.svg); print("[SVG]")
                else: print(repr(v))
        space["show"]=save
    except BaseException: traceback.print_exc(file=sys.stdout)
    print(f"--- {name} {time.process_time()-a:.1f}s cpu, {time.time()-t0:.0f}s wall",flush=True)
