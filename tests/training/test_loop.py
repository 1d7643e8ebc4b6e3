"""The schedule of the learning rate."""

import pytest

from dmn_cli.training.loop import learning_rate
from tests.training.conftest import small


@pytest.mark.parametrize(("decay", "half"), [("constant", 0.1), ("linear", 0.05)])
def test_decay(decay, half):
    config = small(decay=decay, learning_rate=0.1).train
    assert learning_rate(config, 0.0) == pytest.approx(0.1)
    assert learning_rate(config, 0.5) == pytest.approx(half)
    assert learning_rate(config, 1.0) == pytest.approx(0.1 if decay == "constant" else 0.0)
