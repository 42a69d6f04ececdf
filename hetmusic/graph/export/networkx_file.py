"""NetworkX: a ``MultiDiGraph``, written as GraphML or as node-link JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hetmusic._io import explaining_failed_write
from hetmusic.errors import DataError, EnvironmentProblem, UserError
from hetmusic.graph.export.base import ExportReport, new_file, plain_nodes
from hetmusic.graph.music_graph import MusicGraph
from hetmusic.graph.types import Edges, EdgeType

SUFFIXES = (".graphml", ".json")
_UNKNOWN_TIME = np.iinfo(np.int64).min
# what XML 1.0 has no way to write
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def export_networkx(graph: MusicGraph, out: Path, overwrite: bool) -> ExportReport:
    """Write GraphML (``.graphml``) or node-link JSON (``.json``), by the suffix of ``out``.

    :raises UserError: for another suffix.
    :raises DataError: for texts that XML cannot hold.
    """
    suffix = out.suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(
            f"{out}: for networkx the file ends with {' (GraphML) or '.join(SUFFIXES)} (node-link JSON)"
        )
    networkx = _networkx()
    with new_file(out, overwrite) as temporary, explaining_failed_write(out):
        made = to_networkx(graph, number_edges=suffix == ".graphml")
        if suffix == ".json":
            with open(temporary, "w", encoding="utf-8") as stream:
                json.dump(_node_link(made), stream, ensure_ascii=False, allow_nan=False)
        else:
            _check_xml(made)
            networkx.write_graphml(made, str(temporary), encoding="utf-8")
    notes = ["inverses are not in it; of symmetric relations both directions are"]
    if graph.meta.counts.assignments:
        notes.append("who gave which tag is not in it, only how many did")
    if graph.meta.modalities:
        notes.append("features are not in it")
    return ExportReport(out, notes)


def to_networkx(graph: MusicGraph, number_edges: bool = False) -> Any:
    """The graph as ``networkx.MultiDiGraph``.

    A node is called ``type:key`` and has ``type``, ``key``, ``name`` and its attributes, an edge ``relation``,
    ``weight`` and ``time``; what is unknown is left out.

    :param number_edges: make the keys of edges unique (``likes-0``), as GraphML wants them, instead of the
        name of the relation.
    """
    made = _networkx().MultiDiGraph(name=graph.name, item=graph.item_type)
    ids = {}
    for node_type in graph.node_types:
        table = plain_nodes(graph, node_type)
        ids[node_type] = [f"{node_type}:{key}" for key in table["key"]]
        rows = table.iter_rows(named=True)
        made.add_nodes_from(
            (node, {"type": node_type, **_known(row)}) for node, row in zip(ids[node_type], rows, strict=True)
        )
    for edge_type, edges in graph.relations(include_inverses=False).items():
        made.add_edges_from(_edges(edge_type, edges, ids[edge_type.src], ids[edge_type.dst], number_edges))
    return made


def _edges(
    edge_type: EdgeType, edges: Edges, sources: list[str], targets: list[str], number: bool
) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    weights = [None] * len(edges) if edges.weight is None else edges.weight.tolist()
    times = [_UNKNOWN_TIME] * len(edges) if edges.time is None else edges.time.tolist()
    rows = zip(edges.src.tolist(), edges.dst.tolist(), weights, times, strict=True)
    for position, (src, dst, weight, time) in enumerate(rows):
        key = f"{edge_type}-{position}" if number else edge_type.relation
        values = {"weight": weight, "time": None if time == _UNKNOWN_TIME else time}
        yield sources[src], targets[dst], key, {"relation": edge_type.relation, **_known(values)}


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _node_link(made: Any) -> dict[str, Any]:
    """What ``networkx.node_link_graph(..., edges="edges")`` reads, whatever the version that wrote it."""
    return {
        "directed": True,
        "multigraph": True,
        "graph": dict(made.graph),
        "nodes": [{**values, "id": node} for node, values in made.nodes(data=True)],
        "edges": [
            {**values, "source": src, "target": dst, "key": key}
            for src, dst, key, values in made.edges(keys=True, data=True)
        ],
    }


def _check_xml(made: Any) -> None:
    bad = [
        node
        for node, values in made.nodes(data=True)
        if any(isinstance(text, str) and _NOT_XML.search(text) for text in (node, *values.values()))
    ]
    if bad:
        raise DataError(
            f"{len(bad):,} nodes have control characters, which GraphML cannot hold; first: {bad[0]!r}; "
            "give --out a name that ends with .json"
        )


def _networkx() -> Any:
    try:
        import networkx
    except ModuleNotFoundError:
        raise EnvironmentProblem("NetworkX is not installed: run `pip install networkx`") from None
    return networkx
