"""Readers of folders of very many small files."""

from __future__ import annotations

import logging
import os
from abc import abstractmethod
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from hetmusic.errors import ConfigError, DataError
from hetmusic.graph.raw.located import leads_out, sorted_files
from hetmusic.graph.raw.many.cache import ChunkCache
from hetmusic.graph.raw.many.listing import Chunk, chunks
from hetmusic.graph.raw.many.parsing import NOTES, NUMBER, Note, Tables
from hetmusic.graph.raw.many.pool import WorkerPool
from hetmusic.graph.raw.readers.base import Reader
from hetmusic.graph.raw.source import LINE, Source

_log = logging.getLogger(__name__)
# processes; more than these would wait for the disk
_WORKERS = 8


class ManyFilesReader(Reader):
    """Reads the files below a folder, each of which gives some rows, by worker processes.

    A subclass says how one file is read. The rows of a chunk of files are kept in a cache under the names, sizes and times
    of change of these files: a build that was killed goes on where it was, and the next one reads what has changed.
    ``LINE`` is the number of the file. Where there are several tables, ``table`` of the specification names one.
    """

    folder = True
    #: counts up whenever the same file gives other rows
    version: ClassVar[int] = 1
    #: table -> column -> type; columns that are no texts are numbers, or vectors that ``vectors`` names
    tables: ClassVar[Tables]

    def __init__(self, workers: int = 0) -> None:
        """Choose the number of processes.

        :param workers: 0 = as many as there are processors for this process, but no more than eight.
        """
        if isinstance(workers, bool) or not isinstance(workers, int) or not 0 <= workers <= 256:
            raise ConfigError(f"workers: {workers!r} is not a whole number from 0 to 256")
        self.workers = workers or min(_WORKERS, _processors())

    @abstractmethod
    def parse(self, path: Path, note: Note) -> Mapping[str, Sequence[Sequence[Any]]]:
        """The rows of one file by table, values in the order of its columns; runs in a worker process.

        :param note: to be called with what was repaired.
        :raises BadFileError: if there is nothing to be had of it.
        """

    def read(self, source: Source, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield a batch per chunk of files, after the files that are dropped have been counted."""
        table = source.spec.table or next(iter(self.tables))
        if table not in self.tables:
            raise DataError(
                f"{source.name}: no table {table!r}; its reader has {', '.join(map(repr, self.tables))}"
            )
        source.check_columns(list(self.tables[table]), columns)
        yield from self.rows(source, table, columns, sorted_files(source.path, self.suffix))

    def rows(
        self, source: Source, table: str, columns: Sequence[str], paths: Iterable[Path]
    ) -> Iterator[pl.DataFrame]:
        """Yield some columns of a table, a batch per chunk of files.

        :param paths: the files to read, in order, below the folder.
        """
        cls = type(self)
        cache = ChunkCache(source.path, cls.__name__)
        salt = f"{cls.__module__}:{cls.__qualname__} {cls.version}"
        keys = []
        arguments = [salt.partition(" ")[0], str(source.path), cls.__name__]
        listed = chunks(source.path, _inside(source, paths), salt)
        # of the two the chunks are closed first, while no thread waits for a process
        with (
            closing(WorkerPool(arguments, self.workers)) as pool,
            closing(_kept(listed, cache, list(self.tables), pool, self.workers)) as ready,
        ):
            for chunk in ready:
                keys.append(chunk.key)
                if not source.again:
                    _count(
                        source, chunk, _load(cache, chunk, NOTES, [NUMBER, "file", "action", "reason"], pool)
                    )
                rows = _load(cache, chunk, table, [NUMBER, *columns], pool)
                yield _texts(_numbered(rows, chunk), self.vectors).select(LINE, *columns)
        cache.keep_only(keys)


def _inside(source: Source, paths: Iterable[Path]) -> Iterator[Path]:
    """The files but for links that lead out of the raw folder, which are counted; ``LINE`` is that of the next file."""
    number = 1
    for path in paths:
        if path.is_symlink() and leads_out(source.root, path):
            if not source.again:
                name = path.relative_to(source.path).as_posix()
                found = pl.DataFrame({LINE: [number], "file": [name]}, {LINE: pl.Int64, "file": pl.String})
                source.count("dropped", "link that leaves the folder", found, "file")
            continue
        number += 1
        yield path


def _kept(
    listed: Iterator[Chunk], cache: ChunkCache, tables: Sequence[str], pool: WorkerPool, workers: int
) -> Generator[Chunk]:
    """The chunks in order, each as soon as its rows are in the cache; a few are worked on ahead."""
    waiting: deque[tuple[Chunk, Future[None] | None]] = deque()
    with ThreadPoolExecutor(workers) as threads:
        try:
            for chunk in listed:
                known = cache.has(chunk.key, [*tables, NOTES])
                waiting.append((chunk, None if known else threads.submit(pool.keep, chunk.key, chunk.files)))
                while len(waiting) > 2 * workers:
                    yield _done(waiting)
            while waiting:
                yield _done(waiting)
        finally:
            for _, future in waiting:
                if future is not None:
                    future.cancel()
            pool.interrupt()  # or else leaving the block would wait for what is still being read


def _done(waiting: deque[tuple[Chunk, Future[None] | None]]) -> Chunk:
    chunk, future = waiting.popleft()
    if future is not None:
        future.result()
        _log.info("files read: up to number %s", f"{chunk.start + len(chunk.files):,}")
    return chunk


def _load(
    cache: ChunkCache, chunk: Chunk, table: str, columns: Sequence[str], pool: WorkerPool
) -> pl.DataFrame:
    """Read a table of a chunk; what a crash of the machine has damaged is made again."""
    rows = cache.load(chunk.key, table, columns)
    if rows is None:
        pool.keep(chunk.key, chunk.files)
        rows = cache.load(chunk.key, table, columns)
    if rows is None:
        raise DataError(f"{cache.folder} cannot be read back; set HETMUSIC_CACHE to another folder")
    return rows


def _numbered(rows: pl.DataFrame, chunk: Chunk) -> pl.DataFrame:
    return rows.with_columns((pl.col(NUMBER) + chunk.start + 1).alias(LINE))


def _count(source: Source, chunk: Chunk, notes: pl.DataFrame) -> None:
    for (action, reason), rows in _numbered(notes, chunk).group_by("action", "reason", maintain_order=True):
        source.count(action, str(reason), rows, "file")


def _texts(rows: pl.DataFrame, vectors: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    """Numbers as texts, as all readers give them."""
    numbers = [name for name in rows.columns if name not in (LINE, NUMBER, *vectors)]
    return rows.with_columns(pl.col(numbers).cast(pl.String))


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1
