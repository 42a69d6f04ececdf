"""Requests over http and https alone, whatever a server redirects to, and their failures as one line."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import IO, Any, cast
from urllib.parse import urlsplit

from hetmusic._version import __version__
from hetmusic.errors import DownloadError

#: answers after which the same request may succeed later
_LATER = {408, 425, 429, 500, 502, 503, 504}
_WORDS = {
    401: "asks for a password",
    403: "refuses to give the file",
    404: "has no such file",
    410: "has no such file any more",
}
_LONGEST_WAIT = 60.0


class RetryError(Exception):
    """A failure that may be over soon."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        #: seconds to wait, if the server said so
        self.wait = wait


class RangeRefusedError(Exception):
    """The server has no such part of the file."""

    def __init__(self, total: int | None) -> None:
        super().__init__(total)
        #: bytes of the file, if the server said so
        self.total = total


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http and https, but never from https to http."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        scheme = urlsplit(newurl).scheme
        if scheme not in ("http", "https") or (req.type == "https" and scheme == "http"):
            fp.close()
            raise DownloadError(f"{req.full_url} redirects to {newurl}, where hetmusic does not go")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def open_url(url: str, headers: Mapping[str, str], timeout: float) -> http.client.HTTPResponse:
    """Ask for a file.

    :param timeout: seconds without an answer or without a further byte.
    :raises RetryError: if it may succeed later.
    :raises RangeRefusedError: for answer 416.
    :raises DownloadError: if it cannot succeed.
    """
    request = urllib.request.Request(
        url, headers={"User-Agent": f"hetmusic/{__version__}", "Accept-Encoding": "identity", **headers}
    )
    try:
        return cast(http.client.HTTPResponse, _opener().open(request, timeout=timeout))
    except urllib.error.HTTPError as error:
        with error:
            _explain(url, error)
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise DownloadError(
                f"{url}: the server's certificate is not valid ({error.reason.verify_message})"
            ) from None
        raise RetryError(reason_of(error.reason)) from None
    except (OSError, http.client.HTTPException) as error:
        raise RetryError(reason_of(error)) from None
    raise AssertionError("unreachable")


def reason_of(error: object) -> str:
    """What went wrong, in a few words."""
    if isinstance(error, TimeoutError):
        return "the server does not answer"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _explain(url: str, error: urllib.error.HTTPError) -> None:
    if error.code == 416:
        total = error.headers.get("Content-Range", "").rpartition("/")[2]
        raise RangeRefusedError(int(total) if total.isdecimal() else None) from None
    if error.code in _LATER:
        wait = error.headers.get("Retry-After", "")
        seconds = min(float(wait), _LONGEST_WAIT) if wait.isdecimal() else None
        raise RetryError(f"the server answers {error.code} ({error.reason})", seconds) from None
    if 300 <= error.code < 400:
        raise DownloadError(f"{url} redirects again and again, or to nowhere") from None
    what = _WORDS.get(error.code, "does not give the file")
    raise DownloadError(f"{url}: the server {what} ({error.code})") from None


def _opener() -> urllib.request.OpenerDirector:
    """Like urllib's own, without its handlers for local files, ftp and data."""
    opener = urllib.request.OpenerDirector()
    handlers: list[Any] = [
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ]
    for handler in handlers:
        opener.add_handler(handler)
    return opener
