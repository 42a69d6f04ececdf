"""A relation encoder of one's own, named by its import path and compared with the built-in mean.

python examples/custom_encoder.py              # a made-up world
python examples/custom_encoder.py GRAPH        # a graph folder; its interactions need times
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from hetmusic import MusicGraph, fit, load_config
from hetmusic.models import RelationConfig
from hetmusic.relations import NodeInputs, RelationBlock, RelationEncoder
from hetmusic.synth import WorldSettings, make_world, write_dump


class Recency(RelationEncoder):
    """Mean of the neighbours in which an edge counts half as much for every ``half_life`` days that it is old."""

    def __init__(self, dim: int, half_life: float = 365.0) -> None:
        super().__init__(dim)
        self.half_life = half_life

    def forward(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> Tensor:
        """Weigh the edges by age; ages count back from the newest edge of the batch."""
        time = relation.edge["time"]
        weight = torch.exp2((time - time.max()) / self.half_life)
        total = relation.sum(weight.new_ones(relation.num_src, 1), weight)
        return relation.sum(src.h, weight) / total.clamp(min=1e-12)


def made_up_graph(folder: Path) -> MusicGraph:
    """Build a small world's graph."""
    raw = write_dump(make_world(WorldSettings(users=200, songs=300, artists=40)), folder / "raw")
    return MusicGraph.build(raw / "spec.yaml", raw=raw, out=folder / "graph")


def main() -> None:
    """Train both and print their test metrics."""
    folder = Path(tempfile.mkdtemp(prefix="hetmusic-"))
    graph = MusicGraph.open(sys.argv[1]) if len(sys.argv) == 2 else made_up_graph(folder)
    encoders = {
        "mean": RelationConfig(encoder="mean"),
        "recency": RelationConfig(encoder="custom_encoder:Recency", half_life=180.0),
    }
    for name, encoder in encoders.items():
        config = load_config(overrides=["training.epochs=20"])
        config.relations["liked_by"] = encoder
        found = fit(graph, config, folder / name).evaluate(ks=[10])
        print(f"{name:8} NDCG@10 {found['ndcg@10']:.4f}  recall@10 {found['recall@10']:.4f}")
    print(f"runs are in {folder}")


# `custom_encoder:Recency` imports this file a second time, as a module: only the script itself trains
if __name__ == "__main__":
    main()
