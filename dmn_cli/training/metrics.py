"""How well a network answers a data set."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from dmn_cli.batch import Batch
from dmn_cli.data.batches import Dataset, collated, order
from dmn_cli.model.answer import LinearAnswer
from dmn_cli.model.dmn import DMN


class Score(NamedTuple):
    """How a network did on a data set: questions asked, answered right, and the answers' loss in nats a question."""

    questions: int
    correct: int
    loss: float


@torch.no_grad()
def score(model: DMN, data: Dataset, batch_size: int) -> Score:
    """Ask every question of a data set once, without dropout; gates alone decide the passes."""
    model.eval()
    correct, loss = 0, 0.0
    for batch in collated(data, order(data, batch_size)):
        batch = batch.to(model.embedding.device)
        recall, question, _ = model.recall(batch)
        correct += int(right(model, model.answer.predict(recall.memory, question), batch).sum())
        loss += model.answer.loss(recall.memory, question, batch).item() * len(batch.number)
    return Score(len(data), correct, loss / len(data))


def right(model: DMN, predicted: Tensor, batch: Batch) -> Tensor:
    """(Q,) whether each answer is a right one, in all its words."""
    if isinstance(model.answer, LinearAnswer):
        return (predicted == torch.cat([batch.answer[:, None], batch.also], 1)).any(1)
    several = (predicted[:, None], batch.answer_words[:, None], batch.also_words)
    width = max(words.shape[2] for words in several)
    said, true, also = (F.pad(words, (0, width - words.shape[2]), value=-1) for words in several)
    return (said == torch.cat([true, also], 1)).all(2).any(1)
