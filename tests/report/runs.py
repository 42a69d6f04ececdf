"""Finished runs written by hand: three kinds of music, and users who each like one of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from hetmusic.graph import GraphWriter, MusicGraph
from hetmusic.graph.splits import TEST, TRAIN, Split
from hetmusic.recommend.writer import save_embeddings, save_ids
from hetmusic.run_layout import GraphPointer, RunInfo
from tests.graphs import EVOKES, HAS_GENRE, LIKES

#: artists of each kind, the largest kind first; users of each kind
ARTISTS, USERS = (9, 7, 5), (6, 4, 3)
GENRES = ("doom metal", "disco", "pop")
EMOTIONS = ("anger", "happiness")


def kinds(sizes: tuple[int, ...]) -> np.ndarray:
    return np.repeat(np.arange(len(sizes)), sizes)


def make_world(folder: Path, names: list[str] | None = None) -> MusicGraph:
    """Every user likes all artists of their kind, and the first artist of all. The first kind is doom metal and angry, the
    second disco and happy; pop is what everything is as well, and all that is known of the third kind."""
    artist, user = kinds(ARTISTS), kinds(USERS)
    count = len(artist)
    with GraphWriter(folder) as writer:
        writer.nodes("user", pl.DataFrame({"key": [f"u{i}" for i in range(len(user))]}))
        labels = names or [f"Artist {i}" for i in range(count)]
        writer.nodes("artist", pl.DataFrame({"key": [f"a{i}" for i in range(count)], "name": labels}))
        writer.nodes("genre", pl.DataFrame({"key": list(GENRES)}))
        writer.nodes("emotion", pl.DataFrame({"key": list(EMOTIONS)}))
        pairs = [(u, a) for u in range(len(user)) for a in range(count) if user[u] == artist[a] or a == 0]
        writer.edges(LIKES, pl.DataFrame(pairs, schema=["src", "dst"], orient="row"))
        genres = [(a, artist[a], 3.0) for a in range(count) if artist[a] < 2] + [
            (a, 2, 1.0) for a in range(count)
        ]
        writer.edges(HAS_GENRE, pl.DataFrame(genres, schema=["src", "dst", "weight"], orient="row"))
        emotions = [(a, artist[a], 1.0) for a in range(count) if artist[a] < 2]
        writer.edges(EVOKES, pl.DataFrame(emotions, schema=["src", "dst", "weight"], orient="row"))
        writer.finish(name="kinds", item="artist", interaction="likes")
    return MusicGraph.open(folder)


def make_run(
    folder: Path, graph: MusicGraph, users: np.ndarray, items: np.ndarray, test_share: float = 0.2
) -> Path:
    """A run with these vectors, of which every fifth interaction is held out."""
    likes = graph.interactions
    part = np.full(len(likes), TRAIN, np.uint8)
    if test_share:
        part[:: round(1 / test_share)] = TEST
    Split(likes, part, {"strategy": "by hand"}).save(folder / "split")
    keys, names = graph.keys("artist"), graph.nodes("artist")["name"].to_list()
    save_ids(folder, (graph.keys("user"), [None] * len(users)), (keys, names))
    save_embeddings(folder, users.astype(np.float32), items.astype(np.float32))
    (folder / "config.toml").write_text("[training]\nlr = 0.01\n", encoding="utf-8")
    pointer = GraphPointer(path=str(graph.path), checksum=graph.checksum)
    RunInfo(
        hetmusic="0.1.0",
        status="finished",
        graph=pointer,
        item_type="artist",
        num_users=len(users),
        num_items=len(items),
    ).save(folder)
    return folder


def world_vectors(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of users and artists near three axes."""
    rng = np.random.default_rng(seed)
    return tuple(np.eye(3)[kinds(sizes)] + rng.normal(0, 0.05, (sum(sizes), 3)) for sizes in (USERS, ARTISTS))
