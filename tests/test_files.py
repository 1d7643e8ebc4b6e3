"""Files that are whole or not there at all."""

import fcntl
import os

import pytest

from dmn_cli import files
from dmn_cli.files import write_atomic


def test_the_content_is_on_the_disk_before_the_name(tmp_path, monkeypatch):
    """The file is synced, then renamed; then its folder is synced."""
    path, order = tmp_path / "a", []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (order.append("fsync"), fsync(handle)))
    monkeypatch.setattr(os, "replace", lambda *paths: (order.append("rename"), replace(*paths)))
    write_atomic(path, "new")
    assert order == ["fsync", "rename", "fsync"]
    assert path.read_text() == "new"


@pytest.mark.parametrize("name", ["fsync", "replace", "chmod"])
def test_an_error_leaves_the_old_content_and_nothing_else(name, tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_text("old")

    def fails(*_args, **_keys):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, name, fails)
    with pytest.raises(OSError, match=r"No space left on device: .*/a'"):
        write_atomic(path, "new")
    monkeypatch.undo()
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("a", "old")]


def test_whoever_looks_meanwhile_sees_the_old_content_or_the_new(tmp_path, monkeypatch):
    path, seen = tmp_path / "a", []
    path.write_text("old")
    for name in ("fsync", "replace", "chmod"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *args, real=real, **keys: (seen.append(path.read_text()), real(*args, **keys))[1]
        )
    write_atomic(path, "new")
    assert seen == ["old", "old", "old", "new"]  # the last: the folder is synced


def test_what_a_killed_process_left_is_removed_by_the_next_write(tmp_path):
    (tmp_path / ".a.1234.tmp").write_text("half of")
    (tmp_path / ".ab.1234.tmp").write_text("of another file")
    write_atomic(tmp_path / "a", "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".ab.1234.tmp", "a"]


def test_what_another_process_writes_now_is_left_alone(tmp_path):
    other = tmp_path / ".a.1234.tmp"
    with other.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        write_atomic(tmp_path / "a", "new")
        assert other.exists()


def test_what_is_being_written_is_locked(tmp_path, monkeypatch):
    tried, real = [], os.fsync

    def fsync(handle):
        for left in tmp_path.glob(".a.*.tmp"):
            with left.open("rb") as file:
                tried.append(files._lock(file.fileno()))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomic(tmp_path / "a", "new")
    assert tried == [False]
