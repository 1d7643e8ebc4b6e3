"""Other likely answers of a decoder, for a reader to compare. Not in the paper, and no part of training."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

LONGEST_ANSWER = 32
"""Words after which a decoder gives up waiting for its end token."""

SMALLEST_BEAM = 5

Step = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""One word of the decoder, see GRUAnswer.step."""


def likeliest(step: Step, given: Tensor, memory: Tensor, question: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """An answer, and after it the likeliest others that a beam search finds.

    Args:
        step: of the decoder.
        given: (Q, L) the words of the answer, −1 after the end token.
        memory, question: (Q, H).
        count: K.

    Returns:
        the words, (Q, K, L), −1 after the end token; and the logarithms of the probabilities of whole answers,
        (Q, K), −∞ where there are no K different ones.
    """
    words, log_probabilities = _beam(step, memory, question, max(count + 1, SMALLEST_BEAM))
    width = max(given.shape[1], words.shape[2])
    given, words = (F.pad(part, (0, width - part.shape[-1]), value=-1) for part in (given, words))
    same = (words == given[:, None]).all(2)
    log_probabilities = log_probabilities.masked_fill(same, -torch.inf)
    others, which = log_probabilities.topk(count - 1)
    words = words.gather(1, which[..., None].expand(-1, -1, width))
    return torch.cat([given[:, None], words], 1), torch.cat(
        [_log_probability(step, memory, question, given), others], 1
    )


def _log_probability(step: Step, memory: Tensor, question: Tensor, words: Tensor) -> Tensor:
    """(Q, 1) of answers (Q, L), −1 after the end token: the sum over their words."""
    total = memory.new_zeros(len(memory), 1)
    previous, state = torch.full((len(memory),), -1, device=memory.device), memory
    for word in words.unbind(1):
        logits, state = step(previous, question, state)
        chosen = logits.log_softmax(1).gather(1, word.clamp(min=0)[:, None])
        total = total + chosen.masked_fill((word < 0)[:, None], 0)
        previous = word
    return total


def _beam(step: Step, memory: Tensor, question: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Beam search: the words, (Q, W, L), −1 after the end token, and log probabilities, (Q, W), −∞ for none."""
    count = len(memory)
    words = torch.full((count, 1, 0), -1, device=memory.device)
    previous = torch.full((count, 1), -1, device=memory.device)
    ended = torch.zeros_like(previous, dtype=torch.bool)
    total, state = memory.new_zeros(count, 1), memory[:, None]
    while not ended.all() and words.shape[2] < LONGEST_ANSWER:
        beams = total.shape[1]
        logits, state = step(previous.flatten(), question.repeat_interleave(beams, 0), state.flatten(0, 1))
        log_words = logits.log_softmax(1).unflatten(0, (count, beams))
        size = log_words.shape[2]
        stay = log_words.new_full((size,), -torch.inf).index_fill(0, previous.new_zeros(1), 0.0)
        log_words = torch.where(ended[..., None], stay, log_words)  # a whole answer goes on in one way, as it is
        total, which = (total[..., None] + log_words).flatten(1).topk(min(width, beams * size))
        beam, previous = which // size, which % size
        ended = ended.gather(1, beam)
        words = words.gather(1, beam[..., None].expand(-1, -1, words.shape[2]))
        words = torch.cat([words, previous.masked_fill(ended, -1)[..., None]], 2)
        state = state.unflatten(0, (count, beams)).gather(1, beam[..., None].expand(-1, -1, memory.shape[1]))
        ended = ended | (previous == 0)
    return words, total
