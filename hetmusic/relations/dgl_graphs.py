"""A relation's edges as a DGL graph, for convolutions of DGL."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hetmusic._dgl import dgl
from hetmusic.errors import EnvironmentProblem
from hetmusic.relations.block import RelationBlock


def dgl_block(relation: RelationBlock) -> Any:
    """The edges as a DGL block (message-flow graph), numbered as ``relation.edge`` has them.

    It is made once and kept with the pattern, so that towers and layers that see the same edges share it.

    :raises EnvironmentProblem: where DGL has no kernels.
    """
    made = relation.csr.made
    if "dgl block" not in made:
        made["dgl block"] = dgl.convert.DGLBlock(_edges(relation, 2), (["_N"], ["_N"]), ["_E"])
    return made["dgl block"]


def dgl_graph(relation: RelationBlock) -> Any:
    """The same as a graph of one node type; the nodes at both ends must be the same ones."""
    made = relation.csr.made
    if "dgl graph" not in made:
        made["dgl graph"] = dgl.DGLGraph(_edges(relation, 1), ["_N"], ["_E"])
    return made["dgl graph"]


def _edges(relation: RelationBlock, num_types: int) -> Any:
    """What ``dgl.create_block`` and ``dgl.graph`` make first, without their checks, which take eight times as long.

    :param num_types: 1 if both ends are the same nodes, else 2.
    """
    indptr, indices = relation.csr.indptr, relation.csr.indices
    # DGL reads memory through DLPack, which fake tensors do not have
    if type(indptr) is not Tensor or not has_kernels(indptr.device):
        raise EnvironmentProblem(
            f"DGL {dgl.__version__} as it is installed cannot run a convolution of {relation.place} on "
            f"{indptr.device.type}: give the relation an encoder of hetmusic, which runs wherever torch does (gatv2, gat, "
            'sage, lightgcn, rgcn, hgt, …), or train with training.device = "cpu" '
            "(docs/relation_encoders.md#convolutions-of-dgl)"
        )
    # left out, the numbers would be those of the positions all the same, but some of DGL's kernels insist on them
    numbers = torch.arange(len(indices), dtype=indices.dtype, device=indices.device)
    return dgl.heterograph_index.create_unitgraph_from_csr(
        num_types,
        relation.num_src,
        relation.num_dst,
        indptr,
        indices,
        numbers,
        ["coo", "csr", "csc"],
        transpose=True,
    )


def has_kernels(device: torch.device) -> bool:
    """Whether the installed DGL runs on a device; PyPI's wheels run on the CPU alone."""
    return device.type == "cpu" or (device.type == "cuda" and bool(dgl.ndarray.gpu(device.index or 0).exist))
