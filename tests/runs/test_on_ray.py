"""Suites on Ray: the results of this machine's processes, byte for byte, whatever becomes of nodes and drivers.

The clusters are real, on this machine, with a core for each node. `DMN_CLUSTERS=20` kills in twenty of them.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytest.importorskip("ray")

SMALL = """base: quickstart.yaml
data: {questions: 100}
train: {epochs: 50, patience: 50}
"""
SUITE = ("--config", "small.yaml", "--tasks", "1,4,6,15,16,20", "--seeds", "2", "--no-page")

MAIN = """
import sys
from dmn_cli.runs import on_ray
on_ray.PAUSE = 0.3
sys.argv[0] = "dmn"
from dmn_cli.cli.app import main
main()
"""
"""`dmn`, with checkpoints that come back after each 0.3 seconds."""


class Nodes:
    """A cluster; ``mark`` stands in the environment of all its processes."""

    def __init__(self, count, folder):
        self.mark = f"DMN_TEST_CLUSTER={uuid.uuid4().hex}"
        name, _, value = self.mark.partition("=")
        environment = {**os.environ, name: value, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("nodes.py"), str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        self.address = self.process.stdout.readline().strip()
        assert ":" in self.address

    def do(self, what):
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        assert "done" in self.process.stdout.readline()

    def left(self):
        """The commands of its processes."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (path / "environ").read_bytes().split(b"\0"):
                    found.append((path / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


@pytest.fixture
def cluster(tmp_path):
    """Start a cluster of so many nodes."""
    started = []

    def start(count):
        (tmp_path / "tmp").mkdir(exist_ok=True)
        started.append(Nodes(count, tmp_path / "tmp"))
        return started[-1]

    yield start
    for nodes in started:
        nodes.close()
        wait_for(lambda: not nodes.left(), 30)  # noqa: B023
    assert not list((tmp_path / "tmp").glob("dmn-*/run-*/done"))


def wait_for(condition, seconds=120.0, process=None):
    until = time.monotonic() + seconds
    while not condition():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)


def start(folder, *arguments, text=SMALL, quiet=True):
    folder.mkdir(exist_ok=True)
    (folder / "small.yaml").write_text(text)
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, "suite", *arguments, *(["--quiet"] if quiet else [])],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def ends(process, code=0):
    out, err = process.communicate(timeout=300)
    assert process.returncode == code, err
    return out, err


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The results of the twelve runs on this machine."""
    folder = tmp_path_factory.mktemp("local") / "x"
    out, _ = ends(start(folder, *SUITE))
    return folder / "runs" / "suite-small", out


RESULTS = ("results.json", "results.csv", "results.md", "config.yaml")


def assert_same(one, other):
    for name in RESULTS:
        assert (one / name).read_bytes() == (other / name).read_bytes()
    for run in one.glob("*-seed*"):
        assert (run / "results.json").read_bytes() == (other / run.name / "results.json").read_bytes()
        assert weights(run) == weights(other / run.name)
        assert {path.name for path in run.iterdir()} == {path.name for path in (other / run.name).iterdir()}


def ours(err):
    """Without Ray's own lines, of which it may print one where a node is lost."""
    return "".join(
        line for line in err.splitlines(keepends=True) if not re.match(r"\[\d{4}-\d\d-\d\d [^]]*\] core_", line)
    )


def weights(run):
    return [json.loads(line)["weights"] for line in (run / "metrics.jsonl").read_text().splitlines()]


def epochs(suite):
    return sum(path.read_text().count("\n") for path in suite.glob("*/metrics.jsonl"))


def is_saved(suite):
    return any(not (path.parents[1] / "done").exists() for path in suite.glob("*/checkpoints/last.pt"))


def test_what_came_back_may_be_written_twice(tmp_path):
    """A driver that is stopped between writing news and asking for the next is given them again."""
    from dmn_cli.runs.node import Change
    from dmn_cli.runs.on_ray import _write

    changes = [Change("metrics.jsonl", b"1\n2\n", 0), Change("metrics.jsonl", b"3\n", 4)]
    _write(tmp_path, changes)
    _write(tmp_path, changes[1:])
    assert (tmp_path / "metrics.jsonl").read_bytes() == b"1\n2\n3\n"
    _write(tmp_path, [Change("metrics.jsonl", b"x\n", 0)])  # another start of the run
    assert (tmp_path / "metrics.jsonl").read_bytes() == b"x\n"


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.parametrize("number", range(int(os.environ.get("DMN_CLUSTERS", "1"))))
def test_a_node_is_killed_and_one_added(number, cluster, local, tmp_path):
    chance = random.Random(number)
    nodes = cluster(3)
    process = start(tmp_path / "x", *SUITE, "--ray", nodes.address)
    suite = tmp_path / "x" / "runs" / "suite-small"
    at = sorted(chance.randrange(1, 450) for _ in range(2))
    for what, epoch in zip(chance.sample(["kill", "add"], 2), at, strict=True):
        wait_for(lambda: epochs(suite) >= epoch and is_saved(suite), process=process)  # noqa: B023
        nodes.do(what)
    out, err = ends(process)
    assert ours(err) == ""
    assert_same(suite, local[0])
    assert out == local[1]
    assert not [line for line in nodes.left() if "dmn_cli" in line]


@pytest.mark.slow
@pytest.mark.cluster
def test_drivers_that_are_killed_or_stopped_go_on(cluster, local, tmp_path):
    """On the cluster, and at last on this machine alone."""
    nodes = cluster(2)
    suite = tmp_path / "x" / "runs" / "suite-small"
    for number, code in ((signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 143)):
        process = start(tmp_path / "x", *SUITE, "--ray", nodes.address)
        made = epochs(suite) + 30
        wait_for(lambda: epochs(suite) >= made and is_saved(suite), process=process)  # noqa: B023
        process.send_signal(number)
        _, err = ends(process, code)
        assert ours(err) == ("" if code == -9 else "stopped; the same command goes on\n")
        wait_for(lambda: not [line for line in nodes.left() if "dmn_cli" in line])
    assert not list(suite.glob("*.log"))
    ends(start(tmp_path / "x", *SUITE))
    assert_same(suite, local[0])
    steps = [
        start["from_step"] for path in suite.glob("*/run.json") for start in json.loads(path.read_text())["starts"]
    ]
    assert any(steps)


@pytest.mark.slow
@pytest.mark.cluster
def test_a_sweep_and_data_that_are_sent(cluster, tmp_path):
    """With absolute paths that exist nowhere but here, a file above the working directory, and a class of one's own."""
    data = tmp_path / "data"
    data.mkdir()
    story = "".join(f"1 A{n} went to b{n}.\n2 Where is A{n}?\tb{n}\t1\n" for n in range(40))
    (data / "train.txt").write_text(story)
    (data / "test.txt").write_text(story)
    (data / "own.py").write_text(
        "from torch import nn\nclass Last(nn.Module):\n    def __init__(self, hidden_size, passes):\n"
        "        super().__init__()\n    def forward(self, k, m, e, q):\n        return e\n"
    )
    text = f"""data: {{source: files, train: {data / "train.txt"}, test: ../data/test.txt}}
model: {{hidden_size: 8, embedding_size: 8, memory: "{data / "own.py"}:Last"}}
train: {{epochs: 2, supervision: weak}}
"""
    line = ("--config", "small.yaml", "--grid", "train.learning_rate=1e-3,5e-3", "--seeds", "2", "--no-page")
    nodes = cluster(2)
    here, _ = ends(start(tmp_path / "here", *line, text=text, quiet=False))
    there, _ = ends(start(tmp_path / "there", *line, "--ray", nodes.address, text=text, quiet=False))
    sweeps = [tmp_path / name / "runs" / "sweep-small" for name in ("here", "there")]
    assert (sweeps[0] / "results.json").read_bytes() == (sweeps[1] / "results.json").read_bytes()
    for name in ("learning_rate=0.001", "learning_rate=0.005"):
        assert_same(sweeps[0] / name, sweeps[1] / name)
    assert here.partition("chosen on validation")[2] == there.partition("chosen on validation")[2]
    kept = list((tmp_path / "tmp").glob("dmn-*/data/*"))
    assert len(kept) == 2  # the two story files are equal
    (data / "own.py").write_text("class Last: pass\n")
    (data / "train.txt").write_text("1 A went home.\nbroken\n")
    for where in ("here", "there"):
        suite = ("--config", "small.yaml", "--suite-dir", tmp_path / where / "bad", "--no-page")
        ray = ("--ray", nodes.address) if where == "there" else ()
        _, err = ends(start(tmp_path / where, *suite, *ray, text=text, quiet=False), 1)
        assert "train.txt:2: " in err
        assert "Traceback" not in err
        assert f" {data}/train.txt:2" in err


@pytest.mark.slow
@pytest.mark.cluster
def test_the_sweep_of_the_page(cluster, tmp_path):
    """On two nodes `dmn suite --grid` ends like the local one."""
    line = ("--config", "quickstart.yaml", "--grid", "train.learning_rate=1e-3,5e-3", "--seeds", "2", "--no-page")
    nodes = cluster(2)
    ends(start(tmp_path / "here", *line, "--tasks", "1,6"))
    ends(start(tmp_path / "there", *line, "--tasks", "1,6", "--ray", nodes.address))
    sweeps = [tmp_path / name / "runs" / "sweep-quickstart" for name in ("here", "there")]
    names = sorted(str(path.relative_to(sweeps[0])) for path in sweeps[0].rglob("results.*"))
    assert len(names) == 3 * (1 + 2 + 2 * 2 * 2)
    for name in names:
        assert (sweeps[0] / name).read_bytes() == (sweeps[1] / name).read_bytes()


@pytest.mark.cluster
def test_where_there_is_no_cluster(dmn, tmp_path, monkeypatch):
    (tmp_path / "small.yaml").write_text(SMALL)
    for address, what in {
        "127.0.0.1:1": "--ray 127.0.0.1:1: no Ray cluster answers there: Connection refused",
        "ray://127.0.0.1:1": "no Ray cluster answers there",
        "head:port": "--ray head:port: expected HOST:PORT",
    }.items():
        done = dmn("suite", "--config", "small.yaml", "--ray", address)
        assert what in done.err
        assert done.code in (1, 2)
        assert len(done.err.splitlines()) <= 2
    done = dmn("suite", "--config", "small.yaml", "--ray", "--device", "cuda:1")
    assert (done.code, "with --ray it is cpu or cuda" in done.err) == (2, True)
