"""Small problems to learn, their splits written out, with modalities that some artists lack."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from hetmusic.graph import MusicGraph
from hetmusic.graph.splits import TEST, TRAIN, VALID, Split, random_split
from hetmusic.rivals import Problem
from tests.graphs import make_graph
from tests.training.worlds import community_graph

Pair = tuple[int, int]


def make_problem(
    folder: Path,
    train: Iterable[Pair],
    valid: Sequence[Pair] = (),
    test: Sequence[Pair] = (),
    *,
    users: int | None = None,
    artists: int | None = None,
    friends: Sequence[Pair] = (),
    content: Mapping[str, Mapping[int, Sequence[float]]] | None = None,
) -> Problem:
    """A graph whose interactions are divided as told.

    :param valid: where it does not matter, one pair that is not in training is made up.
    :param content: modality -> artist -> vector.
    """
    pairs = list(train)
    used = {artist for user, artist in pairs if user == 0}
    held = list(valid) or [(0, min(set(range(len(used) + 1)) - used))]
    graph = make_graph(folder, [*pairs, *held, *test], users=users, artists=artists, friends=friends)
    for modality, vectors in (content or {}).items():
        rows = np.array(list(vectors.values()), dtype=np.float32)
        graph.add_modality("artist", modality, rows, indices=np.array(list(vectors)))
    part_of = {**dict.fromkeys(pairs, TRAIN), **dict.fromkeys(held, VALID), **dict.fromkeys(test, TEST)}
    interactions = graph.interactions
    ends = zip(interactions.src.tolist(), interactions.dst.tolist(), strict=True)
    return Problem(graph, Split(interactions, np.array([part_of[pair] for pair in ends], dtype=np.uint8)))


def community_problem(folder: Path, modalities: bool = True) -> Problem:
    """Two communities with artists of their own; features tell them apart, and every third artist lacks each."""
    graph = community_graph(folder, users=60, artists=40, likes=10)
    if modalities:
        add_content(graph)
    return Problem(graph, random_split(graph, seed=0))


def add_content(graph: MusicGraph) -> None:
    """Give a graph two noisy modalities that tell the first half of the artists from the second."""
    rng = np.random.default_rng(1)
    num_artists = graph.num_nodes("artist")
    for number, (name, dim) in enumerate({"audio": 6, "text": 4}.items()):
        artists = np.flatnonzero(np.arange(num_artists) % 3 != number)
        values = rng.normal(size=(len(artists), dim))
        values[:, 0] += np.where(artists < num_artists // 2, 3, -3)
        graph.add_modality("artist", name, values.astype(np.float32), indices=artists)


def all_scores(problem: Problem, scorer: object) -> np.ndarray:
    """Every user's score of every item, put together from two runs of items."""
    users, half = np.arange(problem.num_users), problem.num_items // 2
    parts = [scorer.scores(users, 0, half), scorer.scores(users, half, problem.num_items)]  # type: ignore[attr-defined]
    return np.concatenate(parts, axis=1)
