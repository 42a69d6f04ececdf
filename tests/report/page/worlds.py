"""Small finished runs whose names are chosen by the test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from hetmusic.graph import EdgeType, GraphWriter, MusicGraph
from hetmusic.graph.splits import random_split
from hetmusic.recommend import Run
from hetmusic.recommend.writer import save_embeddings, save_emotions, save_ids
from hetmusic.run_layout import GraphPointer, RunInfo
from hetmusic.training.load_config import dump_toml, load_config

#: what somebody who means ill would call things
HOSTILE = [
    "</script><script>window.broken = 1</script>",
    "<!--<script>window.broken = 1</script>",
    "<img src=x onerror='window.broken = 1'>",
    "</style><b>bold</b>",
    "line\u2028separator\u2029paragraph",
    "\u202eedirrevo",
    "\"double\" 'single' `back`",
    "{{ 7 * 7 }} {% raw %} ${7 * 7}",
    "javascript:window.broken = 1",
    "{0} and {1}",
    "$x^2$ \\frac{1}{2}",
    "بي جي هارفي",
    "W" * 150,
]


def run_with_names(
    folder: Path, names: Sequence[str], *, users: int = 8, likes: int = 12, item: str = "song", seed: int = 0
) -> Path:
    """A graph and a finished run of as many items as names; users, artists and genres have the names, too.

    Every user likes the first items, up to ``likes``; vectors are drawn.

    :return: the run folder, beside which ``graph`` lies.
    """
    graph = _graph(folder / "graph", names, users, likes, item)
    run, rng = folder / "run", np.random.default_rng(seed)
    random_split(graph, seed=0).save(run / "split")
    user_keys = graph.keys("user")
    save_ids(run, (user_keys, graph.names("user")), (graph.keys(item), graph.names(item)))
    save_embeddings(run, rng.normal(size=(users, 4)), rng.normal(size=(len(names), 4)))
    save_emotions(run, rng.uniform(-1, 1, (len(names), 2)), np.ones(len(names), bool))
    (run / "config.toml").write_text(dump_toml(load_config()), encoding="utf-8")
    (run / "history.jsonl").write_text('{"epoch": 0, "loss": 2.0, "seconds": 1.0}\n', encoding="utf-8")
    RunInfo(
        hetmusic="0.1.0",
        status="finished",
        graph=GraphPointer(path=str(graph.path), checksum=graph.checksum),
        item_type=item,
        num_users=users,
        num_items=len(names),
    ).save(run)
    assert Run.open(run).graph.path == graph.path
    return run


def _graph(folder: Path, names: Sequence[str], users: int, likes: int, item: str) -> MusicGraph:
    few = list(names[:4])
    with GraphWriter(folder) as writer:
        _nodes(writer, "user", [names[number % len(names)] for number in range(users)])
        _nodes(writer, item, names)
        _nodes(writer, "genre", few)
        numbers = range(len(names))
        pairs = [(u, i, 1.0 + u + i) for u in range(users) for i in range(min(likes, len(names)))]
        _edges(writer, ("user", "likes", item), pairs)
        _edges(writer, (item, "has_genre", "genre"), [(i, i % len(few), 1.0) for i in numbers])
        if item != "artist":
            _nodes(writer, "artist", few)
            _edges(writer, (item, "sung_by", "artist"), [(i, i % len(few)) for i in numbers])
        writer.finish(name="names", item=item, interaction="likes")
    return MusicGraph.open(folder)


def _nodes(writer: GraphWriter, node_type: str, names: Sequence[str]) -> None:
    keys = [f"{node_type[0]}{number:03d}" for number in range(len(names))]
    writer.nodes(node_type, pl.DataFrame({"key": keys, "name": list(names)}))


def _edges(writer: GraphWriter, edge_type: tuple[str, str, str], rows: Sequence[tuple[float, ...]]) -> None:
    columns = ["src", "dst", "weight"][: len(rows[0])]
    writer.edges(EdgeType(*edge_type), pl.DataFrame(rows, schema=columns, orient="row"))
