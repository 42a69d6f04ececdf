"""What a reader of files that are no tables is, and how a specification names one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import polars as pl

from hetmusic._resolve import Resolver
from hetmusic.graph.raw.source import Source


class Reader(ABC):
    """Turns one raw file, or a folder of files, into the rows of a table.

    A subclass says which columns it has and yields them in batches of bounded size. Settings of the specification's
    ``options`` are the arguments of its constructor.
    """

    #: column -> what it holds, in a few words, for the description of a dump
    columns: ClassVar[Mapping[str, str]]
    #: columns that hold a vector per row (polars ``Array`` of ``Float32``) -> names of its dimensions
    vectors: ClassVar[Mapping[str, Sequence[str]]] = {}
    #: whether it reads a folder instead of a file
    folder: ClassVar[bool] = False
    #: what the names of the files in the folder end with, in lower case; without such files the folder is not there
    suffix: ClassVar[str] = ""
    #: whether it reads an SQLite database, which is never unpacked
    database: ClassVar[bool] = False

    @abstractmethod
    def read(self, source: Source, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield batches with ``LINE`` and the given columns, in an order that depends on the content alone.

        Texts are null or as they are written. ``LINE`` is the number of the line, row or file, from 1.

        :raises DataError: for what no row can be made of; single bad rows are counted with ``source.count``.
        """


readers: Resolver[Reader] = Resolver("reader", Reader, "hetmusic.readers")  # type: ignore[type-abstract]
