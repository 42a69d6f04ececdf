"""A specification beside the raw files: what is missing, which columns there are, and whether keys meet."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import polars as pl

from hetmusic.errors import DataError, SchemaError, did_you_mean
from hetmusic.graph.build_report import Notes
from hetmusic.graph.raw import RawFiles
from hetmusic.graph.raw.kept import Room
from hetmusic.graph.raw.peek import column_names, find_source, peek
from hetmusic.graph.raw.values import convert, times, weights
from hetmusic.specs.overlap import Overlap, closest
from kg_schema.dump import DumpSpec
from kg_schema.dump_check import Problem
from kg_schema.dump_uses import edge_type, uses
from kg_schema.ontology import Ontology
from kg_schema.yaml_file import Location

_LISTED = 12


class FileCheck:
    """Looks at the files of one dump, and collects what does not fit."""

    def __init__(self, spec: DumpSpec, raw: Path, ontology: Ontology, rows: int) -> None:
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []
        self.facts: list[str] = []
        self._spec, self._raw, self._ontology, self._rows = spec, raw, ontology, rows
        self._columns: dict[str, list[str]] = {}
        self._notes = Notes(spec.name)
        self._keys: dict[str, pl.Series] = {}

    def check(self, values: bool = True) -> None:
        """Compare the specification with the files.

        :param values: whether to read the rows too; otherwise only the columns are compared.
        :raises DataError: if there is no such folder.
        """
        if not self._raw.is_dir():
            raise DataError(f"the raw folder {self._raw} is not a folder")
        for file in self._spec.files:
            self._look(file)
        lacking = set(self._check_columns())
        for file, entry in self._spec.files.items():
            if lacking & {
                *(lookup.file for lookup in entry.lookups.values()),
                *(rule.file for rule in entry.exclude),
            }:
                lacking.add(file)
        if not values or not self._columns:
            return
        entries = self._spec.files.items()
        # what cannot be read has been reported; the others are looked at as if it were not there
        absent = {file: {} if file in self._columns else {"path": [".not-there"]} for file, _ in entries}
        optional = {f: entry.model_copy(update={"optional": True, **absent[f]}) for f, entry in entries}
        lenient = self._spec.model_copy(update={"files": optional})
        with tempfile.TemporaryDirectory() as folder:
            room = Room(Path(folder))
            with RawFiles(lenient, self._raw, self._notes, room=room) as files:
                good = {file: self._read(files, file) for file in self._columns if file not in lacking}
                self._tables = {file: table for file, table in good.items() if table is not None}
                self._files = files
                self._check_values()
                self._check_ends()

    def _look(self, file: str) -> None:
        entry = self._spec.files[file]
        try:
            source = find_source(self._raw, entry)
        except (DataError, SchemaError) as error:
            where, but = (self.warnings, ", but optional") if entry.optional else (self.errors, "")
            where.append(Problem(("files", file, "path"), f"{error}{but}"))
            return
        try:
            self._columns[file] = column_names(source)
        except (DataError, SchemaError, OSError) as error:
            self.errors.append(Problem(("files", file), str(error)))

    def _check_columns(self) -> Iterator[str]:
        """Columns that the files do not have; yields the files that lack some."""
        places: list[tuple[Location, str, dict[str, list[str]]]] = list(uses(self._spec))
        for file, entry in self._spec.files.items():
            places.append((("files", file), file, {"types": list(entry.types)}))
            own = {f"lookups.{name}": [lookup.column] for name, lookup in entry.lookups.items()}
            own |= {f"resolve.{name}": [name, *rule.by] for name, rule in entry.resolve.items()}
            own |= {f"combine.{name}": columns for name, columns in entry.combine.items()}
            places.append((("files", file), file, own))
        for location, file, columns in places:
            if file not in self._columns:
                continue
            known = [*self._columns[file], *self._spec.files[file].derived]
            for key, names in columns.items():
                for name in names:
                    if name not in known:
                        yield file
                        self._lacks(file, (*location, *key.split(".")), name, known)

    def _lacks(self, file: str, location: Location, name: str, known: list[str]) -> None:
        listed = ", ".join(map(repr, known[:_LISTED])) + (", ..." if len(known) > _LISTED else "")
        path = self._spec.files[file].path[0]
        text = f"{path} has no column {name!r}{did_you_mean(name, known[:1000])}; it has {listed}"
        problem = Problem(location, text)
        if len(known) == 1:  # the delimiter may be another one; reading says which
            try:
                self._peek(file, [name])
            except DataError as error:
                problem = Problem(("files", file), str(error))
        if problem not in self.errors:
            self.errors.append(problem)

    def _peek(self, file: str, columns: list[str] | None = None) -> pl.DataFrame:
        return peek(find_source(self._raw, self._spec.files[file]), self._rows, columns).rows

    def _read(self, files: RawFiles, file: str) -> pl.DataFrame | None:
        """The first rows with all columns that are needed, derived ones too."""
        found: list[pl.DataFrame] = []
        height = 0
        try:
            for batch in files.batches(file):
                found.append(batch)
                height += batch.height
                if height >= self._rows:
                    break
        except DataError as error:
            self.errors.append(Problem(("files", file), str(error)))
            return None
        columns = ", ".join(self._columns[file][:_LISTED])
        more = f", ... ({len(self._columns[file])})" if len(self._columns[file]) > _LISTED else ""
        at_least = "at least " if height >= self._rows else ""
        name = files.source(file).name
        self.facts.append(f"{file}: {name}, {at_least}{height:,} rows; columns {columns}{more}")
        return pl.concat(found) if found else None

    def _check_values(self) -> None:
        """Weights, times and attributes that are none."""
        for kind, sources in self._spec.nodes.items():
            for number, node in enumerate(sources):
                for name, attribute in node.attributes.items():
                    here: Location = ("nodes", kind, number, "attributes", name)
                    self._convert(
                        here, node.file, partial(convert, column=attribute.column, dtype=attribute.dtype)
                    )
        for number, edge in enumerate(self._spec.edges):
            if edge.weight:
                self._convert(("edges", number, "weight"), edge.file, partial(weights, column=edge.weight))
            if edge.time:
                self._convert(("edges", number, "time"), edge.file, partial(times, spec=edge.time, part=""))
        tags = self._spec.assignments
        if tags is not None and tags.time:
            self._convert(("assignments", "time"), tags.file, partial(times, spec=tags.time, part=""))

    def _convert(self, location: Location, file: str, question: Callable[..., pl.Series]) -> None:
        if file in self._tables:
            table = self._tables[file]
            self._attempt(location, lambda: question(self._files.source(file), table))

    def _attempt(self, location: Location, question: Callable[[], object]) -> None:
        try:
            question()
        except DataError as error:
            self.errors.append(Problem(location, str(error)))

    def _check_ends(self) -> None:
        """How many rows name nodes at both ends."""
        for number, edge in enumerate(self._spec.edges):
            src, name, dst = edge_type(self._spec, edge, self._ontology)
            ends = [("src", edge.src, src), ("dst", edge.dst, dst)]
            self._compare(("edges", number), f"{src} {name} {dst}", edge.file, ends)
        tags = self._spec.assignments
        if tags is not None:
            ends = [("user", tags.user, "user"), ("item", tags.item, self._spec.item)]
            self._compare(("assignments",), "assignments", tags.file, ends)

    def _compare(self, location: Location, what: str, file: str, ends: list[tuple[str, str, str]]) -> None:
        if file not in self._tables:
            return
        shares = []
        for key, column, node_type in ends:
            keys = self._node_keys(node_type)
            if keys is None:
                continue
            overlap = Overlap.of(self._tables[file][column], keys)
            shares.append(f"{overlap.percent} of `{column}` are {node_type} nodes")
            self._judge((*location, key), file, column, node_type, overlap)
        if shares:
            self.facts.append(f"{what}: {', '.join(shares)}")

    def _judge(self, location: Location, file: str, column: str, node_type: str, overlap: Overlap) -> None:
        if overlap.share >= 0.95 or not overlap.rows:
            if not overlap.rows:
                self.errors.append(Problem(location, f"`{column}` is blank in all rows that were looked at"))
            return
        text = f"only {overlap.percent} of {overlap.rows:,} values of `{column}` are {node_type} nodes; {overlap.examples}"
        if overlap.share < 0.5 and (hint := self._hint(file, column, node_type)):
            text += f"; {hint}"
        where = self.warnings if overlap.share > 0 else self.errors
        where.append(Problem(location, text))

    def _hint(self, file: str, column: str, node_type: str) -> str:
        """What would fit better: another column, on either side."""
        keys = self._node_keys(node_type)
        tables = {}
        for other in dict.fromkeys([file, *(source.file for source in self._spec.nodes.get(node_type, []))]):
            if other in self._tables and self._spec.files[other].reader is None:
                tables[other] = self._peek(other)
        assert keys is not None
        return closest(self._tables[file][column], keys, file, tables)

    def _node_keys(self, node_type: str) -> pl.Series | None:
        """The keys of all nodes of a type, or None if a file that has some cannot be read."""
        if node_type not in self._keys:
            sources = self._spec.nodes.get(node_type, [])
            if not sources or any(source.file not in self._tables for source in sources):
                return None
            parts = []
            try:
                for source in sources:
                    parts.append(self._files.distinct(source.file, source.key))
            except DataError as error:  # further down than what was looked at
                self.errors.append(Problem(("files", source.file), str(error)))
                return None
            self._keys[node_type] = pl.concat(parts).drop_nulls().unique()
        return self._keys[node_type]
