"""The equations as they stand in the paper's modules against the fast forms that compute them, on every path."""

import pytest
import torch
from torch import nn

from dmn_cli.data import vocabulary as vocab
from dmn_cli.data.batches import collate, encode
from dmn_cli.generator.generate import generate
from dmn_cli.model.dmn_plus import DMNPlusGate
from dmn_cli.model.episode import GatedGRU
from dmn_cli.model.gate import Gate, z
from dmn_cli.model.gru import GRU

H = 6


@pytest.fixture
def batch():
    stories = generate(2, 12, seed=0)
    data = encode(stories, vocab.build(stories))
    return collate(data, torch.arange(len(data)))


def same_values_and_gradients(slow, fast, leaves):
    torch.testing.assert_close(slow, fast)
    weights = torch.randn_like(slow)
    found, wanted = (torch.autograd.grad((value * weights).sum(), leaves) for value in (fast, slow))
    torch.testing.assert_close(found, wanted)


def test_z_is_the_nine_terms_of_the_paper_in_its_order():
    c, m, q = torch.randn(3, 1, 2, dtype=torch.double)
    Wb = torch.randn(2, 2, dtype=torch.double)
    (c1, c2), (m1, m2), (q1, q2) = c[0], m[0], q[0]
    dot_q = sum(c[0, i] * Wb[i, j] * q[0, j] for i in range(2) for j in range(2))
    dot_m = sum(c[0, i] * Wb[i, j] * m[0, j] for i in range(2) for j in range(2))
    expected = [c1, c2, m1, m2, q1, q2, c1 * q1, c2 * q2, c1 * m1, c2 * m2]
    expected += [abs(c1 - q1), abs(c2 - q2), abs(c1 - m1), abs(c2 - m2), dot_q, dot_m]
    torch.testing.assert_close(z(c, m, q, Wb)[0], torch.stack(expected))


@pytest.mark.parametrize("kind", [Gate, DMNPlusGate])
def test_the_gate(path, batch, kind):
    torch.manual_seed(0)
    gate = kind(H).double()
    for weight in gate.parameters():
        nn.init.normal_(weight)
    facts, questions, memories = (
        torch.randn(count, H, dtype=torch.double, requires_grad=True)
        for count in (int(batch.rows.index.max()) + 1, batch.rows.count, batch.rows.count)
    )
    c, m, q = facts[batch.rows.index], memories[batch.rows.sequence], questions[batch.rows.sequence]
    fast = gate.of(facts, questions, batch.rows, batch)(memories)
    same_values_and_gradients(gate(c, m, q), fast, [facts, questions, memories, *gate.parameters()])


def test_the_episode(path, batch):
    torch.manual_seed(0)
    episode = GatedGRU(H).double()
    facts = torch.randn(int(batch.rows.index.max()) + 1, H, dtype=torch.double, requires_grad=True)
    g = torch.rand(len(batch.rows.index), dtype=torch.double, requires_grad=True)
    last = []
    for question in range(batch.rows.count):
        h = torch.zeros(1, H, dtype=torch.double)
        for row in (batch.rows.sequence == question).nonzero().squeeze(1).tolist():
            h = episode.step(facts[batch.rows.index[row]][None], h, g[row].reshape(1, 1))
        last.append(h)
    fast = episode.of(facts)(batch.rows, g)
    same_values_and_gradients(torch.cat(last), fast, [facts, g, *episode.parameters()])


def test_the_gru_is_that_of_torch(path):
    torch.manual_seed(0)
    ours, theirs = GRU(4, H).double(), nn.GRUCell(4, H).double()
    theirs.load_state_dict(ours.state_dict())
    x, h = torch.randn(3, 4, dtype=torch.double), torch.randn(3, H, dtype=torch.double)
    torch.testing.assert_close(ours.step(x, h), theirs(x, h))
    same_values_and_gradients(ours.step(x, h), ours.cell(x, h), list(ours.parameters()))
