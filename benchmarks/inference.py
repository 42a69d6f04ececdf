"""Embeddings of all users and items by full neighbourhoods: in pieces of the nodes against the whole graph at once.

    python benchmarks/msd_a.py --out GRAPH
    OMP_NUM_THREADS=1 python benchmarks/inference.py GRAPH

The model is what ``hetmusic fit --auto`` would train, with the weights it starts from. Memory is what the process takes
beyond what it had before, file-backed pages apart.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path

import torch
from measuring import machine
from torch import Tensor

from hetmusic import MusicGraph
from hetmusic.fitting import build_model
from hetmusic.models import layerwise
from hetmusic.training import load_config
from hetmusic.training.automatic import choose
from hetmusic.training.make_split import make_split
from hetmusic.training.memory_plan import resident_bytes
from hetmusic.training.tensors import GraphTensors


class Peak:
    """The most memory that the process takes within the block, beyond what it had, in bytes."""

    def __enter__(self) -> Peak:
        self.before, self.bytes, self._done = resident_bytes(), 0, threading.Event()
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._done.is_set():
            self.bytes = max(self.bytes, resident_bytes() - self.before)
            time.sleep(0.005)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("graph", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    graph = MusicGraph.open(arguments.graph)
    config = load_config("default", None, [choice.setting for choice in choose(graph)])
    split = make_split(graph, config.split)
    model, view = build_model(graph, split, config)
    blocks = GraphTensors.from_view(view, model.edge_types).full(config.model.num_layers)
    print(machine())
    print("| | processor time | memory |\n|---|---|---|")
    piece, results = layerwise.PIECE, list[tuple[Tensor, Tensor]]()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        for what, size, folder in (("at once", 10**9, None), ("in pieces", piece, Path(name))):
            layerwise.PIECE = size
            with Peak() as peak:
                started = time.process_time()
                results.append(layerwise.final_embeddings(model, blocks, folder))
                seconds = time.process_time() - started
            print(f"| {what} | {seconds:.1f} s | {peak.bytes / 1e6:,.0f} MB |", flush=True)
        (users, items), (users_too, items_too) = results
        difference = max(float((users - users_too).abs().max()), float((items - items_too).abs().max()))
        print(f"largest difference {difference:.1e}")


if __name__ == "__main__":
    main()
