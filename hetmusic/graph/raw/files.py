"""The raw files of a dump: found, read in batches of text columns, and described for the provenance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from hetmusic._io import sha256
from hetmusic.errors import DataError, did_you_mean
from hetmusic.graph.build_report import Notes
from hetmusic.graph.format import RawFile
from hetmusic.graph.raw.csv_files import read_csv
from hetmusic.graph.raw.jsonl_files import read_jsonl
from hetmusic.graph.raw.parquet_files import read_parquet
from hetmusic.graph.raw.source import LINE, Source
from hetmusic.graph.raw.values import check_type
from kg_schema.dump import DumpSpec
from kg_schema.dump_check import columns_by_file

_READERS = {"csv": read_csv, "jsonl": read_jsonl, "parquet": read_parquet}
# Files of up to 256 MiB are kept after the first reading; larger ones are read again for every part.
_KEEP = 1 << 28


class RawFiles:
    """The files of one dump, by their id in the specification."""

    def __init__(self, spec: DumpSpec, raw: Path | Mapping[str, Path], notes: Notes) -> None:
        """Find the files.

        :param raw: the folder that the paths of the specification are relative to, or file id -> path.
        :raises DataError: if the folder or a file that is not optional does not exist.
        """
        self._needed = columns_by_file(spec)
        self._notes = notes
        self._kept: dict[str, list[pl.DataFrame]] = {}
        self._sources: dict[str, Source] = {}
        for file, (path, name) in _locate(spec, raw).items():
            if path.is_file():
                self._sources[file] = Source(path, name, spec.files[file], notes)
            elif spec.files[file].optional:
                notes.warn(f"{name} is absent (it is optional), so nothing was read from it")
            else:
                kind = "is not a file" if path.exists() else "does not exist"
                raise DataError(f"{path} {kind} (file {file!r} of dump {spec.name!r})")

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
        source = self._sources[file]
        keep = source.path.stat().st_size <= _KEEP
        kept = []
        rows = 0
        for batch in _read(source, self._needed[file]):
            rows += batch.height
            if keep:
                kept.append(batch)
            yield batch
        if source.counting:
            self._note_rows(source, rows)
        if keep:
            self._kept[file] = kept

    def provenance(self) -> list[RawFile]:
        """Name, size and checksum of every file, in the order of the specification."""
        return [
            RawFile(name=source.name, bytes=source.path.stat().st_size, sha256=sha256(source.path))
            for source in self._sources.values()
        ]

    def _note_rows(self, source: Source, rows: int) -> None:
        source.counting = False
        self._notes.report.rows[source.name] = rows
        expected = source.spec.rows
        if expected is not None and rows != expected:
            self._notes.warn(f"{source.name} has {rows:,} rows; the complete file has {expected:,}")
        elif rows == 0:
            self._notes.warn(f"{source.name} has no rows")


def _read(source: Source, columns: list[str]) -> Iterator[pl.DataFrame]:
    try:
        for batch in _READERS[source.spec.resolved_format](source, columns):
            yield _clean(source, batch)
    except OSError as error:
        raise DataError(f"{source.path} cannot be read: {error.strerror or error}") from None


def _clean(source: Source, batch: pl.DataFrame) -> pl.DataFrame:
    """Make blanks null and check the types that the specification promises."""
    texts = pl.exclude(LINE)
    batch = batch.with_columns(pl.when(~texts.is_in(["", *source.spec.nulls])).then(texts))
    for column, dtype in source.spec.types.items():
        check_type(source, batch, column, dtype)
    return batch


def _locate(spec: DumpSpec, raw: Path | Mapping[str, Path]) -> dict[str, tuple[Path, str]]:
    """File id -> path, and the name to call it by."""
    if not isinstance(raw, Mapping):
        if not raw.is_dir():
            raise DataError(f"the raw folder {raw} {'is not a folder' if raw.exists() else 'does not exist'}")
        return {file: (raw / entry.path, entry.path) for file, entry in spec.files.items()}
    for file in raw:
        if file not in spec.files:
            known = did_you_mean(file, spec.files) or f"; it has {', '.join(spec.files)}"
            raise DataError(f"dump {spec.name!r} has no file {file!r}{known}")
    for file, entry in spec.files.items():
        if file not in raw and not entry.optional:
            raise DataError(f"no path given for file {file!r} of dump {spec.name!r}")
    return {file: (Path(raw[file]), Path(raw[file]).name) for file in spec.files if file in raw}
