"""exp.py EXPERIMENT SEED...: run experiments of tests.test_notebook_06 and print."""
import sys,time,json,torch
torch.set_num_threads(1)
from tests import test_notebook_06 as t
import os
out="docs/drafts/results.jsonl"
for seed in map(int,sys.argv[2:]):
    a=time.process_time(); r=getattr(t,sys.argv[1])(seed)
    b=time.process_time()-a
    print(sys.argv[1],seed,f"{b:.1f}s cpu",{k:round(v,4) for k,v in r.items()},flush=True)
    open(out,"a").write(json.dumps([sys.argv[1],seed,b,r])+"\n")
