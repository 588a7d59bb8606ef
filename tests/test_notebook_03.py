"""Notebook 03: what it teaches against Transformers, its counts and figures, its exercises."""

import contextlib
import io
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import TopPLogitsWarper

from helpers import exercises, text
from helpers.errors import WorkbookError
from helpers.lessons.text import exercises as notebook_03
from helpers.lessons.text import figures, stories
from helpers.session import generator
from smallworld.world.stories import sample_story
from tests.notebook_code import cells, functions

pytest_plugins = ("fixtures_text",)

STEM = "03_text_generation"
WORDS = functions(STEM, "words", "nine_logits")


@st.composite
def distributions(draw, least: int = 2, widest: int = 300):
    """Probabilities (vocabulary,), flat to steep, all different."""
    size, scale = draw(st.integers(least, widest)), draw(st.sampled_from((0.1, 1.0, 5.0)))
    logits = torch.randn(size, generator=generator(draw(st.integers(0, 2**32 - 1))), dtype=torch.float64)
    return (scale * logits).softmax(dim=0)


# What the cells teach


def test_the_nine_words_of_the_notebook_are_those_of_its_exercise():
    assert dict(zip(WORDS.words, WORDS.nine_logits.tolist(), strict=True)) == notebook_03.NINE_WORDS
    assert sorted(notebook_03.NINE_WORDS.values(), reverse=True) == list(notebook_03.NINE_WORDS.values())


def test_softmax_by_hand_equals_torch():
    by_hand = functions(STEM, "nine_probabilities", "weights", "total", "nine_logits")
    assert torch.allclose(by_hand.nine_probabilities, by_hand.nine_logits.softmax(dim=0))


def test_next_logits_are_the_model_s_own(shipped):
    tokenizer, model = shipped
    next_logits = functions(STEM, "next_logits", language_model=model).next_logits
    with torch.no_grad():
        for prompt in ("Once", "Once upon a time, in the desert"):
            ours = next_logits(tokenizer(prompt).input_ids).softmax(dim=0)
            assert torch.allclose(ours, text.next_token_probabilities(model, tokenizer, prompt), atol=1e-6)


def test_the_greedy_loop_writes_what_the_library_writes(shipped):
    tokenizer, model = shipped
    pick = functions(STEM, "pick_likeliest", language_model=model).pick_likeliest
    ids = tokenizer("Once upon a time").input_ids
    with torch.no_grad():
        ours = notebook_03.generate_until(pick, ids, tokenizer.eos_token_id, 20)
        prompt = torch.tensor([ids])
        theirs = model.generate(
            prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=20
        )
    assert ours == theirs[0].tolist()


@settings(max_examples=50)
@given(distributions(), st.floats(0.01, 0.99))
def test_top_p_equals_the_library_and_the_figure(probabilities, p):
    keep_top_p = functions(STEM, "keep_top_p", cut_to_k=notebook_03.keep_top_k).keep_top_p
    ours = keep_top_p(probabilities, p)
    library = TopPLogitsWarper(p)(None, probabilities.log()[None])[0].softmax(dim=0)
    assert torch.allclose(ours, library) and torch.allclose(figures.nucleus_of(probabilities, p), library)


@settings(max_examples=50)
@given(distributions(), st.integers(1, 300))
def test_top_k_keeps_the_k_largest_and_adds_up_to_1(probabilities, k):
    k = min(k, len(probabilities))
    cut = notebook_03.keep_top_k(probabilities, k)
    assert figures.number_kept(cut) == k and torch.isclose(cut.sum(), torch.ones((), dtype=cut.dtype))
    assert cut.argsort(descending=True)[:k].tolist() == probabilities.topk(k).indices.tolist()


# Counts


def test_a_story_obeys_its_own_facts_and_no_others():
    import random

    kept = 0
    for seed in range(20):
        story = sample_story(random.Random(seed), asked=())
        facts = {fact: story.facts[fact] for fact in ("place", "time", "character")}
        kept += stories.obeys(story.text, **facts)["all three"]
        for fact, other in (("place", "desert"), ("time", "noon"), ("character", "Mina")):
            if facts[fact] != other:
                verdict = stories.obeys(story.text, **facts | {fact: other})
                assert not verdict[fact] and not verdict["all three"]
    assert kept >= 15  # some stories never name their time in so many words


def test_an_empty_text_obeys_nothing():
    assert not any(stories.obeys("", "desert", "night", "Mina").values())


def test_the_combinations_are_held_out_and_different():
    from smallworld.world.stories import combinations

    chosen = stories.combinations(20)
    assert len(set(chosen)) == 20 and set(chosen) <= set(combinations("test"))
    with pytest.raises(WorkbookError, match="count is 0"):
        stories.combinations(0)


def test_counts_are_of_the_stories_that_are_told(monkeypatch):
    calls = []

    def tell(requests, *, seed, **options):
        calls.append((len(requests), seed, options))
        return ["A story here, a story.", "Another one."] * (len(requests) // 2)

    monkeypatch.setattr(stories, "tell", tell)
    counts = stories.count_sound({"low": {"temperature": 0.5}, "cut": {"top_p": 0.9}}, seed=3, count=4)
    assert counts == {"low": stories.Sound(0, 2, 4), "cut": stories.Sound(0, 2, 4)}
    assert calls == [(4, 3, {"temperature": 0.5, "top_p": 1.0}), (4, 3, {"temperature": 1.0, "top_p": 0.9})]
    none = dict.fromkeys(("place", "time", "character", "all three"), 0)
    obeyed = stories.count_obeyed(seed=3, count=4)
    assert (obeyed.asked, obeyed.not_asked, obeyed.total) == (none, none, 4)
    _, _, character = stories.combinations(4)[0]
    request, story, reason = obeyed.failed[0]
    assert len(obeyed.failed) == 4 and character in request and story == "A story here, a story."
    assert reason == "place: not named, time: not named, character: not named"


def test_one_setting_is_one_set_of_stories():
    first, again = (stories.tell(["Tell a story.\n"], seed=1, max_new_tokens=8) for _ in range(2))
    assert first == again != stories.tell(["Tell a story.\n"], seed=2, max_new_tokens=8)


def test_a_request_without_the_end_of_its_line_gets_one():
    requests = ["Tell a story.", "Tell a story.\n"]
    bare, whole = (stories.tell([request], seed=1, max_new_tokens=8) for request in requests)
    assert bare == whole


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_what_the_notebook_says_of_its_counts_holds_for_every_seed(seed):
    wanted = {
        "T = 0.5": {"temperature": 0.5}, "T = 1": {}, "T = 1, p = 0.9": {"top_p": 0.9},
        "T = 2": {"temperature": 2.0}, "T = 2, k = 5": {"temperature": 2.0, "top_k": 5},
    }  # fmt: skip
    sound = stories.count_sound(wanted, seed=seed)
    assert sound["T = 2"].sound <= sound["T = 2, k = 5"].sound < sound["T = 1, p = 0.9"].sound
    assert sound["T = 0.5"].beginnings < sound["T = 1, p = 0.9"].beginnings
    assert sound["T = 2"].sound < sound["T = 0.5"].sound - 4 and sound["T = 2"].sound < sound["T = 1"].sound
    assert sound["T = 0.5"].beginnings < sound["T = 1"].beginnings
    counts = stories.count_obeyed(seed=seed)
    assert counts.not_asked["all three"] <= 2 and counts.asked["all three"] >= counts.total * 0.7
    for fact in stories.FAULTS:
        assert counts.asked[fact] > counts.not_asked[fact]


# Figures


def titles(figure) -> list[str]:
    return [axes.get_title(loc="left") for axes in figure.axes]


def note(figure) -> str:
    return figure._suptitle.get_text() if figure._suptitle else ""


class Letters:
    """A tokenizer with one token for each small letter."""

    def decode(self, ids) -> str:
        return " " + "".join(chr(97 + i) for i in ids)


PLACES = {"sure": torch.tensor([0.02, 0.9, 0.05, 0.03]), "open": torch.tensor([0.3, 0.2, 0.26, 0.24])}


def test_after_a_cut_kept_tokens_are_ticked_and_grown_and_dropped_ones_grey():
    cuts = {name: notebook_03.keep_top_k(values, 2) for name, values in PLACES.items()}
    figure = figures.likeliest(Letters(), PLACES, cuts, count=3, note="a note")
    assert titles(figure) == ["sure\n2 kept (✓)", "open\n2 kept (✓)"] and note(figure) == "a note"
    labels = figure.axes[0].get_yticklabels()
    assert [label.get_text() for label in labels] == ["·b ✓", "·c ✓", "·d"]
    assert labels[0].get_color() == labels[1].get_color() != labels[2].get_color()
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    assert widths == pytest.approx([0.9 / 0.95, 0.05 / 0.95, 0])
    assert [number.get_text() for number in figure.axes[0].texts] == ["0.95", "0.05", "0"]


@pytest.mark.parametrize(("best", "title"), [(3, "Most: high"), (2, "A tie: low and high")])
def test_the_figure_of_sound_stories_names_the_best_and_counts(best, title):
    sound = {"low": 2, "zero": 0, "high": best}
    counts = {name: stories.Sound(number, 1, 4) for name, number in sound.items()}
    (axes,) = figures.soundness(counts, "zero").axes
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert axes.get_title(loc="left") == title and labels[:2] == ["low\n2 of 4", "zero\n0 of 4"]
    colours = [bar.get_facecolor() for bar in axes.patches]
    assert colours[0] == colours[2] != colours[1] and "your guess" in axes.get_xlabel()


def test_panels_share_a_scale():
    figure = figures.side_by_side(["a", "b"], {"one": [0.5, 0.5], "two": [0.9, 0.1]})
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim() and titles(figure) == ["one", "two"]


@pytest.mark.parametrize(("k", "answer"), [(1, "after “open”"), (4, figures.SAME)])
def test_the_place_that_keeps_more_is_the_right_guess(k, answer, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(figures.guess, "choice", lambda *given, **named: asked.append((given, named)))
    cuts = {"sure": notebook_03.keep_top_k(PLACES["sure"], k), "open": PLACES["open"]}
    figures.guess_where_more(Letters(), PLACES, cuts, "a note")
    ((question, options, draw), named) = asked[0]
    assert named["answer"] == answer in options and f"{k} after “sure”" in named["alt"]
    assert note(draw(None)) == "a note" and note(draw(options[0])) == "You guessed: after “sure”. a note"


@pytest.mark.parametrize(("lucky", "answer"), [(0, "at most 2"), (5, "3 to 11"), (12, "12 or more")])
def test_the_guess_about_luck_is_right_where_the_count_lies(lucky, answer, monkeypatch):
    answers = []
    monkeypatch.setattr(figures.guess, "choice", lambda *_, answer, alt: answers.append((answer, alt)))
    hits = {"place": 20, "time": 21, "character": 22, "all three": lucky}
    figures.guess_luck(stories.Obeyed(hits | {"all three": 19}, hits, 24))
    assert answers[0][0] == answer
    assert "asked: place 20, time 21, character 22, all three 19; not asked: place 20" in answers[0][1]


def test_the_last_figure_shows_the_prompt_only_where_the_text_goes_on_in_its_line(gpt2):
    tokenizer, model = gpt2
    given = {"seed": 0, "max_new_tokens": 3, "temperature": 0.5, "top_p": 0.5}
    shown = []
    for prompt in ("A fox", "Tell a story.\n"):
        figure = figures.next_and_text(model, tokenizer, prompt, **given)
        assert titles(figure)[0] == "temperature 0.5, top-p 0.5"
        shown.append(figure.axes[1].texts[0].get_text())
    assert shown[0].startswith("A fox") and "Tell a story" not in shown[1]


# Whose answer the cell after an exercise uses


def run_after(id: str, answer, **names) -> str:
    """What the cell after an exercise prints, and the notes of its figures, with this answer."""
    (source,) = (source for source in cells(STEM) if f'use("{id}"' in source)
    notes = []
    space = {"use": exercises.use, "torch": torch, "figures": figures, name_of(id): answer}
    space["show"] = lambda figure, alt: notes.append(note(figure))
    space |= names
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(source, space)
    return printed.getvalue() + " ".join(notes)


def name_of(id: str) -> str:
    return exercises.of("03")[id].reference.__name__


def loop_names(shipped) -> dict:
    tokenizer, _ = shipped
    return {
        "next_logits": lambda ids: torch.eye(tokenizer.vocab_size)[tokenizer.eos_token_id], "start_ids": [7],
        "end": tokenizer.eos_token_id, "tokenizer": tokenizer, "show_text": print,
    }  # fmt: skip


def names_for(id: str, shipped) -> dict:
    if id == "03.1":
        return loop_names(shipped)
    if id == "03.2":
        return vars(WORDS)
    places = {name: torch.cat([values, torch.full((6,), 1e-4)]) for name, values in PLACES.items()}
    return {"places": places, "tokenizer": Letters()}


@pytest.mark.parametrize(
    ("kind", "whose"),
    [("missing", "the reference answer"), ("wrong", "the reference answer"), ("right", "your own")],
)
@pytest.mark.parametrize("id", ["03.1", "03.2", "03.3"])
def test_the_next_cell_says_whose_answer_it_used(id, kind, whose, shipped):
    answers = {"missing": ..., "wrong": WRONG[id][0], "right": RIGHT[id][0]}
    said = run_after(id, answers[kind], **names_for(id, shipped))
    assert re.search(rf"\b(loop|left|function) is {whose}", said), said


def test_the_learner_s_temperature_is_the_one_that_is_drawn():
    drawn = []
    names = vars(WORDS) | {"show": lambda figure, _: drawn.extend(titles(figure))}
    run_after("03.2", 0.56, **names)
    assert drawn == ["temperature 0.56", "temperature 1", "temperature 2"]


# The exercises: for each, answers that are wrong in the usual ways, and other ways of being right


def until_recursive(next_token, ids, end, limit):
    if limit == 0:
        return list(ids)
    token = next_token(list(ids))
    return [*ids, token] if token == end else until_recursive(next_token, [*ids, token], end, limit - 1)


def until_while(next_token, ids, end, limit):
    text, new = ids[:], None
    while new != end and len(text) < len(ids) + limit:
        new = next_token(text)
        text = text + [new]
    return text


def until_changes_the_callers_list(next_token, ids, end, limit):
    for _ in range(limit):
        ids.append(next_token(ids))
        if ids[-1] == end:
            break
    return ids


def until_drops_the_end(next_token, ids, end, limit):
    ids = list(ids)
    for _ in range(limit):
        new = next_token(ids)
        if new == end:
            break
        ids.append(new)
    return ids


def until_never_stops_early(next_token, ids, end, limit):
    ids = list(ids)
    for _ in range(limit):
        ids.append(next_token(ids))
    return ids


def until_ignores_the_limit(next_token, ids, end, limit):
    ids = list(ids)
    while ids[-1] != end:
        ids.append(next_token(ids))
    return ids


def until_reads_only_the_prompt(next_token, ids, end, limit):
    return until_while(lambda text: next_token(ids), ids, end, limit)


def until_writes_one_too_many(next_token, ids, end, limit):
    return until_while(next_token, ids, end, limit + 1)


def until_writes_one_at_least(next_token, ids, end, limit):
    return until_while(next_token, ids, end, max(1, limit))


def until_forgets_to_return(next_token, ids, end, limit):
    until_while(next_token, ids, end, limit)


def until_counts_the_prompt(next_token, ids, end, limit):
    return until_while(next_token, ids, end, limit - len(ids))


def until_returns_the_new_only(next_token, ids, end, limit):
    return until_while(next_token, ids, end, limit)[len(ids) :]


def until_stops_at_an_end_in_the_prompt(next_token, ids, end, limit):
    return list(ids) if end in ids else until_while(next_token, ids, end, limit)


def top_k_by_loop(probabilities, k):
    result = torch.zeros_like(probabilities)
    for position in probabilities.argsort(descending=True)[:k]:
        result[position] = probabilities[position]
    return result / result.sum()


def top_k_by_scatter(probabilities, k):
    values, positions = probabilities.topk(k)
    return torch.zeros_like(probabilities).scatter(0, positions, values / values.sum())


def top_k_changes_its_input(probabilities, k):
    probabilities[probabilities < probabilities.topk(k).values[-1]] = 0
    return probabilities / probabilities.sum()


def top_k_keeps_the_smallest(probabilities, k):
    kept = probabilities.where(probabilities <= probabilities.sort().values[k - 1], torch.zeros(()))
    return kept / kept.sum()


def top_k_softmax_again(probabilities, k):
    return top_k_by_loop(probabilities, k).softmax(dim=0)


RIGHT = {
    "03.1": [until_recursive, until_while],
    "03.2": [0.54, 0.57, torch.tensor(0.55).item()],
    "03.3": [top_k_by_loop, top_k_by_scatter],
    "03.4": [
        "At sunset, by the ocean, let Odo be brave.",
        "Please tell me a brave story about Odo the robot. It should be by the ocean, at sunset.\n",
    ],
}
WRONG = {
    "03.1": [
        until_changes_the_callers_list, until_drops_the_end, until_never_stops_early, until_ignores_the_limit,
        until_reads_only_the_prompt, until_writes_one_too_many, until_writes_one_at_least,
        until_forgets_to_return, until_counts_the_prompt, until_returns_the_new_only,
        until_stops_at_an_end_in_the_prompt,
    ],
    "03.2": [1.0, 0.5, 0.6, 2, 0, -0.55, True, "0.55", None, [0.55], float("nan"), lambda: 0.55],
    "03.3": [
        top_k_changes_its_input, top_k_keeps_the_smallest, top_k_softmax_again,
        lambda p, k: p.where(p >= p.topk(k).values[-1], torch.zeros(())),
        lambda p, k: p.topk(k).values / p.topk(k).values.sum(),
        lambda p, k: top_k_by_loop(p, k + 1),
        lambda p, k: top_k_by_loop(p, k - 1) if k > 1 else p,
        lambda p, k: top_k_by_loop(p, k).sort(descending=True).values,
        lambda p, k: top_k_by_loop(p, k).log(),
        lambda p, k: p,
        lambda p, k: print(top_k_by_loop(p, k)),
    ],
    "03.4": [
        "", "A brave story about Odo, by the ocean.", "A brave story about Odo at sunset.",
        "A story about Odo, by the ocean at sunset.", "A brave story by the ocean at sunset.",
        "A brave story about Mina, by the ocean at sunset.",
        "A brave story about Odo, by the ocean at night.",
        "A calm story about Odo, by the ocean at sunset.",
        "A brave story about Odo, in the desert at sunset.",
        "A brave story about Odo and Mina, by the ocean at sunset.",
        "A brave story about Odo, by the ocean at sunset, and in the desert at noon.",
        None, ["Odo", "brave", "ocean", "sunset"], {"character": "Odo"}, 3,
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "said"),
    [(1.0, "0.40. It should be higher: try a lower one"), (0.3, "0.81. It should be lower: try a higher one"),
     (-1, "A temperature is above 0"), ("1", "The answer is a number")],
)  # fmt: skip
def test_the_judge_of_the_temperature_says_which_direction_to_take(answer, said):
    assert said in exercises.of("03")["03.2"].judge(answer)


def test_the_judge_of_top_k_names_the_usual_mistakes():
    judge = exercises.of("03")["03.3"].judge
    assert "Divide by the sum" in judge(WRONG["03.3"][3]) and "as many numbers" in judge(WRONG["03.3"][4])
    assert "the k smallest" in judge(top_k_keeps_the_smallest) and "order" in judge(WRONG["03.3"][7])


def test_the_judge_of_the_request_says_what_it_reads():
    judge = exercises.of("03")["03.4"].judge
    assert judge(WRONG["03.4"][5]) == "Name one character: Odo. The checker reads: Mina."
    said = judge("A brave story about Odo at sunset.")
    assert said == "Name one place: ocean. The checker reads: none, or more than one."


# How the functions are taken out of the notebook


def test_missing_functions_are_named():
    with pytest.raises(KeyError, match="no function 'beam_me_up'.*next_logits"):
        functions(STEM, "next_logits", "beam_me_up")


def test_functions_come_with_what_they_use():
    assert vars(functions(STEM, "pick_likeliest")).keys() == {"pick_likeliest"}
