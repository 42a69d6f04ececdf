"""From a planted world to a graph, and from a configuration to its metrics there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hetmusic.evaluation import Evaluation
from hetmusic.features.emotion.add import add_emotion
from hetmusic.features.emotion.train import train_emotion
from hetmusic.features.extract_light import add_light_features
from hetmusic.fitting import fit
from hetmusic.graph import MusicGraph
from hetmusic.graph.splits import Split
from hetmusic.ranking import EmbeddingScorer
from hetmusic.synth.planted.files import ANNOTATIONS_FILE, LEXICON_FILE, write_planted
from hetmusic.synth.planted.planted import PlantedWorld
from hetmusic.training import load_config


def build_planted(planted: PlantedWorld, folder: Path, extra: Sequence[str] = ()) -> MusicGraph:
    """Write ``folder/raw``, build ``folder/graph`` from it and add the features that the design reads.

    :param extra: further light features, such as ones that say nothing in this world.
    """
    raw = write_planted(planted, folder / "raw")
    graph = MusicGraph.build(raw / "spec.yaml", raw=raw, out=folder / "graph")
    if light := [*planted.design.modalities, *extra]:
        add_light_features(graph, raw, light)
    if planted.design.hears_emotion:
        model = folder / "emotion.safetensors"
        train_emotion(raw / ANNOTATIONS_FILE, model, sounds=raw, scale=(1, 9))
        add_emotion(graph, raw, model=model, lexicon=raw / LEXICON_FILE, vader=False)
    return graph


def split_of(planted: PlantedWorld, graph: MusicGraph) -> Split:
    """The world's own split of the interactions of its graph."""
    return Split(
        graph.interactions, planted.parts.label, {"strategy": "planted", "world": planted.design.name}
    )


def measure(
    planted: PlantedWorld, graph: MusicGraph, out: Path, settings: Sequence[str], ks: Sequence[int] = (10,)
) -> Evaluation:
    """Train on a planted world and test there.

    The last epoch's weights are taken, since validation ranks all songs, which for cold ones says little: set
    ``training.epochs`` to what the world needs.

    :param out: the run folder.
    :param settings: configuration on top of the default preset and the design's ``model``.
    :return: recall and NDCG, the design's candidates being ranked.
    """
    config = load_config(overrides=[*planted.design.model, *settings])
    training = config.training.model_copy(update={"validate_every": config.training.epochs})
    run = fit(graph, config.model_copy(update={"training": training}), out, split=split_of(planted, graph))
    scorer = EmbeddingScorer(np.asarray(run.user_embeddings), np.asarray(run.item_embeddings))
    return planted.evaluate(scorer, ks)
