"""A server that speaks as much of Hugging Face's protocol as downloading a model takes."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

#: a port that nobody listens on
NOWHERE = "http://127.0.0.1:9"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """One repository, ``me/tiny``, with the files of a folder, at one commit that is also ``main`` and ``v1``."""

    def __init__(self, folder: Path) -> None:
        self.files = {
            path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
        }
        #: paths that were asked for
        self.asked: list[str] = []

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for a path."""
        self.asked.append(path)
        if not path.startswith(("/me/tiny/", "/api/models/me/tiny")):
            return 404, {"X-Error-Code": "RepoNotFound"}, b"{}"
        if path.startswith("/api/"):
            revision = path.partition("/revision/")[2].partition("?")[0] or "main"
            if revision not in {"main", "v1", COMMIT}:
                return 404, {"X-Error-Code": "RevisionNotFound"}, b"{}"
            if "/tree/" in path:
                listing = [
                    {"type": "file", "path": name, "size": file.stat().st_size, "oid": _etag(file)}
                    for name, file in self.files.items()
                ]
                return 200, {"Content-Type": "application/json"}, json.dumps(listing).encode()
            names = [{"rfilename": name} for name in self.files]
            body = json.dumps({"id": "me/tiny", "sha": COMMIT, "siblings": names}).encode()
            return 200, {"Content-Type": "application/json"}, body
        name = path.partition(f"/resolve/{COMMIT}/")[2]
        if name not in self.files:
            return 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}, b""
        content = self.files[name].read_bytes()
        return (
            200,
            {"ETag": f'"{_etag(self.files[name])}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"},
            content,
        )


def _etag(file: Path) -> str:
    return hashlib.sha1(file.read_bytes()).hexdigest()


def move_hub(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Let Hugging Face's library look for it elsewhere."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
    )


@contextmanager
def serving(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The server on a port of this machine, where Hugging Face's library finds it; nobody answers afterwards."""
    hub = Hub(folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body = hub.answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        move_hub(monkeypatch, f"http://127.0.0.1:{server.server_port}")
        yield hub
    finally:
        move_hub(monkeypatch, NOWHERE)
        server.shutdown()
        server.server_close()
        thread.join()
