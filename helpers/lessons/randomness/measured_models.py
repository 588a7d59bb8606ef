"""The two experiments of notebook 12: eight requests for pictures, eight for stories, several results each.

Only of the small world can a program say what came out. So these are the shipped models, in every profile.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from functools import cache

import numpy as np
from PIL.Image import Image

from helpers import images, text
from helpers.lessons.text.stories import ALL, obeys, what_is_wrong
from helpers.session import Session
from smallworld.judges import pictures as judges
from smallworld.world import stories
from smallworld.world.checker import check, read_conditions
from smallworld.world.prompts import full_prompt
from smallworld.world.scenes import Scene, combinations, sample_scene

STEPS = 8  # of DPM-Solver++, which needs few (Lu et al. 2022)
TOKENS = 80  # of a story: its beginning, in which place, time and hero are told
WORD = re.compile(r"[a-z']+")


class PictureTrial:
    """Eight requests for pictures that no training picture fulfils, each painted eight times.

    Results come request by request: the first eight belong to the first request. The seeds are the same at
    every guidance scale, so two scales can be compared picture by picture.
    """

    facts = ("place", "time", "thing", "color", "number")
    layout_names = judges.LAYOUT

    def __init__(self, session: Session, requests: int = 8, times: int = 8):
        self.pipe = images.with_scheduler(images.load(session), "dpm++")
        self.judge = judges.load()
        rng = random.Random(session.seed)
        with_thing = [key for key in combinations("test") if key[2]]
        chosen = rng.sample(with_thing, requests)
        self.scenes = []
        while len({_fact(scene, "number") for scene in self.scenes}) < 2:  # one thing here, several there
            self.scenes = [sample_scene(rng, "test", place=p, time=t, thing=x) for p, t, x in chosen]
        self.requests = [full_prompt(scene) for scene in self.scenes]
        self.times = times
        self.seeds = [(1000 * session.seed + i) % 2**32 for i in range(requests * times)]

    def paint(self, guidance_scale: float) -> list[Image]:
        """All pictures at a guidance scale; 0 is no request at all, the guess for any picture."""
        prompts = [request for request in self.requests for _ in range(self.times)]
        if guidance_scale == 0:
            prompts, guidance_scale = [""] * len(prompts), 1.0
        return images.generate(self.pipe, prompts, seed=self.seeds, steps=STEPS, batch_size=16,
                               guidance_scale=float(guidance_scale))  # fmt: skip

    def asked(self, fact: str) -> list[str]:
        """What each picture was asked for."""
        return [_fact(scene, fact) for scene in self.scenes for _ in range(self.times)]

    def seen(self, fact: str, painted: Sequence[Image]) -> list[str]:
        """What a network, the judge, reads in each picture."""
        return [_fact(reading, fact) for reading in self.judge.read(list(painted))]

    def missed(self, painted: Sequence[Image]) -> list[list[str]]:
        """The facts of each picture that the judge does not read as they were asked for; none: it obeys."""
        asked = [scene for scene in self.scenes for _ in range(self.times)]
        return [
            [fact for fact in self.facts if _fact(reading, fact) != _fact(scene, fact)]
            for reading, scene in zip(self.judge.read(list(painted)), asked, strict=True)
        ]

    def obeyed(self, painted: Sequence[Image]) -> list[bool]:
        """Whether the judge reads all that was asked for in each picture."""
        return [not facts for facts in self.missed(painted)]

    def layout(self, painted: Sequence[Image]) -> np.ndarray:
        """Horizon, mean x, mean y and mean width of the things: (requests, times, 4), in shares of the side.

        By a network that was never told what a picture shows. (Where nothing is seen, x and y mean nothing.)
        """
        return self.judge.layout(list(painted)).reshape(len(self.scenes), self.times, -1)

    def usual_layout(self, painted: Sequence[Image]) -> np.ndarray:
        """The layout with each measure divided by its usual spread, so that they can be added up."""
        return self.layout(painted) / np.array(judges.SPREADS)


def _fact(shown: Scene | judges.Reading, fact: str) -> str:
    """A fact of a scene or of what the judge reads; the number is told as one or several."""
    if fact == "number":
        return "several" if shown.count > 1 else "one"
    return getattr(shown, fact)


class StoryTrial:
    """Eight requests for stories that no training story fulfils, each told twelve times.

    Results come request by request, as in `PictureTrial`.
    """

    facts = ("place", "time", "character")

    def __init__(self, session: Session, requests: int = 8, times: int = 12):
        self.tokenizer, self.writer = text.load(session)
        self.seed, self.times = session.seed, times
        self.wanted = random.Random(session.seed).sample(stories.combinations("test"), requests)
        self.requests = [stories.ask(place, time, character=who) for place, time, who in self.wanted]

    def tell(self, temperature: float) -> list[str]:
        """The beginnings of all stories at a temperature."""
        return text.generate(self.writer, self.tokenizer, self.requests, seed=self.seed,
                             temperature=float(temperature), max_new_tokens=TOKENS,
                             num_return_sequences=self.times, batch_size=48)  # fmt: skip

    def asked(self, fact: str) -> list[str]:
        """What each story was asked for."""
        place = self.facts.index(fact)
        return [wanted[place] for wanted in self.wanted for _ in range(self.times)]

    def seen(self, fact: str, told: Sequence[str]) -> list[str]:
        """What a program reads in each story; "" where it finds nothing."""
        return [_facts_of(story).get(fact, "") for story in told]

    def obeyed(self, told: Sequence[str]) -> list[bool]:
        """Whether each story names its place, time and hero, and nothing in it contradicts them."""
        wanted = [triple for triple in self.wanted for _ in range(self.times)]
        return [obeys(story, *triple)[ALL] for story, triple in zip(told, wanted, strict=True)]

    def verdict(self, number: int, story: str) -> str:
        """The request of result `number`, and in words what in this story does not keep to it."""
        request = number // self.times
        wrong = what_is_wrong(story, *self.wanted[request])
        return f"{self.requests[request].strip()} ({wrong or 'obeys'})"

    def words_used(self, told: Sequence[str]) -> np.ndarray:
        """Whether each word occurs in each story, 1 or 0: (requests, times, words)."""
        used = [set(WORD.findall(story.lower())) for story in told]
        known = sorted(set().union(*used))
        table = np.array([[float(word in words) for word in known] for words in used])
        return table.reshape(len(self.wanted), self.times, -1)


@cache
def _facts_of(story: str) -> dict[str, str]:
    """What a program reads in a story, read once for all facts."""
    return check(story).facts


def views(told: Sequence[str]) -> dict[str, list]:
    """Stories as three kinds of results: as texts, as (character, place), and as characters.

    A story that names not exactly one character and one place is left out of all three.
    """
    results = {"text": [], "character and place": [], "character": []}
    for story in told:
        facts = read_conditions(story)
        if {"character", "place"} <= facts.keys():
            results["text"].append(story)
            results["character and place"].append((facts["character"], facts["place"]))
            results["character"].append(facts["character"])
    return results
