"""One file over http: resumed where it was interrupted, checked, and under its name only when it is complete."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hetmusic._io import explaining_failed_write, read_json, write_json
from hetmusic.dumps.http import RangeRefusedError, RetryError, open_url, reason_of
from hetmusic.errors import DownloadError, UserError
from kg_schema.dump_downloads import Download

_CHUNK = 1 << 18
#: bytes of a file of which nobody has said how large it is
_LARGEST = 1 << 37
_MOST_ATTEMPTS = 100

#: called with the bytes that are there and, if it is known, the bytes of the file
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Patience:
    """How often and how long to try."""

    #: attempts in a row that bring nothing
    attempts: int = 5
    #: seconds before the second attempt; doubled from attempt to attempt
    wait: float = 1.0
    #: seconds without an answer or a further byte
    timeout: float = 30.0
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class _State:
    """What is known of the file whose beginning has arrived."""

    url: str
    #: what the server calls this version of the file: a strong ETag or a date; empty if it does not say
    version: str


def download(load: Download, target: Path, progress: Progress, patience: Patience) -> None:
    """Download a file, going on with what an interrupted attempt has left in ``<name>.part``.

    :raises DownloadError: if it cannot be had, or is not what the specification says; only an interrupted transfer
        leaves something behind.
    """
    part = _Part(target)
    failures = 0
    for _ in range(_MOST_ATTEMPTS):
        before = part.size
        try:
            resumed = _attempt(load, part, progress, patience)
        except RetryError as error:
            failures = failures + 1 if part.size <= before else 1
            if failures >= patience.attempts:
                kept = (
                    f"; {part.path.name} keeps what has arrived, run the command again" if part.size else ""
                )
                raise DownloadError(f"{load.url}: {error}, {failures} times{kept}") from None
            patience.sleep(error.wait if error.wait is not None else patience.wait * 2 ** (failures - 1))
            continue
        wrong = mismatch(load, part.path)
        if wrong is None:
            part.finish()
            return
        part.remove()
        if not resumed:
            raise DownloadError(f"{load.url}: {wrong}, so it was not kept")
    raise DownloadError(f"{load.url}: the connection broke {_MOST_ATTEMPTS} times")


def mismatch(load: Download, path: Path) -> str | None:
    """What differs between a file and what the specification says of it, or None."""
    size = path.stat().st_size
    if load.size is not None and size != load.size:
        return f"it has {size:,} bytes instead of {load.size:,}"
    for name, wanted in (("sha256", load.sha256), ("md5", load.md5)):
        if wanted is not None and (found := _digest(path, name)) != wanted:
            return f"its {name} is {found} instead of {wanted}"
    return None


class _Part:
    """The beginning of a file, and which version of it."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.part")
        self._state = target.with_name(f"{target.name}.part.json")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def state(self) -> _State | None:
        try:
            found = read_json(self._state)
            return _State(str(found["url"]), str(found["version"]))
        except (UserError, KeyError, TypeError):
            return None

    def note(self, state: _State) -> None:
        write_json(self._state, {"url": state.url, "version": state.version})

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self._state.unlink(missing_ok=True)

    def finish(self) -> None:
        with explaining_failed_write(self.target):
            with open(self.path, "rb") as stream:
                os.fsync(stream.fileno())
            self.path.replace(self.target)
            self._state.unlink(missing_ok=True)


def _attempt(load: Download, part: _Part, progress: Progress, patience: Patience) -> bool:
    """Get the rest of the file; whether something was there before."""
    start, headers = _start(load, part)
    try:
        response = open_url(load.url or "", headers, patience.timeout)
    except RangeRefusedError as refused:
        if refused.total == start:
            return True  # everything had arrived before
        part.remove()
        raise RetryError("the server does not go on where the transfer ended") from None
    with response:
        start = _resumed_at(response, start, part)
        total = _total(load, response, start, part)
        part.note(_State(load.url or "", _version(response)))
        _receive(load, response, part, start, total, progress)
    return start > 0


def _start(load: Download, part: _Part) -> tuple[int, dict[str, str]]:
    """Where to go on, and the headers that ask for it; a file that may have changed starts again."""
    state, size = part.state(), part.size
    checked = load.sha256 or load.md5
    if not size or state is None or state.url != load.url or not (state.version or checked):
        part.remove()
        return 0, {}
    headers = {"Range": f"bytes={size}-"}
    return size, {**headers, "If-Range": state.version} if state.version else headers


def _resumed_at(response: http.client.HTTPResponse, start: int, part: _Part) -> int:
    if response.status != 206:
        return 0
    first = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if first is None or int(first[1]) != start:
        part.remove()
        raise RetryError("the server sends another part of the file than was asked for")
    return start


def _version(response: http.client.HTTPResponse) -> str:
    tag = response.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")


def _total(load: Download, response: http.client.HTTPResponse, start: int, part: _Part) -> int | None:
    """Bytes of the whole file, if the server says so, checked before they are received."""
    headers, where = response.headers, f"{load.url}: the server"
    if headers.get("Content-Encoding", "identity") != "identity":
        raise DownloadError(f"{where} sends the file in another form ({headers['Content-Encoding']})")
    if headers.get_content_type() == "text/html" and not load.file.lower().endswith((".html", ".htm")):
        raise DownloadError(f"{where} sends a web page instead of {load.file}; the file may have moved")
    length = headers.get("Content-Length", "")
    if not length.isdecimal():
        return None
    total = start + int(length)
    if load.size is not None and total != load.size:
        part.remove()
        raise DownloadError(f"{where} has {total:,} bytes instead of {load.size:,}: it is another file")
    _check_room(load, total, total - start, part.target.parent)
    return total


def _check_room(load: Download, total: int, needed: int, folder: Path) -> None:
    if total > (load.size or _LARGEST):
        raise DownloadError(f"{load.url}: {total:,} bytes are more than any data set has")
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DownloadError(
            f"{load.url}: {needed:,} bytes are to come, but {folder} has room for {free:,} only"
        )


def _receive(
    load: Download,
    response: http.client.HTTPResponse,
    part: _Part,
    start: int,
    total: int | None,
    progress: Progress,
) -> None:
    done, limit = start, total or load.size or _LARGEST
    with explaining_failed_write(part.path), open(part.path, "ab" if start else "wb") as stream:
        for chunk in _chunks(response):
            done += len(chunk)
            if done > limit:
                break
            stream.write(chunk)
            progress(done, total or load.size)
    if done > limit:
        part.remove()
        raise DownloadError(f"{load.url}: the server sends more than {limit:,} bytes")
    if total is not None and done < total:
        raise RetryError(f"the connection broke after {done:,} of {total:,} bytes")


def _chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    try:
        while chunk := response.read(_CHUNK):
            yield chunk
    except http.client.IncompleteRead as error:
        yield error.partial
        raise RetryError("the connection broke") from None
    except (OSError, http.client.HTTPException) as error:
        raise RetryError(reason_of(error)) from None


def _digest(path: Path, name: str) -> str:
    digest = hashlib.new(name, usedforsecurity=False)
    with open(path, "rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
