"""The training graph as plain tensors, and the same graph without the edges of a step."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hetmusic.graph.relations import inverse_type
from hetmusic.graph.types import Edges, EdgeType
from hetmusic.graph.view import TrainingView
from hetmusic.models import GraphSchema, LayeredBlocks, full_graph_blocks
from hetmusic.relations import RelationBlock
from hetmusic.relations.kernels import Csr

_SECONDS_A_DAY = 86_400.0


class GraphTensors:
    """Every relation of a training view as a block over the whole graph.

    Edges of the interaction, in both directions, know which training interaction they are (their position in
    ``view.split.train``), so that a step can leave out the very edges that it predicts.

    :param num_nodes: number of nodes per type.
    :param relations: edges per edge type, inverses included.
    :param interaction: the edge type user -> item whose edges are the training interactions.
    :param inverse: the edge type item -> user made of the same edges; None if the graph has none.
    """

    def __init__(
        self,
        num_nodes: Mapping[str, int],
        relations: Mapping[EdgeType, Edges],
        interaction: EdgeType,
        inverse: EdgeType | None,
    ) -> None:
        self.num_nodes = dict(num_nodes)
        self.blocks: dict[EdgeType, RelationBlock] = {}
        #: per direction of the interaction, the number of the training interaction of every edge, int64
        self.interaction_ids: dict[EdgeType, Tensor] = {}
        for edge_type, edges in relations.items():
            # an inverse's arrays are those of the interaction with the ends swapped, so the numbering is the same
            ids = torch.arange(len(edges)) if edge_type in (interaction, inverse) else None
            self._add(edge_type, edges, ids)

    @classmethod
    def from_view(cls, view: TrainingView, edge_types: list[EdgeType] | None = None) -> GraphTensors:
        """Take a training view's relations (all, or those that a model uses)."""
        graph = view.graph
        relations = view.relations()
        if edge_types is not None:
            relations = {edge_type: relations[edge_type] for edge_type in edge_types}
        num_nodes = {ntype: graph.num_nodes(ntype) for ntype in graph.node_types}
        inverse = inverse_type(graph.interaction, graph.meta.relations[graph.interaction.relation])
        return cls(num_nodes, relations, graph.interaction, inverse)

    def full(self, num_layers: int) -> LayeredBlocks:
        """The whole training graph in every layer."""
        return full_graph_blocks(self.blocks, self.num_nodes, num_layers)

    def without(self, dropped: NDArray[np.bool_], num_layers: int) -> LayeredBlocks:
        """The whole training graph but for some interactions, which are left out in both directions.

        :param dropped: bool, shape ``(number of training interactions,)``.
        """
        keep = torch.from_numpy(~dropped)
        blocks = dict(self.blocks)
        for edge_type, ids in self.interaction_ids.items():
            blocks[edge_type] = subset(blocks[edge_type], keep[ids])
        return full_graph_blocks(blocks, self.num_nodes, num_layers)

    def _add(self, edge_type: EdgeType, edges: Edges, ids: Tensor | None) -> None:
        attributes: dict[str, Tensor] = {}
        if edges.weight is not None:
            attributes["weight"] = torch.from_numpy(np.array(edges.weight, dtype=np.float32))
        if edges.time is not None:
            attributes["time"] = torch.from_numpy((edges.time / _SECONDS_A_DAY).astype(np.float32))
        if ids is not None:
            attributes["interaction"] = ids
        src = torch.from_numpy(np.array(edges.src, dtype=np.int64))
        dst = torch.from_numpy(np.array(edges.dst, dtype=np.int64))
        sizes = self.num_nodes[edge_type.src], self.num_nodes[edge_type.dst]
        block = RelationBlock.from_coo(edge_type, src, dst, *sizes, attributes)
        if ids is not None:
            self.interaction_ids[edge_type] = block.edge["interaction"]
            edge = {name: value for name, value in block.edge.items() if name != "interaction"}
            block = RelationBlock(edge_type, block.csr, edge, block.src_degree, block.dst_degree)
        self.blocks[edge_type] = block


def subset(block: RelationBlock, keep: Tensor) -> RelationBlock:
    """The block with some of its edges, in the same order; degrees remain those of the whole graph.

    :param keep: bool, shape ``(num_edges,)``.
    """
    csr = block.csr
    # before[k] = how many of the first k edges stay: it renumbers edges and row starts alike
    before = torch.cat([torch.zeros(1, dtype=torch.int64), keep.cumsum(0)])
    indptr_t, indices_t, order = csr.transposed
    keep_t = keep[order.long()]
    before_t = torch.cat([torch.zeros(1, dtype=torch.int64), keep_t.cumsum(0)])
    transposed = (
        before_t[indptr_t.long()].int(),
        indices_t[keep_t],
        before[order[keep_t].long()].int(),
    )
    new = Csr(before[csr.indptr.long()].int(), csr.indices[keep], csr.num_rows, csr.num_cols, transposed)
    edge = {name: value[keep] for name, value in block.edge.items()}
    return RelationBlock(block.edge_type, new, edge, block.src_degree, block.dst_degree, block.layer)


def graph_schema(view: TrainingView) -> GraphSchema:
    """What a model must know of a training view to be built."""
    graph = view.graph
    names = graph.modalities(graph.item_type)
    return GraphSchema(
        num_nodes={ntype: graph.num_nodes(ntype) for ntype in graph.node_types},
        edge_types=tuple(view.relations()),
        user_type=graph.user_type,
        item_type=graph.item_type,
        modalities={name: graph.modality(graph.item_type, name) for name in names},
    )
