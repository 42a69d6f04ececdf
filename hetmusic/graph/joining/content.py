"""What all dumps of a build hold together, numbered as in the graph; a single dump is the simplest case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from hetmusic.graph.build_edges import build_edges
from hetmusic.graph.build_features import Vectors, build_features
from hetmusic.graph.build_nodes import NodeTable, build_nodes
from hetmusic.graph.build_options import BuildOptions
from hetmusic.graph.build_report import Notes
from hetmusic.graph.build_tags import build_tags
from hetmusic.graph.joining.dumps import Dump
from hetmusic.graph.joining.keys import KeyMaps
from hetmusic.graph.joining.nodes import NodeJoin
from hetmusic.graph.joining.parts import renumbered, unite_edges, unite_vectors
from hetmusic.graph.types import EdgeType
from kg_schema import dump_check
from kg_schema.dump import EdgeSource
from kg_schema.ontology import Ontology


class Content:
    """Nodes, tag assignments and vectors of the dumps, and their edges when asked for."""

    def __init__(
        self, dumps: Sequence[Dump], options: BuildOptions, ontology: Ontology, notes: Notes
    ) -> None:
        """Read everything but the edges."""
        self._dumps = dumps
        self._options = options
        self._ontology = ontology
        self._notes = notes
        self._maps = KeyMaps(dumps)
        #: node type -> its nodes
        self.nodes: dict[str, NodeTable] = {}
        #: node type -> key space -> its nodes by the keys of that space
        self._called: dict[str, dict[str, NodeTable]] = {}
        tables = {dump.name: build_nodes(dump.spec, dump.files, ontology, dump.notes) for dump in dumps}
        kinds = {kind for dump in dumps if dump.spec.assignments for kind in dump.spec.assignments.kinds}
        for node_type in dict.fromkeys(kind for found in tables.values() for kind in found):
            if node_type not in kinds:
                self._join(node_type, tables)
        #: who gave which tag to which item, if a dump says so
        self.assignments = self._tags(tables)
        #: node type, modality -> vectors
        self.vectors = self._vectors()

    def edge_types(self) -> dict[EdgeType, dict[str, list[EdgeSource]]]:
        """The relations that have a file, in the order of the specifications; for each the sources by dump."""
        found: dict[EdgeType, dict[str, list[EdgeSource]]] = {}
        for dump in self._dumps:
            for edge in dump.spec.edges:
                if edge.file in dump.files:
                    edge_type = EdgeType(*dump_check.edge_type(dump.spec, edge, self._ontology))
                    found.setdefault(edge_type, {}).setdefault(dump.name, []).append(edge)
        return found

    def edges(self, edge_type: EdgeType) -> pl.DataFrame:
        """Read the edges of one relation from all dumps."""
        sources = self.edge_types()[edge_type]
        relation = self._ontology.relation(edge_type.relation)
        parts = [
            (
                dump.name,
                build_edges(
                    sources[dump.name], edge_type, relation, self._nodes_of(dump), dump.files, self._notes
                ),
            )
            for dump in self._dumps
            if dump.name in sources
        ]
        return unite_edges(edge_type, parts, self._notes)

    def files_of(self, edge_type: EdgeType) -> list[str]:
        """Names of the files that a relation comes from."""
        sources = self.edge_types()[edge_type]
        names = [d.files.source(e.file).name for d in self._dumps for e in sources.get(d.name, [])]
        return list(dict.fromkeys(names))

    def _nodes_of(self, dump: Dump) -> Mapping[str, NodeTable]:
        """All nodes of the graph by the keys that a dump has for them."""
        spaces = {node_type: dump.spec.key_space(node_type) for node_type in self._called}
        return {
            kind: self._called[kind][space] for kind, space in spaces.items() if space in self._called[kind]
        }

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
        """Read the assignments of all dumps and join the nodes that their tags become."""
        found = {}
        for dump in self._dumps:
            source = dump.spec.assignments
            if source is not None and source.file in dump.files:
                tags = build_tags(source, dump.spec.item, self._nodes_of(dump), dump.files, self._notes)
                found[dump.name] = tags
                tables[dump.name].update(tags.nodes)
        for node_type in dict.fromkeys(kind for dump in self._dumps for kind in tables[dump.name]):
            if node_type not in self.nodes:
                self._join(node_type, tables)
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
