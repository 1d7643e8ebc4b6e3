"""The DMN as its equations stand in the papers: one question at a time, loops over words, facts and passes.

Slow and obvious; it shares no code with the package but the weights. The fast model is tested against it.
"""

import torch
from torch import Tensor

from dmn_cli.data.stories import Question, Story
from dmn_cli.data.vocabulary import Vocabulary
from dmn_cli.data.words import words
from dmn_cli.model.dmn import DMN
from dmn_cli.model.extensions.order import BY_ORDER, Order
from dmn_cli.model.gate import SIGMOID, SOFTMAX

VARIANTS: dict[str, dict] = {
    "the paper": {},
    "softmax": {"gate": "softmax"},
    "weighted sum": {"gate": "softmax", "episode": "weighted-sum"},
    "sigmoid weighted sum": {"episode": "weighted-sum"},
    "ordered": {"gate": "by-order", "episode": "weighted-sum"},
    "ordered, gated GRU": {"gate": "by-order", "gate_order": True},
    "ordered, earliest": {"gate": "by-order", "gate_order": True, "order": Order.EARLIEST},
    "ordered, none": {"gate": "by-order", "gate_order": True, "episode": "weighted-sum", "order": Order.NONE},
    "order terms": {"gate_order": True},
    "order terms, softmax": {"gate": "softmax", "gate_order": True, "gate_features": "dmn-plus"},
    "relu memory": {"memory": "relu"},
    "linear memory": {"memory": "linear"},
    "tied linear memory": {"memory": "tied-linear"},
    "decoder": {"answer": "gru"},
    "positions": {"reader": "positions"},
    "bidirectional": {"reader": "positions", "bidirectional": True},
    "positions, residual": {"reader": "positions", "residual": True, "embedding_size": 5, "memory": "linear"},
    "sentences": {"reader": "sentences"},
    "sentences, all of them": {"reader": "sentences", "bidirectional": True, "residual": True},
    "shared words": {"gate_words": True},
    "shared words with forms": {"gate_words": True, "forms": True},
    "shared words, all of them": {
        "reader": "sentences",
        "bidirectional": True,
        "residual": True,
        "gate": "by-order",
        "gate_order": True,
        "gate_words": True,
        "episode": "weighted-sum",
        "memory": "linear",
        "memory_features": "products",
    },
    "shared words, softmax, DMN+": {"gate": "softmax", "gate_words": True, "gate_features": "dmn-plus"},
    "products": {"memory_features": "products"},
    "products, linear": {"memory_features": "products", "memory": "linear"},
    "products, tied linear": {"memory_features": "products", "memory": "tied-linear"},
    "products, relu": {"memory_features": "products", "memory": "relu"},
    "a free pass": {"free_passes": 1, "gate": "by-order", "gate_order": True},
    "two free passes": {"free_passes": 2},
    "DMN+": {
        "reader": "positions",
        "bidirectional": True,
        "gate_features": "dmn-plus",
        "gate": "softmax",
        "episode": "attention-gru",
        "memory": "relu",
    },
}


def is_a(module, *names: str) -> bool:
    """Whether a module is of one of these classes."""
    return type(module).__name__ in names


def gru(module, x: Tensor, h: Tensor) -> Tensor:
    """One step of a GRU, in the convention of torch.nn.GRU."""
    xr, xz, xn = (module.weight_ih @ x + module.bias_ih).chunk(3)
    hr, hz, hn = (module.weight_hh @ h + module.bias_hh).chunk(3)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    n = torch.tanh(xn + r * hn)
    return (1 - z) * n + z * h


def attention_gru(module, x: Tensor, h: Tensor, g: Tensor) -> Tensor:
    """The same with the gate g in place of the update gate (arXiv 1603.01417, eq. 12)."""
    xr, _, xn = (module.weight_ih @ x + module.bias_ih).chunk(3)
    hr, _, hn = (module.weight_hh @ h + module.bias_hh).chunk(3)
    n = torch.tanh(xn + torch.sigmoid(xr + hr) * hn)
    return g * n + (1 - g) * h


def facts_of(model: DMN, vocabulary: Vocabulary, story: Story, question: Question, unit: str) -> list[Tensor]:
    """The facts that stand before a question."""
    sentences = texts_of(vocabulary, story, question, "sentence")
    reader = model.input
    zero = model.embedding.new_zeros(reader.gru.weight_hh.shape[1])
    if hasattr(reader, "backward_gru"):
        vectors = [encode_sentence(model, sentence) for sentence in sentences]
        forward, h = [], zero
        for vector in vectors:
            h = gru(reader.gru, vector, h)
            forward.append(h)
        own = vectors if is_a(reader, "ResidualReader") else [0] * len(vectors)
        if reader.backward_gru is None:
            return [f + v for f, v in zip(forward, own, strict=True)]
        backward, h = [], zero
        for vector in reversed(vectors):
            h = gru(reader.backward_gru, vector, h)
            backward.insert(0, h)
        return [f + b + v for f, b, v in zip(forward, backward, own, strict=True)]
    facts, h = [], zero
    for sentence in sentences:
        for word in sentence if unit == "word" else [*sentence, 1]:
            h = gru(reader.gru, model.embedding[word], h)
            if unit == "word":
                facts.append(h)
        if unit == "sentence":
            facts.append(h)
    return facts


def texts_of(vocabulary: Vocabulary, story: Story, question: Question, unit: str) -> list[list[int]]:
    """The words of each fact."""
    sentences = [vocabulary.encode(words(fact)) for fact in story.facts[: question.facts]]
    return [[word] for sentence in sentences for word in sentence] if unit == "word" else sentences


def overlap(model: DMN, one: set[int], other: set[int]) -> Tensor:
    """The squared rarities of the words that both have in any form."""
    total = model.embedding.new_zeros(())
    terms = further(model.memory.gate, "gate_words")
    if terms is not None:
        if terms.same is not None:
            one, other = ({int(terms.same[word]) for word in words} for words in (one, other))
        for word in one & other:
            total = total + terms.rarity[word] ** 2
    return total


def further(gate, name: str):
    """The further terms of a gate by name, if it has some."""
    return gate.further[name] if is_a(gate, "SeeingGate") and name in gate.further else None


def encode_sentence(model: DMN, sentence: list[int]) -> Tensor:
    """The last state of a GRU over the words; or position encoding, element by element."""
    if is_a(model.input.sentences, "WordGRU"):
        h = model.embedding.new_zeros(model.input.sentences.gru.weight_hh.shape[1])
        for word in sentence:
            h = gru(model.input.sentences.gru, model.embedding[word], h)
        return h
    size = model.embedding.shape[1]
    total = model.embedding.new_zeros(size)
    for j, word in enumerate(sentence, start=1):
        part = j / len(sentence)
        weights = [(1 - part) - (d / size) * (1 - 2 * part) for d in range(1, size + 1)]
        total = total + torch.tensor(weights, dtype=total.dtype) * model.embedding[word]
    return total


def gate_logit(gate, c: Tensor, m: Tensor, q: Tensor, looked: Tensor | None, shared: Tensor) -> Tensor:
    """W2 tanh(W1 z + b1) + b2.

    ``looked``: what counted in the last pass, after this fact, of it, and before it. ``shared``: this fact's words with
    the question's and with those that were found, and how much it counted before.
    """
    whole, gate = gate, gate.gate if is_a(gate, "SeeingGate") else gate
    if gate.Wb is None:
        z = torch.cat([c * q, c * m, (c - q).abs(), (c - m).abs()])
    else:
        bilinear = torch.stack([c @ gate.Wb @ q, c @ gate.Wb @ m])
        z = torch.cat([c, m, q, c * q, c * m, (c - q).abs(), (c - m).abs(), bilinear])
    first = gate.W1.weight @ z + gate.W1.bias
    if further(whole, "gate_order") is not None and looked is not None:
        first = first + further(whole, "gate_order").weight @ looked
    if further(whole, "gate_words") is not None:
        first = first + further(whole, "gate_words").weight @ shared
    hidden = torch.tanh(first)
    return (gate.W2.weight @ hidden + gate.W2.bias)[0]


def weights_of(memory, logits: Tensor) -> Tensor:
    """What each fact counts."""
    if memory.weighting is SOFTMAX:
        return torch.softmax(logits, 0)
    g = torch.sigmoid(logits)
    if memory.weighting is SIGMOID:
        return g
    weights = torch.zeros_like(g)
    order = list(range(len(g)))
    if memory.weighting is BY_ORDER[Order.EARLIEST]:
        order.reverse()
    for t in order:  # h_t = g_t c_t + (1 − g_t) h_{t−1}: what is left of each c
        fact = torch.zeros_like(g)
        fact[t] = 1.0
        weights = g[t] * fact + (1 - g[t]) * weights
    return weights


def episode_of(memory, facts: list[Tensor], gates: Tensor) -> Tensor:
    h = torch.zeros_like(facts[0])
    for c, g in zip(facts, gates, strict=True):
        if is_a(memory.episode, "WeightedSum"):
            h = h + g * c
        elif is_a(memory.episode, "AttentionGRU"):
            h = attention_gru(memory.episode.gru, c, h, g)
        else:
            h = g * gru(memory.episode.gru, c, h) + (1 - g) * h
    return h


def update_of(memory, number: int, m: Tensor, e: Tensor, q: Tensor) -> Tensor:
    update = memory.update
    if is_a(update, "Products"):
        z = torch.cat([e, e * q, e * m, (e - q).abs(), (e - m).abs()])
        made = torch.tanh(update.products.weight @ z + update.products.bias)
        e = e + made if is_a(update.update, "LinearMemory") else made
        update = update.update
    if is_a(update, "MemoryGRU"):
        return gru(update.gru, e, m)
    layer = update.layers[0 if len(update.layers) == 1 else number]
    out = layer.weight @ torch.cat([m, e, q]) + layer.bias
    return out.clamp(min=0) if is_a(update, "UntiedReLU") else out


class Asked:
    """One question put to the model: its answer, its losses, the logits of every pass."""

    def __init__(
        self,
        model: DMN,
        vocabulary: Vocabulary,
        story: Story,
        question: Question,
        *,
        unit: str = "sentence",
        max_facts: int | None = None,
        supervised: bool = False,
    ):
        memory = model.memory
        facts = facts_of(model, vocabulary, story, question, unit)
        first = max(0, len(facts) - max_facts) if max_facts else 0
        facts = facts[first:]
        aims = [at - first for at in dict.fromkeys(question.supporting) if at >= first]
        if memory.end is not None:
            facts = [*facts, memory.end[0]]
        q = torch.zeros_like(facts[0])
        text = vocabulary.encode(words(question.text))
        for word in text:
            q = gru(model.question.gru, model.embedding[word], q)
        if is_a(model.question, "ResidualQuestion"):
            for word in text:
                q = q + model.embedding[word]

        m = q
        self.logits: list[Tensor] = []
        self.weights: list[Tensor] = []
        self.gate_loss = q.new_zeros(())
        looked: list[Tensor | None] = [None] * len(facts)
        bags = [set(piece) for piece in texts_of(vocabulary, story, question, unit)[first:]]
        bags += [set()] * (len(facts) - len(bags))  # the end of passes
        weights = torch.zeros(len(facts), dtype=q.dtype)
        before = weights
        for number in range(memory.passes):
            before = (before + weights).clamp(max=1)
            logits = []
            for t, (c, where) in enumerate(zip(facts, looked, strict=True)):
                asked = overlap(model, bags[t], set(text))
                found = sum(g * overlap(model, bags[t], bag) for g, bag in zip(weights, bags, strict=True))
                shared = torch.stack([asked, found if number else asked, before[t]])
                logits.append(gate_logit(memory.gate, c, m, q, where, shared))
            logits = torch.stack(logits)
            weights = weights_of(memory, logits)
            self.logits.append(logits)
            self.weights.append(weights)
            taught = number - memory.first_taught
            target = self._target(aims, taught, memory)
            if taught == len(aims) and memory.end is not None:
                target = [len(facts) - 1]
            if supervised and target:
                self.gate_loss = self.gate_loss + self._cross_entropy(logits, weights, target, memory.weighting)
            if memory.end is not None:
                ended = int(weights.argmax()) == len(facts) - 1
                stop = taught >= min(len(aims), memory.passes) if supervised else ended
                if stop and taught >= 0:
                    break
            looked = [torch.stack([weights[t + 1 :].sum(), weights[t], weights[:t].sum()]) for t in range(len(facts))]
            m = update_of(memory, number, m, episode_of(memory, facts, weights), q)
        self.memory = m
        self._answer(model, vocabulary, question, m, q)

    @staticmethod
    def _target(aims: list[int], taught: int, memory) -> list[int]:
        """What a pass aims at; the free passes, which are counted from below 0, at nothing."""
        if taught < 0:
            return []
        last = memory.passes - memory.first_taught - 1
        return aims[taught:] if taught == last else aims[taught : taught + 1]

    @staticmethod
    def _cross_entropy(logits: Tensor, weights: Tensor, target: list[int], weighting) -> Tensor:
        if weighting is SIGMOID:
            p = torch.sigmoid(logits)
            return -sum((p[t] if t in target else 1 - p[t]).log() for t in range(len(logits)))
        return -sum(weights[at].log() for at in target) / len(target)

    def _answer(self, model: DMN, vocabulary: Vocabulary, question: Question, m: Tensor, q: Tensor) -> None:
        answer = model.answer
        if not hasattr(answer, "gru"):
            scores = answer.linear.weight @ torch.cat([m, q]) + answer.linear.bias
            true = vocabulary.encode_answer(question.answer)
            self.answer_loss = -scores.log_softmax(0)[true] if true >= 0 else scores.new_zeros(())
            self.answer = [int(scores.argmax())]
            return
        size = answer.linear.out_features
        state, previous = m, torch.zeros(size, dtype=m.dtype)
        self.answer_loss = m.new_zeros(())
        for word in vocabulary.encode_answer_words(question.answer):
            state = gru(answer.gru, torch.cat([previous, q]), state)
            scores = answer.linear.weight @ state + answer.linear.bias
            self.answer_loss = self.answer_loss - scores.log_softmax(0)[word]
            previous = torch.eye(size, dtype=m.dtype)[word]
        state, previous = m, torch.zeros(size, dtype=m.dtype)
        self.answer = []
        while len(self.answer) < 32:
            state = gru(answer.gru, torch.cat([previous, q]), state)
            word = int((answer.linear.weight @ state + answer.linear.bias).argmax())
            self.answer.append(word)
            if word == 0:
                break
            previous = torch.eye(size, dtype=m.dtype)[word]
