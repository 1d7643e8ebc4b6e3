"""A few stories that show what a network attends to."""

from collections.abc import Iterator

from dmn_cli.babi.tasks import TASKS
from dmn_cli.errors import DmnError
from dmn_cli.generator.generate import generate
from dmn_cli.report.prediction import Prediction
from dmn_cli.splits import Split, tasks
from dmn_cli.training.checkpoint import Checkpoint
from dmn_cli.training.predictions import predict

PLAYED = (1, 2, 15)
"""Tasks whose stories show one, two and two supporting facts, the last of them a deduction."""


def play(checkpoint: Checkpoint, seed: int) -> Iterator[tuple[str, Prediction]]:
    """The last question of a made story of each task in ``PLAYED`` that the network was trained on, or of its first.

    Args:
        checkpoint: the network.
        seed: of the stories.

    Yields:
        the task's name and the prediction.

    Raises:
        DmnError: the network was trained on no bAbI task.
    """
    trained = tasks(checkpoint.config.data)
    if checkpoint.config.data.source == "files":
        raise DmnError("this network was trained on stories of your own", "ask it about some: dmn ask CHECKPOINT")
    for task in [task for task in PLAYED if task in trained] or trained[:1]:
        story = generate(task, 5, seed, "test")[0]
        *_, last = predict(checkpoint, Split({task: [story]}, {}))
        yield f"task {task}, {TASKS[task].name}", last
