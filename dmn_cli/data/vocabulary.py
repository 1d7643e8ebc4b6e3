"""Words and answers as numbers."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from dmn_cli.data.stories import Story, answer_words, words

UNKNOWN = "<unk>"
END_OF_FACT = "<eof>"
END_OF_ANSWER = "<end>"


@dataclass(frozen=True)
class Vocabulary:
    """What training has seen, in alphabetical order after the special words.

    Attributes:
        words: of facts and questions; ``<unk>`` (any other word) is 0, ``<eof>`` (closes a fact) is 1.
        answers: whole answers, the classes of the linear answer module, as written.
        answer_words: the words of answers, those of the answer decoder; ``<end>`` is 0.
    """

    words: list[str]
    answers: list[str]
    answer_words: list[str]

    def __post_init__(self) -> None:
        # looked up for every word of every story
        object.__setattr__(self, "_word", {word: number for number, word in enumerate(self.words)})
        object.__setattr__(self, "_answer", {answer: number for number, answer in enumerate(self.answers)})
        object.__setattr__(self, "_answer_word", {word: number for number, word in enumerate(self.answer_words)})

    def encode(self, text: list[str]) -> list[int]:
        """Numbers of words; 0 for a word that training has never seen."""
        return [self._word.get(word, 0) for word in text]  # type: ignore[attr-defined]

    def encode_answer(self, answer: str) -> int:
        """The class of an answer; −1 for one that training has never seen."""
        return self._answer.get(",".join(answer_words(answer)), -1)  # type: ignore[attr-defined, no-any-return]

    def encode_answer_words(self, answer: str) -> list[int]:
        """The numbers of an answer's words and of the end token; −2 for a word that no training answer has."""
        numbers = [self._answer_word.get(word, -2) for word in answer_words(answer)]  # type: ignore[attr-defined]
        return [*numbers, 0]


def build(stories: Iterable[Story], more_answers: Iterable[str] = ()) -> Vocabulary:
    """The vocabulary of the training stories; validation and test stories must stay out of it.

    Args:
        stories: the training stories.
        more_answers: further answers to learn, e.g. those that renaming makes.
    """
    seen: set[str] = set()
    answers: set[str] = set()
    parts: set[str] = set()
    for text, answer in itertools.chain(_texts(stories), (("", answer) for answer in more_answers)):
        seen.update(words(text))
        if answer:
            answers.add(",".join(answer_words(answer)))
            parts.update(answer_words(answer))
    return Vocabulary([UNKNOWN, END_OF_FACT, *sorted(seen)], sorted(answers), [END_OF_ANSWER, *sorted(parts)])


def _texts(stories: Iterable[Story]) -> Iterable[tuple[str, str]]:
    for story in stories:
        for fact in story.facts:
            yield fact, ""
        for question in story.questions:
            yield question.text, question.answer
