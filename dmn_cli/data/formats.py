"""Story files in other formats than bAbI's, told apart by what stands in them.

- JSON lines, or one JSON list, of Hugging Face's ``babi_qa``: ``{"passage", "question", "answer"}`` per question (the
  passage a text, or a list of sentences, also called ``facts``), or ``{"story": …}`` with the lines of a story as
  columns or as rows (``id``, ``type``, ``text``, ``supporting_ids``, ``answer``; type 1 is a question);
- ParlAI's ``text:…<TAB>labels:…<TAB>episode_done:True``: the last line of a text is the question;
- a ``.zip`` that holds one file of these.
"""

import codecs
import dataclasses
import io
import json
import logging
import re
import shlex
import zipfile
from collections.abc import Iterator
from typing import Any

from dmn_cli.data import stories as babi
from dmn_cli.data.stories import ASKING, Question, Story
from dmn_cli.data.words import parts, words
from dmn_cli.errors import DmnError

LARGEST = 500_000_000
"""Bytes of a file in an archive, unpacked; more is a mistake, or malice."""

log = logging.getLogger(__name__)


def parse(data: bytes, name: str) -> list[Story]:
    """The stories of a file in any of the formats.

    Raises:
        DmnError: it is not UTF-8 text, or breaks its format (name:line).
    """
    text, name = decode(data, name)
    if re.match(r"\s*[{\[]", text):
        return list(_from_json(text, name))
    if re.match(r"\s*text:", text):
        return list(_from_parlai(text, name))
    return babi.parse(text, name)


def asked(text: str, name: str) -> list[Story] | None:
    """The stories of JSON or ParlAI's lines, whose questions may lack answers; None: the text is lines of a story."""
    if re.match(r'\s*(\[\s*)?\{\s*["}]', text):
        return list(_from_json(text, name, answered=False))
    if re.match(r"\s*text:", text):
        return list(_from_parlai(text, name, answered=False))
    return None


NOT_TEXT = {
    b"\x1f\x8b": "compressed (gzip)",
    b"BZh": "compressed (bzip2)",
    b"\xfd7zXZ": "compressed (xz)",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a rar archive",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "a document of an office program",
}
ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")


def decode(data: bytes, name: str) -> tuple[str, str]:
    """The text of a file, or of the one in an archive, with ``\\n`` at the ends of lines; and what to call it.

    Raises:
        DmnError: it is not UTF-8 text (name:line), or the archive is not of one file.
    """
    if data.startswith(ZIP):
        data, name = _unzipped(data, name)
        if data.startswith(ZIP):
            raise DmnError(f"{name}: an archive in an archive", "unpack it, and name the file")
    for begin, what in NOT_TEXT.items():
        if data.startswith(begin):
            raise DmnError(f"{name}: {what}, not text", "unpack it, or save it as plain text in UTF-8")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or 3 * data.count(0) > len(data):
        raise DmnError(
            f"{name}: UTF-16, expected UTF-8 text", f"iconv -f UTF-16 -t UTF-8 {shlex.quote(name)} > new.txt"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DmnError(f"{name}:{_lines(error.object[: error.start]) + 1}: not UTF-8 text") from error
    if "\0" in text:
        raise DmnError(f"{name}:{_lines(data[: data.index(0)]) + 1}: a NUL byte: this is no text, or it is damaged")
    return text.replace("\r\n", "\n").replace("\r", "\n"), name


def _lines(data: bytes) -> int:
    """How many lines end in some bytes."""
    return len(re.findall(b"\r\n|\r|\n", data))


def _unzipped(data: bytes, name: str) -> tuple[bytes, str]:
    """The one file in an archive, and what to call it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = [info for info in archive.infolist() if not info.is_dir() and "__MACOSX" not in info.filename]
            if any(info.filename == "[Content_Types].xml" for info in files):
                raise DmnError(f"{name}: a document of an office program, not text", "save it as plain text in UTF-8")
            if len(files) != 1:
                raise DmnError(
                    f"{name}: {len(files) or 'no'} files in it, expected one", "unpack it, and name the file"
                )
            if files[0].file_size > LARGEST:
                raise DmnError(f"{name}: {files[0].filename} is larger than {LARGEST:,} bytes")
            return archive.read(files[0]), f"{name}/{files[0].filename}"
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError) as error:
        raise DmnError(f"{name}: damaged or locked archive: {error}") from error


def _rows(text: str, name: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The rows of JSON lines or of one JSON list, and where each stands."""
    listed = re.match(r"\s*\[", text)
    at, line, many = listed.end() if listed else 0, 1, 0
    begin = 0
    while True:
        between = _BETWEEN.match(text, at)
        assert between is not None
        comma, at = "," in between[0], between.end()
        line, begin = line + text.count("\n", begin, at), at
        where = f"{name}:{line}"
        if listed and text.startswith("]", at) and not (comma and many):
            if rest := text[at + 1 :].strip():
                raise DmnError(f"{where}: not JSON: {rest[:20]!r} after the end of the list", _ROW)
            return
        if at == len(text) and not listed:
            return
        if many and listed and not comma:
            raise DmnError(f"{where}: not JSON: no comma between two rows of the list", _ROW)
        try:
            row, at = _JSON.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            where = f"{name}:{getattr(error, 'lineno', line)}"
            raise DmnError(f"{where}: not JSON: {getattr(error, 'msg', 'nested too deep')}", _ROW) from error
        if not isinstance(row, dict):
            raise DmnError(f"{where}: expected an object, {{…}}", _ROW)
        many += 1
        yield row, where


_JSON = json.JSONDecoder()
_BETWEEN = re.compile(r"[\s\ufeff]*,?[\s\ufeff]*")
_ROW = 'a row is {"passage": …, "question": …, "answer": …}, or {"story": …} as in Hugging Face\'s babi_qa'


def _from_json(text: str, name: str, answered: bool = True) -> Iterator[Story]:
    for row, where in _rows(text, name):
        story = _from_row(row, where, answered)
        if story.questions:
            yield story


def _from_row(row: dict[str, Any], where: str, answered: bool) -> Story:
    if isinstance(row.get("story"), dict | list):
        return _nested(row["story"], where, answered)
    passage, question, answer = row.get("passage", row.get("facts")), row.get("question"), row.get("answer")
    if isinstance(answer, int | float) and not isinstance(answer, bool):
        answer = str(answer)
    if answer is None and not answered:
        answer = ""
    if isinstance(passage, list) and all(isinstance(fact, str) for fact in passage):
        passage = "\n".join(["", *map(_line, passage)])
    if not isinstance(passage, str) or not isinstance(question, str) or not isinstance(answer, str):
        raise DmnError(
            f"{where}: expected text for passage, question and answer; found {', '.join(row) or 'none'}", _ROW
        )
    facts = _sentences(passage)
    return Story(tuple(facts), (_checked(Question(_line(question), _line(answer), len(facts)), where, answered),))


def _sentences(passage: str) -> list[str]:
    """The sentences of a passage: its lines; of one line, what ends in a full stop."""
    lines = passage.splitlines()
    if len(lines) < 2:
        lines = re.split(r"(?<=[.!?])\s+|(?<=[。！？])", passage)
    return [_line(line) for line in lines if words(line)]


def _nested(story: Any, where: str, answered: bool) -> Story:
    """The lines of a story, as columns (``{"text": […], …}``) or as rows (``[{"text": …}, …]``)."""
    keys = ("id", "type", "text", "supporting_ids", "answer")
    try:
        lines = [tuple(line[key] for key in keys) for line in story] if isinstance(story, list) else None
        lines = lines or list(zip(*(story[key] for key in keys), strict=True))
    except (KeyError, TypeError, ValueError) as error:
        raise DmnError(f"{where}: a story wants {', '.join(keys)}, for each line", _ROW) from error
    facts: list[str] = []
    questions: list[Question] = []
    position: dict[str, int] = {}
    for identifier, kind, text, supporting, answer in lines:
        if not isinstance(text, str) or not isinstance(answer, str) or not isinstance(supporting, list):
            raise DmnError(f"{where}: text and answer are text, supporting_ids a list", _ROW)
        if kind not in (1, "question"):
            position[str(identifier)] = len(facts)
            facts.append(_line(text))
        elif unknown := [one for one in supporting if str(one) not in position]:
            raise DmnError(f"{where}: supporting id {unknown[0]!r} is no fact before the question {text!r}")
        else:
            named = tuple(position[str(one)] for one in supporting)
            questions.append(_checked(Question(_line(text), _line(answer), len(facts), named), where, answered))
    return Story(tuple(facts), tuple(questions))


def _from_parlai(text: str, name: str, answered: bool = True) -> Iterator[Story]:
    """Facts of an episode stay known to its later questions."""
    facts: list[str] = []
    questions: list[Question] = []
    ignored = False
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        fields = dict(field.partition(":")[::2] for field in line.strip("\r").split("\t"))
        if "text" not in fields:
            raise DmnError(f"{where}: no field `text:`", "a line is `text:facts and question<TAB>labels:answer`")
        ignored = ignored or "label_candidates" in fields
        told = [_line(part) for part in fields["text"].replace("\\n", "\n").split("\n") if words(part)]
        answer = fields.get("labels", fields.get("eval_labels", ""))
        if told and (answer or (not answered and told[-1].endswith(ASKING))):
            facts += told[:-1]
            questions.append(_checked(Question(told[-1], _line(answer), len(facts)), where, answered))
        else:
            facts += told
        if fields.get("episode_done", "").strip().lower() == "true":
            if questions:
                yield Story(tuple(facts), tuple(questions))
            facts, questions = [], []
    if questions:
        yield Story(tuple(facts), tuple(questions))
    if ignored:
        log.warning("note: %s: candidates are ignored: any answer of training can be given", name)


def _line(text: str) -> str:
    """A text as it can stand on a line."""
    return " ".join(text.split())


def _checked(question: Question, where: str, answered: bool) -> Question:
    if not words(question.text):
        raise DmnError(f"{where}: a question without words")
    if answered and not parts(question.answer):
        raise DmnError(f"{where}: no answer to {question.text!r}")
    return dataclasses.replace(question, place=where)
