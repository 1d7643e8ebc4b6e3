"""The sentences of the twenty tasks in English, and three grammars of other kinds in which they are retold.

A grammar is data. A sentence has a form, and a form has a template in every grammar. ``{place:to}`` stands for a place
in the case ``to``, ``{verb=gave}`` for a verb that English has as *gave* and that agrees with the subject. Where a form
has two of a sort, the second is ``place2``. What is between the braces is inflected, all else is a word of the grammar.
"""

from collections.abc import Mapping
from typing import NamedTuple

ENGLISH = {
    "timed": "{time} {who} {moves} to the {place}",
    "dated": "{who} {moves} to the {place} {time}",
    "referring": "{then} {pronoun} {moves} to the {place}",
    "move": "{who} {moves} to the {place}",
    "give": "{who} {gives} the {thing} to {who2}",
    "get": "{who} {gets} the {thing}",
    "get there": "{who} {gets} the {thing} there",
    "drop": "{who} {drops} the {thing}",
    "drop there": "{who} {drops} the {thing} there",
    "either": "{who} is either in the {place} or the {place2}",
    "out": "{who} is {no} in the {place}",
    "in": "{who} is in the {place}",
    "beside": "the {node} is {side} the {node2}",
    "larger": "the {size} is bigger than the {size2}",
    "smaller": "the {size} fits inside the {size2}",
    "fear": "{kind:plural} are afraid of {kind2:plural}",
    "kind": "{who} is {kind:a}",
    "like": "{who} is {quality}",
    "?place": "where is {who}",
    "?place of": "where is the {thing}",
    "?place before": "where was {who} before the {place}",
    "?place of before": "where was the {thing} before the {place}",
    "?in": "is {who} in the {place}",
    "?beside": "what is {side} the {node}",
    "?beside what": "what is the {node} {side}",
    "?given": "what did {who} give to {who2}",
    "?giver to": "who gave the {thing} to {who2}",
    "?giver": "who gave the {thing}",
    "?receiver": "who received the {thing}",
    "?given to": "who did {who} give the {thing} to",
    "?count": "how many objects is {who} carrying",
    "?carried": "what is {who} carrying",
    "?fear": "what is {who} afraid of",
    "?colour": "what color is {who}",
    "?larger": "is the {size} bigger than the {size2}",
    "?smaller": "does the {size} fit in the {size2}",
    "?side": "is the {node} {side} the {node2}",
    "?way": "how do you go from the {place} to the {place2}",
    "?goal": "where will {who} go",
    "?why go": "why did {who} go to the {place}",
    "?why get": "why did {who} get the {thing}",
}
"""Of each form of sentence the template in English; questions begin with ``?``."""


class Grammar(NamedTuple):
    """How sentences are told.

    Attributes:
        about: in a line.
        forms: the template of each form of ``ENGLISH``.
        genders: of nouns; people have the first for *he*, the last for *she*.
        cases: of each case the endings that it takes, and a pattern with the postposition or preposition.
        endings: of ``noun``, ``adj`` and ``verb``, by gender (``p``: plural) and kind of ending; a verb has one. In an
            ending ``A`` is *a* or *e*, and ``I`` *u* or *i*, after the last vowel (vowel harmony).
        both: between two people.
        vowels: of stems, in sets: a stem has those of one.
        shapes: of stems: C is a consonant, V a vowel.
        told_as: words of English that are told as others, so that names have two words.
    """

    about: str
    forms: Mapping[str, str]
    genders: str
    cases: Mapping[str, tuple[str, str]]
    endings: Mapping[str, Mapping[str, Mapping[str, str]]]
    both: str
    vowels: tuple[str, ...]
    shapes: tuple[str, ...]
    told_as: Mapping[str, str] = {}


VERB_FINAL = Grammar(
    about="verbs at the end that agree in gender, postpositions after oblique forms, some names of two words",
    forms={
        "timed": "{time} {who} {place:to} {moves}",
        "dated": "{who} {time} {place:to} {moves}",
        "referring": "{then} {pronoun} {place:to} {moves}",
        "move": "{who} {place:to} {moves}",
        "give": "{who:by} {who2:for} {thing} {gives}",
        "get": "{who:by} {thing} {gets}",
        "get there": "{who:by} vahi {thing} {gets}",
        "drop": "{who:by} {thing} {drops}",
        "drop there": "{who:by} vahi {thing} {drops}",
        "either": "{who} ya {place:in} ya {place2:in} he",
        "out": "{who} {place:in} {no} he",
        "in": "{who} {place:in} he",
        "beside": "{node} {node2:of} {side} he",
        "larger": "{size} {size2:from} {adj=bigger} he",
        "smaller": "{size} {size2:of} andu {verb=fits} he",
        "fear": "{kind:plural} {kind2:plural-from} {verb=fears} he",
        "kind": "{who} ek {kind} he",
        "like": "{who} {quality} he",
        "?place": "{who} kem he",
        "?place of": "{thing} kem he",
        "?place before": "{who} {place:of} pahu kem {verb=was}",
        "?place of before": "{thing} {place:of} pahu kem {verb=was}",
        "?in": "kya {who} {place:in} he",
        "?beside": "{node:of} {side} ki he",
        "?beside what": "{node} kis ra {side} he",
        "?given": "{who:by} {who2:for} ki {verb=gave}",
        "?giver to": "{who2:for} {thing} kun na {verb=gave}",
        "?giver": "{thing} kun na {verb=gave}",
        "?receiver": "{thing} kun na {verb=received}",
        "?given to": "{who:by} {thing} kun ku {verb=gave}",
        "?count": "{who} kitu chiz {verb=carries} he",
        "?carried": "{who} ki {verb=carries} he",
        "?fear": "{who} kis to {verb=fears} he",
        "?colour": "{who} kis rang ra he",
        "?larger": "kya {size} {size2:from} {adj=bigger} he",
        "?smaller": "kya {size} {size2:of} andu {verb=fits} he",
        "?side": "kya {node} {node2:of} {side} he",
        "?way": "{place:from} {place2:to} kese jana he",
        "?goal": "{who} kem {verb=goes}",
        "?why go": "{who} {place:to} kyu {verb=goes}",
        "?why get": "{who:by} {thing} kyu {verb=gets}",
    },
    genders="mf",
    cases={
        "to": ("oblique", "{} so"),
        "in": ("oblique", "{} mo"),
        "by": ("oblique", "{} na"),
        "for": ("oblique", "{} ku"),
        "of": ("oblique", "{} ra"),
        "from": ("oblique", "{} to"),
    },
    endings={
        "noun": {"m": {"": "a", "oblique": "e"}, "f": {"": "i"}, "p": {"": "e", "oblique": "on"}},
        "adj": {"m": {"": "a", "oblique": "e"}, "f": {"": "i"}, "p": {"": "e"}},
        "verb": {"m": {"": "a"}, "f": {"": "i"}, "p": {"": "e"}},
    },
    both="or",
    vowels=("aiuo",),
    shapes=("CVC", "CVCVC", "CVCCVC"),
    told_as={
        "bathroom": "bath room",
        "bedroom": "bed room",
        "kitchen": "cook room",
        "cinema": "film house",
        "school": "school house",
        "football": "foot ball",
        "mary": "mary lady",
        "sandra": "sandra lady",
        "john": "john lord",
        "fred": "fred lord",
        "sumit": "sumit lord",
        "winona": "winona lady",
        "greg": "greg lord",
        "triangle": "three corner",
    },
)

INFLECTED = Grammar(
    about="nouns in cases, verbs and adjectives that agree in gender, so that one name has several forms",
    forms={
        "timed": "{time} {who} {moves} {place:to}",
        "dated": "{who} {moves} {place:to} {time}",
        "referring": "{then} {pronoun} {moves} {place:to}",
        "move": "{who} {moves} {place:to}",
        "give": "{who} {gives} {who2:for} {thing:object}",
        "get": "{who} {gets} {thing:object}",
        "get there": "{who} {gets} tam {thing:object}",
        "drop": "{who} {drops} {thing:object}",
        "drop there": "{who} {drops} tam {thing:object}",
        "either": "{who} libo {place:in} libo {place2:in}",
        "out": "{who} {no} {place:in}",
        "in": "{who} {place:in}",
        "beside": "{node} {side} {node2:of}",
        "larger": "{size} {adj=bigger} {size2:of}",
        "smaller": "{size} {verb=fits} {size2:to}",
        "fear": "{kind:plural} {verb=fears} {kind2:plural-of}",
        "kind": "{who} eto {kind}",
        "like": "{who} {quality}",
        "?place": "gde {who}",
        "?place of": "gde {thing}",
        "?place before": "gde {verb=was} {who} do {place:of}",
        "?place of before": "gde {verb=was} {thing} do {place:of}",
        "?in": "li {who} {place:in}",
        "?beside": "cho {side} {node:of}",
        "?beside what": "{side} chego {node}",
        "?given": "cho {verb=gave} {who} {who2:for}",
        "?giver to": "koi {verb=gave} {thing:object} {who2:for}",
        "?giver": "koi {verb=gave} {thing:object}",
        "?receiver": "koi {verb=received} {thing:object}",
        "?given to": "komu {verb=gave} {who} {thing:object}",
        "?count": "skol vesh {verb=carries} {who}",
        "?carried": "cho {verb=carries} {who}",
        "?fear": "chego {verb=fears} {who}",
        "?colour": "kakoi tsvet {who:of}",
        "?larger": "li {size} {adj=bigger} {size2:of}",
        "?smaller": "li {size} {verb=fits} {size2:to}",
        "?side": "li {node} {side} {node2:of}",
        "?way": "kak idti ot {place:of} {place2:to}",
        "?goal": "kuda {verb=goes} {who}",
        "?why go": "zach {who} {verb=went} {place:to}",
        "?why get": "zach {who} {verb=got} {thing:object}",
    },
    genders="mnf",
    cases={
        "to": ("accusative", "ve {}"),
        "in": ("locative", "ve {}"),
        "object": ("accusative", "{}"),
        "for": ("dative", "{}"),
        "of": ("genitive", "{}"),
    },
    endings={
        "noun": {
            "m": {"": "", "accusative": "a", "locative": "e", "dative": "u", "genitive": "a"},
            "n": {"": "o", "accusative": "o", "locative": "e", "dative": "u", "genitive": "a"},
            "f": {"": "a", "accusative": "u", "locative": "e", "dative": "i", "genitive": "y"},
            "p": {"": "y", "accusative": "y", "locative": "ah", "dative": "am", "genitive": "ov"},
        },
        "adj": {
            "m": {"": "oi", "accusative": "ogo", "locative": "om", "dative": "omu", "genitive": "ogo"},
            "n": {"": "oye", "accusative": "oye", "locative": "om", "dative": "omu", "genitive": "ogo"},
            "f": {"": "aya", "accusative": "uyu", "locative": "ei", "dative": "ei", "genitive": "ei"},
            "p": {"": "iye", "genitive": "ih"},
        },
        "verb": {"m": {"": "l"}, "n": {"": "lo"}, "f": {"": "la"}, "p": {"": "li"}},
    },
    both="i",
    vowels=("aeiou",),
    shapes=("CVC", "CVCVC", "CVCCVC"),
)

AGGLUTINATING = Grammar(
    about="what English says by prepositions are endings with vowel harmony, so that each has two forms",
    forms={
        "timed": "{time} {who} {place:to} {moves}",
        "dated": "{who} {place:to} {time} {moves}",
        "referring": "{then} {pronoun} {place:to} {moves}",
        "move": "{who} {place:to} {moves}",
        "give": "{who} {thing:object} {who2:to} {gives}",
        "get": "{who} {thing:object} {gets}",
        "get there": "{who} {thing:object} orda {gets}",
        "drop": "{who} {thing:object} {drops}",
        "drop there": "{who} {thing:object} orda {drops}",
        "either": "{who} ya {place:in} ya {place2:in}",
        "out": "{who} {place:in} {no}",
        "in": "{who} {place:in}",
        "beside": "{node} {node2:of} {side:in}",
        "larger": "{size} {size2:from} {adj=bigger}",
        "smaller": "{size} {size2:to} {verb=fits}",
        "fear": "{kind:plural} {kind2:plural-from} {verb=fears}",
        "kind": "{who} bir {kind}",
        "like": "{who} {quality}",
        "?place": "{who} nered",
        "?place of": "{thing} nered",
        "?place before": "{who} {place:from} onju nered {verb=was}",
        "?place of before": "{thing} {place:from} onju nered {verb=was}",
        "?in": "{who} {place:in} mi",
        "?beside": "{node:of} {side:in} ne",
        "?beside what": "{node} nein {side:in}",
        "?given": "{who} {who2:to} ne {verb=gave}",
        "?giver to": "{thing:object} {who2:to} kim {verb=gave}",
        "?giver": "{thing:object} kim {verb=gave}",
        "?receiver": "{thing:object} kim {verb=received}",
        "?given to": "{who} {thing:object} kime {verb=gave}",
        "?count": "{who} kach shei {verb=carries}",
        "?carried": "{who} ne {verb=carries}",
        "?fear": "{who} neden {verb=fears}",
        "?colour": "{who:of} renk ne",
        "?larger": "{size} {size2:from} {adj=bigger} mi",
        "?smaller": "{size} {size2:to} {verb=fits} mi",
        "?side": "{node} {node2:of} {side:in} mi",
        "?way": "{place:from} {place2:to} nasil gid",
        "?goal": "{who} nerya {verb=goes}",
        "?why go": "{who} {place:to} nicin {verb=went}",
        "?why get": "{who} {thing:object} nicin {verb=got}",
    },
    genders="c",
    cases={
        "to": ("dative", "{}"),
        "in": ("locative", "{}"),
        "object": ("accusative", "{}"),
        "of": ("genitive", "{}"),
        "from": ("ablative", "{}"),
    },
    endings={
        "noun": {
            "c": {"": "", "dative": "A", "locative": "dA", "accusative": "I", "genitive": "In", "ablative": "dAn"},
            "p": {
                "": "lAr",
                "dative": "lArA",
                "locative": "lArdA",
                "accusative": "lArI",
                "genitive": "lArIn",
                "ablative": "lArdAn",
            },
        },
        "adj": {"c": {"": ""}},
        "verb": {"c": {"": "tI"}, "p": {"": "tIlAr"}},
    },
    both="ve",
    vowels=("aou", "eiöü"),
    shapes=("CVC", "CVCVC", "CVCCVC"),
)

GRAMMARS = {"verb-final": VERB_FINAL, "inflected": INFLECTED, "agglutinating": AGGLUTINATING}
