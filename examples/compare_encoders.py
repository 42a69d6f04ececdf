"""Two encoders of the same relation, compared: same splits, paired tests.

python examples/compare_encoders.py                          # a made-up world, mean against time decay
python examples/compare_encoders.py GRAPH mean gatv2 3 50    # a graph, two encoders, seeds, epochs
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from hetmusic import MusicGraph
from hetmusic.experiments.comparison import Entry, Protocol, compare
from hetmusic.experiments.problems import SplitChoice
from hetmusic.synth import WorldSettings, make_world, write_dump


def made_up_graph(folder: Path) -> MusicGraph:
    """Build a small world's graph."""
    raw = write_dump(make_world(WorldSettings(users=200, songs=300, artists=40)), folder / "raw")
    return MusicGraph.build(raw / "spec.yaml", raw=raw, out=folder / "graph")


def main() -> None:
    """Fit every encoder on every split, and test the differences."""
    folder = Path(tempfile.mkdtemp(prefix="hetmusic-"))
    defaults = ["", "mean", "time-decay", "2", "15"]
    path, *encoders, seeds, epochs = [*sys.argv[1:], *defaults[len(sys.argv) - 1 :]]
    graph = MusicGraph.open(path) if path else made_up_graph(folder)
    entries = [
        Entry(
            encoder,
            "mmgnn",
            {"relations": {"liked_by": {"encoder": encoder}}, "training": {"epochs": int(epochs)}},
        )
        for encoder in encoders
    ]
    protocol = Protocol(SplitChoice.parse("random"), seeds=tuple(range(int(seeds))))
    summary = compare(graph, entries, protocol, folder / "results")
    for row in summary.rows:
        if row["problem"] or row["failures"]:
            raise SystemExit(f"{row['label']}: {row['problem'] or row['failures']}")
        test = row["tests"].get(
            "ndcg@10"
        )  # the best on validation has none: the others are tested against it
        against = f"p = {test['p_holm']['t']:.3f} (paired t, Holm)" if test else "best on validation"
        print(f"{row['label']:12} NDCG@10 {row['metrics']['ndcg@10']['mean']:.4f}  {against}")
    print(f"all metrics and lists are in {folder / 'results'}")


if __name__ == "__main__":
    main()
