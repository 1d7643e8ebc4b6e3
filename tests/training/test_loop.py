"""The schedule of the learning rate, and the optimiser's groups."""

import pytest

from dmn_cli.runs.assembly import prepare
from dmn_cli.training.loop import learning_rate, optimiser
from tests.training.conftest import small


@pytest.mark.parametrize(("decay", "half"), [("constant", 0.1), ("linear", 0.05)])
def test_decay(decay, half):
    config = small(decay=decay, learning_rate=0.1).train
    assert learning_rate(config, 0.0) == pytest.approx(0.1)
    assert learning_rate(config, 0.5) == pytest.approx(half)
    assert learning_rate(config, 1.0) == pytest.approx(0.1 if decay == "constant" else 0.0)


def test_biases_are_not_decayed():
    import torch

    checkpoint = prepare(small(weight_decay=0.5), torch.device("cpu"), 1).checkpoint
    groups = optimiser(checkpoint.model, small(weight_decay=0.5).train).param_groups
    assert [group["weight_decay"] for group in groups] == [0.5, 0.0]
    assert all(weight.ndim > 1 for weight in groups[0]["params"])
    assert sum(len(group["params"]) for group in groups) == len(list(checkpoint.model.parameters()))
