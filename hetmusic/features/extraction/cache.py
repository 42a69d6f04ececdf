"""Results that are kept: a folder of shards for each extractor with its settings."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import json
import logging
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from hetmusic._io import read_json, write_json
from hetmusic._version import __version__
from hetmusic.errors import FeatureError
from hetmusic.features.extraction.items import Digests
from hetmusic.features.extraction.shards import (
    FAILED,
    TOO_LARGE,
    DamagedShard,
    ShardIndex,
    read_index,
    read_values,
    write_shard,
)
from hetmusic.features.extractor import Extractor

_log = logging.getLogger(__name__)

#: version of the cache's layout: another one is not read
FORMAT = 1
_MARK = "cache.json"
#: seconds after which a file that is being written is taken for one that nobody writes any more
_ABANDONED = 86_400


def open_cache(folder: Path) -> None:
    """Make the folder of a cache, or check that it is one of this version.

    :raises FeatureError: if it is something else.
    :raises UserError: if it cannot be written.
    """
    mark = folder / _MARK
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        write_json(mark, {"format": FORMAT, "hetmusic_version": __version__})
        return
    if not mark.is_file():
        raise FeatureError(f"{folder} is not used as a cache, since it is something else: it has no {_MARK}")
    found = read_json(mark, FeatureError)
    version = found.get("format") if isinstance(found, dict) else None
    if version != FORMAT:
        made = found.get("hetmusic_version", "unknown") if isinstance(found, dict) else "unknown"
        raise FeatureError(
            f"{folder} is a cache of format {version} (made by hetmusic {made}), this version reads {FORMAT}: "
            "remove the folder or choose another one by --cache"
        )
    _tidy(folder)


def _tidy(folder: Path) -> None:
    """Remove what killed processes have left half-written."""
    for path in folder.rglob(".*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED:
                path.unlink()


def identity(extractor: Extractor, catalogue: str | None) -> dict[str, Any]:
    """Everything beside the content that results depend on, as JSON.

    :param catalogue: digest of all items, for an extractor that learns.
    :raises FeatureError: if the settings are no JSON.
    """
    found: dict[str, Any] = {
        "extractor": extractor.name,
        "version": extractor.version,
        "settings": extractor.settings(),
    }
    if not type(extractor).__module__.startswith("hetmusic."):
        # whoever writes an extractor changes it, and would not want the results of yesterday's code
        found["code"] = _source(type(extractor))
    if catalogue is not None:
        found["catalogue"] = catalogue
    try:
        return dict(json.loads(json.dumps(found, allow_nan=False)))
    except (TypeError, ValueError) as problem:
        raise FeatureError(f"settings of extractor {extractor.name} are no JSON: {problem}") from None


def _source(cls: type) -> str | None:
    """SHA-256 of the file that a class is written in, or of the class alone in a notebook; None if it is nowhere."""
    try:
        file = inspect.getsourcefile(cls)
        there = file is not None and Path(file).is_file()
        code = Path(str(file)).read_bytes() if there else inspect.getsource(cls).encode()
        return hashlib.sha256(code).hexdigest()
    except (OSError, TypeError):
        return None


@dataclass(frozen=True)
class Known:
    """The content that a cache has results of, sorted by digest; arrays of shape ``(entries,)``."""

    digests: Digests
    #: number of the shard
    shard: NDArray[np.int32]
    #: row of the vector in its shard, -1 where there is none
    row: NDArray[np.int32]
    #: why there is none
    reasons: NDArray[np.object_]
    #: the shards' files
    files: tuple[Path, ...]
    #: length of a vector, 0 where there is none yet
    dim: int

    def find(self, digests: Digests) -> NDArray[np.int64]:
        """The entry of each digest, -1 where there is none."""
        if not len(self.digests):
            return np.full(len(digests), -1, np.int64)
        place = np.minimum(np.searchsorted(self.digests, digests), len(self.digests) - 1)
        return np.where(self.digests[place] == digests, place, -1)


class ResultCache:
    """The results of one extractor with its settings; several programs may use it at once.

    :param folder: of the whole cache.
    :param identity: see :func:`identity`.
    :param dtype: ``float32`` or ``float16``.
    """

    def __init__(self, folder: Path, identity: dict[str, Any], dtype: str) -> None:
        text = json.dumps(identity, sort_keys=True)
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", str(identity["extractor"]))
        self.folder = folder / "results" / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:24]}" / dtype
        self.identity, self.dtype = identity, dtype
        # what is known more exactly need not be computed again
        self._folders = {self.folder, self.folder.parent / "float32"}

    def known(self) -> Known:
        """What there are results of; a damaged shard is removed, and said."""
        indices, files = [], []
        for path in sorted(path for folder in self._folders for path in folder.glob("*.npz")):
            try:
                indices.append(self._index(path))
                files.append(path)
            except DamagedShard as damage:
                self.drop(damage.path)
        dims = {index.dim for index in indices if index.dim}
        if len(dims) > 1:
            raise FeatureError(f"{self.folder} holds vectors of {sorted(dims)} dimensions: remove the folder")
        counts = [len(index.digests) for index in indices]
        digests = np.concatenate([np.empty(0, "S32"), *(index.digests for index in indices)])
        reasons = np.array([reason for index in indices for reason in index.reasons], dtype=np.object_)
        order = np.argsort(digests, kind="stable")
        return Known(
            digests[order],
            np.repeat(np.arange(len(indices), dtype=np.int32), counts)[order],
            np.concatenate([np.empty(0, np.int32), *(index.row for index in indices)])[order],
            reasons[order],
            tuple(files),
            dims.pop() if dims else 0,
        )

    def _index(self, path: Path) -> ShardIndex:
        """A shard's index; what is too large for the numbers that are wanted counts as a failure."""
        index = read_index(path)
        if path.parent == self.folder or not index.dim:
            return index
        with np.errstate(over="ignore"):
            wide = np.flatnonzero(~np.isfinite(read_values(path).astype(self.dtype)).all(axis=1))
        bad = np.isin(index.row, wide)
        reasons = tuple(TOO_LARGE if b else reason for b, reason in zip(bad, index.reasons, strict=True))
        return ShardIndex(index.digests, np.where(bad, FAILED, index.row), reasons, index.dim)

    def store(self, digests: Sequence[bytes], outcomes: Sequence[NDArray[Any] | str]) -> None:
        """Keep some results.

        :raises UserError: if the cache cannot be written.
        """
        about = self.folder.parent / "extractor.json"
        if not about.is_file():
            write_json(about, self.identity)
        write_shard(
            self.folder / f"{time.time_ns():020d}-{uuid4().hex[:8]}.npz", digests, outcomes, self.dtype
        )

    def drop(self, path: Path) -> None:
        """Remove a damaged shard; what it held is computed again."""
        _log.warning("cached results in %s are damaged and computed again", path)
        path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove all results."""
        for path in (path for folder in self._folders for path in folder.glob("*.npz")):
            path.unlink(missing_ok=True)
