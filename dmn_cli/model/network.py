"""A network from the names of its parts: the only place that knows them all.

A new part has a module of its own and a line in one of the tables below; the config's schema names it. In place of a
name a part may be a class, called with the same arguments as the entries of its table.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dmn_cli.model.answer import GRUAnswer, LinearAnswer
from dmn_cli.model.dmn import DMN
from dmn_cli.model.dmn_plus import AttentionGRU, DMNPlusGate, PositionEncoding, SentenceReader, UntiedReLU
from dmn_cli.model.episode import GatedGRU, WeightedSum
from dmn_cli.model.extensions.gate import FurtherTerms, Looked, SeeingGate
from dmn_cli.model.extensions.memory import LinearMemory, Products
from dmn_cli.model.extensions.order import BY_ORDER, Order
from dmn_cli.model.extensions.reader import ResidualQuestion, ResidualReader, WordGRU
from dmn_cli.model.extensions.shared_words import SharedWords
from dmn_cli.model.gate import SIGMOID, SOFTMAX, Gate, Weighting
from dmn_cli.model.input import WordReader
from dmn_cli.model.memory import EpisodicMemory, MemoryGRU
from dmn_cli.model.question import QuestionModule
from dmn_cli.model.start import carry

GATES: dict[str, type[Gate]] = {"dmn": Gate, "dmn-plus": DMNPlusGate}

FURTHER: dict[str, Callable[[int, Tensor, Tensor | None, bool], FurtherTerms]] = {
    # hidden size, rarity, forms of one word, whether gates are a softmax
    "gate_order": lambda hidden_size, rarity, same, softmax: Looked(hidden_size),
    "gate_words": lambda hidden_size, rarity, same, softmax: SharedWords(hidden_size, rarity, same, shut=not softmax),
}

WEIGHTINGS: dict[str, Callable[[Order], Weighting]] = {
    "sigmoid": lambda order: SIGMOID,
    "softmax": lambda order: SOFTMAX,
    "by-order": BY_ORDER.__getitem__,
}

EPISODES: dict[str, Callable[[int], nn.Module]] = {
    "gru": GatedGRU,
    "attention-gru": AttentionGRU,
    "weighted-sum": lambda hidden_size: WeightedSum(),
}

UPDATES: dict[str, Callable[[int, int], nn.Module]] = {
    "gru": lambda hidden_size, passes: MemoryGRU(hidden_size),
    "relu": UntiedReLU,
    "linear": LinearMemory,
    "tied-linear": lambda hidden_size, passes: LinearMemory(hidden_size, 1),
}

STARTS: dict[str, Callable[[DMN], None]] = {"xavier": lambda model: None, "carrying": carry}

ANSWERS: dict[str, type[LinearAnswer] | type[GRUAnswer]] = {"linear": LinearAnswer, "gru": GRUAnswer}

Part = Callable[..., Any]
"""A class, or another function that builds a part."""


def _of(table: Mapping[str, Part], part: str | Part) -> Part:
    return table[part] if isinstance(part, str) else part


def network(
    *,
    words: int,
    answers: int,
    hidden_size: int = 80,
    embedding_size: int = 80,
    passes: int = 3,
    free_passes: int = 0,
    reader: str | Part = "words",
    bidirectional: bool = False,
    residual: bool = False,
    gate_features: str | Part = "dmn",
    gate: str = "sigmoid",
    episode: str | Part = "gru",
    memory: str | Part = "gru",
    memory_features: str = "episode",
    end_of_passes: bool = False,
    answer: str = "linear",
    embedding_dropout: float = 0.0,
    fact_dropout: float = 0.0,
    answer_dropout: float = 0.0,
    start: str = "xavier",
    order: Order = Order.LATEST,
    rarity: Tensor | None = None,
    same: Tensor | None = None,
    **further: bool,
) -> DMN:
    """Put a network together; its weights are drawn from torch's generator. The default is the paper's.

    Args:
        words: V, the size of the vocabulary.
        answers: A, the number of answers (``answer="linear"``) or of answer words (``answer="gru"``).
        order: with ``gate="by-order"``, which open gate counts.
        rarity: (V,) in [0, 1], with ``gate_words``: how rare each word is.
        same: (V,) with ``gate_words``: a number for each word, the same for all its forms; None: a form is a word.
        further: whether the gate sees the terms of this name in FURTHER.

    The rest is as the config's keys of the same names, see config.ModelConfig.
    """
    embedding = nn.Parameter(torch.empty(words, embedding_size).uniform_(-(3**0.5), 3**0.5))  # as DMN+ starts
    input, question = _readers(reader, embedding_size, hidden_size, fact_dropout, bidirectional, residual)

    rarity = torch.ones(words) if rarity is None else rarity
    terms = {
        name: FURTHER[name](hidden_size, rarity, same, gate == "softmax")
        for name in FURTHER
        if further.pop(name, False)
    }
    if further:
        raise TypeError(f"no such terms of a gate: {', '.join(further)}")
    attention = _of(GATES, gate_features)(hidden_size)

    summary = _of(EPISODES, episode)(hidden_size)
    products = nn.Linear(5 * hidden_size, hidden_size) if memory_features == "products" else None
    update = _of(UPDATES, memory)(hidden_size, passes)
    if isinstance(update, LinearMemory) and isinstance(attention, Gate):
        update.start(attention)
    recall = EpisodicMemory(
        SeeingGate(attention, terms) if terms else attention,
        WEIGHTINGS[gate](order),
        summary,
        Products(products, update, added=isinstance(update, LinearMemory)) if products is not None else update,
        passes=passes,
        hidden_size=hidden_size,
        end_of_passes=end_of_passes,
        first_taught=free_passes,
    )
    model = DMN(
        embedding,
        input,
        question,
        recall,
        ANSWERS[answer](hidden_size, answers, answer_dropout),
        embedding_dropout=embedding_dropout,
    )
    STARTS[start](model)
    return model


def _readers(
    reader: str | Part,
    embedding_size: int,
    hidden_size: int,
    dropout: float,
    bidirectional: bool,
    residual: bool,
) -> tuple[nn.Module, nn.Module]:
    """The input and the question module."""
    if not isinstance(reader, str):
        return reader(embedding_size, hidden_size, dropout), QuestionModule(embedding_size, hidden_size)
    if reader == "words":
        return WordReader(embedding_size, hidden_size, dropout), QuestionModule(embedding_size, hidden_size)
    kind = ResidualReader if residual else SentenceReader
    if reader == "sentences":  # one GRU for the words of sentences and questions
        encoder = WordGRU(embedding_size, hidden_size)
        input = kind(encoder, hidden_size, hidden_size, dropout, bidirectional=bidirectional)
        return input, QuestionModule(embedding_size, hidden_size, encoder.gru)
    input = kind(PositionEncoding(), embedding_size, hidden_size, dropout, bidirectional=bidirectional)
    return input, (ResidualQuestion if residual else QuestionModule)(embedding_size, hidden_size)
