"""The whole model against the loops of naive.py, in every variant: values, gradients, independence of the batch."""

import pytest
import torch
from torch.nn import functional as F

from dmn_cli.data import vocabulary as vocab
from dmn_cli.data.batches import collate, encode
from dmn_cli.data.stories import Question, Story
from dmn_cli.model.dmn import DMN
from dmn_cli.model.extensions.order import BY_ORDER, Order
from dmn_cli.model.network import network
from tests.model import naive
from tests.model.naive import VARIANTS

STORIES = [
    Story(
        ("Mary went to the kitchen.", "John got the milk there.", "Mary moved to the garden.", "Mary slept."),
        (
            Question("Where is Mary?", "kitchen", 1, (0,)),
            Question("Where is the milk?", "milk,garden", 3, (1, 2)),
            Question("Where is Mary now?", "garden", 3, (2,)),
            Question("Who slept?", "mary", 4, (3, 2, 0, 1)),
        ),
    ),
    Story(
        ("John went to the garden.", "Mary took the big red ball.", "John slept."),
        (Question("Where is John?", "garden", 1, (0,)), Question("Who slept?", "john", 3, (2, 0))),
    ),
    Story(("Mary slept.",), (Question("Who slept?", "mary", 1, (0,)),)),
]
VOCABULARY = vocab.build(STORIES)


def make(end_of_passes: bool, **options) -> DMN:
    torch.manual_seed(1)
    rarity = torch.rand(len(VOCABULARY.words))
    if options.pop("forms", False):  # every third word is a form of the one before
        options["same"] = torch.arange(len(rarity)) // 3 * 3 + (torch.arange(len(rarity)) % 3).clamp(max=1)
        rarity = rarity[options["same"]]
    answers = VOCABULARY.answer_words if options.get("answer") == "gru" else VOCABULARY.answers
    model = network(
        words=len(VOCABULARY.words),
        answers=len(answers),
        hidden_size=5,
        passes=3,
        end_of_passes=end_of_passes,
        **{"embedding_size": 4, "rarity": rarity, **options},
    ).double()
    for parameter in model.parameters():  # biases too: at zero, mistakes in them are not seen
        torch.nn.init.normal_(parameter, std=0.7)
    return model.eval()


def ask_all(model: DMN, **options) -> list[naive.Asked]:
    return [naive.Asked(model, VOCABULARY, story, q, **options) for story in STORIES for q in story.questions]


def whole(end_of_passes: bool, unit: str = "sentence", max_facts: int | None = None):
    data = encode(STORIES, VOCABULARY, facts=unit, end_of_passes=end_of_passes, max_facts=max_facts)
    return data, collate(data, torch.arange(len(data)))


@pytest.mark.parametrize("supervised", [True, False])
@pytest.mark.parametrize("max_facts", [None, 2])
@pytest.mark.parametrize("name", VARIANTS)
def test_losses_and_gradients_are_those_of_the_loops(name, max_facts, supervised):
    model = make(supervised, **VARIANTS[name])
    _, batch = whole(supervised, max_facts=max_facts)
    loss = model.loss(batch, supervised)
    (loss.gates + 0.7 * loss.answers).backward()
    fast = {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}
    model.zero_grad()

    asked = ask_all(model, max_facts=max_facts, supervised=supervised)
    gates = sum(question.gate_loss for question in asked) / len(asked)
    answers = sum(question.answer_loss for question in asked) / len(asked)
    torch.testing.assert_close(loss.gates, gates)
    torch.testing.assert_close(loss.answers, answers)
    (gates + 0.7 * answers).backward()
    slow = {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}
    assert fast.keys() >= slow.keys()
    for weight, gradient in fast.items():
        expected = slow.get(weight, torch.zeros_like(gradient))
        torch.testing.assert_close(gradient, expected, msg=lambda text, weight=weight: f"{weight}: {text}")


@pytest.mark.parametrize("end_of_passes", [True, False])
@pytest.mark.parametrize("name", VARIANTS)
def test_predictions_and_attention_are_those_of_the_loops(name, end_of_passes):
    model = make(end_of_passes, **VARIANTS[name])
    _, batch = whole(end_of_passes)
    predicted, recall = model.predict(batch)
    asked = ask_all(model)
    for row, number in enumerate(batch.number.tolist()):
        question = asked[number]
        assert [word for word in predicted[row].tolist() if word >= 0] == question.answer
        torch.testing.assert_close(recall.memory[row], question.memory)
        passes = [step for step in recall.passes if (step.asked == row).any()]
        logits = [step.logits[step.asked == row][0] for step in passes]
        log_weights = [step.log_weights[step.asked == row][0] for step in passes]
        expected = [weights.log() for weights in question.weights]
        for fast, slow in zip(logits + log_weights, question.logits + expected, strict=True):
            torch.testing.assert_close(fast[: len(slow)], slow)
            assert (fast[len(slow) :] == -torch.inf).all()


def test_one_fact_a_word():
    model = make(False)
    _, batch = whole(False, unit="word")
    loss = model.loss(batch, False)
    asked = ask_all(model, unit="word")
    torch.testing.assert_close(loss.answers, sum(question.answer_loss for question in asked) / len(asked))
    assert [len(question.logits[0]) for question in asked][:2] == [5, 15]


@pytest.mark.parametrize("name", VARIANTS)
def test_an_answer_does_not_depend_on_the_batch(name):
    model = make(True, **VARIANTS[name])
    data, together = whole(True)
    predicted, recall = model.predict(together)
    for number in range(len(data)):
        alone, alone_recall = model.predict(collate(data, torch.tensor([number])))
        row = together.number.tolist().index(number)
        torch.testing.assert_close(alone_recall.memory[0], recall.memory[row])
        assert alone_recall.hops[0] == recall.hops[row]
        width = alone.shape[1]
        assert torch.equal(alone[0], predicted[row, :width])
        assert (predicted[row, width:] == -1).all()


@pytest.mark.parametrize("name", VARIANTS)
def test_a_fact_past_the_question_changes_nothing(name):
    model = make(True, **VARIANTS[name])
    story = STORIES[0]
    short = Story(story.facts[:3], story.questions[:3])
    other = Story(
        (*story.facts[:3], "John took the ball.", "Mary slept."), (*short.questions, Question("Who?", "x", 5))
    )
    memories = []
    for text in (short, other):
        data = encode([text], VOCABULARY, end_of_passes=True)
        _, recall = model.predict(collate(data, torch.tensor([0, 1, 2])))
        memories.append(recall.memory)
    torch.testing.assert_close(memories[0], memories[1])


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5, 6], [6, 2, 4, 0, 5, 1, 3]])
def test_the_order_of_a_batch_changes_nothing(order):
    model = make(True)
    data, batch = whole(True)
    _, recall = model.predict(batch)
    shuffled = collate(data, torch.tensor(order))
    _, again = model.predict(shuffled)
    torch.testing.assert_close(recall.memory[batch.number.argsort()], again.memory[shuffled.number.argsort()])


def test_passes_stop_when_the_gate_picks_the_end():
    model = make(True, gate="softmax")
    with torch.no_grad():  # a gate that likes what looks like the end-of-passes fact
        for parameter in model.memory.gate.parameters():
            parameter.zero_()
        model.memory.gate.W1.weight[0, :5] = 1.0
        model.memory.gate.W2.weight[0, 0] = 1.0
        model.memory.end.fill_(5.0)
    _, batch = whole(True)
    _, recall = model.predict(batch)
    assert len(recall.passes) == 1
    assert recall.hops.tolist() == [0] * 7
    with torch.no_grad():
        model.memory.end.fill_(-5.0)
    _, recall = model.predict(batch)
    assert len(recall.passes) == 3
    assert recall.hops.tolist() == [3] * 7


@pytest.mark.parametrize(("order", "expected"), [(Order.LATEST, [3]), (Order.EARLIEST, [1]), (Order.NONE, [1, 3])])
def test_the_latest_or_the_earliest_open_gate_counts_or_all(order, expected):
    logits = torch.tensor([[-50.0, 50.0, -50.0, 50.0, -50.0, -torch.inf]])
    weights = BY_ORDER[order].log_g(logits).exp()
    torch.testing.assert_close(weights, F.one_hot(torch.tensor(expected), 6).float().mean(0, keepdim=True))


@pytest.mark.parametrize("order", Order)
def test_shut_gates_give_finite_gradients(order):
    logits = torch.tensor([[-200.0, 200.0, -torch.inf], [-1e9, -1e9, -1e9]], requires_grad=True)
    log_weights = BY_ORDER[order].log_g(logits)
    log_weights[~logits.isneginf()].sum().backward()
    assert torch.isfinite(log_weights[0, :2]).all()
    assert torch.isfinite(logits.grad[:, :2]).all()


def test_more_supporting_facts_than_passes_all_are_taught():
    """The last pass aims at all that are left: without the third and fourth fact its target would be another."""
    model = make(True, gate="softmax")
    _, batch = whole(True)
    most = batch.number.tolist().index(3)
    assert (batch.supporting[most] >= 0).sum() == 4
    assert model.memory.passes == 3
    loss = model.loss(batch, True).gates
    batch.supporting[most, 3] = -1
    assert not torch.isclose(model.loss(batch, True).gates, loss)


def test_dropout_is_off_in_evaluation_and_on_in_training():
    model = make(True, embedding_dropout=0.5, fact_dropout=0.5, answer_dropout=0.5)
    _, batch = whole(True)
    assert torch.equal(model.predict(batch)[1].memory, model.predict(batch)[1].memory)
    model.train()
    torch.manual_seed(0)
    first = model.loss(batch, True).answers
    assert not torch.isclose(first, model.loss(batch, True).answers)


def test_equal_facts_give_finite_gradients():
    """|c − q| has no derivative at 0; ours is 0 there."""
    model = make(False)
    with torch.no_grad():
        model.input.gru.weight_hh.zero_()
        model.embedding.zero_()
        model.question.gru.load_state_dict(model.input.gru.state_dict())
    _, batch = whole(False)
    model.loss(batch, False).answers.backward()
    assert all(torch.isfinite(weight.grad).all() for weight in model.parameters() if weight.grad is not None)


def test_the_decoder_is_fed_its_own_words():
    model = make(True, answer="gru")
    with torch.no_grad():
        for parameter in model.answer.parameters():
            parameter.zero_()
        gru, size = model.answer.gru, model.answer.linear.out_features
        gru.bias_ih[5:10] = -20.0  # the state is all new
        gru.weight_ih[10:15, :size] = 5.0 * torch.eye(5, size, dtype=torch.double)
        gru.weight_ih[10:15, 0] = 0.0
        # word k is followed by word k + 1, from nothing by word 1
        model.answer.linear.weight[:, :] = 0.0
        model.answer.linear.bias[1] = 0.5
        for word in range(1, 4):
            model.answer.linear.weight[word + 1, word] = 3.0
        model.answer.linear.weight[0, 4] = 3.0
    _, batch = whole(True)
    predicted, _ = model.predict(batch)
    assert predicted.tolist() == [[1, 2, 3, 4, 0]] * 7


@pytest.mark.parametrize(("kind", "layers"), [("linear", 2), ("tied-linear", 1)])
def test_a_linear_memory_starts_as_a_sum_and_its_gates_with_common_words(kind, layers):
    model = network(words=9, answers=3, hidden_size=6, embedding_size=6, passes=2, memory=kind)
    memory, episode, question = torch.randn(3, 4, 6)
    assert len(model.memory.update.layers) == layers
    for layer in model.memory.update.layers:
        torch.testing.assert_close(layer(torch.cat([memory, episode, question], 1)), memory + episode)
    torch.testing.assert_close(model.memory.gate.Wb @ question[0] @ memory[0], question[0] @ memory[0] / 6)


def test_a_network_that_starts_by_carrying():
    """Facts reach the memory as they are: what a wide open gate lets through is tanh of the fact, for the most part."""
    torch.manual_seed(0)
    model = network(words=9, answers=3, hidden_size=6, embedding_size=6, passes=2, start="carrying")
    for name in ("weight_ih", "weight_hh"):
        assert torch.equal(getattr(model.question.gru, name), getattr(model.input.gru, name))
    keeps = torch.sigmoid(model.input.gru.bias_ih.chunk(3)[1])  # 1 - 1 / (1 + n) over n words
    assert keeps.min() >= 0.5
    assert keeps.max() <= 500 / 501
    c, h = torch.randn(2, 3, 6)
    for gru in (model.memory.episode.gru, model.memory.update.gru):
        with torch.no_grad():
            gru.weight_ih.chunk(3)[1].zero_()
            gru.weight_hh.chunk(3)[1].zero_()
        kept = torch.sigmoid(torch.tensor(-1.0))
        torch.testing.assert_close(gru.step(c, h), (1 - kept) * c.tanh() + kept * h)
    torch.testing.assert_close(model.memory.gate.Wb.detach(), torch.eye(6) / 6)


def test_other_parts_start_as_ever():
    parts = {"reader": "sentences", "gate_words": True, "episode": "weighted-sum", "memory": "linear"}
    models = []
    for start in ("xavier", "carrying"):
        torch.manual_seed(0)
        models.append(network(words=9, answers=3, hidden_size=6, embedding_size=6, start=start, **parts))
    one, other = (model.memory.state_dict() for model in models)
    for name, weight in one.items():
        assert torch.equal(weight, other[name]), name
