"""Training without an idea computes the same: else its time would say nothing."""

import json

import torch

from dmn_cli.bench.ablate import WholeGate
from dmn_cli.data import vocabulary as vocab
from dmn_cli.data.batches import collate, encode
from dmn_cli.generator.generate import generate
from dmn_cli.model.network import network


def test_the_gate_in_one_piece_is_the_same_gate():
    stories = generate(1, 20, seed=0)
    words = vocab.build(stories)
    data = encode(stories, words)
    torch.manual_seed(0)
    sizes = {"hidden_size": 6, "embedding_size": 6, "passes": 3}
    model = network(words=len(words.words), answers=len(words.answers), **sizes).double()
    batch = collate(data, torch.arange(len(data)))
    expected = model.recall(batch)[0].memory
    model.memory.gate.__class__ = WholeGate
    torch.testing.assert_close(model.recall(batch)[0].memory, expected)


def test_every_idea_is_measured(dmn):
    small = ["--set", "model.hidden_size=8", "--set", "model.embedding_size=8", "--set", "data.questions=20"]
    options = ["--set", "data.source=generated", *small, "--task", 1, "--repeats", 1]
    rates = json.loads(dmn("bench", *options, "--ablate", "--json").out)
    assert "as shipped" in rates
    assert len(rates) >= 3
    assert all(0 < rate["low"] <= rate["median"] <= rate["high"] for rate in rates.values())
    assert "times slower" in dmn("bench", *options, "--ablate").out
