"""The parts of a training step."""

import pytest
import torch

from dmn_cli.bench.parts import REST, Stopwatch, parts
from dmn_cli.config import load
from dmn_cli.data.batches import order
from dmn_cli.runs.assembly import flat, prepare
from dmn_cli.training import loop
from dmn_cli.training.build import dataset

BOTH_WAYS = ("read", "gate", "episode", "update", "answer")


@pytest.mark.parametrize("name", ["bench.yaml", "dmn-l.yaml"])
def test_the_shares_add_up_and_leave_nothing_behind(name):
    config = load(name, ["data.source=generated", "data.questions=60", "data.tasks=[2]", "model.hidden_size=8"])
    begun, train, *_ = prepare(config, torch.device("cpu"), 1)
    data = dataset(config, begun.vocabulary, flat(train))
    before = loop.training_step, dict(vars(begun.model.memory))
    shares = parts(begun.model, config, data, order(data, 20), 1)
    assert sum(shares.values()) == pytest.approx(1)
    assert shares.keys() == {
        *BOTH_WAYS,
        *(f"{part}, backward" for part in BOTH_WAYS),
        *("collate", "clip", "optimiser", REST),
    }
    assert (loop.training_step, dict(vars(begun.model.memory))) == before


def test_time_belongs_to_the_part_and_to_its_way_back(monkeypatch):
    now = iter(range(100))
    monkeypatch.setattr("time.perf_counter", lambda: next(now))
    watch = Stopwatch()
    x = torch.ones(2, requires_grad=True)
    watch.timed("double", lambda: 2 * x)().sum().backward()
    watch.switch("after")
    assert watch.spent == {REST: 2, "double": 1, "double, backward": 1}
