"""A network as plain types and base64, for assets/engine.js."""

import base64
import dataclasses
import re
import struct
from typing import Any, NamedTuple

from torch import Tensor

from dmn_cli.data.vocabulary import Vocabulary
from dmn_cli.errors import DmnError
from dmn_cli.training import own_code
from dmn_cli.training.checkpoint import Checkpoint

OPTIONS = ("facts", "reader", "residual", "gate", "episode", "memory", "free_passes")
"""Keys of ``model`` that the engine asks for; all else it sees from the weights that are there."""


class Exported(NamedTuple):
    """What the engine takes.

    Attributes:
        network: options, vocabulary, and the shape and place of each tensor, by its name in the checkpoint,
            where a gate and a memory update are called the same whether an extension is around them or not.
        weights: all tensors one after the other, little-endian float32 in base64.
    """

    network: dict[str, Any]
    weights: str


def of_checkpoint(checkpoint: Checkpoint) -> Exported:
    """The network of a checkpoint.

    Raises:
        DmnError: a part of it is a user's own class, which the engine does not know.
    """
    if classes := own_code.of(checkpoint.model):
        what = f"the page computes the network in JavaScript, and does not know {', '.join(sorted(classes))}"
        raise DmnError(what, "`dmn eval CHECKPOINT --errors` shows its mistakes in the terminal")
    config, decided = checkpoint.config, checkpoint.decided
    options = {**config.model.model_dump(), "max_facts": config.data.max_facts, "order": decided.order.value}
    return export(options, decided.passes, checkpoint.vocabulary, checkpoint.model.state_dict())


def export(options: dict[str, Any], passes: int, vocabulary: Vocabulary, weights: dict[str, Tensor]) -> Exported:
    """A network from its parts.

    Args:
        options: at least ``OPTIONS`` and ``max_facts``, as in a config, and ``order``, see extensions.order.
        passes: P, the most passes.
        vocabulary: of the training stories.
        weights: the state dict. Float32: rounded to float16 they do not give gates within 1e-4.
    """
    tensors: dict[str, dict[str, Any]] = {}
    offsets: dict[int, int] = {}  # a GRU that two modules share is written once
    parts: list[bytes] = []
    size = 0
    for name, tensor in weights.items():
        where = tensor.data_ptr()
        if where not in offsets:
            numbers = tensor.float().flatten().tolist()
            parts.append(struct.pack(f"<{len(numbers)}f", *numbers))
            offsets[where] = size
            size += len(numbers)
        tensors[_unwrapped(name)] = {"shape": list(tensor.shape), "offset": offsets[where]}
    network = {key: options[key] for key in (*OPTIONS, "max_facts", "order")}
    network |= {"passes": passes, "vocabulary": dataclasses.asdict(vocabulary), "tensors": tensors}
    return Exported(network, base64.b64encode(b"".join(parts)).decode("ascii"))


def _unwrapped(name: str) -> str:
    return re.sub(r"^memory\.(gate|update)\.\1\.", r"memory.\1.", name)
