"""The YAML schema: every key of a config, its values, its default and what it means.

The sentences under the keys are what ``dmn config show`` and ``dmn config reference`` print.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


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
Files = File | Annotated[list[File], Field(min_length=1)]
OwnClass = Annotated[str, Field(pattern=r"^\P{Cc}+\.py:[A-Za-z_][A-Za-z_0-9]*$", examples=["FILE.py:CLASS"])]
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
    train: Files | None = None
    """With `source: files`: the story file to train on, or a list of them."""
    valid: Files | None = None
    """With `source: files`: the validation file; without one, a part of the training stories is set aside."""
    test: Files | None = None
    """With `source: files`: the test file, read once at the end and by `dmn eval`."""
    dialogue: bool = False
    """A story is a dialogue: every question and its answer are a fact for the questions after them."""
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
    """Every epoch sees each training story with interchangeable words (found in the training stories) renamed anew; the
    forms of a word are renamed together."""
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
    reader: Literal["words", "positions", "sentences"] | OwnClass = "words"
    """`words`: a GRU over all words of the story; `positions`: position-encoded sentences, a GRU over these (DMN+);
    `sentences`: one GRU for the words of sentences and questions, and a GRU over the sentences; or a class of your
    own."""
    facts: Literal["sentence", "word"] = "sentence"
    """One fact a sentence, or (for stories of one sentence) one fact a word; `word` wants `supervision: weak`."""
    bidirectional: bool = False
    """Sum a forward and a backward GRU over the sentences (DMN+'s fusion layer); wants `reader: positions` or
    `sentences`."""
    residual: bool = False
    """Add to a fact the vector of its own sentence (with `reader: positions`, and to the question its word vectors);
    wants `reader: sentences`, or `positions` with equal sizes."""
    gate_features: Literal["dmn", "dmn-plus"] | OwnClass = "dmn"
    """The nine terms of the DMN, or the four of DMN+; or a gate of your own."""
    gate_order: bool = False
    """The gate also sees where the last pass looked: how much before the fact, at it, and after it."""
    gate_words: bool = False
    """The gate also sees which rare words a fact shares with the question and with what the last pass found, and how
    much the fact counted before. It starts out by following these words from fact to fact. Forms of a word (*cat*,
    *cats*; found in the training stories) are one word."""
    gate: Literal["sigmoid", "softmax", "by-order"] = "sigmoid"
    """`sigmoid`: every fact by itself; `softmax`: all facts of a question against each other; `by-order`: what the
    training stories say: of the open gates the latest counts, or the earliest (where supporting facts are lists in
    story order; bAbI: tasks 7 and 8), or, where later facts override nothing, a softmax (tasks 4 and 17 to 20)."""
    episode: Literal["gru", "attention-gru", "weighted-sum"] | OwnClass = "gru"
    """The gated GRU of the DMN, the attention GRU of DMN+, or the sum of the facts weighted by their gates; or a class
    of your own."""
    memory: Literal["gru", "relu", "linear", "tied-linear"] | OwnClass = "gru"
    """The memory update: a GRU, DMN+'s untied ReLU layers, untied linear layers, which start as m + e, or one such
    layer for all passes; or a class of your own."""
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
    """One of the answers seen in training, or a GRU that writes the words of the answer one by one: it can give new
    answers of known words."""
    embedding_dropout: Fraction = 0.0
    """Dropout on the word vectors."""
    fact_dropout: Fraction = 0.0
    """Dropout on the facts (with `reader: positions` and `sentences`, on the sentence vectors before the GRU)."""
    answer_dropout: Fraction = 0.0
    """Dropout on the memory and question that the answer is read from."""
    start: Literal["xavier", "carrying"] = "xavier"
    """How the weights begin. `xavier`: at random. `carrying`: the question's GRU as a copy of the reader's; a reader
    that remembers over 1 to 500 words; GRUs of episode and memory that take in what they are given; gates that
    compare facts with question and memory. The paper does not say how; no equation changes."""


class TrainConfig(Section):
    """How the network is trained."""

    from_: File | None = Field(None, alias="from")
    """Start from the weights of a trained network: a run's folder, or a checkpoint. Its words and answers stay, and
    those of the new stories are added. `model` must be as it was, but for dropout."""
    seed: Seed = 0
    """Decides the initial weights, the order of stories or questions and the dropout."""
    supervision: Literal["strong", "weak"] = "strong"
    """`strong`: the gates are taught the supporting facts; `weak`: answers only."""
    epochs: Positive = 100
    """Passes over the training stories, at most."""
    gate_epochs: Annotated[int, Field(ge=0)] = 0
    """With `supervision: strong`: the first epochs teach the gates alone (the paper's β = 0)."""
    gate_weight: Annotated[float, Field(ge=0)] = 1.0
    """The paper's α in α E(gates) + β E(answers), once the answers are taught too (β = 1)."""
    gate_decay: Literal["constant", "linear"] = "constant"
    """α: as it is, or down to zero at the last epoch. So the answers have the last word."""
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
    settle: Positive | None = None
    """Once all validation questions are right, what is left of the decay goes by in so many epochs, and training ends;
    null: it goes on."""
    restarts: Annotated[int, Field(ge=0)] = 0
    """`dmn suite` tries so many further seeds, one after the other, while a network's best validation accuracy is below
    95 %."""


class Config(Section):
    """One training run."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig.model_validate({})

    @property
    def end_of_passes(self) -> bool:
        """``model.end_of_passes`` with ``auto`` decided."""
        wanted = self.model.end_of_passes
        return self.train.supervision == "strong" if wanted == "auto" else wanted


def plain(config: Config) -> dict[str, Any]:
    """The config as plain types (dict, list, str, int, float, bool, None), for a checkpoint."""
    return config.model_dump(by_alias=True)


def conflicts(config: Config) -> Iterator[tuple[str, str, str]]:
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
        if getattr(model, key) and model.reader not in ("positions", "sentences"):
            yield f"model.{key}", "model.reader", f"wants model.reader: positions or sentences, which is {model.reader}"
    if model.residual and model.reader == "positions" and model.embedding_size != model.hidden_size:
        sizes = f"{model.hidden_size}, which is {model.embedding_size}"
        yield "model.residual", "model.reader", f"with model.reader: positions wants embedding_size {sizes}"
    for key in ("gate_order", "gate_words"):
        if getattr(model, key) and model.gate_features not in ("dmn", "dmn-plus"):
            what = f"wants model.gate_features: dmn or dmn-plus, which is {model.gate_features}"
            yield f"model.{key}", "model.gate_features", what
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
