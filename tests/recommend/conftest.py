"""A small finished run, written with the functions that the trainer uses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hetmusic.graph import MusicGraph
from hetmusic.graph.splits import TEST, TRAIN, VALID, Split
from hetmusic.recommend import Run
from hetmusic.recommend.writer import save_embeddings, save_ids
from hetmusic.run_layout import GraphPointer, RunInfo
from tests.graphs import make_graph

# user u0 trains on a0, validates on a1, is tested on a4; u1 trains on a2; u2 trains on a5, is tested on a3
LIKES = [(0, 0), (0, 1), (0, 4), (1, 2), (2, 3), (2, 5)]
PARTS = [TRAIN, VALID, TEST, TRAIN, TEST, TRAIN]
# u0 likes low numbers; u1 likes all of them the same; u2 likes a3, and a1 and a4 the same
USERS = np.array([[1, 0, 0], [0, 0, 0], [0, 1, 0]], np.float32)
ITEMS = np.array([[6, 0, 0], [5, 2, 0], [4, 0, 0], [3, 3, 0], [2, 2, 0], [1.1, 9, 0]], np.float32)


@pytest.fixture
def graph(tmp_path: Path) -> MusicGraph:
    return make_graph(tmp_path / "graph", LIKES)


@pytest.fixture
def run_folder(tmp_path: Path, graph: MusicGraph) -> Path:
    folder = tmp_path / "run"
    split = Split(graph.interactions, np.array(PARTS, np.uint8), {"strategy": "by hand"})
    split.save(folder / "split")
    names = graph.nodes("artist")["name"].to_list()
    save_ids(folder, (graph.keys("user"), [None] * 3), (graph.keys("artist"), names))
    save_embeddings(folder, USERS, ITEMS)
    (folder / "config.toml").write_text("[training]\nlr = 0.01\n", encoding="utf-8")
    pointer = GraphPointer(path=str(graph.path), checksum=graph.checksum)
    info = RunInfo(
        hetmusic="0.1.0", status="finished", graph=pointer, item_type="artist", num_users=3, num_items=6
    )
    info.save(folder)
    Run.open(folder).evaluate(ks=(1, 2)).save(folder)
    return folder
