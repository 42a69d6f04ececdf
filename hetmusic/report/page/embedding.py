"""Text and pictures inside an HTML file, so that no name can leave its place and nothing is loaded."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

#: overrides, embeddings, isolates and marks of the direction of writing
_DIRECTIONS = (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)
#: control characters of a terminal, without tab and line feed
_CONTROLS = (*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0))
_SHOWN = dict.fromkeys((*_DIRECTIONS, *_CONTROLS), "\N{REPLACEMENT CHARACTER}")
#: what could end a script element, or old parsers of JavaScript take for the end of a line
_IN_SCRIPTS = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def script_json(value: Any) -> str:
    """A value as JSON that is safe inside ``<script type="application/json">``: no ``<``, ``>``, ``&`` in it.

    Characters that turn the direction of writing are replaced as in :func:`visible`.

    :raises ValueError: for a number that is not finite.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _encodable(text.translate(_SHOWN | _IN_SCRIPTS))


def visible(text: str) -> str:
    """Text of a user's data for a page: what turns the direction of what follows, or steers anything, is shown as such.

    Letters of right-to-left scripts stay as they are; only overrides, isolates, marks and control characters go.
    """
    return _encodable(text.translate(_SHOWN))


def _encodable(text: str) -> str:
    """Half a surrogate pair, which some dumps have, cannot be written as UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def data_address(content: bytes, media_type: str) -> str:
    """A ``data:`` address of a picture."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"


def digest(text: str) -> str:
    """What a content security policy names an inline script or style sheet by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
