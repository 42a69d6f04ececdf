"""What all dumps of a build hold together, numbered as in the graph; a single dump is the simplest case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from hetmusic.errors import DataError
from hetmusic.graph.build_edges import build_edges
from hetmusic.graph.build_features import Vectors, build_features
from hetmusic.graph.build_nodes import NodeTable, build_nodes
from hetmusic.graph.build_options import BuildOptions
from hetmusic.graph.build_report import Notes
from hetmusic.graph.build_tag_totals import read_tag_totals
from hetmusic.graph.build_tags import build_tags, tag_nodes
from hetmusic.graph.joining.dumps import Dump
from hetmusic.graph.joining.keys import KeyMaps
from hetmusic.graph.joining.nodes import NodeJoin
from hetmusic.graph.joining.parts import renumbered, unite_edges, unite_vectors
from hetmusic.graph.joining.target import Target
from hetmusic.graph.types import EdgeType
from kg_schema import dump_uses
from kg_schema.dump import EdgeSource
from kg_schema.ontology import Ontology


class Content:
    """Nodes, tag assignments and vectors of the dumps, and their edges when asked for."""

    def __init__(
        self, dumps: Sequence[Dump], options: BuildOptions, wanted: Target, ontology: Ontology, notes: Notes
    ) -> None:
        """Read everything but the edges."""
        self._wanted = wanted
        self._dumps = dumps
        self._options = options
        self._ontology = ontology
        self._notes = notes
        self._maps = KeyMaps(dumps)
        #: node type -> its nodes
        self.nodes: dict[str, NodeTable] = {}
        #: node type -> name of the dump -> all nodes by the keys that the dump has for them
        self._called: dict[str, dict[str, NodeTable]] = {}
        tables = {dump.name: build_nodes(dump.spec, dump.files, ontology, dump.notes) for dump in dumps}
        kinds = {kind for dump in dumps for kind in dump.spec.tag_kinds}
        for node_type in dict.fromkeys(kind for found in tables.values() for kind in found):
            if node_type not in kinds:
                self._join(node_type, tables)
        # name of the dump -> edges to its tags
        self._tag_edges: dict[str, dict[EdgeType, pl.DataFrame]] = {}
        #: who gave which tag to which item, if a dump says so
        self.assignments = self._tags(tables)
        #: node type, modality -> vectors
        self.vectors = self._vectors()
        self._leave_out_absent()

    @property
    def tables(self) -> dict[str, pl.DataFrame]:
        """Node type -> node table."""
        return {node_type: nodes.table for node_type, nodes in self.nodes.items()}

    def column(self, dump: str, file: str, column: str, node_type: str) -> tuple[pl.Series, str, NodeTable]:
        """A column of a file of a dump with keys of nodes, the name of the file, and the nodes by such keys."""
        (found,) = [other for other in self._dumps if other.name == dump]
        parts = [batch[column] for batch in found.files.batches(file)]
        keys = pl.concat([pl.Series(column, [], pl.String), *parts]).drop_nulls()
        return keys, found.files.source(file).name, self._called[node_type][dump]

    def _leave_out_absent(self) -> None:
        """Forget node types that only files speak of which are not there (they are optional)."""
        linked = {end for edge_type in self.edge_types() for end in (edge_type.src, edge_type.dst)}
        for node_type in set(self.nodes) - linked - {self._wanted.item}:
            sources = [(dump, node) for dump in self._dumps for node in dump.spec.nodes.get(node_type, ())]
            if sources and not any(node.file in dump.files for dump, node in sources):
                del self.nodes[node_type]

    def edge_types(self) -> dict[EdgeType, dict[str, list[EdgeSource]]]:
        """The relations that have a file, in the order of the specifications; for each the sources by dump."""
        found: dict[EdgeType, dict[str, list[EdgeSource]]] = {}
        for dump in self._dumps:
            for edge in dump.spec.edges:
                if dump.files.gives(edge.file, edge.columns):
                    edge_type = EdgeType(*dump_uses.edge_type(dump.spec, edge, self._ontology))
                    found.setdefault(edge_type, {}).setdefault(dump.name, []).append(edge)
            for edge_type in self._tag_edges[dump.name]:
                found.setdefault(edge_type, {}).setdefault(dump.name, [])
        return found

    def edges(self, edge_type: EdgeType) -> pl.DataFrame:
        """Read the edges of one relation from all dumps.

        :raises DataError: if there are no interactions.
        """
        sources = self.edge_types()[edge_type]
        parts = [
            (dump.name, self._edges_of(dump, edge_type, sources))
            for dump in self._dumps
            if dump.name in sources
        ]
        table = unite_edges(edge_type, parts, self._notes)
        if edge_type == ("user", self._wanted.interaction, self._wanted.item) and table.is_empty():
            names = [d.files.source(e.file).label for d in self._dumps for e in sources.get(d.name, [])]
            files = list(dict.fromkeys(names))
            rows = sum(self._notes.report.rows[file] for file in files)
            raise DataError(f"none of the {rows:,} rows of {' and '.join(files)} gives an edge {edge_type}")
        return table

    def _edges_of(
        self, dump: Dump, edge_type: EdgeType, sources: Mapping[str, list[EdgeSource]]
    ) -> pl.DataFrame:
        if edge_type in self._tag_edges[dump.name]:
            return self._tag_edges[dump.name][edge_type]
        relation = self._ontology.relation(edge_type.relation)
        return build_edges(
            sources[dump.name], edge_type, relation, self._nodes_of(dump), dump.files, self._notes
        )

    def _nodes_of(self, dump: Dump) -> Mapping[str, NodeTable]:
        """All nodes of the graph by the keys that a dump has for them."""
        return {kind: views[dump.name] for kind, views in self._called.items() if dump.name in views}

    def _join(self, node_type: str, tables: Mapping[str, Mapping[str, NodeTable]]) -> None:
        """Join the nodes of one type.

        :param tables: name of the dump -> node type -> nodes.
        """
        join = NodeJoin(node_type, self._maps, self._options, self._notes)
        for dump in self._dumps:
            if node_type in tables[dump.name]:
                join.add(dump, tables[dump.name][node_type])
        self.nodes[node_type], self._called[node_type] = join.finish()

    def _tags(self, tables: Mapping[str, dict[str, NodeTable]]) -> pl.DataFrame | None:
        """Read the tags and assignments of all dumps and join the nodes that the tags become."""
        found, totals = {}, {}
        for dump in self._dumps:
            source, nodes = dump.spec.assignments, self._nodes_of(dump)
            totals[dump.name] = read_tag_totals(dump.spec, nodes, dump.files, self._notes)
            words = totals[dump.name].words
            if source is not None and source.file in dump.files:
                tags = build_tags(source, dump.spec.item, nodes, dump.files, self._notes, words)
                found[dump.name] = tags
                tables[dump.name].update(tags.nodes)
            else:
                tables[dump.name].update(tag_nodes([], words))
        for node_type in dict.fromkeys(kind for dump in self._dumps for kind in tables[dump.name]):
            if node_type not in self.nodes:
                self._join(node_type, tables)
        for dump in self._dumps:
            self._tag_edges[dump.name] = dict(totals[dump.name].tables(self._nodes_of(dump)))
        parts = [
            renumbered(found[dump.name].assignments, found[dump.name].nodes, self._nodes_of(dump))
            for dump in self._dumps
            if dump.name in found
        ]
        return pl.concat(parts) if parts else None

    def _vectors(self) -> dict[tuple[str, str], Vectors]:
        found: dict[tuple[str, str], list[tuple[str, Vectors]]] = {}
        for dump in self._dumps:
            for node_type, name, vectors in build_features(
                dump.spec, self._nodes_of(dump), dump.files, dump.notes
            ):
                found.setdefault((node_type, name), []).append((dump.name, vectors))
        return {key: unite_vectors(*key, parts, self._notes) for key, parts in found.items()}
