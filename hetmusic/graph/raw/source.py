"""One raw file as its specification describes it, and what all readers share."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from hetmusic.errors import DataError, did_you_mean
from hetmusic.graph.build_report import LINE, Action, Notes, decoded_line, encoded_line
from hetmusic.graph.raw.ahead import one_ahead
from hetmusic.graph.raw.streams import Digest, open_raw
from hetmusic.graph.raw.text import Piece, read_pieces
from kg_schema.dump_files import FileSpec

__all__ = ["LINE", "Source"]


class Source:
    """A raw file, its specification, and where to note what is dropped."""

    def __init__(self, path: Path, name: str, spec: FileSpec, notes: Notes, is_log: bool = False) -> None:
        self.path = path
        #: how messages and the report call the file: never with the folder it lies in
        self.name = name
        self.spec = spec
        self.notes = notes
        #: whether a row is one event, so that repeated pairs are what is counted and nothing to report
        self.is_log = is_log
        #: the table that this file is a part of, if it is one
        self.whole: Source | None = None
        #: which part of it, from 0
        self.number = 0
        #: the files of a table in several files
        self.parts: list[Source] = []
        #: the raw folder, which no link may lead out of; None if people gave the path themselves
        self.root: Path | None = None
        #: the checksum of what has been read
        self.digest = Digest()
        self._reading: list[Generator[Any]] = []
        #: whether another table of the same file was found before, so that what is wrong with the file is counted there
        self.again = False
        #: what to call it in counts, where the name is that of a database with several tables
        self.label = name
        #: text between two fields of a csv file, once its first line has shown which
        self.separator = spec.separators[0]

    def pieces(self, size: int | None = None) -> Iterator[Piece]:
        """The text of the file in pieces (:func:`~hetmusic.graph.raw.text.read_pieces`), checksummed on the way.

        :raises DataError: if a file that ends with a line break when it is complete was cut off; of compressed files that is
            seen only at their end.
        """
        options = {} if size is None else {"size": size}
        whole = self.spec.final_newline
        pieces = read_pieces(
            self.path, self.name, self.spec.encoding, digest=self.digest, whole=whole, **options
        )
        self._reading.append(pieces)
        return pieces

    def ahead(self, batches: Generator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """The same batches, made by another thread one ahead of the caller."""
        ahead = one_ahead(batches)
        self._reading.append(ahead)
        return ahead

    def close(self) -> None:
        """Close the file wherever reading it has stopped."""
        for made in reversed(self._reading):
            made.close()
        for part in self.parts:
            part.close()

    @property
    def unit(self) -> str:
        """What ``LINE`` numbers are called in messages."""
        tables = ("parquet", "sqlite")
        return "row" if self.spec.reader or self.spec.resolved_format in tables else "line"

    def where(self, line: int) -> str:
        """How messages say where a row stands, from its ``LINE``."""
        part, line = decoded_line(line)
        name = self.parts[part].name if self.parts else self.name
        return f"{name}, {self.unit} {line:,}"

    def count(self, action: Action, reason: str, rows: pl.DataFrame, value: str = "") -> None:
        """Note rows that the reader itself drops or repairs.

        :param rows: with the column ``LINE``.
        :param value: column of ``rows`` of which examples are shown, if any.
        """
        if self.whole is not None:
            self.whole.count(
                action, reason, rows.with_columns(encoded_line(self.number, pl.col(LINE))), value
            )
        else:
            self.notes.add(action, reason, rows, file=self.label, part="file", value=value)

    def count_lines(self, action: Action, reason: str, lines: Sequence[int]) -> None:
        """Note rows that the reader itself drops or repairs, by their 1-based line numbers."""
        self.count(action, reason, pl.DataFrame({LINE: lines}, {LINE: pl.Int64}))

    def check_columns(self, found: Sequence[str], wanted: Iterable[str]) -> None:
        """Check that every wanted column is there once.

        :raises DataError: naming the first that is not, and the columns that are.
        """
        for column in wanted:
            if found.count(column) > 1:
                raise DataError(f"{self.name}: {found.count(column)} columns are called {column!r}")
            if column not in found:
                listed = ", ".join(repr(name) for name in found[:20]) + (", ..." if len(found) > 20 else "")
                hint = did_you_mean(column, found)
                raise DataError(f"{self.name}: no column {column!r}{hint}; the file has {listed}")

    def is_last_line(self, line: int) -> bool:
        """Whether a line is the last one and lacks its line break."""
        with open_raw(self.path, self.name) as stream:
            breaks = sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(1 << 20), b""))
        return breaks == line - 1
