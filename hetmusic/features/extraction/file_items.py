"""Files that attributes of nodes name, hashed only where they have changed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic._io import sha256
from hetmusic.features.describing import NONE_GIVEN
from hetmusic.features.extraction.file_index import FileIndex
from hetmusic.features.extraction.items import Items, Survey
from hetmusic.features.extraction.paths import FileState, RawFolder
from hetmusic.features.extraction.watching import Watcher
from hetmusic.features.extractor import Absent
from hetmusic.graph import MusicGraph

#: seconds after which what was found out about files is saved
_SAVE_EVERY = 30.0
#: files that are looked up together
_CHUNK = 8192


class FileItems(Items):
    """The files whose paths, relative to a raw folder, are an attribute.

    :param index: what is known of the folder's files.
    :param workers: number of threads that read files.
    """

    def __init__(
        self, graph: MusicGraph, node_type: str, attribute: str, raw: Path, index: FileIndex, workers: int
    ) -> None:
        super().__init__(graph.num_nodes(node_type))
        pieces = [table[attribute] for _, table in graph.stream_nodes(node_type, [attribute])]
        given = pl.concat(pieces) if pieces else pl.Series(attribute, [], pl.String)
        given = given.set(given.str.strip_chars() == "", None)
        #: the different paths, and the one of each node, -1 where it has none
        self.paths: list[str] = given.drop_nulls().unique(maintain_order=True).to_list()
        codes = pl.DataFrame(
            {"path": self.paths, "code": range(len(self.paths))}, {"path": pl.String, "code": pl.Int32}
        )
        found = given.alias("path").to_frame().join(codes, on="path", how="left", maintain_order="left")
        self.code: NDArray[np.int32] = found["code"].fill_null(-1).to_numpy()
        self.total = len(self.paths)
        self._raw, self._index, self._workers = RawFolder(raw), index, workers
        self._states: list[FileState | None] = []

    def survey(self, watcher: Watcher) -> Survey:
        """Look at every file, and hash those that are new or have changed."""
        digests = np.zeros(len(self.paths), "S32")
        reasons: dict[int, str] = {}
        self._states, saved = [], time.monotonic()
        with ThreadPoolExecutor(self._workers, thread_name_prefix="hash") as pool:
            for start in range(0, len(self.paths), _CHUNK):
                for code, found in self._digests(pool, start, reasons):
                    watcher.advance()
                    if isinstance(found, str):
                        reasons[code] = found
                    else:
                        digests[code] = found
                    if time.monotonic() - saved > _SAVE_EVERY:
                        self._index.save()
                        saved = time.monotonic()
        self._index.save()
        return self._by_node(digests, reasons)

    def take(self, rows: NDArray[np.int64]) -> Iterator[tuple[int, Path]]:
        """The files of some nodes, in their order."""
        for row in rows.tolist():
            yield row, self._raw.folder / self.paths[self.code[row]]

    def same(self, row: int) -> bool:
        """Whether a file's size and times are those that the survey saw."""
        code = int(self.code[row])
        try:
            _, state = self._raw.look(self.paths[code])
        except Absent:
            return False
        return state == self._states[code]

    def _digests(
        self, pool: ThreadPoolExecutor, start: int, reasons: dict[int, str]
    ) -> Iterator[tuple[int, bytes | str]]:
        """Digests of a chunk's files, or why they cannot be read; those of unchanged files first."""
        paths = self.paths[start : start + _CHUNK]
        there: list[tuple[int, str, FileState]] = []
        for code, path in enumerate(paths, start):
            try:
                there.append((code, *self._raw.look(path)))
                self._states.append(there[-1][2])
            except Absent as absence:
                self._states.append(None)
                yield code, str(absence)
        known = self._index.lookup([self.paths[code] for code, *_ in there], [state for *_, state in there])
        unknown = []
        for entry, digest in zip(there, known, strict=True):
            if digest is None:
                unknown.append(entry)
            else:
                yield entry[0], digest
        yield from self._hashed(pool, unknown)

    def _hashed(
        self, pool: ThreadPoolExecutor, entries: Sequence[tuple[int, str, FileState]]
    ) -> Iterator[tuple[int, bytes | str]]:
        hashes = pool.map(_hash, (path for _, path, _ in entries))
        for (code, _, state), digest in zip(entries, hashes, strict=True):
            if isinstance(digest, bytes):
                self._index.add(self.paths[code], state, digest)
            yield code, digest

    def _by_node(self, digests: NDArray[np.bytes_], reasons: dict[int, str]) -> Survey:
        survey = Survey(np.zeros(self.count, "S32"))
        given = self.code >= 0
        survey.digests[given] = digests[self.code[given]]
        survey.reasons = dict.fromkeys(np.flatnonzero(~given).tolist(), NONE_GIVEN)
        for row in np.flatnonzero(given & (survey.digests == b"")).tolist():
            survey.reasons[row] = reasons[int(self.code[row])]
        return survey


def _hash(path: str) -> bytes | str:
    try:
        return bytes.fromhex(sha256(Path(path)))
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
