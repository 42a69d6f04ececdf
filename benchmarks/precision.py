"""Steps of training in float32 and bfloat16, in turn: how long they take and how far apart their losses are.

OMP_NUM_THREADS=1 python benchmarks/precision.py GRAPH --device cpu --set model.feature_components=128
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from measuring import machine

from hetmusic import MusicGraph
from hetmusic.fitting import build_model
from hetmusic.training import load_config
from hetmusic.training.make_split import make_split
from hetmusic.training.tensors import GraphTensors
from hetmusic.training.trainer import Trainer

PRECISIONS = ("float32", "bfloat16")


def make(graph: MusicGraph, settings: list[str], folder: Path) -> Trainer:
    """A trainer that is ready for its first step."""
    config = load_config(overrides=settings)
    split = make_split(graph, config.split)
    model, view = build_model(graph, split, config)
    return Trainer(model, GraphTensors.from_view(view, model.edge_types), split, config, folder)


def timed(trainer: Trainer, steps: int, seed: int) -> tuple[float, float]:
    """Seconds a step, sampling not counted, and the mean loss."""
    batches = trainer.batches.epoch(np.random.default_rng(seed))
    seconds, losses = [], []
    for _ in range(steps):
        batch = next(batches).to(trainer.device)
        if trainer.device.type == "cuda":
            torch.cuda.synchronize(trainer.device)
        start = time.perf_counter() if trainer.device.type == "cuda" else time.process_time()
        losses.append(trainer._step(batch))  # which reads the loss, and so waits for the device
        end = time.perf_counter() if trainer.device.type == "cuda" else time.process_time()
        seconds.append(end - start)
    return statistics.median(seconds), statistics.mean(losses)


def main() -> None:
    """Run both in turn, print a table, write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("graph", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--set", dest="settings", action="append", default=[])
    parser.add_argument("--out", type=Path, help="JSON file")
    options = parser.parse_args()
    graph = MusicGraph.open(options.graph)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in PRECISIONS}
    with tempfile.TemporaryDirectory() as folder:
        common = [*options.settings, f'training.device="{options.device}"']
        trainers = {
            name: make(graph, [*common, f"training.precision={name}"], Path(folder)) for name in PRECISIONS
        }
        for trainer in trainers.values():
            timed(trainer, 1, 0)  # the first step makes moments and buffers
            trainer.model.train()
        for round_number in range(options.rounds):
            for name, trainer in trainers.items():
                found[name].append(timed(trainer, options.steps, round_number))
    seconds = {name: statistics.median(s for s, _ in runs) for name, runs in found.items()}
    losses = {name: runs[-1][1] for name, runs in found.items()}
    print(f"{machine()}, device {options.device}")
    for name in PRECISIONS:
        ratio = seconds[name] / seconds["float32"]
        print(f"{name:10} {seconds[name]:8.4f} s a step, {ratio:5.2f} times float32, loss {losses[name]:.4f}")
    if options.out is not None:
        options.out.write_text(json.dumps({"seconds": seconds, "loss": losses}, indent=2) + "\n")


if __name__ == "__main__":
    main()
