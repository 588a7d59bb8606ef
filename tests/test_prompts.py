"""Requests with the facts that they say, hand-written ones among them, and notices about a prompt's words."""

import logging
import random
import re
from dataclasses import replace

import pytest
from tiny_pipeline import clip_tokenizer

from smallworld.world import captions, prompts, scenes, words
from smallworld.world.vocabulary import COLORS, PLACES, THING_COLORS, TIMES, colors_of, plural, things_in

SENTENCES = prompts.hand_written()
PLACE_WORDS = {
    "city": ("city", "skyline", "street"),
    "mountains": ("mountains", "mountain", "peaks"),
    "desert": ("desert", "dunes", "dune", "sand"),
    "ocean": ("ocean", "sea", "waves", "water"),
    "forest": ("forest", "woods", "fir"),
    "meadow": ("meadow",),
    "village": ("village",),
    "snow": ("snow", "snowy"),
}
TIME_WORDS = {
    "morning": ("morning", "dawn", "sunrise", "sun rose"),
    "noon": ("noon", "midday", "sunshine"),
    "sunset": ("sunset", "dusk", "evening", "twilight", "sun sank", "sun goes down"),
    "night": ("night", "midnight", "moonlight", "dark", "starry"),
}
THING_WORDS = {  # the last word of each name, single and several
    thing: [[form(name).split()[-1] for name in names] for form in (str, plural)]
    for thing, names in captions.THING_NAMES.items()
}
EVERY_COLOR = {*COLORS, *(color for colors in THING_COLORS.values() for color in colors)}


def plain(text: str) -> str:
    """A text in small letters without punctuation."""
    return " ".join(captions.split_words(text))


def named(table: dict[str, tuple[str, ...]], text: str) -> set[str]:
    """The keys of a table that a text has words of."""
    return {key for key, listed in table.items() if any(f" {one} " in f" {plain(text)} " for one in listed)}


def facts_of(scene: scenes.Scene) -> dict:
    """All facts of a scene, as a request states them."""
    facts = {"place": scene.place, "time": scene.time, "thing": scene.thing}
    return facts | ({"color": scene.color, "several": scene.count > 1} if scene.thing else {})


# --- hand-written sentences -----------------------------------------------------------------------------


def test_there_are_enough_sentences_and_they_cover_the_world():
    assert len(SENTENCES) >= 40 and len({plain(one.prompt) for one in SENTENCES}) == len(SENTENCES)
    for fact, keys in (("place", PLACES), ("time", TIMES), ("thing", {"", *captions.THING_NAMES})):
        assert {one.facts[fact] for one in SENTENCES if fact in one.facts} == set(keys), fact
    told = [one.facts["several"] for one in SENTENCES if "several" in one.facts]
    assert min(told.count(True), told.count(False)) >= 10
    assert {one.facts.get("color") for one in SENTENCES} >= set(COLORS)


def test_the_image_model_saw_every_word_of_the_sentences():
    for one in SENTENCES:
        assert words.unseen(one.prompt) == []


def test_what_a_sentence_says_is_possible():
    for one in SENTENCES:
        place, thing, color = (one.facts.get(name) for name in ("place", "thing", "color"))
        assert one.facts
        if thing:
            assert any(thing in things_in(key) for key in ([place] if place else PLACES)), one
        if color or "several" in one.facts:
            assert thing, one
        assert not color or color in colors_of(thing), one


def test_a_sentence_says_its_place_and_time_and_no_other():
    for one in SENTENCES:
        for table, fact in ((PLACE_WORDS, "place"), (TIME_WORDS, "time")):
            assert named(table, one.prompt) == ({one.facts[fact]} if fact in one.facts else set()), one


def test_a_sentence_says_its_thing_and_number_and_no_other():
    for one in SENTENCES:
        found = set(captions.split_words(one.prompt))
        single, several = ({thing for thing, forms in THING_WORDS.items() if found & set(forms[number])}
                           for number in (0, 1))  # fmt: skip
        thing = one.facts.get("thing")
        assert single | several == ({thing} if thing else set()), one
        if thing:
            assert one.facts["several"] == bool(several) != bool(single), one


def test_a_sentence_says_its_colour_and_an_unsaid_one_is_not_there():
    for one in SENTENCES:
        found = EVERY_COLOR & set(captions.split_words(one.prompt))
        if "color" in one.facts:
            assert one.facts["color"] in found, one
        elif one.facts.get("thing"):
            assert not found, one


def fitting_scenes(asked: prompts.Asked, count: int, rng: random.Random) -> list[scenes.Scene]:
    """Scenes of any split with the facts of a request."""
    facts = dict(asked.facts)
    several = facts.pop("several", None)
    key = [facts.get(name) for name in ("place", "time", "thing")]
    split = "train" if None in key else scenes.combination_split(*key)
    numbers = {None: ({},), False: ({"count": 1},), True: ({"count": 2}, {"count": 3})}[several]
    return [scenes.sample_scene(rng, split, **facts, **rng.choice(numbers)) for _ in range(count)]


def test_no_sentence_is_one_that_captions_make():
    rng, made, last = random.Random("captions like the sentences"), set(), ""
    for one in SENTENCES:
        for scene in fitting_scenes(one, -(-20_000 // len(SENTENCES)), rng):
            last = captions.caption(scene, rng)
            made.add(plain(last))
    assert len(made) > 15_000 and plain(last.upper() + "?!") in made
    assert not made & {plain(one.prompt) for one in SENTENCES}


def test_the_articles_prompt_says_its_facts():
    asked = prompts.ARTICLE_REQUEST
    assert asked.prompt == "A futuristic cityscape with flying cars at sunset"
    scene = scenes.Scene("city", "sunset", "flying car", "red", 2)
    assert prompts.said(scene, asked.prompt) == asked.facts


def write(path, *lines):
    path.write_text("\n".join(("# a comment", "", *lines)) + "\n", encoding="utf-8")
    return path


def test_lines_become_requests_and_empty_fields_are_left_out(tmp_path):
    path = write(
        tmp_path / "some.txt",
        "ocean | night | boat | red | several | Two red boats?",
        "||cloud|grey||Grey.",
        "desert | | nothing | | | Nothing!",
        "| | | | single | One.",
    )
    assert prompts.hand_written(path) == [
        prompts.Asked(
            "Two red boats?",
            {"place": "ocean", "time": "night", "thing": "boat", "color": "red", "several": True},
        ),
        prompts.Asked("Grey.", {"thing": "cloud", "color": "grey"}),
        prompts.Asked("Nothing!", {"place": "desert", "thing": ""}),
        prompts.Asked("One.", {"several": False}),
    ]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("ocean | night | boat | red | Two red boats?", "write five facts and a sentence."),
        ("ocean | night | boat | red | single | One | boat", "write five facts and a sentence."),
        ("ocean | night | boat | red | single | ", "write five facts and a sentence."),
        ("moon | night | boat | red | single | Boat", "there is no place 'moon'."),
        ("nothing | night | boat | red | single | Boat", "there is no place 'nothing'."),
        ("ocean | late | boat | red | single | Boat", "there is no time 'late'."),
        ("ocean | night | boats | red | single | Boat", "there is no thing 'boats'."),
        ("ocean | night | boat | gray | single | Boat", "there is no color 'gray'."),
        ("ocean | night | boat | red | two | Boat", 'is "single", "several" or empty, not \'two\'.'),
    ],
)
def test_a_malformed_line_is_named(line, complaint, tmp_path):
    path = write(tmp_path / "some.txt", "| | boat | | | A boat.", line)
    with pytest.raises(ValueError) as refused:
        prompts.hand_written(path)
    assert str(refused.value).startswith("some.txt, line 4: ") and str(refused.value).endswith(complaint)


# --- captions -------------------------------------------------------------------------------------------

BOATS = scenes.Scene("ocean", "night", "boat", "green", 2)
DESERT, SNOWMEN = scenes.Scene("desert", "noon"), scenes.Scene("snow", "morning", "snowman", "white", 3)


@pytest.mark.parametrize(
    ("scene", "text", "facts"),
    [
        (BOATS, "two green boats on the sea at night", facts_of(BOATS)),
        (BOATS, "Waves, sailing boats that are green, after dark!", facts_of(BOATS)),
        (replace(BOATS, count=1), "green sailboat dark water", facts_of(replace(BOATS, count=1))),
        (BOATS, "boats", {"thing": "boat", "several": True}),
        (BOATS, "a moonlit ocean", {"place": "ocean", "time": "night"}),
        (BOATS, "green waves and a few boats", {"place": "ocean", "thing": "boat", "several": True}),
        (BOATS, "two yellow tents in the desert at noon", {}),
        (BOATS, "greenish boating overseas at nighttime", {}),
        (DESERT, "nothing but dunes by day", facts_of(DESERT)),
        (DESERT, "one day", {"thing": ""}),
        (SNOWMEN, "many snowmen", {"thing": "snowman", "several": True}),
        (SNOWMEN, "three white snowmen", {"thing": "snowman", "several": True, "color": "white"}),
        (replace(SNOWMEN, count=1), "the snowman", {"thing": "snowman", "several": False}),
    ],
)
def test_what_a_text_says_of_a_scene(scene, text, facts):
    assert prompts.said(scene, text) == facts


def other(key: str, keys, rng: random.Random) -> str:
    """One of the keys, but for this one."""
    return rng.choice([one for one in sorted(keys) if one != key])


def test_captions_never_say_a_wrong_fact():
    rng, told = random.Random("what captions say"), 0
    for _ in range(2_000):
        scene = scenes.sample_scene(rng, rng.choice(scenes.SPLITS))
        text = captions.caption(scene, rng)
        facts = prompts.said(scene, text)
        told += len(facts)
        assert facts.items() <= facts_of(scene).items(), (scene, text)
        snowy = {"snow"} if scene.place == "mountains" else set()  # captions say that snow lies there
        wrong = replace(
            scene,
            place=other(scene.place, PLACES.keys() - snowy, rng),
            time=other(scene.time, TIMES, rng),
            thing=other(scene.thing, captions.THING_NAMES, rng),
        )
        assert prompts.said(wrong, text) == {}, (wrong, text)
        repainted = replace(scene, color=other(scene.color, EVERY_COLOR, rng))
        assert "color" not in prompts.said(repainted, text), (repainted, text)
    assert told > 3 * 2_000


@pytest.mark.parametrize("split", scenes.SPLITS)
def test_requests_are_of_the_split_that_was_asked_for(split):
    asked = prompts.caption_requests(split, 1, seed=0)
    keys = [tuple(one.facts[name] for name in ("place", "time", "thing")) for one in asked]
    assert keys == list(scenes.combinations(split))
    names = {place: captions.PLACE_NAMES[place] + PLACES[place].names for place in PLACES}
    for one in asked:
        assert any(name in one.prompt.lower() for name in names[one.facts["place"]]), one
        if thing := one.facts["thing"]:
            forms = [form(name) for name in captions.THING_NAMES[thing] for form in (str, plural)]
            assert any(re.search(rf"\b{form}\b", one.prompt.lower()) for form in forms), one


def test_requests_come_in_rounds_and_are_repeatable_by_their_seed():
    asked = prompts.caption_requests("test", 3, seed=1)
    assert len(asked) == 3 * len(scenes.combinations("test"))
    assert asked == prompts.caption_requests("test", 3, seed=1) != prompts.caption_requests("test", 3, seed=2)
    assert len({one.prompt for one in asked}) > 0.95 * len(asked)
    assert 0.4 < sum("color" in one.facts for one in asked) / len(asked) < 0.95
    with pytest.raises(ValueError, match="holdout"):
        prompts.caption_requests("holdout", 1, seed=0)


def test_a_full_prompt_says_every_fact():
    rng = random.Random(5)
    for split in scenes.SPLITS:
        for place, time, thing in scenes.combinations(split):
            scene = scenes.sample_scene(rng, split, place=place, time=time, thing=thing)
            text = prompts.full_prompt(scene)
            assert prompts.said(scene, text) == facts_of(scene), text
            assert words.unseen(text) == []
    assert prompts.full_prompt(scenes.Scene("ocean", "night", "balloon", "red", 2)) == (
        "two red balloons over the ocean at night"
    )


def test_conditions_are_different_combinations_with_a_thing():
    found = prompts.conditions("test", 12, seed=0)
    keys = [(scene.place, scene.time, scene.thing) for scene in found]
    assert len(set(keys)) == 12 and set(keys) <= set(scenes.combinations("test"))
    assert all(scene.thing and scene.count for scene in found)
    assert found == prompts.conditions("test", 12, seed=0) != prompts.conditions("test", 12, seed=1)
    everything = [key for key in scenes.combinations("test") if key[2]]
    assert len(prompts.conditions("test", 10_000, seed=0)) == len(everything)


# --- notices about words --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tokenizer():
    return clip_tokenizer(8)  # room for six tokens between start and end


@pytest.mark.parametrize(
    ("prompt", "rest"),
    [
        ("", ""),
        ("a red balloon over the sea", ""),
        ("a red balloon over the sea at night", "at night"),
        ("A red  balloon over\nthe sea   at night ", "at night"),
        ("a red balloon over the sea, at night", ", at night"),  # the sea is read
        ("a red balloon over the sea.", "."),
        ("a red balloon over the zzyzx at night", "zzyzx at night"),  # a word in pieces, half of them read
        ("a red balloon over sea's night", "sea's night"),
        ("a red balloon over the sea-side at night", "sea-side at night"),
        ("zzyzxqwrtplkj", "wrtplkj"),  # a single word: what is not read of it
    ],
)
def test_the_end_that_does_not_fit_begins_with_a_word_that_is_not_read_whole(prompt, rest, tokenizer):
    assert words.truncated(prompt, tokenizer) == rest


def test_what_fits_is_what_the_encoder_reads(tokenizer):
    prompt = "two flying cars above the futuristic city at sunset"
    rest = words.truncated(prompt, tokenizer)
    kept = prompt.removesuffix(rest)
    assert rest and kept != prompt
    read = tokenizer(prompt, truncation=True).input_ids
    assert tokenizer(kept).input_ids == read


@pytest.mark.parametrize(
    ("prompt", "also", "new"),
    [
        ("A red balloon over the sea at night!", [], []),
        ("a DRAGON and a dragon over the sea", [], ["dragon"]),
        ("a zebra, 3 violins; a zebra", [], ["zebra", "3", "violins"]),
        ("the sea's sea-balloon, the moon\N{RIGHT SINGLE QUOTATION MARK}s", [], []),
        ("the zebra's sea-zebra", [], ["zebra's", "sea-zebra"]),
        ("caf\N{LATIN SMALL LETTER E WITH ACUTE} _ -- '", [], ["caf\N{LATIN SMALL LETTER E WITH ACUTE}"]),
        ("a sks balloon, my <Cat-Toy> at night", ["sks", "<Cat-Toy>"], []),
        ("a sks balloon, my <cat-toy> at night", ["sks"], ["cat-toy"]),
        ("", [], []),
    ],
)
def test_words_that_no_caption_has_are_listed_once(prompt, also, new):
    assert words.unseen(prompt, also) == new


def test_notices_name_what_is_cut_and_what_is_new(tokenizer):
    long = "a red balloon over the sea at night"
    found = words.notices([long, "oak", long, "zx oak"], tokenizer, small_world=True)
    assert found == [
        'The text encoder reads 8 tokens of a prompt; it does not see "at night".',
        f'The model never saw "oak", "zx". What it can draw: {words.drawable()}.',
    ]


def test_a_large_model_gets_no_notice_of_new_words(tokenizer):
    assert words.notices(["a dragon", ""], tokenizer, small_world=False) == []
    assert words.notices(["a red balloon", "the sea"], tokenizer, small_world=True) == []
    assert words.notices([], tokenizer, small_world=True) == []


def test_words_that_a_tokenizer_was_taught_are_known():
    taught = clip_tokenizer(12)
    taught.add_tokens(["<toy-bear>"])
    assert words.notices(["a <toy-bear> by night"], taught, small_world=True) == []
    assert words.notices(["a toy-bear by night"], clip_tokenizer(12), small_world=True)


def test_the_tokenizer_does_not_complain_on_top():
    complaints = []
    handler = logging.Handler()
    handler.emit = complaints.append
    logging.getLogger("transformers").addHandler(handler)
    try:
        assert words.truncated("a red balloon over the sea at night", clip_tokenizer(8))
    finally:
        logging.getLogger("transformers").removeHandler(handler)
    assert [record.getMessage() for record in complaints] == []


def test_what_can_be_drawn_is_named_group_by_group():
    groups = dict(part.split(": ") for part in words.drawable().split("; "))
    listed = {name: keys.split(", ") for name, keys in groups.items()}
    assert list(listed) == ["places", "times", "things", "colours"]
    assert listed["places"] == list(PLACES) and listed["times"] == list(TIMES)
    assert sorted(listed["things"]) == sorted(captions.THING_NAMES)
    assert sorted(listed["colours"]) == sorted(EVERY_COLOR)
