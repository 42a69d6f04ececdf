"""The raw files of a dump: found, read in batches of text columns, and described for the provenance."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from hetmusic._io import sha256
from hetmusic.errors import ConfigError, DataError, SchemaError, did_you_mean
from hetmusic.graph.build_report import Notes
from hetmusic.graph.format import RawFile
from hetmusic.graph.raw.csv_files import read_csv
from hetmusic.graph.raw.derived import Derived
from hetmusic.graph.raw.jsonl_files import read_jsonl
from hetmusic.graph.raw.located import Located, locate, sorted_files
from hetmusic.graph.raw.parquet_files import read_parquet
from hetmusic.graph.raw.parts import describe_parts, find_parts, partitioned, read_parts, total_size
from hetmusic.graph.raw.pattern_files import read_pattern
from hetmusic.graph.raw.readers import Reader, readers
from hetmusic.graph.raw.resolved import Resolved
from hetmusic.graph.raw.source import Source
from hetmusic.graph.raw.sqlite_files import read_sqlite
from hetmusic.graph.raw.streams import is_compressed
from hetmusic.graph.raw.values import check_type
from kg_schema.dump import DumpSpec
from kg_schema.dump_check import columns_by_file, raw_columns

_READERS = {
    "csv": read_csv,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
    "pattern": read_pattern,
    "sqlite": read_sqlite,
}
_UNPACKED = ("csv", "jsonl", "pattern")
# Files of up to 256 MiB are kept after the first reading; larger ones are read again for every part.
_KEEP = 1 << 28
# Rows that take more than this turn out to be too many only while they are read.
_KEEP_ROWS = 1 << 30


class RawFiles:
    """The files of one dump, by their id in the specification."""

    def __init__(
        self, spec: DumpSpec, raw: Path | Mapping[str, Path], notes: Notes, prefix: str = ""
    ) -> None:
        """Find the files.

        :param raw: the folder that the paths of the specification are relative to, or file id -> path.
        :param prefix: what the names of the files begin with, where those of several dumps must differ.
        :raises DataError: if the folder or a file that is not optional does not exist.
        :raises SchemaError: if a reader does not exist, or has no such option or column.
        """
        self._spec = spec
        self._needed = columns_by_file(spec)
        self._notes = notes
        self._kept: dict[str, list[pl.DataFrame]] = {}
        self._sources: dict[str, Source] = {}
        self._located = {file: place.prefixed(prefix) for file, place in locate(spec, raw).items()}
        self._readers = {file: _reader(spec, file, self._needed[file]) for file in spec.files}
        self._derived: dict[str, Derived] = {}
        self._resolved: dict[str, Resolved] = {}
        for file, place in self._located.items():
            reader, entry = self._readers[file], spec.files[file]
            whole = reader is not None and reader.folder
            parts = {} if whole else find_parts(place, entry)
            if place.path.is_dir() if whole else parts or place.path.is_file():
                self._sources[file] = self._source(file, place, parts)
                _check_not_compressed(self._sources[file], reader)
            elif entry.optional:
                notes.warn(f"{place.name} is absent (it is optional), so nothing was read from it")
            else:
                wanted = (
                    "a folder" if reader is not None and reader.folder else "a file, or a folder with some"
                )
                kind = f"is not {wanted}" if place.path.exists() else "does not exist"
                raise DataError(
                    f"{place.path} {kind} (file {file!r} of dump {spec.name!r}){place.alternatives}"
                )

    def _source(self, file: str, place: Located, parts: Mapping[str, Path]) -> Source:
        source = Source(place.path, place.name, self._spec.files[file], self._notes, self._spec.is_log(file))
        if parts:
            source.parts = partitioned(parts, source)
            self._notes.parts[place.name] = list(parts)
        return source

    def __contains__(self, file: str) -> bool:
        return file in self._sources

    def source(self, file: str) -> Source:
        """The file with that id."""
        return self._sources[file]

    def batches(self, file: str) -> Iterator[pl.DataFrame]:
        """All columns that the dump needs of a file as text, null where blank, with their ``LINE``.

        :raises DataError: if the file cannot be read as specified.
        """
        if file in self._kept:
            yield from self._kept[file]
            return
        source, reader = self._sources[file], self._readers[file]
        forced = reader is not None and reader.keep
        keep = forced or source.path.is_dir() or total_size(source) <= _KEEP
        kept: list[pl.DataFrame] = []
        rows = size = 0
        for height, batch in self._read(file):
            rows += height
            size += int(batch.estimated_size())
            keep = forced or (keep and size <= _KEEP_ROWS)
            if keep:
                kept.append(batch)
            else:
                kept.clear()
            yield batch
        if source.counting:
            self._note_rows(source, rows)
        if keep:
            self._kept[file] = kept

    def reader(self, file: str) -> Reader | None:
        """The named reader of a file that is no table."""
        return self._readers[file]

    def provenance(self) -> list[RawFile]:
        """Name, size and checksum of every file, in the order of the specification."""
        known: dict[str, RawFile] = {}
        for source in self._sources.values():
            if source.name not in known:
                known[source.name] = _describe(source)
        return list(known.values())

    def _read(self, file: str) -> Iterator[tuple[int, pl.DataFrame]]:
        """The rows of a file with what is made of them or found in other files, and how many were read for them."""
        source, entry = self._sources[file], self._sources[file].spec
        if file not in self._derived:
            self._derived[file] = Derived(source, self._needed[file], self)
        derived = self._derived[file]
        columns = raw_columns(entry, self._needed[file])
        try:
            if file not in self._resolved:
                self._resolved[file] = self._resolve(file, columns)
            for batch in self._raw(file, columns):
                filled = self._resolved[file].add(_clean(source, batch))
                yield batch.height, derived.add(filled)
        except OSError as error:
            raise DataError(f"{source.path} cannot be read: {error.strerror or error}") from None

    def _resolve(self, file: str, columns: list[str]) -> Resolved:
        """Read which ids names have, if ids are to be resolved; this reading is not counted."""
        source = self._sources[file]
        rules = {column: rule for column, rule in source.spec.resolve.items() if column in columns}
        if not rules:
            return Resolved(source, {}, [])
        names = [column for rule in rules.values() for column in rule.by]
        counting, source.counting = source.counting, False
        rows = self._raw(file, list(dict.fromkeys([*rules, *names])))
        resolved = Resolved(source, rules, (_clean(source, batch, types=False) for batch in rows))
        source.counting = counting
        return resolved

    def _raw(self, file: str, columns: list[str]) -> Iterator[pl.DataFrame]:
        source, reader = self._sources[file], self._readers[file]
        read = _READERS[source.spec.resolved_format] if reader is None else reader.read
        return read_parts(source.parts, columns, read) if source.parts else read(source, columns)

    def _note_rows(self, source: Source, rows: int) -> None:
        source.counting = False
        self._notes.report.rows[source.name] = rows
        expected = source.spec.rows
        if expected is not None and rows != expected:
            self._notes.warn(f"{source.name} has {rows:,} rows; the complete file has {expected:,}")
        elif rows == 0:
            self._notes.warn(f"{source.name} has no rows")


def _clean(source: Source, batch: pl.DataFrame, types: bool = True) -> pl.DataFrame:
    """Make blanks null and check the types that the specification promises, if asked to."""
    texts = [name for name, dtype in batch.schema.items() if dtype == pl.String]
    nulls = {name: source.spec.nulls_of(name) for name in texts}
    batch = batch.with_columns(
        pl.when(~pl.col(name).is_in(nulls[name])).then(pl.col(name)).alias(name) for name in texts
    )
    for column, dtype in source.spec.types.items() if types else ():
        check_type(source, batch, column, dtype)
    return batch


def _reader(spec: DumpSpec, file: str, needed: list[str]) -> Reader | None:
    """The reader that a file names, checked against what the specification wants of it."""
    entry = spec.files[file]
    if entry.reader is None:
        return None
    where = f"{spec.source or f'dump {spec.name!r}'}: files.{file}"
    try:
        reader = readers.make(entry.reader, **entry.options)
    except ConfigError as error:
        raise SchemaError(f"{where}.reader: {error}") from None
    for column in raw_columns(entry, needed):
        if column not in reader.columns:
            hint = did_you_mean(column, reader.columns) or f"; it has {', '.join(reader.columns)}"
            raise SchemaError(f"{where}: reader {entry.reader!r} has no column {column!r}{hint}")
    return reader


def _check_not_compressed(source: Source, reader: Reader | None) -> None:
    format = source.spec.resolved_format
    packed = format not in _UNPACKED if reader is None else reader.folder or reader.database
    for file in source.parts or [source]:
        if packed and file.path.is_file() and is_compressed(file.path):
            raise DataError(f"{file.name} is compressed; only text files are read so: unpack it first")


def _describe(source: Source) -> RawFile:
    """What the provenance says of a file; of a folder the checksum covers the names and sizes of its files."""
    if source.parts:
        return describe_parts(source)
    if not source.path.is_dir():
        return RawFile(name=source.name, bytes=source.path.stat().st_size, sha256=sha256(source.path))
    digest, total = hashlib.sha256(), 0
    for path in sorted_files(source.path):
        size = path.stat().st_size
        total += size
        digest.update(
            f"{path.relative_to(source.path).as_posix()}\0{size}\n".encode("utf-8", "surrogateescape")
        )
    return RawFile(name=f"{source.name}/", bytes=total, sha256=digest.hexdigest())
