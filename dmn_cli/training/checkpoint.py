"""Checkpoints: plain tensors and plain types in one file, which holds all that evaluation or resuming needs."""

import dataclasses
import io
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import torch

from dmn_cli import __version__
from dmn_cli.babi.vocab import Vocabulary
from dmn_cli.config import Config, from_plain, plain
from dmn_cli.errors import DmnError
from dmn_cli.files import write_atomic
from dmn_cli.model.dmn import DMN
from dmn_cli.training.build import build
from dmn_cli.training.loop import Progress

FORMAT = "dmn checkpoint"
FORMAT_VERSION = 1


class Checkpoint(NamedTuple):
    """What a checkpoint file holds.

    Attributes:
        config: of the run.
        vocabulary: of its training stories.
        model: the network, with its weights.
        progress: how far the training was.
        optimizer: Adam's state as of ``Optimizer.state_dict``; None in a checkpoint that is not for resuming.
        threads: how many threads computed; other numbers add up in another order.
    """

    config: Config
    vocabulary: Vocabulary
    model: DMN
    progress: Progress
    optimizer: dict[str, Any] | None
    threads: int


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, whole or not at all."""
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "dmn_version": __version__,
        "config": plain(checkpoint.config),
        "vocabulary": dataclasses.asdict(checkpoint.vocabulary),
        "passes": checkpoint.model.memory.passes,
        "weights": {name: tensor.cpu() for name, tensor in checkpoint.model.state_dict().items()},
        "progress": dataclasses.asdict(checkpoint.progress),
        "optimizer": checkpoint.optimizer,
        "threads": checkpoint.threads,
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_atomic(path, buffer.getvalue())


def load(path: Path, device: torch.device | str = "cpu") -> Checkpoint:
    """Read a checkpoint.

    Args:
        path: the file.
        device: where the network goes.

    Raises:
        DmnError: the file is missing, damaged or no checkpoint of ours, or its parts do not fit each other; the
            message names the part, with wanted and found shape.
    """
    content = _read(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DmnError(f"{path}: not a dmn checkpoint", "give the checkpoints/best.pt of a run folder")
    version = content.get("format_version")
    if version != FORMAT_VERSION:
        hint = "install the version of dmn that wrote it" + f" ({content.get('dmn_version', 'unknown')})"
        raise DmnError(f"{path}: checkpoint format {version!r}, this dmn reads {FORMAT_VERSION}", hint)
    try:
        config = from_plain(content["config"])
        vocabulary = _vocabulary(content["vocabulary"])
        model = build(config, vocabulary, _positive(content["passes"]))
        _load_weights(model, content["weights"], path)
        progress = Progress(**content["progress"])
        threads = _positive(content["threads"])
        optimizer = content["optimizer"]
    except KeyError as error:
        raise DmnError(f"{path}: damaged checkpoint: {error} is missing") from error
    except (TypeError, ValueError) as error:
        raise DmnError(f"{path}: damaged checkpoint: {error}") from error
    except DmnError as error:
        raise DmnError(error.message if str(path) in error.message else f"{path}: {error.message}") from error
    return Checkpoint(config, vocabulary, model.to(device), progress, optimizer, threads)


def _read(path: Path) -> Any:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DmnError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen kinds on files that are not its own
        raise DmnError(
            f"{path}: not a checkpoint, or a damaged one", "give the checkpoints/best.pt of a run folder"
        ) from error


def _vocabulary(content: dict[str, list[str]]) -> Vocabulary:
    vocabulary = Vocabulary(**content)
    for name, words in content.items():
        if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
            raise ValueError(f"vocabulary.{name} is no list of words")
    return vocabulary


def _positive(value: object) -> int:
    if not isinstance(value, int) or not 1 <= value <= 10_000:
        raise ValueError(f"expected a whole number from 1 to 10000, found {value!r}")
    return value


def _load_weights(model: DMN, weights: dict[str, torch.Tensor], path: Path) -> None:
    """Copy weights into a network after checking every name, shape and type."""
    wanted = model.state_dict()
    for name in sorted(wanted.keys() | weights.keys()):
        if name not in weights:
            raise DmnError(f"{path}: damaged checkpoint: no weights {name}, wanted {_form(wanted[name])}")
        if name not in wanted:
            raise DmnError(f"{path}: damaged checkpoint: weights {name} are not of this network")
        if not isinstance(weights[name], torch.Tensor) or _form(weights[name]) != _form(wanted[name]):
            found = _form(weights[name]) if isinstance(weights[name], torch.Tensor) else type(weights[name]).__name__
            raise DmnError(f"{path}: damaged checkpoint: weights {name}: wanted {_form(wanted[name])}, found {found}")
    model.load_state_dict(weights)


def _form(tensor: torch.Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
