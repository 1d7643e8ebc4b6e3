"""The network in the box: what the README shows can be typed and comes out so."""

import hashlib
import json

import pytest

from dmn_cli.training import box
from tests.conftest import ROOT

STORY = ROOT / "docs" / "attention.txt"


def test_the_picture_of_the_readme_is_what_the_network_attends_to(dmn, tmp_path):
    done = dmn("ask", "--file", STORY, "--picture", tmp_path / "attention.svg", "--json")
    assert done.code == 0
    (asked,) = json.loads(done.out)["questions"]
    assert asked["answer"] == "garden"
    looked = [max(range(len(gates)), key=gates.__getitem__) for gates in asked["gates"]]
    assert [asked["facts"][at] for at in looked] == [
        "John took the football.",
        "John went to the garden.",
        "(end of passes)",
    ]
    assert (tmp_path / "attention.svg").read_bytes() == (ROOT / "docs" / "attention.svg").read_bytes()


@pytest.mark.parametrize(
    ("story", "answer"),
    [
        ("Mary went to the kitchen. John moved to the hallway. Where is Mary?", "kitchen"),
        (
            "Daniel got the milk. Daniel went to the office. Mary went to the garden. Where is the milk?",
            "office",
        ),
        ("Lily is a swan. Lily is white. Greg is a swan. What color is Greg?", "white"),
    ],
)
def test_typed_stories_are_answered(dmn, tmp_path, story, answer):
    (tmp_path / "story.txt").write_text(story + "\n")
    done = dmn("ask", "--file", tmp_path / "story.txt")
    assert f"?  {answer} " in done.out


def test_it_is_what_its_readme_says():
    assert box.NETWORK.stat().st_size <= 1_500_000
    assert hashlib.sha256(box.NETWORK.read_bytes()).hexdigest() in (box.NETWORK.parent / "README.md").read_text()


def test_a_picture_wants_a_story_or_a_question(dmn, tmp_path):
    (tmp_path / "story.txt").write_text("Mary went home.\n")
    done = dmn("ask", "--file", tmp_path / "story.txt", "--picture", tmp_path / "a.svg")
    assert done.code == 2
    assert not (tmp_path / "a.svg").exists()


def test_demo_plays_with_it(dmn):
    done = dmn("demo")
    assert done.code == 0
    assert done.out.count("?  ") >= 3
