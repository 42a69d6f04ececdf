"""The build report: every row that was dropped, repaired or merged, by file and reason."""

from __future__ import annotations

import copy
from typing import Any, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

#: dropped: the row is not in the graph; left out: likewise, as the specification expects; repaired: a value was replaced;
#: merged: it says what another row says
Action = Literal["dropped", "left out", "repaired", "merged"]

#: column with the 1-based number of the line (parquet: row) that a row comes from; of a table in several files the
#: number of the file, from 0, stands in the upper bits
LINE = "__line__"
_PART_BITS = 40
_FIRST_LINES = 5
_EXAMPLES = 3


def encoded_line(part: int, line: pl.Expr) -> pl.Expr:
    """The ``LINE`` of rows of one of several files."""
    return line + (part << _PART_BITS)


def decoded_line(line: int) -> tuple[int, int]:
    """The number of the file, from 0, and that of the line in it, from 1."""
    return line >> _PART_BITS, line & ((1 << _PART_BITS) - 1)


class Finding(BaseModel):
    """Rows of one file that were treated in one way for one reason."""

    model_config = ConfigDict(extra="forbid")

    #: file name without folder
    file: str
    #: what was being read from it, e.g. ``edges user__likes__artist``
    part: str
    action: Action
    #: e.g. ``unknown artist``
    reason: str
    #: number of rows
    rows: int = 0
    #: number of different values concerned, e.g. of unknown artists; None where there is no value
    values: int | None = None
    #: the first of these values
    examples: list[str] = Field(default_factory=list)
    #: 1-based numbers of the first lines concerned (rows for parquet)
    first_lines: list[int] = Field(default_factory=list)
    #: the files that these lines are from, if the table is in several files
    first_parts: list[str] = Field(default_factory=list)

    @property
    def first_place(self) -> str:
        """Where the first row stands."""
        of_part = f" of {self.first_parts[0]}" if self.first_parts else ""
        return f"line {self.first_lines[0]:,}{of_part}"

    @property
    def is_unknown(self) -> bool:
        """Whether the rows name a node that does not exist."""
        return self.reason.startswith("unknown ")


class PartRows(BaseModel):
    """What one part of a build read from one file."""

    model_config = ConfigDict(extra="forbid")

    file: str
    #: as in :class:`Finding`
    part: str
    #: rows of the file
    rows: int
    #: of these, rows that are in the graph, alone or merged with others
    used: int


class TagSplit(BaseModel):
    """What became of the tags of one kind."""

    model_config = ConfigDict(extra="forbid")

    #: different tags in the data
    tags: int
    #: nodes they became; several tags may mean one genre or emotion
    nodes: int
    #: rows of the tag file
    rows: int
    #: assignments in the graph; fewer than rows where tags of one row pair mean the same
    assignments: int


class JoinedNodes(BaseModel):
    """How the nodes of one type of one dump were joined with those of the dumps that were named before it."""

    model_config = ConfigDict(extra="forbid")

    node_type: str
    dump: str
    #: key space of the dump's keys
    space: str
    #: ``key``, the way through key maps, or empty for the first dump and for nodes that are kept apart
    by: str = ""
    #: nodes of the dump
    nodes: int
    #: of these, nodes that the graph had already
    joined: int = 0
    #: of the joined ones, those that were joined by their name
    by_name: int = 0
    #: nodes that the graph had not
    new: int = 0
    #: nodes of the dump that turned out to be another node of the dump
    merged: int = 0
    #: nodes for which there are several candidates, and which are therefore not joined
    ambiguous: int = 0
    #: attribute -> nodes of which an earlier dump says something else, which counts
    differing: dict[str, int] = Field(default_factory=dict)
    #: some of those that were joined by name, in words
    examples: list[str] = Field(default_factory=list)
    ambiguous_examples: list[str] = Field(default_factory=list)


class JoinedEdges(BaseModel):
    """Edges of one relation that one of several dumps gave."""

    model_config = ConfigDict(extra="forbid")

    #: ``src__relation__dst``
    edge_type: str
    dump: str
    #: pairs of the dump
    edges: int
    #: of these, pairs that dumps named before it gave already, whose weight and time count
    known: int


class FilterStep(BaseModel):
    """What one filter removed of what those before it had left."""

    model_config = ConfigDict(extra="forbid")

    #: name of the filter and its setting
    filter: str
    #: nodes by type
    nodes: dict[str, int] = Field(default_factory=dict)
    #: edges by ``src__relation__dst``
    edges: dict[str, int] = Field(default_factory=dict)
    #: tag assignments by kind
    assignments: dict[str, int] = Field(default_factory=dict)


class BuildReport(BaseModel):
    """What building a graph read, dropped and repaired; stored as ``build_report`` in ``graph.json``."""

    model_config = ConfigDict(extra="forbid")

    dump: str
    #: rows read, by file name
    rows: dict[str, int] = Field(default_factory=dict)
    #: how many of them were used for what
    parts: list[PartRows] = Field(default_factory=list)
    findings: list[Finding] = Field(default_factory=list)
    #: by kind: genre, emotion, tag
    tags: dict[str, TagSplit] = Field(default_factory=dict)
    #: how the nodes of several dumps were joined
    joins: list[JoinedNodes] = Field(default_factory=list)
    #: what each dump gave to relations that several dumps have
    joined_edges: list[JoinedEdges] = Field(default_factory=list)
    #: what filters removed, in the order in which they were applied
    filters: list[FilterStep] = Field(default_factory=list)
    #: options of the build that were given
    options: dict[str, Any] = Field(default_factory=dict)
    #: what looks odd without any row being changed
    warnings: list[str] = Field(default_factory=list)

    def find(self, reason: str, file: str | None = None) -> Finding | None:
        """The finding with that reason (in that file), or None."""
        fits = (f for f in self.findings if f.reason == reason and file in (None, f.file))
        return next(fits, None)

    def total(self, action: Action) -> int:
        """Number of rows that were dropped, repaired or merged; a row counts once per part that reads it."""
        return sum(finding.rows for finding in self.findings if finding.action == action)


class Notes:
    """Collects a :class:`BuildReport` while files are read batch by batch."""

    def __init__(self, dump: str) -> None:
        self.report = BuildReport(dump=dump)
        self._values: dict[int, set[str]] = {}
        self._by_reason: dict[tuple[str, str, str], Finding] = {}
        #: file name -> names of its parts, of tables in several files
        self.parts: dict[str, list[str]] = {}
        self._dump = ""
        # (file, part), and file -> rows that are left
        self._reads: set[tuple[str, str]] = set()
        self._left: dict[str, int] = {}

    def of_dump(self, name: str) -> Notes:
        """For the same report, saying in every warning which of several dumps it is about."""
        own = copy.copy(self)
        own._dump = name
        return own

    def add(
        self, action: Action, reason: str, rows: pl.DataFrame, *, file: str, part: str, value: str = ""
    ) -> None:
        """Count rows.

        :param rows: the rows concerned, with a column ``LINE``, in the order of the file.
        :param value: column of ``rows`` whose different values are counted and quoted, if any.
        """
        if rows.is_empty():
            return
        finding = self._finding(action, reason, file, part)
        finding.rows += rows.height
        room = _FIRST_LINES - len(finding.first_lines)
        for number, line in map(decoded_line, rows[LINE].head(room)):
            finding.first_lines.append(line)
            if file in self.parts:
                finding.first_parts.append(self.parts[file][number])
        if value:
            self._add_values(finding, rows[value].cast(pl.String))

    def reads(self, file: str, part: str) -> None:
        """Note that a part of the build reads a file."""
        self._reads.add((file, part))

    def read(self, file: str, rows: int, left: int) -> None:
        """Note how many rows a file has, and how many are left without those that its specification leaves out."""
        self.report.rows[file], self._left[file] = rows, left

    def warn(self, text: str) -> None:
        """Note something that looks odd."""
        self.report.warnings.append(self._named(text))

    def warn_once(self, text: str) -> None:
        """Note something that several files of one name may have in common."""
        if self._named(text) not in self.report.warnings:
            self.warn(text)

    def _named(self, text: str) -> str:
        says_it = not self._dump or text.startswith(f"{self._dump}/")
        return text if says_it else f"{self._dump}: {text}"

    def finished(self) -> BuildReport:
        """The report, in an order that does not depend on how the files were cut into batches."""
        self.report.findings.sort(key=lambda f: (f.file, f.part, f.action, f.reason))
        self.report.parts = [
            PartRows(
                file=file,
                part=part,
                rows=self.report.rows[file],
                used=self._left[file] - self._lost(file, part),
            )
            for file, part in sorted(self._reads)
        ]
        return self.report

    def _lost(self, file: str, part: str) -> int:
        found = (f for f in self.report.findings if (f.file, f.part) == (file, part))
        return sum(finding.rows for finding in found if finding.action in ("dropped", "left out"))

    def _finding(self, action: Action, reason: str, file: str, part: str) -> Finding:
        found = self._by_reason.get((file, part, reason))
        if found is None:
            found = Finding(file=file, part=part, action=action, reason=reason)
            self._by_reason[file, part, reason] = found
            self.report.findings.append(found)
        return found

    def _add_values(self, finding: Finding, values: pl.Series) -> None:
        seen = self._values.setdefault(id(finding), set())
        for value in values.drop_nulls().unique(maintain_order=True).to_list():
            if value not in seen and len(finding.examples) < _EXAMPLES:
                finding.examples.append(value)
            seen.add(value)
        finding.values = len(seen)
