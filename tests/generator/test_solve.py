"""The solver: each rule on a story made for it, and all rules on the real files."""

import tarfile
from pathlib import Path

import pytest

from dmn_cli.babi.tasks import TASKS
from dmn_cli.babi.unpack import ORIGINAL, file_names
from dmn_cli.data.stories import Question, Story, parse
from dmn_cli.errors import DmnError
from dmn_cli.generator.check import check
from dmn_cli.generator.solve import Solution, solve
from dmn_cli.generator.words import words_for

HOUSE = (
    "Mary went to the kitchen.",
    "John moved to the garden.",
    "Mary got the milk there.",
    "Mary journeyed to the office.",
    "Mary put down the milk.",
    "Mary went back to the garden.",
    "John picked up the apple there.",
    "John gave the apple to Mary.",
)
NEWS = (
    "Mary is in the kitchen.",
    "John is no longer in the garden.",
    "Fred is either in the school or the park.",
    "Mary and Daniel went to the hallway.",
    "Then they moved to the office.",
    "Sandra travelled to the garden.",
    "After that she went back to the bedroom.",
)
DAY = (
    "This morning Julie went to the office.",
    "Julie went to the park yesterday.",
    "Bill went to the school yesterday.",
    "This evening Julie moved to the park.",
    "Julie travelled to the cinema this afternoon.",
)
MAP = (
    "The kitchen is north of the garden.",
    "The office is east of the kitchen.",
    "The hallway is west of the garden.",
    "The office is south of the bathroom.",
)
SHAPES = (
    "The red square is above the triangle.",
    "The blue square is to the right of the triangle.",
    "The red sphere is below the blue square.",
)
SIZES = (
    "The chest is bigger than the chocolate.",
    "The chest fits inside the box.",
    "The suitcase is bigger than the box.",
    "The box is bigger than the chocolate.",
)
ANIMALS = (
    "Mice are afraid of wolves.",
    "Sheep are afraid of mice.",
    "Gertrude is a mouse.",
    "Emily is a sheep.",
    "Lily is a swan.",
    "Lily is white.",
    "Greg is a swan.",
    "Brian is a swan.",
    "Greg is gray.",
)
MOODS = ("Yann is bored.", "Sumit is thirsty.", "Yann went to the garden.", "Yann got the football there.")


def asked(facts: tuple[str, ...], question: str) -> Solution | None:
    # the labels are wrong on purpose: the solver must not look at them
    return solve(Story(facts, (Question(question, "wrong", len(facts), (0,)),)))[0]


@pytest.mark.parametrize(
    ("facts", "question", "answer", "supporting"),
    [
        (HOUSE, "Where is Mary? ", "garden", (5,)),
        (HOUSE, "where is john", "garden", (1,)),
        (HOUSE, "Where is the milk?", "office", (4, 3)),
        (HOUSE, "Where is the apple?", "garden", (7, 5)),
        (HOUSE, "Where was the milk before the office?", "kitchen", (4, 3, 0)),
        (HOUSE, "Is Mary in the garden?", "yes", (5,)),
        (HOUSE, "Is Mary in the office?", "no", (5,)),
        (HOUSE, "How many objects is Mary carrying?", "one", (2, 4, 7)),
        (HOUSE, "How many objects is John carrying?", "none", (6, 7)),
        (HOUSE, "What is Mary carrying?", "apple", (2, 4, 7)),
        (HOUSE, "What is John carrying?", "nothing", (6, 7)),
        (HOUSE, "What did John give to Mary?", "apple", (7,)),
        (HOUSE, "Who gave the apple?", "john", (7,)),
        (HOUSE, "Who gave the apple to Mary?", "john", (7,)),
        (HOUSE, "Who received the apple?", "mary", (7,)),
        (HOUSE, "Who did John give the apple to?", "mary", (7,)),
        (NEWS, "Is Mary in the hallway?", "no", (3, 4)),
        (NEWS, "Is John in the garden?", "no", (1,)),
        (NEWS, "Is Fred in the park?", "maybe", (2,)),
        (NEWS, "Is Fred in the office?", "no", (2,)),
        (NEWS, "Where is Daniel?", "office", (3, 4)),
        (NEWS, "Where is Sandra?", "bedroom", (5, 6)),
        (DAY, "Where was Julie before the cinema?", "office", (4, 0)),
        (DAY, "Where was Julie before the park?", "cinema", (3, 4)),
        (DAY, "Where was Julie before the office?", "park", (0, 1)),
        (
            (*DAY, "Julie moved to the garden.", "Julie got the milk."),
            "Where was Julie before the park?",
            "cinema",
            (3, 4),
        ),
        (MAP, "What is north of the garden?", "kitchen", (0,)),
        (MAP, "What is the kitchen north of?", "garden", (0,)),
        (MAP, "What is south of the kitchen?", "garden", (0,)),
        (MAP, "How do you go from the hallway to the office?", "e,n,e", (2, 0, 1)),
        (MAP, "How do you go from the bathroom to the kitchen?", "s,w", (3, 1)),
        (SHAPES, "Is the red square above the blue square?", "yes", (0, 1)),
        (SHAPES, "Is the red square to the right of the blue square?", "no", (0, 1)),
        (SHAPES, "Is the red sphere below the red square?", "yes", (2, 1, 0)),
        (SHAPES, "Is the red sphere to the left of the red square?", "no", (2, 1, 0)),
        (SIZES, "Is the suitcase bigger than the chest?", "yes", (2, 1)),
        (SIZES, "Does the suitcase fit in the chest?", "no", (1, 2)),
        (SIZES, "Does the chest fit in the suitcase?", "yes", (2, 1)),
        (SIZES, "Is the chest bigger than the suitcase?", "no", (1, 2)),
        (SIZES, "Is the suitcase bigger than the chocolate?", "yes", (2, 3)),
        (ANIMALS, "What is gertrude afraid of?", "wolf", (2, 0)),
        (ANIMALS, "What is emily afraid of?", "mouse", (3, 1)),
        (ANIMALS, "What color is Brian?", "gray", (7, 6, 8)),
        (ANIMALS, "What color is Lily?", "white", (5,)),
        (MOODS, "Where will sumit go?", "kitchen", (1,)),
        (MOODS, "Why did yann go to the garden?", "bored", (0,)),
        (MOODS, "Why did yann get the football?", "bored", (0,)),
    ],
)
def test_rules(facts: tuple[str, ...], question: str, answer: str, supporting: tuple[int, ...]) -> None:
    assert asked(facts, question) == Solution(answer, supporting)


@pytest.mark.parametrize(
    ("facts", "question"),
    [
        (HOUSE, "Where is Fred?"),
        (HOUSE, "Where is the football?"),
        (HOUSE, "Where was the milk before the garden?"),
        (HOUSE, "How many objects is Fred carrying?"),
        (HOUSE, "What did Mary give to John?"),
        (HOUSE, "Who received the milk?"),
        (("Mary dropped the milk.",), "What is Mary carrying?"),  # she had none
        (("Mary got the milk.", "Mary got the milk."), "How many objects is Mary carrying?"),
        (("Mary got the milk there.",), "Where is the milk?"),
        (tuple(f"Mary got the {letter}." for letter in "abcdefghijk"), "How many objects is Mary carrying?"),  # eleven
        (NEWS, "Where is Fred?"),
        (NEWS, "Is John in the kitchen?"),
        (DAY, "Where was Bill before the school?"),
        (("Julie went to the park yesterday.", "Julie moved to the garden."), "Where was Julie before the garden?"),
        (("Julie moved to the garden.", "Julie went to the park."), "Where was Julie before the park?"),
        (MAP, "What is east of the garden?"),
        (MAP, "How do you go from the garden to the cellar?"),
        (SHAPES, "Is the red square above the yellow square?"),
        (
            ("The chest fits inside the box.", "The chest fits inside the suitcase."),
            "Is the box bigger than the suitcase?",
        ),
        (ANIMALS, "What is winona afraid of?"),
        (ANIMALS, "What is lily afraid of?"),
        (ANIMALS, "What color is Emily?"),
        (MOODS, "Where will jason go?"),
        (MOODS, "Why did yann go to the kitchen?"),
    ],
)
def test_what_does_not_follow_has_no_answer(facts: tuple[str, ...], question: str) -> None:
    assert asked(facts, question) is None


def test_a_question_uses_no_later_fact() -> None:
    story = Story(HOUSE, tuple(Question("Where is Mary?", "", facts) for facts in range(len(HOUSE) + 1)))
    answers = [solution and solution.answer for solution in solve(story)]
    assert answers == [None, *["kitchen"] * 3, *["office"] * 2, *["garden"] * 3]


@pytest.mark.parametrize(
    "facts", [("Mary sings.",), ("Mary went to the kitchen.", "Then what?"), ("Then she went to the kitchen.",)]
)
def test_other_sentences_are_refused(facts: tuple[str, ...]) -> None:
    with pytest.raises(DmnError, match="cannot read"):
        asked(facts, "Where is Mary?")


def test_other_questions_are_refused() -> None:
    with pytest.raises(DmnError, match="cannot read 'Why is Mary here"):
        asked(HOUSE, "Why is Mary here?")


def test_other_words_are_read_when_given() -> None:
    facts = ("Ada ran to the engine room.", "Ada stole the brass key there.", "Ada ran to the roof.")
    story = Story(facts, (Question("Where is the brass key?", "", 3),))
    with pytest.raises(DmnError, match="cannot read 'Ada ran"):
        solve(story)
    assert solve(story, words_for(2, {"moves": ("ran",), "gets": ("stole",)})) == [Solution("roof", (1, 2))]


@pytest.fixture(scope="module")
def real(archive: Path) -> dict[tuple[int, str], list[Story]]:
    """The stories of en."""
    with tarfile.open(archive) as tar:
        wanted = {
            f"{ORIGINAL}/en/{name}": (task, split) for task in TASKS for split, name in file_names("en", task).items()
        }
        read = {}
        for member in tar:
            if member.name in wanted:
                file = tar.extractfile(member)
                assert file is not None
                read[wanted[member.name]] = parse(file.read().decode())
    return read


@pytest.mark.parametrize("task", TASKS)
def test_real_files_agree(real: dict[tuple[int, str], list[Story]], task: int) -> None:
    for split in ("train", "test"):
        checked = check(real[task, split], words=words_for(task))
        assert checked.findings == []
        assert checked.questions == checked.labelled == 1000
        assert checked.answers == checked.supporting == (998 if task == 5 else 1000)
        assert checked.outdated == 1000 - checked.answers
