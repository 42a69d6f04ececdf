"""A dictionary of relations as a DGL heterograph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hetmusic.graph.types import Edges, EdgeType


def to_heterograph(relations: Mapping[EdgeType, Edges], num_nodes: Mapping[str, int]) -> Any:
    """Make a ``dgl.DGLGraph`` with exactly these relations and every node type, also those without edges.

    :param relations: canonical relations and inverses alike; they are taken as they are.
    :return: graph with ``edata["weight"]`` (float32) and ``edata["time"]`` (int64) where a relation has them;
        ids are int32 if every number of nodes and edges fits.
    """
    import torch

    from hetmusic._dgl import dgl

    largest = max([*num_nodes.values(), *(len(edges) for edges in relations.values())], default=0)
    dtype = torch.int32 if largest < np.iinfo(np.int32).max else torch.int64

    def tensor(array: np.ndarray[Any, Any]) -> Any:
        # tables read from parquet are read-only, which torch warns about; ids are copied by DGL anyway
        return torch.from_numpy(np.array(array))

    graph = dgl.heterograph(
        {tuple(t): (tensor(e.src).to(dtype), tensor(e.dst).to(dtype)) for t, e in relations.items()},
        num_nodes_dict=dict(num_nodes),
        idtype=dtype,
    )
    for edge_type, edges in relations.items():
        for name, array in (("weight", edges.weight), ("time", edges.time)):
            if array is not None:
                graph.edges[tuple(edge_type)].data[name] = tensor(array)
    return graph
