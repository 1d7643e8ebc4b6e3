"""One file from one mirror over HTTP, going on where an earlier attempt or process stopped."""

import socket
import sys
import time
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO, NamedTuple, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from tqdm import tqdm

from dmn_cli import __version__
from dmn_cli.text import safe

WAITS = (1.0, 2.0, 4.0)  # seconds before each retry
TIMEOUT = 30.0  # seconds without a byte
MAX_ARCHIVE = 200_000_000  # bytes; the largest known archive has 19 MB
CHUNK = 1 << 16


class Mirror(NamedTuple):
    """Where an archive can be fetched; its size in bytes and its sha-256, where published."""

    url: str
    size: int | None = None
    sha256: str | None = None


class SourceError(Exception):
    """A source cannot give the data: a dead mirror; a wrong, damaged or malicious archive."""


class _TransferError(Exception):
    """A transfer failed in a way that may pass."""


def fetch(mirror: Mirror, part: Path, quiet: bool = False) -> None:
    """Download the mirror's file into ``part``, after what is in there already.

    Only retries that bring nothing new are counted: a server that cuts every transfer is read to the end, bit by bit.

    Args:
        mirror: where from.
        part: where to; beside it, ``<part>.tag`` keeps the server's name for this version of the file.
        quiet: no progress bar and no notes on stderr.

    Raises:
        SourceError: the mirror has no such file, or does not deliver it.
    """
    best, tries = size_of(part), 0
    while True:
        try:
            return _transfer(mirror, part, quiet)
        except _TransferError as error:
            if size_of(part) > best:
                best, tries = size_of(part), 0
            if tries == len(WAITS):
                raise SourceError(f"{error} ({tries} retries)") from error
            say(f"  {error}; again in {WAITS[tries]:g} s", quiet)
            time.sleep(WAITS[tries])
            tries += 1


def _transfer(mirror: Mirror, part: Path, quiet: bool) -> None:
    start, tag = size_of(part), part.with_name(part.name + ".tag")
    if start and start == mirror.size:
        return  # an earlier process was stopped after the last byte
    with _request(mirror.url, start, tag.read_text() if start and tag.exists() else "") as response:
        total = _total(response) or mirror.size
        if response.status == 416 and start == total:
            return
        if response.status == 416 or (response.status == 206 and _first(response) != start):
            part.unlink(missing_ok=True)
            raise _TransferError("the part that is here does not fit the server's file")
        if total and mirror.size not in (None, total):
            raise SourceError(f"{total:,} bytes, not the {mirror.size:,} of the published archive")
        start = start if response.status == 206 else 0
        with (
            part.open("ab" if start else "wb") as file,
            tqdm(total=total, initial=start, unit="B", unit_scale=True, leave=False, disable=quiet or None) as bar,
        ):
            if not start:
                tag.write_text(_version(response))
            while data := _read(response):
                start += file.write(data)
                file.flush()  # so that a killed process has kept what it got
                bar.update(len(data))
                if start > MAX_ARCHIVE:
                    raise SourceError(f"does not end after {megabytes(MAX_ARCHIVE)}")
    if total and start < total:
        raise _TransferError(f"cut off at {megabytes(start)} of {megabytes(total)}")


def _request(url: str, start: int, version: str) -> HTTPResponse:
    headers = {"User-Agent": f"dmn-cli/{__version__}"}
    if start:
        headers["Range"] = f"bytes={start}-"
    if start and version:
        headers["If-Range"] = version  # a file that has changed since comes whole
    try:
        return cast(HTTPResponse, build_opener(_Redirects).open(Request(url, headers=headers), timeout=TIMEOUT))
    except HTTPError as error:
        if error.code == 416:  # range not satisfiable
            return cast(HTTPResponse, error)
        error.close()
        reason = " ".join(f"HTTP {error.code} {error.reason}".split())  # of endless redirects: two lines
        if error.code in (408, 425, 429) or error.code >= 500:
            raise _TransferError(reason) from error
        raise SourceError(reason) from error
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(error, URLError) and isinstance(error.reason, socket.gaierror):
            raise SourceError("no such host, or no network") from error
        raise _TransferError(_why(error)) from error


class _Redirects(HTTPRedirectHandler):
    """Follows redirects to where a mirror may be, and not, as urllib does, to ftp too."""

    def redirect_request(  # as there
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        if urlsplit(newurl).scheme not in ("http", "https"):
            fp.close()
            raise SourceError(f"redirects to {newurl!r}, which is not an http:// or https:// address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _read(response: HTTPResponse) -> bytes:
    try:
        return response.read1(CHUNK)
    except (OSError, HTTPException, ValueError) as error:
        raise _TransferError(_why(error)) from error


def _why(error: Exception) -> str:
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, TimeoutError):
        return f"nothing came for {TIMEOUT:g} s"
    text = (isinstance(cause, OSError) and cause.strerror) or str(cause) or type(cause).__name__
    return text[:1].lower() + text[1:]


def _total(response: HTTPResponse) -> int | None:
    """The size of the server's file, where it says so: the length of a 200, or ``Content-Range: bytes 5-9/10``."""
    text = response.headers.get("Content-Length") if response.status == 200 else None
    if response.status in (206, 416):
        text = response.headers.get("Content-Range", "").rpartition("/")[2]
    return _number(text or "")


def _first(response: HTTPResponse) -> int | None:
    text = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return _number(text)


def _number(text: str) -> int | None:
    """A number of bytes; None for anything else, also for more digits than a file can have bytes."""
    return int(text) if text.isdecimal() and len(text) <= 18 else None


def _version(response: HTTPResponse) -> str:
    """What names this version of the file in If-Range, where weak tags are not allowed (RFC 9110, 13.1.5)."""
    tag = str(response.headers.get("ETag", ""))
    return tag if tag.startswith('"') else str(response.headers.get("Last-Modified", ""))


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def say(text: str, quiet: bool) -> None:
    if not quiet:
        print(safe(text), file=sys.stderr, flush=True)
