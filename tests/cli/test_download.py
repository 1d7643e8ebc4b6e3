"""``dmn download-babi``, as a user runs it, on the real archive where it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dmn_cli.data.stories import read
from tests.babi.server import SMALL, serve, tar_bytes, tar_file

LACKING = """\
  en            40 files
  en-10k        39 files; lacks qa3_three-supporting-facts_train.txt
  shuffled      40 files
  en-valid      60 files
  en-valid-10k  59 files; lacks qa3_train.txt
  not there: hn, hn-10k, shuffled-10k
"""
NEXT = "next: dmn train --config task1.yaml\n"


def dmn(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DMN_")}
    return subprocess.run(
        [sys.executable, "-m", "dmn_cli", "download-babi", *arguments],
        cwd=folder,
        env=environment | {"PYTHONIOENCODING": "utf-8", "no_proxy": "127.0.0.1"} | variables,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )


def test_the_real_archive(archive: Path, tmp_path: Path) -> None:
    ended = dmn(tmp_path, "--archive", str(archive))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "data/babi: 240 files of bAbI v1.2, unpacked and checked\n" + LACKING + NEXT
    assert len(read(tmp_path / "data" / "babi" / "en" / "qa1_single-supporting-fact_train.txt")) == 200
    again = dmn(tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout == "data/babi: 240 files of bAbI v1.2, already there, every digest is right\n" + LACKING


@pytest.mark.network
def test_the_real_archive_from_a_server_that_cuts_and_corrupts(archive: Path, tmp_path: Path) -> None:
    with serve(archive.read_bytes()) as server:
        server.acts = ["cut", "cut", "corrupt"]
        ended = dmn(tmp_path, "--mirror", server.url)
        assert ended.returncode == 0
        assert ended.stdout == "data/babi: 240 files of bAbI v1.2, unpacked and checked\n" + LACKING + NEXT
        size = len(server.content)
        half, more = (size + 1) // 2, (size + 1) // 2 + (size - (size + 1) // 2 + 1) // 2
        asked = [request.get("Range") for request in server.requests]
    assert asked == [None, f"bytes={half}-", f"bytes={more}-", None]
    notes = ended.stderr.splitlines()
    assert notes[0] == f"mirror 1 of 1: {server.url}"
    assert notes[1:3] == [
        "  cut off at 3.3 MB of 6.6 MB; again in 1 s",
        "  cut off at 5.0 MB of 6.6 MB; again in 1 s",
    ]
    assert "once more from the start" in notes[3]
    assert len(notes) == 4


@pytest.mark.network
def test_dead_mirrors(tmp_path: Path) -> None:
    with serve(b"") as server:
        server.acts = [404, 410]
        ended = dmn(tmp_path, "-q", DMN_BABI_MIRROR=f"{server.url} {server.url}?2")
    assert (ended.returncode, ended.stdout) == (1, "")
    lines = ended.stderr.splitlines()
    assert lines[:3] == [
        "error: bAbI cannot be downloaded, no mirror works:",
        f"  {server.url}: HTTP 404 Not Found",
        f"  {server.url}?2: HTTP 410 Gone",
    ]
    assert lines[3].startswith("hint: `dmn download-babi --archive FILE` takes a copy that you have, ")
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--archive", "nowhere.tar.gz"], "nowhere.tar.gz: cannot be read: No such file or directory"),
        (["--archive", "text"], "text: not a tar archive, or a damaged one"),
        (
            ["--archive", "wrong.tar.gz"],
            "wrong.tar.gz: en/qa1_single-supporting-fact_train.txt is not that of bAbI v1.2",
        ),
        (["--archive", "evil.tar.gz"], "evil.tar.gz: refused: a path that leads outside: '../evil'"),
        (["--mirror", "ftp://a/b"], "'ftp://a/b' is not an http:// or https:// address"),
        (["--mirror", "http://a/b", "--archive", "wrong.tar.gz"], "--archive and --mirror: give one of them"),
        (["--data-dir", "text/data"], "text/data: cannot be made: Not a directory"),
    ],
)
def test_bad_input_is_one_clear_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "text").write_text("hello\n" * 1000)
    tar_file(tmp_path / "wrong.tar.gz")
    tar_file(tmp_path / "evil.tar.gz", {"../evil": b""})
    ended = dmn(tmp_path, *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    errors = [line for line in ended.stderr.splitlines() if not line.startswith("hint: ")]
    assert len(errors) == 1
    assert errors[0].startswith(f"error: {message}")
    assert not (tmp_path / "data" / "babi").exists()


def test_files_without_a_published_digest_are_named(tmp_path: Path) -> None:
    hindi = {name.replace("/en/", "/hn/"): content for name, content in SMALL.items()}
    many = {f"tasks_1-20_v1-2/hn-10k/qa1{digit}_x_test.txt": b"" for digit in range(3)}
    tar_file(tmp_path / "a.tar.gz", hindi | many | {"tasks_1-20_v1-2/en-valid-10k/qa3_train.txt": b"x"})
    ended = dmn(tmp_path, "--archive", "a.tar.gz")
    assert ended.returncode == 0
    assert ended.stdout.splitlines()[-1] == (
        "  no published digest: hn/qa1_single-supporting-fact_train.txt, hn/qa1_single-supporting-fact_test.txt, "
        "en-valid-10k/qa3_train.txt"
    )


@pytest.mark.network
def test_what_was_asked_for_and_not_done_is_said(tmp_path: Path) -> None:
    hindi = {name.replace("/en/", "/hn/"): content for name, content in SMALL.items()}
    with serve(tar_bytes(hindi)) as server:
        assert dmn(tmp_path, "--mirror", server.url).returncode == 0
        again = dmn(tmp_path, "--mirror", server.url)
        assert again.returncode == 0
        assert again.stderr == "note: the mirror was not read, since the data is there; --force replaces it\n"
        assert dmn(tmp_path, "--mirror", server.url, "--force").returncode == 0
        assert len(server.requests) == 2
