"""Users and items as a run's model has them, with all of their neighbours, some, or none."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hetmusic.graph.types import EdgeType
from hetmusic.models import MMGNN, Layer, LayeredBlocks, Tower
from hetmusic.models.combine import SemanticCombiner
from hetmusic.models.inputs import FeatureInput, NodeInput
from hetmusic.models.tower import needed_relations
from hetmusic.recommend.explain.copies import Copies, Ints, blocks_of, num_edges_into, whole_graph_blocks
from hetmusic.relations import RelationBlock
from hetmusic.relations.kernels import Csr
from hetmusic.training.tensors import GraphTensors

Floats = NDArray[np.float64]
Vectors = Mapping[str, Tensor]

#: numbers that projected features may take in all, 1 GB
_MOST_KEPT = 250_000_000
#: edges of copies that are encoded at a time
_MOST_EDGES = 1_000_000


@dataclass(frozen=True)
class Neighbourhood:
    """Some nodes of a type and everything that their representations depend on."""

    node_type: str
    #: their indices, int64 ``(n,)``
    nodes: Ints
    blocks: LayeredBlocks
    #: which of the nodes that the blocks end at they are; None: all, in order
    rows: Tensor | None = None


class Encoder:
    """Runs a model over neighbourhoods.

    :param model: with its best weights, not in training.
    :param tensors: the training graph.
    :param whole_graph: run over the whole graph every time; needed by models whose representations depend on who else is in
        the batch. None: where a built-in part of the model does.
    """

    def __init__(self, model: MMGNN, tensors: GraphTensors, whole_graph: bool | None = None) -> None:
        self.model, self.tensors = model, tensors
        _keep_projections(model)
        self.num_layers = model.config.num_layers
        schema = self.model.schema
        self.user, self.item = schema.user_type, schema.item_type
        batchwise = any(isinstance(part, SemanticCombiner) for part in self.model.modules())
        self.whole_graph = batchwise if whole_graph is None else whole_graph
        #: per node type, the relations that its representations depend on, in the model's order
        self.reaching = {ntype: self._reaching(ntype) for ntype in (self.user, self.item)}

    def neighbourhood(self, node_type: str, nodes: Ints) -> Neighbourhood:
        """Everything that some nodes' representations depend on."""
        if self.whole_graph:
            return Neighbourhood(
                node_type, nodes, self.tensors.full(self.num_layers), torch.from_numpy(nodes)
            )
        return Neighbourhood(
            node_type, nodes, blocks_of(self.tensors, Copies(node_type, nodes, {}), self.num_layers)
        )

    def encode(self, hood: Neighbourhood, silent: Collection[EdgeType] = ()) -> dict[str, Tensor]:
        """Representations by tower, each ``(n, dim)``.

        :param silent: relations that carry no messages, as if the graph had no such edges.
        """
        blocks = _silenced(hood.blocks, silent) if silent else hood.blocks
        users = hood.node_type == self.user
        with torch.no_grad():
            found = self.model.encode_users(blocks) if users else self.model.encode_items(blocks)
        return found if hood.rows is None else {name: value[hood.rows] for name, value in found.items()}

    def final(self, users: Vectors, items: Vectors, item_nodes: Ints) -> tuple[Tensor, Tensor]:
        """Vectors whose inner products are the final scores.

        :param item_nodes: the items' indices.
        """
        with torch.no_grad():
            view = self.model.score_views(users, items, torch.from_numpy(item_nodes))[0]
        return view.users, view.items

    def of_copies(self, copies: Copies) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Representations of nodes without some of their edges, and of the same nodes with all of them.

        :return: by tower, each ``(num_copies, dim)``.
        """
        parts = []
        sizes = num_edges_into(self.tensors, copies.node_type, copies.owners)
        for piece in copies.pieces(sizes, _MOST_EDGES):
            owners, place = np.unique(piece.owners, return_inverse=True)
            both = Copies(piece.node_type, np.concatenate([piece.owners, owners]), piece.removed)
            rows = None
            if self.whole_graph:
                blocks, rows = whole_graph_blocks(self.tensors, both, self.num_layers)
            else:
                blocks = blocks_of(self.tensors, both, self.num_layers)
            found = self.encode(Neighbourhood(piece.node_type, both.owners, blocks, rows))
            complete = torch.from_numpy(len(piece) + place.reshape(-1))
            parts.append(
                ({n: v[: len(piece)] for n, v in found.items()}, {n: v[complete] for n, v in found.items()})
            )
        return _joined([part[0] for part in parts]), _joined([part[1] for part in parts])

    def _reaching(self, node_type: str) -> list[EdgeType]:
        model = self.model
        found: set[EdgeType] = set()
        for name, tower in model.towers.items():
            assert isinstance(tower, Tower)
            if node_type == self.user or name in model.item_towers:
                layers = [set(conv.edge_types) for conv in tower.layers]  # type: ignore[arg-type]
                found |= set().union(*needed_relations(layers, [node_type]))
        if node_type == self.user and model.emotion is not None:
            found |= set(model.emotion.edge_types)
        return [edge_type for edge_type in model.edge_types if edge_type in found]


def pair_scores(users: Tensor, items: Tensor, rows: Ints, columns: Ints) -> Floats:
    """Inner products of chosen pairs, summed in float64, shape ``(num_pairs,)``."""
    left, right = users[torch.from_numpy(rows)].double(), items[torch.from_numpy(columns)].double()
    return np.asarray((left * right).sum(dim=1).numpy())


class _Projected(NodeInput):
    """Layer 0 of all nodes, kept: the projection of features is the same in every pass.

    :param of: what gives it.
    """

    table: Tensor
    present: Tensor

    def __init__(self, of: FeatureInput) -> None:
        super().__init__(of.num_nodes, of.dim)
        with torch.no_grad():
            self.register_buffer("table", of(None), persistent=False)
        self.register_buffer("present", of.present, persistent=False)

    def forward(self, nodes: Tensor | None) -> Tensor:
        return self.table if nodes is None else self.table[nodes]


def _keep_projections(model: MMGNN) -> None:
    """Compute what towers project features to once, as far as it fits into memory."""
    room = _MOST_KEPT
    for tower in model.towers.values():
        assert isinstance(tower, Tower)
        for tables in [tower.inputs] if tower.outputs is None else [tower.inputs, tower.outputs]:
            for ntype, part in tables.items():
                if isinstance(part, FeatureInput) and part.num_nodes * part.dim <= room:
                    room -= part.num_nodes * part.dim
                    tables[ntype] = _Projected(part)


def _joined(parts: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]} if parts else {}


def _silenced(blocks: LayeredBlocks, silent: Collection[EdgeType]) -> LayeredBlocks:
    layers = [
        Layer({t: _empty(b) if t in silent else b for t, b in layer.blocks.items()}, layer.num_dst)
        for layer in blocks.layers
    ]
    return replace(blocks, layers=layers)


def _empty(block: RelationBlock) -> RelationBlock:
    csr = block.csr
    none = csr.indices[:0]
    turned = (csr.indptr.new_zeros(csr.num_cols + 1), none, none)
    empty = Csr(torch.zeros_like(csr.indptr), none, csr.num_rows, csr.num_cols, turned)
    edge = {name: value[:0] for name, value in block.edge.items()}
    return RelationBlock(block.edge_type, empty, edge, block.src_degree, block.dst_degree, block.layer)
