"""What story files hold, in figures."""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import NamedTuple

from dmn_cli.data.stories import Question, Story
from dmn_cli.data.vocabulary import Vocabulary
from dmn_cli.data.words import INSTALL, alternatives, has_dictionary, has_thai, is_letter, parts, words


class Stats(NamedTuple):
    """Figures of one task and split.

    Attributes:
        stories: how many.
        questions: how many.
        facts: that stand before a question, in the mean.
        most_facts: before any question.
        most_words: in any fact or question.
        supporting: facts that a question names, in the mean.
        words: different ones, in facts, questions and answers.
        answers: different ones.
        majority: the accuracy of always giving the most frequent answer of the training split (0 to 1).
        repeats: questions that stand in training too, with the same facts before them.
    """

    stories: int
    questions: int
    facts: float
    most_facts: int
    most_words: int
    supporting: float
    words: int
    answers: int
    majority: float
    repeats: int


def measure(stories: list[Story], training: list[Story]) -> Stats:
    """The figures of a split.

    Args:
        stories: of the split.
        training: of the training split, which may be the same list: then nothing counts as repeated.
    """
    questions = [question for story in stories for question in story.questions]
    texts = [words(text) for story in stories for text in _texts(story)]
    given = Counter(_answer(question) for question in questions)
    usual = Counter(_answer(question) for story in training for question in story.questions).most_common(1)[0][0]
    known: Collection[object] = set() if stories is training else set(_seen(training))
    return Stats(
        stories=len(stories),
        questions=len(questions),
        facts=_mean(question.facts for question in questions),
        most_facts=max(question.facts for question in questions),
        most_words=max(map(len, texts)),
        supporting=_mean(len(question.supporting) for question in questions),
        words=len({word for text in texts for word in text} | {word for answer in given for word in answer}),
        answers=len(given),
        majority=given[usual] / len(questions),
        repeats=sum(one in known for one in _seen(stories)),
    )


class Unseen(NamedTuple):
    """What training has never seen of a split.

    Attributes:
        answers: questions none of whose right answers is one that the network can give.
        questions: questions that hold an unknown word, or come after a fact that does.
        words: the unknown words, the most frequent first.
    """

    answers: int
    questions: int
    words: list[str]


def unseen(stories: Iterable[Story], vocabulary: Vocabulary, by_word: bool = False) -> Unseen:
    """Count what a network trained with a vocabulary cannot know.

    Args:
        stories: of the split.
        vocabulary: of training.
        by_word: the network says answers word by word (``model.answer: gru``): only their words must be known.
    """
    known = {*vocabulary.words}
    strange: Counter[str] = Counter()
    answers = questions = 0
    for story in stories:
        facts = [[word for word in vocabulary.words_of(fact) if word not in known] for fact in story.facts]
        first = next((at for at, words in enumerate(facts) if words), len(facts))
        strange.update(word for words in facts for word in words)
        for question in story.questions:
            asked = [word for word in vocabulary.words_of(question.text) if word not in known]
            strange.update(asked)
            questions += bool(asked) or first < question.facts
            answers += not can_be_given(question.answer, vocabulary, by_word)
    return Unseen(answers, questions, [word for word, _ in strange.most_common()])


def can_be_given(answer: str, vocabulary: Vocabulary, by_word: bool) -> bool:
    """Whether a network can give a right answer; see ``unseen``."""
    return any(
        min(vocabulary.encode_answer_words(one)) >= 0 if by_word else vocabulary.encode_answer(one) >= 0
        for one in vocabulary.right_answers(answer)
    )


SHOWN = 3
"""Examples in a note."""


def notes(stories: Iterable[Story]) -> list[str]:
    """What a reader should know of the words of stories: where words could not be told apart, each as a sentence."""
    texts = list(dict.fromkeys(text.strip() for story in stories for text in _texts(story)))
    read = {text: words(text) for text in texts}
    found = []
    if len(texts) > 1 and all(len(told) == 1 for told in read.values()):
        found.append(f"every sentence is one word, such as {texts[0]!r}: write words with spaces between them")
    letters = [text for text, told in read.items() if sum(map(is_letter, told)) > 1]
    if letters:
        install = (
            f"; {INSTALL} brings the words of Thai" if any(map(has_thai, letters)) and not has_dictionary() else ""
        )
        found.append(
            f"{len(letters)} of {len(texts)} sentences, such as {letters[0]!r}, are of a script without spaces and are "
            f"read letter by letter, from which more stories are needed to learn{install}"
        )
    alike: dict[tuple[str, ...], dict[str, str]] = {}
    for text, told in read.items():
        alike.setdefault(tuple(told), {}).setdefault(_bare(text), text)
    several = [[*spellings.values()][:2] for spellings in alike.values() if len(spellings) > 1]
    if several:
        examples = "; ".join(" and ".join(map(repr, two)) for two in several[:SHOWN])
        found.append(f"{len(several)} sentences are read alike though they are written differently: {examples}")
    return found


def _bare(text: str) -> str:
    """A sentence but for its spaces, the case of its first letter, and what closes it: none of these means anything."""
    text = " ".join(text.split())
    return (text[:1].lower() + text[1:]).rstrip(" .?!。？！।…")


def _texts(story: Story) -> Iterable[str]:
    return (*story.facts, *(question.text for question in story.questions))


def _answer(question: Question) -> tuple[str, ...]:
    return tuple(parts(alternatives(question.answer)[0]))


def _mean(numbers: Iterable[int]) -> float:
    counted = list(numbers)
    return sum(counted) / len(counted)


def _seen(stories: list[Story]) -> Iterable[object]:
    """What a reader sees when each question is asked."""
    for story in stories:
        for question in story.questions:
            yield story.facts[: question.facts], question.text
