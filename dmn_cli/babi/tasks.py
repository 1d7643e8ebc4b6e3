"""The twenty tasks: their names, and the accuracies published for them."""

import re
from typing import Literal, NamedTuple

from dmn_cli.errors import DmnError

SplitName = Literal["train", "valid", "test"]


class Task(NamedTuple):
    """One bAbI task.

    Attributes:
        number: 1 to 20.
        name: as in the file names of v1.2, e.g. ``single-supporting-fact``.
        dmn: test accuracy (%) of the DMN, 1k questions, supporting facts (arXiv 1506.07285, table 1).
        memnn: the same for the MemNN of arXiv 1502.05698, as the DMN paper quotes it.
        dmn_plus: test accuracy (%) of DMN+, 10k questions, no supporting facts (arXiv 1603.01417, table 2).
    """

    number: int
    name: str
    dmn: float
    memnn: float
    dmn_plus: float


PASSED = 0.95
"""The accuracy at which a task counts as passed (Weston et al., arXiv 1502.05698)."""

TASKS: dict[int, Task] = {
    task.number: task
    for task in (
        Task(1, "single-supporting-fact", 100.0, 100.0, 100.0),
        Task(2, "two-supporting-facts", 98.2, 100.0, 99.7),
        Task(3, "three-supporting-facts", 95.2, 100.0, 98.9),
        Task(4, "two-arg-relations", 100.0, 100.0, 100.0),
        Task(5, "three-arg-relations", 99.3, 98.0, 99.5),
        Task(6, "yes-no-questions", 100.0, 100.0, 100.0),
        Task(7, "counting", 96.9, 85.0, 97.6),
        Task(8, "lists-sets", 96.5, 91.0, 100.0),
        Task(9, "simple-negation", 100.0, 100.0, 100.0),
        Task(10, "indefinite-knowledge", 97.5, 98.0, 100.0),
        Task(11, "basic-coreference", 99.9, 100.0, 100.0),
        Task(12, "conjunction", 100.0, 100.0, 100.0),
        Task(13, "compound-coreference", 99.8, 100.0, 100.0),
        Task(14, "time-reasoning", 100.0, 99.0, 99.8),
        Task(15, "basic-deduction", 100.0, 100.0, 100.0),
        Task(16, "basic-induction", 99.4, 100.0, 54.7),
        Task(17, "positional-reasoning", 59.6, 65.0, 95.8),
        Task(18, "size-reasoning", 95.3, 95.0, 97.9),
        Task(19, "path-finding", 34.5, 36.0, 100.0),
        Task(20, "agents-motivations", 100.0, 100.0, 100.0),
    )
}


def parse_tasks(text: str) -> list[int]:
    """The numbers that ``--tasks`` names: ``all``, or numbers and ranges, ``1,5-8``; ascending, each once.

    Raises:
        DmnError: it is neither, or there is no such task.
    """
    if text.strip() == "all":
        return list(TASKS)
    numbers: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,2})\s*(?:-\s*([0-9]{1,2})\s*)?", part)
        span = range(int(match[1]), int(match[2] or match[1]) + 1) if match else range(0)
        if not span or not all(number in TASKS for number in span):
            raise DmnError(f"--tasks: expected `all`, or numbers and ranges from 1 to 20 as in 1,5-8; not {part!r}")
        numbers.update(span)
    return sorted(numbers)
