"""The main job from end to end, on data made up on the spot: small, offline, without pre-trained weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hetmusic.evaluation import Evaluation, evaluate
from hetmusic.features.extract_light import add_light_features
from hetmusic.fitting import fit
from hetmusic.graph import MusicGraph
from hetmusic.ranking import EmbeddingScorer
from hetmusic.recommend import Recommendation
from hetmusic.synth import World, make_world, write_dump
from hetmusic.training import load_config
from hetmusic.training.events import TrainingObserver

#: small enough for two minutes on two cores; all else is the default preset
SETTINGS = ("model.dim=64", "training.epochs=30", "training.batch_size=64", "relations.released.encoder=mean")


@dataclass(frozen=True)
class DemoResult:
    """What the demo found."""

    evaluation: Evaluation
    #: test NDCG@10 of recommending the most popular songs to everyone
    popularity: float
    #: test NDCG@10 of ranking by the planted tastes themselves
    best: float
    recommendations: dict[str, list[Recommendation]]


def run_demo(
    folder: Path, seed: int, observers: Sequence[TrainingObserver], say: Callable[[str], None]
) -> DemoResult:
    """Write ``raw``, ``graph`` and ``run`` into a folder.

    :param seed: seed of the world, the split and training.
    :param say: told what happens next.
    """
    world = make_world(seed=seed)
    say("1/5 writing a raw dump of a made-up world: tables, lyrics, sound files, covers")
    raw = write_dump(world, folder / "raw")
    say("2/5 building the knowledge graph")
    graph = MusicGraph.build(raw / "spec.yaml", raw=raw, out=folder / "graph")
    say("3/5 extracting lyrics, audio and cover features")
    for modality, coverage in add_light_features(graph, raw).items():
        say(f"    {modality}: {coverage.present:,} of {coverage.total:,} songs")
    say("4/5 training")
    config = load_config(overrides=[*SETTINGS, f"seed={seed}", f"split.seed={seed}"])
    run = fit(graph, config, folder / "run", observers)
    say("5/5 evaluating and recommending\n")
    return DemoResult(
        evaluation=run.evaluate(),
        popularity=evaluate(_popularity(graph, run.split.train.dst), run.split)["ndcg@10"],
        best=evaluate(_truth(graph, world), run.split)["ndcg@10"],
        recommendations=run.recommend(run.user_keys[:1], k=10),
    )


def _popularity(graph: MusicGraph, trained: np.ndarray) -> EmbeddingScorer:
    counts = np.bincount(trained, minlength=graph.num_nodes(graph.item_type)).astype(np.float32)
    return EmbeddingScorer(np.ones((graph.num_nodes(graph.user_type), 1), np.float32), counts[:, None])


def _truth(graph: MusicGraph, world: World) -> EmbeddingScorer:
    """The planted preferences, in the graph's order of users and songs."""
    users = world.user_factors[_rows(world.users["key"].to_list(), graph.keys(graph.user_type))]
    songs = world.item_factors[_rows(world.songs["key"].to_list(), graph.keys(graph.item_type))]
    return EmbeddingScorer(users, songs)


def _rows(known: list[str], wanted: Sequence[str]) -> list[int]:
    row = {key: number for number, key in enumerate(known)}
    return [row[key] for key in wanted]
