"""Questions of one's own: lines of a story, and that the network is asked just as in an evaluation."""

import pytest
import torch

from dmn_cli.config import from_plain
from dmn_cli.data.batches import collate
from dmn_cli.errors import DmnError
from dmn_cli.generator.generate import generate
from dmn_cli.report.prediction import END_OF_PASSES
from dmn_cli.runs.run import prepare
from dmn_cli.training.ask import ask, tell
from dmn_cli.training.build import dataset


def untrained(supervision="strong", max_facts=None, **model):
    config = from_plain(
        {
            "data": {"source": "generated", "questions": 60, "tasks": [1, 8], "max_facts": max_facts},
            "model": {"hidden_size": 8, "embedding_size": 6, "passes": 3, **model},
            "train": {"supervision": supervision},
        }
    )
    return prepare(config, torch.device("cpu"), 1).checkpoint


NETWORKS = {
    "the default": {},
    "softmax": {"gate": "softmax", "embedding_dropout": 0.5, "fact_dropout": 0.5, "answer_dropout": 0.5},
    "weak": {"supervision": "weak", "gate": "softmax"},
    "a decoder": {"answer": "gru"},
    "DMN+": {"supervision": "weak", "reader": "positions", "bidirectional": True, "memory": "relu", "gate": "softmax"},
    "words as facts": {"supervision": "weak", "facts": "word"},
    "the last three facts": {"max_facts": 3, "gate": "softmax"},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_answer_is_that_of_an_evaluation(name):
    """All questions of a few stories in one batch, without dropout, and one by one: the same answers and gates."""
    checkpoint = untrained(**NETWORKS[name])
    config, vocabulary, model = checkpoint.config, checkpoint.vocabulary, checkpoint.model
    stories = generate(8, 15, seed=3, split="test")
    data = dataset(config, vocabulary, stories)
    model.eval()
    batch = collate(data, torch.arange(len(data)))
    predicted, recall = model.predict(batch)
    place = {number: at for at, number in enumerate(batch.number.tolist())}
    questions = [(story, question) for story in stories for question in story.questions]
    for number, (story, question) in enumerate(questions):
        facts = story.facts[: question.facts]
        given = ask(checkpoint, facts, question.text)
        answer = predicted[place[number]].tolist()
        words = [vocabulary.answers[answer[0]]]
        if config.model.answer == "gru":
            words = [vocabulary.answer_words[word] for word in answer if word > 0]
        assert given.answer == ",".join(words)
        made = [
            one.logits[(one.asked == place[number]).nonzero().item()]
            for one in recall.passes
            if place[number] in one.asked
        ]
        assert len(given.gates) == len(made)
        for gates, logits in zip(given.gates, made, strict=True):
            assert len(gates) == len(given.facts)
            weights = logits.sigmoid() if config.model.gate == "sigmoid" else logits.softmax(0)
            assert gates == pytest.approx(weights[: len(gates)].tolist(), abs=1e-5)


def test_what_there_is_to_attend_to():
    facts = ["Mary went home.", "John went back to the office.", "Bill slept."]
    assert ask(untrained(), facts, "Where is Mary?").facts == [*facts, END_OF_PASSES]
    assert ask(untrained("weak"), facts, "Where is Mary?").facts == facts
    assert ask(untrained(max_facts=2), facts, "Where is Mary?").facts == [*facts[1:], END_OF_PASSES]
    assert ask(untrained("weak", facts="word"), facts[:1], "Where is Mary?").facts == ["mary", "went", "home"]


def test_softmax_gates_add_up_to_one():
    given = ask(untrained("weak", gate="softmax"), ["Mary went home.", "John left."], "Where is Mary?")
    assert len(given.gates) == 3
    assert all(sum(gates) == pytest.approx(1) for gates in given.gates)


def test_unknown_words_are_named_once_and_in_order():
    given = ask(untrained(), ["Zork went to the moon.", "Mary went to the moon."], "Where is Zork now?")
    assert given.unknown == ["zork", "moon", "now"]
    assert given.answer


def test_no_facts():
    with pytest.raises(DmnError, match="has no fact before it"):
        ask(untrained(), [], "Where is Mary?")


@pytest.mark.parametrize(
    ("line", "before", "after", "question"),
    [
        ("Mary went home.", ["x"], ["x", "Mary went home."], None),
        ("2 Mary went home.\r", ["x"], ["x", "Mary went home."], None),
        ("1 Mary went home.", ["x"], ["Mary went home."], None),
        ("Where is Mary?", ["x"], ["x"], "Where is Mary?"),
        ("3 Where is Mary? \thome\t1", ["x"], ["x"], "Where is Mary?"),
        ("4 Tell me\thome", ["x"], ["x"], "Tell me"),
        ("  Where is Mary ?  ", ["x"], ["x"], "Where is Mary ?"),
        ("12 apples fell", ["x"], ["x", "apples fell"], None),
        ("7", ["x"], ["x", "7"], None),
        ("12apples fell", ["x"], ["x", "12apples fell"], None),
    ],
)
def test_a_line_is_a_fact_or_a_question(line, before, after, question):
    assert tell(before, line) == question
    assert before == after


@pytest.mark.parametrize("line", ["", "?", "1 ...", "\thome"])
def test_a_line_without_words(line):
    with pytest.raises(DmnError, match="no words in"):
        tell([], line)
