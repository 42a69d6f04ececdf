"""Where the rows of chunks are kept: a folder of Parquet files outside of raw data and graphs."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import polars as pl

from hetmusic._io import replacing_file

# seconds after which a file that is being written is taken for one that nobody writes any more
_ABANDONED = 86_400


def cache_folder() -> Path:
    """The folder for what can be made again: ``HETMUSIC_CACHE``, or ``hetmusic`` in the user's cache folder."""
    if chosen := os.environ.get("HETMUSIC_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "hetmusic"


class ChunkCache:
    """The chunks of one raw folder; several programs may use it at once."""

    def __init__(self, raw: Path, kind: str) -> None:
        """Name the folder; nothing is written yet.

        :param kind: what reads the files.
        """
        path = os.fsencode(raw.resolve())
        self.folder = cache_folder() / kind / hashlib.sha256(path).hexdigest()[:16]

    def has(self, key: str, tables: Iterable[str]) -> bool:
        """Whether all tables of a chunk are kept."""
        return all(self._path(key, table).is_file() for table in tables)

    def load(self, key: str, table: str, columns: Sequence[str]) -> pl.DataFrame | None:
        """Some columns of a chunk's table, or None if it is absent or damaged."""
        try:
            return pl.read_parquet(self._path(key, table), columns=list(columns), memory_map=False)
        except (OSError, pl.exceptions.PolarsError):
            return None

    def store(self, key: str, tables: Mapping[str, pl.DataFrame]) -> None:
        """Keep the tables of a chunk.

        :raises UserError: if the folder cannot be written.
        """
        for table, rows in tables.items():
            with replacing_file(self._path(key, table)) as temporary:
                rows.write_parquet(temporary, compression="zstd")

    def keep_only(self, keys: Iterable[str]) -> None:
        """Remove the chunks of files that have changed since, and what processes that were killed have left."""
        wanted = set(keys)
        for path in self.folder.glob("*.parquet"):
            if path.name.partition(".")[0] not in wanted:
                path.unlink(missing_ok=True)
        for path in self.folder.glob(".*.tmp"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _ABANDONED:
                    path.unlink()

    def _path(self, key: str, table: str) -> Path:
        return self.folder / f"{key}.{table}.parquet"
