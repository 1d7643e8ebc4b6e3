"""What the tests share: the real archive, where it is; the command line, in this process or in one of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from dmn_cli.cli.app import main

ROOT = Path(__file__).parent.parent
ARCHIVE = Path(os.environ.get("DMN_BABI_ARCHIVE", ROOT.parent / "shared" / "babi" / "tasks_1-20_v1-2.tar.gz"))


@pytest.fixture(scope="session")
def archive() -> Path:
    """The real bAbI archive; a test that asks for it is skipped where there is none."""
    if not ARCHIVE.is_file():
        pytest.skip(f"the real bAbI archive is not here: {ARCHIVE} (set DMN_BABI_ARCHIVE to its path)")
    return ARCHIVE


@pytest.fixture(scope="session")
def babi_data(archive, tmp_path_factory) -> Path:
    """A data folder with the real files, unpacked once."""
    folder = tmp_path_factory.mktemp("data")
    command = [sys.executable, "-m", "dmn_cli", "download-babi", "--archive", archive, "--data-dir", folder]
    subprocess.run(
        list(map(str, command)), check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    return folder


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def dmn(monkeypatch, capsys, tmp_path):
    """Run ``dmn ARGUMENTS`` in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["dmn", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code or 0
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    yield run
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def dmn_process(tmp_path):
    """Start ``dmn ARGUMENTS`` as a process in an empty working directory."""

    def start(*arguments: object) -> subprocess.Popen:
        command = [sys.executable, "-m", "dmn_cli", *map(str, arguments)]
        return subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
        )

    return start
