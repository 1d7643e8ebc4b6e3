"""Archives that nobody need trust."""

import gzip
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmn_cli.babi import unpack as module
from dmn_cli.babi.unpack import DOCUMENTS, SUBSETS, SourceError, file_names, published_digests, unpack
from tests.babi.server import SMALL, STORY, TEST, TRAIN, tar_bytes, tar_file

NAME = TRAIN.partition("/")[2]


@pytest.fixture(autouse=True)
def nothing_published(monkeypatch: pytest.MonkeyPatch) -> None:
    """The small archives' stories are not those of v1.2."""
    monkeypatch.setattr(module, "published_digests", dict)


def refused(tmp_path: Path, content: bytes, reason: str) -> None:
    """The archive is refused for this reason, and nothing is written outside the folder."""
    inside = tmp_path / "inside"
    inside.mkdir(parents=True)
    archive = inside / "a.tar.gz"
    archive.write_bytes(content)
    with pytest.raises(SourceError, match=reason):
        unpack(archive, inside / "new")
    assert list(tmp_path.iterdir()) == [inside]
    assert {path.name for path in inside.iterdir()} <= {"a.tar.gz", "new"}


def info(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, link, size
    return member


@pytest.mark.parametrize("mode", ["w:gz", "w"])
@pytest.mark.parametrize("prefix", ["", "./", "downloads/babi/"])
def test_the_original_directories_wherever_they_are(tmp_path: Path, prefix: str, mode: str) -> None:
    members = {prefix + name: content for name, content in SMALL.items()}
    others = {
        f"{prefix}tasks_1-20_v1-2/en-valid-nosf/qa1_train.txt": b"no",
        f"{prefix}tasks_1-20_v1-2/en/._qa1_single-supporting-fact_train.txt": b"no",
        f"{prefix}tasks_1-20_v1-2/en/deeper/qa1_single-supporting-fact_train.txt": b"no",
        f"{prefix}other/en/qa1_single-supporting-fact_train.txt": b"no",
        "LICENSE.txt": b"another",
    }
    files = unpack(tar_file(tmp_path / "a", others | members, mode), tmp_path / "new")
    there = {str(path.relative_to(tmp_path / "new")) for path in (tmp_path / "new").rglob("*") if path.is_file()}
    assert there == set(files) == {name.partition("/")[2] for name in SMALL}
    assert (tmp_path / "new" / NAME).read_bytes() == STORY
    assert files[NAME] == hashlib.sha256(STORY).hexdigest()
    assert (tmp_path / "new" / "LICENSE.txt").read_bytes() == b"CC BY 3.0\n"


def test_the_first_of_two_and_no_folder_with_the_name_of_a_file(tmp_path: Path) -> None:
    members = {TRAIN: STORY, f"again/{TRAIN}": b"another", TEST: info(TEST, tarfile.DIRTYPE)}
    files = unpack(tar_file(tmp_path / "a", members), tmp_path / "new")
    assert set(files) == {NAME}
    assert (tmp_path / "new" / NAME).read_bytes() == STORY


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (info("../evil"), "leads outside"),
        (info("tasks_1-20_v1-2/../../evil"), "leads outside"),
        (info("/tmp/evil"), "leads outside"),
        (info("..\\evil"), "leads outside"),
        (info("C:/evil"), "leads outside"),
        (info("tasks_1-20_v1-2/hn", tarfile.SYMTYPE, "/tmp"), "a link"),
        (info(TEST.replace("en", "hn"), tarfile.SYMTYPE, "/etc/passwd"), "a link"),
        (info(TEST.replace("en", "hn"), tarfile.LNKTYPE, TRAIN), "a link"),
        (info("tty", tarfile.CHRTYPE), "a device"),
        (info("disk", tarfile.BLKTYPE), "a device"),
        (info("pipe", tarfile.FIFOTYPE), "a device"),
        (info("elsewhere", tarfile.SYMTYPE, "/etc/passwd"), "a link"),
    ],
)
def test_dangerous_members_refuse_the_archive(tmp_path: Path, member: tarfile.TarInfo, reason: str) -> None:
    refused(tmp_path, tar_bytes(SMALL | {"x": member}), reason)


def test_a_sparse_file(tmp_path: Path) -> None:
    header = bytearray(info(TRAIN, tarfile.GNUTYPE_SPARSE).tobuf(tarfile.GNU_FORMAT))
    header[386 : 386 + 24] = b"%011o\0%011o\0" % (0, 0)  # one hole: offset and length
    header[483 : 483 + 12] = b"%011o\0" % (8**10)  # the size that it pretends to have
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header)
    refused(tmp_path, bytes(header) + bytes(1024), "a link, a device or the like")


def test_bombs_by_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_UNPACKED", 1_000_000)
    refused(tmp_path, tar_bytes(SMALL | {"zeros": bytes(2_000_000)}), "more than 1.0 MB unpacked")


def test_a_bomb_is_not_unpacked_to_find_it(tmp_path: Path) -> None:
    header = info("zeros", size=8**10).tobuf(tarfile.GNU_FORMAT)
    refused(tmp_path, gzip.compress(header + bytes(100_000)), r"more than 1000\.0 MB unpacked")  # not: cut off


def test_bombs_in_a_story_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_UNPACKED", 1_000_000)
    refused(tmp_path, tar_bytes({TRAIN: bytes(2_000_000)}), "more than 1.0 MB unpacked")
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.txt")) <= 1_000_000


def test_bombs_after_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_UNPACKED", 1_000_000)
    content = tar_bytes(mode="w") + bytes(2_000_000)
    refused(tmp_path, gzip.compress(content), "more than 1.0 MB unpacked")


def test_bombs_by_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_MEMBERS", 100)
    refused(tmp_path, tar_bytes(SMALL | {f"empty{number}": b"" for number in range(100)}), "more than 100 entries")


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_bombs_in_a_header(tmp_path: Path, kind: bytes) -> None:
    header = info("x", kind, size=8**10).tobuf(tarfile.GNU_FORMAT)
    refused(tmp_path, gzip.compress(header + bytes(100_000)), "refused: a header of 1,073,741,824 bytes")


def test_a_size_below_zero(tmp_path: Path) -> None:
    header = info("x", size=-512).tobuf(tarfile.GNU_FORMAT)
    refused(tmp_path, tar_bytes(mode="w")[:1024] + header, "refused: a size below zero: 'x'")


def test_a_broken_sparse_header(tmp_path: Path) -> None:
    member = info("x", size=0)
    member.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    content = member.tobuf(tarfile.PAX_FORMAT) + b"no number\n".ljust(512, b"\0")
    refused(tmp_path, content, "refused|damaged")


def test_garbage_in_the_middle(tmp_path: Path) -> None:
    content = tar_bytes({TRAIN: b"".join(b"%d went %d\n" % (n, n**5) for n in range(50_000))})
    middle = len(content) // 2
    refused(tmp_path, content[:middle] + b"\xff" * 100 + content[middle + 100 :], "a damaged one .error -3")


def test_headers_without_end(tmp_path: Path) -> None:
    header = info("x", tarfile.XHDTYPE).tobuf(tarfile.GNU_FORMAT)
    refused(tmp_path, gzip.compress(header * 5000), "damaged")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<!DOCTYPE html><title>Log in to the network</title>" * 100,
        b"\x1f\x8bnot gzip at all",
        bytes(range(256)) * 100,
        tar_bytes()[:200],
        tar_bytes()[:-1],  # nothing lacks but the end of the check sum
        tar_bytes()[:-8] + b"\0\0\0\0" + tar_bytes()[-4:],  # a wrong check sum
        tar_bytes(mode="w")[:700],
        gzip.compress(b"not a tar archive" * 100, mtime=0),
    ],
)
def test_no_archive_or_a_damaged_one(tmp_path: Path, content: bytes) -> None:
    refused(tmp_path, content, "not a tar archive, or a damaged one")


def test_a_zip_archive(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(TRAIN, STORY)
    refused(tmp_path, buffer.getvalue(), "not a tar archive")


@pytest.mark.parametrize("members", [{"holiday.jpg": b"x"}, {"tasks_1-20_v1-2/README.txt": b"x"}, {NAME: STORY}, {}])
def test_an_archive_of_something_else(tmp_path: Path, members: dict[str, bytes]) -> None:
    refused(tmp_path, tar_bytes(members), "holds no bAbI story file")


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_a_story_file_must_be_as_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, algorithm: str) -> None:
    published = {NAME: (algorithm, hashlib.new(algorithm, STORY).hexdigest()), "LICENSE.txt": ("sha256", "0" * 64)}
    monkeypatch.setattr(module, "published_digests", lambda: published)
    assert len(unpack(tar_file(tmp_path / "a", SMALL), tmp_path / "good")) == 3  # another licence is no harm
    refused(
        tmp_path / "b", tar_bytes({TRAIN: STORY + b"\n"}), f"^{NAME} is not that of bAbI v1.2: its {algorithm} is not"
    )


def test_the_published_digests() -> None:
    known = {
        f"{subset}/{name}" for subset in SUBSETS for task in range(1, 21) for name in file_names(subset, task).values()
    }
    assert len(known) == 6 * 40 + 2 * 60
    digests = published_digests()
    assert digests.keys() <= known | set(DOCUMENTS)
    assert {len(digest) for algorithm, digest in digests.values() if algorithm == "sha256"} == {64}
    assert [name for name, (algorithm, _) in digests.items() if algorithm != "sha256"] == [
        "en-10k/qa3_three-supporting-facts_train.txt"
    ]
    whole = {"en", "en-10k", "en-valid", "shuffled"}
    assert {name for name in known - digests.keys() if name.partition("/")[0] in whole} == set()
    # the 1k and 10k test files are the same
    assert all(
        digests[name] == digests[name.replace("en/", "en-10k/")]
        for name in digests
        if name.endswith("test.txt") and name.startswith("en/")
    )


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([tar_bytes(), tar_bytes(mode="w")]),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=20),
    st.integers(0, 10_000),
)
def test_fuzzed_archives(content: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    mutated = bytearray(content)
    for position, value in changes:
        mutated[position % len(mutated)] = value
    with TemporaryDirectory() as name:
        folder = Path(name)
        archive = folder / "a.tar"
        archive.write_bytes(mutated[: max(cut, len(mutated) // 2)])
        try:
            files = unpack(archive, folder / "new")
        except SourceError:
            pass
        else:
            assert set(files) <= {member.partition("/")[2] for member in SMALL} | set(DOCUMENTS)
        assert {path.name for path in folder.iterdir()} <= {"a.tar", "new"}
