from smallworld.world import melody_grammar as g
for mood, place in (("calm","ocean"),("happy","snow"),("sad","snow")):
    for seed in range(25):
        t = g.draw(g.Wish(mood, place, "D", "3/4"), __import__("random").Random(f"{g.Wish(mood,place,'D','3/4')}-{seed}"), "test")
        if len(t) == 4: print(mood, place, seed, g.write_notes(t))
