"""Where the time of a training step goes: shares that add up to 1."""

import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest import mock

from torch import Tensor

from dmn_cli.config import Config
from dmn_cli.data.batches import Dataset, collated
from dmn_cli.model import dmn
from dmn_cli.training import loop

REST = "Python and small operations between them"


class Stopwatch:
    """Adds up seconds by part: all time belongs to the part that was switched to last."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self.part, self.since = REST, time.perf_counter()

    def switch(self, part: str) -> None:
        """From now on it is this part."""
        now = time.perf_counter()
        self.spent[self.part] += now - self.since
        self.part, self.since = part, now

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function whose time is that of a part, and the way back from its tensors that of its backward pass."""

        def call(*args: Any, **named: Any) -> Any:
            self.switch(part)
            made = function(*args, **named)
            self.switch(REST)
            for tensor in made if isinstance(made, tuple) else (made,):
                if isinstance(tensor, Tensor) and tensor.requires_grad:
                    tensor.register_hook(lambda gradient: self.switch(f"{part}, backward"))
            return made

        return call


class _Gates:
    def __init__(self, gates: Any, watch: Stopwatch):
        self.gates, self.watch = gates, watch

    def __call__(self, m: Tensor, g: Tensor | None) -> Tensor:
        logits: Tensor = self.watch.timed("gate", self.gates)(m, g)
        return logits

    def select(self, *args: Any) -> "_Gates":
        return _Gates(self.watch.timed("gate", self.gates.select)(*args), self.watch)


def parts(model: dmn.DMN, config: Config, data: Dataset, batches: list[Tensor], repeats: int) -> dict[str, float]:
    """The shares of a step's parts, the largest first.

    What autograd does between two parts counts with the part that it has come from.
    """
    watch, memory, optimizer = Stopwatch(), model.memory, loop.optimiser(model, config.train)
    timed = watch.timed
    functions: list[tuple[Any, str, str]] = [
        (model.input, "forward", "read"),
        (model.question, "forward", "read"),
        (memory.update, "forward", "update"),
        (model.answer, "loss", "answer"),
        (dmn, "gate_loss", "gate"),
        (optimizer, "clip", "clip"),
        (optimizer, "step", "optimiser"),
    ]
    gate, episode, weighting = memory.gate.of, memory.episode.of, memory.weighting
    with ExitStack() as patched:
        for owner, name, part in functions:
            patched.enter_context(mock.patch.object(owner, name, timed(part, getattr(owner, name))))
        for owner, name, way in (
            (memory.gate, "of", lambda *args: _Gates(timed("gate", gate)(*args), watch)),
            (memory.episode, "of", lambda facts: timed("episode", timed("episode", episode)(facts))),
            (memory, "weighting", weighting._replace(log_g=timed("gate", weighting.log_g))),
        ):
            patched.enter_context(mock.patch.object(owner, name, way))
        for turn in range(repeats + 1):
            watch.switch("collate")
            for number, batch in enumerate(collated(data, batches)):
                watch.switch(REST)
                loop.training_step(model, optimizer, batch, config.train, number, 1.0, 1.0)
                watch.switch("collate")
            watch.switch(REST)
            if not turn:
                watch.spent.clear()  # the first turn was to get warm
    whole = sum(watch.spent.values())
    return {part: watch.spent[part] / whole for part in sorted(watch.spent, key=watch.spent.__getitem__, reverse=True)}
