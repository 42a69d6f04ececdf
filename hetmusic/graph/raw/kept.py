"""Rows that are needed again after a file was read: in memory while they are few, in a temporary file beyond that."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

import polars as pl

from hetmusic._io import explaining_failed_write
from hetmusic.graph.build_report import LINE
from hetmusic.graph.raw.codes import Codes

# What rows may take in memory.
_MEMORY = 1 << 28
# A column of texts is kept as numbers if each of them occurs so often in the first batch.
_REPEATED = 2


class Room:
    """What the rows of all files of a build may take."""

    def __init__(self, folder: Path, memory: int | None = None) -> None:
        """Begin with nothing taken.

        :param folder: where temporary files are made. They have no names, so that they are gone whenever the process ends.
        :param memory: bytes; the rows of a file that finds too little left go to disk.
        """
        self.folder = folder
        self._left = _MEMORY if memory is None else memory

    def take(self, size: int) -> bool:
        """Take some bytes of memory, if there are so many."""
        if size > self._left:
            return False
        self._left -= size
        return True

    def give_back(self, size: int) -> None:
        """Bytes that are needed no more."""
        self._left += size


class _Block(NamedTuple):
    """A batch without its line numbers, if they are consecutive."""

    #: number of the first line; None if the numbers are still a column
    first_line: int | None
    #: the rows, or where they are in the temporary file (position, length)
    rows: pl.DataFrame | tuple[int, int]


class KeptRows:
    """The rows of one file, batch by batch."""

    def __init__(self, room: Room, keys: Collection[str] = ()) -> None:
        """Begin without rows.

        :param room: what the rows may take.
        :param keys: columns that are kept as numbers even if few of their texts are repeated.
        """
        self._room = room
        self._keys = keys
        self._taken = 0
        self._blocks: list[_Block] = []
        self._file: IO[bytes] | None = None
        #: the number of rows
        self.height = 0
        #: column -> the numbers that are kept instead of its texts, if these are keys or were repeated in the first batch
        self.codes: dict[str, Codes] = {}

    def add(self, batch: pl.DataFrame) -> None:
        """Keep a batch.

        :raises UserError: if the disk is full.
        """
        if not self._blocks:
            self.codes = {column: Codes() for column in batch.columns if self._is_coded(batch[column])}
        batch = batch.with_columns(codes.encode(batch[column]) for column, codes in self.codes.items())
        self.height += batch.height
        block = _without_lines(batch)
        if self._file is None:
            size = int(batch.estimated_size())
            if self._room.take(size):
                self._taken += size
                self._blocks.append(block)
                return
            self._to_disk()
        self._blocks.append(self._written(block))

    def keeping(self, batches: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Pass batches on, and keep them."""
        for batch in batches:
            self.add(batch)
            yield batch

    def batches(self) -> Iterator[pl.DataFrame]:
        """All batches as they were added."""
        for batch in self.coded_batches():
            yield batch.with_columns(codes.decode(batch[column]) for column, codes in self.codes.items())

    def distinct(self, column: str) -> pl.Series:
        """The different texts of a column, in any order."""
        if column in self.codes:
            return self.codes[column].texts.drop_nulls().alias(column)
        parts = [batch[column] for batch in self.coded_batches()]
        return pl.concat([pl.Series(column, [], pl.String), *parts]).drop_nulls().unique()

    def coded_batches(self) -> Iterator[pl.DataFrame]:
        """All batches, with numbers in the columns of :attr:`codes`."""
        for first_line, rows in self._blocks:
            frame = rows if isinstance(rows, pl.DataFrame) else self._read(*rows)
            if first_line is None:
                yield frame
                continue
            last = first_line + frame.height
            lines = pl.int_range(first_line, last, dtype=pl.Int64, eager=True).alias(LINE)
            yield pl.DataFrame([lines, *frame.get_columns()])

    def close(self) -> None:
        """Forget all rows."""
        self._blocks.clear()
        self._room.give_back(self._taken)
        self._taken = 0
        if self._file is not None:
            self._file.close()

    def _is_coded(self, texts: pl.Series) -> bool:
        if texts.dtype != pl.String:
            return False
        return texts.name in self._keys or 0 < texts.n_unique() * _REPEATED <= len(texts)

    def _to_disk(self) -> None:
        with explaining_failed_write(self._room.folder):
            self._file = tempfile.TemporaryFile(dir=self._room.folder)  # noqa: SIM115
        self._blocks = [self._written(block) for block in self._blocks]
        self._room.give_back(self._taken)
        self._taken = 0

    def _written(self, block: _Block) -> _Block:
        assert self._file is not None
        assert isinstance(block.rows, pl.DataFrame)
        buffer = io.BytesIO()
        block.rows.write_ipc_stream(buffer)
        with explaining_failed_write(self._room.folder):
            self._file.seek(0, io.SEEK_END)
            start = self._file.tell()
            self._file.write(buffer.getbuffer())
            return _Block(block.first_line, (start, self._file.tell() - start))

    def _read(self, position: int, length: int) -> pl.DataFrame:
        assert self._file is not None
        self._file.seek(position)
        return pl.read_ipc_stream(io.BytesIO(self._file.read(length)))


def _without_lines(batch: pl.DataFrame) -> _Block:
    lines = batch[LINE]
    if batch.width > 1 and batch.height and (lines.diff().drop_nulls() == 1).all():
        return _Block(int(lines[0]), batch.drop(LINE))
    return _Block(None, batch)
