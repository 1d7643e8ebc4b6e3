"""Kinds of questions and confusions, by hand."""

import io

from rich.console import Console

from dmn_cli.data.words import words
from dmn_cli.report.heat import chance, heat_table
from dmn_cli.report.mistakes import (
    Confusion,
    Kind,
    Matrix,
    as_list,
    as_tables,
    confusions,
    kinds,
    matrix,
    slots,
)
from dmn_cli.report.prediction import END_OF_PASSES, Guess, Prediction


def made(question, gold="a", answer="a", task=1, **more):
    prediction = Prediction(
        task=task,
        story=1,
        place="",
        question=question,
        gold=gold,
        right=gold == answer,
        answer=answer,
        probability=0.9,
        others=[],
        facts=["Mary left.", END_OF_PASSES],
        gates=[[0.9, 0.1], [0.1, 0.9]],
        passes=["taught", "end"],
        attended=[0, 1],
        supporting=[0],
        unknown=[],
    )
    return prediction._replace(**more)


def kinds_of(*questions):
    found = slots([words(question) for question in questions])
    return [" ".join(found[tuple(words(question))]) for question in questions]


def test_words_that_vary_become_slots():
    asked = [f"Where is {name}?" for name in ("Mary", "John", "Bill")]
    assert kinds_of(*asked, "Where was Mary?") == ["where is _"] * 3 + ["where was mary"]


def test_two_words_are_no_slot():
    """*gave* and *received* tell kinds apart."""
    assert kinds_of("Who gave it?", "Who received it?") == ["who gave it", "who received it"]


def test_several_slots_and_words_that_few_questions_have():
    asked = [f"Where was {name} before the {place}?" for name in "abc" for place in ("hall", "den", "attic")]
    assert set(kinds_of(*asked, "Where was zed before the moon?", "Where was a before the shed?")) == {
        "where was _ before the _",
        "where was zed before the moon",  # nothing says that zed and moon vary
    }


def test_kinds_and_confusions():
    asked = [
        *(made(f"Where is {name}?", answer="b") for name in "xyz"),
        made("Why?", gold="c"),
        made("Why?"),
        made("Why?", task=2),
        made("How?", gold="", answer="q")._replace(right=None),
    ]
    assert kinds(asked) == [
        Kind(1, "where is _", 3, 0),
        Kind(1, "why", 2, 1),
        Kind(1, "how", 1, 0),
        Kind(2, "why", 1, 1),
    ]
    assert confusions(asked) == [Confusion("a", "b", 3), Confusion("c", "a", 1)]


def shown(*parts):
    console = Console(file=io.StringIO(), width=80)
    for part in parts:
        console.print(part)
    return console.file.getvalue()


def test_the_wrong_ones_are_shown_with_what_was_attended_to():
    wrong = made("Where is [b]Mary[/b]?", answer="moon", place="t.txt:7", others=[Guess("a", 0.0999)], unknown=["zork"])
    text = shown(*as_list([made("Why?"), wrong, wrong], 1), *as_tables([wrong]))
    assert "1 of 2 wrong: task 1, story 1, t.txt:7" in text
    assert "2 of 2" not in text
    assert "Where is [b]Mary[/b]?\n  true answer  a\n  answered     moon 90.0 %  (a 10.0 %)" in text
    assert "never seen in training: zork" in text
    (fact,) = [line for line in text.splitlines() if "Mary left" in line]
    assert fact.split() == ["●", "Mary", "left.", "0.90", "0.10"]


def asked_about(*pairs):
    """Questions whose true and given answers are these."""
    return [made("Why?", gold=gold, answer=answer) for gold, answer in pairs]


def test_the_matrix_of_true_and_given_answers():
    asked = asked_about(*[("a", "a")] * 5, *[("a", "b")] * 3, ("b", "b"), ("c", "a"), ("d", "d"))
    written_otherwise = made("Why?", gold="A", answer="a")._replace(right=True)
    not_known = made("Why?", gold="", answer="a")._replace(right=None)
    asked += [written_otherwise, not_known]
    assert matrix(asked, 9) == Matrix(["a", "b", "c"], ["a", "b"], [[5, 3], [0, 1], [1, 0]], [0, 0, 0], 3)
    assert matrix(asked, 1) == Matrix(["a"], ["a"], [[5]], [3], 3)


def test_a_matrix_fits_a_terminal():
    """Of many long answers those in most mistakes are shown, and all have their row's questions."""
    names = [f"{letter * 20}" for letter in "abcdefghijkl"]
    asked = asked_about(*((gold, given) for gold in names for given in names), *[("a" * 20, "b" * 20)] * 3)
    lines = shown(*as_tables(asked)).splitlines()
    assert max(map(len, lines)) <= 80
    [first] = [line for line in lines if line.startswith(" aaaaaaaaaaaaa…")]
    *counts, others = map(int, first.split()[1:])
    assert counts[:2] == [1, 4]
    assert sum(counts) + others == 15
    assert any("answers in most mistakes; --json has all 12" in line for line in lines)


def test_long_stories_show_what_counts():
    facts = [*(f"fact {number}" for number in range(40)), END_OF_PASSES]
    gates = [[0.0] * 41, [0.0] * 41]
    gates[0][7], gates[1][40] = 0.06, 1.0
    long = made("Why?", facts=facts, gates=gates, supporting=[3], attended=[7, 40])
    text = shown(heat_table(long))
    assert [number for number in range(40) if f"fact {number} " in text] == [3, 7]
    assert "38 more facts, gates below 0.05" in text
    assert sum(f"fact {number} " in shown(heat_table(long, whole=True)) for number in range(40)) == 40


def test_that_nothing_was_attended_is_said():
    """By the passes that count: one that ends the passes changes nothing."""
    ended = made("Why?", gates=[[0.4, 0.6]], passes=["end"], attended=[1])
    assert "no fact was attended" in shown(heat_table(ended))
    assert "no fact was attended" not in shown(heat_table(made("Why?")))


def test_probabilities_are_not_rounded_to_certainty():
    assert [chance(part) for part in (1.0, 0.99949, 0.5, 0.0006, 0.0)] == [
        "> 99.9 %",
        "99.9 %",
        "50.0 %",
        "0.1 %",
        "< 0.1 %",
    ]
