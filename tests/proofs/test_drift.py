"""Where tastes drift, forgetting helps, and only if it is told the right times."""

from __future__ import annotations

from pathlib import Path

from hetmusic.experiments.controls import ControlledGraph
from hetmusic.fitting import fit
from hetmusic.graph import MusicGraph
from hetmusic.graph.splits import leave_last_out_split
from hetmusic.synth import WorldSettings, make_world, write_dump
from hetmusic.training import load_config

SETTINGS = ["model.dim=32", "training.epochs=30", "training.patience=10"]
DECAY = "relations.liked_by.encoder=time-decay"


def test_time_decay_finds_what_was_outgrown(tmp_path: Path) -> None:
    settings = WorldSettings(drift=0.75, missing_audio=1.0, missing_cover=1.0)
    raw = write_dump(make_world(settings, seed=0), tmp_path / "raw")
    graph = MusicGraph.build(raw / "spec.yaml", raw=raw, out=tmp_path / "graph")
    split = leave_last_out_split(graph)
    found = {}
    for name, seen, more in (
        ("mean", graph, []),
        ("decay", graph, [DECAY]),
        ("shuffled", ControlledGraph(graph, ["shuffled-times"]), [DECAY]),
    ):
        run = fit(seen, load_config(overrides=[*SETTINGS, *more]), tmp_path / name, split=split)
        found[name] = run.evaluate(part="valid", ks=[20])["recall@20"]
    assert found["decay"] > 1.25 * found["mean"], found
    assert found["decay"] > 1.25 * found["shuffled"], found
