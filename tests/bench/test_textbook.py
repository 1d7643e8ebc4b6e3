"""The baseline computes what our model computes: a ratio between two different things would mean nothing."""

import pytest
import torch

from dmn_cli.bench.textbook import TextbookDMN, batch_of
from dmn_cli.data import vocabulary as vocab
from dmn_cli.data.batches import collate, encode
from dmn_cli.generator.generate import generate
from dmn_cli.model.network import network

# ours -> the textbook's; weight_ih and so on of a GRU follow by themselves
GRUS = {
    "input.gru": "input",
    "question.gru": "question",
    "memory.episode.gru": "episode",
    "memory.update.gru": "memory",
}
OTHERS = {
    "embedding": "embedding.weight",
    "memory.gate.Wb": "bilinear.weight",
    "memory.gate.W1.weight": "gate.0.weight",
    "memory.gate.W1.bias": "gate.0.bias",
    "memory.gate.W2.weight": "gate.2.weight",
    "memory.gate.W2.bias": "gate.2.bias",
    "answer.linear.weight": "answer.weight",
    "answer.linear.bias": "answer.bias",
}


def textbook_weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    weights = {}
    for name, weight in model.named_parameters():
        module, _, part = name.rpartition(".")
        if module in GRUS:
            layer = "_l0" if GRUS[module] in ("input", "question") else ""
            weights[f"{GRUS[module]}.{part}{layer}"] = weight
        else:
            weights[OTHERS[name]] = weight
    return weights


@pytest.mark.parametrize("reader", ["words", "positions"])
@pytest.mark.parametrize("gate", ["sigmoid", "softmax"])
def test_the_same_weights_give_the_same_answers(reader, gate):
    stories = generate(1, 30, seed=0)
    words = vocab.build(stories)
    data = encode(stories, words)
    torch.manual_seed(0)
    sizes = {"hidden_size": 6, "embedding_size": 6, "passes": 3}
    ours = network(words=len(words.words), answers=len(words.answers), reader=reader, gate=gate, **sizes).double()
    theirs = TextbookDMN(len(words.words), len(words.answers), 6, 3, reader, gate).double()
    theirs.load_state_dict(textbook_weights(ours))
    batch = collate(data, torch.arange(len(data)))
    recall, question, _ = ours.recall(batch)
    stories_of, texts, answers = batch_of(data, batch.number)
    assert torch.equal(answers, batch.answer)
    torch.testing.assert_close(theirs(stories_of, texts), ours.answer(recall.memory, question), rtol=1e-5, atol=1e-6)
