"""Settings of short fits, and what they leave behind."""

from __future__ import annotations

import json
from pathlib import Path

from hetmusic.graph import MusicGraph
from hetmusic.training import load_config
from hetmusic.training.trainer import Trainer
from tests.training.trainers import trainer_of

FAST = [
    "model.dim=8",
    "training.batch_size=16",
    "training.epochs=6",
    "training.lr=0.05",
    "training.averaging=0.5",
]


def config(*overrides):
    return load_config(overrides=[*FAST, *overrides])


def weights(run_folder):
    return (run_folder / "embeddings" / "user.npy").read_bytes(), (
        run_folder / "embeddings" / "item.npy"
    ).read_bytes()


LOSSES = {
    "softmax": [],
    "sampled_softmax": ["training.loss=sampled_softmax", "training.negatives=8", "training.edge_dropout=0.3"],
    "bpr": ["training.loss=bpr", "training.negatives=1", "training.edge_dropout=0.0"],
}


def trainer_for(graph: MusicGraph, folder: Path, *overrides: str) -> Trainer:
    """A trainer that is ready for its first step."""
    return trainer_of(graph, folder, *FAST, *overrides)


def losses_of(folder):
    records = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    return [
        {key: value for key, value in record.items() if not key.endswith("seconds")} for record in records
    ]
