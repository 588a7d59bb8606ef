import numpy as np
src=open('./helpers/lessons/tuning/exercises.py').read()
src=src[:src.index('EXERCISES = (')]
src='\n'.join(l for l in src.splitlines() if not l.startswith('from helpers') and not l.startswith('from __future__'))
ns={}
exec(src,ns)
import copy
def plain(v):
    if hasattr(v,'tolist'): v=v.tolist()
    if isinstance(v,(list,tuple)): return [plain(x) for x in v]
    return float(f"{v:.6g}") if isinstance(v,float) else v
ref=ns['changed_most']
for case in ns['_block_cases'](): print(ref(*case))
for why,sl in ns['CHANGE_SLIPS'].items():
    for case in ns['_block_cases']():
        got,w=plain(sl(*case)),plain(ref(*case))
        if got!=w:
            r=([y for y,s in ns['CHANGE_SLIPS'].items() if plain(s(*case))==got] or ['?'])[0]; break
    else: r='NONE'
    print(r==why, why, '' if r==why else r)
def changed_by_reshape(before, after):
    side = len(before) // 8
    blocks = np.abs(after - before).reshape(8, side, 8, side, 3).mean(axis=(1, 3, 4))
    return divmod(int(blocks.argmax()), 8)
print([changed_by_reshape(*c) for c in ns['_block_cases']()])
