"""Trainers on small graphs, made without a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hetmusic.fitting import build_model
from hetmusic.graph import MusicGraph
from hetmusic.training import load_config
from hetmusic.training.make_split import make_split
from hetmusic.training.tensors import GraphTensors
from hetmusic.training.trainer import Trainer
from tests.training.worlds import community_graph

FAST = (
    "model.dim=8",
    "training.batch_size=16",
    "training.epochs=2",
    "training.lr=0.05",
    "training.device=cpu",
)

SAMPLED = ("training.propagation=sampled", "training.fanout=4", "training.sampled_candidates=9")


def audible_graph(folder: Path, dim: int = 6) -> MusicGraph:
    """Communities whose artists, but for five, have random features."""
    graph = community_graph(folder)
    keys = graph.keys("artist")[5:]
    values = np.random.default_rng(3).normal(size=(len(keys), dim)).astype(np.float32)
    graph.add_modality("artist", "audio", values, keys=keys)
    return graph


def trainer_of(graph: MusicGraph, folder: Path, *overrides: str, **named: object) -> Trainer:
    """A trainer that is ready for its first step."""
    config = load_config(overrides=[*FAST, *overrides])
    split = make_split(graph, config.split)
    model, view = build_model(graph, split, config)
    return Trainer(model, GraphTensors.from_view(view, model.edge_types), split, config, folder, **named)  # type: ignore[arg-type]
