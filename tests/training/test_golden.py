"""The losses of the first 50 steps, which no redesign may change.

They were recorded in double precision, so that neither the kernels nor the order of additions matter: with the code of
commit 140c202, and those of ``dmn.yaml`` and its twins with the code of the commit that brought them.
"""

import itertools
import json

import pytest
import torch

from dmn_cli import config as configs
from dmn_cli.data.batches import collated, order
from dmn_cli.runs import run
from dmn_cli.training import loop
from dmn_cli.training.build import dataset
from tests.conftest import ROOT

GOLDEN = json.loads((ROOT / "tests" / "golden" / "losses.json").read_text())
SLOW = ("strong.yaml", "weak.yaml", "dmn-plus.yaml")  # large batches, or classes of words to find


def losses(config: configs.Config, steps: int) -> list[list[float]]:
    """E(gates) and E(answers) of the first steps, in double precision."""
    checkpoint, train, _, changes = run.prepare(config, torch.device("cpu"), 1)
    model = checkpoint.model.double()
    optimizer = loop.optimiser(model, config.train)
    loss_weights = (config.train.gate_weight, 1.0)
    stories = [story for of_task in train.stories.values() for story in of_task]
    found: list[list[float]] = []
    for epoch in itertools.count():
        seen = changes.of(train.stories, f"{config.train.seed} {epoch}") if changes else stories
        data = dataset(config, checkpoint.vocabulary, seen)
        seed = loop._mix(config.train.seed, epoch)
        for batch in collated(data, order(data, config.train.batch_size, seed, config.train.shuffle)):
            loss = loop.training_step(model, optimizer, batch, config.train, len(found), *loss_weights)
            found.append([loss.gates.item(), loss.answers.item()])
            if len(found) == steps:
                return found
    raise AssertionError


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[pytest.mark.slow] * case.startswith(SLOW)) for case in sorted(GOLDEN)]
)
def test_the_first_fifty_losses_are_as_ever(case, babi_data):
    name, task = case.split()
    config = configs.load(name, [f"data.tasks=[{task}]", f"data.dir={babi_data}"])
    expected = GOLDEN[case]
    assert len(expected) == 50
    torch.testing.assert_close(losses(config, len(expected)), expected, rtol=1e-6, atol=1e-6)
