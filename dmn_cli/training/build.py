"""From a config and a vocabulary to a network and its data sets."""

import math
from collections import Counter
from typing import NamedTuple

import torch
from torch import Tensor

from dmn_cli.config import Config
from dmn_cli.data import forms
from dmn_cli.data.batches import Dataset, encode
from dmn_cli.data.stories import Story
from dmn_cli.data.vocabulary import Vocabulary
from dmn_cli.errors import DmnError
from dmn_cli.model.dmn import DMN
from dmn_cli.model.extensions.order import Order
from dmn_cli.model.network import network
from dmn_cli.splits import are_lists, later_overrides
from dmn_cli.training import own_code

MOST_PASSES = 10
"""Passes that ``model.passes: auto`` makes at most."""

UNTAUGHT_PASSES = 3
"""Those that it makes where no supporting facts teach them, as DMN+ does (arXiv 1603.01417)."""


class Decided(NamedTuple):
    """What the training stories decide about a network.

    Attributes:
        passes: P, with ``model.passes: auto``; else the config's.
        order: which open gate counts, with ``model.gate: by-order``.
        rarity: (V,) in [0, 1] of every word, with ``model.gate_words``; else None.
        same: (V,) of every word a number that its forms share, with ``model.gate_words``; None: no word has forms.
    """

    passes: int
    order: Order = Order.LATEST
    rarity: Tensor | None = None
    same: Tensor | None = None


def decide(config: Config, stories: dict[int, list[Story]], vocabulary: Vocabulary) -> Decided:
    """Look at the training stories of each task, by task number."""
    flat = [story for of_task in stories.values() for story in of_task]
    return Decided(
        passes(config, flat),
        order(stories) if config.model.gate == "by-order" else Order.LATEST,
        rarity(flat, vocabulary) if config.model.gate_words else None,
        same(flat, vocabulary) if config.model.gate_words else None,
    )


def passes(config: Config, stories: list[Story]) -> int:
    """``model.passes``, with ``auto`` decided by the training stories."""
    if config.model.passes != "auto":
        return config.model.passes
    if config.train.supervision == "weak":
        return UNTAUGHT_PASSES
    most = config.model.free_passes + max(
        len(set(question.supporting)) for story in stories for question in story.questions
    )
    return min(max(most, 1), MOST_PASSES)


def order(stories: dict[int, list[Story]]) -> Order:
    """Which open gate counts with ``model.gate: by-order``; for tasks that differ in this, the latest."""
    orders = set(map(_order, stories.values()))
    return orders.pop() if len(orders) == 1 else Order.LATEST


def _order(stories: list[Story]) -> Order:
    if are_lists(stories):
        return Order.EARLIEST
    return Order.LATEST if later_overrides(stories) else Order.NONE


def rarity(stories: list[Story], vocabulary: Vocabulary) -> Tensor:
    """(V,) rarity of every word in [0, 1]: 0 if every sentence has it, 1 if 13 % of the sentences have it, or fewer.

    A sentence has a word if it has a form of it.
    """
    name = forms.of_stories(stories)
    sentences = [text for story in stories for text in (*story.facts, *(q.text for q in story.questions))]
    held = Counter(word for text in sentences for word in {name.get(word, word) for word in vocabulary.words_of(text)})
    parts = [held.get(name.get(word, word), 1) / len(sentences) for word in vocabulary.words]
    return torch.tensor([min(1.0, -math.log(part) / 2) for part in parts])


def same(stories: list[Story], vocabulary: Vocabulary) -> Tensor | None:
    """(V,) a number for every word, the same for all its forms; None where no word has several."""
    name = forms.of_stories(stories)
    if not name:
        return None
    number: dict[str, int] = {}
    return torch.tensor([number.setdefault(name.get(word, word), at) for at, word in enumerate(vocabulary.words)])


def build(config: Config, vocabulary: Vocabulary, decided: Decided, digests: dict[str, str] | None = None) -> DMN:
    """The network of a config, its weights drawn from ``train.seed``.

    Args:
        config, vocabulary, decided: of the network.
        digests: of the files of a user's own classes, see own_code.
    """
    model = config.model
    classes = own_code.classes(config, digests)
    torch.manual_seed(config.train.seed)
    with own_code.blamed([f"{file}:{name}" for file, name in own_code.own(config).values()]):
        made = network(
            words=len(vocabulary.words),
            answers=len(vocabulary.answers if model.answer == "linear" else vocabulary.answer_words),
            end_of_passes=config.end_of_passes,
            **{**model.model_dump(exclude={"facts", "passes", "end_of_passes"}), **classes},
            **decided._asdict(),
        )
    if classes:
        own_code.guard(made)
    return made


def dataset(config: Config, vocabulary: Vocabulary, stories: list[Story]) -> Dataset:
    """Stories as the network of a config wants them."""
    return encode(
        stories,
        vocabulary,
        facts=config.model.facts,
        end_of_passes=config.end_of_passes,
        max_facts=config.data.max_facts,
    )


def device(name: str) -> torch.device:
    """A device by name: ``auto`` (a CUDA GPU where there is one, else the CPU), ``cpu``, ``cuda``, ``cuda:1``, ``mps``.

    One of several GPUs becomes the current one, so that its generator is the one that is seeded.

    Raises:
        DmnError: there is no such device here.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        name = "cuda" if gpus else "cpu"
    here = ["cpu", *["cuda"] * bool(gpus), *(f"cuda:{number}" for number in range(gpus))]
    here += ["mps"] * torch.backends.mps.is_available()
    if name not in here:
        raise DmnError(f"--device {name}: there is no such device here", f"choose auto or one of: {', '.join(here)}")
    found = torch.device(name)
    if found.index is not None:
        torch.cuda.set_device(found)
    return found
