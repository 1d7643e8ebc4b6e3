"""Measurements: everything of a run by turns in one process, so that a busy machine disturbs all alike; medians."""

import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dmn_cli.bench import textbook
from dmn_cli.bench.parts import parts
from dmn_cli.config import Config
from dmn_cli.data import vocabulary as vocab
from dmn_cli.data.batches import Dataset, collate, collated, order
from dmn_cli.data.stories import Question, Story
from dmn_cli.model.dmn import DMN
from dmn_cli.model.fast import kernels
from dmn_cli.model.input import WordReader
from dmn_cli.splits import load_training
from dmn_cli.system import peak_memory
from dmn_cli.training import loop
from dmn_cli.training.build import Decided, build, dataset, decide
from dmn_cli.training.metrics import score

GEMM_SIZE = 1024
SWEPT_ROWS = 6000
"""Questions' facts that a point of a sweep goes over, at least."""

QUESTIONS = 2000
"""Questions that are measured; more of a task's would only take longer."""


class Measured(NamedTuple):
    """Median, lowest and highest of the repeats."""

    median: float
    low: float
    high: float


def bench(config: Config, threads: int, repeats: int, baseline: bool = True) -> dict[str, Any]:
    """Questions a second in training and evaluation, and what they amount to.

    Args:
        config: data, network and batch size.
        threads: for everything that is measured.
        repeats: how often each thing is measured, by turns.
        baseline: measure the textbook DMN too.

    Returns:
        plain types: rates with their spread, ``gemm_share`` (useful work a second over the rate of a large matrix
        product in the same run, 0 to 1), ``parts`` (see there), ``baseline_ratio`` and peak memory.
    """
    torch.set_num_threads(threads)
    train, _ = load_training(config.data)
    stories = list(first_questions([story for stories in train.stories.values() for story in stories]))
    vocabulary = vocab.build(stories)
    data = dataset(config, vocabulary, stories)
    decided = decide(config, train.stories, vocabulary)
    model = build(config, vocabulary, decided)
    batches = order(data, config.train.batch_size, 0, config.train.shuffle)
    work = sum(useful_work(model, data, batch) for batch in batches) / len(data)

    chosen = kernels.active()
    turns: dict[str, Callable[[], float]] = {
        "train": trainer(model, config, data, batches),
        "evaluate": lambda: _timed(lambda: score(model, data, config.train.batch_size), len(data)),
    }
    _warm(turns)
    memory = peak_memory()
    plain = trainer(build(config, vocabulary, decided), config, data, batches[: max(1, len(batches) // 4)])
    turns["train_pytorch"] = lambda: on_kernels("pytorch", plain)
    if baseline:
        size = config.model.hidden_size
        kind = (len(vocabulary.words), len(vocabulary.answers), size, model.memory.passes)
        other = textbook.TextbookDMN(*kind, config.model.reader, config.model.gate)
        turns["train_textbook"] = _textbooktrainer(other, data, batches)
    turns["gemm"] = gemm_rate
    _warm(turns)

    taken: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(repeats):
        for name, turn in turns.items():
            taken[name].append(turn())
    rates = {name: spread(values) for name, values in taken.items()}
    result: dict[str, Any] = {
        "task": config.data.tasks[0] if len(config.data.tasks) == 1 else config.data.tasks,
        "reader": config.model.reader,
        "batch": config.train.batch_size,
        "shuffle": config.train.shuffle,
        "threads": threads,
        "kernels": chosen,
        "questions_per_second": rates["train"].median,
        "gemm_share": _share(taken["train"], taken["gemm"], work),
        "gemm_share_pytorch": _share(taken["train_pytorch"], taken["gemm"], work),
        "useful_flop_per_question": work,
        "gemm_flops": rates["gemm"].median,
        "peak_memory_bytes": memory,
        "rates": {name: measured._asdict() for name, measured in rates.items()},
        "parts": parts(build(config, vocabulary, decided), config, data, batches[:20], repeats),
    }
    if baseline:
        ratios = [ours / theirs for ours, theirs in zip(taken["train"], taken["train_textbook"], strict=True)]
        result["baseline_ratio"] = statistics.median(ratios)
    return result


def _share(rates: list[float], gemm: list[float], work: float) -> float:
    """The median over the turns of useful work over the GEMM rate of the same turn."""
    return statistics.median(rate * work / limit for rate, limit in zip(rates, gemm, strict=True))


def spread(values: list[float]) -> Measured:
    """Their median, lowest and highest."""
    return Measured(statistics.median(values), min(values), max(values))


def _warm(turns: dict[str, Callable[[], float]]) -> None:
    for turn in turns.values():
        turn()


def first_questions(stories: list[Story]) -> Iterator[Story]:
    """The first stories, with no more than ``QUESTIONS`` questions."""
    counts = itertools.accumulate(len(story.questions) for story in stories)
    return (story for story, count in zip(stories, counts, strict=True) if count <= QUESTIONS or story is stories[0])


def _timed(work: Callable[[], object], questions: int) -> float:
    """Questions a second."""
    began = time.perf_counter()
    work()
    return questions / (time.perf_counter() - began)


def trainer(model: DMN, config: Config, data: Dataset, batches: list[Tensor]) -> Callable[[], float]:
    """A function that makes the training steps of some batches, from collation to Adam, and gives questions/s."""
    optimizer = loop.optimiser(model, config.train)

    def steps() -> None:
        for number, batch in enumerate(collated(data, batches)):
            loop.training_step(model, optimizer, batch, config.train, number, config.train.gate_weight, 1.0)

    return lambda: _timed(steps, sum(map(len, batches)))


def _textbooktrainer(model: textbook.TextbookDMN, data: Dataset, batches: list[Tensor]) -> Callable[[], float]:
    """The same for the textbook DMN; a few batches a turn, since it is slow, another few in the next."""
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    turns = itertools.cycle(batches)

    def turn() -> float:
        some = list(itertools.islice(turns, 3))

        def steps() -> None:
            for questions in some:
                textbook.train_step(model, optimizer, data, questions)

        return _timed(steps, sum(map(len, some)))

    return turn


def on_kernels(path: str, work: Callable[[], float]) -> float:
    """Run with other kernels, then go back."""
    before = kernels.active()
    kernels.use(path)
    try:
        return work()
    finally:
        kernels.use(before if before in kernels.LEVELS else "pytorch")


def gemm_rate() -> float:
    """Floating-point operations a second of a large matrix product, as torch does it."""
    a, b = torch.randn(GEMM_SIZE, GEMM_SIZE), torch.randn(GEMM_SIZE, GEMM_SIZE)
    began = time.perf_counter()
    for _ in range(8):
        torch.mm(a, b)
    return 8 * 2 * GEMM_SIZE**3 / (time.perf_counter() - began)


def useful_work(model: DMN, data: Dataset, questions: Tensor) -> float:
    """Floating-point operations that a training step needs at least, forward and backward (H inputs, H states).

    3 [P N 6H² + (P+1) N 2(2H+1)H + Ns 6H² (twice if position-encoded) + Nc 10H² + Nq 6H² + P Q 12H² + (P+1) Q 2H²]
    with N rows (question and fact), Ns steps of the reader, Nc facts, Nq question words, Q questions, P passes.
    Work that equal texts share is counted for each of them: it is what the questions need, not what we compute.
    """
    h, p = model.memory.hidden_size, model.memory.passes
    batch = collate(data, questions)
    n, nc, q = len(batch.rows.index), len(batch.fact_ends), len(questions)
    words = isinstance(model.input, WordReader)
    ns = len(batch.story_words.index) if words else nc
    text = data.text[questions]
    nq = int((data.text_start[text + 1] - data.text_start[text]).sum())
    return float(
        3
        * (
            p * n * 6 * h**2
            + (p + 1) * n * 2 * (2 * h + 1) * h
            + ns * 6 * h**2 * (1 if words else 2)
            + nc * 10 * h**2
            + nq * 6 * h**2
            + p * q * 12 * h**2
            + (p + 1) * q * 2 * h**2
        )
    )


def sweep(config: Config, threads: int, repeats: int) -> dict[str, list[dict[str, float]]]:
    """How training scales with the number of facts, the hidden size, the batch size and the length of one story.

    Stories are made up: every one has as many facts as said and one question, so that nothing but the size changes.

    Returns:
        for each of these: the sizes, and the microseconds of a question's fact (of a row) at that size. Long stories
        are asked one question, and are evaluated, too.
    """
    torch.set_num_threads(threads)
    swept: dict[str, list[dict[str, float]]] = {
        name: [] for name in ("facts", "hidden_size", "batch_size", "long_story", "long_story_evaluated")
    }
    for facts in (10, 30, 100, 300, 1000):
        swept["facts"].append({"size": facts, **_scaled(config, facts, 80, 32, repeats)})
    for hidden in (20, 40, 80, 160, 320):
        swept["hidden_size"].append({"size": hidden, **_scaled(config, 30, hidden, 100, repeats)})
    for batch in (1, 4, 16, 64, 256):
        swept["batch_size"].append({"size": batch, **_scaled(config, 30, 80, batch, repeats)})
    for facts in (1000, 10_000, 100_000):
        for name, trained in (("long_story", True), ("long_story_evaluated", False)):
            swept[name].append({"size": facts, **_scaled(config, facts, 80, 1, repeats, trained)})
    return swept


def _scaled(
    config: Config, facts: int, hidden: int, batch: int, repeats: int, trained: bool = True
) -> dict[str, float]:
    model_config = config.model.model_copy(update={"hidden_size": hidden, "embedding_size": hidden})
    sized = config.model_copy(
        update={"model": model_config, "train": config.train.model_copy(update={"batch_size": batch})}
    )
    stories = [_story(facts, number) for number in range(batch)]
    vocabulary = vocab.build(stories)
    data = dataset(sized, vocabulary, stories)
    model = build(sized, vocabulary, Decided(3))
    turns = max(1, SWEPT_ROWS // (facts * batch))

    def evaluated() -> float:
        return _timed(lambda: [score(model, data, batch) for _ in range(turns)], turns * batch)

    turn = trainer(model, sized, data, order(data, batch) * turns) if trained else evaluated
    turn()
    rates = sorted(turn() for _ in range(repeats))
    middle, low, high = (1e6 / rate / facts for rate in (statistics.median(rates), rates[-1], rates[0]))
    return {"microseconds": middle, "low": low, "high": high}


def _story(facts: int, number: int) -> Story:
    people, places = ("mary", "john", "sandra", "daniel"), ("garden", "kitchen", "office", "hallway", "bathroom")
    lines = [f"{people[(n + number) % 4]} went to the {places[(n * 7 + number) % 5]}." for n in range(facts)]
    return Story(tuple(lines), (Question(f"Where is {people[number % 4]}?", places[number % 5], facts, (facts - 1,)),))
