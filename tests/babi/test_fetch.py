"""One file over HTTP: broken off, resumed, retried, given up."""

import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from dmn_cli.babi import fetch as module
from dmn_cli.babi.fetch import Mirror, SourceError, fetch
from tests.babi.server import Server, serve

pytestmark = pytest.mark.network

CONTENT = bytes(range(256)) * 2000
HALF = len(CONTENT) // 2


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(module, "WAITS", (0.0, 0.0))
    monkeypatch.setattr(module, "TIMEOUT", 5.0)
    with serve(CONTENT) as server:
        yield server


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "babi.part"


def ranges(server: Server) -> list[str | None]:
    return [request.get("Range") for request in server.requests]


def test_a_whole_file(server: Server, part: Path) -> None:
    fetch(Mirror(server.url, len(CONTENT)), part)
    assert part.read_bytes() == CONTENT
    assert ranges(server) == [None]
    assert server.requests[0]["User-Agent"].startswith("dmn-cli/")


@pytest.mark.parametrize("act", ["cut", "stall"])
def test_a_broken_download_goes_on_where_it_stopped(
    server: Server, part: Path, act: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.2)
    server.acts = [act]
    fetch(Mirror(server.url), part)
    assert part.read_bytes() == CONTENT
    assert ranges(server) == [None, f"bytes={HALF}-"]
    assert server.requests[1]["If-Range"] == '"one"'
    reason = "cut off at 0.3 MB of 0.5 MB" if act == "cut" else "nothing came for 0.2 s"
    assert f"{reason}; again in 0 s" in capsys.readouterr().err


def test_a_later_process_goes_on(server: Server, part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITS", ())
    server.acts = ["cut"]
    with pytest.raises(SourceError):
        fetch(Mirror(server.url), part)
    assert part.stat().st_size == HALF
    fetch(Mirror(server.url), part)
    assert part.read_bytes() == CONTENT
    assert ranges(server) == [None, f"bytes={HALF}-"]


def test_retries_that_bring_something_are_not_counted(server: Server, part: Path) -> None:
    server.acts = ["cut"] * 12
    fetch(Mirror(server.url), part)
    assert part.read_bytes() == CONTENT
    assert len(server.requests) == 13


def test_a_server_without_ranges_is_asked_again_from_the_start(server: Server, part: Path) -> None:
    server.ranges, server.acts = False, ["cut"]
    fetch(Mirror(server.url), part)
    assert part.read_bytes() == CONTENT


def test_a_server_without_ranges_that_always_cuts_is_given_up(server: Server, part: Path) -> None:
    server.ranges, server.acts = False, ["cut"] * 99
    with pytest.raises(SourceError, match=r"cut off at 0\.3 MB of 0\.5 MB \(2 retries\)"):
        fetch(Mirror(server.url), part)
    assert len(server.requests) == 1 + 2  # the same half again is nothing new


def test_a_file_that_has_changed_comes_whole(server: Server, part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITS", ())
    server.acts = ["cut"]
    with pytest.raises(SourceError):
        fetch(Mirror(server.url), part)
    server.content, server.headers = CONTENT[::-1], {"ETag": '"two"'}
    fetch(Mirror(server.url), part)
    assert part.read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"ETag": 'W/"weak"', "Last-Modified": "Fri, 01 Jan 2016 00:00:00 GMT"}, "Fri, 01 Jan 2016 00:00:00 GMT"),
        ({"ETag": 'W/"weak"'}, None),
        ({}, None),
    ],
)
def test_only_what_is_allowed_stands_in_if_range(
    server: Server, part: Path, headers: dict[str, str], expected: str | None
) -> None:
    server.headers, server.acts = headers, ["cut"]
    fetch(Mirror(server.url), part)
    assert part.read_bytes() == CONTENT
    assert server.requests[1].get("If-Range") == expected
    assert ranges(server)[1] == f"bytes={HALF}-"


def test_another_range_than_asked_for_is_not_appended(server: Server, part: Path) -> None:
    server.acts = ["cut", "shift"]
    fetch(Mirror(server.url), part)
    assert part.read_bytes() == CONTENT
    assert ranges(server) == [None, f"bytes={HALF}-", None]


def test_a_part_that_is_whole(server: Server, part: Path) -> None:
    part.write_bytes(CONTENT)
    fetch(Mirror(server.url, len(CONTENT)), part)
    assert server.requests == []
    fetch(Mirror(server.url), part)  # of unknown size: the server says that nothing follows
    assert ranges(server) == [f"bytes={len(CONTENT)}-"]
    assert part.read_bytes() == CONTENT


def test_a_part_that_is_too_long(server: Server, part: Path) -> None:
    part.write_bytes(CONTENT + b"more")
    fetch(Mirror(server.url, len(CONTENT)), part)
    assert part.read_bytes() == CONTENT


def test_what_is_gone_is_not_asked_for_again(server: Server, part: Path) -> None:
    server.acts = [404]
    with pytest.raises(SourceError, match=r"^HTTP 404 Not Found$"):
        fetch(Mirror(server.url), part)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_again(server: Server, part: Path, status: int) -> None:
    server.acts = [status, status]
    fetch(Mirror(server.url), part)
    assert part.read_bytes() == CONTENT
    part.unlink()
    server.acts = [status] * 3
    with pytest.raises(SourceError, match=rf"^HTTP {status} .*\(2 retries\)$"):
        fetch(Mirror(server.url), part)


def test_a_dropped_connection_is_tried_again(server: Server, part: Path) -> None:
    server.acts = ["drop"]
    fetch(Mirror(server.url), part)
    assert part.read_bytes() == CONTENT


def test_the_waits_grow(server: Server, part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(module, "WAITS", (1.0, 2.0, 4.0))
    monkeypatch.setattr(module.time, "sleep", waits.append)
    server.acts = [503] * 4
    with pytest.raises(SourceError):
        fetch(Mirror(server.url), part)
    assert waits == [1.0, 2.0, 4.0]


def test_nobody_listens(part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITS", (0.0,))
    with socket.socket() as bound:  # a port of ours that does not listen
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(SourceError, match=r"^connection refused \(1 retries\)$"):
            fetch(Mirror(f"http://127.0.0.1:{bound.getsockname()[1]}/"), part)


def test_no_network(part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_names(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_names)
    with pytest.raises(SourceError, match=r"^no such host, or no network$"):
        fetch(Mirror("http://babi.invalid/"), part)


def test_an_archive_of_another_size_is_not_read(server: Server, part: Path) -> None:
    with pytest.raises(SourceError, match="512,000 bytes, not the 512,001 of the published archive"):
        fetch(Mirror(server.url, len(CONTENT) + 1), part)
    assert not part.exists()


def test_a_file_without_end_is_given_up(server: Server, part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ARCHIVE", 100_000)
    with pytest.raises(SourceError, match=r"does not end after 0\.1 MB"):
        fetch(Mirror(server.url), part)


def test_an_absurd_length_is_none(server: Server, part: Path) -> None:
    server.headers = {"Content-Length": "9" * 5000}  # more digits than Python reads as a number
    fetch(Mirror(server.url), part)
    assert part.read_bytes() == CONTENT


def test_an_absurd_range_is_none() -> None:
    response = SimpleNamespace(status=206, headers={"Content-Range": f"bytes {'9' * 5000}-1/{'9' * 5000}"})
    assert (module._first(response), module._total(response)) == (None, None)


def test_redirects(server: Server, part: Path) -> None:
    server.acts = [server.url]
    fetch(Mirror(server.url), part)
    assert part.read_bytes() == CONTENT
    part.unlink()
    server.acts = [server.url] * 99
    with pytest.raises(SourceError, match=r"^HTTP 302 .*infinite loop.*Found$") as caught:  # `.` is no line break
        fetch(Mirror(server.url), part)
    assert len(str(caught.value).splitlines()) == 1


def test_a_redirect_elsewhere_than_to_http_is_refused(server: Server, part: Path) -> None:
    server.acts = ["ftp://127.0.0.1/babi.tar.gz"]
    with pytest.raises(SourceError, match=r"^redirects to 'ftp://.*', which is not an http:// or https:// address$"):
        fetch(Mirror(server.url), part)
    assert len(server.requests) == 1


def test_quiet_and_piped(server: Server, part: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server.acts = [503]
    fetch(Mirror(server.url), part, quiet=True)
    assert capsys.readouterr() == ("", "")
    part.unlink()
    server.acts = [503]
    fetch(Mirror(server.url), part)
    assert capsys.readouterr() == ("", "  HTTP 503 Service Unavailable; again in 0 s\n")  # no bar into a pipe
