"""Figures of story files."""

from pathlib import Path

import pytest

from dmn_cli.babi.tasks import TASKS
from dmn_cli.babi.unpack import file_names, unpack
from dmn_cli.data.stats import measure
from dmn_cli.data.stories import parse, read

TRAIN = parse(
    "1 Mary went to the kitchen.\n2 Where is Mary?\tkitchen\t1\n3 Mary got milk.\n4 What has Mary?\tmilk,apple\t3 1\n"
    "1 Mary went to the garden.\n2 Where is Mary?\tkitchen\t1\n"
)
TEST = parse("1 Mary went to the kitchen.\n2 Where is Mary?\tkitchen\t1\n3 Where is Mary now, or then?\tgarden\t1\n")


def test_figures() -> None:
    train = measure(TRAIN, TRAIN)
    assert train._asdict() == {
        "stories": 2,
        "questions": 3,
        "facts": pytest.approx(4 / 3),
        "most_facts": 2,
        "most_words": 5,
        "supporting": pytest.approx(4 / 3),
        "words": 13,  # apple is one: answers count too
        "answers": 2,
        "majority": pytest.approx(2 / 3),
        "repeats": 0,
    }
    test = measure(TEST, TRAIN)
    assert (test.majority, test.repeats, test.most_words) == (0.5, 1, 6)


def test_real_files_have_the_known_figures(archive: Path, tmp_path: Path) -> None:
    """Counted before by other means."""
    unpack(archive, tmp_path / "all")
    measured = {}
    for task in TASKS:
        train, test = (read(tmp_path / "all" / "en" / name) for name in file_names("en", task).values())
        measured[task] = measure(test, train)
        assert 14 <= measured[task].words <= 45
        assert measured[task].questions == 1000
    assert {task: measured[task].repeats for task in (4, 17, 20)} == {4: 134, 17: 16, 20: 119}
    assert (measured[7].majority, measured[8].majority) == (0.488, 0.336)
    assert {task: measured[task].most_facts for task in (2, 3)} == {2: 88, 3: 228}
    assert {task: measured[task].stories for task in (4, 15, 17)} == {4: 1000, 15: 250, 17: 125}
