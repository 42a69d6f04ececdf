"""The content of ``hetmusic info``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tests.graphs import make_graph


def test_summary(tmp_path: Path) -> None:
    graph = make_graph(
        tmp_path / "g",
        [(0, 0, 5.0), (0, 1, 1.0), (1, 0, 2.0)],
        users=4,
        artists=4,
        friends=[(0, 2)],
        tags=[(0, 2, "genre", 0), (1, 2, "genre", 0)],
    )
    graph.add_modality("artist", "text", np.ones((1, 3)), keys=["a0"])
    summary = graph.summary()
    assert json.loads(json.dumps(summary)) == summary
    likes = summary["relations"]["user__likes__artist"]
    assert likes["edges"] == 3
    assert likes["degrees"]["src"] == {"min": 0, "median": 0.5, "mean": 0.75, "max": 2, "zero": 2}
    assert likes["degrees"]["dst"] == {"min": 0, "median": 0.5, "mean": 0.75, "max": 2, "zero": 2}
    assert summary["relations"]["user__friends__user"]["edges"] == 1
    assert summary["relations"]["user__friends__user"]["degrees"]["src"]["max"] == 1
    assert summary["relations"]["artist__has_genre__genre"]["from_assignments"]
    artist = summary["nodes"]["artist"]
    assert (artist["count"], artist["isolated"], artist["named"]) == (4, 1, 4)
    assert artist["modalities"]["text"] == {"dim": 3, "dtype": "float64", "present": 1, "coverage": 0.25}
    assert summary["warnings"] == [
        "artist: 1 of 4 nodes have no edge at all",
        "user: 1 of 4 nodes have no edge at all",
        "user__likes__artist: 2 of 4 user nodes have no interaction",
        "user__likes__artist: 2 of 4 artist nodes have no interaction",
    ]


def test_nothing_to_warn_about(tmp_path: Path) -> None:
    assert make_graph(tmp_path / "g", [(0, 0), (1, 1)]).summary()["warnings"] == []
