"""What a suite of 2,000 runs on 100 nodes costs its driver: `python -m tests.runs.scale [RUNS] [NODES]`.

Ray is a stand-in here, which calls at once what an actor would do: what is measured is the driver's own work, with its
real files. Each run writes what a run writes: 20 epochs, a checkpoint with each answer that has news, its results.
Ray's own part, about a millisecond of the driver for each answer, comes on top.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

from dmn_cli.config import from_plain
from dmn_cli.runs import on_ray, suite
from dmn_cli.runs.jobs import Suite
from dmn_cli.runs.node import Change, News

EPOCHS, CHECKPOINT, ANSWERS = 20, 650_000, 5
TASK = {"questions": 100, "correct": 97, "accuracy": 0.97, "interval": [0.9, 1.0], "published": None, "passed": True}
START = {"dmn": "1", "python": "3", "torch": "2", "git": None, "platform": "x", "device": "cpu", "threads": 1}


class Dummy:
    """An actor whose run makes a part of its epochs between two answers."""

    def __init__(self, order):
        self.task = int(next(option for option in order.options if option.startswith("--task"))[7:])
        self.asked, self.sent = 0, 0

    def answer(self):
        self.asked += 1
        lines = b""
        for epoch in range((self.asked - 1) * EPOCHS // ANSWERS, self.asked * EPOCHS // ANSWERS):
            line = {"epoch": epoch + 1, "valid_loss": 0.5, "valid_accuracy": 0.9, "best": True, "seconds": 2.0}
            lines += json.dumps({**line, "weights": "0" * 64}).encode() + b"\n"
        changes = [Change("metrics.jsonl", lines, self.sent)]
        self.sent += len(lines)
        changes += [Change(f"checkpoints/{name}.pt", bytes(CHECKPOINT), 0) for name in ("best", "last")]
        if self.asked < ANSWERS:
            return News(changes, None, b"")
        results = {"split": "test", "tasks": [{"task": self.task, "name": "x", **TASK}], "mean_accuracy": 0.97}
        ends = {
            "config.yaml": b"x" * 1000,
            "run.json": json.dumps({"starts": [{**START, "passes": 3, "data": "generated"}]}).encode(),
            "usage.json": b'{"seconds": 40.0, "peak_memory_mb": 300.0}',
            "results.csv": b"x" * 300,
            "results.md": b"x" * 300,
            "results.json": json.dumps({**results, "tasks_passed": 1, "data": {}}).encode(),
            "done": b"all epochs done\n",
        }
        return News([*changes, *(Change(name, content, 0) for name, content in ends.items())], 0, b"")


class Ray:
    """What on_ray uses of Ray."""

    def __init__(self, nodes):
        self.alive = [{"Alive": True, "Resources": {"CPU": 1.0}}] * nodes
        self.answers = self.bytes = 0

    def remote(self, **_):
        return lambda _: SimpleNamespace(remote=self.actor)

    def actor(self, order):
        dummy = Dummy(order)
        return SimpleNamespace(news=SimpleNamespace(remote=lambda *_: (dummy, dummy.asked)))

    def get(self, asked):
        news = asked[0].answer()
        self.answers += 1
        self.bytes += sum(len(change.content) for change in news.changes)
        return news

    def wait(self, asked, **_):
        return asked, []

    def nodes(self):
        return self.alive

    def kill(self, actor):
        pass

    def put(self, content):
        return content


def main() -> None:
    runs, nodes = (int(text) for text in [*sys.argv[1:], "2000", "100"][:2])
    stand_in = on_ray.ray = Ray(nodes)
    on_ray._connect = lambda address: None
    suite.TICK = 0.0
    tasks = {f"task{number}": [number] for number in range(1, 21)}
    config = from_plain({"data": {"source": "generated"}, "train": {"epochs": EPOCHS}})
    with tempfile.TemporaryDirectory() as folder:
        planned = Suite(config, "x", tasks, runs // 20, Path(folder) / "x", 1, 1, "cpu", ["dmn"])
        began, before = time.monotonic(), time.process_time()
        *_, content = suite.go(planned, on_ray.Cluster("auto", None, 1, "cpu"))
        wall, cpu = time.monotonic() - began, time.process_time() - before
    assert not content["failed"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(f"{runs} runs, {nodes} nodes, {stand_in.answers} answers: {wall:.0f} s, CPU {cpu:.0f} s, {peak:.0f} MB")
    print(f"a run: {1000 * cpu / runs:.1f} ms of the driver's CPU, {stand_in.bytes / runs / 1e6:.2f} MB of traffic")


if __name__ == "__main__":
    main()
