"""Generated stories as files."""

from pathlib import Path

import pytest

from dmn_cli.babi.download import find_data, task_files
from dmn_cli.data.stories import read
from dmn_cli.errors import DmnError, Stopped
from dmn_cli.generator import layout
from dmn_cli.generator.generate import generate
from dmn_cli.generator.layout import Options, write


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_data_folder_holds_what_was_generated(tmp_path: Path) -> None:
    files = write(tmp_path / "new" / "out", [1, 19], 30, 20, 7, Options(entities=4), command="dmn generate-babi …")
    out = tmp_path / "new" / "out"
    assert [str(file.relative_to(out)) for file in files] == [
        "en/qa1_single-supporting-fact_train.txt",
        "en/qa1_single-supporting-fact_test.txt",
        "en/qa19_path-finding_train.txt",
        "en/qa19_path-finding_test.txt",
    ]
    assert sorted(content(out)) == sorted(["README.txt", *(str(file.relative_to(out)) for file in files)])
    found = task_files(find_data(out, "en"), "en", 19)
    assert read(found["train"]) == generate(19, 30, 7, "train", entities=4)
    assert read(found["test"]) == generate(19, 20, 7, "test", entities=4)
    readme = (out / "README.txt").read_text()
    assert readme.startswith("These stories were generated. They are not bAbI.")
    assert "\n    dmn generate-babi …\n" in readme
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_the_same_bytes_every_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, [5, 18], 50, 50, 3)
    write(tmp_path / "c", [5, 18], 50, 50, 4)
    assert content(tmp_path / "a") == content(tmp_path / "b") != content(tmp_path / "c")


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    write(tmp_path, [1], 5, 5, 0)
    assert (tmp_path / "en").is_dir()


def test_the_working_directory_is_filled_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = write(Path(), [1], 5, 5, 0)
    assert sorted(path.name for path in Path().iterdir()) == ["README.txt", "en"]  # a new folder would not be seen here
    assert all(file.is_file() for file in files)


def test_a_link_to_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    write(tmp_path / "link", [1], 5, 5, 0)
    write(tmp_path / "link", [2], 5, 5, 0, force=True)
    assert (tmp_path / "link").is_symlink()
    assert find_data(tmp_path / "real", "en") == tmp_path / "real" / "en"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "real"]


def test_nothing_is_overwritten_silently(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    for force in (False, True):
        with pytest.raises(DmnError, match="out: is not empty") as caught:
            write(out, [1], 5, 5, 0, force=force)
        assert "choose another folder" in caught.value.hint
    assert content(tmp_path) == {"out/thesis.txt": b"mine"}
    with pytest.raises(DmnError, match="is not a folder"):
        write(out / "thesis.txt", [1], 5, 5, 0, force=True)


def test_a_path_that_cannot_be_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DmnError, match="cannot be written: ") as caught:
        write(tmp_path / "file" / "out", [1], 5, 5, 0)
    assert caught.value.code == 2


def test_force_replaces_what_was_generated(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, [1, 2], 5, 5, 0)
    with pytest.raises(DmnError, match="is not empty") as caught:
        write(out, [3], 5, 5, 0)
    assert caught.value.hint == "--force replaces it"
    write(out, [3], 5, 5, 0, force=True)
    assert len(content(out)) == 3
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("error", [DmnError("no"), Stopped(130), OSError(28, "No space left on device")])
@pytest.mark.parametrize("before", [False, True])
def test_a_failure_leaves_what_was_there(
    error: BaseException, before: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    if before:
        write(out, [1], 5, 5, 0)
    kept = content(tmp_path)

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(layout, "write_atomic", fail)
    with pytest.raises(DmnError if isinstance(error, OSError) else type(error)) as caught:
        write(out, [1], 5, 5, 1, force=True)
    if isinstance(error, OSError):
        assert "out: cannot be written: No space left" in str(caught.value)
        assert caught.value.code == 1
    assert content(tmp_path) == kept


def test_a_failure_while_replacing_puts_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    write(out, [1], 5, 5, 0)
    kept = content(tmp_path)
    replace = Path.replace

    def fail(path: Path, target: Path) -> Path:
        if path.name == "new":
            raise OSError(5, "Input/output error")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(DmnError, match="Input/output error"):
        write(out, [1], 5, 5, 1, force=True)
    assert content(tmp_path) == kept
