"""Checks story files: their format, and their labels against the solver."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

from dmn_cli.data.stats import notes
from dmn_cli.data.stories import Question, Story, read
from dmn_cli.data.words import alternatives, parts
from dmn_cli.errors import DmnError
from dmn_cli.generator.retell import Retelling
from dmn_cli.generator.solve import CHAINED, STEPS, Solution, grammar, read_facts, solve
from dmn_cli.generator.words import ENGLISH, Changes, Words, words_for

FOREIGN = ("hn", "shuffled")
"""How directories of v1.2 begin whose sentences are not English."""


@dataclass
class Checked:
    """What a check found.

    Attributes:
        questions: how many the solver answered or should have.
        answers: how many of their answers it agrees with.
        labelled: how many name supporting facts.
        supporting: how many of these it agrees with.
        outdated: answers that were right until a later fact; a known fault of the real task 5, and no finding.
        findings: what is wrong and where.
        notes: what could not be checked, and why.
    """

    questions: int = 0
    answers: int = 0
    labelled: int = 0
    supporting: int = 0
    outdated: int = 0
    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, other: "Checked") -> None:
        for name in ("questions", "answers", "labelled", "supporting", "outdated"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.findings += other.findings
        self.notes += other.notes


def story_files(paths: Iterable[Path]) -> list[Path]:
    """The files given, and those named like bAbI's (``qa1_….txt``) in the folders given, in order of the tasks.

    Raises:
        DmnError: there is no such path, or no such file in a folder.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = [
                file
                for file in path.rglob("qa*_*.txt")
                if task_of(file) and not any(part.startswith(".") for part in file.relative_to(path).parts)
            ]
            if not inside:
                raise DmnError(f"{path}: no story files (qa1_….txt to qa20_….txt) in it")
            found += sorted(inside, key=lambda file: (task_of(file) or 0, file))
        elif path.exists():
            found.append(path)
        else:
            raise DmnError(f"{path}: no such file or folder")
    return list(dict.fromkeys(found))


def task_of(path: Path) -> int | None:
    """The task that a file name tells, as in ``qa1_single-supporting-fact_train.txt``; None where it tells none."""
    match = re.fullmatch(r"qa([1-9]|1[0-9]|20)_.+\.txt", path.name)
    return int(match[1]) if match else None


def check_file(path: Path, changes: Changes | None = None, grammar: str | None = None) -> Checked:
    """Check one story file; where its sentences cannot be read by rules, its format alone.

    Args:
        path: the file.
        changes: for stories generated with other words, what ``read_words`` returned.
        grammar: for stories told in a grammar of ``grammars.GRAMMARS``, which.
    """
    try:
        stories = read(path)
    except DmnError as error:
        return Checked(findings=[error.message])
    task = task_of(path)
    if task and path.parent.name.startswith(FOREIGN):
        return Checked(notes=[f"{path.parent}: not in English, only the format was checked"])
    try:
        if grammar:
            stories = _back(stories, str(path), Retelling(grammar, changes))
        found = check(stories, str(path), words_for(task, changes) if task else _words(changes), own=not task)
    except DmnError as error:
        if task:
            return Checked(findings=[error.message])
        found = Checked(notes=[f"{error.message}; only the format was checked"])
    found.notes += [f"{path}: {note}" for note in notes(stories)]
    return found


def _back(stories: Iterable[Story], name: str, told: Retelling) -> list[Story]:
    """Stories of a grammar in English."""
    back = []
    for number, story in enumerate(stories, start=1):
        try:
            back.append(told.back(story))
        except DmnError as error:
            raise DmnError(f"{name}: story {number}: {error.message}", error.hint) from error
    return back


def _words(changes: Changes | None) -> Words:
    return replace(ENGLISH, **(changes or {}))


def check(stories: Iterable[Story], name: str = "stories", words: Words = ENGLISH, own: bool = False) -> Checked:
    """Compare the labels of stories with what the solver derives; and see that no facts contradict each other.

    Args:
        stories: in words of the twenty tasks.
        name: what to call them in findings.
        words: for stories that were generated with other words.
        own: they are a user's own: questions that no rule answers are no findings.

    Raises:
        DmnError: a sentence cannot be read; the message starts with the name and the story.
    """
    checked = Checked()
    unanswered = 0
    for number, story in enumerate(stories, start=1):
        where = f"{name}: story {number}"
        try:
            solutions = solve(story, words)
        except DmnError as error:
            raise DmnError(f"{where}: {error.message}", error.hint) from error
        if circle := _contradiction(story, words):
            checked.findings.append(f"{where}: facts contradict each other: {_quoted(story, circle)}")
        for question, solution in zip(story.questions, solutions, strict=True):
            if own and solution is None:
                unanswered += 1
            else:
                _compare(story, question, solution, f"{where}: {question.text.strip()}", words, checked)
    if unanswered:
        every = unanswered + checked.questions
        checked.notes.append(f"{name}: not checked: {unanswered} of {every} answers, which no rule of bAbI gives")
    return checked


def _contradiction(story: Story, words: Words) -> list[int]:
    """Facts by which something is south, left or smaller of itself; none where there are no such facts."""
    below: list[dict[str, dict[str, int]]] = [
        {},
        {},
        {},
    ]  # two axes, and size: what is more than what, and the fact
    for index, fact in enumerate(read_facts(story.facts, grammar(words))):
        if fact.kind == "beside":
            steps = (*STEPS[fact.names[0]], 0)
        elif fact.kind in ("larger", "smaller"):
            steps = (0, 0, 1 if fact.kind == "larger" else -1)
        else:
            continue
        for less, step in zip(below, steps, strict=True):
            if step:
                small, large = (fact.names[-1], fact.who[0])[::step]
                less.setdefault(large, {}).setdefault(small, index)
    for less in below:
        try:
            TopologicalSorter(less).prepare()
        except CycleError as error:
            return sorted(less[large][small] for small, large in pairwise(error.args[1]))
    return []


def _compare(
    story: Story, question: Question, solution: Solution | None, where: str, words: Words, checked: Checked
) -> None:
    checked.questions += 1
    right = solution is not None and _same(solution, question)
    checked.answers += right
    if not right and _outdated(story, question, words):
        checked.outdated += 1
    elif not right:
        derived = "its facts give no answer" if solution is None else f"its facts give {solution.answer!r}"
        checked.findings.append(f"{where} answer {question.answer!r}, but {derived}")
    if not question.supporting:
        return
    checked.labelled += 1
    if (
        solution is not None
        and right
        and (solution.supporting == question.supporting or _proved(story, question, words))
    ):
        checked.supporting += 1
    elif right:
        checked.findings.append(
            f"{where} supporting facts {_quoted(story, question.supporting)}, "
            f"but the answer follows from {_quoted(story, solution.supporting if solution else ())}"
        )


def _same(solution: Solution, question: Question) -> bool:
    return parts(solution.answer) in map(parts, alternatives(question.answer))


def _quoted(story: Story, facts: Iterable[int]) -> str:
    return ", ".join(f"`{story.facts[fact]}`" for fact in facts)


def _outdated(story: Story, question: Question, words: Words) -> bool:
    """Whether `What did Mary give to John?` is answered with what she gave him before she gave him something else."""
    if not question.text.lower().startswith("what did ") or not question.supporting:
        return False
    then = replace(question, facts=max(question.supporting) + 1)
    solution = solve(Story(story.facts, (then,)), words)[0]
    return solution is not None and _same(solution, question) and solution.supporting == question.supporting


def _proved(story: Story, question: Question, words: Words) -> bool:
    """Whether the supporting facts alone, all of them and in their order, give the answer: another chain of facts."""
    if grammar(words).question(question.text)[0] not in CHAINED:
        return False
    kept = sorted(set(question.supporting))
    alone = Story(tuple(story.facts[fact] for fact in kept), (replace(question, facts=len(kept)),))
    solution = solve(alone, words)[0]
    wanted = tuple(kept.index(fact) for fact in question.supporting)
    return solution is not None and _same(solution, question) and solution.supporting == wanted
