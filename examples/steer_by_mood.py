"""Recommendations that lean towards a mood, and what that costs in taste.

python examples/steer_by_mood.py                # a made-up world
python examples/steer_by_mood.py RUN [USER]     # a finished run, of a graph that knows emotions
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from hetmusic import MusicGraph, Run, fit, load_config
from hetmusic.recommend import Mood
from hetmusic.synth import WorldSettings, make_world, write_dump


def made_up_run(folder: Path) -> Run:
    """Fit a run on a small made-up world, whose songs have valence and arousal."""
    raw = write_dump(make_world(WorldSettings(users=200, songs=300, artists=40)), folder / "raw")
    graph = MusicGraph.build(raw / "spec.yaml", raw=raw, out=folder / "graph")
    return fit(graph, load_config(overrides=["training.epochs=20"]), folder / "run")


def main() -> None:
    """Print one user's lists by mood and strength, with their mean valence, arousal and score."""
    run = (
        Run.open(sys.argv[1])
        if len(sys.argv) > 1
        else made_up_run(Path(tempfile.mkdtemp(prefix="hetmusic-")))
    )
    user = sys.argv[2] if len(sys.argv) > 2 else run.user_keys[0]
    points, _ = run.item_emotions
    taste = run.user_embeddings[run.user_index[user]] @ run.item_embeddings.T

    print(f"{'mood':10} strength  valence  arousal    taste   first songs")
    for word, strength in [
        ("-", 0.0),
        ("calm", 0.5),
        ("calm", 1.0),
        ("calm", 2.0),
        ("happy", 1.0),
        ("sad", 1.0),
    ]:
        mood = None if word == "-" else Mood.of_word(word)
        items = run.recommend(user, k=10, mood=mood, strength=strength)
        rows = np.array([run.item_index[item.item_key] for item in items])
        valence, arousal = points[rows].mean(axis=0)
        names = ", ".join(item.name for item in items[:2])
        print(f"{word:10} {strength:8} {valence:8.2f} {arousal:8.2f} {taste[rows].mean():8.2f}   {names}")


if __name__ == "__main__":
    main()
