"""What files held when they were last looked at, so that one which has not changed is not read again."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from hetmusic._io import replacing_file
from hetmusic.features.extraction.paths import FileState

_SCHEMA = {
    "path": pl.String,
    "size": pl.Int64,
    "mtime": pl.Int64,
    "ctime": pl.Int64,
    "digest": pl.Binary,
}
#: a file changed so shortly before it was read, in nanoseconds, may change once more without any other time: file systems
#: count in steps of up to two seconds
SETTLED = 2_000_000_000


class FileIndex:
    """SHA-256 of the files of one raw folder, by path, size and times."""

    def __init__(self, cache: Path, raw: Path) -> None:
        """Read what is known; a damaged index is as none.

        :param cache: the folder of the cache.
        """
        name = hashlib.sha256(os.fsencode(raw.resolve())).hexdigest()[:16]
        self.path = cache / "files" / f"{name}.parquet"
        self._table = self._read()
        self._new: dict[str, tuple[FileState, bytes]] = {}

    def lookup(self, paths: list[str], states: list[FileState]) -> list[bytes | None]:
        """The digest of each file that is as it was, None for the others."""
        columns = [[getattr(state, name) for state in states] for name in ("size", "mtime", "ctime")]
        asked = pl.DataFrame([paths, *columns], schema=["path", "size", "mtime", "ctime"], orient="col")
        asked = asked.cast({name: _SCHEMA[name] for name in asked.columns})
        found = asked.join(self._table, on=asked.columns, how="left", maintain_order="left")
        return found["digest"].to_list()

    def add(self, path: str, state: FileState, digest: bytes) -> None:
        """Note what a file holds, unless it has just been changed."""
        if time.time_ns() - max(state.mtime, state.ctime) > SETTLED:
            self._new[path] = (state, digest)

    def save(self) -> None:
        """Write what was added.

        :raises UserError: if the cache cannot be written.
        """
        if not self._new:
            return
        # another process may have added to it
        table = pl.concat([self._read(), _as_table(self._new)]).unique(
            "path", keep="last", maintain_order=True
        )
        with replacing_file(self.path) as temporary:
            table.write_parquet(temporary, compression="zstd")
        self._table, self._new = table, {}

    def _read(self) -> pl.DataFrame:
        try:
            table = pl.read_parquet(self.path, glob=False, memory_map=False)
        except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
            return pl.DataFrame(schema=_SCHEMA)
        return table if dict(table.schema) == _SCHEMA else pl.DataFrame(schema=_SCHEMA)


def _as_table(entries: Mapping[str, tuple[FileState, bytes]]) -> pl.DataFrame:
    rows = [(path, s.size, s.mtime, s.ctime, digest) for path, (s, digest) in entries.items()]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")
