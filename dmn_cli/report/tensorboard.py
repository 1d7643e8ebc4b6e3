"""A training as events for TensorBoard; needs the extra `tensorboard`."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dmn_cli.errors import DmnError
from dmn_cli.records import Epoch
from dmn_cli.report.heat import HOT
from dmn_cli.report.prediction import Prediction

CELL = 16
"""Pixels of a gate's side."""


class Events(NamedTuple):
    """An open file of events."""

    writer: Any

    def add_epoch(self, epoch: Epoch) -> None:
        """The losses, the accuracy and the learning rate of an epoch, at its number."""
        values = {
            "loss/answers": epoch.answer_loss,
            "loss/gates": epoch.gate_loss,
            "loss/validation": epoch.valid_loss,
            "accuracy/validation": epoch.valid_accuracy,
            "learning rate": epoch.learning_rate,
        }
        for name, value in values.items():
            self.writer.add_scalar(name, value, epoch.epoch)

    def add_gates(self, epoch: int, predictions: Sequence[Prediction]) -> None:
        """The gates of some questions as pictures, facts down and passes across, with story and answer as text.

        Args:
            epoch: at which they were made.
            predictions: always of the same questions, so that their pictures can be leafed through.
        """
        for number, one in enumerate(predictions, start=1):
            self.writer.add_image(f"gates/question {number}", picture(one.gates), epoch, dataformats="HWC")
            facts = "\n".join(f"- {fact}" for fact in one.facts)
            said = f"{one.question} **{one.answer}** ({one.probability:.1%}), true answer: {one.gold}"
            self.writer.add_text(f"gates/question {number}", f"{said}\n\n{facts}", epoch)


def picture(gates: list[list[float]]) -> Any:
    """Gates as a picture: a uint8 tensor (facts · CELL, passes · CELL, 3), white for 0 and ``HOT`` for 1."""
    import torch

    weights = torch.tensor(gates).T[..., None]  # (facts, passes, 1)
    colour = 255 + (torch.tensor(HOT) - 255) * weights
    return colour.round().to(torch.uint8).repeat_interleave(CELL, 0).repeat_interleave(CELL, 1)


@contextlib.contextmanager
def events(folder: Path) -> Iterator[Events]:
    """Write events into a folder while the context lasts; ``tensorboard --logdir FOLDER`` shows them.

    Raises:
        DmnError: TensorBoard is not installed, or the folder cannot be written.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise DmnError("--tensorboard needs TensorBoard", "pip install '.[tensorboard]'") from error
    try:
        writer = SummaryWriter(str(folder))
    except OSError as error:
        raise DmnError(f"{folder}: cannot be written: {error.strerror}") from error
    try:
        yield Events(writer)
    finally:
        writer.close()
