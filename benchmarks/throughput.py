"""Training throughput in (user, song, negative) triples a second, against DGL's stock recipe on the same work.

    python benchmarks/msd_a.py --out GRAPH
    OMP_NUM_THREADS=1 python benchmarks/throughput.py GRAPH --out FOLDER

The work is the paper's: a GNN over likes for every modality, whose songs start from projected features and whose users
from embeddings, one over friendships, 64 dimensions, two layers, 10 neighbours a relation, BPR over 1,024 pairs with a
negative each.

The stock recipe is ``as_edge_prediction_sampler`` + ``DataLoader`` + ``HeteroGraphConv`` of ``GraphConv`` + Adam, its
features in memory in the half precision that they are stored in, and only those relations sampled that are used. A
second row gives it ``SparseAdam`` for the users' embeddings. Everybody runs a few steps in turn, several times; the
table has medians.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring import machine
from torch import Tensor, nn
from torch.nn import functional

from hetmusic import MusicGraph
from hetmusic._dgl import dgl
from hetmusic.fitting import build_model
from hetmusic.graph.view import TrainingView
from hetmusic.training import load_config
from hetmusic.training.make_split import make_split
from hetmusic.training.tensors import GraphTensors
from hetmusic.training.trainer import Trainer

DIM, LAYERS, FANOUT, BATCH = 64, 2, 10, 1024
COMMON = (
    f"model.dim={DIM}",
    f"training.fanout={FANOUT}",
    f"training.batch_size={BATCH}",
    "training.propagation=sampled",
)
PAPER = (*COMMON, "model.emotion=false", "training.mutual_weight=0")

Step = Callable[[], float]


class StockTower(nn.Module):
    """One GNN of the stock recipe."""

    def __init__(self, relations: list[str], users: int, features: int | None, sparse: bool) -> None:
        super().__init__()
        self.users = nn.Embedding(users, DIM, sparse=sparse)
        nn.init.normal_(self.users.weight, std=0.1)
        self.project = None if features is None else nn.Linear(features, DIM)
        self.absent = nn.Parameter(0.1 * torch.randn(DIM))
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

    def forward(self, blocks: list[Any], features: tuple[Tensor, Tensor] | None) -> dict[str, Tensor]:
        """Representations of users and, if there are features, songs, by the harmonic readout."""
        h = {"user": self.users(blocks[0].srcnodes["user"].data[dgl.NID])}
        if self.project is not None and features is not None:
            songs = blocks[0].srcnodes["song"].data[dgl.NID]
            values, present = features
            h["song"] = torch.where(present[songs][:, None], self.project(values[songs].float()), self.absent)
        out = {t: v[: blocks[-1].num_dst_nodes(t)] for t, v in h.items()}
        for depth, (block, layer) in enumerate(zip(blocks, self.layers, strict=True)):
            h = layer(block.edge_type_subgraph(self.relations), h)
            out = {t: v + h[t][: len(v)] / (depth + 2) for t, v in out.items()}
        return out


class StockModel(nn.Module):
    """Towers of every modality and of friendships, fused as in eqs. 4 and 5."""

    def __init__(self, users: int, features: dict[str, tuple[Tensor, Tensor]], sparse: bool) -> None:
        super().__init__()
        self.features = features
        likes = ["likes", "liked_by"]
        self.towers = nn.ModuleDict(
            {name: StockTower(likes, users, v.shape[1], sparse) for name, (v, _) in features.items()}
        )
        self.social = StockTower(["friends"], users, None, sparse)
        self.fuse = nn.Linear(DIM * (len(features) + 1), DIM, bias=False)
        self.weights = nn.Parameter(torch.zeros(len(features)))

    def forward(self, blocks: list[Any]) -> tuple[Tensor, Tensor]:
        """Users and songs of the last block, ``(n, DIM)`` each."""
        found = {name: tower(blocks, self.features[name]) for name, tower in self.towers.items()}
        users = [out["user"] for out in found.values()] + [self.social(blocks, None)["user"]]
        songs = blocks[-1].dstnodes["song"].data[dgl.NID]
        present = torch.stack([self.features[name][1][songs] for name in found], dim=1)
        logits = self.weights.expand(len(songs), -1).masked_fill(
            ~present & present.any(1, keepdim=True), float("-inf")
        )
        share = torch.softmax(logits, dim=1)
        song = torch.stack([out["song"] * share[:, [k]] for k, out in enumerate(found.values())]).sum(dim=0)
        return torch.sigmoid(self.fuse(torch.cat(users, dim=1))), song


def in_memory(graph: MusicGraph) -> dict[str, tuple[Tensor, Tensor]]:
    """Values and presence of every modality, as they are stored."""
    found = {name: graph.modality("song", name) for name in graph.modalities("song")}
    return {
        name: (torch.from_numpy(np.array(modality.values)), torch.from_numpy(modality.present.copy()))
        for name, modality in found.items()
    }


def stock(
    graph: MusicGraph, view: TrainingView, features: dict[str, tuple[Tensor, Tensor]], sparse: bool
) -> Step:
    """A step of the stock recipe."""
    wanted = [t for t in graph.heterograph(view).canonical_etypes if t[1] in {"likes", "liked_by", "friends"}]
    heterograph = graph.heterograph(view).edge_type_subgraph(wanted)
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
    model = StockModel(heterograph.num_nodes("user"), features, sparse)
    tables = [p for name, p in model.named_parameters() if sparse and name.endswith("users.weight")]
    rest = [p for p in model.parameters() if not any(p is table for table in tables)]
    optimizers: list[torch.optim.Optimizer] = [torch.optim.Adam(rest, lr=1e-3)]
    if tables:
        optimizers.append(torch.optim.SparseAdam(tables, lr=1e-3))

    def batches() -> Iterator[Any]:
        while True:
            yield from dgl.dataloading.DataLoader(
                heterograph, pairs, sampler, batch_size=BATCH, shuffle=True, drop_last=True, num_workers=0
            )

    source = batches()

    def step() -> float:
        _, positive, negative, blocks = next(source)
        users, songs = model(blocks)
        scores = []
        for graph_of_pairs in (positive, negative):
            src, dst = graph_of_pairs.edges(etype="likes")
            scores.append((users[src.long()] * songs[dst.long()]).sum(dim=1))
        loss = functional.softplus(scores[1] - scores[0]).mean()
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        return float(loss.detach())

    return step


def ours(graph: MusicGraph, settings: tuple[str, ...], preset: str, folder: Path) -> Step:
    """A step of hetmusic's trainer."""
    config = load_config(preset, None, [*settings])
    split = make_split(graph, config.split)
    model, view = build_model(graph, split, config)
    trainer = Trainer(model, GraphTensors.from_view(view, model.edge_types), split, config, folder)
    model.train()
    rng = np.random.default_rng(0)

    def batches() -> Iterator[Any]:
        while True:
            yield from trainer.batches.epoch(rng)

    source = batches()
    return lambda: trainer._step(next(source))


def measure(steps: dict[str, Step], rounds: int, count: int) -> dict[str, dict[str, float]]:
    """Seconds a step of everybody: medians over rounds, wall and processor time."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    for name, step in steps.items():
        print(f"{name}: loss {step():.4f} in the first step", flush=True)
    for _ in range(rounds):
        for name, step in steps.items():
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in range(count):
                step()
            found[name].append(((time.perf_counter() - wall) / count, (time.process_time() - cpu) / count))
    return {
        name: {
            "wall": statistics.median(wall for wall, _ in times),
            "cpu": statistics.median(cpu for _, cpu in times),
        }
        for name, times in found.items()
    }


def table(found: dict[str, dict[str, float]]) -> str:
    """Markdown, with the stock recipe's processor time as the unit."""
    base = found["DGL, stock recipe"]["cpu"]
    lines = [
        "| | triples a second of processor time | seconds a step (processor) | times the stock recipe |",
        "|---|---|---|---|",
    ]
    for name, times in found.items():
        lines.append(
            f"| {name} | {BATCH / times['cpu']:,.0f} | {times['cpu']:.2f} | {base / times['cpu']:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("graph", type=Path)
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for throughput.json and throughput.md"
    )
    parser.add_argument(
        "--all-features", action="store_true", help="hetmusic without reduction as well (4.5 GB more)"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=2, help="steps in a row of everybody, a round")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    graph = MusicGraph.open(arguments.graph)
    split = make_split(graph, load_config("paper").split)
    view = TrainingView(graph, split)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        features = in_memory(graph)
        steps = {
            "DGL, stock recipe": stock(graph, view, features, sparse=False),
            "DGL, stock recipe, SparseAdam": stock(graph, view, features, sparse=True),
            "hetmusic, 128 components": ours(graph, (*PAPER, "model.feature_components=128"), "paper", place),
        }
        if arguments.all_features:
            steps["hetmusic, all features"] = ours(graph, PAPER, "paper", place)
        found = measure(steps, arguments.rounds, arguments.steps)
    arguments.out.mkdir(parents=True, exist_ok=True)
    result = {
        "machine": machine(),
        "graph": str(graph),
        "batch": BATCH,
        "rounds": arguments.rounds,
        "seconds": found,
    }
    (arguments.out / "throughput.json").write_text(json.dumps(result, indent=2) + "\n")
    (arguments.out / "throughput.md").write_text(table(found) + "\n")
    print(result["machine"])
    print(table(found))


if __name__ == "__main__":
    main()
