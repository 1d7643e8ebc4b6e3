"""Reordering: only where the order of facts says nothing; questions and supporting facts stay what they are."""

import random

import pytest

from dmn_cli.augment import reorder
from dmn_cli.augment.reorder import is_free
from dmn_cli.data.stories import Question, Story
from dmn_cli.generator.generate import generate
from dmn_cli.generator.solve import solve

STORY = Story(
    ("Mary got the milk.", "John slept.", "Mary went home.", "John woke.", "John left."),
    (Question("Where is Mary?", "home", 3, (2,)), Question("Where is the milk?", "home", 5, (2, 0))),
)


def test_a_question_comes_after_the_same_facts_and_keeps_its_supporting_facts():
    stories = reorder.reorder([STORY] * 200, "any")
    assert len({story.facts for story in stories}) == 6 * 2
    for story in stories:
        assert {*story.facts[:3]} == {*STORY.facts[:3]}
        for question, told in zip(story.questions, STORY.questions, strict=True):
            assert (question.text, question.answer, question.facts) == (told.text, told.answer, told.facts)
            supporting = [story.facts[fact] for fact in question.supporting]
            assert supporting == [STORY.facts[fact] for fact in told.supporting]


def test_the_seed_decides_and_every_story_has_its_own_order():
    assert reorder.reorder([STORY] * 9, "one") == reorder.reorder([STORY] * 9, "one")
    assert reorder.reorder([STORY] * 9, "one") != reorder.reorder([STORY] * 9, "two")
    assert len(set(reorder.reorder([STORY] * 9, "one"))) > 1


@pytest.mark.parametrize("task", range(1, 21))
def test_order_is_free_only_where_answers_do_not_hang_on_it(task):
    stories = generate(task, 1000, 0)
    assert is_free(story.unsupported() for story in stories) == (task in FREE)
    if task in FREE:
        for story in reorder.reorder(stories, "any"):
            for question, solution in zip(story.questions, solve(story), strict=True):
                assert solution is None or solution.answer == question.answer


FREE = (4, 17, 18, 19)


def queue(seed):
    """Who stands between two others is the same from both ends of a queue, but not in any order."""
    people = random.Random(seed).sample(["mary", "john", "bill", "fred", "julie"], 5)
    question = Question(f"Who stands between {people[0]} and {people[2]}?", people[1], 5)
    return Story(tuple(f"{name} is in the queue." for name in people), (question,))


def test_an_order_that_is_the_same_backwards_is_one_too():
    assert not is_free(map(queue, range(600)))


def test_of_few_questions_nothing_is_known():
    stories = generate(19, 500, 0)
    assert is_free(stories)
    assert not is_free(stories[:499])
    assert not is_free([])


@pytest.mark.parametrize("task", [6, 10])
def test_of_half_the_questions_too_little_is_known(task):
    assert not is_free(story.unsupported() for story in generate(task, 300, 0))


def test_one_story_of_hundreds_of_questions():
    asked = tuple(Question("Is Mary in the hall?", ["yes", "no"][number % 2], number + 1) for number in range(320))
    assert not is_free([Story(("Mary went to the hall.",) * 320, asked)])


def test_the_work_is_limited_and_what_is_left_out_is_said(caplog, monkeypatch):
    stories = generate(4, 600, 0)
    assert is_free(stories)
    monkeypatch.setattr(reorder, "TELLINGS", 10_000)
    assert not is_free(stories)
    assert caplog.messages == [
        "note: data.reordered: the facts keep their order: to look at such long stories takes too long"
    ]
