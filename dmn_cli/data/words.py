r"""From text to words: which signs count, and which spellings are one word.

Rule 2, the present one, cuts text at Unicode's default word boundaries (UAX #29, by the library ``regex``). It takes
two spellings for one word only where ``FOLDED`` says so. In scripts written without spaces (Chinese, Japanese, Thai,
Lao, Khmer, Burmese) only a dictionary finds words: there every letter with its marks is one.

Rule 1 is that of checkpoints written before there was a choice: runs of ``\w``, so that vowel signs and ``+`` are lost.
On bAbI's files both give the same words.
"""

import re
import unicodedata

import regex

RULE = 2
"""The rule of new vocabularies."""

FOLDED = {
    "case": "`Kitchen` is `kitchen` (lower case, not case folding: `Maße` is not `Masse`)",
    "Unicode's form": "`é` in one or two characters is one letter (NFC; not NFKC, by which `m²` would be `m2`)",
    "apostrophes": "’ ‘ ʼ ´ ` between letters are ': `O’Neil` is `O'Neil`",
    "hyphens": "‐ ‑ and − are -: `Mary‐Ann` is `Mary-Ann`, `−5` is `-5`",
    "punctuation": ". , ; : ! ? ¿ ¡ … and other scripts' like them count inside a word alone (`3.5`, `e.g.`, `.5`)",
    "quotation marks": "are left out",
    "invisible signs": "soft hyphens, direction marks, variation selectors, Arabic's stretching sign are left out",
}
"""All that is folded. Every other sign is kept: at a word, as in `C++`, `#1`, `50%`, `-5`, or by itself: `a < b`."""

_SAME = {
    **dict.fromkeys("’‘ʼ´`＇", "'"),
    **dict.fromkeys("‐‑−", "-"),
    "\u200b": " ",  # zero width space: stands between words
    **dict.fromkeys("\u00ad\u061c\u0640\u200e\u200f\u2060\ufeff\ufe0e\ufe0f", ""),
    **{chr(code): "" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))},
}
_TABLE = str.maketrans(_SAME)

_LETTER = r"\w\p{M}\p{N}"
_DROPPED = r"\p{Terminal_Punctuation}\p{Quotation_Mark}¿¡…‥\p{Cc}\p{Cf}"
_PICTURE = r"\p{Extended_Pictographic}\p{Regional_Indicator}"
_WORD = regex.compile(
    rf"""
    (?: (?<! [^\s\p{{Ps}}] ) [-+\#@&~*^\p{{Sc}}]* \.? )?  # signs before a word: -5, #1, .5
    [{_LETTER}] .*? \b (?: - [{_LETTER}] .*? \b )*        # Unicode's words, with hyphens between them
    (?: [-+\#*%‰°′″\p{{Sc}}\p{{No}}]+ (?= [\s{_DROPPED}\p{{Pe}}] | \Z ) )?  # signs after a word: C++, 50%, m²
    | (?= [{_PICTURE}] ) \X                               # an emoji
    | [\p{{Ps}}\p{{Pe}}]
    | [^\s{_LETTER}{_DROPPED}{_PICTURE}\p{{Ps}}\p{{Pe}}]+ # signs by themselves: <=
    """,
    regex.VERBOSE | regex.WORD | regex.DOTALL | regex.VERSION1,
)
_PLAIN = re.compile(r" *(?:[A-Za-z0-9]+[.,?!]?(?: +|\Z))*", re.ASCII)
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]", regex.VERSION1)


def spelled(text: str) -> list[str]:
    """The words of a text as written, by rule 2: ``"Where is Mary?"`` → Where, is, Mary."""
    if _PLAIN.fullmatch(text):  # nearly all text in English, ten times as fast
        return re.findall("[A-Za-z0-9]+", text)
    return _WORD.findall(unicodedata.normalize("NFC", text).translate(_TABLE))


def words(text: str, rule: int = RULE) -> list[str]:
    """The words of a text, folded: ``"Where is Mary?"`` → where, is, mary."""
    if rule == 1:
        return re.findall(r"\w+(?:['’-]\w+)*", text.lower())
    if _PLAIN.fullmatch(text):
        return re.findall("[a-z0-9]+", text.lower())
    return [fold(word) for word in spelled(text)]


def fold(word: str) -> str:
    """A word as written in the form in which words are compared."""
    return unicodedata.normalize("NFC", word.lower())


def alternatives(answer: str, rule: int = RULE) -> list[str]:
    """The answers that are right: ``"bakery|the bakery"`` → bakery, the bakery. Without ``|`` there is one."""
    several = [part.strip() for part in answer.split("|") if part.strip()] if rule > 1 else []
    return several or [answer]


def parts(answer: str, rule: int = RULE) -> list[str]:
    """The parts of a list or path, which are joined by commas, folded: ``"Red  box, mat."`` → red box, mat.

    A part that is nothing but punctuation stays as it is.
    """
    found = answer.split(",")
    if rule == 1:
        return [part for text in found if (part := " ".join(text.lower().split()))]
    return [part for text in found if (part := " ".join(words(text) or text.split()))]


def every_word(answer: str) -> list[str]:
    """All words of an answer and its alternatives: ``"red square,mat"`` → red, square, mat."""
    return [word for one in alternatives(answer) for part in parts(one) for word in part.split()]


def unspaced(word: str) -> bool:
    """Whether a word is of a script that is written without spaces."""
    return _UNSPACED.match(word) is not None


def joined(said: list[str]) -> str:
    """Words as text, a comma after the word before it: red, box, ",", mat → ``"red box,mat"``."""
    text = ""
    for word in said:
        tight = not text or "," in (word, text[-1]) or (unspaced(word) and unspaced(text[-1]))
        text += word if tight else f" {word}"
    return text
