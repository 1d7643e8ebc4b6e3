"""Stories, and the file format they are kept in.

A line is ``ID text`` (a fact) or ``ID question<TAB>answer<TAB>supporting IDs``; ID 1 starts a new story, and
question lines are counted too (Weston et al., arXiv 1502.05698, and the README of the data).
"""

import dataclasses
import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from dmn_cli.data.words import alternatives, parts, words
from dmn_cli.errors import DmnError


@dataclass(frozen=True, slots=True)
class Question:
    """A question asked at one point of a story.

    Attributes:
        text: as written, e.g. ``"Where is Mary?"``.
        answer: as written; the parts of a list or path are joined by commas, e.g. ``"apple,milk"``; answers that are
            as right by ``|``, e.g. ``"bakery|the bakery"``.
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


def as_dialogue(story: Story) -> Story:
    """A story whose questions, each with its answer, are facts for the questions after them."""
    facts: list[str] = []
    questions: list[Question] = []
    new: dict[int, int] = {}  # where the facts of the story stand among all
    for question in story.questions:
        for fact in range(len(new), question.facts):
            new[fact] = len(facts)
            facts.append(story.facts[fact])
        supporting = tuple(new[fact] for fact in question.supporting)
        questions.append(replace(question, facts=len(facts), supporting=supporting))
        facts.append(f"{question.text} {alternatives(question.answer)[0]}")
    return Story((*facts, *story.facts[len(new) :]), tuple(questions))


ID = r"\d{1,18}"
"""A line's number, in digits of any script; Python refuses to read a number of some thousand digits."""

INVISIBLE = "\ufeff\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069"
"""Marks that may stand around it and are not seen."""

_LINE = re.compile(rf"[\s{INVISIBLE}]*({ID})[{INVISIBLE}]*\s[\s{INVISIBLE}]*(.*)", re.DOTALL)
_SHAPE = "a question is `ID text?<TAB>answer<TAB>supporting IDs`"

ASKING = ("?", "？", "؟")
"""How a question ends."""

log = logging.getLogger(__name__)


def cells(line: str) -> list[str]:
    """What stands between the tabs of a line; empty ones at its end count no more than the first of them."""
    found = [cell.strip() for cell in line.split("\t")]
    while len(found) > 2 and not found[-1]:
        found.pop()
    return found


def _lost_tabs(body: str) -> bool:
    """Whether a line is a question and its answer without a tab: `Where is Mary?  kitchen  1`."""
    asked = re.search(r"[?？؟]\s+(\S.*)$", body)
    if asked and not asked[1].endswith((".", "!", "。", "…", '"', "”", "»", *ASKING)):
        return True
    return re.search(r"\S(?: {2,}|\t)\S.*(?: {2,}|\t)\d+(?: +\d+)*$", body) is not None


def read(path: Path) -> list[Story]:
    """Read a story file, in bAbI's format or another that ``formats`` knows.

    Raises:
        DmnError: the file is missing, is not UTF-8 text, holds no question, or breaks the format (file:line).
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DmnError(f"{path}: cannot be read: {error.strerror}") from error
    from dmn_cli.data import formats  # which makes stories, too

    stories = formats.parse(data, str(path))
    if not stories:
        raise DmnError(f"{path}: no question in this file", _SHAPE)
    return stories


def parse(text: str, name: str = "text") -> list[Story]:
    """Parse stories; those without a question are left out with a note, since nothing can be learnt or asked of them.

    Args:
        text: the lines of a story file; line endings of any kind, blank lines and a missing last newline are fine.
        name: what to call the text in errors.

    Raises:
        DmnError: a line breaks the format; the message starts with ``name:line``.
    """
    stories: list[Story] = []
    candidates = False
    without: list[str] = []  # where stories begin that have no question
    for lines in _split(text, name):
        facts: list[str] = []
        questions: list[Question] = []
        position: dict[int, int] = {}  # line ID -> index of the fact
        for identifier, (where, body) in enumerate(lines, start=1):
            text, *fields = cells(body)
            if any(fields) or (fields and text.endswith(ASKING)):
                questions.append(_question([text, *fields], where, position))
                candidates = candidates or len(fields) > 2
            elif _lost_tabs(body := body.rstrip()):
                raise DmnError(f"{where}: the tabs of this question became spaces: {_short(body)}", _SHAPE)
            elif not words(text):
                raise DmnError(f"{where}: no words after the line number", "a fact is `ID text`")
            else:
                position[identifier] = len(facts)
                facts.append(text)
        if questions:
            stories.append(Story(tuple(facts), tuple(questions)))
        else:
            without.append(lines[0][0])
    if stories and without:
        what = "stories without a question are left out (1 begins a new one)"
        log.warning("note: %s: %s: %d, the first at %s", name, what, len(without), without[0])
    if candidates:
        log.warning("note: %s: candidates (a fourth field) are ignored: any answer of training can be given", name)
    return stories


def _split(text: str, name: str) -> Iterator[list[tuple[str, str]]]:
    """The lines of each story as (name:line, text after the ID), the IDs checked to count 1, 2, 3…"""
    story: list[tuple[str, str]] = []
    before = 0  # the last ID of the story before, if possible of one with more than one line
    for number, line in enumerate(re.split("\r\n|\r|\n", text), start=1):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        match = _LINE.fullmatch(line)
        if match is None:
            raise DmnError(f"{where}: no line number: {_short(line)}", "each line is `ID text`, IDs counting 1, 2, 3…")
        identifier = int(match[1])
        if identifier == 1 and story:
            yield story
            before = len(story) if len(story) > 1 or not before else before
            story = []
        if identifier != len(story) + 1:
            if len(story) == 1 and identifier in (before + 1, before + 2):
                (start, fact), *_ = story
                what = f"{start}: begins with 1, so a new story, but {where} goes on with {identifier} after {before}"
                begins = " ".join(["1", *fact.split()[:2]])
                raise DmnError(
                    what, f"a fact that begins with a number has the line's before it: `{before + 1} {begins} …`"
                )
            expected = "1" if not story else f"{len(story) + 1}, or 1 for a new story"
            raise DmnError(f"{where}: line number {identifier}, expected {expected}")
        story.append((where, match[2]))
    if story:
        yield story


def _question(fields: list[str], where: str, position: dict[int, int]) -> Question:
    if len(fields) > 4:
        raise DmnError(f"{where}: {len(fields)} fields, expected question, answer and supporting IDs", _SHAPE)
    text, answer = fields[:2]
    if not words(text):
        raise DmnError(f"{where}: no words before the tab", _SHAPE)
    if not parts(answer):
        raise DmnError(f"{where}: no answer after the tab", _SHAPE)
    supporting = []
    for field in fields[2].split() if len(fields) > 2 else []:
        if not re.fullmatch(ID, field) or int(field) not in position:
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
