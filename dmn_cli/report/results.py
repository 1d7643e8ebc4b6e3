"""What was answered right, task by task."""

import math
from typing import Any, NamedTuple

from dmn_cli.babi.tasks import PASSED


class TaskResult(NamedTuple):
    """One task of a results table.

    Attributes:
        task: 1 to 20; 0 for a user's own stories.
        name: of the task.
        questions: how many were asked.
        correct: how many were answered right.
        published: the paper's accuracy on the real test, 0 to 1; None where it is not comparable.
        unseen: how many have an answer that training has never seen, so that the network cannot give it.
    """

    task: int
    name: str
    questions: int
    correct: int
    published: float | None
    unseen: int = 0

    @property
    def accuracy(self) -> float:
        """From 0 to 1."""
        return self.correct / self.questions

    @property
    def passed(self) -> bool:
        """Whether the accuracy is at least 95 %."""
        return self.accuracy >= PASSED


def interval(correct: int, questions: int) -> tuple[float, float]:
    """The 95 % interval of an accuracy (Wilson's score interval)."""
    z2 = 1.959964**2
    middle = (correct + z2 / 2) / (questions + z2)
    half = math.sqrt(z2 * (correct * (questions - correct) / questions + z2 / 4)) / (questions + z2)
    return max(0.0, middle - half), min(1.0, middle + half)


def as_json(results: list[TaskResult]) -> dict[str, Any]:
    """Results as plain types, in the form that ``dmn eval --json`` prints."""
    return {
        "tasks": [
            {
                "task": result.task,
                "name": result.name,
                "questions": result.questions,
                "correct": result.correct,
                "accuracy": result.accuracy,
                "interval": list(interval(result.correct, result.questions)),
                "published": result.published,
                "passed": result.passed,
                "unseen_answers": result.unseen,
            }
            for result in results
        ],
        "mean_accuracy": mean_accuracy(results),
        "tasks_passed": sum(result.passed for result in results),
    }


def mean_accuracy(results: list[TaskResult]) -> float:
    """The mean of the tasks' accuracies, 0 to 1."""
    return sum(result.accuracy for result in results) / len(results)
