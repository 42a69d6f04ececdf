"""The training graph as plain tensors, and the same graph without the edges of a step."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hetmusic.graph.emotions import item_emotions
from hetmusic.graph.relations import inverse_type
from hetmusic.graph.splits import Split
from hetmusic.graph.types import EdgeType
from hetmusic.graph.view import TrainingView
from hetmusic.models import GraphSchema, LayeredBlocks, full_graph_blocks
from hetmusic.relations import RelationBlock
from hetmusic.relations.kernels import Csr
from hetmusic.training.left_out import LeftOut

_SECONDS_A_DAY = 86_400.0


class GraphTensors:
    """Every relation of a DGL heterograph as a block over the whole graph.

    Edges of the interaction, in both directions, know which training interaction they are (their position in
    ``view.split.train``, which is their DGL edge id), so that a step can leave out the very edges that it predicts.

    :param heterograph: a ``dgl.DGLGraph`` with both directions of every relation; edge data ``weight`` and ``time``
        (seconds) are kept, the latter in days, and as ``age``: days before the newest edge of the relation; where some
        times are unknown, ``time_known`` says which.
    :param interactions: the edge types made of the training interactions, user -> item and its inverse.
    :param edge_types: the relations to take; None takes all.
    """

    def __init__(
        self,
        heterograph: Any,
        interactions: Collection[EdgeType],
        edge_types: Iterable[EdgeType] | None = None,
    ) -> None:
        self.num_nodes = {ntype: int(heterograph.num_nodes(ntype)) for ntype in heterograph.ntypes}
        self.blocks: dict[EdgeType, RelationBlock] = {}
        #: per direction of the interaction, the number of the training interaction of every edge, int64
        self.interaction_ids: dict[EdgeType, Tensor] = {}
        known = [EdgeType(*edge_type) for edge_type in heterograph.canonical_etypes]
        for edge_type in known if edge_types is None else edge_types:
            self._add(heterograph, edge_type, edge_type in interactions)

    @classmethod
    def from_view(cls, view: TrainingView, edge_types: Iterable[EdgeType] | None = None) -> GraphTensors:
        """Take a training view's heterograph, or the relations of it that a model uses."""
        graph = view.graph
        inverse = inverse_type(graph.interaction, graph.meta.relations[graph.interaction.relation])
        interactions = [edge_type for edge_type in (graph.interaction, inverse) if edge_type is not None]
        return cls(graph.heterograph(view), interactions, edge_types)

    def to(self, device: torch.device) -> GraphTensors:
        """The same graph on a device."""
        moved = copy.copy(self)
        moved.blocks = {t: block.to(device) for t, block in self.blocks.items()}
        moved.interaction_ids = {t: ids.to(device) for t, ids in self.interaction_ids.items()}
        return moved

    def full(self, num_layers: int) -> LayeredBlocks:
        """The whole training graph in every layer."""
        return full_graph_blocks(self.blocks, self.num_nodes, num_layers)

    def without(self, dropped: LeftOut, num_layers: int) -> LayeredBlocks:
        """The whole training graph but for some interactions, which are left out in both directions."""
        if not self.interaction_ids:
            return self.full(num_layers)
        some = next(iter(self.interaction_ids.values()))
        keep = torch.from_numpy(~dropped.mask(len(some))).to(some.device)
        blocks = dict(self.blocks)
        for edge_type, ids in self.interaction_ids.items():
            blocks[edge_type] = subset(blocks[edge_type], keep[ids])
        return full_graph_blocks(blocks, self.num_nodes, num_layers)

    def _add(self, heterograph: Any, edge_type: EdgeType, is_interaction: bool) -> None:
        block = RelationBlock.from_dgl(heterograph, edge_type)
        edge = dict(block.edge)
        # an inverse has the interaction's edges in the same order, so DGL's edge ids number both directions alike
        ids = edge.pop("edge_id")
        if is_interaction:
            self.interaction_ids[edge_type] = ids
        if "time" in edge:
            edge |= _times(edge["time"])
        self.blocks[edge_type] = RelationBlock(edge_type, block.csr, edge, block.src_degree, block.dst_degree)


def _times(seconds: Tensor) -> dict[str, Tensor]:
    """What edges know of their times: ``time``, days since 1970, and ``age``, days before the newest edge, both float32.

    An unknown time counts as the earliest one that is known; where there are any, ``time_known`` says which are not (bool).

    :param seconds: int64; the smallest one there is stands for unknown.
    """
    known = seconds > torch.iinfo(torch.int64).min
    earliest = seconds[known].min() if known.any() else seconds.new_zeros(())
    counted = torch.where(known, seconds, earliest)
    newest = counted.max() if len(counted) else earliest
    days = {"time": counted, "age": newest - counted}
    found = {name: (value.double() / _SECONDS_A_DAY).float() for name, value in days.items()}
    return found if known.all() else {**found, "time_known": known}


def subset(block: RelationBlock, keep: Tensor) -> RelationBlock:
    """The block with some of its edges, in the same order; degrees remain those of the whole graph.

    :param keep: bool, shape ``(num_edges,)``.
    """
    csr = block.csr
    # before[k] = how many of the first k edges stay: it renumbers edges and row starts alike
    before = _counts_before(keep)
    indptr_t, indices_t, order = csr.transposed
    keep_t = keep[order.long()]
    before_t = _counts_before(keep_t)
    transposed = (
        before_t[indptr_t.long()].int(),
        indices_t[keep_t],
        before[order[keep_t].long()].int(),
    )
    new = Csr(before[csr.indptr.long()].int(), csr.indices[keep], csr.num_rows, csr.num_cols, transposed)
    edge = {name: value[keep] for name, value in block.edge.items()}
    return replace(block, csr=new, edge=edge)


def _counts_before(keep: Tensor) -> Tensor:
    counts = keep.cumsum(0)
    return torch.cat([counts.new_zeros(1), counts])


def graph_schema(
    view: TrainingView, candidates: str = "auto", hide: Collection[str] = (), ignore: Collection[str] = ()
) -> GraphSchema:
    """What a model must know of a training view to be built.

    :param candidates: the configuration's ``training.candidates``.
    :param hide: modalities that are absent everywhere.
    :param ignore: modalities that are not looked at, such as those added to the graph after the model was fitted.
    :raises ConfigError: for a modality to hide that the graph lacks.
    """
    graph = view.graph
    names = [name for name in graph.modalities(graph.item_type) if name not in ignore]
    untrained = None
    if (trained := trained_items(view.split, candidates)) is not None:
        untrained = np.ones(graph.num_nodes(graph.item_type), dtype=bool)
        untrained[trained] = False
    inverses = {name: info.inverse or name for name, info in graph.meta.relations.items()}
    schema = GraphSchema(
        num_nodes={ntype: graph.num_nodes(ntype) for ntype in graph.node_types},
        edge_types=tuple(view.relations()),
        user_type=graph.user_type,
        item_type=graph.item_type,
        modalities={name: graph.modality(graph.item_type, name) for name in names},
        inverses=inverses | {other: name for name, other in inverses.items()},
        untrained=untrained,
        popularity=np.bincount(view.split.train.dst, minlength=graph.num_nodes(graph.item_type)),
    )
    emotions = item_emotions(view, ignore)
    if not emotions.present.any():
        return schema.hiding(hide)
    # what is hidden leaves the structure of the model as it is
    left = item_emotions(view, {*hide, *ignore}) if hide else emotions
    return replace(schema.hiding(hide), emotions=left)


def trained_items(split: Split, candidates: str) -> NDArray[np.int32] | None:
    """The items with a training interaction, ascending, if training scores against them alone.

    :param candidates: ``training.candidates``.
    :return: None if it scores against all.
    """
    alone = candidates == "trained" or (candidates == "auto" and split.info.get("strategy") == "cold-items")
    return np.unique(split.train.dst) if alone else None
