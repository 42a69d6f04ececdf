"""The raw files of a dump: found, read in batches of text columns, and described for the provenance."""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from collections.abc import Generator, Iterable, Iterator, Mapping
from pathlib import Path

import polars as pl

from hetmusic.errors import ConfigError, DataError, SchemaError, did_you_mean
from hetmusic.graph.build_report import Notes
from hetmusic.graph.format import RawFile
from hetmusic.graph.raw.ahead import one_ahead
from hetmusic.graph.raw.codes import Codes
from hetmusic.graph.raw.csv_files import read_csv
from hetmusic.graph.raw.derived import Derived
from hetmusic.graph.raw.jsonl_files import read_jsonl
from hetmusic.graph.raw.kept import KeptRows, Room
from hetmusic.graph.raw.located import Located, check_inside, locate, sorted_files
from hetmusic.graph.raw.parquet_files import read_parquet
from hetmusic.graph.raw.parts import describe_parts, find_parts, partitioned, read_parts
from hetmusic.graph.raw.pattern_files import read_pattern
from hetmusic.graph.raw.readers import Reader, readers
from hetmusic.graph.raw.resolved import Resolved
from hetmusic.graph.raw.source import Source
from hetmusic.graph.raw.sqlite_files import read_sqlite
from hetmusic.graph.raw.streams import is_compressed
from hetmusic.graph.raw.values import check_type
from kg_schema.dump import DumpSpec
from kg_schema.dump_files import FileSpec
from kg_schema.dump_uses import columns_by_file, ends_by_file, raw_columns

READERS = {
    "csv": read_csv,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
    "pattern": read_pattern,
    "sqlite": read_sqlite,
}
_UNPACKED = ("csv", "jsonl", "pattern")


class RawFiles:
    """The files of one dump, by their id in the specification."""

    def __init__(
        self,
        spec: DumpSpec,
        raw: Path | Mapping[str, Path],
        notes: Notes,
        prefix: str = "",
        room: Room | None = None,
    ) -> None:
        """Find the files.

        :param raw: the folder that the paths of the specification are relative to, or file id -> path.
        :param prefix: what the names of the files begin with, where those of several dumps must differ.
        :param room: what rows that are kept may take; by default a room of its own, in the system's temporary folder.
        :raises DataError: if the folder or a file that is not optional does not exist.
        :raises SchemaError: if a reader does not exist, or has no such option or column.
        """
        self._spec = spec
        self._root = None if isinstance(raw, Mapping) else raw
        self._needed = columns_by_file(spec)
        self._ends = ends_by_file(spec)
        self._notes = notes
        self._room = room or Room(Path(tempfile.gettempdir()))
        self._kept: dict[str, KeptRows] = {}
        self._being_read: list[Generator[tuple[int, pl.DataFrame]]] = []
        self._sources: dict[str, Source] = {}
        self._located = {file: place.prefixed(prefix) for file, place in locate(spec, raw).items()}
        self._readers = {file: _reader(spec, file, self._needed[file]) for file in spec.files}
        for file, reader in self._readers.items():
            place = self._located.get(file)
            if reader is not None and place is not None and place.path == raw:
                self._located[file] = dataclasses.replace(place, name=f"{prefix}*{reader.suffix}")
        there = {file: parts for file in self._located if (parts := self._found(file)) is not None}
        for file, place in self._located.items():
            reader, entry = self._readers[file], spec.files[file]
            better = [other for other in entry.unless if other in there]
            if file in there and better:
                notes.warn_once(
                    f"{place.name} is not read, since {self._located[better[0]].name} says the same"
                )
            elif file in there:
                self._sources[file] = self._source(file, place, there[file])
                _check_not_compressed(self._sources[file], reader)
            elif not entry.optional:
                wanted = (
                    "a folder" if reader is not None and reader.folder else "a file, or a folder with some"
                )
                kind = f"is not {wanted}" if place.path.exists() else "does not exist"
                raise DataError(
                    f"{place.path} {kind} (file {file!r} of dump {spec.name!r}){place.alternatives}"
                )
            elif not better:
                notes.warn_once(f"{place.name} is absent (it is optional), so nothing was read from it")
        if not self._sources:
            names = ", ".join(dict.fromkeys(place.name for place in self._located.values()))
            where = "the paths given are" if isinstance(raw, Mapping) else f"{raw} has"
            raise DataError(f"{where} none of the files of dump {spec.name!r}: {names}")

    def _found(self, file: str) -> Mapping[str, Path] | None:
        """The parts of a file that is there, none if it is whole; None if it is absent."""
        place, reader = self._located[file], self._readers[file]
        if reader is not None and reader.folder:
            is_there = place.path.is_dir() and any(sorted_files(place.path, reader.suffix))
            return {} if is_there else None
        parts = find_parts(place, self._spec.files[file])
        return parts if parts or place.path.is_file() else None

    def _source(self, file: str, place: Located, parts: Mapping[str, Path]) -> Source:
        for name, path in (parts or {place.name: place.path}).items():
            check_inside(self._root, path, name)
        source = Source(place.path, place.name, self._spec.files[file], self._notes, self._spec.is_log(file))
        source.root = self._root
        for other in self._sources.values():
            if other.path == source.path:
                source.again = True
                source.label, other.label = (
                    f"{s.name} ({s.spec.table})" if s.spec.table else s.name for s in (source, other)
                )
        if parts:
            source.parts = partitioned(parts, source)
            self._notes.parts[place.name] = list(parts)
        return source

    def __contains__(self, file: str) -> bool:
        return file in self._sources

    def gives(self, file: str, columns: Iterable[str]) -> bool:
        """Whether a file is there, and what its columns are looked up in."""
        if file not in self._sources:
            return False
        lookups = self._sources[file].spec.lookups_for(columns).values()
        return all(lookup.file in self for lookup in lookups if not lookup.keep)

    def source(self, file: str) -> Source:
        """The file with that id."""
        return self._sources[file]

    def __enter__(self) -> RawFiles:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files that are still being read, and forget all rows."""
        for read in self._being_read:  # first, since other threads still read from the sources
            read.close()
        for source in self._sources.values():
            source.close()
        for kept in self._kept.values():
            kept.close()

    def batches(self, file: str) -> Iterator[pl.DataFrame]:
        """All columns that the dump needs of a file as text, null where blank, with their ``LINE``.

        A file is read once, whatever its size; afterwards its rows are those that were kept.

        :raises DataError: if the file cannot be read as specified.
        """
        if file in self._kept:
            yield from self._kept[file].batches()
        else:
            yield from self._first_reading(file)

    def coded_batches(self, file: str) -> Iterator[pl.DataFrame]:
        """The same, but with numbers in the columns of which :meth:`codes` knows them."""
        self._read_all(file)
        yield from self._kept[file].coded_batches()

    def codes(self, file: str) -> Mapping[str, Codes]:
        """Column -> the numbers of its texts, for those columns whose texts are repeated."""
        self._read_all(file)
        return self._kept[file].codes

    def height(self, file: str) -> int:
        """The number of rows."""
        self._read_all(file)
        return self._kept[file].height

    def distinct(self, file: str, column: str) -> pl.Series:
        """The different texts of a column, in any order."""
        self._read_all(file)
        return self._kept[file].distinct(column)

    def specs(self) -> Iterator[tuple[str, FileSpec]]:
        """How the report calls each file, and its specification."""
        for source in self._sources.values():
            yield source.label, source.spec

    def reader(self, file: str) -> Reader | None:
        """The named reader of a file that is no table."""
        return self._readers[file]

    def provenance(self) -> list[RawFile]:
        """Name, size and checksum of every file, in the order of the specification."""
        known: dict[str, RawFile] = {}
        for file, source in self._sources.items():
            if source.name not in known:
                known[source.name] = _describe(source, self._readers[file])
        return list(known.values())

    def _read_all(self, file: str) -> None:
        if file not in self._kept:
            for _ in self._first_reading(file):
                pass

    def _first_reading(self, file: str) -> Iterator[pl.DataFrame]:
        source = self._sources[file]
        kept = KeptRows(self._room, self._ends[file])
        derived = Derived(source, self._needed[file], self)
        rows = left = 0
        read = one_ahead(self._read(file, derived))
        self._being_read.append(read)
        for height, batch in read:
            rows += height
            left += batch.height
            kept.add(batch)
            yield batch
        self._note_rows(source, rows, left)
        self._kept[file] = kept

    def _read(self, file: str, derived: Derived) -> Generator[tuple[int, pl.DataFrame]]:
        """The rows of a file with what is made of them or found in other files, and how many were read for them."""
        source, entry = self._sources[file], self._sources[file].spec
        columns = raw_columns(entry, self._needed[file])
        try:
            for batch in self._cleaned(file, columns):
                yield batch.height, derived.add(batch)
        except OSError as error:
            reason = " ".join(str(error.strerror or error).split())
            raise DataError(f"{source.path} cannot be read: {reason}") from None

    def _cleaned(self, file: str, columns: list[str]) -> Iterator[pl.DataFrame]:
        """The rows as they are in the file, with blank ids resolved where the specification says so."""
        source = self._sources[file]
        cleaned = (_clean(source, batch) for batch in self._raw(file, columns))
        rules = {column: rule for column, rule in source.spec.resolve.items() if column in columns}
        if not rules:
            yield from cleaned
            return
        kept = KeptRows(self._room)
        resolved = Resolved(source, rules, kept.keeping(cleaned))
        yield from map(resolved.add, kept.batches())
        kept.close()

    def _raw(self, file: str, columns: list[str]) -> Iterator[pl.DataFrame]:
        source, reader = self._sources[file], self._readers[file]
        if source.parts and source.spec.numbered:
            raise DataError(f"{source.name}: `numbered` is for one file, and this is {len(source.parts):,}")
        read = READERS[source.spec.resolved_format] if reader is None else reader.read
        return read_parts(source.parts, columns, read) if source.parts else read(source, columns)

    def _note_rows(self, source: Source, rows: int, left: int) -> None:
        self._notes.read(source.label, rows, left)
        expected = source.spec.rows
        if expected is not None and rows != expected:
            self._notes.warn(f"{source.name} has {rows:,} rows; the complete file has {expected:,}")
        elif rows == 0:
            self._notes.warn(f"{source.name} has no rows")


def _clean(source: Source, batch: pl.DataFrame) -> pl.DataFrame:
    """Strip values if that is asked for, make blanks null and check the types that the specification promises."""
    texts = [name for name, dtype in batch.schema.items() if dtype == pl.String]
    if source.spec.strip:
        batch = batch.with_columns(pl.col(texts).str.strip_chars())
    nulls = {name: source.spec.nulls_of(name) for name in texts}
    blank = {name: pl.any_horizontal(pl.col(name) == null for null in nulls[name]) for name in texts}
    # not by one expression, which would wait for the threads of polars that parse the next batch
    found = [any((batch[name] == null).any() for null in nulls[name]) for name in texts]
    for name, any_blank in zip(texts, found, strict=True):
        for null in nulls[name] if any_blank else ():
            if null:
                unknown = batch.filter(pl.col(name) == null)
                source.count("repaired", f"{name} {null!r} means unknown", unknown)
    batch = batch.with_columns(
        pl.when(~blank[name]).then(pl.col(name)).alias(name)
        for name, any_blank in zip(texts, found, strict=True)
        if any_blank
    )
    for column, dtype in source.spec.types.items():
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
        try:
            found = packed and file.path.is_file() and is_compressed(file.path)
        except OSError as error:
            raise DataError(f"{file.path} cannot be read: {error.strerror or error}") from None
        if found:
            raise DataError(f"{file.name} is compressed; only text files are read so: unpack it first")


def _describe(source: Source, reader: Reader | None) -> RawFile:
    """What the provenance says of a file; of a folder the checksum covers the names and sizes of its files."""
    if source.parts:
        return describe_parts(source)
    if not source.path.is_dir():
        return RawFile(
            name=source.name, bytes=source.path.stat().st_size, sha256=source.digest.of(source.path)
        )
    digest, total = hashlib.sha256(), 0
    for path in sorted_files(source.path, reader.suffix if reader is not None else ""):
        size = path.lstat().st_size  # of a link, which may lead nowhere, its own
        total += size
        digest.update(
            f"{path.relative_to(source.path).as_posix()}\0{size}\n".encode("utf-8", "surrogateescape")
        )
    return RawFile(name=f"{source.name}/", bytes=total, sha256=digest.hexdigest())
