"""Parts of the network that are a user's own classes: ``model.memory: my.py:MyMemory``.

A checkpoint holds no code. It holds the SHA-256 of the file that a class came from, and the class is only taken from
a file with this digest, or from one that the user names.
"""

import contextlib
import hashlib
import re
import sys
import types
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from dmn_cli.batch import Batch, Packed
from dmn_cli.config import Config
from dmn_cli.errors import FAILED, DmnError
from dmn_cli.files import here
from dmn_cli.model.dmn import DMN
from dmn_cli.model.memory import Recall

PARTS = ("reader", "gate_features", "episode", "memory")
"""The keys of ``model`` whose value may be a class: FILE.py:CLASS."""

MODULE = "dmn_own_code_"
"""What the module of a user's file is called: this, and the SHA-256 of the file."""


class CodeError(DmnError):
    """A part that is a user's own class cannot be had, or fails."""


def own(config: Config) -> dict[str, tuple[str, str]]:
    """The file and the class of each part that is a user's own."""
    named = {part: getattr(config.model, part).rpartition(":") for part in PARTS}
    return {part: (file, name) for part, (file, colon, name) in named.items() if colon}


def classes(config: Config, digests: dict[str, str] | None = None) -> dict[str, type[nn.Module]]:
    """The classes of the parts that are a user's own.

    Args:
        config: which names them; files are looked for from the working directory.
        digests: the SHA-256 that the file of each part must have; None: whatever it has.

    Raises:
        DmnError: there is no such file or class, the file is another one, or fails; the message begins with its name.
    """
    return {part: _class(part, file, name, digests) for part, (file, name) in own(config).items()}


def digests(config: Config, model: nn.Module) -> dict[str, str]:
    """The SHA-256 of the files that a network's own classes came from, by part."""
    made = {type(module).__name__: type(module).__module__ for module in model.modules() if _is_own(type(module))}
    return {part: made[name].removeprefix(MODULE) for part, (_, name) in own(config).items()}


def renamed(config: Config, file: Path) -> Config:
    """The same config with its own classes taken from another file.

    Raises:
        DmnError: it has none.
    """
    parts = own(config)
    if not parts:
        raise CodeError(f"{file}: this network has no part that is a class of your own", "leave --code out")
    changes = {part: f"{file}:{name}" for part, (_, name) in parts.items()}
    return config.model_copy(update={"model": config.model.model_copy(update=changes)})


def of(model: nn.Module) -> set[str]:
    """FILE.py:CLASS of every part of a network that is a user's own."""
    kinds = {type(module) for module in model.modules()}
    return {f"{sys.modules[kind.__module__].__file__}:{kind.__name__}" for kind in kinds if _is_own(kind)}


@contextlib.contextmanager
def blamed(classes: Collection[str]) -> Iterator[None]:
    """Lay what goes wrong to a user's own classes, FILE.py:CLASS each, in one line; if there are none, do nothing.

    Raises:
        CodeError: in place of any other error; it begins with the line in the user's file, where there is one.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, DmnError) or not classes:
            raise
        files = {one.rpartition(":")[0] for one in classes}
        places = [place for file in files if (place := _place(error, file)) != file]
        raise _failed(places[0] if places else f"network with {', '.join(sorted(classes))}", error) from error


def guard(model: DMN) -> None:
    """Let a network with own classes say in one line what goes wrong in it, and see that its memory is one."""
    classes, recall = of(model), model.recall

    def guarded(batch: Batch, hops: Tensor | None = None) -> tuple[Recall, Tensor, Packed]:
        with blamed(classes):
            found, q, rows = recall(batch, hops)
            if not isinstance(found.memory, Tensor) or found.memory.shape != q.shape:
                raise TypeError(f"the memory is no tensor of the question's shape, {tuple(q.shape)}")
            return found, q, rows

    model.recall = guarded  # type: ignore[method-assign]


def _class(part: str, file: str, name: str, digests: dict[str, str] | None) -> type[nn.Module]:
    key = f"model.{part}: {file}:{name}"
    wanted = None if digests is None else digests.get(part, "")
    loaded = sys.modules.get(f"{MODULE}{wanted}") or _module(file, key, wanted)
    found = getattr(loaded, name, None)
    if found is None:
        there = [known for known, value in vars(loaded).items() if _is_part(value) and _is_own(value)]
        raise CodeError(
            f"{key}: there is no class {name} in the file", f"there are: {', '.join(there)}" if there else ""
        )
    if not _is_part(found):
        raise CodeError(f"{key}: {name} is no torch.nn.Module", "a part of the network is a class MyPart(nn.Module)")
    if not _is_own(found):
        raise CodeError(f"{key}: {name} is imported there, not written", "name the class of your own")
    return found  # type: ignore[no-any-return]


def _is_own(kind: type) -> bool:
    return kind.__module__.startswith(MODULE)


def _is_part(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, nn.Module)


def _module(file: str, key: str, wanted: str | None) -> types.ModuleType:
    """Run a file, if it is the one that is wanted."""
    again = "name the file, if you trust it: --code FILE.py" if wanted is not None else ""
    try:
        source = here(Path(file)).read_bytes()
    except OSError as error:
        raise CodeError(f"{key}: {file} cannot be read: {error.strerror}", again) from error
    digest = hashlib.sha256(source).hexdigest()
    if wanted not in (None, digest):
        raise CodeError(f"{key}: {file} is not as it was when the network was trained", f"put it back, or {again}")
    if f"{MODULE}{digest}" in sys.modules:
        return sys.modules[f"{MODULE}{digest}"]
    module = types.ModuleType(f"{MODULE}{digest}")
    module.__file__ = file
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, file, "exec"), module.__dict__)
    except Exception as error:
        del sys.modules[module.__name__]
        raise _failed(_place(error, file), error) from error
    return module


def _place(error: BaseException, file: str) -> str:
    """``file:line`` of an error, as far as it was raised below the file's own lines; else the file alone."""
    if isinstance(error, SyntaxError) and error.filename == file:
        return f"{file}:{error.lineno}"
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"{file}:{line}" if line else file


def _failed(place: str, error: Exception) -> CodeError:
    text = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
    return CodeError(f"{place}: {type(error).__name__}: {text}", "DMN_DEBUG=1 shows the whole traceback", FAILED)


def checked(value: Any) -> dict[str, str]:
    """The digests of a checkpoint.

    Raises:
        ValueError: they are something else.
    """
    fits = isinstance(value, dict) and all(
        part in PARTS and isinstance(digest, str) and re.fullmatch("[0-9a-f]{64}", digest)
        for part, digest in value.items()
    )
    if not fits:
        raise ValueError("code: expected SHA-256 digests by part")
    return dict(value)
