"""Words and answers as numbers."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from dmn_cli.data import words as tokens
from dmn_cli.data.stories import Story
from dmn_cli.data.words import DICTIONARY, LETTERS, RULE, alternatives, joined, parts, spelled

UNKNOWN = "<unk>"
END_OF_FACT = "<eof>"
END_OF_ANSWER = "<end>"
COMMA = ","


@dataclass(frozen=True)
class Vocabulary:
    """What training has seen, in alphabetical order after the special words.

    Attributes:
        words: of facts and questions; ``<unk>`` (any other word) is 0, ``<eof>`` (closes a fact) is 1.
        answers: whole answers, the classes of the linear answer module, each in its commonest spelling.
        answer_words: the words of answers in their commonest spelling, and the comma of lists, for the answer decoder;
            ``<end>`` is 0.
        rule: by which text became words: see ``data.words``. By rule 1 answers are in lower case, the decoder's words
            are the parts of lists, and there is no comma.
    """

    words: list[str]
    answers: list[str]
    answer_words: list[str]
    rule: int = LETTERS

    def __post_init__(self) -> None:
        # looked up for every word of every story
        object.__setattr__(self, "_word", {word: number for number, word in enumerate(self.words)})
        object.__setattr__(self, "_answer", {_key(one, self.rule): at for at, one in enumerate(self.answers)})
        object.__setattr__(self, "_answer_word", {word: at for at, word in enumerate(_said(self))})

    def words_of(self, text: str) -> list[str]:
        """The words of a text, by this vocabulary's rule; a text that has none by it, such as ``<=``, is one word."""
        return tokens.words(text, self.rule) or [text.strip()]

    def encode(self, text: list[str]) -> list[int]:
        """Numbers of words; 0 for a word that training has never seen."""
        return [self._word.get(word, 0) for word in text]  # type: ignore[attr-defined]

    def right_answers(self, answer: str) -> list[str]:
        """The answers that are right; all but the first are alternatives to it."""
        return alternatives(answer, self.rule)

    def encode_answer(self, answer: str) -> int:
        """The class of one answer; −1 for one that training has never seen."""
        return self._answer.get(_key(answer, self.rule), -1)  # type: ignore[attr-defined, no-any-return]

    def encode_answer_words(self, answer: str) -> list[int]:
        """The numbers of one answer's words and of the end token; −2 for a word that no training answer has."""
        said = _decoded(answer, self.rule)
        return [*(self._answer_word.get(word, -2) for word in said), 0]  # type: ignore[attr-defined]

    def said(self, numbers: Iterable[int]) -> str:
        """The answer of a decoder's numbers, up to the end token, as text."""
        said = [self.answer_words[number] for number in numbers if number > 0]
        if self.rule == 1:
            return COMMA.join(said)
        text = joined(said)
        known = self.encode_answer(text)
        return self.answers[known] if known >= 0 else text


def _key(answer: str, rule: int) -> str:
    """What two spellings of one answer share."""
    return COMMA.join(parts(answer, rule))


def _decoded(answer: str, rule: int) -> list[str]:
    """The words that the decoder says: of every part of a list, and a comma between two parts."""
    if rule == 1:
        return parts(answer, rule)
    return [word for part in parts(answer, rule) for word in (COMMA, *part.split())][1:]


def _said(vocabulary: Vocabulary) -> list[str]:
    """The words of answers as ``_decoded`` has them."""
    return [word if vocabulary.rule == 1 else tokens.fold(word, vocabulary.rule) for word in vocabulary.answer_words]


def build(stories: Iterable[Story], more_answers: Iterable[str] = (), rule: int = RULE) -> Vocabulary:
    """The vocabulary of the training stories; validation and test stories must stay out of it.

    Args:
        stories: the training stories.
        more_answers: further answers to learn, folded, e.g. those that renaming makes.
        rule: by which text becomes words; rule 4 becomes 3 where no dictionary is used.
    """
    texts: Counter[str] = Counter()
    written: Counter[str] = Counter()
    for story in stories:
        texts.update(story.facts)
        texts.update(question.text for question in story.questions)
        written.update(one for question in story.questions for one in alternatives(question.answer, rule))
    if rule == DICTIONARY and not (tokens.has_dictionary() and any(map(tokens.has_thai, (*texts, *written)))):
        rule = LETTERS
    words = sorted({word for text in texts for word in tokens.words(text, rule)})
    keys = sorted({_key(answer, rule) for answer in (*written, *more_answers)})
    said = {key: _decoded(key, rule) for key in keys}
    spelling = _spellings(texts, written, rule) if rule > 1 else {}
    spell = {word: spelling.get(word, word) for key in keys for word in said[key]}
    answers = {key: joined([spell[word] for word in said[key]]) if rule > 1 else key for key in keys}
    if rule > 1:
        answers |= {_key(answer, rule): answer.strip() for answer, _ in reversed(written.most_common())}
    return Vocabulary(
        [UNKNOWN, END_OF_FACT, *words],
        list(answers.values()),
        [END_OF_ANSWER, *(spell[word] for word in sorted(spell))],
        rule,
    )


def extended(old: Vocabulary, new: Vocabulary) -> Vocabulary:
    """A vocabulary with what it lacks of another at its end; both have one rule."""
    said = {*_said(old)}
    return Vocabulary(
        old.words + [word for word in new.words if word not in {*old.words}],
        old.answers + [answer for answer in new.answers if old.encode_answer(answer) < 0],
        old.answer_words + [word for word, key in zip(new.answer_words, _said(new), strict=True) if key not in said],
        old.rule,
    )


def read_alike(stories: Iterable[Story], rule: int) -> bool:
    """Whether a rule finds the same words in stories as the present one."""
    texts = {text for story in stories for text in (*story.facts, *(question.text for question in story.questions))}
    return all(tokens.words(text, rule) == tokens.words(text) for text in texts)


def _spellings(texts: Counter[str], answers: Counter[str], rule: int) -> dict[str, str]:
    """How each word is written most often in the answers, or where no answer has it, in the texts."""
    found: dict[str, str] = {}
    for counted in (answers, texts):
        spellings: Counter[str] = Counter()
        for text, count in counted.items():
            for word in spelled(text, rule):
                spellings[word] += count
        for word, _ in spellings.most_common():
            found.setdefault(tokens.fold(word, rule), word)
    return found
