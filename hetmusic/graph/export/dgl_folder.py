"""A folder with the graph as ``dgl.save_graphs`` writes it, and the keys of its nodes as tables."""

from __future__ import annotations

from pathlib import Path

from hetmusic._io import explaining_failed_write
from hetmusic.graph.export.base import ExportReport, modality_tensors, new_folder, plain_nodes
from hetmusic.graph.music_graph import MusicGraph

GRAPH_FILE = "graph.dgl"


def export_dgl(graph: MusicGraph, out: Path, overwrite: bool) -> ExportReport:
    """Write ``graph.dgl`` (inverses included) and ``nodes-<type>.csv``, whose row is the node's number in DGL."""
    from hetmusic._dgl import dgl

    heterograph = graph.heterograph()
    for node_type in graph.node_types:
        for name, tensor in modality_tensors(graph, node_type).items():
            heterograph.nodes[node_type].data[name] = tensor  # masks become uint8 in DGL's files
    with new_folder(graph, "dgl", out, overwrite) as folder:
        for node_type in graph.node_types:
            path = folder / f"nodes-{node_type}.csv"
            with explaining_failed_write(path):
                plain_nodes(graph, node_type).with_row_index("index").write_csv(path)
        path = folder / GRAPH_FILE
        _save(dgl, path, heterograph)
    return ExportReport(
        out, ["who gave which tag is not in it, only how many did"] if graph.meta.counts.assignments else []
    )


def _save(dgl: object, path: Path, heterograph: object) -> None:
    """DGL does not notice a full disk, so what it wrote is read again."""
    from hetmusic.errors import UserError

    try:
        dgl.save_graphs(str(path), [heterograph])  # type: ignore[attr-defined]
        dgl.load_graphs(str(path))  # type: ignore[attr-defined]
    except Exception as problem:
        if type(problem).__name__ != "DGLError":
            raise
        raise UserError(f"cannot write {path}: is the disk full?") from problem
