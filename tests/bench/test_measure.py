"""``dmn bench``: what it counts, and the form of what it prints (the figures themselves are no test's business)."""

import json

import pytest
import torch

from dmn_cli.bench import measure
from dmn_cli.data import vocabulary as vocab
from dmn_cli.data.batches import encode
from dmn_cli.data.stories import Question, Story
from dmn_cli.model.fast import kernels
from dmn_cli.model.network import network

STORY = Story(
    ("Mary went home.", "John slept."),
    (Question("Where is Mary?", "home", 1, (0,)), Question("Who slept?", "john", 2, (1,))),
)


@pytest.mark.parametrize(("reader", "steps", "twice"), [("words", 7, 1), ("positions", 2, 2)])
def test_useful_work_by_hand(reader, steps, twice):
    words = vocab.build([STORY])
    model = network(words=len(words.words), answers=2, hidden_size=10, embedding_size=10, passes=3, reader=reader)
    work = measure.useful_work(model, encode([STORY], words), torch.tensor([0, 1]))
    rows, facts, question_words, questions = 3, 2, 5, 2
    expected = 3 * rows * 600 + 4 * rows * 2 * 21 * 10 + steps * 600 * twice + facts * 1000 + question_words * 600
    assert work == 3 * (expected + 3 * questions * 1200 + 4 * questions * 200)


def test_the_gemm_rate_is_of_this_world():
    assert 1e8 < measure.gemm_rate() < 1e14


def test_the_kernels_are_as_before(dmn):
    before = kernels.active()
    done = dmn("bench", "--set", "data.source=generated", "--set", "data.questions=40", "--repeats", 1, "--task", 1)
    assert done.code == 0
    assert "of the GEMM rate" in done.out
    assert "times than the textbook DMN" in done.out
    assert kernels.active() == before


def test_json_has_what_a_script_needs(dmn):
    small = ["--set", "model.hidden_size=8", "--set", "model.embedding_size=8", "--set", "data.questions=40"]
    done = dmn("bench", "--set", "data.source=generated", *small, "--repeats", 1, "--task", 1, "--batch", 20, "--json")
    result = json.loads(done.out)
    assert result["task"] == 1
    assert result["threads"] == 1
    assert result["batch"] == 20
    assert 0 < result["gemm_share"] < 1
    assert result["questions_per_second"] == result["rates"]["train"]["median"]
    assert result["baseline_ratio"] > 0
    assert result["peak_memory_bytes"] > 1e6


def test_a_sweep_and_its_picture(dmn, tmp_path, monkeypatch):
    sizes = []

    def scaled(config, facts, hidden, batch, repeats, trained=True):
        sizes.append((facts, hidden, batch))
        return {"microseconds": 1.0, "low": 0.5, "high": 2.0}

    monkeypatch.setattr(measure, "_scaled", scaled)
    done = dmn("bench", "--set", "data.source=generated", "--sweep", "--plot", "sweep.svg")
    assert done.code == 0
    assert "facts: microseconds" in done.out
    assert (10, 80, 32) in sizes
    assert (1000, 80, 32) in sizes
    assert sizes.count((100_000, 80, 1)) == 2
    assert "<svg" in (tmp_path / "sweep.svg").read_text()
    assert dmn("bench", "--set", "data.source=generated", "--plot", "nowhere/sweep.svg").code == 2


@pytest.mark.parametrize("trained", [True, False])
def test_the_cost_of_a_fact_is_measured(trained, monkeypatch):
    monkeypatch.setattr(measure, "SWEPT_ROWS", 30)
    from dmn_cli.config import load

    config = load("bench.yaml", ["data.source=generated"])
    point = measure._scaled(config, 5, 8, 3, 2, trained)
    assert 0 < point["low"] <= point["microseconds"] <= point["high"]
