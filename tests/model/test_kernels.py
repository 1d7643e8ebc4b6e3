"""Finding, refusing and calling the compiled kernels."""

import importlib.util
import re
import shutil
import subprocess
import sys

import pytest
import torch

from dmn_cli.model.fast import kernels
from dmn_cli.model.fast.scan import scan
from tests.conftest import ROOT


@pytest.fixture
def fresh(monkeypatch):
    """The library as it is found at start."""
    before = kernels._active
    monkeypatch.setattr(kernels, "_active", None)
    kernels._library.cache_clear()
    yield monkeypatch
    kernels._library.cache_clear()
    kernels._active = before


def tiny():
    return torch.ones(1, 6), torch.zeros(1, dtype=torch.long), [1], torch.ones(1, 2), torch.ones(6, 2), torch.ones(6)


def test_they_are_there_where_a_compiler_is():
    library = kernels._library()
    assert not isinstance(library, str) or not (shutil.which("cc") and sys.platform in ("linux", "darwin")), (
        f"compiled kernels {library} (pip install -e .)"
    )


@pytest.mark.parametrize(("wish", "active"), [("0", "pytorch: as asked for"), ("base", kernels.paths()[1:2])])
def test_the_environment_decides(fresh, wish, active):
    fresh.setenv("DMN_KERNELS", wish)
    assert kernels.active() in active or kernels.active().startswith("pytorch: compiled kernels")
    assert scan(*tiny())[1].shape == (1, 2)


def test_without_a_library(fresh):
    fresh.setattr(importlib.util, "find_spec", lambda name: None)
    assert kernels.active().startswith("pytorch: compiled kernels not built")
    assert kernels.paths() == ["pytorch"]
    assert not kernels.usable(torch.ones(1))
    assert scan(*tiny())[1].shape == (1, 2)


@pytest.mark.parametrize("content", [b"", b"no library at all"])
def test_a_broken_library(fresh, tmp_path, content):
    broken = tmp_path / "_kernels.so"
    broken.write_bytes(content)
    fresh.setattr(
        importlib.util, "find_spec", lambda name: importlib.util.spec_from_file_location("_kernels", str(broken))
    )
    assert kernels.active().startswith("pytorch: compiled kernels not loaded")


def test_a_library_of_another_source(fresh, tmp_path):
    """An old library beside a new kernels.c is never called."""
    (tmp_path / "kernels.c").write_text("/* another one */")
    fresh.setattr(kernels, "__file__", str(tmp_path / "kernels.py"))
    assert kernels.active().startswith("pytorch: compiled kernels")


def test_other_types_and_devices_go_to_torch():
    assert not kernels.usable(torch.ones(1, dtype=torch.bfloat16))
    assert not kernels.usable(torch.ones(1), torch.ones(1, dtype=torch.float64))
    assert not kernels.usable(torch.ones(1, device="meta"))


@pytest.mark.parametrize(("structure", "name"), [(kernels._Scan, "scan"), (kernels._Gate, "gate")])
def test_both_sides_know_the_same_fields(structure, name):
    source = (ROOT / "dmn_cli" / "model" / "fast" / "kernels.c").read_text(encoding="utf-8")
    found = re.search(rf"^struct {name} {{(.*?)^}};", source, re.DOTALL | re.MULTILINE)
    assert found is not None
    declared = re.sub(r"/\*.*?\*/", "", found[1], flags=re.DOTALL)
    fields = re.findall(r"\w+(?=\s*[,;])", declared)
    assert fields == [field[0] for field in structure._fields_]


def test_no_compiler_no_kernels(tmp_path):
    """The package builds all the same."""
    command = [sys.executable, "setup.py", "-q", "build_ext", "--build-lib", tmp_path, "--build-temp", tmp_path]
    env = {"CC": "no-such-compiler", "PATH": "/usr/bin:/bin"}
    subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True)
    assert not list(tmp_path.rglob("*.so"))
