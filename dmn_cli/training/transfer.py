"""A training that starts from a trained network (``train.from``)."""

from pathlib import Path

import torch

from dmn_cli import files
from dmn_cli.config import Config, plain
from dmn_cli.errors import DmnError
from dmn_cli.model.dmn import DMN
from dmn_cli.training import checkpoint as checkpoints
from dmn_cli.training.checkpoint import Checkpoint

MAY_DIFFER = {"embedding_dropout", "fact_dropout", "answer_dropout", "start", "passes"}
"""Keys of ``model`` that no weight depends on; the passes are those of the trained network."""


def source(config: Config) -> Checkpoint:
    """The network that a training starts from: ``train.from``, a checkpoint or a run's folder.

    Raises:
        DmnError: there is none, or the config's network is another.
    """
    named = files.here(Path(config.train.from_ or ""))
    file = named / "checkpoints" / "best.pt" if named.is_dir() else named
    try:
        found = checkpoints.load(file)
    except DmnError as error:
        raise DmnError(f"train.from: {error.message}", error.hint, error.code) from error
    there, here = plain(found.config)["model"], plain(config)["model"]
    other = [
        f"model.{key} {there[key]}, here {here[key]}" for key in here.keys() - MAY_DIFFER if there[key] != here[key]
    ]
    if config.model.passes not in ("auto", found.decided.passes):
        other.append(f"model.passes {found.decided.passes}, here {config.model.passes}")
    if not other and config.end_of_passes != found.config.end_of_passes:
        other.append(f"model.end_of_passes {found.config.end_of_passes}, here {config.end_of_passes}".lower())
    if other:
        what = "; ".join(sorted(other))
        raise DmnError(
            f"train.from: {config.train.from_}: another network than this config's: {what}",
            "give these keys its values",
        )
    return found


def take(trained: DMN, new: DMN, hidden_size: int) -> None:
    """Give a network the weights of another of its kind, whose vocabulary the new one's begins with."""
    old = dict(trained.named_parameters())
    with torch.no_grad():
        for name, weight in new.named_parameters():
            before = old[name].to(weight.device)
            if weight.shape == before.shape:
                weight.copy_(before)
            elif weight.shape[1:] == before.shape[1:]:  # a row per word or answer
                weight[: len(before)] = before
            else:  # the decoder's input, [y; q]: a column per word, then those of the question
                words = before.shape[1] - hidden_size
                weight[:, :words], weight[:, -hidden_size:] = before[:, :words], before[:, words:]
