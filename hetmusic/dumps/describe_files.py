"""The files of a dump in words: where they are, how they are read, and what is added to their rows."""

from __future__ import annotations

from collections.abc import Iterator

from hetmusic.errors import ConfigError
from hetmusic.graph.raw.readers import readers
from kg_schema.dump import DumpSpec
from kg_schema.dump_files import FileSpec

_NAMES = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars", " ": "spaces"}


def file_name(spec: DumpSpec, file: str) -> str:
    """What to call a file of a dump: its first path, or its id if there is no such file."""
    return spec.files[file].path[0] if file in spec.files else file


def describe_files(spec: DumpSpec) -> list[str]:
    """A sentence about each file, with one per column that a reader gives or that is derived."""
    return [line for file, entry in spec.files.items() for line in _file(spec, file, entry)]


def _file(spec: DumpSpec, file: str, entry: FileSpec) -> Iterator[str]:
    others = f" (or {', '.join(entry.path[1:])})" if len(entry.path) > 1 else ""
    parts = [f"{file} is {entry.path[0]}{others}"]
    parts += [entry.about] if entry.about else []
    parts.append(_how(entry))
    parts += [f"{entry.rows:,} rows"] if entry.rows is not None else []
    parts += [f"{entry.size:,} bytes"] if entry.size is not None else []
    parts += ["optional"] if entry.optional else []
    parts += [f"not read where {' or '.join(entry.unless)} is there"] if entry.unless else []
    yield "; ".join(parts)
    if entry.reader is not None:
        yield from _reader_columns(entry.reader)
    if entry.numbered:
        yield f"  `{entry.numbered}` is the number of the line"
    for name, rule in entry.resolve.items():
        names = " and ".join(f"`{column}`" for column in rule.by)
        yield f"  blank `{name}` is the only one that {names} has elsewhere, else `{rule.prefix}` and {names}"
    for name, columns in entry.combine.items():
        yield f"  `{name}` is made of {' and '.join(f'`{column}`' for column in columns)}"
    for name, lookup in entry.lookups.items():
        yield (
            f"  `{name}` is `{lookup.value}` of {file_name(spec, lookup.file)}, "
            f"in the row whose `{lookup.key}` is `{lookup.column}`"
            f"{', if it is the only one' if lookup.unique else ''}"
            f"{f', or else `{lookup.column}` itself' if lookup.keep else ''}"
        )


def _how(entry: FileSpec) -> str:
    if entry.reader is not None:
        return f"read by {entry.reader}"
    format = entry.resolved_format
    if format == "pattern":
        return f"lines of the form {entry.pattern}"
    if format == "sqlite":
        return f"table {entry.table} of an SQLite database"
    if format != "csv":
        return {"jsonl": "JSON lines", "parquet": "Parquet"}[format]
    between = " or ".join(_NAMES.get(text, text) for text in entry.separators)
    header = "" if entry.header else ", no header"
    encoding = "" if entry.encoding == "utf-8" else f", {entry.encoding}"
    quotes = ", quotes are part of the values" if entry.quote is None else ""
    return f"text with {between} between the fields{header}{encoding}{quotes}"


def _reader_columns(name: str) -> Iterator[str]:
    try:
        columns = readers.lookup(name).columns
    except ConfigError as error:  # of a package that is not installed here
        columns = {"?": str(error)}
    for column, what in columns.items():
        yield f"  `{column}`: {what}"
