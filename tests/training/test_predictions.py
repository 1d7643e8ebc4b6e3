"""Predictions: the answers and accuracy of an evaluation, probabilities by hand, and where everything was read."""

import itertools
import math

import pytest
import torch

from dmn_cli.data.batches import collate
from dmn_cli.data.stories import parse
from dmn_cli.generator.generate import generate
from dmn_cli.model.answer import GRUAnswer
from dmn_cli.report.prediction import END_OF_PASSES
from dmn_cli.splits import Split
from dmn_cli.training.build import dataset
from dmn_cli.training.evaluate import evaluate
from dmn_cli.training.predictions import predict
from tests.training.test_ask import NETWORKS, untrained

SPLIT = Split({1: generate(1, 30, seed=3, split="test"), 8: generate(8, 30, seed=3, split="test")}, {})


@pytest.mark.parametrize("name", NETWORKS)
def test_accuracy_is_that_of_an_evaluation(name):
    checkpoint = untrained(**NETWORKS[name])
    made = list(predict(checkpoint, SPLIT))
    for result in evaluate(checkpoint, SPLIT, "test"):
        of_task = [one for one in made if one.task == result.task]
        assert (len(of_task), sum(one.right for one in of_task)) == (result.questions, result.correct)
        assert all(one.right == (one.answer == one.gold) for one in of_task)
    assert not checkpoint.model.training


@pytest.mark.parametrize("name", NETWORKS)
def test_the_batch_changes_nothing(name):
    """One by one and in one batch of all: the same, but for rounding."""
    checkpoint = untrained(**NETWORKS[name])
    train = checkpoint.config.train
    one_by_one, at_once = (
        list(predict(checkpoint._replace(config=checkpoint.config.model_copy(update={"train": size})), SPLIT))
        for size in (train.model_copy(update={"batch_size": 1}), train.model_copy(update={"batch_size": 1000}))
    )
    for one, other in zip(one_by_one, at_once, strict=True):
        near = {"probability": pytest.approx(other.probability, abs=1e-5), "gates": one.gates, "others": one.others}
        assert one == other._replace(**near)
        for gates, others in zip(one.gates, other.gates, strict=True):
            assert gates == pytest.approx(others, abs=1e-5)
        assert [p for _, p in one.others] == pytest.approx([p for _, p in other.others], abs=1e-5)


def test_probabilities_of_classes():
    """They are the softmax over [m; q], and here all answers are seen."""
    checkpoint = untrained()
    config, vocabulary, model = checkpoint.config, checkpoint.vocabulary, checkpoint.model
    data = dataset(config, vocabulary, SPLIT.stories[1])
    model.eval()
    batch = collate(data, torch.arange(len(data)))
    recall, question, _ = model.recall(batch)
    softmax = model.answer(recall.memory, question).softmax(1)[batch.number.argsort()]
    made = list(predict(checkpoint, Split({1: SPLIT.stories[1]}, {})))
    for one, row in zip(made, softmax.tolist(), strict=True):
        best = sorted(zip(row, vocabulary.answers, strict=True), reverse=True)[:3]
        found = [(one.answer, one.probability), *one.others]
        assert [answer for answer, _ in found] == [answer for _, answer in best]
        assert [p for _, p in found] == pytest.approx([p for p, _ in best], abs=1e-5)


def test_the_decoder_s_answers_are_the_likeliest_of_all(monkeypatch):
    """Against the probability of every answer of up to four words, each computed on its own."""
    monkeypatch.setattr("dmn_cli.model.answer.LONGEST_ANSWER", 4)
    monkeypatch.setattr("dmn_cli.model.beam.LONGEST_ANSWER", 4)
    monkeypatch.setattr("dmn_cli.model.beam.SMALLEST_BEAM", 200)
    torch.manual_seed(1)
    answer = GRUAnswer(5, 3, 0.0).eval()
    answer.linear.weight.data *= 3
    memory, question = torch.randn(4, 5), torch.randn(4, 5)
    with torch.no_grad():
        words, log_probabilities = answer.likeliest(memory, question, 3)
        every = [
            [*content, 0] if len(content) < 4 else list(content)
            for length in range(5)
            for content in itertools.product((1, 2), repeat=length)
        ]
        for at in range(4):
            scored = {}
            for written in every:
                previous, state, total = torch.tensor([-1]), memory[at : at + 1], 0.0
                for word in written:
                    logits, state = answer.step(previous, question[at : at + 1], state)
                    total += logits.log_softmax(1)[0, word].item()
                    previous = torch.tensor([word])
                scored[tuple(written)] = total
            assert sum(map(math.exp, scored.values())) == pytest.approx(1, abs=1e-5)
            found = [tuple(word for word in row if word >= 0) for row in words[at].tolist()]
            assert found[0] == tuple(w for w in answer.predict(memory, question)[at].tolist() if w >= 0)
            assert len(set(found)) == 3
            assert log_probabilities[at].tolist() == pytest.approx([scored[row] for row in found], abs=1e-4)
            rest = sorted((score for row, score in scored.items() if row != found[0]), reverse=True)
            assert log_probabilities[at, 1:].tolist() == pytest.approx(rest[:2], abs=1e-4)


TEXT = "1 Mary went home.\n2 John left.\n3 Where is Mary?\thome\t1\n4 Bill ran.\n\n5 Where is Bill?\tmoon\t4 2\n"


def test_what_a_prediction_tells_of_its_question():
    stories = parse("1 A b.\n" + TEXT, "mine.txt")
    one, two = predict(untrained(), Split({0: stories}, {}))
    assert (one.story, one.place, one.question, one.gold) == (1, "mine.txt:4", "Where is Mary?", "home")
    assert one.facts == ["Mary went home.", "John left.", END_OF_PASSES]
    assert (one.supporting, two.supporting) == ([0], [2, 1])
    assert (two.place, two.gold, two.right) == ("mine.txt:7", "moon", False)
    assert two.unknown == ["home", "bill", "ran"]
    (_, cut) = predict(untrained(max_facts=2), Split({0: stories}, {}))
    assert cut.facts == ["John left.", "Bill ran.", END_OF_PASSES]
    assert cut.supporting == [1, 0]
    (_, by_word) = predict(untrained("weak", facts="word"), Split({0: stories}, {}))
    assert by_word.facts == ["mary", "went", "home", "john", "left", "bill", "ran"]
    assert by_word.supporting == []


def test_kinds_of_passes():
    """A pass that picks the end of passes is the last, and changes nothing; a free one does not stop."""
    checkpoint = untrained(free_passes=1, passes=3)
    with torch.no_grad():  # the end-of-passes fact has the only open gate
        for parameter in checkpoint.model.memory.gate.parameters():
            parameter.zero_()
        checkpoint.model.memory.gate.W2.bias.fill_(-30.0)
    stories = parse(TEXT)
    one, _ = predict(checkpoint, Split({0: stories}, {}))
    assert one.passes == ["free", "taught", "taught"]  # all gates equal: the first, not the last, is picked
    assert one.attended == [None, None, None]
    assert one.blind
    weak = untrained("weak", gate="softmax")
    (seen, _) = predict(weak, Split({0: stories}, {}))
    assert seen.passes == ["", "", ""]
    assert all(0 <= at < 2 for at in seen.attended)
    assert not seen.blind


def test_a_pass_that_ends_changes_nothing():
    """As many passes are no end as the memory counts changes; here some questions stop early."""
    checkpoint = untrained(gate="softmax")
    data = dataset(checkpoint.config, checkpoint.vocabulary, SPLIT.stories[8])
    batch = collate(data, torch.arange(len(data)))
    recall, _, _ = checkpoint.model.eval().recall(batch)
    hops = recall.hops[batch.number.argsort()].tolist()
    made = list(predict(checkpoint, Split({8: SPLIT.stories[8]}, {})))
    assert [sum(kind == "taught" for kind in one.passes) for one in made] == hops
    assert len({tuple(one.passes) for one in made}) > 1
