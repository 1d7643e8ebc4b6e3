"""Checks of story files."""

from pathlib import Path

import pytest

from dmn_cli.data.stories import parse
from dmn_cli.errors import DmnError
from dmn_cli.generator.check import check, check_file, story_files, task_of

GOOD = "1 Mary went to the kitchen.\n2 John went to the garden.\n3 Where is Mary?\tkitchen\t1\n"
SIZES = (
    "1 The box is bigger than the chest.\n2 The chest is bigger than the chocolate.\n"
    "3 The chocolate fits inside the box.\n4 The chocolate fits inside the chest.\n"
)
GIVEN = "1 Mary gave the milk to John.\n2 Mary gave the apple to John.\n"


def found(text: str) -> list[str]:
    return check(parse(text)).findings


def test_right_labels_are_counted() -> None:
    checked = check(parse(GOOD + GOOD.replace("\t1", "")))
    assert (checked.questions, checked.answers, checked.labelled, checked.supporting) == (2, 2, 1, 1)
    assert checked.findings == []


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (GOOD.replace("\tkitchen", "\tgarden"), "Where is Mary? answer 'garden', but its facts give 'kitchen'"),
        (
            GOOD.replace("\t1", "\t2"),
            "Where is Mary? supporting facts `John went to the garden.`, but the answer follows ",
        ),
        (GOOD.replace("\t1", "\t1 2"), "Where is Mary? supporting facts `Mary went to the kitchen.`, `John went to "),
        (
            GOOD.replace("Where is Mary", "Where is Fred"),
            "Where is Fred? answer 'kitchen', but its facts give no answer",
        ),
        (
            SIZES + "5 Is the box bigger than the chocolate?\tyes\t2 1\n",
            "Is the box bigger than the chocolate? supporting",
        ),
        (
            SIZES + "5 Is the box bigger than the chocolate?\tyes\t3 2\n",
            "Is the box bigger than the chocolate? supporting",
        ),
        (
            SIZES + "5 Is the box bigger than the chocolate?\tno\t1 2\n",
            "Is the box bigger than the chocolate? answer 'no'",
        ),
        (GIVEN + "3 Who gave the milk?\tJohn\t1\n", "Who gave the milk? answer 'John', but its facts give 'mary'"),
    ],
)
def test_wrong_labels_are_found(text: str, finding: str) -> None:
    findings = found(GOOD + text)
    assert len(findings) == 1
    assert findings[0].startswith(f"stories: story 2: {finding}")


@pytest.mark.parametrize("chain", ["1 2", "1 4", "3"])
def test_any_chain_that_proves_a_size_is_right(chain: str) -> None:
    assert found(SIZES + f"5 Is the box bigger than the chocolate?\tyes\t{chain}\n") == []


def test_what_was_given_before_is_known_and_no_finding() -> None:
    checked = check(parse(GIVEN + "3 What did Mary give to John?\tmilk\t1\n"))
    assert (checked.findings, checked.outdated, checked.answers, checked.supporting) == ([], 1, 0, 0)
    assert len(found(GIVEN + "3 What did Mary give to John?\tfootball\t1\n")) == 1


def test_files_by_task(tmp_path: Path) -> None:
    for name in ("en/qa10_x_test.txt", "en/qa2_x_train.txt", "en/notes.txt", ".babi/qa1_x_train.txt", "qa21_x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    files = story_files([tmp_path, tmp_path / "en" / "notes.txt", tmp_path / "en" / "qa2_x_train.txt"])
    assert [file.name for file in files] == ["qa2_x_train.txt", "qa10_x_test.txt", "notes.txt"]
    assert [task_of(file) for file in files] == [2, 10, None]
    (tmp_path / "empty").mkdir()
    with pytest.raises(DmnError, match="empty: no story files"):
        story_files([tmp_path, tmp_path / "empty"])
    with pytest.raises(DmnError, match="no such file or folder"):
        story_files([tmp_path / "nowhere"])


def test_a_file(tmp_path: Path) -> None:
    def checked(name: str, text: str) -> tuple[list[str], list[str]]:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        result = check_file(path)
        return result.findings, result.notes

    strange = GOOD.replace("went", "danced")
    assert checked("qa1_x_train.txt", GOOD) == ([], [])
    assert checked("broken.txt", "1 Mary\n7 John\n") == (
        [f"{tmp_path}/broken.txt:2: line number 7, expected 2, or 1 for a new story"],
        [],
    )
    assert checked("mine.txt", strange)[0] == []
    assert "mine.txt: story 1: cannot read 'Mary danced to the kitchen.'" in checked("mine.txt", strange)[1][0]
    assert "cannot read" in checked("qa1_x_train.txt", strange)[0][0]
    assert checked("shuffled/qa1_x_train.txt", strange) == (
        [],
        [f"{tmp_path}/shuffled: not in English, only the format was checked"],
    )
    assert "line number 7" in checked("hn/qa1_x_train.txt", "1 Mary\n7 John\n")[0][0]


def test_a_file_with_other_words(tmp_path: Path) -> None:
    path = tmp_path / "qa1_x_train.txt"
    path.write_text(GOOD.replace("went", "danced"))
    assert check_file(path, {"moves": ("danced",)}).findings == []


def test_facts_that_contradict_each_other_are_found():
    text = (
        "1 The study is south of the cellar.\n2 The attic is west of the study.\n"
        "3 What is north of the study?\tcellar\t1\n4 The cellar is south of the study.\n"
    )
    checked = check(parse(text), "own")
    assert checked.findings == [
        "own: story 1: facts contradict each other: "
        "`The study is south of the cellar.`, `The cellar is south of the study.`"
    ]
    larger = (
        "1 The box is bigger than the chest.\n2 The box fits inside the mat.\n3 The chest is bigger than the mat.\n"
    )
    (finding,) = check(parse(f"{larger}4 Is the box bigger than the chest?\tyes\t1\n"), "own").findings
    assert finding.count("`") == 6  # all three


def test_of_own_stories_it_is_said_what_no_rule_answers(tmp_path):
    (tmp_path / "own.txt").write_text(
        "1 Mary went to the kitchen.\n2 Where is John?\tkitchen\n3 Where is Mary?\tKitchen.\t1\n"
    )
    checked = check_file(tmp_path / "own.txt")
    assert (checked.questions, checked.answers, checked.findings) == (1, 1, [])
    assert checked.notes == [f"{tmp_path}/own.txt: not checked: 1 of 2 answers, which no rule of bAbI gives"]
