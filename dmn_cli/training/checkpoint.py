"""Checkpoints: plain tensors and plain types in one file, which holds all that evaluation or resuming needs."""

import ctypes
import dataclasses
import hashlib
import io
import logging
import math
import re
import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import torch

from dmn_cli import __version__
from dmn_cli.config import Config, from_plain, plain
from dmn_cli.data.vocabulary import Vocabulary
from dmn_cli.data.words import DICTIONARY, INSTALL, RULE, has_dictionary, has_thai
from dmn_cli.errors import DmnError
from dmn_cli.files import write_atomic
from dmn_cli.model.dmn import DMN
from dmn_cli.model.extensions.order import Order
from dmn_cli.training import own_code
from dmn_cli.training.build import Decided, build
from dmn_cli.training.loop import Progress, optimiser

FORMAT = "dmn checkpoint"
FORMAT_VERSION = 2


class Checkpoint(NamedTuple):
    """What a checkpoint file holds.

    Attributes:
        config: of the run.
        vocabulary: of its training stories.
        model: the network, with its weights.
        progress: how far the training was.
        optimizer: ``state``, that of Adam; None in a checkpoint that is not for resuming.
        threads: how many threads computed; other numbers add up in another order.
        decided: what the training stories decided about the network.
        code: SHA-256 of the files of a user's own classes, by part, as they were in training; see own_code.
    """

    config: Config
    vocabulary: Vocabulary
    model: DMN
    progress: Progress
    optimizer: dict[str, Any] | None
    threads: int
    decided: Decided
    code: dict[str, str] = {}  # noqa: RUF012


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, whole or not at all."""
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "dmn_version": __version__,
        "config": plain(checkpoint.config),
        "vocabulary": dataclasses.asdict(checkpoint.vocabulary),
        "passes": checkpoint.decided.passes,
        "order": checkpoint.decided.order.value,
        "code": checkpoint.code or own_code.digests(checkpoint.config, checkpoint.model),
        "weights": {name: tensor.cpu() for name, tensor in checkpoint.model.state_dict().items()},
        "progress": dataclasses.asdict(checkpoint.progress),
        "optimizer": checkpoint.optimizer,
        "threads": checkpoint.threads,
    }
    buffer = io.BytesIO()
    torch.save(_anew(content), buffer)
    write_atomic(path, buffer.getvalue())


def _anew(value: Any) -> Any:
    """The same content, so that equal contents are equal bytes: pickle writes an object that it meets twice only once,
    and which texts and tuples are one object depends on where they came from, e.g. from an earlier checkpoint."""
    if isinstance(value, dict):
        return {_anew(key): _anew(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_anew(item) for item in value]
    return sys.intern(value) if type(value) is str else value


log = logging.getLogger(__name__)


def digest(model: DMN) -> str:
    """SHA-256 of the network's weights: names and values, in the order of ``state_dict``; in hex."""
    found = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        values = tensor.cpu().contiguous()
        found.update(f"{name} {tuple(values.shape)} {values.dtype}\n".encode())
        found.update(ctypes.string_at(values.data_ptr(), values.nbytes))
    return found.hexdigest()


def load(path: Path, device: torch.device | str = "cpu", code: Path | None = None) -> Checkpoint:
    """Read a checkpoint.

    Args:
        path: the file.
        device: where the network goes.
        code: a file of the user's that is to be run, for parts that are classes of their own; None: the file of
            training, if it is where it was, and is as it was.

    Raises:
        DmnError: the file is missing, damaged or no checkpoint of ours, or its parts do not fit each other; the
            message names the part, with wanted and found shape.
    """
    content = _read(path)
    if not isinstance(content, dict) or not isinstance(kind := content.get("format"), str) or kind != FORMAT:
        raise DmnError(f"{path}: not a dmn checkpoint", "give the checkpoints/best.pt of a run folder")
    version = content.get("format_version")
    if type(version) is int and version == 1:
        content = _from_version_1(content)
    elif type(version) is not int or version != FORMAT_VERSION:
        found = version if isinstance(version, int | None) else f"a {type(version).__name__}"
        hint = "install the version of dmn that wrote it" + f" ({content.get('dmn_version', 'unknown')})"
        raise DmnError(f"{path}: checkpoint format {found}, this dmn reads 1 and {FORMAT_VERSION}", hint)
    vocabulary = content.get("vocabulary")
    if isinstance(vocabulary, dict) and vocabulary.get("rule") == DICTIONARY and not has_dictionary():
        raise DmnError(f"{path}: PyThaiNLP cut the Thai of its training into words, and is not installed", INSTALL)
    try:
        return _parts(content, device, code)
    except own_code.CodeError as error:
        raise DmnError(f"{path}: {error.message}", error.hint, error.code) from error
    except DmnError as error:
        what = "; ".join(error.message.splitlines())
    except ValueError as error:
        what = str(error)
    raise DmnError(f"{path}: {'damaged checkpoint' if code is None else f'does not fit {code}'}: {what}")


def _parts(content: dict[str, Any], device: torch.device | str, code: Path | None) -> Checkpoint:
    """The parts of a checkpoint; ValueError or DmnError names the one that is damaged."""
    for key in ("config", "vocabulary", "passes", "order", "weights", "progress", "optimizer", "threads"):
        if key not in content:
            raise ValueError(f"{key!r} is missing")
    if not _is_plain(content["config"], 3):  # sections of keys, some of them lists
        raise ValueError("config: expected text, numbers and lists of them")
    config = from_plain(content["config"])
    vocabulary = _vocabulary(content["vocabulary"])
    decided = Decided(_whole("passes", content["passes"], 100), _order(content["order"]))
    weights = content["weights"]
    if not isinstance(weights, dict) or not all(isinstance(name, str) for name in weights):
        raise ValueError(f"weights: expected tensors by name, found {type(weights).__name__}")
    _check_size(weights, config, vocabulary)
    if SAME in weights:
        decided = decided._replace(same=_checked_same(weights[SAME], len(vocabulary.words)))
    digests = own_code.checked(content.get("code", {}))
    if code is not None:
        config = own_code.renamed(config, code)
    model = build(config, vocabulary, decided, digests if code is None else None)
    wanted = {name: _form(weight) for name, weight in model.state_dict().items()}
    for name in sorted(wanted.keys() | weights.keys()):
        if name not in wanted:
            raise ValueError(f"weights {name} are not of this network")
        _check_form(f"weights {name}", weights.get(name), wanted[name])
        if not torch.isfinite(weights[name]).all():
            raise ValueError(f"weights {name} are not all numbers: some are NaN or infinite")
    model.load_state_dict(weights)
    progress = _progress(content["progress"], config)
    if content["optimizer"] is not None:
        _check_optimizer(content["optimizer"], model, config, progress.step)
    threads = _whole("threads", content["threads"], 10_000)
    return Checkpoint(config, vocabulary, model.to(device), progress, content["optimizer"], threads, decided, digests)


SAME = "memory.gate.further.gate_words.same"
"""Where it is known which words are forms of one."""


def _checked_same(numbers: object, words: int) -> torch.Tensor:
    whole = isinstance(numbers, torch.Tensor) and numbers.dtype == torch.long and numbers.shape == (words,)
    if not isinstance(numbers, torch.Tensor) or not whole or ((numbers < 0) | (numbers >= words)).any():
        raise ValueError(f"weights {SAME}: expected the number of a word for every word")
    return numbers


VERSION_1 = (
    (r"^rarity$", "memory.gate.further.gate_words.rarity"),
    (r"^input\.word_gru\.", "input.sentences.gru."),
    (r"^memory\.episode_gru\.", "memory.episode.gru."),
    (r"^memory\.gate\.order\.", "memory.gate.further.gate_order."),
    (r"^memory\.gate\.words\.", "memory.gate.further.gate_words."),
    (r"^memory\.gate\.first\.", "memory.gate.W1."),
    (r"^memory\.gate\.second\.", "memory.gate.W2."),
    (r"^memory\.gate\.bilinear$", "memory.gate.Wb"),
    (r"^memory\.update\.(weight|bias)_", r"memory.update.gru.\1_"),
    (r"^memory\.update\.([0-9]+)\.", r"memory.update.layers.\1."),
)
"""What weights were called in version 1, and what they are called now."""


def _from_version_1(content: dict[str, Any]) -> dict[str, Any]:
    """The content of a checkpoint of version 1 as of today; it can be evaluated, not resumed."""
    weights = content.get("weights")
    if not isinstance(weights, dict) or not all(isinstance(name, str) for name in weights):
        return content
    named, order = {}, "latest"
    sees_more = any(name.startswith(("memory.gate.order.", "memory.gate.words.")) for name in weights)
    products = "memory.products.weight" in weights
    for old, weight in weights.items():
        if old == "memory.order":
            number = weight.item() if isinstance(weight, torch.Tensor) and weight.numel() == 1 else None
            order = {0: "latest", 1: "earliest", 2: "none"}.get(number, "")  # type: ignore[arg-type]
            continue
        new = old
        for pattern, name in VERSION_1:
            new = re.sub(pattern, name, new)
        if sees_more:
            new = re.sub(r"^memory\.gate\.(?=W)", "memory.gate.gate.", new)
        if products:
            new = re.sub(r"^memory\.update\.", "memory.update.update.", new)
            new = re.sub(r"^memory\.products\.", "memory.update.products.", new)
        named[new] = weight
    return {**content, "order": order, "weights": named, "optimizer": None}


def _order(value: object) -> Order:
    if value not in [order.value for order in Order]:
        raise ValueError("order: expected latest, earliest or none")
    return Order(value)


def _read(path: Path) -> Any:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DmnError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen kinds on files that are not its own
        raise DmnError(
            f"{path}: not a checkpoint, or a damaged one", "give the checkpoints/best.pt of a run folder"
        ) from error


def _is_plain(value: object, depth: int) -> bool:
    """Whether a value is of plain types alone, nested no deeper than ``depth``."""
    if isinstance(value, dict | list):
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        return depth > 0 and all(_is_plain(item, depth - 1) for item in inner)
    return value is None or isinstance(value, str | int | float)


def _vocabulary(content: object) -> Vocabulary:
    lists = [field.name for field in dataclasses.fields(Vocabulary) if field.name != "rule"]
    if not isinstance(content, dict) or content.keys() - {"rule"} != set(lists):
        raise ValueError(f"vocabulary: expected lists of words: {', '.join(lists)}")
    for name in lists:
        words = content[name]
        if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
            raise ValueError(f"vocabulary.{name} is no list of words")
    rule = _whole("vocabulary.rule", content.get("rule", 1), RULE)  # before there were rules, there was the first
    vocabulary = Vocabulary(**{name: content[name] for name in lists}, rule=rule)
    other = [word for word in vocabulary.words if has_thai(word) and vocabulary.words_of(word) != [word]]
    if rule == DICTIONARY and other:
        what = "this PyThaiNLP does not cut Thai as that of the training did"
        log.warning("note: %s: %d words are cut further, such as %s", what, len(other), other[0])
    return vocabulary


def _whole(name: str, value: object, most: int) -> int:
    if type(value) is not int or not 1 <= value <= most:
        found = value if type(value) is int else f"a {type(value).__name__}"
        raise ValueError(f"{name}: expected a whole number from 1 to {most}, found {found}")
    return value


def _check_size(weights: dict[str, Any], config: Config, vocabulary: Vocabulary) -> None:
    """See that the sizes of the network are those of the weights, before one is built that no memory holds."""
    sizes = {
        "embedding": (len(vocabulary.words), config.model.embedding_size),
        "question.gru.weight_hh": (3 * config.model.hidden_size, config.model.hidden_size),
    }
    for name, shape in sizes.items():
        _check_form(f"weights {name}", weights.get(name), f"{shape} float32")


def _check_form(name: str, found: object, wanted: str) -> None:
    if found is None:
        raise ValueError(f"no {name}, wanted {wanted}")
    if _form(found) != wanted:
        raise ValueError(f"{name}: wanted {wanted}, found {_form(found)}")


def _form(value: object) -> str:
    """Shape and type of a tensor, and what else is unusual about it."""
    if not isinstance(value, torch.Tensor) or value.is_nested:
        return type(value).__name__
    layout = "" if value.layout is torch.strided else f" {value.layout}"
    place = "" if value.device.type == "cpu" else f" on {value.device}"
    return f"{tuple(value.shape)} {value.dtype}{layout}{place}".replace("torch.", "")


def _progress(content: object, config: Config) -> Progress:
    fields = {field.name: field for field in dataclasses.fields(Progress)}
    if not isinstance(content, dict):
        raise ValueError(f"progress: expected numbers by name, found {type(content).__name__}")
    if strange := content.keys() ^ fields.keys():
        raise ValueError(f"progress: missing or unknown: {', '.join(sorted(map(str, strange)))}")
    for name, value in content.items():
        if type(value) is not type(fields[name].default):
            raise ValueError(f"progress.{name}: expected {type(fields[name].default).__name__}")
    made = Progress(**content)
    fits = {
        "epoch": 0 <= made.epoch <= min(made.step, config.train.epochs - (not made.finished)),
        "step": made.step < 2**31,
        "batch": 0 <= made.batch <= min(made.step, made.questions),
        "questions": (made.questions > 0) == (made.batch > 0),
        "gate_loss": math.isfinite(made.gate_loss),
        "answer_loss": math.isfinite(made.answer_loss),
        "best_epoch": 0 <= made.improved_epoch <= made.best_epoch <= made.epoch,
        "best_accuracy": 0 <= made.best_accuracy <= 1 if made.best_epoch else made.best_accuracy == -1,
    }
    for name, fit in fits.items():
        if not fit:
            raise ValueError(f"progress.{name} does not fit the rest: {getattr(made, name)}")
    return made


def _check_optimizer(content: object, model: DMN, config: Config, step: int) -> None:
    """See that Adam's state is whole: where a moment is too small it would read past its end."""
    if not isinstance(content, dict) or not isinstance(content.get("state"), dict):
        raise ValueError(f"optimizer: expected a state by parameter, found {type(content).__name__}")
    states = content["state"]
    if step == 0 and not states:
        return
    names = {parameter: name for name, parameter in model.named_parameters()}
    ordered = optimiser(model, config.train).parameters
    if states.keys() - set(range(len(ordered))):
        raise ValueError("optimizer: state of a parameter that the network does not have")
    for number, parameter in enumerate(ordered):
        state = states.get(number)
        if not isinstance(state, dict):
            raise ValueError(f"optimizer: no state of {names[parameter]}")
        for key, wanted in {"step": "() float32", "exp_avg": _form(parameter), "exp_avg_sq": _form(parameter)}.items():
            _check_form(f"optimizer {key} of {names[parameter]}", state.get(key), wanted)
            if not torch.isfinite(state[key]).all():
                raise ValueError(f"optimizer {key} of {names[parameter]} is not all numbers: some are NaN or infinite")
            if key != "exp_avg" and (state[key] < 0).any():
                raise ValueError(f"optimizer {key} of {names[parameter]} is less than 0")
