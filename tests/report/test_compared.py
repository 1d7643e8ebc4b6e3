"""Two networks side by side, by hand."""

import io

import pytest
from rich.console import Console

from dmn_cli.report.compared import Compared, Counts, Side, as_json, as_text, count, mcnemar
from tests.report.test_mistakes import made


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [(0, 0, 1.0), (1, 0, 1.0), (5, 0, 0.0625), (0, 6, 0.03125), (1, 8, 0.0390625), (3, 3, 1.0), (7, 3, 0.34375)],
)
def test_mcnemar(only_first, only_second, p):
    """By the binomial distribution: twice the tail, 1 at most."""
    assert mcnemar(only_first, only_second) == pytest.approx(p)
    assert mcnemar(only_second, only_first) == mcnemar(only_first, only_second)


def test_mcnemar_of_many():
    assert 0 <= mcnemar(20_000, 10_000) < 1e-100
    assert mcnemar(10_000, 10_000) == 1.0


def sides():
    right, wrong = made("Who?", place="t:1"), made("Who?", answer="moon", place="t:2")
    first = [right, right, wrong, wrong, made("Why?", task=2)]
    second = [right, wrong, right, wrong, made("Why?", task=2, answer="")._replace(right=False)]
    return Compared(Side("one", first, [0.1, 0.9]), Side("two", second, []), "train.seed 0 → 1, model.gate a → b")


def test_who_is_right_where():
    found = sides()
    assert count(found.pairs) == Counts(5, 1, 2, 1)
    plain = as_json(found)
    assert plain["all"]["right"] == {"first": 3, "second": 2}
    assert [task["only_first"] for task in plain["tasks"]] == [1, 1]
    assert [(q["task"], q["first"], q["second"]) for q in plain["questions"]] == [
        (1, "a", "moon"),
        (1, "moon", "a"),
        (2, "a", ""),
    ]


def shown(most):
    console = Console(file=io.StringIO(), width=80)
    for part in as_text(sides(), most):
        console.print(part)
    return console.file.getvalue()


def test_on_a_terminal():
    text = shown(1)
    assert "  train.seed 0 → 1\n  model.gate a → b\n" in text
    assert "validation A  ▁█  90.0 % at best" in text
    assert "validation B" not in text
    assert "only A is right: 2 questions, 1 of them\n  t:1  Who?  a, not moon" in text
    assert "only B is right: 1 question\n" in text
    assert [line.split() for line in text.splitlines() if " all " in line] == [
        ["all", "5", "60.0", "%", "40.0", "%", "2", "1", "1.0000"]
    ]
    assert "only A is" not in shown(0)
