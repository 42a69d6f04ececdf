"""The files of a dump: where they are, how to read them, and what is added to their rows from other files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from kg_schema.models import SpecModel, mistake

Format = Literal["csv", "jsonl", "parquet", "sqlite", "pattern"]
ScalarType = Literal["str", "int", "float", "bool"]

_SUFFIXES: dict[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".db": "sqlite",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
}
#: suffixes of compressed files, which do not say what is inside
COMPRESSED = (".gz", ".zip")
#: key -> the formats that have it; a key that is not listed is for all
_KEYS: dict[str, tuple[str, ...]] = {
    "delimiter": ("csv",),
    "quote": ("csv",),
    "header": ("csv",),
    "columns": ("csv",),
    "comment": ("csv", "pattern"),
    "ragged": ("csv", "pattern"),
    "final_newline": ("csv", "pattern", "reader"),
    "encoding": ("csv", "jsonl", "pattern", "reader"),
    "table": ("sqlite", "reader"),
    "pattern": ("pattern",),
    "options": ("reader",),
}


def is_pattern(path: str) -> bool:
    """Whether a path, or a part of one, stands for all files whose names fit."""
    return any(character in path for character in "*?[")


def format_of(path: str) -> Format | None:
    """The format that a suffix stands for, also before that of a compressed file; None for all others."""
    place = PurePosixPath(path.lower())
    if place.suffix in COMPRESSED:
        place = place.with_suffix("")
    return _SUFFIXES.get(place.suffix)


def _listed(value: Any) -> Any:
    """Let a single text stand for a list of one."""
    return [value] if isinstance(value, str) else value


class Lookup(SpecModel):
    """A column that is found in another file: the ``value`` of the row whose ``key`` is what ``column`` says."""

    column: str
    file: str
    key: str
    value: str
    #: whether a key with several values, such as a name that two artists have, has none instead of the first
    unique: bool = False
    #: whether what is not found stays what ``column`` says
    keep: bool = False


class Resolve(SpecModel):
    """How a row whose id is blank gets one: from other rows of the file that have the same names, or of the names."""

    #: columns with the names; a row counts as the same where all of them are equal
    by: Annotated[list[str], BeforeValidator(_listed), Field(min_length=1)]
    #: begins the keys that are made of names, so that they are never taken for ids of the data
    prefix: str = Field(default="name:", min_length=1)


class Exclude(SpecModel):
    """Rows that are left out because another file, say a published list of errors, names them."""

    #: column of the rows
    column: str
    file: str
    #: column of the other file with the values to leave out
    key: str


Texts = Annotated[list[str], BeforeValidator(_listed), Field(min_length=1)]


class FileSpec(SpecModel):
    """A raw file and how to read it."""

    #: what it holds, in a few words, for the description of the dump
    about: str = ""
    #: relative to the raw folder, which it may not leave; of several the first that is there; each may also end in
    #: ``.gz`` or ``.zip``, or be a folder or a pattern (``year=*/*.csv``), whose files are read as one
    path: Texts
    #: by default from the suffix: ``.parquet``/``.pq``, ``.jsonl``/``.ndjson``, ``.db``/``.sqlite``; all else is csv
    format: Format | None = None
    #: a named reader, or ``module:Class``, for files that are no tables; instead of ``format``
    reader: str | None = Field(default=None, min_length=1)
    #: settings of the reader
    options: dict[str, str | int | float | bool] = Field(default_factory=dict)
    #: the table of an SQLite database
    table: str | None = Field(default=None, min_length=1)
    #: regular expression whose named groups are the columns of a line
    pattern: str | None = Field(default=None, min_length=1)
    #: text between two fields of a csv file, of any length; by default a tab for ``.tsv``, else a comma; of several the
    #: first that the first line holds
    delimiter: Annotated[list[str] | None, BeforeValidator(_listed)] = Field(default=None, min_length=1)
    encoding: Literal["utf-8", "utf-8-sig", "latin-1", "cp1252"] = "utf-8"
    #: character around fields that hold the delimiter or line breaks; null = quotes are part of the value
    quote: str | None = Field(default='"', min_length=1, max_length=1)
    #: what lines to skip begin with
    comment: str | None = Field(default=None, min_length=1)
    #: whether the first line of a csv file names the columns
    header: bool = True
    #: the names of all columns of a csv file without header
    columns: list[str] | None = Field(default=None, min_length=1)
    #: columns whose every value must be of a type, checked while reading; keys stay the texts they are
    types: dict[str, ScalarType] = Field(default_factory=dict)
    #: whether white space around values, tabs included, is no part of them
    strip: bool = False
    #: values that mean "nothing here", beside the empty field: for all columns, or by column
    nulls: list[str] | dict[str, list[str]] = Field(default_factory=list)
    #: what to do about rows with too few or too many fields; ``pad``: too few are fine, the others are blank
    ragged: Literal["error", "drop", "pad"] = "error"
    #: whether a complete file ends with a line break, so that a missing one proves that it was cut off
    final_newline: bool = False
    #: new column with the number of the line, by which files that agree line for line are joined
    numbered: str | None = Field(default=None, min_length=1)
    #: columns of ids whose blanks are resolved by names
    resolve: dict[str, Resolve] = Field(default_factory=dict)
    #: new columns made of several others, joined by ``|``; blank where one of them is
    combine: dict[str, list[str]] = Field(default_factory=dict)
    #: new columns found in other files
    lookups: dict[str, Lookup] = Field(default_factory=dict)
    #: rows to leave out
    exclude: list[Exclude] = Field(default_factory=list)
    #: bytes of the complete file, unpacked, for the description of the dump
    size: int | None = Field(default=None, ge=0)
    #: number of rows of the complete file; another number is a warning
    rows: int | None = Field(default=None, ge=0)
    #: share of the rows that may be dropped, where the real file is known to be worse than most
    max_dropped: float | None = Field(default=None, ge=0, le=1)
    #: whether the dump is complete without this file
    optional: bool = False
    #: files that say the same: if one of them is there, this one is not read
    unless: Annotated[list[str], BeforeValidator(_listed)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _consistent(self) -> FileSpec:
        for path in self.path:
            check_inside(path, "path")
        if self.reader is not None and self.format is not None:
            raise mistake("a file has a `reader` or a `format`, not both", "reader")
        for key, texts in (
            ("delimiter", self.separators),
            ("quote", [self.quote]),
            ("comment", [self.comment]),
        ):
            for text in texts:
                self._check_marks(key, text or "")
        kind = "reader" if self.reader else self.resolved_format
        for key in sorted(self.model_fields_set & _KEYS.keys()):
            if kind not in _KEYS[key]:
                what = f"this file is read by {self.reader!r}" if self.reader else f"this is a {kind} file"
                raise mistake(f"is for {' and '.join(_KEYS[key])} files, and {what}", key)
        if kind == "csv":
            self._check_csv()
        if kind == "pattern":
            self._check_pattern()
        if kind == "sqlite" and self.table is None:
            raise mistake("an SQLite database needs `table`", "path")
        if self.unless and not self.optional:
            raise mistake("is for files that are `optional`", "unless")
        self._check_derived()
        return self

    def _check_marks(self, key: str, text: str) -> None:
        if any(character in text for character in "\n\r\0"):
            raise mistake("holds a line break or NUL, which no line does", key)
        try:
            text.encode(self.encoding)
        except UnicodeEncodeError:
            raise mistake(f"{self.encoding} has no {text!r}", key) from None

    def _check_csv(self) -> None:
        if self.header == (self.columns is not None):
            text = "is for files without header; set `header: false`" if self.header else "is missing"
            raise mistake(f"`columns` {text}", "columns" if self.header else "header")
        if self.columns is not None and len(set(self.columns)) != len(self.columns):
            raise mistake("a column is listed twice", "columns")
        if "" in self.separators:
            raise mistake("a delimiter has at least one character", "delimiter")
        if self.quote in self.separators:
            raise mistake("the delimiter and the quote are one character", "quote")
        if self.quote is not None and any(len(separator) != 1 for separator in self.separators):
            raise mistake("a delimiter of several characters needs `quote: null`", "delimiter")
        if self.quote is not None and self.comment is not None:
            raise mistake("comments need `quote: null`", "comment")

    def _check_pattern(self) -> None:
        if self.pattern is None:
            raise mistake("a pattern file needs `pattern`", "format")
        if self.ragged == "pad":
            raise mistake("a line fits the pattern or it does not: `error` or `drop`", "ragged")
        try:
            groups = re.compile(self.pattern).groupindex
        except re.error as error:
            raise mistake(f"not a regular expression: {error}", "pattern") from None
        if not groups:
            raise mistake("needs a named group, (?P<name>...), for each column", "pattern")

    def _check_derived(self) -> None:
        for key, new in (("combine", self.combine), ("lookups", self.lookups)):
            for name in new:
                if name in (self.known_columns or ()) or (key == "lookups" and name in self.combine):
                    raise mistake("there is such a column already; choose another name", key, name)
        if self.numbered in [*(self.known_columns or ()), *self.combine, *self.lookups]:
            raise mistake("there is such a column already; choose another name", "numbered")
        names = list(self.lookups)
        for number, lookup in enumerate(self.lookups.values()):
            if lookup.column in names[number:]:
                raise mistake("comes later, so it is not known yet", "lookups", names[number], "column")
        for name, rule in self.resolve.items():
            if name in rule.by or len(set(rule.by)) != len(rule.by):
                raise mistake(
                    "lists each column once, and not the one that is resolved", "resolve", name, "by"
                )
        for name, columns in self.combine.items():
            if len(columns) < 2:
                raise mistake("needs at least two columns", "combine", name)

    @property
    def resolved_format(self) -> Format:
        """The format, from the suffix of the first path where not given."""
        return self.format or format_of(self.path[0]) or "csv"

    @property
    def separators(self) -> list[str]:
        """The delimiters to try, from the suffix where not given."""
        if self.delimiter is not None:
            return ["\t" if text == "\\t" else text for text in self.delimiter]
        path = PurePosixPath(self.path[0].lower())
        if path.suffix in COMPRESSED:
            path = path.with_suffix("")
        return ["\t" if path.suffix == ".tsv" else ","]

    @property
    def known_columns(self) -> list[str] | None:
        """The columns that the file is said to have, before derived ones; None if only the file itself knows."""
        if self.pattern is not None:
            return list(re.compile(self.pattern).groupindex)
        return self.columns

    @property
    def derived(self) -> list[str]:
        """The columns that are made of others or found in other files."""
        return [*([self.numbered] if self.numbered else ()), *self.combine, *self.lookups]

    def lookups_for(self, columns: Iterable[str]) -> dict[str, Lookup]:
        """The lookups that some columns need, in an order in which each finds the column it looks at."""
        wanted = set(columns)
        for name, lookup in reversed(self.lookups.items()):
            if name in wanted:
                wanted.add(lookup.column)
        return {name: lookup for name, lookup in self.lookups.items() if name in wanted}

    def nulls_of(self, column: str) -> list[str]:
        """What means "nothing here" in a column, the empty text included."""
        more = self.nulls.get(column, []) if isinstance(self.nulls, dict) else self.nulls
        return ["", *more]


def check_inside(path: str, *at: str) -> None:
    """Refuse paths that leave the raw folder; lexically, since the folder is not known yet.

    :param at: the way to the key that holds the path.
    """
    parts = path.replace("\\", "/").split("/")
    if not path:
        raise mistake("a path is empty", *at)
    if ".." in parts or parts[0] == "" or parts[0].endswith(":") or "\0" in path:
        raise mistake(f"{path!r} leaves the raw folder; give a path relative to it", *at)
