"""The small files of a run and of a suite: what each holds, how it is written and how it is read.

Writer and reader share the types. A damaged file is one line that names it and says what to do. Keys that a type does
not know are kept: another version of dmn may have written them.
"""

import json
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from dmn_cli.errors import DmnError
from dmn_cli.files import append, naming, write_atomic

T = TypeVar("T")


class Record(BaseModel):
    """Plain values of exact types."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow", use_attribute_docstrings=True)


class Start(Record):
    """A start of a run, or a resumption: what is needed to do the same again."""

    started: str = ""
    """When, in UTC (ISO 8601)."""
    command: str = ""
    """What was typed."""
    from_step: int = 0
    """Steps that were made before."""
    dmn: str
    git: str | None
    """The commit of this package; None for an installed one."""
    python: str
    torch: str
    platform: str
    device: str
    threads: int
    kernels: str = ""
    parameters: int = 0
    passes: int
    data: dict[str, str] | str
    """SHA-256 of each training file by its path; the source for stories that were made in memory."""


class Starts(Record):
    """run.json."""

    starts: Annotated[list[Start], Field(min_length=1)]


class Epoch(Record):
    """A line of metrics.jsonl: an epoch ended. Losses in nats per question; accuracies from 0 to 1."""

    epoch: int
    step: int = 0
    learning_rate: float = 0.0
    gate_loss: float = 0.0
    answer_loss: float = 0.0
    valid_loss: float
    valid_accuracy: float
    best: bool
    """No earlier epoch had a better validation accuracy. Among equals the latest is kept: validation has few questions,
    and the latest has learnt longest."""
    seconds: float
    """That its steps took, those after a resumption."""
    questions_per_second: float | None = None
    """Of these steps; None if there are none."""
    weights: str = ""
    """SHA-256 of the network's weights after it, see ``checkpoint.digest``; "" where an older dmn made the run."""


class TaskRow(Record):
    """The results of one task."""

    task: int
    name: str
    questions: int
    correct: int
    accuracy: float
    interval: list[float]
    published: float | None
    passed: bool
    unseen_answers: int = 0
    """Questions with an answer that training has never seen; an older dmn did not write it."""


class Results(Record):
    """results.json of a run."""

    split: str
    tasks: Annotated[list[TaskRow], Field(min_length=1)]
    mean_accuracy: float
    tasks_passed: int
    data: dict[str, str]
    """SHA-256 of each file of the split by its path."""
    notes: list[str] = []
    """What makes the figures other than they seem."""


class Usage(Record):
    """usage.json: what a run has cost so far, all its processes together."""

    seconds: float
    peak_memory_mb: float
    """The largest of them, in MB (10^6 bytes)."""


class RunCost(Record):
    """What a run of a suite has cost; see ``Usage``."""

    network: str
    seed: int
    seconds: float
    peak_memory_mb: float


class Timing(Record):
    """timing.json: what a suite cost; all that differs from one time to the next, and so is no part of its results."""

    wall_seconds: float
    seconds: float
    """Of all runs together."""
    peak_memory_mb: float
    """Of the largest run."""
    jobs: int
    cores: int | None
    processor: str
    git: str
    platform: str
    device: str
    threads: str
    runs: list[RunCost]


Word = Annotated[str, Field(pattern=r"\S")]

STARTS = TypeAdapter(Starts)
RESULTS = TypeAdapter(Results)
USAGE = TypeAdapter(Usage)
TIMING = TypeAdapter(Timing)
RENAMED = TypeAdapter(dict[int, list[list[Word]]])
"""renamed.json: the interchangeable words of each task."""
REORDERED = TypeAdapter(list[int])
"""reordered.json: the tasks whose facts have no order."""


def read(path: Path, of: TypeAdapter[T], hint: str) -> T:
    """What a file says.

    Args:
        path: the file.
        of: what it holds.
        hint: what to do if the file is damaged.

    Raises:
        FileNotFoundError: there is none.
        DmnError: it is damaged.
    """
    with naming(path):
        data = path.read_bytes()
    return _parse(path, data, of, hint)


def _parse(path: Path, data: bytes, of: TypeAdapter[T], hint: str) -> T:
    try:
        return of.validate_json(data, strict=True)
    except ValidationError as error:
        raise DmnError(f"{path}: damaged", hint) from error


def read_epochs(path: Path, hint: str) -> list[Epoch]:
    """The whole lines of a metrics.jsonl: a run may be writing one now, or was killed while it did."""
    with naming(path):
        data = path.read_bytes()
    return [_parse(path, line, TypeAdapter(Epoch), hint) for line in data.split(b"\n")[:-1]]


def write(path: Path, content: Record | dict[Any, Any] | list[Any]) -> None:
    """Write a file, whole or not at all; what a record does not say is left out."""
    plain = content.model_dump(exclude_unset=True) if isinstance(content, Record) else content
    write_atomic(path, json.dumps(plain, indent=2) + "\n")


def write_epochs(path: Path, epochs: list[Epoch]) -> None:
    """Write a metrics.jsonl anew."""
    write_atomic(path, "".join(map(_line, epochs)))


def append_epoch(path: Path, epoch: Epoch) -> None:
    """Add a line to a metrics.jsonl."""
    append(path, _line(epoch))


def _line(epoch: Epoch) -> str:
    return json.dumps(epoch.model_dump(exclude_unset=True)) + "\n"
