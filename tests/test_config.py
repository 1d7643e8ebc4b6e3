"""Configs: what they say when right, and what is said about them when wrong."""

import errno
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dmn_cli import config
from dmn_cli.config import Config, DataConfig, ModelConfig, TrainConfig, check, dump, find, from_plain, load, plain
from dmn_cli.errors import BAD_INPUT, DmnError

ROOT = Path(__file__).parent.parent
KEYS = [(section, key) for section, keys in plain(Config()).items() for key in keys]

Check = Callable[..., list[str]]


@pytest.fixture
def errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Load a text and overrides; give the lines of the error."""

    def check(text: str | bytes, *overrides: str) -> list[str]:
        Path("c.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(DmnError) as caught:
            load("c.yaml", overrides)
        assert caught.value.code == BAD_INPUT
        return caught.value.message.splitlines()

    monkeypatch.chdir(tmp_path)
    return check


def written(folder: Path, text: str) -> Path:
    (folder / "c.yaml").write_text(text, encoding="utf-8")
    return folder / "c.yaml"


# --- what is right


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "data:\nmodel:\n# gate: softmax\ntrain:\n", "\ufeff{}"])
def test_what_is_left_out_has_the_default(tmp_path: Path, text: str) -> None:
    assert load(written(tmp_path, text)) == Config()


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("train: {learning_rate: 1e-3}", "train.learning_rate", 0.001),
        ("train: {learning_rate: 2}", "train.learning_rate", 2.0),
        ("train: {learning_rate: .5E-2}", "train.learning_rate", 0.005),
        ("train: {seed: 0010}", "train.seed", 10),
        ("train:\r\n  clip: ~\r\n", "train.clip", None),
        ("data: {tasks: 3}", "data.tasks", [3]),
        ("data: {tasks: [3, 1, 3]}", "data.tasks", [1, 3]),
        ("data: {tasks: all}", "data.tasks", "all"),
        ("data: {dir: no}", "data.dir", "no"),
        ("data: {dir: 2026-01-31}", "data.dir", "2026-01-31"),
        ("data: {dir: '12'}", "data.dir", "12"),
        ('data: {dir: "caf\\u00e9 d\'été"}', "data.dir", "café d'été"),
        ("model: {passes: 3}", "model.passes", 3),
        ("model: {end_of_passes: False}", "model.end_of_passes", False),
    ],
)
def test_values_mean_what_they_look_like(tmp_path: Path, text: str, key: str, value: object) -> None:
    section, _, name = key.partition(".")
    found = plain(load(written(tmp_path, text)))[section][name]
    assert found == value
    assert type(found) is type(value)


def test_overrides_go_over_the_file_and_the_last_one_wins(tmp_path: Path) -> None:
    path = written(tmp_path, "train: {seed: 1, epochs: 7}\nmodel: {gate: softmax}")
    loaded = load(path, ["train.seed=2", "train.learning_rate=1e-2", "train.seed=3", "data={tasks: [4], dir: x=y}"])
    assert loaded == Config(
        data=DataConfig(tasks=[4], dir="x=y"),
        model=ModelConfig(gate="softmax"),
        train=TrainConfig(seed=3, epochs=7, learning_rate=0.01),
    )


def test_a_config_goes_over_its_base(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("train: {seed: 1, epochs: 7}\nmodel: {gate: softmax}\ndata: {tasks: [1, 2]}")
    loaded = load(written(tmp_path, "base: base.yaml\ntrain: {seed: 2}\nmodel:\ndata: {tasks: 3}"))
    assert loaded == Config(
        data=DataConfig(tasks=[3]), model=ModelConfig(gate="softmax"), train=TrainConfig(seed=2, epochs=7)
    )


def test_a_base_may_have_a_base_and_so_on(tmp_path: Path) -> None:
    """Own stories over ``strong.yaml``, which builds on ``dmn-l.yaml``."""
    loaded = load(written(tmp_path, "base: strong.yaml\ndata: {source: files, train: mine.txt}"))
    strong, lowest = load("strong.yaml"), load("dmn-l.yaml")
    assert loaded.model == strong.model
    assert loaded.data == strong.data.model_copy(update={"source": "files", "train": "mine.txt"})
    assert strong.model.gate == lowest.model.gate == "by-order"
    assert strong.train.epochs != lowest.train.epochs


def test_a_fault_of_a_base_of_a_base_has_its_place(errors: Check) -> None:
    Path("a.yaml").write_text("model: {gaet: x}")
    Path("b.yaml").write_text("base: a.yaml\ntrain: {seed: -1}")
    assert errors("base: b.yaml") == [
        "a.yaml:1:9 model.gaet: unknown key; did you mean gate?",
        "b.yaml:2:9 train.seed: expected a whole number from 0 to 2147483647, not -1",
    ]


@pytest.mark.parametrize("last", ["a.yaml", "b.yaml", "c.yaml", "./sub/../b.yaml"])
def test_bases_that_go_round_in_a_circle(errors: Check, last: str) -> None:
    Path("sub").mkdir()
    Path("a.yaml").write_text("base: b.yaml")
    Path("b.yaml").write_text(f"\nbase: {last}")
    lines = errors("base: a.yaml")
    assert len(lines) == 1
    assert re.fullmatch(r"b\.yaml:2:1 base: goes round in a circle: \S+ builds on this file", lines[0])


def test_a_base_is_found_by_its_name(tmp_path: Path) -> None:
    assert load(written(tmp_path, "base: dmn-plus.yaml")) == load(config.shipped() / "dmn-plus.yaml")


def test_the_end_of_passes_is_taught_or_left_out() -> None:
    assert Config().end_of_passes
    assert not Config(train=TrainConfig(supervision="weak")).end_of_passes
    assert not Config(model=ModelConfig(end_of_passes=False)).end_of_passes


# --- where a config is found


def test_a_bare_name_is_found_here_then_in_configs_then_in_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find("task1.yaml") == config.shipped() / "task1.yaml"
    Path("configs").mkdir()
    Path("configs/task1.yaml").touch()
    assert find("task1.yaml") == Path("configs/task1.yaml")
    Path("task1.yaml").touch()
    assert find("task1.yaml") == Path("task1.yaml")
    assert find(tmp_path / "task1.yaml") == tmp_path / "task1.yaml"


@pytest.mark.parametrize(
    ("name", "message", "looked"),
    [
        ("task1.yml", "task1.yml: no such config; did you mean task1.yaml?", "here, in configs/ and in the package"),
        ("paper.yaml", "paper.yaml: no such config; it is called dmn-l.yaml now", ""),
        ("paper", "paper: no such config; it is called dmn-l.yaml now", ""),
        ("tsk12", "tsk12: no such config; did you mean task12.yaml?", "here, in configs/ and in the package"),
        ("zebra", "zebra: no such config", "here, in configs/ and in the package"),
        ("elsewhere/task1.yaml", "elsewhere/task1.yaml: no such config; did you mean task1.yaml?", "in elsewhere"),
        ("\0", r"'\x00': no such config", "here"),
        ("x" * 5000, f"'{'x' * 48}…: no such config", "here"),
    ],
)
def test_an_unknown_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str, looked: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DmnError) as caught:
        load(name)
    assert caught.value.message == message
    assert caught.value.hint.startswith(f"looked {looked}" if looked else "")


def test_a_folder_is_no_config(tmp_path: Path) -> None:
    with pytest.raises(DmnError, match=f"^{re.escape(str(tmp_path))}: cannot be read: Is a directory$"):
        load(tmp_path)


def test_a_folder_that_may_not_be_read_is_not_taken_for_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(path: Path, **_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "stat", forbidden)
    with pytest.raises(DmnError, match=r"locked/task1\.yaml: cannot be read: "):
        load(tmp_path / "locked" / "task1.yaml")


# --- what is wrong: one line a fault, each with its place

GATE = "c.yaml:1:9 model.gate: expected sigmoid, softmax or by-order"
TASKS = "data.tasks: expected a whole number from 1 to 20, a list of them or all"
MISFIT = "this does not fit what stands above; is the indentation right?"
MALFORMED: list[tuple[str | bytes, list[str]]] = [
    ("model:\n  hidden_sze: 3", ["c.yaml:2:3 model.hidden_sze: unknown key; did you mean hidden_size?"]),
    ("train: {lr: 1e-3}", ["c.yaml:1:9 train.lr: unknown key; did you mean learning_rate?"]),
    ("gate: softmax", ["c.yaml:1:1 gate: unknown key; did you mean model.gate?"]),
    ("modell: {}", ["c.yaml:1:1 modell: unknown key; did you mean model?"]),
    ("model.gate: x", ["c.yaml:1:1 model.gate: unknown key; write `model:` and below it, indented, `gate:`"]),
    ("model: {zebra: 1}", ["c.yaml:1:9 model.zebra: unknown key"]),
    ("<<: {gate: x}", ["c.yaml:1:1 <<: unknown key"]),
    ("12: {}", ["c.yaml:1:1 12: unknown key"]),
    ("model: {gate: softmx}", [f"{GATE}, not 'softmx'; did you mean softmax?"]),
    ("model: {gate: [softmax]}", [f"{GATE}, not a list"]),
    (
        "model: {memory: }",
        ["c.yaml:1:9 model.memory: expected gru, relu, linear, tied-linear or FILE.py:CLASS, not null"],
    ),
    ("model: {bidirectional: yes}", ["c.yaml:1:9 model.bidirectional: expected true or false, not 'yes'"]),
    ("model: {bidirectional: on}", ["c.yaml:1:9 model.bidirectional: expected true or false, not 'on'"]),
    ("model: {bidirectional: 1}", ["c.yaml:1:9 model.bidirectional: expected true or false, not 1"]),
    (
        "model: {hidden_size: '12'}",
        ["c.yaml:1:9 model.hidden_size: expected a whole number from 1 to 10000, not '12'; write it without quotes"],
    ),
    ("model: {hidden_size: true}", ["c.yaml:1:9 model.hidden_size: expected a whole number from 1 to 10000, not true"]),
    ("model: {passes: 0}", ["c.yaml:1:9 model.passes: expected a whole number from 1 to 100 or auto, not 0"]),
    ("train: {epochs: 1e3}", ["c.yaml:1:9 train.epochs: expected a whole number ≥ 1, not 1000.0"]),
    ("train: {learning_rate: .nan}", ["c.yaml:1:9 train.learning_rate: expected a number > 0, not nan"]),
    ("train: {learning_rate: 1e999}", ["c.yaml:1:9 train.learning_rate: expected a number > 0, not inf"]),
    ("train: {clip: -.inf}", ["c.yaml:1:9 train.clip: expected a number > 0 or null, not -inf"]),
    ("data: {validation: 1}", ["c.yaml:1:8 data.validation: expected a number > 0 and < 1, not 1"]),
    ("train: {epochs: 'true'}", ["c.yaml:1:9 train.epochs: expected a whole number ≥ 1, not 'true'"]),
    (
        f"train: {{epochs: {'9' * 5000}}}",
        [f"c.yaml:1:9 train.epochs: expected a whole number ≥ 1, not '{'9' * 48}…"],
    ),
    ("data: {dir: 12}", ["c.yaml:1:8 data.dir: expected text, not 12; write it in quotes"]),
    ("data: {dir: ''}", ["c.yaml:1:8 data.dir: expected text, not ''"]),
    ('data: {dir: "a\\0b"}', [r"c.yaml:1:8 data.dir: expected text, not 'a\x00b'"]),
    (
        "data:\n  tasks: [1, 21,\n    0]",
        [
            f"c.yaml:2:14 {TASKS}, not 21",
            f"c.yaml:3:5 {TASKS}, not 0",
        ],
    ),
    ("data: {tasks: []}", [f"c.yaml:1:8 {TASKS}, not an empty list"]),
    ("model: {gate: sigmoid, gate: softmax}", ["c.yaml:1:24 model.gate: written twice, first in line 1"]),
    ("model:\n  gate: softmax\ntrain:\nmodel:\n  gat: 1", ["c.yaml:4:1 model: written twice, first in line 1"]),
    ("model:\n  gate softmax", ["c.yaml:1:1 model: expected lines such as `hidden_size: 80`, not 'gate softmax'"]),
    ("- model", ["c.yaml:1:1: expected data:, model: or train: here, not a list"]),
    ("model", ["c.yaml:1:1: expected data:, model: or train: here, not 'model'"]),
    ("model:\n\tgate: softmax", ["c.yaml:2:1: a tab; indent with spaces"]),
    ("model:\n  gate: softmax\n passes: 3", [f"c.yaml:3:2: {MISFIT}"]),
    (" model:\ntrain:", [f"c.yaml:2:1: {MISFIT}"]),
    ("data: {dir: C: x: y}", ["c.yaml:1:14: not valid YAML: expected ',' or '}', but got ':'"]),
    ("data:\n  dir: a: b", ["c.yaml:2:9: a second `:` (is the indentation right? text with `: ` wants quotes)"]),
    ("data:\n  dir: @home", ["c.yaml:2:8: text that starts with this sign wants quotes"]),
    ("data:\n  dir: 'home\ntrain:\n", ["c.yaml:2:8: a quote that is not closed"]),
    ("data: {tasks: [1, 2}", ["c.yaml:1:20: not valid YAML: expected ',' or ']', but got '}'"]),
    ("data: {", ["c.yaml:1:8: not valid YAML: expected a value, but found the end"]),
    ("a: &a [x]\nb: *a", ["c.yaml:1:4: anchors (&), aliases (*) and tags (!) are not used in a config"]),
    ("data: *a", ["c.yaml:1:7: anchors (&), aliases (*) and tags (!) are not used in a config"]),
    (
        "!!python/object/apply:os.system [ls]",
        ["c.yaml:1:1: anchors (&), aliases (*) and tags (!) are not used in a config"],
    ),
    ("[" * 5000, ["c.yaml:1:10: nested too deep for a config"]),
    ("? [a]\n: b", ["c.yaml:1:3: expected `key: value`"]),
    ("data:\n---\nmodel:", ["c.yaml:2:1: a second document (`---`) where one is expected"]),
    ('data: {dir: "\\ud800"}', ["c.yaml:1:13: not text: half of a surrogate pair"]),
    ('data: {dir: "\\UFFFFFFFF"}', ["c.yaml: not valid YAML: a character code or a version out of range"]),
    ("model:\n  gate\x07: 2", ["c.yaml:2:7: not text: character 7"]),
    (b"model:\n  caf\xe9: 1", ["c.yaml:2: not UTF-8 text"]),
    (b"\x80\x02}q\x00", ["c.yaml:1: not UTF-8 text"]),
    ("x" * 100_001, ["c.yaml: more than 100 kB, too large for a config"]),
    ("base: 3", ["c.yaml:1:1 base: expected the name of a config, not 3"]),
    ("data:\nbase: strng.yaml", ["c.yaml:2:1 base: strng.yaml: no such config; did you mean strong.yaml?"]),
    ("base: paper.yaml", ["c.yaml:1:1 base: paper.yaml: no such config; it is called dmn-l.yaml now"]),
    ("base: c.yaml", ["c.yaml:1:1 base: goes round in a circle: c.yaml builds on this file"]),
    ("model: {gate: ordered}", [f"{GATE}, not 'ordered'; it is called by-order now"]),
    ("train: {decay: cosine}", ["c.yaml:1:9 train.decay: expected constant or linear, not 'cosine'"]),
    (
        "train: {warmup: 5}",
        ["c.yaml:1:9 train.warmup: there is no such key any more; leave it out (it was 0 by default)"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "lines"), MALFORMED)
def test_a_malformed_config_says_where_and_what(errors: Check, text: str | bytes, lines: list[str]) -> None:
    assert errors(text) == lines


CONFLICTS = [
    ("data: {source: files}", "c.yaml:1:8 data.source: `files` wants data.train, the story file to train on"),
    ("data: {source: files, train: x, tasks: 2}", "c.yaml:1:33 data.tasks: has no meaning with data.source: files"),
    ("data: {train: x}", "c.yaml:1:8 data.train: wants data.source: files, which is babi"),
    ("data: {valid: x}", "c.yaml:1:8 data.valid: wants data.source: files, which is babi"),
    ("data: {test: x, source: generated}", "c.yaml:1:8 data.test: wants data.source: files, which is generated"),
    (
        "model: {bidirectional: true}",
        "c.yaml:1:9 model.bidirectional: wants model.reader: positions or sentences, which is words",
    ),
    (
        "model: {residual: true}",
        "c.yaml:1:9 model.residual: wants model.reader: positions or sentences, which is words",
    ),
    (
        "model: {residual: true, reader: positions, hidden_size: 9}",
        "c.yaml:1:9 model.residual: with model.reader: positions wants embedding_size 9, which is 80",
    ),
    (
        "train: {supervision: weak}\nmodel: {free_passes: 1}",
        "c.yaml:2:9 model.free_passes: wants train.supervision: strong, which is weak; or set it to 0",
    ),
    (
        "model: {free_passes: 2, passes: 2}",
        "c.yaml:1:9 model.free_passes: leaves no pass to teach: model.passes is 2",
    ),
    (
        "model: {facts: word}",
        "c.yaml:1:9 model.facts: `word` wants train.supervision: weak: supporting facts are sentences",
    ),
    (
        "model: {facts: word, reader: positions}\ntrain: {supervision: weak}",
        "c.yaml:1:9 model.facts: `word` wants model.reader: words, which is positions",
    ),
    (
        "model: {end_of_passes: true}\ntrain: {supervision: weak}",
        "c.yaml:1:9 model.end_of_passes: true wants train.supervision: strong, which is weak",
    ),
    (
        "data: {thinned: 0.5}\ntrain: {supervision: weak}",
        "c.yaml:1:8 data.thinned: wants train.supervision: strong, which is weak; or set it to 0",
    ),
    (
        "train: {supervision: weak, gate_epochs: 1}",
        "c.yaml:1:28 train.gate_epochs: wants train.supervision: strong, which is weak; or set it to 0",
    ),
    ("train: {gate_epochs: 100}", "c.yaml:1:9 train.gate_epochs: must be below train.epochs, which is 100; set both"),
]


@pytest.mark.parametrize(("text", "line"), CONFLICTS)
def test_keys_that_do_not_fit_each_other(errors: Check, text: str, line: str) -> None:
    assert errors(text) == [line]


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("train.lr=1", "--set train.lr: unknown key; did you mean learning_rate?"),
        ("lr=1", "--set lr: unknown key; did you mean train.learning_rate?"),
        ("learning_rate=1", "--set learning_rate: unknown key; did you mean train.learning_rate?"),
        ("modl.gate=softmax", "--set modl: unknown key; did you mean model?"),
        ("model.gate.x=1", "--set model.gate.x: unknown key; did you mean gate?"),
        ("model.gate=", "--set model.gate: expected sigmoid, softmax or by-order, not null"),
        ("model.gate", "--set: expected section.key=value, not 'model.gate'"),
        ("=3", "--set: expected section.key=value, not '=3'"),
        ("model=3", "--set model: expected lines such as `hidden_size: 80`, not 3"),
        ("data={taks: 3}", "--set data.taks: unknown key; did you mean tasks?"),
        ("data.tasks=[1, 2", "--set data.tasks: not valid YAML: expected ',' or ']', but got the end"),
        ("data.tasks=[1, x]", "--set data.tasks: expected a whole number from 1 to 20, a list of them or all, not 'x'"),
        ("data.dir=*x", "--set data.dir: anchors (&), aliases (*) and tags (!) are not used in a config"),
        ("data.dir=\udcff", "--set data.dir: not text: character 56575"),
        ("base=dmn.yaml", "--set base: only a file can name its base"),
        ("train.gate_epochs=500", "--set train.gate_epochs: must be below train.epochs, which is 100; set both"),
    ],
)
def test_a_wrong_override(errors: Check, override: str, line: str) -> None:
    assert errors("", override) == [line]


def test_all_errors_at_once_in_the_order_of_the_lines(errors: Check) -> None:
    Path("b.yaml").write_text("model:\n  gaet: x\n  passes: x\n")
    text = "base: b.yaml\ntrain:\n  seed: -1\n  clip: no\ndata:\n  dir: 3\n  train: x\nmodel:\n  passes: 0\n"
    assert errors(text, "train.epoch=3", "model.episode=sum") == [
        "--set model.episode: expected gru, attention-gru, weighted-sum or FILE.py:CLASS, not 'sum'",
        "--set train.epoch: unknown key; did you mean epochs?",
        "b.yaml:2:3 model.gaet: unknown key; did you mean gate?",
        "c.yaml:3:3 train.seed: expected a whole number from 0 to 2147483647, not -1",
        "c.yaml:4:3 train.clip: expected a number > 0 or null, not 'no'",
        "c.yaml:6:3 data.dir: expected text, not 3; write it in quotes",
        "c.yaml:7:3 data.train: wants data.source: files, which is babi",
        "c.yaml:9:3 model.passes: expected a whole number from 1 to 100 or auto, not 0",
    ]


def test_a_wrong_value_is_no_reason_for_a_second_error(errors: Check) -> None:
    assert len(errors("data: {source: files, train: 3}")) == 1
    assert len(errors("data: {source: files}", "data.train=[")) == 1
    assert len(errors("train: 3\nmodel: {facts: word}")) == 1


def test_very_many_errors_are_cut(errors: Check) -> None:
    lines = errors("".join(f"key{number}:\n" for number in range(100)).replace(":", ": 1"))
    assert len(lines) == check.MOST + 1
    assert lines[-1] == f"… and {100 - check.MOST} more errors"


# --- any text, any values


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


scalars = st.sampled_from(
    [
        *["0", "1", "-1", "3", "21", "'12'", "1e-3", "1e999", ".nan", "true", "no", "~", "all", "auto"],
        *["gru", "softmax", "words", "files", "weak", "generated", "dmn-l.yaml"],
    ]
) | st.text(max_size=8)
names = st.sampled_from(["data", "model", "train", "base", *(key for _, key in KEYS)]) | st.text(max_size=6)
line = st.builds(
    "{}{}{}{}".format, st.sampled_from(["", "  ", " ", "\t", "- "]), names, st.sampled_from([": ", ":"]), scalars
)


def refused(read: Callable[[], Config]) -> list[str]:
    """The lines of the error, none where there is a config; anything else that is raised fails the test."""
    try:
        assert isinstance(read(), Config)
    except DmnError as error:
        return error.message.split("\n")
    return []


@settings(deadline=None, max_examples=200)
@given(st.text() | st.lists(line, max_size=8).map("\n".join) | st.text("[]{}:,-?&*!|>'\"%@`# \n\tab1"))
def test_any_text_is_a_config_or_one_clear_error(folder: Path, text: str) -> None:
    path = folder / "c.yaml"
    path.write_bytes(text.encode())
    for shown in refused(lambda: load(path)):
        assert re.match(rf"{re.escape(str(path))}(:\d+(:\d+)?)?[: ]|.*dmn-l\.yaml", shown), shown


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_config_or_an_error(folder: Path, data: bytes) -> None:
    (folder / "b.yaml").write_bytes(data)
    assert all(refused(lambda: load(folder / "b.yaml")))


@settings(deadline=None)
@given(st.lists(st.builds("{}.{}={}".format, names, names, scalars) | st.text(), max_size=3))
def test_any_override_is_taken_or_refused(overrides: list[str]) -> None:
    for shown in refused(lambda: load(config.shipped() / "dmn-l.yaml", overrides)):
        assert shown.startswith("--set")


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | scalars | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | st.integers() | st.none(), inner, max_size=4),
    max_leaves=8,
)


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.sampled_from(["data", "model", "train"]), st.dictionaries(names, anything)) | anything)
def test_any_values_are_a_config_or_an_error(values: object) -> None:
    for shown in refused(lambda: from_plain(values, "last.pt")):
        assert shown.startswith(("last.pt", "… and"))


@pytest.mark.parametrize("values", [{"\ud800": 1}, {"data": {"\ud800": 1}}, {"data": {"dir": "\ud800"}}])
def test_a_lone_surrogate_among_the_values_is_an_error(values: object) -> None:
    with pytest.raises(DmnError, match=r"^config.*\\ud800"):
        from_plain(values)


def test_a_value_of_several_lines_is_shown_on_one() -> None:
    class Tensor:
        def __repr__(self) -> str:
            return "tensor([[1.],\n        [2.]])"

    with pytest.raises(DmnError) as caught:
        from_plain({"train": {"epochs": Tensor()}})
    assert caught.value.message == "config train.epochs: expected a whole number ≥ 1, not tensor([[1.],         [2.]])"


# --- there and back

path_text = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1)
fraction = st.floats(0, 1, exclude_max=True)
positive_float = st.floats(0, exclude_min=True, allow_infinity=False)
configs = st.builds(
    Config,
    data=st.builds(
        DataConfig,
        source=st.just("files"),
        dir=path_text | scalars.filter(lambda text: text.isprintable() and text != ""),
        train=path_text,
        valid=st.none() | path_text,
        validation=st.floats(0, 1, exclude_min=True, exclude_max=True),
        questions=st.integers(1, 10**18 - 1),
        max_facts=st.none() | st.integers(1, 1000),
    )
    | st.builds(DataConfig, tasks=st.just("all") | st.lists(st.integers(1, 20), min_size=1)),
    model=st.builds(
        ModelConfig,
        hidden_size=st.integers(1, 10_000),
        reader=st.just("positions"),
        bidirectional=st.booleans(),
        memory=st.sampled_from(["gru", "relu", "linear", "tied-linear"]),
        passes=st.just("auto") | st.integers(1, 100),
        end_of_passes=st.just("auto") | st.booleans(),
        fact_dropout=fraction,
    ),
    train=st.builds(
        TrainConfig,
        seed=st.integers(0, 2**31 - 1),
        epochs=st.integers(10, 10**6),
        gate_epochs=st.integers(0, 9),
        gate_decay=st.sampled_from(["constant", "linear"]),
        learning_rate=positive_float,
        clip=st.none() | positive_float,
        decay=st.sampled_from(["constant", "linear"]),
    ),
)


@settings(deadline=None)
@given(configs, st.booleans())
@example(Config(data=DataConfig(source="files", train="no-break space\xa0", valid="\u2028", test="\ufeff: #")), True)
def test_a_config_written_is_the_config_read(folder: Path, written: Config, comments: bool) -> None:
    path = folder / "r.yaml"
    path.write_text(dump(written, comments), encoding="utf-8")
    assert load(path) == written
    assert from_plain(plain(written)) == written


def test_what_an_earlier_version_wrote_is_read() -> None:
    values = plain(load("dmn-l.yaml"))
    earlier = {**values, "model": {**values["model"], "gate": "ordered"}, "train": {**values["train"], "warmup": 0}}
    assert from_plain(earlier) == load("dmn-l.yaml")
    assert earlier["model"]["gate"] == "ordered"  # what is given stays as it is
    with pytest.raises(DmnError, match=r"^last\.pt train\.warmup: there is no such key any more"):
        from_plain({"train": {"warmup": 5}}, "last.pt")
    with pytest.raises(DmnError, match=r"^last\.pt train\.decay: expected constant or linear, not 'cosine'$"):
        from_plain({"train": {"decay": "cosine"}}, "last.pt")


def test_plain_values_are_plain() -> None:
    values = plain(load("dmn-plus.yaml"))
    for keys in values.values():
        for value in keys.values():
            assert type(value) in (str, int, float, bool, list, type(None))


# --- what comes with the package


@pytest.mark.parametrize("path", sorted(config.shipped().glob("*.yaml")), ids=lambda path: path.name)
def test_a_shipped_config_is_right_and_starts_with_its_command(path: Path) -> None:
    load(path)
    first, second = path.read_text(encoding="utf-8").splitlines()[:2]
    assert re.fullmatch(rf"# dmn (train|bench) --config {path.name}( --task \d+)?", first)
    assert re.match("# [A-Z]", second)


def test_every_task_has_its_config_and_all_are_alike() -> None:
    base = load(config.shipped() / "dmn-l.yaml")
    for task in range(1, 21):
        loaded = load(config.shipped() / f"task{task}.yaml")
        assert loaded.data.tasks == [task]
        shorter = ["train.epochs=5"] if task == 1 else []
        assert loaded == load(config.shipped() / "dmn-l.yaml", [f"data.tasks={task}", *shorter])
    assert base.data.subset == "en"
    assert base.train.supervision == "strong"
    assert load(config.shipped() / "quickstart.yaml").data.source == "generated"


def test_listed_in_the_order_of_their_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("configs").mkdir()
    Path("configs/mine.yaml").write_text("# dmn train --config mine.yaml\n#\n# Mine\n")
    Path("configs/bare.yaml").touch()
    found = config.listed()
    assert found[:2] == [(Path("configs/bare.yaml"), ""), (Path("configs/mine.yaml"), "Mine")]
    tasks = [path.name for path, _ in found if path.name.startswith("task")]
    assert tasks == [f"task{number}.yaml" for number in range(1, 21)]


NOT_SHIPPED = {
    "data.dir": "where the user's data lies",
    "data.train": "own files: `dmn config init` writes it",
    "data.valid": "own files: `dmn config init` writes it",
    "data.test": "own files: `dmn config init` writes it",
    "data.dialogue": "own files: what their questions are, only their user knows",
    "data.validation": "own files are of any size; bAbI's take the default",
    "data.seed": "the user's choice",
    "train.from": "the user's own trained network",
    "train.seed": "the user's choice: --seed",
    "train.clip": "what to try where a training diverges: its error says so",
}
"""Keys that no shipped config sets, and why there are such keys."""

NOT_REACHED = {
    "data.source": {"files"},  # `dmn config init` writes it
    "data.subset": {"hn", "hn-10k", "shuffled", "shuffled-10k", "en-valid", "en-valid-10k"},  # directories of the data
}
"""Values that no shipped config has, by key."""


def test_every_key_and_every_value_is_used_by_a_shipped_config() -> None:
    """What no config or result needs is no part of the schema."""
    loaded = [plain(load(path)) for path in config.shipped().glob("*.yaml")]
    texts = [path.read_text(encoding="utf-8") for path in config.shipped().glob("*.yaml")]
    written = {key for text in texts for key in config.parse(text, "").places if len(key) == 2}
    unset, unreached = set(), {}
    for name, values, _ in config.all_keys():
        section, key = name.split(".")
        if (section, key) not in written:
            unset.add(name)
        found = {str(file[section][key]) for file in loaded}
        if values != ["true", "false"] and (missing := {*values} - found):
            unreached[name] = missing
    assert unset == NOT_SHIPPED.keys()
    assert unreached == {**NOT_REACHED, "model.end_of_passes": {"true", "false"}}  # what auto becomes


def test_the_papers_network_has_nothing_of_ours() -> None:
    """``dmn.yaml`` is the schema's network, which is the paper's; so is that of ``quickstart.yaml``, but smaller."""
    dropouts = {"embedding_dropout": 0.2, "fact_dropout": 0.1, "answer_dropout": 0.3}
    assert load("dmn.yaml").model == ModelConfig(start="carrying", **dropouts)
    assert load("dmn.yaml").train.gate_epochs > 0
    sizes = {"hidden_size": 40, "embedding_size": 40, "embedding_dropout": 0.2}
    assert load("quickstart.yaml").model == ModelConfig(**sizes)


def test_every_key_is_explained() -> None:
    rows = re.findall(r"^\| `(\w+)\.(\w+)` \| [^|]+ \| `[^|]+` \| [^|]+\. \|$", config.reference(), re.MULTILINE)
    assert rows == KEYS


def test_a_config_is_read_without_torch() -> None:
    code = "import sys; from dmn_cli.config import load; load('task1.yaml'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
