"""DGL's stock recipe for the work of throughput.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from throughput_work import (
    BATCH,
    DIM,
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

from hetmusic import MusicGraph
from hetmusic._dgl import dgl
from hetmusic.graph.view import TrainingView


class Tower(nn.Module):
    """One GNN over message-flow blocks."""

    def __init__(self, relations: list[str], users: int, features: int | None, sparse: bool) -> None:
        super().__init__()
        self.users = user_table(users, sparse)
        self.songs = None if features is None else SongInput(features)
        self.relations = relations
        self.layers = nn.ModuleList(
            dgl.nn.HeteroGraphConv(
                {
                    r: dgl.nn.GraphConv(DIM, DIM, norm="right", weight=False, allow_zero_in_degree=True)
                    for r in relations
                }
            )
            for _ in range(LAYERS)
        )

    def forward(self, blocks: list[Any], features: Features | None) -> dict[str, Tensor]:
        """Representations of users and, if there are features, songs, by the harmonic readout."""
        h = {"user": self.users(blocks[0].srcnodes["user"].data[dgl.NID])}
        if self.songs is not None and features is not None:
            nodes = blocks[0].srcnodes["song"].data[dgl.NID]
            h["song"] = self.songs(*(part[nodes] for part in features))
        out = {t: v[: blocks[-1].num_dst_nodes(t)] for t, v in h.items()}
        for depth, (block, layer) in enumerate(zip(blocks, self.layers, strict=True)):
            h = layer(block.edge_type_subgraph(self.relations), h)
            out = {t: v + h[t][: len(v)] / (depth + 2) for t, v in out.items()}
        return out


class Model(nn.Module):
    """Towers of every modality and of friendships."""

    def __init__(self, users: int, features: dict[str, Features], sparse: bool) -> None:
        super().__init__()
        self.features = features
        likes = ["likes", "liked_by"]
        self.towers = nn.ModuleDict(
            {name: Tower(likes, users, v.shape[1], sparse) for name, (v, _) in features.items()}
        )
        self.social = Tower(["friends"], users, None, sparse)
        self.fusion = Fusion(len(features))

    def forward(self, blocks: list[Any]) -> tuple[Tensor, Tensor]:
        """Users and songs of the last block, ``(n, DIM)`` each."""
        found = {name: tower(blocks, self.features[name]) for name, tower in self.towers.items()}
        users = [out["user"] for out in found.values()] + [self.social(blocks, None)["user"]]
        songs = blocks[-1].dstnodes["song"].data[dgl.NID]
        present = torch.stack([self.features[name][1][songs] for name in found], dim=1)
        return self.fusion.users(users), self.fusion.songs([out["song"] for out in found.values()], present)


def dgl_step(graph: MusicGraph, view: TrainingView, features: dict[str, Features], sparse: bool) -> Step:
    """A step: ``as_edge_prediction_sampler`` + ``DataLoader`` + ``HeteroGraphConv`` of ``GraphConv`` + Adam.

    Only those relations are sampled that are used, and edge attributes, which none of this reads, are left out.
    """
    whole = graph.heterograph(view)
    used = {"likes", "liked_by", "friends"}
    heterograph = whole.edge_type_subgraph([t for t in whole.canonical_etypes if t[1] in used])
    for edge_type in heterograph.canonical_etypes:
        for name in list(heterograph.edges[edge_type].data):
            heterograph.edges[edge_type].data.pop(name)
    sampler = dgl.dataloading.as_edge_prediction_sampler(
        dgl.dataloading.NeighborSampler([FANOUT] * LAYERS),
        exclude="reverse_types",
        reverse_etypes={"likes": "liked_by", "liked_by": "likes"},
        negative_sampler=dgl.dataloading.negative_sampler.Uniform(1),
    )
    pairs = {"likes": torch.arange(heterograph.num_edges("likes"), dtype=heterograph.idtype)}
    model = Model(heterograph.num_nodes("user"), features, sparse)
    optimizers = optimizers_of(model, sparse)

    def batches() -> Iterator[Any]:
        while True:
            yield from dgl.dataloading.DataLoader(
                heterograph, pairs, sampler, batch_size=BATCH, shuffle=True, drop_last=True, num_workers=0
            )

    source = batches()

    def step() -> float:
        _, positive, negative, blocks = next(source)
        users, songs = model(blocks)
        rows, liked = positive.edges(etype="likes")
        _, other = negative.edges(etype="likes")
        return update(bpr(users[rows.long()], songs[liked.long()], songs[other.long()]), optimizers)

    return step
