"""What the tests of downloads share: small archives, and a file server on loopback that misbehaves on demand."""

import gzip
import io
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TRAIN = "tasks_1-20_v1-2/en/qa1_single-supporting-fact_train.txt"
TEST = "tasks_1-20_v1-2/en/qa1_single-supporting-fact_test.txt"
STORY = b"1 Mary went to the hall.\n2 Where is Mary?\thall\t1\n"
SMALL = {TRAIN: STORY, TEST: STORY * 2, "tasks_1-20_v1-2/LICENSE.txt": b"CC BY 3.0\n"}


def tar_bytes(members: Mapping[str, bytes | tarfile.TarInfo] = SMALL, mode: str = "w:gz") -> bytes:
    """A tar archive: a member is the content of a plain file, or its whole header."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w" if mode == "w:gz" else mode) as tar:  # type: ignore[call-overload]
        for name, content in members.items():
            if isinstance(content, bytes):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                tar.addfile(content)
    plain = buffer.getvalue()
    return gzip.compress(plain, mtime=0) if mode == "w:gz" else plain  # the same bytes at any time: they name tests


def tar_file(path: Path, members: Mapping[str, bytes | tarfile.TarInfo] = SMALL, mode: str = "w:gz") -> Path:
    path.write_bytes(tar_bytes(members, mode))
    return path


class Server(ThreadingHTTPServer):
    """Serves one file at every path.

    Attributes:
        content: the file.
        acts: what happens to the next requests, in order; afterwards all is well. An HTTP status as a number, or
            "cut" (half of what was asked for), "drop" (no answer), "corrupt" (one byte changed), "stall" (half, then
            nothing until the test ends), "shift" (a range that was not asked for), or a URL (a redirect to it).
        ranges: whether Range is understood.
        headers: what is sent along with the file.
        requests: the headers of each request so far.
    """

    daemon_threads = True

    def __init__(self, content: bytes):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = content
        self.acts: list[str | int] = []
        self.ranges = True
        self.headers = {"ETag": '"one"'}
        self.requests: list[dict[str, str]] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/babi.tar.gz"


@contextmanager
def serve(content: bytes) -> Iterator[Server]:
    server = Server(content)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        server = self.server
        act = server.acts.pop(0) if server.acts else "send"
        server.requests.append(dict(self.headers))
        if act == "drop":
            return
        if isinstance(act, str) and ":" in act:
            self.send_response(302)
            self.send_header("Location", act)
            self.end_headers()
            return
        if isinstance(act, int):
            self.send_error(act)
            return
        body = self._head(act)
        if act == "corrupt":
            middle = len(body) // 2
            body = body[:middle] + bytes([body[middle] ^ 255]) + body[middle + 1 :]
        if act in ("cut", "stall"):
            body = body[: (len(body) + 1) // 2]
        self.wfile.write(body)
        if act == "stall":
            self.wfile.flush()
            server.over.wait()

    def _head(self, act: str) -> bytes:
        """Send status and headers; return the bytes that should follow."""
        server, size = self.server, len(self.server.content)
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        unchanged = self.headers.get("If-Range") in (None, *server.headers.values())
        if act == "shift":
            start -= 1
        if server.ranges and unchanged and start >= size:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{size}")
            self.end_headers()
            return b""
        if server.ranges and unchanged and "Range" in self.headers:
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        else:
            start = 0
            self.send_response(200)
        for name, value in {"Content-Length": str(size - start), **server.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        return server.content[start:]
