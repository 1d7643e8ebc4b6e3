"""Stories retold in other grammars: every sentence of the real files, label for label, and nothing lost."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from dmn_cli.babi.download import find_data, task_files
from dmn_cli.babi.tasks import TASKS
from dmn_cli.data.stories import Question, Story, dump, read
from dmn_cli.data.words import parts, words
from dmn_cli.errors import DmnError
from dmn_cli.generator.check import check
from dmn_cli.generator.generate import generate
from dmn_cli.generator.grammars import ENGLISH, GRAMMARS
from dmn_cli.generator.retell import Retelling
from dmn_cli.generator.words import words_for

every_grammar = pytest.mark.parametrize("grammar", GRAMMARS)


@pytest.fixture(scope="module")
def real(babi_data: Path) -> dict[int, list[Story]]:
    """All stories of en."""
    folder = find_data(babi_data, "en")
    return {task: [story for path in task_files(folder, "en", task).values() for story in read(path)] for task in TASKS}


def sentences(story: Story) -> Iterator[str]:
    yield from story.facts
    for question in story.questions:
        yield question.text


@every_grammar
def test_every_real_sentence_is_retold_and_none_is_lost(grammar: str, real: dict[int, list[Story]]) -> None:
    told = Retelling(grammar)
    meant: dict[tuple[str, ...], list[str]] = {}
    forms = set()
    for stories in real.values():
        for story in stories:
            new = told.retold(story)
            back = told.back(new)
            assert len(new.facts) == len(story.facts)
            for old, foreign, again in zip(sentences(story), sentences(new), sentences(back), strict=True):
                assert words(again) == words(old)
                assert meant.setdefault((foreign[-1], *words(foreign)), words(old)) == words(old)
            for question, other, same in zip(story.questions, new.questions, back.questions, strict=True):
                assert (other.facts, other.supporting) == (question.facts, question.supporting)
                assert len(parts(other.answer)) == len(parts(question.answer))
                assert parts(same.answer) == parts(question.answer)
    for text in meant:
        forms.add(told.foreign.read(" ".join(text[1:]))[0])
    assert forms == {*ENGLISH}


@every_grammar
@pytest.mark.parametrize("task", TASKS)
def test_generated_stories_are_told_and_the_solver_proves_them(grammar: str, task: int) -> None:
    plain, foreign = (generate(task, 40, 3, grammar=some) for some in (None, grammar))
    told = Retelling(grammar)
    assert foreign == [told.retold(story) for story in plain]
    checked = check(map(told.back, foreign), words=words_for(task))
    assert (checked.findings, checked.answers, checked.supporting) == ([], 40, 40)


def test_grammars_have_every_form_and_differ() -> None:
    for grammar in GRAMMARS.values():
        assert [*grammar.forms] == [*ENGLISH]
    fact = "Mary went back to the kitchen."
    assert len({Retelling(grammar).sentence(fact) for grammar in GRAMMARS}) == len(GRAMMARS)


def said(grammar: str, *texts: str) -> list[list[str]]:
    return [words(Retelling(grammar).sentence(text)) for text in texts]


def test_verb_final_has_verbs_that_agree_oblique_names_and_names_of_two_words() -> None:
    she, he, to_him, from_him = said(
        "verb-final",
        "Mary went to the kitchen.",
        "Daniel went to the kitchen.",
        "Mary handed the milk to Daniel.",
        "Daniel got the milk.",
    )
    assert she[-1][:-1] == he[-1][:-1]  # the verb comes last
    assert (she[-1][-1], he[-1][-1]) == ("i", "a")
    assert (he[0], to_him[3], from_him[0]) == (he[0], he[0][:-1] + "e", he[0][:-1] + "e")
    mary, kitchen = she[:2], she[2:4]
    told = Retelling("verb-final")
    assert told.foreign.cited["mary"].lower().split() == mary
    assert told.foreign.cited["kitchen"].split()[0] == kitchen[0]


def test_inflected_names_have_several_forms() -> None:
    facts = "Mary gave the milk to Sandra.", "Sandra gave the milk to Mary."
    one, other = said("inflected", *facts)
    assert one[0] != other[2]
    assert one[0][:-1] == other[2][:-1]
    places = said(
        "inflected", "Mary went to the office.", "Mary is in the office.", "Where was Mary before the office?"
    )
    assert len({text[-1] for text in places}) == 3
    green = said("inflected", *(f"{who} is hungry." for who in ("Mary", "John")))
    assert green[0][1] != green[1][1]


def test_agglutinating_endings_follow_the_vowels() -> None:
    inside = said("agglutinating", *(f"Mary is in the {place}." for place in words_for(1).places))
    endings = {text[-1][-2:] for text in inside}
    assert endings == {"da", "de"}
    assert all((text[-1][-1] == "a") == (text[-1][-4] in "aou" or text[-1][-5] in "aou") for text in inside)


def test_other_words_have_words_of_their_own() -> None:
    changes = {
        "people": {"Ada": "she", "Alan": "he", "Kurt": "he", "Eve": "she"},
        "places": ("engine room", "roof", "cabin"),
    }
    for grammar in GRAMMARS:
        stories = generate(2, 50, 0, words=changes, grammar=grammar)
        told = Retelling(grammar, changes)
        assert check(map(told.back, stories), words=words_for(2, changes)).answers == 50
        with pytest.raises(DmnError, match="cannot read 'Mary"):
            told.sentence("Mary went to the roof.")


@every_grammar
def test_unknown_sentences_and_words_are_refused(grammar: str) -> None:
    told = Retelling(grammar)
    for text in ("Mary sings.", "Zoe went to the kitchen.", "Where is the zebra?"):
        with pytest.raises(DmnError, match="cannot read"):
            told.sentence(text)
    with pytest.raises(DmnError, match="cannot read the answer 'zebra'"):
        told.retold(Story(("Mary went to the kitchen.",), (Question("Where is Mary?", "zebra", 1),)))
    with pytest.raises(DmnError, match="cannot read"):
        told.sentence_back("Mary went to the kitchen.")


def test_there_is_no_other_grammar() -> None:
    with pytest.raises(DmnError, match="--grammar klingon: there is no such grammar") as error:
        generate(1, 1, 0, grammar="klingon")
    assert error.value.hint == "there are verb-final, inflected, agglutinating"


DIGESTS = {
    "verb-final": "036b865484f940440441f362d14fc1836c4977d90976ca0561c63c40d9dffdc9",
    "inflected": "b1591916796e17e9a6549c94c5b9a10f5e9ee537c153a2beef03d87076989457",
    "agglutinating": "43660ef6b89b90c48bdcb53ee7232f2e9ff5264c11ce74b7ab1a4b7ab79c7e58",
}


@every_grammar
def test_the_same_bytes_on_every_machine(grammar: str) -> None:
    text = "".join(dump(generate(task, 20, seed=7, split="test", grammar=grammar)) for task in TASKS)
    assert hashlib.sha256(text.encode()).hexdigest() == DIGESTS[grammar]
