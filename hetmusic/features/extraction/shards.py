"""Results in a file: vectors and failures, each with the digest of the content that they come from."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hetmusic._io import replacing_file
from hetmusic.features.extraction.items import Digests

#: what ``row`` holds for content that has no vector
FAILED = -1
#: reason given for a vector that does not fit into the numbers that are stored
TOO_LARGE = "numbers too large to be stored"


class DamagedShard(Exception):
    """A shard that cannot be read: it is made again."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path


@dataclass(frozen=True)
class ShardIndex:
    """Which content a shard has results of."""

    #: shape ``(entries,)``
    digests: Digests
    #: row of each entry's vector, or :data:`FAILED`, int32, shape ``(entries,)``
    row: NDArray[np.int32]
    #: why an entry has no vector, empty for those that have one
    reasons: tuple[str, ...]
    #: length of a vector; 0 where the shard has none
    dim: int


def write_shard(
    path: Path, digests: Sequence[bytes], outcomes: Sequence[NDArray[Any] | str], dtype: str
) -> None:
    """Write results: a vector, or the reason why there is none, for each digest.

    :param dtype: ``float32`` or ``float16``.
    :raises UserError: if it cannot be written.
    """
    vectors = [outcome for outcome in outcomes if not isinstance(outcome, str)]
    values = np.asarray(vectors, dtype) if vectors else np.zeros((0, 0), dtype)
    failed = np.array([isinstance(outcome, str) for outcome in outcomes], np.bool_)
    row = np.where(failed, FAILED, np.cumsum(~failed) - 1).astype(np.int32)
    reasons = [outcome if isinstance(outcome, str) else "" for outcome in outcomes]
    words, code = np.unique(np.array(reasons, dtype=object).astype(str), return_inverse=True)
    with replacing_file(path) as temporary, open(temporary, "wb") as stream:
        np.savez(
            stream,
            digests=np.array(digests, "S32"),
            row=row,
            reason=code.astype(np.int32),
            words=np.frombuffer(json.dumps(words.tolist()).encode(), np.uint8),
            dim=np.int64(values.shape[1]),
            values=values,
        )


def read_index(path: Path) -> ShardIndex:
    """Read everything but the vectors.

    :raises DamagedShard: if it is damaged.
    """
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as shard:
            digests, row, reason, dim = (shard[name] for name in ("digests", "row", "reason", "dim"))
            words = json.loads(shard["words"].tobytes())
    except _DAMAGE:
        raise DamagedShard(path) from None
    if not len(digests) == len(row) == len(reason) or digests.dtype != "S32":
        raise DamagedShard(path)
    return ShardIndex(digests, row, tuple(words[code] for code in reason), int(dim))


def read_values(path: Path) -> NDArray[Any]:
    """Read the vectors, shape ``(rows, dim)``; a checksum tells whether they are what was written.

    :raises DamagedShard: if they are not.
    """
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as shard:
            values: NDArray[Any] = shard["values"]
    except _DAMAGE:
        raise DamagedShard(path) from None
    return values


_DAMAGE = (
    OSError,
    ValueError,
    KeyError,
    IndexError,
    EOFError,
    TypeError,
    NotImplementedError,
    zipfile.BadZipFile,
)
