"""A training that starts from a trained network, and one that goes on past its last epoch."""

import json

import pytest
import torch

from dmn_cli.data import vocabulary as vocab
from dmn_cli.data.stories import Question, Story
from dmn_cli.training import checkpoint as checkpoints
from tests.own_stories import make

PLACES, WENT, WHERE = ["hall", "attic", "red box"], "{a} went to the {p}.", "Where is {a}?"
CONFIG = """
base: dmn.yaml
data: {source: files, train: train.txt}
model: {hidden_size: 10, embedding_size: 10, answer: ANSWER}
train: {epochs: 2, patience: 9, batch_size: 25, decay: constant, gate_epochs: 0, gate_decay: constant}
"""


@pytest.fixture(params=["linear", "gru"])
def trained(request, dmn, tmp_path):
    """A trained network in runs/old, and a config for other stories."""
    make(tmp_path / "train.txt", ["Ram", "Sita"], PLACES, WENT, WHERE, 30, 1)
    make(tmp_path / "other.txt", ["Ram", "Zoe"], [*PLACES, "blue cave"], WENT, WHERE, 30, 2)
    (tmp_path / "old.yaml").write_text(CONFIG.replace("ANSWER", request.param))
    (tmp_path / "new.yaml").write_text("base: old.yaml\ndata: {train: other.txt}\ntrain: {from: runs/old}\n")
    done = dmn("train", "--config", "old.yaml", "--no-page", "--quiet")
    assert done.code == 0, done.err
    return tmp_path


def test_weights_are_taken_and_what_is_new_is_said(dmn, trained):
    done = dmn("train", "--config", "new.yaml", "--no-page", "--set", "train.learning_rate=1e-12")
    assert done.code == 0, done.err
    assert "starting from runs/old: its weights are taken; 3 words and 1 answers are new" in done.err
    old, new = (checkpoints.load(trained / "runs" / name / "checkpoints" / "best.pt") for name in ("old", "new"))
    count, answers = len(old.vocabulary.words), len(old.vocabulary.answers)
    assert new.vocabulary.words == [*old.vocabulary.words, "blue", "cave", "zoe"]
    assert new.vocabulary.answers == [*old.vocabulary.answers, "blue cave"]
    torch.testing.assert_close(new.model.embedding[:count], old.model.embedding, rtol=0, atol=1e-6)
    before, after = dict(old.model.named_parameters()), dict(new.model.named_parameters())
    for name in before.keys() - {"embedding"}:
        if not name.startswith("answer"):
            torch.testing.assert_close(after[name], before[name], rtol=0, atol=1e-6)
    if old.config.model.answer == "linear":
        torch.testing.assert_close(after["answer.linear.weight"][:answers], before["answer.linear.weight"])
    else:
        words = len(old.vocabulary.answer_words)
        assert new.vocabulary.answer_words[:words] == old.vocabulary.answer_words
        for side in (slice(words), slice(-10, None)):
            found, wanted = (of["answer.gru.weight_ih"][:, side] for of in (after, before))
            torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6)


def test_such_a_run_is_resumed_without_its_source(dmn, trained):
    assert dmn("train", "--config", "new.yaml", "--no-page", "--quiet").code == 0
    (trained / "runs" / "old").rename(trained / "runs" / "gone")
    done = dmn("train", "--resume", "--run-dir", "runs/new", "--set", "train.epochs=3", "--no-page")
    assert (done.code, "epoch 3/3" in done.err) == (0, True)


@pytest.mark.parametrize("trained", ["linear"], indirect=True)
@pytest.mark.parametrize(
    ("key", "what"),
    [
        (
            "model.hidden_size=11",
            "train.from: runs/old: another network than this config's: model.hidden_size 10, here 11",
        ),
        ("train.supervision=weak", "model.end_of_passes true, here false"),
        ("model.passes=7", "model.passes 1, here 7"),
        ("train.from=nowhere", "train.from: nowhere: cannot be read"),
        ("train.from=train.txt", "train.from: train.txt: not a checkpoint"),
    ],
)
def test_another_network_is_refused(key, what, dmn, trained):
    done = dmn("train", "--config", "new.yaml", "--set", key)
    assert (done.code, what in done.err) == (2, True), done.err
    assert len(done.err.splitlines()) <= 2


@pytest.mark.parametrize("trained", ["linear"], indirect=True)
def test_a_run_that_is_done_goes_on_as_if_it_had_had_more_epochs(dmn, trained):
    weights = [line["weights"] for line in lines(trained / "runs" / "old")]
    done = dmn("train", "--resume", "--run-dir", "runs/old", "--set", "train.epochs=3", "--no-page", "--quiet")
    assert done.code == 0, done.err
    assert dmn("train", "--config", "old.yaml", "--set", "train.epochs=3", "--no-page", "--quiet").code == 0
    longer = [line["weights"] for line in lines(trained / "runs" / "old")]
    assert longer[:2] == weights
    assert longer == [line["weights"] for line in lines(trained / "runs" / "old-2")]
    assert (trained / "runs" / "old" / "done").read_text() == "all 3 epochs done\n"


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("trained", ["linear"], indirect=True)
@pytest.mark.parametrize(
    ("key", "what"),
    [
        (None, "runs/old: this run is done: all 2 epochs done"),
        ("train.epochs=1", "more epochs, patience and settle, not less: train.epochs 2 → 1"),
        ("train.batch_size=7", "the run's config is another: train.batch_size 25 → 7"),
    ],
)
def test_nothing_else_of_a_run_changes(key, what, dmn, trained):
    done = dmn("train", "--resume", "--run-dir", "runs/old", *(["--set", key] if key else []))
    assert (done.code, what in done.err) == (2, True), done.err
    assert (trained / "runs" / "old" / "results.json").exists()


def test_a_vocabulary_is_extended_at_its_end():
    old = vocab.build([Story(("B c.",), (Question("Who?", "Zed", 1), Question("Who?", "x,y", 1)))])
    new = vocab.build([Story(("A c.",), (Question("Who?", "zed.", 1), Question("Where?", "x|Abe", 1)))])
    both = vocab.extended(old, new)
    assert both.words == [*old.words, "a", "where"]
    assert both.answers == [*old.answers, "Abe", "x"]
    assert both.answer_words == [*old.answer_words, "Abe"]
    assert vocab.extended(both, new) == both
