"""The training loop: a generator of what has happened; whoever runs it saves and shows."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch

from dmn_cli.batch import Batch
from dmn_cli.config import TrainConfig
from dmn_cli.data.batches import Dataset, collated, order
from dmn_cli.errors import FAILED, DmnError
from dmn_cli.model.dmn import DMN
from dmn_cli.model.loss import Loss
from dmn_cli.records import Epoch
from dmn_cli.training import own_code
from dmn_cli.training.adam import Adam
from dmn_cli.training.metrics import score


@dataclass
class Progress:
    """How far a training is: plain numbers, which with the weights and the optimiser's state are all it needs.

    The order of an epoch's questions and a step's dropout come from the seed and these numbers alone, so that a run
    taken up at any step goes on as if it had never stopped.
    """

    epoch: int = 0  # whole epochs done
    batch: int = 0  # steps done in this epoch
    step: int = 0  # steps done
    gate_loss: float = 0.0  # sums over the questions of this epoch so far
    answer_loss: float = 0.0
    questions: int = 0
    best_epoch: int = 0  # 0: none yet
    best_accuracy: float = -1.0
    improved_epoch: int = 0  # when best_accuracy was first reached
    finished: str = ""  # why training ended


class Step(NamedTuple):
    """A step was made."""

    step: int
    questions: int


def optimiser(model: DMN, config: TrainConfig) -> Adam:
    """The optimiser of a new training."""
    return Adam(model, config.learning_rate, config.weight_decay)


def learning_rate(config: TrainConfig, done: float) -> float:
    """The rate of a step.

    Args:
        config: the rate of the first step and the decay.
        done: the part of training that is behind, 0 to 1.
    """
    return config.learning_rate * (1 - done if config.decay == "linear" else 1)


def last_epoch(config: TrainConfig, progress: Progress) -> int:
    """The epoch that ends training, as things are: with ``settle`` an earlier one once validation is all right."""
    if config.settle is None or progress.best_accuracy < 1:
        return config.epochs
    return min(config.epochs, progress.improved_epoch + config.settle)


def over(config: TrainConfig, progress: Progress) -> str:
    """Why training is over; "" while it is not."""
    if progress.epoch >= config.epochs:
        return f"all {progress.epoch} epochs done"
    if progress.epoch >= last_epoch(config, progress):
        return f"settled: all validation questions right, and {config.settle} epochs more"
    if progress.epoch - max(progress.improved_epoch, config.gate_epochs) >= config.patience:
        return f"no better validation accuracy for {config.patience} epochs"
    return ""


def alpha_beta(config: TrainConfig, epoch: int, done: float) -> tuple[float, float]:
    """The weights of gate and answer loss (§4.1): at first α = 1 and β = 0, later β = 1.

    Args:
        config: how to train.
        epoch: from 0.
        done: the part of training that is behind, 0 to 1.
    """
    if epoch < config.gate_epochs:
        return 1.0, 0.0
    return config.gate_weight * (1 - done if config.gate_decay == "linear" else 1), 1.0


def train(
    model: DMN,
    optimizer: Adam,
    train_data: Callable[[int], Dataset],
    valid_data: Dataset,
    config: TrainConfig,
    progress: Progress,
) -> Iterator[Step | Epoch]:
    """Train until the epochs are over, validation has not got better for ``patience`` epochs, or all is settled.

    Whenever it yields, model, optimizer and progress fit together and may be saved.

    Args:
        model: the network.
        optimizer: its optimiser.
        train_data: what an epoch (from 0) trains on; the same epoch gets the same data whenever it is asked for.
        valid_data: what decides which epoch is best.
        config: how to train.
        progress: where to begin.

    Raises:
        DmnError: a loss or a gradient is not finite; the step has not been made.
    """
    while not progress.finished:
        began, begun_with = time.perf_counter(), progress.questions
        data = train_data(progress.epoch)
        batches = order(data, config.batch_size, _mix(config.seed, progress.epoch), config.shuffle)
        for batch in collated(data, batches[progress.batch :]):
            done = _done(config, progress, 0, len(batches))
            optimizer.learning_rate = learning_rate(config, done)
            weights = alpha_beta(config, progress.epoch, done)
            questions = len(batch.number)
            loss = training_step(model, optimizer, batch, config, progress.step, *weights)
            progress.batch += 1
            progress.step += 1
            progress.gate_loss += loss.gates.item() * questions
            progress.answer_loss += loss.answers.item() * questions
            progress.questions += questions
            yield Step(progress.step, questions)

        seconds = time.perf_counter() - began
        rate = learning_rate(config, _done(config, progress, 1, len(batches)))
        yield _end_of_epoch(model, valid_data, config, progress, rate, seconds, begun_with)


def _done(config: TrainConfig, progress: Progress, back: int, batches: int) -> float:
    """The part of training that is behind at the next step, or at one that lies ``back`` steps back in this epoch.

    That is the part of all epochs; while the training settles, what is left of them goes by in a few.
    """
    at, end = progress.epoch + (progress.batch - back) / batches, last_epoch(config, progress)
    if end == config.epochs:
        return at / end
    begun = progress.improved_epoch
    return (begun + (config.epochs - begun) * (at - begun) / (end - begun)) / config.epochs


def training_step(
    model: DMN,
    optimizer: Adam,
    batch: Batch,
    config: TrainConfig,
    step: int,
    alpha: float,
    beta: float,
) -> Loss:
    """One step: forward, backward, clip, Adam.

    Args:
        batch: the questions.
        step: how many were made before; with the seed it decides the dropout.
        alpha, beta: of J, see ``alpha_beta``.

    Raises:
        DmnError: the loss or the gradient is not finite; the step has not been made.
    """
    _seed_dropout(model.embedding.device, _mix(config.seed, step))
    if not model.training:
        model.train()
    loss = model.loss(batch.to(model.embedding.device), config.supervision == "strong")
    total = loss.total(alpha, beta)
    optimizer.zero_grad()
    with own_code.blamed(own_code.of(model)):
        total.backward()
    norm = optimizer.clip(config.clip)
    if not (math.isfinite(total.item()) and math.isfinite(norm.item())):
        raise DmnError(
            f"training diverged in step {step + 1}: loss {total.item():g}, gradient norm {norm.item():g}",
            "the weights before this step are saved; try a smaller train.learning_rate or train.clip",
            FAILED,
        )
    optimizer.step()
    return loss


def _seed_dropout(device: torch.device, seed: int) -> None:
    """Seed one generator: ``torch.manual_seed`` seeds those of all devices, and notes a stack trace each time."""
    if device.type == "cpu":
        torch.default_generator.manual_seed(seed)
    else:
        torch.get_device_module(device).manual_seed(seed)


def _end_of_epoch(
    model: DMN,
    valid_data: Dataset,
    config: TrainConfig,
    progress: Progress,
    rate: float,
    seconds: float,
    begun_with: int,
) -> Epoch:
    """Validate, and set progress to the start of the next epoch."""
    valid = score(model, valid_data, config.batch_size)
    accuracy, loss = valid.correct / valid.questions, valid.loss
    epoch = progress.epoch + 1
    best = accuracy >= progress.best_accuracy and epoch > config.gate_epochs
    trained, gates, answers = progress.questions, progress.gate_loss, progress.answer_loss
    if best:
        if accuracy > progress.best_accuracy:
            progress.improved_epoch = epoch
        progress.best_epoch, progress.best_accuracy = epoch, accuracy
    progress.epoch, progress.batch = epoch, 0
    progress.gate_loss = progress.answer_loss = 0.0
    progress.questions = 0
    progress.finished = over(config, progress)
    return Epoch(
        epoch=epoch,
        step=progress.step,
        learning_rate=rate,
        gate_loss=gates / trained,
        answer_loss=answers / trained,
        valid_loss=loss,
        valid_accuracy=accuracy,
        best=best,
        seconds=seconds,
        questions_per_second=(trained - begun_with) / seconds if trained > begun_with else None,
    )


def _mix(seed: int, number: int) -> int:
    """A seed of its own for each epoch and step of each run."""
    return seed * 2**31 + number
