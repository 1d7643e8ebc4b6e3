"""Stories, and the file format they are kept in.

A line is ``ID text`` (a fact) or ``ID question<TAB>answer<TAB>supporting IDs``; ID 1 starts a new story, and
question lines are counted too (Weston et al., arXiv 1502.05698, and the README of the data).
"""

import dataclasses
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from dmn_cli.errors import DmnError


@dataclass(frozen=True, slots=True)
class Question:
    """A question asked at one point of a story.

    Attributes:
        text: as written, e.g. ``"Where is Mary?"``.
        answer: as written; the parts of a list or path are joined by commas, e.g. ``"apple,milk"``.
        facts: how many facts of the story stand before the question: it may use no others.
        supporting: positions (from 0) of the supporting facts among the story's facts, in the file's order.
        place: where it was read, ``file:line``; "" for one that was made.
    """

    text: str
    answer: str
    facts: int
    supporting: tuple[int, ...] = ()
    place: str = dataclasses.field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Story:
    """The facts of a story, as written and in order, and the questions asked along the way."""

    facts: tuple[str, ...]
    questions: tuple[Question, ...]

    def unsupported(self) -> "Story":
        """The story without its supporting facts."""
        return replace(self, questions=tuple(replace(question, supporting=()) for question in self.questions))


_ID = "[0-9]{1,18}"  # Python refuses to read a number of some thousand digits


def words(text: str) -> list[str]:
    """The words of a sentence in lower case, without punctuation: ``"Where is Mary?"`` → where, is, mary."""
    return re.findall(r"\w+(?:['’-]\w+)*", text.lower())


def answer_words(answer: str) -> list[str]:
    """The words of an answer; those of a list or path are joined by commas: ``"n,w"`` → n, w."""
    return [part for word in answer.lower().split(",") if (part := " ".join(word.split()))]


def every_word(answer: str) -> list[str]:
    """All words of an answer, of whose parts each may have several: ``"red square,mat"`` → red, square, mat."""
    return [word for part in answer_words(answer) for word in part.split()]


def read(path: Path) -> list[Story]:
    """Read a story file.

    Raises:
        DmnError: the file is missing, is not UTF-8 text, holds no question, or breaks the format (file:line).
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DmnError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DmnError(f"{path}:{line}: not UTF-8 text") from error
    stories = parse(text, str(path))
    if not stories:
        raise DmnError(f"{path}: no question in this file", "a question is `ID text?<TAB>answer<TAB>supporting IDs`")
    return stories


def parse(text: str, name: str = "text") -> list[Story]:
    """Parse stories; those without a question are left out, since nothing can be learnt or asked of them.

    Args:
        text: the lines of a story file; CRLF endings, blank lines and a missing last newline are fine.
        name: what to call the text in errors.

    Raises:
        DmnError: a line breaks the format; the message starts with ``name:line``.
    """
    stories: list[Story] = []
    for lines in _split(text, name):
        facts: list[str] = []
        questions: list[Question] = []
        position: dict[int, int] = {}  # line ID -> index of the fact
        for identifier, (where, body) in enumerate(lines, start=1):
            if "\t" in body:
                questions.append(_question(body, where, position))
            elif not words(body):
                raise DmnError(f"{where}: no words after the line number", "a fact is `ID text`")
            else:
                position[identifier] = len(facts)
                facts.append(body)
        if questions:
            stories.append(Story(tuple(facts), tuple(questions)))
    return stories


def _split(text: str, name: str) -> Iterator[list[tuple[str, str]]]:
    """The lines of each story as (name:line, text after the ID), the IDs checked to count 1, 2, 3…"""
    story: list[tuple[str, str]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.strip(" \r\f\v")
        if not line.strip():
            continue
        where = f"{name}:{number}"
        match = re.fullmatch(rf"({_ID})[ \t]+(.*)", line)
        if match is None:
            raise DmnError(f"{where}: no line number: {_short(line)}", "each line is `ID text`, IDs counting 1, 2, 3…")
        identifier = int(match[1])
        if identifier == 1 and story:
            yield story
            story = []
        if identifier != len(story) + 1:
            expected = "1" if not story else f"{len(story) + 1}, or 1 for a new story"
            raise DmnError(f"{where}: line number {identifier}, expected {expected}")
        story.append((where, match[2]))
    if story:
        yield story


def _question(body: str, where: str, position: dict[int, int]) -> Question:
    fields = [field.strip() for field in body.split("\t")]
    shape = "a question is `ID text?<TAB>answer<TAB>supporting IDs`"
    if len(fields) > 3:
        raise DmnError(f"{where}: {len(fields)} fields, expected question, answer and supporting IDs", shape)
    text, answer = fields[:2]
    if not words(text):
        raise DmnError(f"{where}: no words before the tab", shape)
    if not answer_words(answer):
        raise DmnError(f"{where}: no answer after the tab", shape)
    supporting = []
    for field in fields[2].split() if len(fields) == 3 else []:
        if not re.fullmatch(_ID, field) or int(field) not in position:
            known = f"the facts before it are {_ranges(position)}" if position else "no fact stands before it"
            raise DmnError(f"{where}: supporting ID {_short(field)} is not a fact before this question: {known}")
        supporting.append(position[int(field)])
    return Question(text, answer, len(position), tuple(supporting), where)


def _ranges(numbers: Iterable[int]) -> str:
    """Ascending numbers for a reader: 1, 2, 3, 5 → "1-3, 5"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")


def dump(stories: Iterable[Story]) -> str:
    """The text of a story file: what ``parse`` reads back."""
    lines: list[str] = []
    for story in stories:
        identifier, at = 0, 0
        identifiers: list[int] = []  # of the facts so far
        for question in story.questions:
            while at < question.facts:
                identifier += 1
                identifiers.append(identifier)
                lines.append(f"{identifier} {story.facts[at]}")
                at += 1
            identifier += 1
            supporting = " ".join(str(identifiers[fact]) for fact in question.supporting)
            lines.append(f"{identifier} {question.text}\t{question.answer}\t{supporting}")
        for fact in story.facts[at:]:
            identifier += 1
            lines.append(f"{identifier} {fact}")
    return "".join(line + "\n" for line in lines)
