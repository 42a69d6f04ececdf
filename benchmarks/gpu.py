"""Training and ranking on a GPU: triples a second, how busy the GPU was, and its memory.

    python benchmarks/msd_a.py --out GRAPH
    python benchmarks/gpu.py GRAPH --out results/gpu.json

The work is that of ``throughput.py``: the paper's model with 64 dimensions, two layers, 10 neighbours a relation, BPR over
batches of 1,024 pairs with a negative each; batches are sampled on the CPU while the GPU computes. Rows differ in one
setting each. How busy the GPU was is what nvidia-smi says, every 0.2 seconds, on average. ``--device cpu`` runs the same on
the CPU, to see that it runs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring import machine

from hetmusic import MusicGraph
from hetmusic._device import choose_device
from hetmusic.errors import UserError
from hetmusic.fitting import build_model
from hetmusic.graph.view import TrainingView
from hetmusic.models import MMGNN
from hetmusic.ranking import EmbeddingScorer, UserItems, top_k
from hetmusic.training import load_config
from hetmusic.training.batches import Batch
from hetmusic.training.make_split import make_split
from hetmusic.training.prefetch import Prefetched
from hetmusic.training.tensors import GraphTensors
from hetmusic.training.trainer import Trainer

COMMON = (
    "model.dim=64",
    "training.fanout=10",
    "training.batch_size=1024",
    "training.propagation=sampled",
    "training.mutual_weight=0",
    "model.emotion=false",
)
ROWS: dict[str, tuple[str, ...]] = {
    "float32": (),
    "bfloat16": ("training.precision=bfloat16",),
    "features in main memory": ("training.features_on=cpu",),
    "128 components": ("model.feature_components=128",),
    "batches made when needed": ("training.prefetch=0",),
    "batches of 8,192": ("training.batch_size=8192",),
}
_EVERY = 0.2


class Utilisation:
    """What nvidia-smi says of a GPU while something runs."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._seen: list[float] = []
        self._stop = threading.Event()

    def __enter__(self) -> Utilisation:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        if self.device.type == "cuda" and shutil.which("nvidia-smi"):
            self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def percent(self) -> float | None:
        """The mean; None where nobody could be asked."""
        return statistics.mean(self._seen) if self._seen else None

    def _watch(self) -> None:
        unique = getattr(torch.cuda.get_device_properties(self.device), "uuid", None)
        which = str(self.device.index or 0) if unique is None else f"GPU-{str(unique).removeprefix('GPU-')}"
        query = ["nvidia-smi", "-i", which, "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        while not self._stop.wait(_EVERY):
            found = subprocess.run(query, capture_output=True, text=True, check=False)
            if found.returncode == 0 and found.stdout.strip().isdigit():
                self._seen.append(float(found.stdout))


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def epochs(trainer: Trainer) -> Iterator[Batch]:
    """Batches without end."""
    number = 0
    while True:
        yield from trainer.batches.epoch(np.random.default_rng([0, number]))
        number += 1


@contextmanager
def batches(trainer: Trainer) -> Iterator[Iterator[Batch]]:
    """Batches on the trainer's device, as training gets them."""
    sent = trainer.transfer.send(trainer.features.gathered(epochs(trainer)))
    ahead = trainer.config.training.prefetch
    if not ahead:
        yield map(trainer.transfer.receive, sent)
        return
    with Prefetched(sent, ahead) as ready:
        yield map(trainer.transfer.receive, ready)


def peak_mb(device: torch.device) -> float | None:
    """The most memory that torch had of the device, in MB."""
    return torch.cuda.max_memory_reserved(device) / 1e6 if device.type == "cuda" else None


def train(trainer: Trainer, steps: int, warm: int) -> dict[str, Any]:
    """Figures of some steps."""
    device, triples = trainer.device, 0
    trainer.model.train()
    with batches(trainer) as made:
        for _ in range(warm):
            trainer._step(next(made))
        synchronize(device)
        start = time.perf_counter()
        with Utilisation(device) as utilisation:
            for _ in range(steps):
                batch = next(made)
                trainer._step(batch)
                assert batch.negative_columns is not None
                triples += batch.negative_columns.numel()
            synchronize(device)
        seconds = time.perf_counter() - start
    return {
        "triples_per_second": triples / seconds,
        "milliseconds_per_step": 1000 * seconds / steps,
        "gpu_percent": utilisation.percent,
        "peak_mb": peak_mb(device),
    }


def rank(graph: MusicGraph, device: torch.device, users: int) -> dict[str, Any]:
    """Figures of ranking the whole catalogue for some users by 64-dimensional random vectors, likes left out."""
    rng = np.random.default_rng(0)
    counts = [graph.num_nodes(ntype) for ntype in (graph.user_type, graph.item_type)]
    vectors = [rng.normal(size=(count, 64)).astype(np.float32) for count in counts]
    likes = graph.edges(graph.interaction)
    seen = UserItems.from_edges([likes], num_users=counts[0], num_items=counts[1])
    chosen = np.arange(min(users, counts[0]))
    scorer = EmbeddingScorer(*vectors)
    top_k(scorer, chosen[:64], 50, seen, device=str(device))
    with Utilisation(device) as utilisation:
        start = time.perf_counter()
        top_k(scorer, chosen, 50, seen, device=str(device))
        seconds = time.perf_counter() - start
    return {
        "users_per_second": len(chosen) / seconds,
        "gpu_percent": utilisation.percent,
        "peak_mb": peak_mb(device),
    }


def table(found: dict[str, dict[str, Any]]) -> str:
    """The figures in columns."""

    def shown(value: float | None, digits: int) -> str:
        return "-" if value is None else f"{value:,.{digits}f}"

    lines = [f"{'':26} {'triples/s':>12} {'ms a step':>10} {'users/s':>10} {'GPU %':>6} {'MB':>9}"]
    for name, row in found.items():
        if "refused" in row:
            lines.append(f"{name:26} {row['refused']}")
            continue
        values = [
            shown(row.get("triples_per_second"), 0).rjust(12),
            shown(row.get("milliseconds_per_step"), 1).rjust(10),
            shown(row.get("users_per_second"), 0).rjust(10),
            shown(row["gpu_percent"], 0).rjust(6),
            shown(row["peak_mb"], 0).rjust(9),
        ]
        lines.append(" ".join([f"{name:26}", *values]))
    return "\n".join(lines)


def trainer_of(model: MMGNN, view: TrainingView, config: Any, folder: Path) -> Trainer:
    """A trainer that is ready for its first step."""
    return Trainer(model, GraphTensors.from_view(view, model.edge_types), view.split, config, folder)


def measure(
    graph: MusicGraph, settings: tuple[str, ...], device: torch.device, options: Any
) -> dict[str, Any]:
    """Figures of a row; why there are none if it is refused."""
    config = load_config("paper", overrides=[*COMMON, *settings, f'training.device="{device}"'])
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    try:
        with tempfile.TemporaryDirectory() as folder:
            model, view = build_model(graph, make_split(graph, config.split), config)
            return train(trainer_of(model, view, config, Path(folder)), options.steps, options.warm)
    except UserError as problem:
        return {"refused": str(problem)}


def main() -> None:
    """Measure every row, print the table, write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("graph", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--warm", type=int, default=20, help="steps before those that are measured")
    parser.add_argument("--users", type=int, default=25_000, help="how many are ranked for")
    parser.add_argument("--out", type=Path, help="JSON file")
    options = parser.parse_args()
    try:
        device = choose_device(options.device)
        graph = MusicGraph.open(options.graph)
    except UserError as problem:
        raise SystemExit(f"error: {problem}") from None
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else "no GPU"
    print(f"{gpu}, torch {torch.__version__}, {machine()}")
    found: dict[str, dict[str, Any]] = {}
    for name, settings in ROWS.items():
        found[name] = measure(graph, settings, device, options)
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    found["ranking, 50 of all items"] = rank(graph, device, options.users)
    print(table(found))
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        result = {"gpu": gpu, "torch": torch.__version__, "machine": machine(), "rows": found}
        options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
