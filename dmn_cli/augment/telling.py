"""What stories tell of their words: features that show all that an answer can hang on.

They are order in the sentence, what comes next, what the supporting facts, the question and the answer say together;
for questions without supporting facts, what any fact that shares a word with the question says together with it and
the answer, what a fact that says the answer says besides, and what a fact that shares one with that fact says.

Two sentences share a word where both have a form of it.

A feature is a place (a kind, and numbers) and one to three words, written as one whole number (there are many millions
of them). Renaming words renames them in a feature; the place stays.
"""

import itertools
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence

from dmn_cli.data.stories import Question, Story
from dmn_cli.data.words import every_word, words

Words = Sequence[int]
"""Of a sentence, by number; words that are not looked at have numbers below 0."""

Place = tuple[str | int | bool, ...]


class Telling:
    """Writes down what stories tell.

    Args:
        looked_at: the words that features are of.
        name: of each word with several forms what its forms share.

    Attributes:
        number: of each word that is looked at, from 1.
        size: one more than there are of these: a feature is ((place · size + word) · size + word) · size + word, with
            0 for no word.
        places: the number of each place, by its kind and numbers.
        told: the features, as often as they are told.
        ends: how many were told before each story, and after the last one.
    """

    def __init__(self, looked_at: Sequence[str], name: Mapping[str, str]):
        self.number = {word: at for at, word in enumerate(looked_at, start=1)}
        self.size = len(self.number) + 1
        self.places: dict[Place, int] = {}
        self.told = array("q")
        self.ends = [0]
        self._other: dict[str, int] = {}
        self._name = name
        self._first: dict[int, int] = {}  # of each word that has several forms, which stands for all of them
        self._of_name: dict[str, int] = {}

    def tell(self, story: Story) -> None:
        """Write down what a story tells, as often as it does: of its facts, and of its questions with theirs."""
        facts = [self._numbers(words(fact)) for fact in story.facts]
        latest: dict[int, int] = {}  # the last fact so far that holds a word
        for at, fact in enumerate(facts):
            self._sentence("fact", fact)
            if at:
                self._pairs(("next",), facts[at - 1], fact)
            for word in dict.fromkeys(fact):
                same = self._same(word)
                if latest.get(same, at) != at:
                    self._linked(("again",), facts[latest[same]], fact, same)
                elif same not in latest:
                    self._pairs(("first",), [word], fact)
            latest |= dict.fromkeys(map(self._same, fact), at)
        for question in story.questions:
            self._asked(question, facts)
        self.ends.append(len(self.told))

    def _numbers(self, text: list[str]) -> Words:
        numbers = [self.number.get(word) or self._other.setdefault(word, -1 - len(self._other)) for word in text]
        for word, number in zip(text, numbers, strict=True):
            if word in self._name:
                self._first[number] = self._of_name.setdefault(self._name[word], number)
        return numbers

    def _same(self, word: int) -> int:
        """What all forms of a word share."""
        return self._first.get(word, word)

    def _where(self, word: int, sentence: Words) -> list[int]:
        """Where a form of a word stands in a sentence."""
        same = self._same(word)
        return [at for at, other in enumerate(sentence) if self._same(other) == same]

    def _at(self, place: Place) -> int:
        """The number of a place, to which those of words are added."""
        return self.places.setdefault(place, len(self.places)) * self.size**3

    def _one(self, place: Place, word: int) -> None:
        if word > 0:
            self.told.append(self._at(place) + word * self.size**2)

    def _pairs(self, place: Place, left: Words, right: Words) -> None:
        """Every word on the left with every word on the right."""
        size, base = self.size, self._at(place)
        others = [other for other in dict.fromkeys(right) if other > 0]
        for one in dict.fromkeys(left):
            if one > 0:
                first = base + one * size**2
                self.told.extend([first + other * size for other in others])

    def _sentence(self, kind: str, sentence: Words) -> None:
        """Where words stand in a sentence, which follow each other, and which stand together."""
        for at, word in enumerate(sentence):
            self._one((f"{kind} start", at), word)
            self._one((f"{kind} end", len(sentence) - at), word)
        for one, other in itertools.pairwise(sentence):
            self._pairs((f"{kind} order",), [one], [other])
        self._pairs((kind,), sentence, sentence)

    def _linked(self, place: Place, one: Words, other: Words, word: int) -> None:
        """Two facts that share a word, whichever it is: where it stands in them, and what stands around it."""
        self._pairs((*place, self._where(word, one)[0], self._where(word, other)[0]), one, other)

    def _asked(self, question: Question, facts: list[Words]) -> None:
        text, answer = self._numbers(words(question.text)), self._numbers(every_word(question.answer))
        self._sentence("question", text)
        self._pairs(("asked",), text, answer)
        self._pairs(("answer",), answer, answer)
        for at, word in enumerate(answer):
            self._one(("answered", at, len(answer)), word)
        for word in dict.fromkeys(text):
            if holding := [fact for fact in facts[: question.facts] if self._where(word, fact)]:
                self._pairs(("last asked",), [word], holding[-1])
                self._pairs(("last answered",), holding[-1], answer)
        supporting = question.supporting
        for order, at in enumerate(supporting):
            place = (min(order, 3), min(len(supporting) - order, 3))  # among the supporting facts, from both ends
            fact = facts[at]
            self._pairs(("supporting asked", *place), fact, text)
            self._pairs(("supporting answered", *place), fact, answer)
            self._matches(place, fact, text, answer)
            self._says(place, fact, text, answer)
            if order:
                before = supporting[order - 1]
                self._pairs(("chain", before < at), facts[before], fact)
                for word in sorted({*map(self._same, facts[before])} & {*map(self._same, fact)}):
                    self._linked(("linked", *place), facts[before], fact, word)
        if not supporting:
            for fact in facts[: question.facts]:
                self._matches((0, 0), fact, text, answer)
                self._says((0, 0), fact, text, answer)
            self._hops(facts[: question.facts], text, answer)

    def _matches(self, place: tuple[int, int], fact: Words, text: Words, answer: Words) -> None:
        """A fact that shares a word with the question, whichever it is, and the answer to that."""
        for asked, word in enumerate(text):
            for told in self._where(word, fact):
                for at, part in enumerate(answer):
                    self._match((*place, asked, told, at), fact, text, word, part)

    def _match(self, place: Place, fact: Words, text: Words, word: int, part: int) -> None:
        """What stands in a fact and a question that share a word, by where it stands, with a part of the answer."""
        if part <= 0:
            return
        size = self.size
        _, _, *short = place
        others = [
            (site, other * size + part) for site, other in enumerate(text) if other not in (word, 0) and other > 0
        ]
        for spot, near in enumerate(fact):
            if near > 0:
                self.told.append(self._at(("match", *place, spot)) + near * size**2 + part * size)
                first = near * size**2
                self.told.extend(
                    [self._at((f"match asked {spot} {site}", *short)) + first + rest for site, rest in others]
                )

    def _says(self, place: tuple[int, int], fact: Words, text: Words, answer: Words) -> None:
        """A fact that says a word of the answer, whichever it is, and what is asked."""
        for at, part in enumerate(answer):
            if told := self._where(part, fact):
                self._pairs(("says", *place, at, told[0]), fact, text)

    def _hops(self, told: list[Words], text: Words, answer: Words) -> None:
        """A fact that shares a word with the last one which shares a word with the question; and the answer.

        A word of most facts links nothing.
        """
        facts = [[*map(self._same, fact)] for fact in told]
        held = Counter(word for fact in facts for word in dict.fromkeys(fact))
        linking = {word for word, count in held.items() if count <= len(facts) / 2}
        for asked, word in enumerate(map(self._same, text)):
            if word not in linking:
                continue
            last = max(at for at, fact in enumerate(facts) if word in fact)
            for spot, link in enumerate(facts[last]):
                if link not in linking or link == word:
                    continue
                for at, fact in enumerate(facts):
                    if at != last and link in fact:
                        self._pairs(("hop", asked, spot, fact.index(link)), told[at], answer)
