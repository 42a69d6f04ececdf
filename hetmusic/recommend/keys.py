"""From original ids to indices, and lists of ids as people type them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import UnknownKeyError, did_you_mean

#: beyond this many keys a "did you mean" would take seconds
_MAX_KEYS_FOR_HINT = 20_000


def indices_of(
    keys: Iterable[str | int], index: Mapping[str, int], what: str, where: object
) -> NDArray[np.int64]:
    """Indices of keys.

    :param index: every known key -> its index.
    :param what: what the keys are of, in the singular.
    :param where: whose they are, for the message.
    :raises UnknownKeyError: naming the first key that is unknown, and how many are.
    """
    texts = [str(key) for key in keys]
    unknown = [key for key in texts if key not in index]
    if unknown:
        many = f"{len(unknown):,} of {len(texts):,} {what}s are unknown; first: " if len(texts) > 1 else ""
        hint = did_you_mean(unknown[0], islice(index, _MAX_KEYS_FOR_HINT))
        known = f"is not among the {len(index):,} {what}s of {where}"
        raise UnknownKeyError(f"{many}{what} {unknown[0]!r} {known}{hint}")
    return np.array([index[key] for key in texts], dtype=np.int64)


def split_keys(texts: Iterable[str], known: Mapping[str, int]) -> list[str]:
    """Keys of texts that may each hold several, separated by commas; a key with a comma of its own is one key."""
    found: dict[str, None] = {}
    for text in texts:
        parts = [text] if text in known else [part.strip() for part in text.split(",")]
        found |= dict.fromkeys(part for part in parts if part)
    return list(found)
