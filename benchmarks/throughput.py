"""Training throughput in (user, song, negative) triples a second, against the stock recipes of DGL and PyTorch Geometric.

    python benchmarks/msd_a.py --out GRAPH
    OMP_NUM_THREADS=1 python benchmarks/throughput.py GRAPH --out FOLDER

The work is the paper's: a GNN over likes for every modality, whose songs start from projected features and whose users
from embeddings, one over friendships, 64 dimensions, two layers, 10 neighbours a relation, BPR over 1,024 pairs with a
negative each.

DGL's recipe is ``as_edge_prediction_sampler`` + ``DataLoader`` + ``HeteroGraphConv`` of ``GraphConv`` + Adam, PyTorch
Geometric's is ``LinkNeighborLoader`` + ``HeteroConv`` of ``SimpleConv`` + Adam; their features are in memory in the half
precision that they are stored in. Rows say which features are read: all 3,456 dimensions, or the 128 components a modality
that hetmusic reduces them to; everybody is measured with the same ones, too. ``SparseAdam`` updates the users' embeddings
in rows of its own. Everybody runs a few steps in turn, several times; the table has medians.
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
from throughput_dgl import dgl_step
from throughput_work import BATCH, DIM, FANOUT, Features, Step, in_memory

from hetmusic import MusicGraph
from hetmusic.fitting import build_model
from hetmusic.graph.view import TrainingView
from hetmusic.models.features import read_features
from hetmusic.training import load_config
from hetmusic.training.make_split import make_split
from hetmusic.training.tensors import GraphTensors
from hetmusic.training.trainer import Trainer

pyg_step: Callable[..., Step] | None = None
try:
    from throughput_pyg import pyg_step
except ImportError as problem:
    NO_PYG = str(problem)

COMPONENTS = 128

COMMON = (
    f"model.dim={DIM}",
    f"training.fanout={FANOUT}",
    f"training.batch_size={BATCH}",
    "training.propagation=sampled",
)
PAPER = (*COMMON, "model.emotion=false", "training.mutual_weight=0")


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
    """Markdown, with the processor time of DGL's recipe as the unit."""
    base = found[next(iter(found))]["cpu"]
    lines = [
        "| | triples a second of processor time | seconds a step (processor) | times the first row |",
        "|---|---|---|---|",
    ]
    for name, times in found.items():
        lines.append(
            f"| {name} | {BATCH / times['cpu']:,.0f} | {times['cpu']:.3f} | {base / times['cpu']:.1f} |"
        )
    return "\n".join(lines)


def reduced(graph: MusicGraph) -> dict[str, Features]:
    """The components that hetmusic reduces features to, in half precision as those of the graph."""
    found = {}
    for name in graph.modalities("song"):
        read = read_features(graph.modality("song", name), "standard", COMPONENTS)
        found[name] = read.values.half(), read.known
    return found


def contenders(graph: MusicGraph, folder: Path, all_features: bool) -> dict[str, Step]:
    """A step of everybody, DGL's recipe first."""
    view = TrainingView(graph, make_split(graph, load_config("paper").split))
    whole = in_memory(graph)
    widths = {f"{sum(v.shape[1] for v, _ in whole.values()):,} features": whole}
    widths[f"{COMPONENTS} components a modality"] = reduced(graph)
    steps: dict[str, Step] = {}
    for width, features in widths.items():
        for kind, sparse in (("Adam", False), ("SparseAdam", True)):
            steps[f"DGL, {kind}, {width}"] = dgl_step(graph, view, features, sparse)
    if pyg_step is None:
        print(f"PyTorch Geometric is left out: {NO_PYG}", flush=True)
    else:
        for width, features in widths.items():
            steps[f"PyTorch Geometric, Adam, {width}"] = pyg_step(graph, view, features, sparse=False)
    if all_features:
        steps[f"hetmusic, {next(iter(widths))}"] = ours(graph, PAPER, "paper", folder)
    components = f"model.feature_components={COMPONENTS}"
    steps[f"hetmusic, {COMPONENTS} components a modality"] = ours(
        graph, (*PAPER, components), "paper", folder
    )
    return steps


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
    with tempfile.TemporaryDirectory() as folder:
        steps = contenders(graph, Path(folder), arguments.all_features)
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
