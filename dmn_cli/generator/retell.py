"""Stories of the twenty tasks retold in the grammar of another language, and told back in English.

Every sentence is read as a form and the words in its places, and said again by the same form of the other grammar.
Facts, questions and supporting facts stay where they are. The words are invented, and the same on every machine: *red*
has always the same stem in one grammar. Different sentences stay different, so that what was retold can be told back.
"""

import random
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache

from dmn_cli.babi.tasks import TASKS
from dmn_cli.data.stories import Story
from dmn_cli.data.words import alternatives, parts
from dmn_cli.errors import DmnError
from dmn_cli.generator.grammars import ENGLISH, GRAMMARS, Grammar
from dmn_cli.generator.solve import COUNTS, STEPS, TIMES
from dmn_cli.generator.words import Changes, words_for
from dmn_cli.generator.world import THEN

_PLACE = re.compile(r"{([a-z]+)(2?)(?:=(\w+))?(?::([\w-]+))?}")  # in a template: sort, whether second, fixed word, case
_SUBJECTS = ("who", "pronoun", "node", "size", "kind", "thing")
_VERBS = ("moves", "gets", "drops", "gives", "verb")
_ANSWERS = ("who", "place", "thing", "kind", "quality", "answer")
_FIXED = ("time", "then", "pronoun", "no", "answer")
_ADJECTIVES = ("red", "pink", "blue", "yellow", "bigger")
_LETTERS = {"n": "north of", "s": "south of", "e": "east of", "w": "west of"}
_CONSONANTS = "bdfghjklmnprstvz"
_UNSAID = ("of", "the", "to", "this")


class Cast:
    """The words of English by the sort of place that they stand in, in lower case.

    Attributes:
        sorts: the words of each sort; ``answer``: those that stand in answers alone.
        pronoun: of people.
        plural: of species.
    """

    def __init__(self, changes: Changes | None):
        casts = [words_for(task, changes) for task in TASKS]
        self.pronoun = {who.lower(): pronoun for cast in casts for who, pronoun in cast.people.items()}
        self.plural = {one.lower(): many.lower() for cast in casts for one, many in cast.species.items()}

        def every(*groups: Iterable[str]) -> tuple[str, ...]:
            return tuple(dict.fromkeys(word.lower() for group in groups for word in group))

        first = casts[0]
        places = every(*(cast.places for cast in casts), [place for place, _ in first.motives.values()])
        self.sorts: dict[str, tuple[str, ...]] = {
            "who": every(self.pronoun, *(cast.names for cast in casts)),
            "place": places,
            "thing": every(first.objects, [thing for _, thing in first.motives.values()]),
            "node": every(places, first.shapes),
            "size": every(*first.sizes),
            "kind": every(first.species, first.animals),
            "quality": every(first.colours, first.motives),
            "moves": every(first.moves),
            "gets": every(first.gets),
            "drops": every(first.drops),
            "gives": every(first.gives),
            "time": TIMES,
            "then": every(THEN),
            "pronoun": ("he", "she", "they"),
            "no": ("no longer", "not"),
            "side": tuple(STEPS),
            "verb": (),
            "answer": ("yes", "no", "maybe", "nothing", *COUNTS, *_LETTERS),
        }


class Tongue:
    """A grammar with its words: sentences are read and said.

    Args:
        forms: the template of each form.
        both: between two people.
        genders: of nouns; the first is that of *he*, the last that of *she*.
        inflect: a word as said, from its sort, the word in English, its case, and the subject's gender to agree with.
        cast: the words.
    """

    def __init__(
        self,
        forms: Mapping[str, str],
        both: str,
        genders: str,
        inflect: Callable[[str, str, str, str], str],
        cast: Cast,
    ):
        self.forms, self.both, self.genders, self.inflect, self.cast = forms, f" {both} ", genders, inflect, cast
        self.meant = cache(self._meant)
        self.patterns = {form: re.compile(_PLACE.sub(self._any, template)) for form, template in forms.items()}
        self.cited = {word: inflect(sort, word, "", genders[0]) for sort in _ANSWERS for word in cast.sorts[sort]}
        self.answers = {said.lower(): word for word, said in self.cited.items()}
        if len(self.answers) < len(self.cited):
            raise DmnError("two words would be told as the same answer")

    def _meant(self, sort: str, case: str) -> dict[str, str]:
        """Of all that words of a sort are said as in a case, which word it is.

        Raises:
            DmnError: two words are said alike.
        """
        found: dict[str, str] = {}
        for word in self.cast.sorts[sort]:
            for gender in (*self.genders, "p"):
                said = self.inflect(sort, word, case, gender).lower()
                if found.setdefault(said, word) != word:
                    raise DmnError(f"{word!r} and {found[said]!r} would both be told as {said!r}")
        return found

    def _any(self, place: re.Match[str]) -> str:
        """A pattern for all that can stand in a place of a template."""
        sort, second, fixed, case = place.groups()
        if fixed:
            return _any(self.inflect(sort, fixed, case or "", gender).lower() for gender in (*self.genders, "p"))
        one = _any(self.meant(sort, case or ""))
        return f"(?P<{sort}{second}>{one}(?:{self.both}{one})?)" if sort == "who" else f"(?P<{sort}{second}>{one})"

    def read(self, text: str) -> tuple[str, dict[str, str]]:
        """The form of a sentence, and the word in each place.

        Raises:
            DmnError: it has no form.
        """
        plain = " ".join(text.lower().strip(" .?").split())
        for form, pattern in self.patterns.items():
            if match := pattern.fullmatch(plain):
                words = {}
                for sort, second, fixed, case in _PLACE.findall(self.forms[form]):
                    if not fixed:
                        said = match[sort + second].split(self.both)
                        words[sort + second] = " and ".join(self.meant(sort, case)[one] for one in said)
                return form, words
        raise DmnError(f"cannot read {text!r}: no sentence of the twenty tasks")

    def say(self, form: str, words: Mapping[str, str], gender: str) -> str:
        """The sentence of a form with a word in each place; ``gender`` is the subject's."""

        def word(place: re.Match[str]) -> str:
            sort, second, fixed, case = place.groups()
            several = [fixed] if fixed else words[sort + second].split(" and ")
            return self.both.join(self.inflect(sort, one, case or "", gender) for one in several)

        text = _PLACE.sub(word, self.forms[form])
        return text[0].upper() + text[1:] + ("?" if form.startswith("?") else ".")


def _any(options: Iterable[str]) -> str:
    return f"(?:{'|'.join(re.escape(option) for option in sorted(set(options), key=len, reverse=True))})"


def _in_english(cast: Cast) -> Callable[[str, str, str, str], str]:
    def inflect(sort: str, word: str, case: str, gender: str) -> str:
        if case == "plural":
            return cast.plural.get(word, word)
        if case == "a":
            return f"an {word}" if word[0] in "aeiou" else f"a {word}"
        return word.title() if sort == "who" else word

    return inflect


class _Lexicon:
    """The invented words of a grammar, inflected."""

    def __init__(self, name: str, grammar: Grammar, cast: Cast):
        self.name, self.grammar, self.cast = name, grammar, cast
        self.stems: dict[str, str] = {}
        for word in dict.fromkeys(word for some in cast.sorts.values() for word in some):
            for part in self._parts(word):
                self._stem(part)

    def _parts(self, word: str) -> list[str]:
        """The words of a name in their order, the one that is inflected last: *went back* → back, went."""
        head, _, rest = word.partition(" of ")
        told = self.grammar.told_as.get(word) or f"{rest} {head}"
        said = [part for part in told.split() if part not in _UNSAID]
        return said[::-1] if any(word in self.cast.sorts[sort] for sort in _VERBS) else said

    def _stem(self, part: str) -> str:
        """An invented stem; none begins with another."""
        draw = random.Random(f"{self.name} {part}")

        def pick(items: tuple[str, ...] | str) -> str:
            return items[int(draw.random() * len(items))]

        firsts = {self.stems[side][0] for side in ("north", "south", "east", "west") if side in self.stems}
        while part not in self.stems:
            vowels, shape = pick(self.grammar.vowels), pick(self.grammar.shapes)
            stem = "".join(pick(vowels) if letter == "V" else pick(_CONSONANTS) for letter in shape)
            compass = part in ("north", "south", "east", "west") and stem[0] in firsts
            if not compass and not any(stem.startswith(one) or one.startswith(stem) for one in self.stems.values()):
                self.stems[part] = stem
        return self.stems[part]

    def gender(self, word: str) -> str:
        """Of a noun, or of who a pronoun stands for; of two people, the plural."""
        if word == "they" or " and " in word:
            return "p"
        genders = self.grammar.genders
        if word in self.cast.sorts["who"]:
            genders = genders[0] + genders[-1]
        chance = {"he": 0.0, "she": 0.99}.get(self.cast.pronoun.get(word, word))
        return genders[int((random.Random(f"gender {word}").random() if chance is None else chance) * len(genders))]

    def inflect(self, sort: str, word: str, case: str, gender: str) -> str:
        """A word as said; ``gender`` is that of the subject, with which verbs and qualities agree."""
        if sort == "answer" and word in _LETTERS:
            return self._stem(_LETTERS[word].split()[0])[0]
        plural = case.startswith("plural")
        case = case.removeprefix("plural").removeprefix("-")
        ending, around = self.grammar.cases[case] if case else ("", "{}")
        *before, head = self._parts(word)
        if sort in _FIXED:
            said = [self._stem(part) for part in (*before, head)]
        elif sort in (*_VERBS, "quality", "adj"):
            kind = "verb" if sort in _VERBS else "adj"
            said = [*map(self._stem, before), self._with(kind, gender, ending, head)]
        else:
            own = "p" if plural else self.gender(word)
            said = [self._before(part, own, ending) for part in before] + [self._with("noun", own, ending, head)]
        name = " ".join(said)
        return around.format(name.title() if sort == "who" else name)

    def _before(self, part: str, gender: str, ending: str) -> str:
        """A word before a noun: an adjective agrees with it, another noun stays as it is."""
        if part in _ADJECTIVES:
            return self._with("adj", gender, ending, part)
        return self._with("noun", self.grammar.genders[0], "", part)

    def _with(self, kind: str, gender: str, ending: str, part: str) -> str:
        """A stem with its ending; of a gender without endings the first one's."""
        by_gender = self.grammar.endings[kind]
        endings = by_gender.get(gender) or next(iter(by_gender.values()))
        said = self._stem(part)
        for letter in endings.get(ending, endings[""]):
            last = next((one for one in reversed(said) if one in "aeiouöü"), "a")
            said += {"A": "ae", "I": "ui"}[letter][last in "eiöü"] if letter in "AI" else letter
        return said


class Retelling:
    """Stories from English into a grammar, and back.

    Args:
        grammar: of ``GRAMMARS``.
        changes: other words, as ``words.read_words`` returns them.

    Raises:
        DmnError: there is no such grammar.
    """

    def __init__(self, grammar: str, changes: Changes | None = None):
        if grammar not in GRAMMARS:
            raise DmnError(f"--grammar {grammar}: there is no such grammar", f"there are {', '.join(GRAMMARS)}")
        cast, kind = Cast(changes), GRAMMARS[grammar]
        self.lexicon = _Lexicon(grammar, kind, cast)
        self.english = Tongue(ENGLISH, "and", "m", _in_english(cast), cast)
        self.foreign = Tongue(kind.forms, kind.both, kind.genders, self.lexicon.inflect, cast)
        self.sentence = cache(lambda text: self._from(text, self.english, self.foreign))
        self.sentence_back = cache(lambda text: self._from(text, self.foreign, self.english))

    def _from(self, text: str, one: Tongue, other: Tongue) -> str:
        form, words = one.read(text)
        subject = next((words[place] for place in _SUBJECTS if place in words), "")
        return other.say(form, words, "p" if ":plural" in ENGLISH[form] else self.lexicon.gender(subject))

    def retold(self, story: Story) -> Story:
        """A story of English in the grammar.

        Raises:
            DmnError: a sentence is none of the twenty tasks, or holds a word that is not known.
        """
        return _map(story, self.sentence, lambda part: _known(part, self.english.answers, self.foreign.cited))

    def back(self, story: Story) -> Story:
        """A story of the grammar in English; the same errors."""
        return _map(story, self.sentence_back, lambda part: _known(part, self.foreign.answers, self.english.cited))


def _known(part: str, meant: Mapping[str, str], said: Mapping[str, str]) -> str:
    if part not in meant:
        raise DmnError(f"cannot read the answer {part!r}: no answer of the twenty tasks")
    return said[meant[part]]


def _map(story: Story, sentence: Callable[[str], str], answer: Callable[[str], str]) -> Story:
    """A story with every sentence, and every part of an answer, changed."""
    questions = tuple(
        replace(
            question,
            text=sentence(question.text),
            answer="|".join(",".join(map(answer, parts(one))) for one in alternatives(question.answer)),
        )
        for question in story.questions
    )
    return Story(tuple(map(sentence, story.facts)), questions)
