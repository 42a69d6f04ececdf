"""What ``hetmusic info`` shows: counts, degrees, coverage of the modalities, and what looks odd."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.graph.music_graph import MusicGraph
from hetmusic.graph.types import EdgeType


def summarise(graph: MusicGraph) -> dict[str, Any]:
    """Describe a graph with JSON-serialisable values.

    :return: ``name``, ``path``, ``item``, ``interaction``, ``checksum``, ``about``; ``nodes`` (count,
        isolated, share with a name, modalities with dimension, dtype and coverage per type); ``relations``
        (number of edges, unordered pairs for symmetric ones, and degrees of both ends); ``assignments`` per
        kind; ``additions`` (what the finished graph was given, with its settings); ``warnings``; ``build_report``.
    """
    degrees = {edge_type: _degrees(graph, edge_type) for edge_type in graph.edge_types}
    touched = {node_type: np.zeros(graph.num_nodes(node_type), bool) for node_type in graph.node_types}
    for edge_type, (out, into) in degrees.items():
        touched[edge_type.src] |= out > 0
        touched[edge_type.dst] |= into > 0
    result = {
        "name": graph.name,
        "path": str(graph.path),
        "about": dict(graph.meta.about),
        "item": graph.item_type,
        "interaction": None if graph.meta.interaction is None else str(graph.interaction),
        "checksum": graph.checksum,
        "hetmusic_version": graph.meta.hetmusic_version,
        "nodes": {t: _describe_nodes(graph, t, touched[t]) for t in graph.node_types},
        "relations": {str(t): _describe_relation(graph, t, *ends) for t, ends in degrees.items()},
        "assignments": dict(graph.meta.counts.assignments),
        "additions": {name: dict(made.settings) for name, made in graph.meta.additions.items()},
        "build_report": dict(graph.meta.build_report),
    }
    return {**result, "warnings": _warnings(graph, result)}


def _degrees(graph: MusicGraph, edge_type: EdgeType) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    edges = graph.edges(edge_type)
    return (
        np.bincount(edges.src, minlength=graph.num_nodes(edge_type.src)),
        np.bincount(edges.dst, minlength=graph.num_nodes(edge_type.dst)),
    )


def _describe_degrees(degrees: NDArray[np.int64]) -> dict[str, float]:
    if not len(degrees):
        return {"min": 0, "median": 0.0, "mean": 0.0, "max": 0, "zero": 0}
    return {
        "min": int(degrees.min()),
        "median": float(np.median(degrees)),
        "mean": round(float(degrees.mean()), 3),
        "max": int(degrees.max()),
        "zero": int((degrees == 0).sum()),
    }


def _describe_relation(
    graph: MusicGraph, edge_type: EdgeType, out: NDArray[np.int64], into: NDArray[np.int64]
) -> dict[str, Any]:
    info, edges = graph.meta.relations[edge_type.relation], graph.edges(edge_type)
    return {
        "edges": graph.num_edges(edge_type),
        "inverse": info.inverse,
        "symmetric": info.symmetric,
        "from_assignments": edge_type in graph.tag_edge_types,
        "weight": edges.weight is not None,
        "time": edges.time is not None,
        "degrees": {"src": _describe_degrees(out), "dst": _describe_degrees(into)},
    }


def _describe_nodes(graph: MusicGraph, node_type: str, touched: NDArray[np.bool_]) -> dict[str, Any]:
    table, count = graph.nodes(node_type), graph.num_nodes(node_type)
    modalities = graph.meta.modalities.get(node_type, {})
    return {
        "count": count,
        "named": count - table["name"].null_count(),
        "isolated": int((~touched).sum()),
        "attributes": {c: count - table[c].null_count() for c in table.columns if c not in ("key", "name")},
        "modalities": {
            name: {**info.model_dump(), "coverage": round(info.present / count, 4) if count else 0.0}
            for name, info in sorted(modalities.items())
        },
    }


def _warnings(graph: MusicGraph, summary: dict[str, Any]) -> list[str]:
    found = []
    ends = {end for edge_type in graph.edge_types for end in (edge_type.src, edge_type.dst)}
    for node_type, node in summary["nodes"].items():
        if not node["count"]:
            found.append(f"{node_type}: there are no nodes of this type")
        elif node_type not in ends:
            found.append(f"{node_type}: no relation has this node type at an end")
        elif node["isolated"]:
            found.append(f"{node_type}: {node['isolated']:,} of {node['count']:,} nodes have no edge at all")
        found += [
            f"{node_type}: no node has modality {name}"
            for name, modality in node["modalities"].items()
            if not modality["present"]
        ]
    found += [
        f"{name}: the relation has no edges" for name, r in summary["relations"].items() if not r["edges"]
    ]
    if summary["interaction"] is None:
        return found
    interaction = summary["relations"][summary["interaction"]]["degrees"]
    for end, node_type in (("src", graph.user_type), ("dst", graph.item_type)):
        if zero := interaction[end]["zero"]:
            total = graph.num_nodes(node_type)
            found.append(
                f"{summary['interaction']}: {zero:,} of {total:,} {node_type} nodes have no interaction"
            )
    return found
