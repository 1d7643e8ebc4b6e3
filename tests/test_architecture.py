"""Which package may import which, and what may not be imported at start."""

import ast
import subprocess
import sys

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "dmn_cli"

# each layer, and the ones below it that it may import; a module may always import its own layer
BELOW = {
    "errors": set(),
    "files": set(),
    "batch": set(),
    "text": set(),
    "config": {"errors", "files"},
    "system": {"errors"},
    "records": {"errors", "files"},
    "data": {"batch", "errors"},
    "babi": {"config", "errors", "files", "system", "text"},
    "generator": {"data", "babi", "config", "errors", "files", "system"},
    "splits": {"data", "babi", "generator", "config", "errors", "files"},
    "augment": {"data", "config"},
    "model": {"batch"},
    "report": {"splits", "data", "babi", "records", "config", "files", "errors", "text"},
    "training": {
        "report",
        "splits",
        "generator",
        "model",
        "data",
        "babi",
        "records",
        "config",
        "errors",
        "files",
        "system",
        "batch",
    },
    "runs": {
        "training",
        "report",
        "augment",
        "splits",
        "model",
        "data",
        "babi",
        "records",
        "config",
        "errors",
        "files",
        "system",
    },
    "page": {
        "text",
        "generator",
        "runs",
        "training",
        "report",
        "splits",
        "model",
        "data",
        "babi",
        "records",
        "config",
        "errors",
        "files",
        "system",
    },
    "bench": {"training", "splits", "model", "data", "babi", "config", "errors", "system", "batch"},
    "cli": {
        *("bench", "page", "runs", "training", "report", "augment", "splits", "generator", "model", "data", "babi"),
        *("records", "config", "errors", "files", "text"),
    },
    "api": {"runs", "training", "report", "splits", "generator", "data", "records", "config", "errors"},
    "__main__": {"cli"},
}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def imported(path):
    """Every module a file imports, with those inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path):
    layer = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "dmn_cli" and parts[1] != "__version__":
            assert parts[1] == layer or parts[1] in BELOW[layer], f"{path}: {layer} must not import {name}"
        if layer == "model":
            assert parts[0] in {"dmn_cli", "torch", *sys.stdlib_module_names}
        if parts[0] in ("typer", "click"):
            assert layer == "cli"
            assert parts[0] == "typer"
        assert parts[0] != "numpy"


@pytest.mark.parametrize("path", sorted((PACKAGE / "model").glob("*.py")), ids=lambda path: path.name)
def test_the_papers_modules_import_nothing_of_ours(path):
    if path.name != "network.py":  # which puts the parts together
        assert not [name for name in imported(path) if "extensions" in name]


@pytest.mark.parametrize("path", sorted((PACKAGE / "model").rglob("*.py")), ids=lambda path: path.name)
def test_parts_are_picked_once(path):
    """No name of a part is compared while the network computes: only network.py does that, when it is built."""
    if path.name in ("network.py", "kernels.py"):
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            assert not any(isinstance(side, ast.Constant) and isinstance(side.value, str) for side in sides), path


@pytest.mark.parametrize("module", ["torch", "pydantic", "numpy"])
def test_help_is_instant(module):
    """``dmn --help`` imports nothing heavy."""
    script = f"import sys, dmn_cli.cli.app; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
