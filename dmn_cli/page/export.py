"""A network as plain types and base64, for assets/engine.js."""

import base64
import struct
from typing import Any, NamedTuple

from torch import Tensor

from dmn_cli.data.vocabulary import Vocabulary
from dmn_cli.training.build import Decided
from dmn_cli.training.checkpoint import Checkpoint

OPTIONS = ("facts", "reader", "residual", "gate", "episode", "memory", "free_passes")
"""Keys of ``model`` that the engine asks for; all else it sees from the weights that are there."""


class Exported(NamedTuple):
    """What the engine takes.

    Attributes:
        network: options, vocabulary, and the shape and place of each tensor, by its name in the checkpoint.
        weights: all tensors one after the other, little-endian float32 in base64.
    """

    network: dict[str, Any]
    weights: str


def of_checkpoint(checkpoint: Checkpoint) -> Exported:
    """The network of a checkpoint."""
    options = {**checkpoint.config.model.model_dump(), "max_facts": checkpoint.config.data.max_facts}
    model = checkpoint.model
    return export(options, checkpoint.decided, checkpoint.vocabulary, model.state_dict())


def export(options: dict[str, Any], decided: Decided, vocabulary: Vocabulary, weights: dict[str, Tensor]) -> Exported:
    """A network from its parts.

    Args:
        options: at least ``OPTIONS`` and ``max_facts``, as in a config.
        decided: the most passes, and which open gate counts.
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
        tensors[name] = {"shape": list(tensor.shape), "offset": offsets[where]}
    words = {
        "words": vocabulary.words,
        "answers": vocabulary.answers,
        "answer_words": vocabulary.answer_words,
    }
    network = {key: options[key] for key in (*OPTIONS, "max_facts")}
    network |= {"passes": decided.passes, "order": decided.order.value, "vocabulary": words, "tensors": tensors}
    return Exported(network, base64.b64encode(b"".join(parts)).decode("ascii"))
