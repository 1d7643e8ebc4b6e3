"""From a config's name, its bases and ``--set`` to a config.

A config is built of layers, each over the one before: the schema's defaults, the bases, the file itself, ``--set``.
A layer is plain values and the place of every key, so that every error can say where it lies.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dmn_cli.config.check import build, did_you_mean
from dmn_cli.config.parse import Fault, Key, Layer, Place, name_of, parse, shown
from dmn_cli.config.schema import Config
from dmn_cli.errors import DmnError

LARGEST = 100_000
"""Bytes; what is larger is no config (and would keep the YAML reader busy for long)."""


RENAMED = {"paper": "dmn-l.yaml"}
"""Shipped configs that had other names."""


def shipped() -> Path:
    """The folder of the configs that come with the package: in it when installed, beside it in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


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
    if bare and path.stem in RENAMED:
        raise DmnError(f"{name_of(str(name))}: no such config; it is called {RENAMED[path.stem]} now")
    known = {file.name for folder in (Path(), Path("configs"), shipped()) for file in folder.glob("*.yaml")}
    looked = "here, in configs/ and in the package" if bare else f"in {name_of(str(path.parent))}"
    hint = f"looked {looked}; `dmn config list` names the configs that come with it"
    raise DmnError(f"{name_of(str(name))}: no such config{did_you_mean(path.name, known)}", hint)


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except PermissionError:  # of its folder; whoever reads it says so
        return True
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return False
    return True


def load(name: str | Path, overrides: Sequence[str] = (), point: Mapping[str, Any] = MappingProxyType({})) -> Config:
    """Read a config, its bases, and ``--set`` overrides.

    Args:
        name: see ``find``.
        overrides: each ``section.key=value``, the value in YAML; later ones win.
        point: of a grid: values by dotted key, over all others.

    Raises:
        DmnError: with all errors at once, one a line: ``task1.yaml:12:3 model.hidden_sze: unknown key; …``.
    """
    path = find(name)
    return _built(_read(path), path, overrides, point)


def from_values(*layers: Mapping[str, Any]) -> Config:
    """The config of plain values, as a file would say them; later ones win.

    Args:
        layers: each sections of keys, and perhaps ``base``.

    Raises:
        DmnError: as ``load``.
    """
    layer = Layer({}, {("base",): Place("config")})
    for values in layers:
        sections = {key: dict(value) if isinstance(value, Mapping) else value for key, value in values.items()}
        layer = _over(layer, Layer(sections))
    return _built(layer, Path("config"), (), {})


def _built(layer: Layer, path: Path, overrides: Sequence[str], point: Mapping[str, Any]) -> Config:
    layer = _with_bases(layer, path)
    for override in overrides:
        layer = _over(layer, _override(override))
    for dotted, value in point.items():
        key: Key = tuple(dotted.split(".", maxsplit=1))
        for part in reversed(key):
            value = {part: value}
        layer = _over(layer, Layer(value, {key[:1]: Place("--grid"), key: Place("--grid")}))
    return build(layer, Place(str(path)))


def _with_bases(layer: Layer, path: Path) -> Layer:
    """The layer of a file over that of the base it names, which may have a base itself, and so on."""
    read = {path.resolve()}
    while (base := layer.values.pop("base", None)) is not None:
        place = layer.places.pop(("base",))
        path = _base(base, path, place)
        if path.resolve() in read:
            raise DmnError(str(Fault(place, ("base",), f"goes round in a circle: {path} builds on this file")))
        read.add(path.resolve())
        layer = _over(_read(path), layer)
    return layer


def _base(base: object, path: Path, place: Place) -> Path:
    """The base that a file names, beside it or wherever ``find`` finds it."""
    if not isinstance(base, str):
        raise DmnError(str(Fault(place, ("base",), f"expected the name of a config, not {shown(base)}")))
    beside = path.parent / base
    try:
        return beside if _exists(beside) else find(base)
    except DmnError as error:
        raise DmnError(f"{place} base: {error.message}", error.hint) from error


def read_text(path: Path) -> str:
    """The text of a config file.

    Raises:
        DmnError: it cannot be read, or is no text, or too long.
    """
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
    return text


def _read(path: Path) -> Layer:
    """The layer of a file; its values are a dict of sections."""
    layer = parse(read_text(path), str(path))
    if layer.values is None:
        layer.values = {}
    if not isinstance(layer.values, dict):
        raise DmnError(f"{layer.places[()]}: expected data:, model: or train: here, not {shown(layer.values)}")
    # a section with all its lines commented out says nothing
    layer.values = {key: value for key, value in layer.values.items() if value is not None}
    return layer


def _override(override: str) -> Layer:
    """The layer of ``section.key=value``."""
    dotted, equals, text = override.partition("=")
    key = tuple(dotted.strip().split(".", maxsplit=1))
    place = Place("--set")
    if not equals or not all(key):
        return Layer({}, {}, [Fault(place, (), f"expected section.key=value, not {shown(override)}")])
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
