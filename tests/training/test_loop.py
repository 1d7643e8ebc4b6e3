"""The schedules: of the learning rate, and of the weights of the two losses."""

import dataclasses

import pytest

from dmn_cli.training.loop import Progress, alpha_beta, last_epoch, learning_rate, over
from tests.training.conftest import small


@pytest.mark.parametrize(("decay", "half"), [("constant", 0.1), ("linear", 0.05)])
def test_decay(decay, half):
    config = small(decay=decay, learning_rate=0.1).train
    assert learning_rate(config, 0.0) == pytest.approx(0.1)
    assert learning_rate(config, 0.5) == pytest.approx(half)
    assert learning_rate(config, 1.0) == pytest.approx(0.1 if decay == "constant" else 0.0)


def test_gates_first_and_then_their_weight_falls():
    config = small(gate_epochs=2, gate_weight=0.5, gate_decay="linear", epochs=10).train
    assert alpha_beta(config, 0, 0.0) == alpha_beta(config, 1, 0.19) == (1.0, 0.0)
    assert alpha_beta(config, 2, 0.2) == pytest.approx((0.4, 1.0))
    assert alpha_beta(config, 9, 1.0) == pytest.approx((0.0, 1.0))
    assert alpha_beta(small(gate_weight=0.5).train, 9, 0.9) == (0.5, 1.0)


def test_training_settles_once_validation_is_all_right():
    config = small(epochs=100, settle=4, patience=50, decay="linear", learning_rate=0.1).train
    learning = Progress(epoch=9, improved_epoch=5, best_epoch=8, best_accuracy=0.99)
    right = Progress(epoch=9, improved_epoch=8, best_epoch=9, best_accuracy=1.0)
    assert (last_epoch(config, learning), over(config, learning)) == (100, "")
    assert (last_epoch(config, right), over(config, right)) == (12, "")
    done = dataclasses.replace(right, epoch=12)
    assert over(config, done) == "settled: all validation questions right, and 4 epochs more"
    late = Progress(epoch=99, improved_epoch=98, best_epoch=98, best_accuracy=1.0)
    assert (last_epoch(config, late), over(config, late)) == (100, "")
    assert last_epoch(small(epochs=100).train, right) == 100
