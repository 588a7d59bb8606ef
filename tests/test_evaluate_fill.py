"""The measurement of the masked language model: fair questions, the counting model, the numbers."""

from dataclasses import replace

import pytest
from toy_fill import TOY, trained

from smallworld.making.evaluation.fill import (
    FUNCTION_WORDS,
    Plan,
    ask,
    counted_answers,
    load_model,
    measure,
    model_answers,
)
from smallworld.making.fill_data import prepare_data
from smallworld.world import stories


@pytest.fixture(scope="module")
def data():
    return prepare_data(TOY)


def test_only_content_words_of_held_out_stories_are_asked_for(data):
    tokenizer, _ = data
    questions = ask(tokenizer, Plan(stories=20))
    texts = [story.text.lower() for story in stories.corpus("test", 20, 0)]
    assert len(questions) == 160
    for question in questions:
        word = tokenizer.decode([int(question.tokens[question.place])])
        assert word in texts[question.story] and word not in FUNCTION_WORDS and word.isalpha()
    assert {"the", "she", "three"} <= FUNCTION_WORDS
    assert not {"mina", "desert", "night", "red", "balloon", "calm"} & FUNCTION_WORDS


def test_the_five_gram_model_sees_only_what_is_on_the_left(data):
    tokenizer, encoded = data
    plan = Plan(stories=20)
    questions = ask(tokenizer, plan, "train")
    answers = counted_answers(tokenizer, encoded, questions)
    changed = []
    for question in questions:
        tokens = question.tokens.copy()
        tokens[question.place :] = 7
        changed.append(replace(question, tokens=tokens))
    assert (counted_answers(tokenizer, encoded, changed) == answers).all()
    wanted = [question.tokens[question.place] for question in questions]
    assert (answers == wanted).mean() > 0.5  # its own training stories


def test_the_model_does_not_see_the_word_it_is_asked_for():
    tokenizer, model = load_model(trained())
    questions = ask(tokenizer, Plan(stories=3))
    changed = []
    for question in questions:
        tokens = question.tokens.copy()
        tokens[question.place] = 9
        changed.append(replace(question, tokens=tokens))
    answers = (model_answers(model, tokenizer, part) for part in (questions, changed))
    assert (next(answers) == next(answers)).all()


def test_the_gain_is_the_difference_of_the_two_shares():
    measured = measure(trained(), Plan(stories=10, training_stories=60)).numbers
    assert measured["words"] == 80 and measured["top1"]["share"] <= measured["top5"]["share"]
    gain = 100 * (measured["top1"]["share"] - measured["fivegram_top1"]["share"])
    assert measured["gain"]["points"] == pytest.approx(gain, abs=0.1)
    assert "[MASK]" in measured["misses"][0]["text"]
