"""A file from which PyTorch Geometric makes a ``HeteroData``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hetmusic._io import explaining_failed_write
from hetmusic.errors import DataError, EnvironmentProblem
from hetmusic.graph.export.base import ExportReport, modality_tensors, new_file, plain_nodes
from hetmusic.graph.music_graph import MusicGraph

#: what HeteroData or this module keep of a node type under these names
_TAKEN = {"keys", "names", "attributes", "num_nodes"}


def export_pyg(graph: MusicGraph, out: Path, overwrite: bool) -> ExportReport:
    """Write the content of a ``HeteroData`` as a dictionary of tensors, lists and texts.

    ``HeteroData.from_dict(torch.load(out))`` makes it again. An object of PyTorch Geometric's own would need
    ``weights_only=False``, which lets a file run code.

    :raises EnvironmentProblem: if PyTorch Geometric is not installed.
    """
    import torch

    data = to_hetero_data(graph)
    data.validate(raise_on_error=True)
    with new_file(out, overwrite) as temporary, explaining_failed_write(out):
        try:
            torch.save(data.to_dict(), temporary)
        except RuntimeError as problem:  # torch reports a full disk like that
            raise DataError(f"cannot write {out}: {str(problem).splitlines()[0]}") from problem
    return ExportReport(
        out, ["who gave which tag is not in it, only how many did"] if graph.meta.counts.assignments else []
    )


def to_hetero_data(graph: MusicGraph) -> Any:
    """The graph as ``torch_geometric.data.HeteroData``, inverses included.

    A node type has ``num_nodes``, ``keys``, ``names``, ``attributes`` (name -> list) and, of each modality, the
    values (``data["song"]["text"]``) and the mask (``data["song"]["text.present"]``). A relation has
    ``edge_index`` (int64, shape ``(2, num_edges)``), ``edge_weight`` (float32) and ``time`` (int64) where the
    graph has them.
    """
    import torch

    data = _hetero_data()
    for node_type in graph.node_types:
        table = plain_nodes(graph, node_type)
        if clash := _TAKEN & set(graph.modalities(node_type)):
            raise DataError(f"modality {min(clash)!r} of {node_type} has a name that HeteroData needs itself")
        store = data[node_type]
        store["num_nodes"] = table.height
        store["keys"] = table["key"].to_list()
        store["names"] = table["name"].to_list()
        store["attributes"] = table.drop("key", "name").to_dict(as_series=False)
        for name, tensor in modality_tensors(graph, node_type).items():
            store[name] = tensor
    for edge_type, edges in graph.relations().items():
        store = data[tuple(edge_type)]
        store["edge_index"] = torch.from_numpy(np.stack([edges.src, edges.dst]).astype(np.int64))
        if edges.weight is not None:
            store["edge_weight"] = torch.from_numpy(np.array(edges.weight))
        if edges.time is not None:
            store["time"] = torch.from_numpy(np.array(edges.time))
    return data


def _hetero_data() -> Any:
    try:
        from torch_geometric.data import HeteroData
    except ModuleNotFoundError as problem:
        raise EnvironmentProblem(
            f"PyTorch Geometric cannot be imported (no package {problem.name!r}): run `pip install torch_geometric`"
        ) from None
    return HeteroData()
