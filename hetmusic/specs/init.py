"""A first specification of somebody's own tables, guessed from the files."""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from hetmusic._io import replacing_file
from hetmusic.errors import DataError, UserError
from hetmusic.graph.raw.globbing import files_below
from hetmusic.graph.raw.sqlite_files import open_database, table_names
from hetmusic.graph.raw.streams import is_compressed
from hetmusic.specs.draft import Draft, draft
from hetmusic.specs.look import Table, file_id, look_at
from hetmusic.specs.meaning import understand
from hetmusic.specs.sniff import sniff
from hetmusic.specs.write import as_yaml
from kg_schema.dump_files import format_of
from kg_schema.ontology import Ontology

#: rows of each table to look at
ROWS = 100_000
_MOST_TABLES = 100
_MOST_COLUMNS = 200
#: suffixes of what is no table
_OTHERS = frozenset(
    f".{suffix}"
    for suffixes in (
        "jpg jpeg png gif webp bmp svg mp3 wav flac ogg m4a aac mid pdf npy npz h5 hdf5 pt safetensors",
        "yaml yml toml ini cfg md rst html htm xml py sh ipynb tar tgz 7z rar exe dll so log part",
    )
    for suffix in suffixes.split()
)
_PROSE = re.compile("readme|licen[cs]e|copying|citation|changelog", re.IGNORECASE)


@dataclass(frozen=True)
class InitReport:
    """The specification that was drafted."""

    text: str
    draft: Draft
    #: files that were not looked at, or could not be read, and why
    skipped: list[str] = field(default_factory=list)


def init_spec(folder: str | Path, name: str = "", rows: int = ROWS) -> InitReport:
    """Look at the tables of a folder and draft a specification.

    :param name: of the data set; by default that of the folder.
    :param rows: rows of each table to look at.
    :raises DataError: if there is no such folder, no table in it, or nothing that could be recommended.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder")
    skipped: list[str] = []
    tables = list(_tables(folder, rows, skipped))
    if not tables:
        raise DataError(f"{folder} has no tables" + (f": {'; '.join(skipped[:5])}" if skipped else ""))
    made = draft(understand(tables), Ontology.load())
    made.left += skipped
    own = re.sub(r"[^A-Za-z0-9._-]+", "-", name or folder.resolve().name).strip("-._") or "mine"
    return InitReport(as_yaml(made, own, rows), made, skipped)


def write_spec(report: InitReport, path: Path, overwrite: bool = False) -> None:
    """Write the specification.

    :raises UserError: if the file exists and must not be replaced.
    """
    if path.exists() and not overwrite:
        raise UserError(f"{path} already exists; choose another --out or pass --overwrite")
    with replacing_file(path) as temporary:
        temporary.write_text(report.text, encoding="utf-8")


def _tables(folder: Path, rows: int, skipped: list[str]) -> Iterator[Table]:
    taken: set[str] = set()
    for path, first in _grouped(folder, skipped):
        try:
            for options, doubts in _entries(path, first):
                if len(taken) == _MOST_TABLES:
                    skipped.append(f"{path}: only {_MOST_TABLES} tables are looked at")
                    return
                file = file_id(options.get("table") or path, taken)
                table = look_at(folder, file, {"path": path, **options}, doubts, rows)
                if len(table.columns) > _MOST_COLUMNS:
                    skipped.append(
                        f"{path}: {len(table.columns):,} columns are too many to guess what they mean"
                    )
                elif table.columns:
                    taken.add(file)
                    yield table
        except (DataError, OSError, sqlite3.Error) as error:
            skipped.append(f"{path}: {error}")


def _grouped(folder: Path, skipped: list[str]) -> Iterator[tuple[str, Path]]:
    """Each table as a specification names it, with one of its files; files that are parts of one table are one."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in files_below(folder):
        place = PurePosixPath(name)
        plain = name.removesuffix(".gz").removesuffix(".zip")
        if PurePosixPath(plain.lower()).suffix in _OTHERS or _PROSE.search(place.name):
            continue
        groups[_pattern(name)].append(name)
    for pattern, names in groups.items():
        if len(names) == 1:
            yield names[0], folder / names[0]
        else:
            yield pattern, folder / names[0]


def _pattern(name: str) -> str:
    """What the parts of a table have in common: folders such as ``year=2024`` and numbers in the file's name vary."""
    place = PurePosixPath(name)
    folders = [re.sub(r"=.*", "=*", part) if "=" in part else part for part in place.parts[:-1]]
    stem, _, suffix = place.name.partition(".")
    numbered = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27,}|\d+", "*", stem)
    inside = "*" if folders and any("=" in part for part in folders) else numbered
    return "/".join([*map(_literal, folders), f"{inside}.{suffix}" if suffix else inside])


def _literal(part: str) -> str:
    return part if part.endswith("=*") else re.sub(r"([\[*?])", r"[\1]", part)


def _entries(path: str, first: Path) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """The keys of the entries of a file: one, or one for each table of a database."""
    format = format_of(path)
    if not first.is_file():
        raise DataError("not a file")
    if format == "sqlite" or (format is None and _starts(first, b"SQLite format 3\0")):
        more = {} if format else {"format": "sqlite"}
        with open_database(first, first.name) as connection:
            names = table_names(connection)
        for name in names:
            yield {**more, "table": name}, []
    elif format == "parquet" or (format is None and _starts(first, b"PAR1")):
        yield ({} if format else {"format": "parquet"}), []
    elif format == "jsonl":
        yield {}, []
    else:
        if is_compressed(first) and not path.endswith((".gz", ".zip")):
            raise DataError("compressed, but not called so")
        dialect = sniff(first, first.name)
        if first.name.lower().endswith(".json") and "format" not in dialect.options:
            raise DataError("JSON, but not an object a line")
        yield dialect.options, dialect.doubts


def _starts(path: Path, magic: bytes) -> bool:
    with open(path, "rb") as stream:
        return stream.read(len(magic)) == magic
