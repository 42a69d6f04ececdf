"""Time decay on the listening log of Last.fm 1K, beside the mean: do listens of long ago say less about those to come?

python examples/decay_on_lastfm.py RAW          # the folder with userid-timestamp-artid-artname-traid-traname.tsv

The log is split by time, so that what is predicted comes after what is known. The encoders are those of
examples/encoder_package; installing that package is not needed here.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from hetmusic import MusicGraph, fit, load_config
from hetmusic.models import RelationConfig

sys.path.append(str(Path(__file__).parent / "encoder_package"))

ENCODERS = {
    "mean": RelationConfig(encoder="mean"),
    "a week": RelationConfig(encoder="listening_encoders:Decay", half_life=7.0),
    "a quarter": RelationConfig(encoder="listening_encoders:Decay", half_life=90.0),
}


def main() -> None:
    """Build the graph, train each encoder, print their test metrics."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    folder = Path(tempfile.mkdtemp(prefix="hetmusic-"))
    graph = MusicGraph.build("lastfm-1k", raw=Path(sys.argv[1]), out=folder / "graph")
    listeners = len(set(graph.interactions.src.tolist()))
    print(f"{listeners} people heard {graph.num_nodes('song')} songs")
    if listeners < 50:
        print("that is too few people to conclude anything; the whole log has 992")
    for name, encoder in ENCODERS.items():
        config = load_config(overrides=["split.kind=time", "training.epochs=20", "model.dim=64"])
        config.relations["liked_by"] = encoder
        found = fit(graph, config, folder / name).evaluate(ks=[10])
        print(f"{name:9} NDCG@10 {found['ndcg@10']:.4f}  recall@10 {found['recall@10']:.4f}")
    print(f"runs are in {folder}")


if __name__ == "__main__":
    main()
