"""What training stories decide about the network."""

import pytest
import torch

from dmn_cli.config import from_plain
from dmn_cli.data import vocabulary as vocab
from dmn_cli.data.batches import collate
from dmn_cli.data.stories import Question, Story
from dmn_cli.errors import DmnError
from dmn_cli.generator.generate import generate
from dmn_cli.model.extensions.order import Order
from dmn_cli.runs.assembly import prepare
from dmn_cli.training.build import dataset, device, order, rarity, same

EARLY = dict.fromkeys((7, 8), Order.EARLIEST)
FREE = dict.fromkeys((4, 17, 18, 19, 20), Order.NONE)


@pytest.mark.parametrize("task", range(1, 21))
def test_which_open_gate_counts_is_read_from_the_training_stories(task):
    stories = generate(task, 500, 0)
    assert order({task: stories}) == {**EARLY, **FREE}.get(task, Order.LATEST)
    assert order({0: [story.unsupported() for story in stories]}) == Order.LATEST  # nothing is known


def test_tasks_that_differ_get_the_latest():
    stories = {task: generate(task, 200, 0) for task in (4, 7, 8, 17)}
    assert order(stories) == Order.LATEST
    assert order({task: stories[task] for task in (7, 8)}) == Order.EARLIEST
    assert order({task: stories[task] for task in (4, 17)}) == Order.NONE


def stories(*supporting):
    """*Where is Mary?*, who is named by facts 0 and 2."""
    facts = ("Mary went home.", "John slept.", "Mary went out.")
    return {0: [Story(facts, (Question("Where is Mary?", "out", 3, (fact,)),)) for fact in supporting]}


def test_later_facts_override_where_the_latest_of_those_alike_is_mostly_the_right_one():
    assert order(stories(*[2] * 7, *[0] * 3)) == Order.LATEST
    assert order(stories(*[2] * 6, *[0] * 4)) == Order.NONE
    assert order(stories(*[1] * 9, 0)) == Order.NONE  # fact 1 shares no word: of all three facts it is not the latest


def test_words_in_every_sentence_are_not_rare():
    told = [Story(("Mary is here.", "John is there."), (Question("Who is here?", "mary", 2, ()),))] * 9
    vocabulary = vocab.build(told)
    found = dict(zip(vocabulary.words, rarity(told, vocabulary).tolist(), strict=True))
    assert found["is"] == 0.0
    assert found["here"] == pytest.approx(0.2027, abs=1e-4)  # ln(3 / 2) / 2
    assert found["john"] == pytest.approx(0.5493, abs=1e-4)  # ln(3) / 2
    assert found["<unk>"] == 1.0


def test_forms_of_a_word_are_as_rare_as_the_word():
    facts = "to nopa", "at nopu", "to tuka", "at tuku", "here"
    told = [Story(facts, (Question("where?", "here", 5, ()),))]
    vocabulary = vocab.build(told)
    number, rare = (
        dict(zip(vocabulary.words, found(told, vocabulary).tolist(), strict=True)) for found in (same, rarity)
    )
    assert number["nopa"] == number["nopu"] != number["tuka"] == number["tuku"]
    assert sorted({*number.values()}) == sorted(vocabulary.words.index(w) for w in vocabulary.words if w[-1] != "u")
    assert rare["nopa"] == rare["nopu"] == pytest.approx(0.5493, abs=1e-4)  # ln(6 / 2) / 2
    assert same([Story(("Mary is here.",), (Question("Who?", "mary", 1),))], vocabulary) is None


@pytest.mark.parametrize("gate", ["softmax", "by-order", "sigmoid"])
def test_gates_start_by_following_shared_words(gate):
    """*What color is Greg?* A pass each finds *Greg is a rhino*, *Lily is a rhino*, *Lily is yellow*."""
    config = from_plain(
        {
            "data": {"source": "generated", "tasks": 16},
            "model": {"reader": "sentences", "gate": gate, "gate_words": True, "passes": 3},
            "train": {"supervision": "weak"},
        }
    )
    checkpoint, training, _, _ = prepare(config, torch.device("cpu"), 1)
    told = training.stories[16]
    questions = dataset(config, checkpoint.vocabulary, told)
    batch = collate(questions, torch.arange(len(questions)))
    _, recall = checkpoint.model.eval().predict(batch)
    supporting = torch.tensor([question.supporting for story in told for question in story.questions])[batch.number]
    for which, step in enumerate(recall.passes):
        assert (step.log_weights.argmax(1) == supporting[:, which]).float().mean() > 0.7


@pytest.mark.parametrize(("gpus", "name", "found"), [(0, "auto", "cpu"), (2, "auto", "cuda"), (2, "cuda:1", "cuda:1")])
def test_a_device_by_name(gpus, name, found, monkeypatch):
    current = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.cuda, "set_device", current.append)
    assert device(name) == torch.device(found)
    assert current == ([torch.device("cuda:1")] if ":" in name else [])  # whose generator is seeded


@pytest.mark.parametrize("name", ["cuda:2", "cuda:", "cuda:-1", "cuda:x", "cpu:0", "gpu", "", "cuda:01"])
def test_a_device_that_is_not_there(name, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(DmnError, match=f"^--device {name}: there is no such device here$") as caught:
        device(name)
    assert "choose auto or one of: cpu, cuda, cuda:0, cuda:1" in caught.value.hint
