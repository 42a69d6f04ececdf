"""A folder of CSV tables with the specification from which ``hetmusic build`` makes the same graph again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml
from numpy.typing import NDArray

from hetmusic._io import explaining_failed_write
from hetmusic.errors import DataError, SchemaError
from hetmusic.graph.export.assignments import Tags, restorable_tags
from hetmusic.graph.export.base import ExportReport, new_folder, plain_nodes
from hetmusic.graph.music_graph import MusicGraph
from hetmusic.graph.types import Edges, EdgeType
from kg_schema.dump import DumpSpec
from kg_schema.ontology import Ontology

SPEC_FILE = "spec.yaml"
_ROWS = 1 << 20
_UNKNOWN_TIME = np.iinfo(np.int64).min
_ABOUT = ("title", "licence", "citation", "homepage")


def export_csv(graph: MusicGraph, out: Path, overwrite: bool) -> ExportReport:
    """Write ``nodes-<type>.csv``, ``edges-<relation>.csv``, tag assignments, features, and ``spec.yaml``.

    :raises DataError: if the graph has node types or relations that no specification can name.
    """
    notes: list[str] = []
    with new_folder(graph, "csv", out, overwrite) as folder:
        CsvFolder(graph, folder, notes).write()
        try:
            DumpSpec.load(folder / SPEC_FILE)
        except SchemaError as problem:
            message = str(problem).replace(str(folder), str(out))
            raise DataError(f"graph {graph.name} cannot be described by a specification: {message}") from None
    return ExportReport(out, notes)


class CsvFolder:
    """Writes the tables of one graph and collects what the specification says of them."""

    def __init__(self, graph: MusicGraph, folder: Path, notes: list[str]) -> None:
        self._graph = graph
        self._folder = folder
        self._notes = notes
        self._ontology = Ontology.load()
        self._files: dict[str, dict[str, Any]] = {}

    def write(self) -> None:
        """Write everything."""
        graph = self._graph
        tags = restorable_tags(graph)
        if tags is None and graph.meta.counts.assignments:
            self._notes.append(
                "who gave which tag is not in it, only how many did: the tag nodes are not those that a build would make"
            )
        made = set() if tags is None else set(tags.kinds)
        nodes = {kind: [self._nodes(kind)] for kind in graph.node_types if kind not in made}
        edges = [
            self._edges(edge_type)
            for edge_type in graph.edge_types
            if tags is None or edge_type not in graph.tag_edge_types
        ]
        spec: dict[str, Any] = {"name": graph.name}
        spec |= {key: graph.meta.about[key] for key in _ABOUT if graph.meta.about.get(key)}
        spec |= {"item": graph.item_type, "interaction": graph.meta.interaction}
        body: dict[str, Any] = {"nodes": nodes, "edges": edges}
        if tags is not None:
            body["assignments"] = self._assignments(tags)
        self._features()
        text = yaml.safe_dump(
            {**spec, "files": self._files, **body}, sort_keys=False, allow_unicode=True, width=1000
        )
        (self._folder / SPEC_FILE).write_text(text, encoding="utf-8")

    def _file(self, name: str) -> Path:
        self._files[name] = {"path": f"{name}.csv"}
        return self._folder / f"{name}.csv"

    def _nodes(self, node_type: str) -> dict[str, Any]:
        name = f"nodes-{node_type}"
        table = plain_nodes(self._graph, node_type)
        _write(self._file(name), [table])
        attributes = {column: _attribute(table[column]) for column in table.columns[2:]}
        source = {"file": name, "key": "key", "name": "name"}
        return {**source, "attributes": attributes} if attributes else source

    def _edges(self, edge_type: EdgeType) -> dict[str, Any]:
        graph = self._graph
        same = [other for other in graph.edge_types if other.relation == edge_type.relation]
        name = f"edges-{edge_type.relation}" if len(same) == 1 else f"edges-{edge_type}"
        if edge_type in graph.tag_edge_types:
            edges = graph.edges(edge_type)
        else:
            stored = graph.stored_edges(edge_type)
            assert stored is not None
            edges = stored
        relation = self._ontology.relations.get(edge_type.relation)
        weighted = edges.weight is not None and (relation is None or relation.weight is not None)
        timed = edges.time is not None and (relation is None or relation.time)
        for has, kept, what in ((edges.weight, weighted, "weights"), (edges.time, timed, "times")):
            if has is not None and not kept:
                self._notes.append(f"the {what} of {edge_type} are not in it: the ontology gives it none")
        tables = self._edge_tables(edge_type, edges, weighted, timed)
        _write(self._file(name), tables)
        source: dict[str, Any] = {"relation": edge_type.relation, "file": name, "src": "src", "dst": "dst"}
        source |= {"src_type": edge_type.src, "dst_type": edge_type.dst}
        source |= {"weight": "weight"} if weighted else {}
        source |= {"time": "time"} if timed else {}
        return {**source, "on_unknown": "error"}

    def _edge_tables(
        self, edge_type: EdgeType, edges: Edges, weighted: bool, timed: bool
    ) -> Iterator[pl.DataFrame]:
        """The edges with keys instead of indices, some rows at a time."""
        src, dst = (self._graph.nodes(kind)["key"] for kind in (edge_type.src, edge_type.dst))
        for start in range(0, max(len(edges), 1), _ROWS):
            part = edges.select(np.arange(start, min(start + _ROWS, len(edges))))
            columns = {"src": src.gather(pl.Series(part.src)), "dst": dst.gather(pl.Series(part.dst))}
            if weighted:
                columns["weight"] = pl.Series(part.weight)
            if timed:
                assert part.time is not None
                columns["time"] = _times(part.time)
            yield pl.DataFrame(columns)

    def _assignments(self, tags: Tags) -> dict[str, Any]:
        _write(self._file("tags"), [tags.names])
        _write(self._file("assignments"), [tags.rows])
        names = {"file": "tags", "key": "tag", "value": "text"}
        source = {"file": "assignments", "user": "user", "item": "item", "tag": "tag", "tag_names": names}
        return {**source, "time": "time", "on_unknown": "error", "kinds": list(tags.kinds)}

    def _features(self) -> None:
        """Values and keys of every modality, as ``hetmusic features import`` takes them."""
        graph = self._graph
        for node_type in graph.node_types:
            for name in graph.modalities(node_type):
                modality = graph.modality(node_type, name)
                keys = graph.nodes(node_type)["key"].filter(pl.Series(modality.present))
                if keys.str.contains(r"[\t\r\n]").any():
                    self._notes.append(
                        f"modality {name!r} of {node_type} is not in it: keys have line breaks or tabs"
                    )
                    continue
                stem = self._folder / f"features-{node_type}-{name}"
                np.save(f"{stem}.npy", modality.values[modality.present])
                Path(f"{stem}.keys").write_text(
                    "".join(f"{key}\n" for key in keys), encoding="utf-8", newline="\n"
                )


def _write(path: Path, tables: Iterator[pl.DataFrame] | list[pl.DataFrame]) -> None:
    with explaining_failed_write(path), open(path, "wb") as stream:
        for number, table in enumerate(tables):
            table.write_csv(stream, include_header=number == 0)


def _attribute(column: pl.Series) -> str | dict[str, str]:
    dtypes = {pl.Int64: "int", pl.Float64: "float", pl.Boolean: "bool"}
    found = dtypes.get(type(column.dtype))
    return column.name if found is None else {"column": column.name, "dtype": found}


def _times(seconds: NDArray[np.int64]) -> pl.Series:
    times = pl.Series("time", seconds)
    return times.to_frame().select(pl.when(times != _UNKNOWN_TIME).then(times).alias("time")).to_series()
