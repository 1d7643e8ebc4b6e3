r"""From text to words: which signs count, and which spellings are one word.

Text is cut at Unicode's default word boundaries (UAX #29, by the library ``regex``). Two spellings are one word only
where ``FOLDED`` says so. In scripts written without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) only a
dictionary finds words: there every letter with its marks is one. For Thai, PyThaiNLP has the dictionary.

A vocabulary keeps the rule that it was made by:

1. runs of ``\w``, so that vowel signs and ``+`` are lost;
2. as rule 3, but punctuation is lost in signs (``!=`` is ``=``), and less is folded;
3. what is said above, Thai letter by letter;
4. as rule 3, Thai by PyThaiNLP's dictionary. A vocabulary has it only if it has Thai words.

On bAbI's files all give the same words.
"""

import functools
import importlib.util
import os
import re
import unicodedata

import regex

LETTERS, DICTIONARY = 3, 4
"""The rules by which new vocabularies read Thai."""

RULE = DICTIONARY
"""The present rule. Where PyThaiNLP is not installed, it is as rule 3."""

INSTALL = "pip install pythainlp"

FOLDED = {
    "case": "`Kitchen` is `kitchen` (lower case, not case folding: `Maße` is not `Masse`)",
    "Unicode's form": "`é` in one or two characters is one letter (NFC; not NFKC, by which `m²` would be `m2`)",
    "apostrophes": "’ ‘ ‛ ʼ ´ ` are ', and between letters ′ ʻ ʽ ʹ ꞌ ՚ ׳ too: `O’Neil` is `O'Neil`",
    "hyphens": "‐ ‑ and − are -: `Mary‐Ann` is `Mary-Ann`, `−5` is `-5`",
    "digits": "those of all scripts are one: `٣`, `३` and `３` are `3`, `٣٫٥` is `3.5`",
    "full width": "letters and signs of full width are as others: `Ｍａｒｙ` is `Mary`, `＝` is `=`",
    "spaces": "hard, narrow, thin and wide ones stand between words, as all spaces: `10 000` is two words",
    "punctuation": "signs as . , ; : ! ? … count only inside a word (`3.5`, `e.g.`, `10:30`), before one (`.5`, `!x`), "
    "or in a sign (`!=`, `:=`, `::`, `:)`)",
    "quotation marks": "are left out",
    "invisible signs": "soft hyphens, direction marks, variation selectors, Arabic's stretching sign are left out",
}
"""All that is folded. Every other sign is kept: at a word, as in `C++`, `#1`, `50%`, `-5`, or by itself: `a < b`."""

_SAME_2 = {
    **dict.fromkeys("’‘ʼ´`＇", "'"),
    **dict.fromkeys("‐‑−", "-"),
    "\u200b": " ",  # zero width space: stands between words
    **dict.fromkeys("\u00ad\u061c\u0640\u200e\u200f\u2060\ufeff\ufe0e\ufe0f", ""),
    **{chr(code): "" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))},
}
_FULL_WIDTH = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if chr(code) not in "！＂＇，：；？"}
_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_SAME = {**_SAME_2, **_FULL_WIDTH, **dict.fromkeys(_SPACES, " "), "‛": "'", "｀": "'", "״": '"'}
_TABLE_2, _TABLE = str.maketrans(_SAME_2), str.maketrans(_SAME)
_APOSTROPHE = regex.compile(r"(?<=\p{L}\p{M}*)[′ʻʽʹꞌ՚׳](?=\p{L})")
_POINT = regex.compile(r"(?<=\p{Nd})٫(?=\p{Nd})")
_DIGIT = regex.compile(r"[\p{Nd}--[0-9]]", regex.VERSION1)

_LETTER = r"\w\p{M}\p{N}"
_DROPPED = r"\p{Terminal_Punctuation}\p{Quotation_Mark}¿¡…‥\p{Cc}\p{Cf}"
_PICTURE = r"\p{Extended_Pictographic}\p{Regional_Indicator}"
_SIGN = rf"[^\s{_LETTER}{_DROPPED}{_PICTURE}\p{{Ps}}\p{{Pe}}]"


def _pattern(before: str, inside: str, signs: str) -> regex.Pattern[str]:
    """What a word is.

    Args:
        before: further signs that may stand before a word.
        inside: what stands between two of Unicode's words that are one.
        signs: signs by themselves.
    """
    return regex.compile(
        rf"""
        (?: (?<! [^\s\p{{Ps}}] ) [-+\#@&~*^\p{{Sc}}{before}]* \.? )?  # signs before a word: -5, #1, .5
        [{_LETTER}] .*? \b (?: {inside} [{_LETTER}] .*? \b )*  # Unicode's words
        (?: [-+\#*%‰°′″\p{{Sc}}\p{{No}}]+ (?= [\s{_DROPPED}\p{{Pe}}] | \Z ) )?  # signs after a word: C++, 50%, m²
        | (?= [{_PICTURE}] ) \X  # an emoji
        | {signs}
        | [\p{{Ps}}\p{{Pe}}]
        """,
        regex.VERBOSE | regex.WORD | regex.DOTALL | regex.VERSION1,
    )


_WORD_2 = _pattern("", "-", f"{_SIGN}+")
_WORD = _pattern(
    "!",
    r"(?: - | (?<= \p{N} ) (?: : | \.\. ) (?= \p{N} ) )",
    rf"""
    (?<! \S ) [:;] -? [\p{{Ps}}\p{{Pe}}]+ (?! \S )  # :)
    | :{{2,}}
    | (?: [!?:.]* {_SIGN}+ )+ (?: [!?:]+ (?= \s* [^\s{_DROPPED}] ) )?  # != and <:, but the last sign of a sentence
    """,
)
_PLAIN = re.compile(r" *(?:[A-Za-z0-9]+[.,?!]?(?: +|\Z))*", re.ASCII)
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]", regex.VERSION1)
_THAI = regex.compile(r"([\p{Thai}&&[\p{L}\p{M}]]+)", regex.VERSION1)


def spelled(text: str, rule: int = RULE) -> list[str]:
    """The words of a text as written, by rules 2 to 4: ``"Where is Mary?"`` → Where, is, Mary."""
    if _PLAIN.fullmatch(text):  # nearly all text in English, ten times as fast
        return re.findall("[A-Za-z0-9]+", text)
    text = unicodedata.normalize("NFC", text)
    if rule == 2:
        return _WORD_2.findall(text.translate(_TABLE_2))
    text = _APOSTROPHE.sub("'", text.translate(_TABLE))
    if rule == LETTERS or not has_thai(text) or not has_dictionary():
        return _WORD.findall(text)
    others_and_thai = enumerate(_THAI.split(text))
    return [word for at, part in others_and_thai for word in (_cut(part) if at % 2 else _WORD.findall(part))]


def words(text: str, rule: int = RULE) -> list[str]:
    """The words of a text, folded: ``"Where is Mary?"`` → where, is, mary."""
    if rule == 1:
        return re.findall(r"\w+(?:['’-]\w+)*", text.lower())
    if _PLAIN.fullmatch(text):
        return re.findall("[a-z0-9]+", text.lower())
    return [fold(word, rule) for word in spelled(text, rule)]


def fold(word: str, rule: int = RULE) -> str:
    """A word as written in the form in which words are compared, by rules 2 to 4."""
    if rule > 2 and not word.isascii():
        word = _DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0], digit[0])), _POINT.sub(".", word))
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
    return [part for text in found if (part := " ".join(words(text, rule) or text.split()))]


def every_word(answer: str) -> list[str]:
    """All words of an answer and its alternatives: ``"red square,mat"`` → red, square, mat."""
    return [word for one in alternatives(answer) for part in parts(one) for word in part.split()]


def unspaced(word: str) -> bool:
    """Whether a word is of a script that is written without spaces."""
    return _UNSPACED.match(word) is not None


def is_letter(word: str) -> bool:
    """Whether a word is one letter of such a script, because no dictionary was at hand."""
    return unspaced(word) and not (has_dictionary() and has_thai(word))


def has_thai(text: str) -> bool:
    """Whether a text holds Thai letters."""
    return _THAI.search(text) is not None


def joined(said: list[str]) -> str:
    """Words as text, a comma after the word before it: red, box, ",", mat → ``"red box,mat"``."""
    text = ""
    for word in said:
        tight = not text or "," in (word, text[-1]) or (unspaced(word) and unspaced(text[-1]))
        text += word if tight else f" {word}"
    return text


# --- Thai


@functools.cache
def has_dictionary() -> bool:
    """Whether PyThaiNLP is installed, whose dictionary cuts Thai into words."""
    return importlib.util.find_spec("pythainlp") is not None


@functools.lru_cache(2**16)
def _cut(thai: str) -> tuple[str, ...]:
    """The words of Thai without spaces, each of which is cut no further when it stands alone."""
    read_only = {"PYTHAINLP_READ_ONLY", "PYTHAINLP_READ_MODE"}.isdisjoint(os.environ)
    if read_only:
        os.environ["PYTHAINLP_READ_ONLY"] = "1"  # or it makes a folder in the user's home
    try:
        from pythainlp.tokenize import word_tokenize

        found = word_tokenize(thai, engine="newmm", keep_whitespace=False)
    finally:
        if read_only:
            del os.environ["PYTHAINLP_READ_ONLY"]
    return tuple(found) if len(found) < 2 else tuple(word for part in found for word in _cut(part))
