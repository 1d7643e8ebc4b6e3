"""A hundred updates on every path: the compiled kernels, PyTorch, and the loops of naive.py lead to the same losses."""

import pytest
import torch

from dmn_cli.data import vocabulary as vocab
from dmn_cli.data.batches import collate, encode
from dmn_cli.generator.generate import generate
from dmn_cli.model.fast import kernels
from dmn_cli.model.network import network
from tests.model import naive

UPDATES = 100
STORIES = generate(1, 20, seed=3)
VOCABULARY = vocab.build(STORIES)
QUESTIONS = [(story, question) for story in STORIES for question in story.questions]
SHORT = [number for number, (_, question) in enumerate(QUESTIONS) if question.facts <= 4]
DATA = encode(STORIES, VOCABULARY, end_of_passes=True)


@pytest.fixture(autouse=True)
def as_before():
    before = kernels.active()
    yield
    kernels.use(before if before in kernels.LEVELS else "pytorch")


def train(loss_of, **options) -> list[float]:
    """The losses of 100 updates, two questions each."""
    torch.manual_seed(0)
    words, answers = len(VOCABULARY.words), len(VOCABULARY.answers)
    sizes = {"hidden_size": 8, "embedding_size": 8, "passes": 2, "end_of_passes": True}
    model = network(words=words, answers=answers, gate="softmax", **sizes, **options)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for step in range(UPDATES):
        loss = loss_of(model, [SHORT[step % len(SHORT)], SHORT[(3 * step + 1) % len(SHORT)]])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def fast(model, numbers):
    loss = model.loss(collate(DATA, torch.tensor(sorted(set(numbers)))), True)
    return loss.gates + loss.answers


def slow(model, numbers):
    asked = [naive.Asked(model, VOCABULARY, *QUESTIONS[number], supervised=True) for number in sorted(set(numbers))]
    return sum(question.gate_loss + question.answer_loss for question in asked) / len(asked)


@pytest.mark.slow
@pytest.mark.parametrize("episode", ["gru", "weighted-sum"])
def test_the_losses_of_a_hundred_updates_are_equal(episode):
    expected = train(slow, episode=episode)
    assert sum(expected[-10:]) < sum(expected[:10])  # it learns
    torch.testing.assert_close(train(fast, episode=episode), expected, rtol=0, atol=1e-4)
    kernels.use("pytorch")
    torch.testing.assert_close(train(fast, episode=episode), expected, rtol=0, atol=1e-4)
