"""From a raw dump to a graph folder; ``docs/build_graphs.md`` describes the steps for users."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hetmusic.errors import DataError
from hetmusic.graph.build_edges import build_edges
from hetmusic.graph.build_features import build_features
from hetmusic.graph.build_nodes import NodeTable, build_nodes
from hetmusic.graph.build_report import BuildReport, Notes
from hetmusic.graph.build_tags import build_tags
from hetmusic.graph.checks import check_target
from hetmusic.graph.raw import RawFiles
from hetmusic.graph.types import EdgeType
from hetmusic.graph.writer import GraphWriter
from kg_schema import dump_check
from kg_schema.dump import DumpSpec, EdgeSource
from kg_schema.ontology import Ontology

__all__ = ["BuildReport", "build_graph"]


def build_graph(
    spec: DumpSpec | str | Path,
    raw: str | Path | Mapping[str, str | Path],
    out: str | Path,
    overwrite: bool = False,
) -> BuildReport:
    """Build a graph folder from a raw dump; the same input gives the same bytes.

    :param spec: a specification, the name of a built-in one, or the path of a YAML file.
    :param raw: the folder of the raw files, or the path of each by its id in the specification.
    :param out: the graph folder; it appears only when it is complete.
    :param overwrite: replace a graph that is already there.
    :return: what was read, dropped and repaired; the graph stores the same.
    :raises SchemaError: for a mistake in the specification, naming file, line and key.
    :raises DataError: for raw files that are not as specified, naming file, line, field and counts.
    :raises UserError: if ``out`` exists already or cannot be written.
    """
    spec = spec if isinstance(spec, DumpSpec) else DumpSpec.load(spec)
    ontology = Ontology.load()
    dump_check.check(spec, ontology)
    out = Path(out)
    if out.exists() and not overwrite:  # found out now instead of after the work
        raise DataError(f"{out} already exists; choose another --out or pass --overwrite")
    check_target(out, overwrite)
    notes = Notes(spec.name)
    files = RawFiles(spec, _paths(raw), notes)
    nodes = build_nodes(spec, files, ontology, notes)
    with GraphWriter(out, overwrite) as writer:
        if spec.assignments is not None and spec.assignments.file in files:
            tags = build_tags(spec.assignments, spec.item, nodes, files, notes)
            writer.assignments(tags.assignments)
            nodes.update(tags.nodes)
        vectors_of_nodes = list(build_features(spec, nodes, files, notes))
        for node_type, table in nodes.items():
            writer.nodes(node_type, table.table)
        _write_edges(writer, spec, ontology, nodes, files, notes)
        for node_type, name, vectors in vectors_of_nodes:
            writer.modality(node_type, name, vectors.values, vectors.indices, vectors.info)
        writer.finish(
            name=spec.name,
            item=spec.item,
            interaction=spec.interaction,
            ontology=ontology,
            about=_about(spec),
            provenance=files.provenance(),
            build_report=notes.finished().model_dump(mode="json"),
        )
    return notes.finished()


def _write_edges(
    writer: GraphWriter,
    spec: DumpSpec,
    ontology: Ontology,
    nodes: Mapping[str, NodeTable],
    files: RawFiles,
    notes: Notes,
) -> None:
    sources: dict[EdgeType, list[EdgeSource]] = {}
    for edge in spec.edges:
        if edge.file in files:
            edge_type = EdgeType(*dump_check.edge_type(spec, edge, ontology))
            sources.setdefault(edge_type, []).append(edge)
    for edge_type, edges in sources.items():
        table = build_edges(edges, edge_type, ontology.relation(edge_type.relation), nodes, files, notes)
        if edge_type == ("user", spec.interaction, spec.item) and table.is_empty():
            names = list(dict.fromkeys(files.source(edge.file).name for edge in edges))
            rows = sum(notes.report.rows[name] for name in names)
            raise DataError(f"none of the {rows:,} rows of {' and '.join(names)} gives an edge {edge_type}")
        writer.edges(edge_type, table)


def _about(spec: DumpSpec) -> dict[str, str]:
    """How to name the data set; what the specification does not say is left out."""
    about = {"title": spec.title, "licence": spec.licence, "citation": spec.citation}
    return {**about, "homepage": spec.homepage} if spec.homepage else about


def _paths(raw: str | Path | Mapping[str, str | Path]) -> Path | dict[str, Path]:
    if isinstance(raw, Mapping):
        return {file: Path(path) for file, path in raw.items()}
    return Path(raw)
