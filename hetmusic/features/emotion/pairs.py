"""Options that are lists of pairs, such as ``lyrics=1,sound=2``."""

from __future__ import annotations

from hetmusic.errors import FeatureError


def parse_pairs(text: str, what: str, form: str) -> dict[str, str]:
    """Read ``name=value,name=value``.

    :param what: what the text is, for the message.
    :param form: what a part should look like, for the message.
    :raises FeatureError: for a part that is not of that form.
    """
    found = {}
    for part in text.split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not (name and equals and value):
            raise FeatureError(f"{what} {text!r}: {part.strip()!r} is not of the form {form}")
        found[name] = value
    return found
