"""How the paper's network may start. The paper does not say how; no equation changes."""

import math

import torch

from dmn_cli.model.dmn import DMN
from dmn_cli.model.episode import GatedGRU
from dmn_cli.model.gru import GRU
from dmn_cli.model.memory import MemoryGRU

LONGEST = 500
"""Words of a story over which the reader's units start to remember, at most."""


@torch.no_grad()
def carry(model: DMN) -> None:
    """Let facts reach the memory as they are from the first step on, and let the reader remember what it has read.

    - The question's GRU is a copy of the reader's: the same words leave much the same trace in facts and questions.
    - The reader's units then keep their state for 1 to 500 words: the bias of its z is drawn evenly from 0 to log 500
      (after the chrono initialisation of arXiv 1804.11188).
    - The new state of the episode's and the memory's GRU is tanh of what comes in. With z = σ(−1) about
      three quarters of it are taken.
    - Wb = I / H: the bilinear terms of the gate start with c · q and c · m.

    Parts of another kind stay as they are.
    """
    reader, question = getattr(model.input, "gru", None), getattr(model.question, "gru", None)
    if isinstance(reader, GRU) and isinstance(question, GRU):
        if reader.weight_ih.shape == question.weight_ih.shape:
            question.load_state_dict(reader.state_dict())
        _z(reader).copy_(torch.rand(len(_z(reader))) * math.log(LONGEST))
    for module in (model.memory.episode, model.memory.update):
        if isinstance(module, GatedGRU | MemoryGRU):
            gru = module.gru
            gru.weight_ih.chunk(3)[2].copy_(torch.eye(gru.weight_hh.shape[1]))
            gru.weight_hh.chunk(3)[2].zero_()
            _z(gru).fill_(-1.0)
    if isinstance(Wb := getattr(model.memory.gate, "Wb", None), torch.Tensor):
        Wb.copy_(torch.eye(len(Wb)) / len(Wb))


def _z(gru: GRU) -> torch.Tensor:
    """The bias of the update gate z, (H,)."""
    return gru.bias_ih.chunk(3)[1]
