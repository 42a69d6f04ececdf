"""A web server on this machine that can be told to misbehave."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """One file, and what goes wrong with it."""

    content: bytes = b""
    #: empty: the server does not say
    etag: str = '"1"'
    date: str = ""
    ranges: bool = True
    #: whether a Range is answered although the file is another one now
    ignores_if_range: bool = False
    #: whether it says how long the file is
    length: bool = True
    #: whether it sends the file in pieces, of which only the last says that it is the last
    chunked: bool = False
    #: bytes after which the connection breaks, for one request each; the requests after them get everything
    cuts: list[int] = field(default_factory=list)
    #: answers other than 200, for one request each
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    redirect: str = ""


class Server:
    """Pages by path, and what was asked for."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.pages: dict[str, Page] = {}
        #: (path, Range, If-Range) of each request
        self.requests: list[tuple[str, str | None, str | None]] = []
        self.sent = 0

    def url(self, path: str) -> str:
        return f"{self.address}/{path}"


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """Run a server while the block runs."""
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    httpd.daemon_threads = True
    server = Server(httpd.server_address[1])
    httpd.hetmusic = server  # type: ignore[attr-defined]
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server: Server = self.server.hetmusic  # type: ignore[attr-defined]
        server.requests.append((self.path[1:], self.headers.get("Range"), self.headers.get("If-Range")))
        page = server.pages.get(self.path[1:])
        if page is None:
            self._answer(404, {})
        elif page.redirect:
            self._answer(302, {"Location": page.redirect})
        elif page.statuses:
            self._answer(page.statuses.pop(0), page.headers)
        else:
            self._send(server, page)
        self.close_connection = True

    def _send(self, server: Server, page: Page) -> None:
        start, status = 0, 200
        headers = {"ETag": page.etag, "Last-Modified": page.date, **page.headers}
        wanted, version = self.headers.get("Range"), self.headers.get("If-Range")
        fits = page.ignores_if_range or version in (None, page.etag, page.date)
        if wanted and page.ranges and fits:
            start, status = int(wanted.removeprefix("bytes=").removesuffix("-")), 206
            if start >= len(page.content):
                self._answer(416, {"Content-Range": f"bytes */{len(page.content)}"})
                return
            headers["Content-Range"] = f"bytes {start}-{len(page.content) - 1}/{len(page.content)}"
        if page.chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif page.length:
            headers["Content-Length"] = str(len(page.content) - start)
        self._answer(status, headers)
        body = page.content[start:]
        if page.chunked:
            pieces = [body[at : at + 700] for at in range(0, len(body), 700)]
            body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in [*pieces, b""])
        body = body[: page.cuts.pop(0)] if page.cuts else body
        server.sent += len(body)
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay silent."""
