"""PyTorch Geometric's recipe for the work of throughput.py; needs torch_geometric, and pyg_lib or torch_sparse to sample."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from throughput_work import (
    BATCH,
    FANOUT,
    LAYERS,
    Features,
    Fusion,
    SongInput,
    Step,
    bpr,
    optimizers_of,
    update,
    user_table,
)
from torch import Tensor, nn
from torch_geometric.data import HeteroData
from torch_geometric.loader import LinkNeighborLoader
from torch_geometric.nn import HeteroConv, SimpleConv
from torch_geometric.sampler import NegativeSampling
from torch_geometric.typing import WITH_PYG_LIB, WITH_TORCH_SPARSE

from hetmusic import MusicGraph
from hetmusic.graph.view import TrainingView

if not (WITH_PYG_LIB or WITH_TORCH_SPARSE):
    raise ImportError("neither pyg_lib nor torch_sparse is installed, one of which its samplers need")

LIKES, LIKED_BY, FRIENDS = (
    ("user", "likes", "song"),
    ("song", "liked_by", "user"),
    ("user", "friends", "user"),
)


class Tower(nn.Module):
    """One GNN over a sampled subgraph."""

    def __init__(
        self, relations: list[tuple[str, str, str]], users: int, features: int | None, sparse: bool
    ) -> None:
        super().__init__()
        self.users = user_table(users, sparse)
        self.songs = None if features is None else SongInput(features)
        self.relations = relations
        # a mean of the neighbours without matrices, as GraphConv(norm="right", weight=False) of the other recipe
        self.layers = nn.ModuleList(
            HeteroConv({relation: SimpleConv(aggr="mean") for relation in relations}) for _ in range(LAYERS)
        )

    def forward(self, batch: Any, features: Features | None) -> dict[str, Tensor]:
        """Representations of all nodes of the subgraph, by the harmonic readout."""
        h = {"user": self.users(batch["user"].n_id)}
        if self.songs is not None and features is not None:
            h["song"] = self.songs(*features)
        edges = {relation: batch[relation].edge_index for relation in self.relations}
        out = dict(h)
        for depth, layer in enumerate(self.layers):
            h = layer(h, edges)
            out = {t: v + h[t] / (depth + 2) for t, v in out.items()}
        return out


class Model(nn.Module):
    """Towers of every modality and of friendships."""

    def __init__(self, users: int, features: dict[str, Features], sparse: bool) -> None:
        super().__init__()
        likes = [LIKES, LIKED_BY]
        self.towers = nn.ModuleDict(
            {name: Tower(likes, users, v.shape[1], sparse) for name, (v, _) in features.items()}
        )
        self.social = Tower([FRIENDS], users, None, sparse)
        self.fusion = Fusion(len(features))

    def forward(self, batch: Any) -> tuple[Tensor, Tensor, Tensor]:
        """Users, songs that they like, and others, ``(n, DIM)`` each."""
        user, songs = (
            batch["user"].src_index,
            torch.cat([batch["song"].dst_pos_index, batch["song"].dst_neg_index]),
        )
        present = {name: batch["song"][f"has_{name}"] for name in self.towers}
        found = {
            name: tower(batch, (batch["song"][name], present[name])) for name, tower in self.towers.items()
        }
        users = [out["user"][user] for out in found.values()] + [self.social(batch, None)["user"][user]]
        there = torch.stack([mask[songs] for mask in present.values()], dim=1)
        fused = self.fusion.songs([out["song"][songs] for out in found.values()], there)
        return self.fusion.users(users), fused[: len(user)], fused[len(user) :]


def data_of(graph: MusicGraph, view: TrainingView, features: dict[str, Features]) -> HeteroData:
    """The graph as PyTorch Geometric has it, features as attributes of the songs."""
    heterograph = graph.heterograph(view)
    data = HeteroData()
    for node_type in ("user", "song"):
        data[node_type].num_nodes = heterograph.num_nodes(node_type)
    for name, (values, present) in features.items():
        data["song"][name], data["song"][f"has_{name}"] = values, present
    for relation in (LIKES, LIKED_BY, FRIENDS):
        src, dst = heterograph.edges(etype=relation[1], order="eid")
        data[relation].edge_index = torch.stack([src.long(), dst.long()])
    return data


def pyg_step(graph: MusicGraph, view: TrainingView, features: dict[str, Features], sparse: bool) -> Step:
    """A step: ``LinkNeighborLoader`` + ``HeteroConv`` of ``SimpleConv`` + Adam.

    The loader does not take the pairs that a step predicts out of its subgraph, which is work that the others do.
    """
    data = data_of(graph, view, features)
    loader = LinkNeighborLoader(
        data,
        num_neighbors={relation: [FANOUT] * LAYERS for relation in (LIKES, LIKED_BY, FRIENDS)},
        edge_label_index=(LIKES, data[LIKES].edge_index),
        neg_sampling=NegativeSampling("triplet", amount=1),
        batch_size=BATCH,
        shuffle=True,
        drop_last=True,
    )
    model = Model(data["user"].num_nodes, features, sparse)
    optimizers = optimizers_of(model, sparse)

    def batches() -> Iterator[Any]:
        while True:
            yield from loader

    source = batches()
    return lambda: update(bpr(*model(next(source))), optimizers)
