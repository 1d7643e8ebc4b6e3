"""The order of the supporting facts that the passes are taught."""

import pytest

from dmn_cli.config import from_plain
from dmn_cli.data.stories import read
from dmn_cli.splits import load_training


def written(path, orders):
    """Stories of three facts and a question, with these supporting facts."""
    path.write_text("".join(f"1 a.\n2 b.\n3 c.\n4 d?\te\t{order}\n" for order in orders))
    return path


@pytest.mark.parametrize(
    ("kind", "orders", "expected"),
    [
        ("tidy", ["1 3"] * 4 + ["1 2 3"] * 4 + ["3 1", "3 2 1"] + ["2"], {(0, 2), (0, 1, 2), (1,)}),
        ("tidy", ["1 3"] * 4 + ["1 2 3"] * 3 + ["3 1"] * 3, {(0, 2), (0, 1, 2), (2, 0)}),  # too many for lapses
        ("tidy", ["1 3"] * 9 + ["3 1"] + ["2"], {(0, 2), (2, 0), (1,)}),  # always two: a chain, no list
        ("as-given", ["1 3"] * 9 + ["3 1"], {(0, 2), (2, 0)}),
    ],
)
def test_supporting_facts_that_are_lists_are_put_in_story_order(tmp_path, kind, orders, expected):
    path = written(tmp_path / "train.txt", orders)
    valid = written(tmp_path / "valid.txt", ["3 1"])
    config = from_plain({"data": {"source": "files", "train": str(path), "valid": str(valid), "supporting": kind}})
    train, held = load_training(config.data)
    assert {question.supporting for story in train.stories[0] for question in story.questions} == expected
    assert held.stories[0] == read(valid)  # labels that nothing is taught stay as they are
