"""Stories and questions of one's own: from typed lines to questions, and a network's answers to them."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from dmn_cli.data.stories import ASKING, ID, INVISIBLE, Question, Story, cells
from dmn_cli.data.words import parts, words
from dmn_cli.errors import DmnError
from dmn_cli.report.prediction import Prediction
from dmn_cli.training.checkpoint import Checkpoint
from dmn_cli.training.notes import asked_without_facts
from dmn_cli.training.predictions import predict_told

QUESTION_WORDS = frozenset(
    (
        *("who", "whom", "whose", "what", "which", "where", "when", "why", "how", "is", "are", "was", "were", "does"),
        *("do", "did", "has", "have", "had", "can", "could", "will", "would", "shall", "should", "may", "might"),
    )
)
"""A line that begins with one of these and has no sign at its end is probably a question."""

TITLES = frozenset(("mr", "mrs", "ms", "mx", "dr", "prof", "st", "jr", "sr", "vs"))
"""Words whose full stop ends no sentence."""

_END = re.compile(r"[.!?؟]+[\"'”’)\]]*(?=\s)|[。！？।]+[」』”’\"]*")


_NUMBER = re.compile(rf"[\s{INVISIBLE}]*(\d{{1,18}})[.):]?[{INVISIBLE}]*\s[\s{INVISIBLE}]*")


class Fact(NamedTuple):
    """A fact of a story, which knows the one before it: so a story grows by a fact without being copied.

    Attributes:
        text: as written.
        position: among the facts of its story, from 0.
        line: the line that it stands in, by its number.
        before: None for the first.
    """

    text: str
    position: int
    line: int
    before: "Fact | None"


@dataclass(frozen=True)
class Told:
    """What has been told of a story so far.

    Attributes:
        last: its last fact.
        story: which story it is, from 1.
        lines: how many lines of it there were.
        number: of its last line that had one, as in bAbI's files; 0 for none.
        bare: whether any line had none.
        first: the last line, if it began with a 1 that was not taken for a line number.
        asked: whether a question was asked.
        over: a blank line came after a question: a fact now begins a new story.
        heard: the questions so far with their answers, if these are facts for the questions after them.
    """

    last: Fact | None = None
    story: int = 1
    lines: int = 0
    number: int = 0
    bare: bool = False
    first: str = ""
    asked: bool = False
    over: bool = False
    heard: tuple[Question, ...] = ()

    @property
    def count(self) -> int:
        """How many facts there are."""
        return self.last.position + 1 if self.last else 0

    @property
    def facts(self) -> tuple[str, ...]:
        """All of them, in order."""
        return tuple(fact.text for fact in reversed(list(self.backward())))

    def backward(self) -> Iterator[Fact]:
        """The facts, the last one first."""
        fact = self.last
        while fact is not None:
            yield fact
            fact = fact.before

    def hears(self, text: str, line: int) -> "Told":
        """The story with one more fact."""
        return replace(self, last=Fact(text, self.count, line, self.last))

    def anew(self) -> "Told":
        """A new story."""
        return Told(story=self.story + bool(self.last or self.asked))


def sentences(text: str) -> list[str]:
    """The sentences of a line.

    A sentence ends at ``.``, ``!`` or ``?`` (and closing quotes) before a space, or at ``。``, ``！``, ``？`` or ``।``.
    A full stop does not end it after a title (*Mr.*), a word with a full stop inside (*U.S.*), a number that begins it,
    an initial (one capital that begins it or follows a capitalised word: *J. R. Smith*), or as a part of ``...``;
    neither does a closing quote before a small letter (*"Why?" asked Mary.*).
    """
    found: list[str] = []
    start = 0
    for end in _END.finditer(text):
        sentence, rest = text[start : end.end()].strip(), text[end.end() :].lstrip()
        if words(sentence) and not _goes_on(text[start : end.start()].split(), end[0], rest):
            found.append(sentence)
            start = end.end()
    rest = text[start:].strip()
    if words(rest) or not found:
        return [*found, rest]
    return found


def _goes_on(before: list[str], end: str, rest: str) -> bool:
    """Whether a sentence goes on after what looks like its end."""
    if len(end.rstrip("\"'”’)]」』")) < len(end) and rest[:1].islower():
        return True
    if not end.startswith(".") or not before:
        return False
    word = before[-1].lstrip("\"'“‘([")
    if len(word) == 1 and word.isupper():
        return len(before) == 1 or before[-2][:1].isupper()
    is_first_number = len(before) == 1 and word.isdigit()
    return end.startswith("..") or "." in word or word.lower() in TITLES or is_first_number


def is_question(text: str) -> bool:
    """Whether a sentence ends in a question mark."""
    return text.rstrip("\"'”’)]」』 ").endswith(ASKING)


def looks_like_one(text: str) -> bool:
    """Whether a sentence without any sign at its end begins as questions do: *where is mary*."""
    return words(text)[:1] != [] and words(text)[0] in QUESTION_WORDS and text.rstrip()[-1:] not in (*".!;:…。！।", "")


def take(
    told: Told, line: str, place: str = "", is_asked: Callable[[str], bool] = lambda text: False
) -> tuple[Told, list[Question]]:
    """Take a line of a story: any number of facts and questions.

    A line is as many facts and questions as it has sentences; a question ends in ``?``. As in bAbI's files, a line may
    have a number, and a question an answer and supporting facts after tabs; such a question, and a fact with a number,
    is one, whatever signs it holds. A number is one of bAbI's only where it goes on counting what stood before it, or
    is 1 at the start or after a numbered line, which begins a new story. *1 hour later Mary left.* is a fact:
    elsewhere, or before a small letter, a 1 counts only if the next line has the 2, and not that of the former count.
    A blank line after a question ends a story: a fact that follows begins the next.

    Args:
        told: the story so far.
        line: as typed or read.
        place: ``file:line``, for errors and predictions.
        is_asked: what decides of a sentence that only looks like a question.

    Returns:
        the story with this line, and the questions in it; each may use the facts before it.

    Raises:
        DmnError: there are no words in it, or what stands after a tab does not fit.
    """
    if not line.strip():
        return replace(told, over=told.asked), []
    told, text, number = _number(told, line.strip(" \r\n\f\v"))
    text, *fields = cells(text)
    if not words(text):
        raise DmnError(f"no words in {line.strip()!r}", "a line is a fact, or a question that ends in ?")
    bare = told.bare or not (number or told.first)
    told = replace(told, lines=told.lines + 1, number=number or told.number, bare=bare, over=False)
    if any(fields) or (fields and is_question(text)):
        return replace(told, asked=True), [_given(told, text, fields, place)]
    questions = []
    for sentence in [text] if number and not is_question(text) else sentences(text):
        if is_question(sentence) or (looks_like_one(sentence) and is_asked(sentence)):
            questions.append(Question(sentence, "", told.count, (), place))
            told = replace(told, asked=True)
        else:
            told = told.hears(sentence, number or told.lines)
    return told, questions


def _number(told: Told, line: str) -> tuple[Told, str, int]:
    """The story that a line belongs to, the line without its number, and the number; 0: it has none of bAbI's."""
    match = _NUMBER.match(line)
    number, text = (int(match[1]), line[match.end() :]) if match else (0, line)
    first, counted = told.first, told.number > 0 and not told.bare
    told = replace(told, first="", bare=told.bare or first != "")
    small = text[:1].islower() and "\t" not in line and not is_question(text)  # 1 hour later Mary left.
    begins = first != "" and told.last is not None and told.last.text == first
    goes_on = counted and told.number == 1 and not told.asked  # 1 Ann left. 1 hour later Bill ran. 2 Who ran?
    if number == 2 and begins and not goes_on and (told.lines == 1 or not small or counted):
        alone = told.lines == 1  # the line before was the first of a numbered story too
        begun = Told(story=told.story if alone else told.story + 1, lines=1, number=1)
        return begun.hears(_NUMBER.sub("", first), 1), text, number
    if number > 1 and told.number and number in (told.number + 1, told.number + 1 + begins):
        return told, text, number
    if number == 1 and told.number and not small:
        return told.anew(), text, number
    if told.over and not _asks(line):
        told = told.anew()
    if number == 1 and not told.lines and not small:
        return told, text, number
    return replace(told, first=line if number == 1 else ""), line, 0


def _asks(line: str) -> bool:
    """Whether a line begins with a question."""
    text, tab, _ = line.partition("\t")
    first = sentences(text)[0]
    return tab != "" or is_question(first) or looks_like_one(first)


def _given(told: Told, text: str, fields: list[str], place: str) -> Question:
    """A question with the answer and the supporting facts that stand after it."""
    if len(fields) > 2:
        shape = "a question is `question?<TAB>answer<TAB>supporting numbers`"
        raise DmnError(f"{len(fields) + 1} fields, expected question, answer and supporting numbers", shape)
    numbers = fields[1].split() if len(fields) > 1 else []
    position = {fact.line: fact.position for fact in told.backward()} if numbers else {}  # the first of a line
    supporting = []
    for number in numbers:
        if not re.fullmatch(ID, number) or int(number) not in position:
            raise DmnError(f"supporting number {number[:40]!r} is not that of a fact before this question")
        supporting.append(position[int(number)])
    answer = fields[0] if parts(fields[0]) else ""
    return Question(text, answer, told.count, tuple(supporting), place)


def read(lines: Iterable[tuple[str, str]], note: Callable[[str], None] = lambda text: None) -> list[Story]:
    """The stories of a text that have questions, as ``take`` reads its lines.

    Args:
        lines: the place and the text of each.
        note: told of what may have been meant otherwise.

    Raises:
        DmnError: a line is neither fact nor question; it begins with the line's place.
    """
    told, stories, questions = Told(), [], list[Question]()

    def doubtful(text: str) -> bool:
        note(f"{place}: taken as a fact: {text!r}; a question ends in ?")
        return False

    for place, line in lines:
        try:
            after, asked = take(told, line, place, doubtful)
        except DmnError as error:
            raise DmnError(f"{place}: {error.message}", error.hint) from error
        if after.story != told.story and questions:
            stories.append(_until(told, questions))
            questions = []
        elif after.story != told.story:
            note(f"{place}: a new story begins here; of the one before it nothing was asked")
        told = after
        questions += asked
    return [*stories, _until(told, questions)] if questions else stories


def _until(told: Told, questions: list[Question]) -> Story:
    """A story as far as its last question."""
    return Story(told.facts[: questions[-1].facts], tuple(questions))


def put(checkpoint: Checkpoint, path: Path, stories: list[Story]) -> list[Prediction]:
    """Ask a network all questions of some stories.

    Args:
        checkpoint: the network.
        path: its file, beside which its training stories may lie.
        stories: at least one.

    Raises:
        DmnError: a question has no fact before it, and training had no such question.
    """
    without = [question for story in stories for question in story.questions if not question.facts]
    if without and asked_without_facts(checkpoint, path) is False:
        place = f"{without[0].place}: " if without[0].place else ""
        hint = "tell the story first, one fact a line: training had no question without facts"
        raise DmnError(f"{place}{without[0].text!r} has no fact before it", hint)
    return list(predict_told(checkpoint, stories))


def unknown(checkpoint: Checkpoint, text: str) -> list[str]:
    """The words of a text that training has never seen, each once."""
    vocabulary = checkpoint.vocabulary
    return [word for word in dict.fromkeys(vocabulary.words_of(text)) if vocabulary.encode([word]) == [0]]


def as_question(text: str) -> str:
    """A text whose last sentence is asked, whatever its sign."""
    return text if is_question(text) else f"{text.rstrip(' .!')}?"


def to_story(told: Told, question: Question) -> Story:
    """The story that a question is asked of; it is the last of its questions."""
    return Story(told.facts, (*told.heard, question))


def hear(checkpoint: Checkpoint, told: Told, question: Question, answer: str) -> Told:
    """The story after a question was answered: the same, but for a network of dialogues (``data.dialogue``)."""
    if not checkpoint.config.data.dialogue:
        return told
    return replace(told, heard=(*told.heard, replace(question, answer=question.answer or answer)))


def answer_object(checkpoint: Checkpoint, path: Path, line: bytes, place: str) -> dict[str, Any]:
    """The answer to a question in JSON, for programs: ``{"facts": ["Mary left.", …], "question": "Where is Mary?"}``.

    Args:
        checkpoint: the network.
        path: its file, beside which its training stories may lie.
        line: of UTF-8 JSON; what it holds under ``id`` is given back.
        place: of the line, for errors.

    Raises:
        DmnError: it is no such object, or the question has no fact before it.
    """
    hint = '{"facts": ["Mary went home."], "question": "Where is Mary?"}'
    try:
        asked = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DmnError(f"{place}: not JSON", hint) from error
    if not isinstance(asked, dict):
        raise DmnError(f"{place}: not an object", hint)
    extra = sorted(asked.keys() - {"facts", "question", "id"})
    if extra:
        raise DmnError(f"{place}: unknown key {extra[0]!r}", hint)
    facts, question = asked.get("facts", []), asked.get("question")
    if not isinstance(facts, list) or not all(isinstance(fact, str) and words(fact) for fact in facts):
        raise DmnError(f"{place}: facts: expected a list of sentences", hint)
    if not isinstance(question, str) or not words(question):
        raise DmnError(f"{place}: question: expected a sentence", hint)
    story = Story(tuple(facts), (Question(question, "", len(facts), (), place),))
    (answer,) = put(checkpoint, path, [story])
    return {**({"id": asked["id"]} if "id" in asked else {}), **answer.as_row()}
