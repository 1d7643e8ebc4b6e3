"""The whole YAML schema, its loading and its errors.

A config is built of layers, each over the one before: the defaults below, the file it names as its ``base``, the file
itself, ``--set``. A layer is plain values and the place of every key, so that every error can say where it lies.
"""

import difflib
import functools
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from dmn_cli.errors import DmnError

LARGEST = 100_000
"""Bytes; what is larger is no config (and would keep the YAML reader busy for long)."""

DEEPEST = 8
"""Levels of nesting; a config has three."""

MOST = 30
"""Errors shown of one config."""


def _listed(tasks: object) -> object:
    return [tasks] if type(tasks) is int else tasks


def _sorted(tasks: list[int]) -> list[int]:
    return sorted(set(tasks))


Fraction = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Size = Annotated[int, Field(ge=1, le=10_000)]
Tasks = Annotated[list[Annotated[int, Field(ge=1, le=20)]], Field(min_length=1), AfterValidator(_sorted)]
File = Annotated[str, Field(pattern=r"^\P{Cc}+$")]  # not empty, no control characters
Subset = Literal[
    "en", "en-10k", "hn", "hn-10k", "shuffled", "shuffled-10k", "en-valid", "en-valid-10k"
]  # the directories of v1.2


class Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class DataConfig(Section):
    """Where the stories come from."""

    source: Literal["babi", "generated", "files"] = "babi"
    """`babi`: the real files; `generated`: stories made by this package; `files`: your own, in bAbI's format."""
    dir: File = "data"
    """Where `dmn download-babi` puts the real files."""
    subset: Subset = "en"
    """The directory of bAbI v1.2; `en-valid` and `en-valid-10k` bring their own validation split."""
    tasks: Annotated[Tasks | Literal["all"], BeforeValidator(_listed)] = [1]
    """A task number, a list of them (one model for all of them together), or `all`."""
    train: File | None = None
    """With `source: files`: the story file to train on."""
    valid: File | None = None
    """With `source: files`: the validation file; without one, a part of the training stories is set aside."""
    test: File | None = None
    """With `source: files`: the test file, read once at the end and by `dmn eval`."""
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """The part of the training stories set aside for validation, where there is no validation file."""
    seed: Seed = 0
    """Decides which stories are set aside for validation, and with `source: generated` the stories themselves."""
    questions: Positive = 1000
    """With `source: generated`: how many questions to train on; as many again are the test."""
    max_facts: Positive | None = None
    """The memory attends to the last so many facts before a question; null: to all of them."""
    supporting: Literal["as-given", "tidy"] = "as-given"
    """The order of the supporting facts, which the passes are taught: as the files have it; or, in a task where they
    are lists, story order also for the few questions where they are not in it (bAbI: task 8)."""
    renamed: bool = False
    """Every epoch sees each training story with interchangeable words (found in the training stories) renamed anew."""
    reordered: bool = False
    """Every epoch sees the facts of each training story in another order, and each question after the same facts, in
    tasks where the order says nothing, as far as 500 training questions or more tell (bAbI: tasks 4 and 17 to 19)."""
    thinned: Fraction = 0.0
    """With `supervision: strong`: the part of the facts that support no question of their story which an epoch leaves
    out of the training stories, others in each epoch."""


class ModelConfig(Section):
    """The network; the default is the one of the paper (arXiv 1506.07285)."""

    hidden_size: Size = 80
    """Size of facts, question, episode and memory."""
    embedding_size: Size = 80
    """Size of a word's vector."""
    reader: Literal["words", "positions", "sentences"] = "words"
    """`words`: a GRU over all words of the story; `positions`: position-encoded sentences, a GRU over these (DMN+);
    `sentences`: one GRU for the words of sentences and questions, and a GRU over the sentences."""
    facts: Literal["sentence", "word"] = "sentence"
    """One fact a sentence, or (for stories of one sentence) one fact a word; `word` wants `supervision: weak`."""
    bidirectional: bool = False
    """Sum a forward and a backward GRU over the sentences (DMN+'s fusion layer); wants `reader: positions` or
    `sentences`."""
    residual: bool = False
    """Add to a fact the vector of its own sentence (with `reader: positions`, and to the question its word vectors);
    wants `reader: sentences`, or `positions` with equal sizes."""
    gate_features: Literal["dmn", "dmn-plus"] = "dmn"
    """The nine terms of the DMN, or the four of DMN+."""
    gate_order: bool = False
    """The gate also sees where the last pass looked: how much before the fact, at it, and after it."""
    gate_words: bool = False
    """The gate also sees which rare words a fact shares with the question and with what the last pass found, and how
    much the fact counted before. It starts out by following these words from fact to fact."""
    gate: Literal["sigmoid", "softmax", "ordered"] = "sigmoid"
    """`sigmoid`: every fact by itself; `softmax`: all facts of a question against each other; `ordered`: of the open
    gates the latest counts. The supporting facts of the training questions may say otherwise: the earliest, where they
    are lists, any number of facts in story order (bAbI: tasks 7 and 8); and `softmax`, where later facts do not
    override earlier ones (tasks 4 and 17 to 20)."""
    episode: Literal["gru", "attention-gru", "weighted-sum"] = "gru"
    """The gated GRU of the DMN, the attention GRU of DMN+, or the sum of the facts weighted by their gates."""
    memory: Literal["gru", "relu", "linear", "tied-linear"] = "gru"
    """The memory update: a GRU, DMN+'s untied ReLU layers, untied linear layers, which start as m + e, or one such
    layer for all passes."""
    memory_features: Literal["episode", "products"] = "episode"
    """What the memory update takes: the episode, or a layer over it and its products and differences with question and
    memory (with `memory: linear` and `tied-linear`, their sum)."""
    passes: Annotated[int, Field(ge=1, le=100)] | Literal["auto"] = "auto"
    """Passes over the facts, at most; `auto`: as many as a training question has supporting facts, and the free ones,
    10 at most; with `supervision: weak` 3."""
    free_passes: Annotated[int, Field(ge=0, le=9)] = 0
    """With `supervision: strong`: the first so many passes are not taught; in them the network may look around."""
    end_of_passes: bool | Literal["auto"] = "auto"
    """Append a fact that means `enough`: a question's passes stop when its gate picks it. It has to be taught, so
    `auto` is true with `supervision: strong` and false with `weak`."""
    answer: Literal["linear", "gru"] = "linear"
    """One of the answers seen in training, or a GRU that writes the words of the answer one by one."""
    embedding_dropout: Fraction = 0.0
    """Dropout on the word vectors."""
    fact_dropout: Fraction = 0.0
    """Dropout on the facts (with `reader: positions` and `sentences`, on the sentence vectors before the GRU)."""
    answer_dropout: Fraction = 0.0
    """Dropout on the memory and question that the answer is read from."""


class TrainConfig(Section):
    """How the network is trained."""

    seed: Seed = 0
    """Decides the initial weights, the order of stories or questions and the dropout."""
    supervision: Literal["strong", "weak"] = "strong"
    """`strong`: the gates are taught the supporting facts; `weak`: answers only."""
    epochs: Positive = 100
    """Passes over the training stories, at most."""
    gate_epochs: Annotated[int, Field(ge=0)] = 0
    """With `supervision: strong`: the first epochs teach the gates alone (the paper's β = 0)."""
    batch_size: Positive = 100
    """Questions a step, at most; with `shuffle: stories` often a few less."""
    shuffle: Literal["stories", "questions"] = "stories"
    """What is shuffled: `stories`, so that each is read once for all its questions; or `questions`, each on its own,
    which puts more stories into a step."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.001
    """Of Adam."""
    decay: Literal["constant", "linear"] = "constant"
    """The learning rate: as it is, or down to zero at the last epoch."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """L2 on all weights but the biases."""
    clip: Annotated[float, Field(gt=0)] | None = 10.0
    """The largest norm of the gradient; larger ones are scaled down to it."""
    patience: Positive = 20
    """Stop after so many epochs without a better validation accuracy."""
    restarts: Annotated[int, Field(ge=0)] = 0
    """`dmn suite` tries so many further seeds, one after the other, while a network's best validation accuracy is below
    95 %."""


class Config(Section):
    """One training run."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()

    @property
    def end_of_passes(self) -> bool:
        """``model.end_of_passes`` with ``auto`` decided."""
        wanted = self.model.end_of_passes
        return self.train.supervision == "strong" if wanted == "auto" else wanted


def _conflicts(config: Config) -> Iterator[tuple[str, str, str]]:
    """The keys that do not fit each other: (the key to mend, the key it depends on, what is wrong)."""
    data, model, train = config.data, config.model, config.train
    if data.source == "files" and data.train is None:
        yield "data.source", "data.train", "`files` wants data.train, the story file to train on"
    if data.source == "files" and data.tasks != [1]:
        yield "data.tasks", "data.source", "has no meaning with data.source: files"
    for key in ("train", "valid", "test"):
        if data.source != "files" and getattr(data, key) is not None:
            yield f"data.{key}", "data.source", f"wants data.source: files, which is {data.source}"
    for key in ("bidirectional", "residual"):
        if getattr(model, key) and model.reader == "words":
            yield f"model.{key}", "model.reader", "wants model.reader: positions or sentences, which is words"
    if model.residual and model.reader == "positions" and model.embedding_size != model.hidden_size:
        sizes = f"{model.hidden_size}, which is {model.embedding_size}"
        yield "model.residual", "model.reader", f"with model.reader: positions wants embedding_size {sizes}"
    if model.facts == "word" and model.reader != "words":
        yield "model.facts", "model.reader", f"`word` wants model.reader: words, which is {model.reader}"
    if model.facts == "word" and train.supervision != "weak":
        yield "model.facts", "train.supervision", "`word` wants train.supervision: weak: supporting facts are sentences"
    if model.end_of_passes is True and train.supervision != "strong":
        yield "model.end_of_passes", "train.supervision", "true wants train.supervision: strong, which is weak"
    if model.free_passes > 0 and train.supervision != "strong":
        yield "model.free_passes", "train.supervision", "wants train.supervision: strong, which is weak; or set it to 0"
    if model.passes != "auto" and model.free_passes >= model.passes:
        yield "model.free_passes", "model.passes", f"leaves no pass to teach: model.passes is {model.passes}"
    if data.thinned > 0 and train.supervision != "strong":
        yield "data.thinned", "train.supervision", "wants train.supervision: strong, which is weak; or set it to 0"
    if train.gate_epochs > 0 and train.supervision != "strong":
        yield "train.gate_epochs", "train.supervision", "wants train.supervision: strong, which is weak; or set it to 0"
    if train.gate_epochs >= train.epochs:
        yield "train.gate_epochs", "train.epochs", f"must be below train.epochs, which is {train.epochs}; set both"


Key = tuple[str | int, ...]  # ("model", "gate"); ("data", "tasks", 0)


class Place(NamedTuple):
    """Where a value was written: a file's line and column (from 1), ``--set``, or a name alone."""

    name: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.name}:{self.line}:{self.column}" if self.line else self.name


class Fault(NamedTuple):
    """One error of a config."""

    place: Place
    key: Key
    what: str

    def __str__(self) -> str:
        keys = ".".join(_name(part) for part in self.key if isinstance(part, str))
        return f"{self.place} {keys}: {self.what}" if keys else f"{self.place}: {self.what}"


@dataclass
class Layer:
    """What a file says: its values, the place of every key and list item, and the errors found on the way."""

    values: Any = None
    places: dict[Key, Place] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def shipped() -> Path:
    """The folder of the configs that come with the package: in it when installed, beside it in a checkout."""
    inside = Path(__file__).parent / "configs"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "configs"


def find(name: str | Path) -> Path:
    """The file of a config: a path as given; a bare name also in ``configs/`` and among the shipped ones.

    Raises:
        DmnError: there is none; the error says where it was looked for.
    """
    path = Path(name)
    bare = path.parent == Path() and path.name != ""
    places = [path, Path("configs") / path, shipped() / path] if bare else [path]
    for place in places:
        if _exists(place):
            return place
    known = {file.name for folder in (Path(), Path("configs"), shipped()) for file in folder.glob("*.yaml")}
    looked = "here, in configs/ and in the package" if bare else f"in {_name(str(path.parent))}"
    hint = f"looked {looked}; `dmn config list` names the configs that come with it"
    raise DmnError(f"{_name(str(name))}: no such config{_did_you_mean(path.name, known)}", hint)


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except PermissionError:  # of its folder; whoever reads it says so
        return True
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return False
    return True


def listed() -> list[tuple[Path, str]]:
    """The configs in ``configs/`` and those that come with the package, each with the line that describes it."""
    found: dict[Path, tuple[Path, str]] = {}
    for folder in (Path("configs"), shipped()):
        for path in sorted(folder.glob("*.yaml"), key=_by_number):
            try:
                text = path.read_text("utf-8", "replace")
            except OSError:  # a folder, or not ours to read
                continue
            comments = [line[1:].strip() for line in text.splitlines() if line[:1] == "#"]
            about = next((line for line in comments if line and not line.startswith("dmn ")), "")
            found.setdefault(path.resolve(), (path, about))
    return list(found.values())


def _by_number(path: Path) -> list[tuple[int, str]]:
    """task2 before task10."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split("([0-9]+)", path.name)]


def load(name: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read a config, its base, and ``--set`` overrides.

    Args:
        name: see ``find``.
        overrides: each ``section.key=value``, the value in YAML; later ones win.

    Raises:
        DmnError: with all errors at once, one a line: ``task1.yaml:12:3 model.hidden_sze: unknown key; …``.
    """
    path = find(name)
    layer = _read(path)
    if (base := layer.values.pop("base", None)) is not None:
        layer = _over(_base(base, path, layer.places[("base",)]), layer)
    for override in overrides:
        layer = _over(layer, _override(override))
    return _build(layer, Place(str(path)))


def _base(base: object, path: Path, place: Place) -> Layer:
    """The layer under a file: the base it names, beside it or wherever ``find`` finds it."""
    if not isinstance(base, str):
        raise DmnError(str(Fault(place, ("base",), f"expected the name of a config, not {_shown(base)}")))
    beside = path.parent / base
    try:
        found = beside if _exists(beside) else find(base)
    except DmnError as error:
        raise DmnError(f"{place} base: {error.message}", error.hint) from error
    layer = _read(found)
    if "base" in layer.values:
        raise DmnError(str(Fault(layer.places[("base",)], ("base",), f"a base (here of {path}) has none itself")))
    return layer


def _read(path: Path) -> Layer:
    """The layer of a file; its values are a dict of sections."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise DmnError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DmnError(f"{path}:{error.object[: error.start].count(10) + 1}: not UTF-8 text") from error
    if len(data) > LARGEST:
        raise DmnError(f"{path}: more than {LARGEST // 1000} kB, too large for a config")
    layer = parse(text, str(path))
    if layer.values is None:
        layer.values = {}
    if not isinstance(layer.values, dict):
        raise DmnError(f"{layer.places[()]}: expected data:, model: or train: here, not {_shown(layer.values)}")
    # a section with all its lines commented out says nothing
    layer.values = {key: value for key, value in layer.values.items() if value is not None}
    return layer


def _override(override: str) -> Layer:
    """The layer of ``section.key=value``."""
    dotted, equals, text = override.partition("=")
    key = tuple(dotted.strip().split(".", maxsplit=1))
    place = Place("--set")
    if not equals or not all(key):
        return Layer({}, {}, [Fault(place, (), f"expected section.key=value, not {_shown(override)}")])
    try:
        layer = parse(text, "--set")
    except DmnError as error:
        return Layer({}, {}, [Fault(place, key, error.message.partition(": ")[2])])
    values = layer.values
    for part in reversed(key):
        values = {part: values}
    places = {key[:1]: place, key: place} | {(*key, *inner): place for inner in layer.places}
    return Layer(values, places, [Fault(place, (*key, *fault.key), fault.what) for fault in layer.faults])


def _over(under: Layer, over: Layer) -> Layer:
    values = {**under.values, **{key: _merge(under.values.get(key), value) for key, value in over.values.items()}}
    return Layer(values, under.places | over.places, under.faults + over.faults)


def _merge(under: object, over: object) -> object:
    return {**under, **over} if isinstance(under, dict) and isinstance(over, dict) else over


def parse(text: str, name: str) -> Layer:
    """Read YAML, which here means: mappings, lists, numbers, true and false, null, text; no anchors, aliases or tags.

    Args:
        text: one document.
        name: what to call it in errors.

    Raises:
        DmnError: this is not YAML, or more than is meant here; the message starts with ``name:line:column``.
    """
    layer = Layer()
    try:
        events = yaml.parse(text, Loader=yaml.SafeLoader)
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if () in layer.places:
                    raise DmnError(f"{_place(event, name)}: a second document (`---`) where one is expected")
                first = next(events)
                layer.places[()] = _place(first, name)
                layer.values = _value(first, events, (), layer)
    except yaml.reader.ReaderError as error:
        before = text[: error.position].split("\n")
        place = Place(name, len(before), len(before[-1]) + 1)
        raise DmnError(f"{place}: not text: character {error.character!r}") from error
    except yaml.MarkedYAMLError as error:
        raise DmnError(_syntax(error, text, name)) from error
    except (ValueError, OverflowError) as error:  # an escape such as "\UFFFFFFFF"
        raise DmnError(f"{name}: not valid YAML: a character code or a version out of range") from error
    return layer


def _place(event: yaml.Event, name: str) -> Place:
    mark = event.start_mark
    assert mark is not None
    return Place(name, mark.line + 1, mark.column + 1)


def _value(event: yaml.Event, events: Iterator[yaml.Event], key: Key, layer: Layer) -> Any:
    """The value that starts with an event; the rest of its events are taken from ``events``."""
    name = layer.places[()].name
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
        raise DmnError(f"{_place(event, name)}: anchors (&), aliases (*) and tags (!) are not used in a config")
    if len(key) > DEEPEST:
        raise DmnError(f"{_place(event, name)}: nested too deep for a config")
    if isinstance(event, yaml.ScalarEvent):
        if re.search("[\ud800-\udfff]", event.value):  # by an escape such as "\ud800"
            raise DmnError(f"{_place(event, name)}: not text: half of a surrogate pair")
        return _scalar(event.value) if event.style is None else event.value
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            item = (*key, len(items))
            layer.places[item] = _place(event, name)
            items.append(_value(event, events, item, layer))
        return items
    values: dict[str, Any] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        place = _place(event, name)
        if not isinstance(event, yaml.ScalarEvent):
            raise DmnError(f"{place}: expected `key: value`")
        inner = (*key, event.value)
        if event.value in values:
            layer.faults.append(Fault(place, inner, f"written twice, first in line {layer.places[inner].line}"))
            _value(next(events), events, inner, Layer(None, {(): place}))
        else:
            layer.places[inner] = place
            values[event.value] = _value(next(events), events, inner, layer)
    return values


def _scalar(text: str) -> str | int | float | bool | None:
    """What unquoted text means; unlike in YAML 1.1, ``1e-3`` is a number, and ``no``, ``on`` and dates are text."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if re.fullmatch(r"[-+]?[0-9]{1,18}", text):
        return int(text)
    if re.fullmatch(r"[-+]?[0-9]{310,}", text):  # more than any float: stays as it is written
        return text
    if re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", text):
        return float(text)
    if re.fullmatch(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", text):
        return float(text.replace(".", ""))
    return text


def _syntax(error: yaml.MarkedYAMLError, text: str, name: str) -> str:
    """One line for a syntax error, in plainer words than the YAML reader's where it is a frequent one."""
    mark = error.problem_mark or error.context_mark
    if error.context == "while scanning a quoted scalar":
        mark = error.context_mark  # where the quote opens
    place = Place(name, mark.line + 1, mark.column + 1) if mark else Place(name)
    problem = error.problem or "unknown error"
    if mark and text[mark.index : mark.index + 1] == "\t":
        return f"{place}: a tab; indent with spaces"
    misfit = "this does not fit what stands above; is the indentation right?"
    plainer = {
        "expected <block end>": misfit,
        "expected '<document start>'": misfit,
        "mapping values are not allowed": "a second `:` (is the indentation right? text with `: ` wants quotes)",
        "could not find expected ':'": "expected `key: value`",
        "found unexpected end of stream": "a quote that is not closed",
        "found character '\\t'": "a tab; indent with spaces",
        "found character": "text that starts with this sign wants quotes",
    }
    for start, words in plainer.items():
        if problem.startswith(start):
            return f"{place}: {words}"
    problem = problem.replace("'<stream end>'", "the end").replace("the node content", "a value")
    return f"{place}: not valid YAML: {problem}"


def _build(layer: Layer, name: Place) -> Config:
    """The config of a layer; the errors of all kinds are gathered and raised as one."""
    faults = list(layer.faults)
    try:
        config = Config.model_validate(layer.values)
    except ValidationError as error:
        found = _invalid(error)
        faults += [Fault(_where(key, layer, name), key, _explain(key, value, kind)) for key, value, kind in found]
        wrong = {key[:2] for key, _, _ in found}
        config = Config.model_validate(_without(layer.values, wrong))
    wrong = {fault.key[:2] for fault in faults}
    for mend, depends, what in _conflicts(config):
        keys: list[Key] = [tuple(mend.split(".")), tuple(depends.split("."))]
        if not any(key in wrong or key[:1] in wrong for key in keys):
            place = next((layer.places[key] for key in keys if key in layer.places), name)
            faults.append(Fault(place, keys[0], what))
    if faults:
        lines = list(dict.fromkeys(str(fault) for fault in sorted(faults, key=lambda fault: fault.place)))
        more = [f"… and {len(lines) - MOST} more errors"] if len(lines) > MOST else []
        lost = any(line.endswith("unknown key") for line in lines)
        hint = "`dmn config reference` explains all keys" if lost else ""
        raise DmnError("\n".join(lines[:MOST] + more), hint)
    return config


def _invalid(error: ValidationError) -> list[tuple[Key, Any, str]]:
    """The key, value and kind of each error; of the errors of a union's members only the deepest."""
    found: dict[Key, tuple[Any, str]] = {}
    for item in error.errors(include_url=False, include_context=False):
        at = item["loc"]
        key: Key = (*(str(part) for part in at[:2]), *(part for part in at[2:] if isinstance(part, int)))
        found.setdefault(key, (item["input"], item["type"]))
    return [
        (key, *rest)
        for key, rest in found.items()
        if not any(other[: len(key)] == key for other in found if other != key)
    ]


def _without(values: dict[str, Any], wrong: set[Key]) -> dict[str, Any]:
    """The values but for the wrong ones, to see whether the others fit each other."""
    sections = {name: keys for name, keys in values.items() if not {(), (str(name),)} & wrong}
    return {
        name: {key: value for key, value in keys.items() if (str(name), str(key)) not in wrong}
        for name, keys in sections.items()
    }


def _where(key: Key, layer: Layer, name: Place) -> Place:
    return layer.places.get(key) or layer.places.get(key[:2], name)


def _explain(key: Key, value: object, kind: str) -> str:
    """What is wrong with a value: what was expected, what stands there, and a guess at what was meant."""
    if not key:  # a key that is not even text, e.g. half of a surrogate pair
        return f"unknown key {_shown(value)}"
    if kind in ("extra_forbidden", "invalid_key"):
        return f"unknown key{_nearest_key(key)}" if key != ("base",) else "only a file can name its base"
    options = _options(_schema(key))
    text = f"expected {_or(options)}, not {_shown(value)}"
    if isinstance(value, str) and type(_scalar(value)) in (int, float) and "number" in text:
        return f"{text}; write it without quotes"
    if isinstance(value, int | float) and "text" in options:
        return f"{text}; write it in quotes"
    return text + (_did_you_mean(value, options) if isinstance(value, str) else "")


def _schema(key: Key) -> dict[str, Any]:
    """The JSON schema of a section or of one of its keys."""
    section = _schemas()[getattr(Config.model_fields[str(key[0])].annotation, "__name__", "")]
    return section["properties"][key[1]] if len(key) > 1 else section


@functools.cache
def _schemas() -> dict[str, dict[str, Any]]:
    return Config.model_json_schema()["$defs"]  # type: ignore[no-any-return]


def _options(schema: dict[str, Any]) -> list[str]:
    """What a key accepts, in words."""
    if "anyOf" in schema:
        return [option for member in schema["anyOf"] for option in _options(member)]
    if "const" in schema or "enum" in schema:
        return [str(option) for option in schema.get("enum", [schema.get("const")])]
    kind = schema["type"]
    if kind == "object":
        key, first = next(iter(schema["properties"].items()))
        return [f"lines such as `{key}: {first['default']}`"]
    if kind == "array":
        return [*_options(schema["items"]), "a list of them"]
    if kind in ("integer", "number"):
        return [("a whole number" if kind == "integer" else "a number") + _range(schema)]
    return {"boolean": ["true", "false"], "null": ["null"], "string": ["text"]}[kind]


def _range(schema: dict[str, Any]) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f" from {schema['minimum']} to {schema['maximum']}"
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {schema[bound]:g}" for bound, sign in signs.items() if bound in schema]
    return " " + " and ".join(bounds)


def _about(schema: dict[str, Any]) -> str:
    return " ".join(schema.get("description", "").split())


def _or(options: list[str]) -> str:
    return f"{', '.join(options[:-1])} or {options[-1]}" if len(options) > 1 else options[0]


def _shown(value: object) -> str:
    """A value as a user wrote it, on one line and not too long."""
    if isinstance(value, dict | list):
        return ("an empty " if not value else "a ") + ("list" if isinstance(value, list) else "mapping")
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value).replace("\n", " ")
    return text if len(text) <= 50 else f"{text[:49]}…"


def _name(key: str) -> str:
    return key if key.isprintable() and 0 < len(key) <= 200 else _shown(key)


def _nearest_key(key: Key) -> str:
    """`; did you mean …?` for an unknown key: one of its section, else one of another section."""
    *section, name = (str(part) for part in key)
    names = {f"{title}.{key}" for title in Config.model_fields for key in _schema((title,))["properties"]}
    if not section and name in names:
        return f"; write `{name.split('.')[0]}:` and below it, indented, `{name.split('.')[1]}:`"
    here = {known.partition(".")[2] for known in names if known.partition(".")[0] in section}
    found = _did_you_mean(name, here if section else Config.model_fields)
    if found:
        return found
    dotted = {known.partition(".")[2]: known for known in names}
    nearest = _nearest(name, dotted)
    return f"; did you mean {dotted[nearest]}?" if nearest else ""


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    nearest = _nearest(word, known)
    return f"; did you mean {nearest}?" if nearest else ""


def _nearest(word: str, known: Iterable[str]) -> str | None:
    """The most similar word, or the one whose initials these are: lr for learning_rate."""
    known = sorted(known)
    close = difflib.get_close_matches(word.lower()[:100], known, n=1)
    initials = [name for name in known if "_" in name and "".join(part[:1] for part in name.split("_")) == word]
    return next(iter(close + initials), None)


def plain(config: Config) -> dict[str, Any]:
    """The config as plain types (dict, list, str, int, float, bool, None), for a checkpoint."""
    return config.model_dump()


def differences(old: Config, new: Config) -> str:
    """What changed between two configs, for a reader: ``train.seed 0 → 5, …``; "" if nothing did."""
    before, after = plain(old), plain(new)
    return ", ".join(
        f"{section}.{key} {value} → {after[section][key]}"
        for section, keys in before.items()
        for key, value in keys.items()
        if value != after[section][key]
    )


def from_plain(values: object, name: str = "config") -> Config:
    """The config that ``plain`` gave.

    Args:
        values: sections of keys.
        name: what to call it in errors, e.g. the checkpoint's path.

    Raises:
        DmnError: with all errors at once, one a line.
    """
    if not isinstance(values, dict):
        raise DmnError(f"{name}: expected the sections of a config, not {_shown(values)}")
    return _build(Layer(_without_retired(values)), Place(name))


RETIRED = {"train": {"warmup": 0}}
"""Keys of earlier versions, with the value that changed nothing: old checkpoints and results hold them."""


def _without_retired(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {key: value for key, value in keys.items() if (key, value) not in RETIRED.get(name, {}).items()}
        if isinstance(keys, dict)
        else keys
        for name, keys in values.items()
    }


class _Dumper(yaml.SafeDumper):
    """Writes what ``parse`` reads: text that would not be text without quotes gets them; lists on one line."""


def _write_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if _scalar(text) == text else '"')


def _write_list(dumper: yaml.SafeDumper, items: list[Any]) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=True)


_Dumper.add_representer(str, _write_text)
_Dumper.add_representer(list, _write_list)


def dump(config: Config, comments: bool = False) -> str:
    """The config as YAML, every key written out; ``load`` gives it back.

    Args:
        config: any.
        comments: explain every key above it.
    """
    text = ""
    for section, keys in plain(config).items():
        schema = _schema((section,))
        lines: list[str] = []
        for key, value in keys.items():
            about = schema["properties"][key]
            values = f" ({_or(_options(about))})" if "enum" in about else ""
            lines += textwrap.wrap(f"# {_about(about)}{values}", 110, subsequent_indent="# ") if comments else []
            lines.append(
                yaml.dump({key: value}, Dumper=_Dumper, width=float("inf"), allow_unicode=True).removesuffix("\n")
            )
        text += f"# {schema['description']}\n" if comments else ""
        text += f"{section}:\n" + textwrap.indent("\n".join(lines) + "\n", "  ")
    return text


def reference() -> str:
    """All keys in Markdown, from the schema; the README holds it."""
    lines = [
        "A config is a YAML file; what it leaves out has the default. It may start with `base: other.yaml`: then what",
        "it leaves out is as in that file, which stands beside it or is found by its name as any config is.",
    ]
    for section in Config.model_fields:
        schema = _schema((section,))
        lines += [
            "",
            f"### `{section}`",
            "",
            schema["description"],
            "",
            "| key | value | default | meaning |",
            "|---|---|---|---|",
        ]
        for key, about in schema["properties"].items():
            default = yaml.dump(about["default"], Dumper=_Dumper).removesuffix("...\n").strip()
            lines.append(f"| `{section}.{key}` | {_or(_options(about))} | `{default}` | {_about(about)} |")
    return "\n".join(lines) + "\n"
