"""Stories of the twenty tasks, made here: the same numbers and seed give the same stories on every machine."""

import random
from collections.abc import Collection, Iterator
from typing import NamedTuple

from dmn_cli.babi.tasks import SplitName
from dmn_cli.data.stories import Question, Story
from dmn_cli.errors import DmnError
from dmn_cli.generator.declarations import DECLARATIONS, Asked, Declaration
from dmn_cli.generator.retell import Retelling
from dmn_cli.generator.words import Changes, Words, words_for
from dmn_cli.generator.world import World

TRIES = 100_000  # to tell one more fact, to ask one more question, to tell one more story: then there is none


class _Size(NamedTuple):
    """What a story is made of.

    Attributes:
        drawn: how many words of each kind it is about.
        facts: how many are told; None: as many as the world holds.
        hops: supporting facts to chain, where the task has such a choice.
    """

    drawn: dict[str, int]
    facts: int | None
    hops: int


def generate(
    task: int,
    questions: int,
    seed: int,
    split: SplitName = "train",
    *,
    facts: int | None = None,
    entities: int | None = None,
    hops: int | None = None,
    words: Changes | None = None,
    grammar: str | None = None,
) -> list[Story]:
    """Stories of one task that hold so many questions; without options, like those of the real files.

    Args:
        task: 1 to 20.
        questions: how many the stories have together; the last story may have fewer than the others.
        seed: decides the stories, together with all else but ``questions``: the first 1,000 questions of 10,000 are
            the 1,000 of the same seed.
        split: those of ``train``, ``valid`` and ``test`` differ.
        facts: facts a story, or somewhat more where no question can be asked yet.
        entities: how many people (tasks 1-3, 5-14, 20), places (4, 19), animals (15, 16), shapes (17) or sizes (18)
            a story is about.
        hops: facts that lead to an answer (tasks 17, 18, 19).
        words: other words, as ``words.read_words`` returns them.
        grammar: retell the stories in this grammar of ``grammars.GRAMMARS``, with invented words.

    Raises:
        DmnError: there is no such task, it has no such stories, or there is no such grammar.
    """
    if task not in DECLARATIONS:
        raise DmnError(f"task {task}: there is no such task", "the tasks are 1 to 20")
    if questions < 1:
        raise DmnError(f"task {task}: {questions} questions cannot be generated", "ask for at least one")
    declared, vocabulary = DECLARATIONS[task], words_for(task, words)
    told = Retelling(grammar, words).retold if grammar else None
    rng = random.Random(f"{seed} {task} {split}")
    stories: list[Story] = []
    try:
        size = _size(declared, vocabulary, facts, entities, hops)
        while questions > 0:
            stories.append(_cut(_story(declared, rng, vocabulary, size), questions))
            questions -= len(stories[-1].questions)
    except DmnError as error:
        raise DmnError(f"task {task}: {error.message}", error.hint) from error
    return [told(story) for story in stories] if told else stories


def _size(declared: Declaration, words: Words, facts: int | None, entities: int | None, hops: int | None) -> _Size:
    """What the options make of a declaration.

    Raises:
        DmnError: an option has no meaning for the task, or asks for more than there is.
    """
    main = next(iter(declared.about))
    there = {kind: len(_words(words, kind)) for kind in declared.about}
    for kind, share in declared.about.items():
        if there[kind] < share.least:
            raise DmnError(f"{there[kind]} {kind} in the words file; the task wants at least {share.least}")
    if entities is not None and not declared.about[main].least <= entities <= there[main]:
        raise DmnError(
            f"entities {entities}: it takes {declared.about[main].least} to {there[main]} {main}",
            f"a file with more {main} can be given with --words" if entities > there[main] else "",
        )
    if facts is not None and (declared.facts is None or facts < 1):
        fixed = f"follows from the number of {main}: --entities" if declared.facts is None else "must be at least 1"
        raise DmnError(f"facts {facts}: their number {fixed}")
    drawn = {kind: min(share.usual, there[kind]) for kind, share in declared.about.items()}
    drawn[main] = entities or (max(drawn[main], min(hops + 1, there[main])) if hops else drawn[main])
    if hops is not None and (declared.hops is None or not 1 <= hops < drawn[main]):
        most = f"it takes 1 to {drawn[main] - 1} with {drawn[main]} {main}"
        raise DmnError(f"hops {hops}: " + (most if declared.hops else "tasks 17, 18 and 19 have that choice"))
    return _Size(drawn, facts or declared.facts, hops or min(declared.hops or 0, drawn[main] - 1))


def _words(words: Words, kind: str) -> Collection[str]:
    return [thing for alike in words.sizes for thing in alike] if kind == "sizes" else getattr(words, kind)


def _story(declared: Declaration, rng: random.Random, words: Words, size: _Size) -> Story:
    for _ in range(TRIES):
        world = World(rng, words, size.drawn)
        declared.scene(world, size.hops)
        order: list[int] = []  # the facts as they stand in the story
        questions: list[Question] = []
        for facts in _portions(declared, world, size.facts or world.untold):
            start = len(world.told)
            asked = _tell_and_ask(declared, world, facts, size.hops)
            told = range(start, len(world.told))
            order += world.mix(told) if declared.mixed else told
            questions += [
                Question(one.text, one.answer, len(order), tuple(order.index(fact) for fact in one.because))
                for one in asked
            ]
        if questions:
            return Story(tuple(world.told[fact] for fact in order), tuple(questions))
    raise DmnError("no question can be asked with these options")


def _portions(declared: Declaration, world: World, facts: int) -> Iterator[int]:
    """How many facts to tell before each time of asking."""
    if declared.questions is None:
        while not declared.done(world):
            yield 1
        return
    times = declared.questions // declared.together
    for time in range(times):
        yield max(1, facts * (time + 1) // times - facts * time // times)


def _tell_and_ask(declared: Declaration, world: World, facts: int, hops: int) -> list[Asked]:
    """Tell so many facts, or more until a question can be asked; none is asked where the story is to be told anew."""
    sentences = [sentence for sentence, times in declared.sentences.items() for _ in range(times)]
    for _ in range(TRIES):
        wanted = len(world.told) + facts
        tries = 0
        while len(world.told) < wanted:
            tries = 0 if world.pick(sentences)(world) else tries + 1
            if tries == TRIES:
                raise DmnError(
                    f"nothing is left to tell after {len(world.told)} facts",
                    "ask for fewer facts, or for more entities",
                )
        asked = [declared.ask(world, hops) for _ in range(declared.together)]
        if declared.anew or None not in asked:
            return [one for one in asked if one is not None]
        facts = min(facts, declared.step)
    raise DmnError("no question can be asked with these options")


def _cut(story: Story, questions: int) -> Story:
    """The story up to so many questions."""
    kept = story.questions[:questions]
    return Story(story.facts[: kept[-1].facts], kept)
