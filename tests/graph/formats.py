"""Small dumps whose file has a format of its own, and what becomes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hetmusic.graph import MusicGraph
from hetmusic.graph.build import build_graph
from hetmusic.graph.build_report import BuildReport
from kg_schema.dump import DumpSpec


def spec(plays: dict[str, Any], more: dict[str, Any] | None = None, **changes: Any) -> DumpSpec:
    value: dict[str, Any] = {
        "name": "mine",
        "item": "song",
        "files": {"plays": plays, **(more or {})},
        "nodes": {"user": [{"file": "plays", "key": "who"}], "song": [{"file": "plays", "key": "what"}]},
        "edges": [{"relation": "likes", "file": "plays", "src": "who", "dst": "what", "weight": "n"}],
    }
    return DumpSpec.model_validate(value | changes)


def build(dump: DumpSpec, raw: Path) -> tuple[MusicGraph, BuildReport]:
    report = build_graph(dump, raw, raw / "graph")
    return MusicGraph.open(raw / "graph", verify=True), report


def likes(graph: MusicGraph) -> set[tuple[str, str, float]]:
    edges = graph.edges("likes")
    users, songs = graph.keys("user"), graph.keys("song")
    weight = np.ones(len(edges)) if edges.weight is None else edges.weight
    return {(users[s], songs[d], float(w)) for s, d, w in zip(edges.src, edges.dst, weight, strict=True)}


CSV = b"who,what,n\na,x,2\nb,y,3\n"


EXPECTED = {("a", "x", 2.0), ("b", "y", 3.0)}
