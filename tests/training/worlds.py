"""A small planted graph for training tests: two communities that like their own artists."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hetmusic.graph import MusicGraph
from tests.graphs import make_graph


def community_graph(
    folder: Path, users: int = 40, artists: int = 30, likes: int = 10, seed: int = 0
) -> MusicGraph:
    """Users of two communities who like artists of their own, with friends and tags of their community."""
    rng = np.random.default_rng(seed)
    rows, friends, tags = [], [], []
    half = artists // 2
    for user in range(users):
        side = user % 2
        chosen = rng.choice(half, likes, replace=False) + side * half
        rows += [
            (user, int(artist), int(rng.integers(1, 9)), 1_300_000_000 + k) for k, artist in enumerate(chosen)
        ]
        tags += [(user, int(artist), "genre", side) for artist in chosen[:3]]
        friends += [(user, int(other)) for other in rng.choice(users // 2, 2) * 2 + side if other != user]
    return make_graph(folder, rows, users=users, artists=artists, friends=friends, tags=tags)
