"""Node tables from the sources of a dump, and the way from original keys to node indices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import polars as pl

from hetmusic.graph.build_report import LINE, Notes
from hetmusic.graph.raw import RawFiles
from hetmusic.graph.raw.codes import Codes
from hetmusic.graph.raw.values import convert
from hetmusic.graph.writer import sort_nodes
from kg_schema.dump import DumpSpec, NodeSource
from kg_schema.dump_files import ScalarType
from kg_schema.dump_uses import edge_type
from kg_schema.ontology import Ontology

_DTYPES: dict[ScalarType, pl.DataType] = {
    "str": pl.String(),
    "int": pl.Int64(),
    "float": pl.Float64(),
    "bool": pl.Boolean(),
}
_EXAMPLES = 3
# Rows of a log are reduced to different ones whenever so many more have been read.
_COMPACT = 1 << 20


class NodeTable:
    """The nodes of one type in index order."""

    def __init__(self, node_type: str, table: pl.DataFrame) -> None:
        """Sort the nodes.

        :param table: columns ``key`` (unique), ``name``, attributes.
        """
        self.node_type = node_type
        self.table = sort_nodes(table)
        index = pl.int_range(self.table.height, dtype=pl.Int32, eager=True).alias("index")
        self._index = self.table.select("key").with_columns(index)

    def index_of(self, keys: pl.Series, codes: Codes | None = None) -> pl.Series:
        """Node index of every key as Int32, null for unknown keys and for null.

        :param codes: what the keys are if they are numbers; all texts must have one already.
        """
        if codes is not None:
            return codes.mapped(self.index_of).gather(keys)
        found = keys.alias("key").to_frame().join(self._index, on="key", how="left", maintain_order="left")
        return found["index"]

    def called(self, links: pl.DataFrame) -> NodeTable:
        """The same nodes, found by other keys.

        :param links: the other ``key`` (unique) of a node and its key in the ``graph``; those of unknown nodes are ignored.
        """
        return _Renamed(self, links)

    def also_called(self, links: pl.DataFrame) -> NodeTable:
        """The same nodes, found by their keys and before them by other keys."""
        if links.is_empty():
            return self
        found = _Renamed(self._by_graph_keys(), links)
        known = self._index.join(found._index, on="key", how="anti")
        found._index = pl.concat([found._index, known])
        return found

    def _by_graph_keys(self) -> NodeTable:
        return self

    def add_attribute(self, name: str, values: pl.Series) -> None:
        """Add an attribute of all nodes, in index order; where there is such a one, the values that it lacks."""
        if name in self.table.columns:
            values = pl.select(pl.coalesce(self.table[name], values)).to_series()
        self.table = self.table.with_columns(values.alias(name))


class _Renamed(NodeTable):
    """The nodes of another table by other keys; what is added to them is added to the table."""

    def __init__(self, nodes: NodeTable, links: pl.DataFrame) -> None:
        self.node_type = nodes.node_type
        self._nodes = nodes
        self._index = links.select("key", nodes.index_of(links["graph"]).alias("index")).drop_nulls()

    @property
    def table(self) -> pl.DataFrame:  # type: ignore[override]
        """The nodes, with their key in the graph."""
        return self._nodes.table

    def _by_graph_keys(self) -> NodeTable:
        return self._nodes

    def add_attribute(self, name: str, values: pl.Series) -> None:
        """Add an attribute of all nodes, in index order."""
        self._nodes.add_attribute(name, values)


def build_nodes(spec: DumpSpec, files: RawFiles, ontology: Ontology, notes: Notes) -> dict[str, NodeTable]:
    """Collect the nodes of every declared type and of types whose unknown nodes are to be created."""
    created = _created(spec, ontology)
    types = dict.fromkeys([*spec.nodes, *created])
    tables = {}
    for node_type in types:
        table = _collect(spec, spec.nodes.get(node_type, []), node_type, files, notes)
        known = table.height
        if node_type in created:
            extra = _collect(spec, created[node_type], node_type, files, notes)
            table = first_values([table, extra])
            if table.height > known:
                notes.warn(
                    f"{table.height - known:,} {node_type} nodes were created from edges or assignments alone"
                )
        _warn_about_cases(table, node_type, notes)
        tables[node_type] = NodeTable(node_type, table)
    return tables


def _created(spec: DumpSpec, ontology: Ontology) -> dict[str, list[NodeSource]]:
    """Node type -> the columns of edges and assignments whose unknown keys become nodes."""
    sources: dict[str, list[NodeSource]] = defaultdict(list)
    for edge in spec.edges:
        if edge.on_unknown == "create":
            src, _, dst = edge_type(spec, edge, ontology)
            sources[src].append(NodeSource(file=edge.file, key=edge.src))
            sources[dst].append(NodeSource(file=edge.file, key=edge.dst))
    tags = spec.assignments
    if tags is not None and tags.on_unknown == "create":
        sources["user"].append(NodeSource(file=tags.file, key=tags.user))
        sources[spec.item].append(NodeSource(file=tags.file, key=tags.item))
    for totals in spec.tags:
        if totals.on_unknown == "create":
            sources[totals.type or spec.item].append(NodeSource(file=totals.file, key=totals.item))
    return dict(sources)


def _collect(
    spec: DumpSpec, sources: list[NodeSource], node_type: str, files: RawFiles, notes: Notes
) -> pl.DataFrame:
    """Unite the sources of one type: all keys, and for each column the first value that is not null."""
    empty = pl.DataFrame(schema={"key": pl.String(), "name": pl.String()})
    parts = [empty]
    for source in sources:
        if source.file in files and not (source.name or source.attributes):
            # Blank ends of edges are counted where the edges are read.
            keys = files.distinct(source.file, source.key)
            parts.append(pl.concat([empty, keys.alias("key").to_frame()], how="diagonal"))
        elif source.file in files:
            repeats = spec.is_log(source.file) or spec.leads_to(source.file, source.key)
            batches = _read(source, node_type, files, notes)
            if repeats:
                batches = _different(batches)
            rows = pl.concat([empty, *batches], how="diagonal_relaxed")
            _note_repeats(rows, source, repeats, node_type, files, notes)
            parts.append(first_values([rows]))
    return first_values(parts)


def _read(source: NodeSource, node_type: str, files: RawFiles, notes: Notes) -> Iterator[pl.DataFrame]:
    raw = files.source(source.file)
    notes.reads(raw.label, f"nodes {node_type}")
    for batch in files.batches(source.file):
        columns = {"key": batch[source.key]}
        if source.name:
            columns["name"] = batch[source.name]
        for name, attribute in source.attributes.items():
            columns[name] = convert(raw, batch, attribute.column, attribute.dtype).cast(
                _DTYPES[attribute.dtype]
            )
        rows = pl.DataFrame({**columns, LINE: batch[LINE]})
        blank = rows.filter(pl.col("key").is_null())
        notes.add("dropped", f"blank {node_type}", blank, file=raw.label, part=f"nodes {node_type}")
        yield rows.drop_nulls("key")


def _different(batches: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Leave out rows that say what an earlier row has said; memory grows with the different rows alone."""
    parts: list[pl.DataFrame] = []
    height = limit = 0
    for batch in batches:
        parts.append(_unique(batch))
        height += parts[-1].height
        if height > 2 * limit + _COMPACT:
            parts = [_unique(pl.concat(parts))]
            height = limit = parts[0].height
    if parts:
        yield _unique(pl.concat(parts))


def _unique(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.unique(pl.selectors.exclude(LINE), keep="first", maintain_order=True)


def _note_repeats(
    rows: pl.DataFrame, source: NodeSource, different: bool, node_type: str, files: RawFiles, notes: Notes
) -> None:
    """Count rows with a key that an earlier row has; ``different``: only those that contradict what earlier ones say."""
    repeats = _contradicting(rows) if different else rows.filter(~pl.col("key").is_first_distinct())
    file = files.source(source.file).label
    reason = f"other values of a repeated {node_type}" if different else f"repeated {node_type}"
    notes.add("merged", reason, repeats, file=file, part=f"nodes {node_type}", value="key")


def _contradicting(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with a value that is not the first one of their key; a blank contradicts nothing."""
    columns = [name for name in rows.columns if name not in ("key", LINE)]
    first = first_values([rows]).rename({name: f"first:{name}" for name in columns})
    both = rows.join(first, on="key", how="left", maintain_order="left")
    other = [(pl.col(name) != pl.col(f"first:{name}")).fill_null(False) for name in columns]
    return both.filter(pl.any_horizontal(other)).select(rows.columns)


def first_values(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """One row per ``key``, in the order in which keys occur first, with the first value of each column that is not null."""
    rows = pl.concat(parts, how="diagonal_relaxed").drop(LINE, strict=False)
    values = pl.exclude("key").drop_nulls().first()
    if not rows["key"].is_duplicated().any():
        return rows
    return rows.group_by("key", maintain_order=True).agg(values)


def _warn_about_cases(table: pl.DataFrame, node_type: str, notes: Notes) -> None:
    """Names that differ only in case are most likely one thing, but that is for people to decide."""
    names = table["name"].drop_nulls().unique()
    alike = pl.DataFrame({"name": names, "folded": _casefolded(names)}).filter(
        pl.col("folded").is_duplicated()
    )
    groups: dict[str, list[str]] = defaultdict(list)
    for name, folded in alike.sort("folded", "name").iter_rows():
        groups[folded].append(name)
    if groups:
        examples = ", ".join(" / ".join(map(repr, group)) for group in list(groups.values())[:_EXAMPLES])
        notes.warn(
            f"{alike.height:,} {node_type} names in {len(groups):,} groups differ only in upper and lower case, "
            f"and are kept apart: {examples}{', ...' if len(groups) > _EXAMPLES else ''}"
        )


def _casefolded(names: pl.Series) -> pl.Series:
    """Each text case-folded; polars does it for ASCII, where that is lower case, and Python for the others."""
    ascii = names.str.len_bytes() == names.str.len_chars()
    others = names.filter(~ascii)
    folded = pl.Series([name.casefold() for name in others.to_list()], dtype=pl.String)
    at = ascii.arg_true().append((~ascii).arg_true())
    return names.filter(ascii).str.to_lowercase().append(folded).gather(at.arg_sort())
