"""The data folder: filled whole or not at all, whatever happens on the way, and read."""

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dmn_cli.babi import download as module
from dmn_cli.babi import fetch, unpack
from dmn_cli.babi.download import Mirror, Report, download, ensure_data, find_data, task_files, verify
from dmn_cli.errors import DmnError
from tests.babi.server import SMALL, STORY, TEST, TRAIN, Server, serve, tar_bytes, tar_file

NAME = TRAIN.partition("/")[2]
ROOT = Path(__file__).parents[2]
PUBLISHED = module.MIRRORS


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries do not wait, the small archives' stories are not those of v1.2, and no real mirror is asked."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv(module.MIRROR_VARIABLE, raising=False)
    monkeypatch.setattr(fetch, "WAITS", (0.0,))
    monkeypatch.setattr(unpack, "published_digests", dict)
    monkeypatch.setattr(module, "published_digests", dict)
    monkeypatch.setattr(module, "MIRRORS", ())


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(tar_bytes()) as server:
        yield server


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return tar_file(tmp_path / "small.tar.gz")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def visible(data: Path) -> list[str]:
    """What is in the data folder but for the lock."""
    return sorted(path.name for path in data.iterdir() if path.name != ".babi.lock")


def error_of(*args: object, **kwargs: object) -> DmnError:
    with pytest.raises(DmnError) as caught:
        download(*args, **kwargs)  # type: ignore[arg-type]
    return caught.value


# ---- archives --------------------------------------------------------------------------------------------------------


def test_an_archive_is_put_in_place(data: Path, small: Path) -> None:
    report = download(data, archive=small)
    missing = report.present["en"][1]
    assert (report.folder, report.fresh, report.files) == (data / "babi", True, 3)
    assert report.present == {"en": (2, missing)}
    assert len(missing) == 38
    assert "qa2_two-supporting-facts_test.txt" in missing
    assert report.lacking == [subset for subset in unpack.SUBSETS if subset != "en"]
    assert report.unpublished == [name.partition("/")[2] for name in SMALL]
    assert (data / "babi" / NAME).read_bytes() == STORY
    manifest = json.loads((data / "babi" / "manifest.json").read_text())
    assert manifest["archive_sha256"] == hashlib.sha256(small.read_bytes()).hexdigest()
    assert manifest["files"][NAME] == hashlib.sha256(STORY).hexdigest()
    assert visible(data) == ["babi"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"hello", "not a tar archive"),
        (tar_bytes({"a.txt": b"a"}), "holds no bAbI story file"),
        (tar_bytes()[:-20], "not a tar archive, or a damaged one"),
        (tar_bytes({"../a": b"a"}), "leads outside"),
    ],
)
def test_a_bad_archive(data: Path, tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "bad.tar.gz"
    if content is not None:
        path.write_bytes(content)
    error = error_of(data, archive=path)
    assert error.code == 2
    assert error.message.startswith(f"{path}: ")
    assert reason in error.message
    assert not data.exists() or visible(data) == []


def test_a_folder_is_no_archive(data: Path, tmp_path: Path) -> None:
    error = error_of(data, archive=tmp_path)
    assert (error.message, error.code) == (f"{tmp_path}: cannot be read: Is a directory", 2)


def test_a_wrong_story_file_is_named(data: Path, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "published_digests", lambda: {NAME: ("sha256", "0" * 64)})
    error = error_of(data, archive=small)
    assert error.message.startswith(f"{small}: {NAME} is not that of bAbI v1.2: its sha256 is not 000")
    assert visible(data) == []


def test_a_full_disk(data: Path, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(unpack.os, "fsync", full)
    error = error_of(data, archive=small)
    assert (error.message, error.code) == (f"{data}: No space left on device", 1)
    assert visible(data) == []


def test_a_data_folder_that_cannot_be(small: Path) -> None:
    error = error_of(small, archive=small)
    assert (error.message, error.code) == (f"{small}: cannot be made: File exists", 2)


# ---- mirrors ---------------------------------------------------------------------------------------------------------


@pytest.mark.network
def test_a_mirror(data: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256(server.content).hexdigest()
    monkeypatch.setattr(module, "MIRRORS", (Mirror(server.url, len(server.content), digest),))
    server.acts = ["cut"]
    assert download(data).files == 3
    assert [request.get("Range") for request in server.requests] == [None, f"bytes={(len(server.content) + 1) // 2}-"]
    assert json.loads((data / "babi" / "manifest.json").read_text())["source"] == server.url
    assert visible(data) == ["babi"]


@pytest.mark.network
def test_the_next_mirror_is_asked(data: Path, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.acts = [404, 503, 503]
    first, second = server.url, server.url + "?2"
    download(data, mirrors=[first, second, server.url + "?3"])
    assert capsys.readouterr().err.splitlines() == [
        f"mirror 1 of 3: {first}",
        "  given up: HTTP 404 Not Found",
        f"mirror 2 of 3: {second}",
        "  HTTP 503 Service Unavailable; again in 0 s",
        "  given up: HTTP 503 Service Unavailable (1 retries)",
        f"mirror 3 of 3: {server.url}?3",
    ]


@pytest.mark.network
def test_all_mirrors_dead(data: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        module, "MIRRORS", (Mirror(server.url), Mirror(server.url + "?2"), Mirror(server.url + "?3", 7))
    )
    server.acts = [404, "drop", "drop"]
    error = error_of(data, quiet=True)
    assert error.code == 1
    assert error.message.splitlines() == [
        "bAbI cannot be downloaded, no mirror works:",
        f"  {server.url}: HTTP 404 Not Found",
        f"  {server.url}?2: remote end closed connection without response (1 retries)",
        f"  {server.url}?3: {len(server.content)} bytes, not the 7 of the published archive",
    ]
    for way in ("--archive FILE", "--mirror URL", "--config quickstart.yaml", f"--data-dir {data}"):
        assert way in error.hint
    assert visible(data) == []


@pytest.mark.network
def test_what_was_damaged_on_the_way_comes_again(data: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256(server.content).hexdigest()
    monkeypatch.setattr(module, "MIRRORS", (Mirror(server.url, None, digest),))
    server.acts = ["corrupt"]
    assert download(data).files == 3
    server.acts = ["corrupt", "corrupt"]
    error = error_of(data, force=True)
    assert "damaged or another archive: sha-256" in error.message
    assert verify(data / "babi").files == 3
    assert [name for name in visible(data) if name.endswith(".part")] == []


@pytest.mark.network
def test_damage_is_found_without_a_published_digest_too(data: Path, server: Server) -> None:
    server.acts = ["corrupt", "corrupt"]
    error = error_of(data, mirrors=[server.url])
    assert "not a tar archive, or a damaged one" in error.message
    assert error.code == 1


@pytest.mark.network
def test_mirrors_from_the_environment(data: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.acts = [404]
    monkeypatch.setenv(module.MIRROR_VARIABLE, f"{server.url}?1  {server.url}?2")
    assert ensure_data(data, "en") == data / "babi" / "en"
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "url",
    [
        "",
        "babi.tar.gz",
        "file:///babi.tar.gz",
        "ftp://a/b",
        "http://",
        "http://a:b/c",
        "http://a b/",
        "http://a/\n",
        "http://ä/",
        "http://[/",
    ],
)
def test_no_address(data: Path, url: str) -> None:
    error = error_of(data, mirrors=[url])
    assert (error.message, error.code) == (f"{url!r} is not an http:// or https:// address", 2)
    assert not data.exists()


def test_the_published_mirrors() -> None:
    assert [(mirror.size, (mirror.sha256 or "")[:8]) for mirror in PUBLISHED] == [
        (19_212_062, "f7f0bee1"),
        (19_212_062, "f7f0bee1"),
        (15_719_851, "0364ebde"),
        (11_745_123, ""),
    ]


def test_a_known_address_keeps_its_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MIRRORS", PUBLISHED)
    assert module._mirrors([PUBLISHED[2].url, "http://a/b"]) == [PUBLISHED[2], Mirror("http://a/b")]
    assert module._mirrors([]) == PUBLISHED


# ---- again -----------------------------------------------------------------------------------------------------------


def test_again(data: Path, small: Path) -> None:
    first = download(data, archive=small)
    again = download(data)
    assert again == Report(**(vars_of(first) | {"fresh": False}))


def vars_of(report: Report) -> dict[str, object]:
    return {name: getattr(report, name) for name in report.__dataclass_fields__}


def test_damage_is_found_and_mended(data: Path, small: Path) -> None:
    download(data, archive=small)
    (data / "babi" / NAME).write_bytes(STORY.replace(b"hall", b"attic"))
    (data / "babi" / "LICENSE.txt").unlink()
    error = error_of(data)
    assert error.code == 1
    assert error.message == f"{data / 'babi'}: 2 of 3 files damaged: {NAME} (changed), LICENSE.txt (missing)"
    assert error.hint == f"`dmn download-babi --data-dir {data} --force` replaces them"
    assert download(data, archive=small, force=True).fresh
    assert verify(data / "babi").files == 3


@pytest.mark.parametrize("manifest", [None, "", "{}", "[]", '{"files": 3}', '{"files": ["a"]}'])
def test_a_folder_without_a_good_manifest_is_not_whole(data: Path, small: Path, manifest: str | None) -> None:
    download(data, archive=small)
    (data / "babi" / "manifest.json").unlink()
    if manifest is not None:
        (data / "babi" / "manifest.json").write_text(manifest)
    error = error_of(data)
    assert error.code == 1
    assert "not whole" in error.message
    download(data, archive=small, force=True)
    assert verify(data / "babi").files == 3


def test_force_keeps_the_old_data_where_the_new_is_bad(data: Path, small: Path, tmp_path: Path) -> None:
    download(data, archive=small)
    assert error_of(data, archive=tar_file(tmp_path / "bad", {TRAIN: STORY, "../a": b""}), force=True).code == 2
    assert verify(data / "babi").files == 3
    assert visible(data) == ["babi"]


def test_force_replaces_a_link_and_not_what_it_points_to(data: Path, small: Path, tmp_path: Path) -> None:
    download(tmp_path / "shared", archive=small)
    data.mkdir()
    (data / "babi").symlink_to(tmp_path / "shared" / "babi")
    assert download(data).files == 3
    download(data, archive=tar_file(tmp_path / "new", SMALL | {"tasks_1-20_v1-2/README.txt": b"new"}), force=True)
    assert not (data / "babi").is_symlink()
    assert verify(data / "babi").files == 4
    assert verify(tmp_path / "shared" / "babi").files == 3


# ---- stopped and started ---------------------------------------------------------------------------------------------


START = """
import sys
from pathlib import Path
from dmn_cli.babi import download, fetch, unpack
unpack.published_digests = download.published_digests = dict
fetch.WAITS = ()
"""
KILL = """
import os, signal
left = int(sys.argv[1])
def dying(work):
    def step(*args, **kwargs):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return work(*args, **kwargs)
    return step
unpack._write = dying(unpack._write)
Path.rename = dying(Path.rename)
Path.replace = dying(Path.replace)
download.sync_folder = dying(download.sync_folder)
download.download(Path(sys.argv[2]), archive=Path(sys.argv[3]), force=True)
"""
MAIN = """
from dmn_cli.cli.app import main
main()
"""


def process(code: str, *arguments: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", START + code, *map(str, arguments)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("before", [False, True])
def test_killed_at_any_step(tmp_path: Path, small: Path, before: bool) -> None:
    """A folder is found whole or not at all, and the next command does its work."""
    new = tar_file(tmp_path / "new.tar.gz", SMALL | {TEST: STORY * 3})
    steps = range(3 + 1 + (2 if before else 1) + 1)  # files, manifest, renames, sync
    started = []
    for step in steps:
        data = tmp_path / f"data{step}"
        if before:
            download(data, archive=small)
        started.append((data, process(KILL, step, data, new)))
    for data, killed in started:
        killed.communicate()
        assert killed.returncode == -signal.SIGKILL
        there = before or (data / "babi").exists()  # with data before, also where the kill fell between two renames
        if (data / "babi").exists():
            assert verify(data / "babi").files == 3
        else:
            with pytest.raises(DmnError, match="no bAbI data here"):
                find_data(data, "en")
        report = download(data, archive=small)
        assert (report.files, report.fresh) == (3, not there)
        swapped = (data / "babi" / TEST.partition("/")[2]).read_bytes() == STORY * 3
        assert swapped == (data.name == f"data{steps[-1]}")  # the old data is there until the new is
        download(data, archive=small, force=True)
        assert visible(data) == ["babi"]


@pytest.mark.network
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_stopped_while_downloading(data: Path, server: Server, number: signal.Signals) -> None:
    server.acts = ["stall"]
    half = (len(server.content) + 1) // 2
    running = process(MAIN, "download-babi", "--mirror", server.url, "--data-dir", data)
    deadline = time.monotonic() + 30
    while not any(path.stat().st_size == half for path in data.glob(".babi-*.part")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    running.send_signal(number)
    _, stderr = running.communicate(timeout=30)
    assert running.returncode == {signal.SIGTERM: 143, signal.SIGINT: 130}.get(number, -number)
    assert "Traceback" not in stderr
    assert not (data / "babi").exists()
    with pytest.raises(DmnError):
        find_data(data, "en")
    assert download(data, mirrors=[server.url]).files == 3
    assert server.requests[1]["Range"] == f"bytes={half}-"
    assert visible(data) == ["babi"]


@pytest.mark.network
def test_two_at_once(data: Path, small: Path, server: Server) -> None:
    data.mkdir()
    with module._locked(data, quiet=True):
        running = process(MAIN, "download-babi", "--mirror", server.url, "--data-dir", data)
        assert running.stderr is not None
        assert running.stderr.readline() == f"{data}: waiting for another process that writes there\n"
        module._install(small, data, "the other")
    stdout, _ = running.communicate(timeout=30)
    assert running.returncode == 0
    assert "already there" in stdout
    assert server.requests == []


# ---- reading ---------------------------------------------------------------------------------------------------------


def test_where_data_is_found(data: Path, small: Path) -> None:
    with pytest.raises(DmnError, match="no bAbI data here") as caught:
        find_data(data, "en")
    assert "dmn download-babi" in caught.value.hint
    assert "dmn train --config quickstart.yaml" in caught.value.hint
    for root in (data, data / "tasks_1-20_v1-2"):  # unpacked by hand
        (root / "en").mkdir(parents=True)
        (root / "en" / "qa1_single-supporting-fact_train.txt").write_bytes(STORY)
        assert find_data(data, "en") == root / "en"
    download(data, archive=small)
    assert find_data(data, "en") == data / "babi" / "en"
    with pytest.raises(DmnError, match=r"babi: no hn here: the archive that it came from lacks it"):
        find_data(data, "hn")


def test_a_half_filled_folder_is_no_data(data: Path, small: Path) -> None:
    download(data, archive=small)
    (data / "babi" / "manifest.json").unlink()
    with pytest.raises(DmnError, match="not whole"):
        find_data(data, "en")
    with pytest.raises(DmnError, match="not whole"):
        ensure_data(data, "en")  # and downloads nothing over it
    (data / "babi").rename(data / ".babi.new")
    with pytest.raises(DmnError, match="no bAbI data here"):
        find_data(data, "en")


@pytest.mark.parametrize(
    ("subset", "task", "names"),
    [
        ("en", 1, {"train": "qa1_single-supporting-fact_train.txt", "test": "qa1_single-supporting-fact_test.txt"}),
        ("hn-10k", 20, {"train": "qa20_agents-motivations_train.txt", "test": "qa20_agents-motivations_test.txt"}),
        ("en-valid-10k", 3, {"train": "qa3_train.txt", "valid": "qa3_valid.txt", "test": "qa3_test.txt"}),
    ],
)
def test_the_files_of_a_task(tmp_path: Path, subset: str, task: int, names: dict[str, str]) -> None:
    for name in names.values():
        (tmp_path / name).touch()
    assert task_files(tmp_path, subset, task) == {split: tmp_path / name for split, name in names.items()}
    (tmp_path / names["train"]).unlink()
    with pytest.raises(DmnError) as caught:
        task_files(tmp_path, subset, task)
    assert caught.value.message == f"{tmp_path / names['train']}: no such file (task {task} of {subset}, train)"
    assert f"`dmn download-babi --data-dir {tmp_path.parent} --force`" in caught.value.hint


@pytest.mark.parametrize("inside", ["babi/en", "tasks_1-20_v1-2/en", "en"])
def test_a_missing_file_is_fetched_into_the_same_data_folder(
    tmp_path: Path, inside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where there is no data/
    for data_dir, option in ((tmp_path / "my data", f" --data-dir '{tmp_path}/my data'"), (Path("data"), "")):
        with pytest.raises(DmnError) as caught:
            task_files(data_dir / inside, "en", 1)
        assert f"`dmn download-babi{option} --force`" in caught.value.hint


@pytest.mark.network
def test_data_is_downloaded_where_there_is_none(data: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MIRRORS", (Mirror(server.url),))
    assert ensure_data(data, "en", quiet=True) == data / "babi" / "en"
    assert ensure_data(data, "en", quiet=True) == data / "babi" / "en"
    with pytest.raises(DmnError, match="no hn here"):
        ensure_data(data, "hn", quiet=True)
    assert len(server.requests) == 1


@pytest.mark.network
def test_no_data_and_no_mirror(data: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MIRRORS", (Mirror(server.url),))
    server.acts = [404]
    with pytest.raises(DmnError, match="no mirror works") as caught:
        ensure_data(data, "en")
    assert caught.value.code == 1
    assert "dmn train --config quickstart.yaml" in caught.value.hint
