"""The schedule of the learning rate, and the optimiser's groups."""

import pytest

from dmn_cli.runs.run import prepare
from dmn_cli.training.loop import learning_rate, optimiser
from tests.training.conftest import small


def test_warm_up_rises_to_the_rate():
    config = small(warmup=4, learning_rate=0.1).train
    rates = [learning_rate(config, step, 0.0) for step in range(6)]
    assert rates == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1, 0.1])


@pytest.mark.parametrize(("decay", "half"), [("constant", 0.1), ("linear", 0.05), ("cosine", 0.05)])
def test_decay(decay, half):
    config = small(decay=decay, learning_rate=0.1).train
    assert learning_rate(config, 10, 0.0) == pytest.approx(0.1)
    assert learning_rate(config, 10, 0.5) == pytest.approx(half)
    assert learning_rate(config, 10, 1.0) == pytest.approx(0.1 if decay == "constant" else 0.0)


def test_biases_are_not_decayed():
    import torch

    checkpoint = prepare(small(weight_decay=0.5), torch.device("cpu"), 1).checkpoint
    groups = optimiser(checkpoint.model, small(weight_decay=0.5).train).param_groups
    assert [group["weight_decay"] for group in groups] == [0.5, 0.0]
    assert all(weight.ndim > 1 for weight in groups[0]["params"])
    assert sum(len(group["params"]) for group in groups) == len(list(checkpoint.model.parameters()))
