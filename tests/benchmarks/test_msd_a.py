"""The made-up graph of MSD-A's size: as many of everything as asked for, and a best ranking that is one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.msd_a import ABSENT, MODALITIES, Size, best_ranking, draw_likes, make, plant
from hetmusic import MusicGraph
from hetmusic.evaluation import evaluate
from hetmusic.graph.splits import random_split
from hetmusic.ranking import EmbeddingScorer

SCALE = 0.01


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> MusicGraph:
    return make(tmp_path_factory.mktemp("msd") / "g", SCALE)


def test_counts_are_those_asked_for(graph: MusicGraph) -> None:
    size = Size().scaled(SCALE)
    counts = (graph.num_nodes("user"), graph.num_nodes("song"), graph.num_nodes("artist"))
    assert counts == (size.users, size.songs, size.artists)
    assert len(graph.interactions) == size.likes == 52_000
    assert graph.num_edges("friends") == size.friendships
    assert graph.num_edges("sung_by") == size.songs
    assert np.bincount(graph.interactions.src, minlength=size.users).min() > 10


def test_features_are_stored_as_half_precision_and_absent_for_the_share_asked_for(graph: MusicGraph) -> None:
    for name, (dim, _) in MODALITIES.items():
        modality = graph.modality("song", name)
        assert modality.values.dtype == np.float16
        assert modality.dim == dim
        assert modality.coverage == pytest.approx(1 - ABSENT, abs=1e-3)


def test_popularity_has_a_heavy_tail(graph: MusicGraph) -> None:
    counts = np.sort(np.bincount(graph.interactions.dst, minlength=graph.num_nodes("song")))[::-1]
    # users of this small world have heard most of what is popular; of 25,000 users the share is a third
    assert counts[: len(counts) // 100].sum() > 0.05 * counts.sum()
    assert counts[0] > 8 * np.median(counts)


def test_nothing_ranks_better_than_the_best_ranking(graph: MusicGraph) -> None:
    split = random_split(graph, (0.8, 0.1, 0.1), 0)

    def recall(scorer: EmbeddingScorer) -> float:
        return evaluate(scorer, split, ks=(50,), metrics=("recall",)).values["recall@50"]

    best = best_ranking(graph.path)
    users, songs = best.user_embeddings, best.item_embeddings
    popularity = np.bincount(split.train.dst, minlength=len(songs)).astype(np.float32)
    found = recall(best)
    assert found > 1.3 * recall(EmbeddingScorer(np.ones((len(users), 1)), popularity[:, None]))
    # half of a user's own taste exchanged for the mean taste
    assert found > recall(EmbeddingScorer((users + users.mean(axis=0)) / 2, songs))
    # songs alike popular within their scenes
    assert found > recall(EmbeddingScorer(users, (songs > 0).astype(np.float32)))


def test_likes_follow_the_probabilities() -> None:
    size = Size(users=4_000, songs=300, artists=30, likes=20_000, communities=3)
    rng = np.random.default_rng(0)
    planted = plant(size, rng)
    _, songs = draw_likes(size, planted, rng)
    users, shares = planted.best()
    expected = (users @ shares.T).mean(axis=0)
    # five likes a user: without repetition the most popular songs of a scene come somewhat less often
    found = np.bincount(songs, minlength=size.songs)
    assert np.corrcoef(expected, found)[0, 1] > 0.95


def test_the_same_seed_gives_the_same_graph(tmp_path: Path) -> None:
    first, second = (make(tmp_path / str(k), 0.002, seed=3) for k in range(2))
    assert first.meta.files == second.meta.files
    assert make(tmp_path / "other", 0.002, seed=4).checksum != first.checksum
