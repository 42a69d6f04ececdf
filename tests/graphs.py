"""Small graphs written through :class:`GraphWriter`, for tests that need one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from hetmusic.graph import EdgeType, GraphWriter, MusicGraph

LIKES = EdgeType("user", "likes", "artist")
FRIENDS = EdgeType("user", "friends", "user")
HAS_GENRE = EdgeType("artist", "has_genre", "genre")
HAS_TAG = EdgeType("artist", "has_tag", "tag")
EVOKES = EdgeType("artist", "evokes", "emotion")


def make_graph(
    folder: Path,
    likes: Iterable[tuple[Any, ...]],
    *,
    users: int | None = None,
    artists: int | None = None,
    friends: Sequence[tuple[int, int]] = (),
    tags: Sequence[tuple[int, int, str, int]] = (),
    name: str = "tiny",
    overwrite: bool = False,
) -> MusicGraph:
    """Write and open a graph of users and artists.

    Keys are ``u0``, ``u1``... and ``a0``, ``a1``...; index i has key number i.

    :param likes: (user, artist), (user, artist, plays) or (user, artist, plays, time).
    :param users: number of users; by default as many as ``likes`` and ``friends`` need.
    :param friends: unordered pairs.
    :param tags: (user, artist, kind, tag) assignments; kind is genre, emotion or tag.
    """
    rows = [tuple(row) for row in likes]
    columns = ["src", "dst", "weight", "time"][: max((len(row) for row in rows), default=2)]
    table = pl.DataFrame(rows, schema=columns, orient="row") if rows else pl.DataFrame({"src": [], "dst": []})
    ends = [row[0] for row in rows] + [u for pair in friends for u in pair] + [row[0] for row in tags]
    num_users = users if users is not None else max(ends, default=-1) + 1
    items = [row[1] for row in rows] + [row[1] for row in tags]
    num_artists = artists if artists is not None else max(items, default=-1) + 1
    with GraphWriter(folder, overwrite=overwrite) as writer:
        writer.nodes(
            "user", pl.DataFrame({"key": [f"u{i}" for i in range(num_users)]}, schema={"key": pl.String})
        )
        names = [None if i % 5 == 4 else f"Artist {i}" for i in range(num_artists)]
        keys = [f"a{i}" for i in range(num_artists)]
        writer.nodes(
            "artist", pl.DataFrame({"key": keys, "name": names}, schema={"key": pl.String, "name": pl.String})
        )
        writer.edges(LIKES, table)
        if friends:
            pairs = sorted({(min(pair), max(pair)) for pair in friends if pair[0] != pair[1]})
            writer.edges(FRIENDS, pl.DataFrame(pairs, schema=["src", "dst"], orient="row"))
        for kind in sorted({row[2] for row in tags}):
            count = max(row[3] for row in tags if row[2] == kind) + 1
            writer.nodes(kind, pl.DataFrame({"key": [f"{kind}{i}" for i in range(count)]}))
        if tags:
            writer.assignments(pl.DataFrame(list(tags), schema=["user", "item", "kind", "tag"], orient="row"))
        writer.finish(name=name, item="artist", interaction="likes")
    return MusicGraph.open(folder)
