"""Additions to a finished graph: the old tables are kept, and nothing is ever half there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hetmusic._io import locked
from hetmusic.errors import DataError, FeatureError, UserError
from hetmusic.graph import EdgeType, MusicGraph
from hetmusic.graph.amending import Amendment, GraphBefore, amend
from hetmusic.graph.format import RelationInfo, read_meta
from hetmusic.graph.validation import validate_graph
from tests.graphs import EVOKES, make_graph

EVOKES_INFO = RelationInfo(inverse="evoked_by", weight="number of people who said so")


@pytest.fixture
def graph(tmp_path: Path) -> MusicGraph:
    made = make_graph(tmp_path / "g", [(0, 0), (0, 1), (1, 1)], friends=[(0, 1)], tags=[(0, 1, "tag", 0)])
    made.add_modality("artist", "text", np.ones((2, 3), np.float32))
    return made


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def before(graph: MusicGraph, name: str = "mood") -> GraphBefore:
    return GraphBefore(graph.path, read_meta(graph.path), name)


def moods(graph: MusicGraph, words: int = 2, value: float = 0.5) -> Amendment:
    old = before(graph)
    artists = old.nodes("artist").with_columns(pl.lit(value).alias("mood"))
    table = pl.DataFrame({"key": [f"w{n}" for n in range(words)]}).with_columns(pl.col("key").alias("name"))
    edges = pl.DataFrame(
        {"src": [1, 0], "dst": [0, words - 1], "weight": [value, 1.0]},
        {"src": pl.Int32, "dst": pl.Int32, "weight": pl.Float32},
    )
    return Amendment(
        nodes={"artist": artists, "emotion": table},
        edges={EVOKES: edges},
        relations={"evokes": EVOKES_INFO},
        modalities={("artist", "mood"): (np.full((1, 2), value, np.float32), np.array([1]), {"by": "hand"})},
        settings={"value": value},
    )


def test_everything_is_there_and_the_graph_is_valid(graph: MusicGraph) -> None:
    old = graph.nodes("artist")
    amend(before(graph), "mood", moods(graph))
    graph.reload()
    assert validate_graph(graph.path).errors == []
    assert graph.nodes("artist")["mood"].to_list() == [0.5, 0.5]
    assert graph.nodes("artist").drop("mood").equals(old)
    assert graph.edges("evokes").src.tolist() == [0, 1]  # sorted
    assert graph.edges("evoked_by").weight.tolist() == [1.0, 0.5]
    assert graph.modalities("artist") == ["mood", "text"]
    assert graph.meta.additions["mood"].settings == {"value": 0.5}
    MusicGraph.open(graph.path, verify=True)


def test_what_was_before_can_still_be_seen(graph: MusicGraph) -> None:
    old_meta, old_nodes = graph.meta, graph.nodes("artist")
    amend(before(graph), "mood", moods(graph))
    found = before(graph)
    assert found.meta == old_meta
    assert found.nodes("artist").equals(old_nodes)
    assert found.nodes("emotion").height == 0
    assert found.edges(EVOKES) is None
    assert found.edges(EdgeType("user", "likes", "artist")) is not None


def test_the_same_addition_again_gives_the_same_bytes(graph: MusicGraph) -> None:
    amend(before(graph), "mood", moods(graph))
    first = content(graph.path)
    amend(before(graph), "mood", moods(graph, words=4, value=0.25))
    assert content(graph.path) != first
    amend(before(graph), "mood", moods(graph))
    assert content(graph.path) == first


def test_features_and_files_of_others_stay(graph: MusicGraph) -> None:
    (graph.path / "notes").mkdir()
    (graph.path / "notes" / "mine.txt").write_text("precious")
    old = before(graph)
    graph.add_modality("artist", "late", np.ones((2, 1), np.float32))  # while the addition is worked out
    amend(old, "mood", moods(graph))
    graph.reload()
    assert graph.modalities("artist") == ["late", "mood", "text"]
    assert np.asarray(graph.modality("artist", "text").values).tolist() == [[1, 1, 1]] * 2
    assert (graph.path / "notes" / "mine.txt").read_text() == "precious"


def test_unchanged_files_take_no_room(graph: MusicGraph) -> None:
    likes = graph.path / "edges" / "user__likes__artist.parquet"
    inode = likes.stat().st_ino
    amend(before(graph), "mood", moods(graph))
    assert likes.stat().st_ino == inode


def test_where_files_cannot_be_shared_they_are_copied(
    graph: MusicGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError("no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    amend(before(graph), "mood", moods(graph))
    assert validate_graph(graph.path).errors == []


def test_a_wrong_table_changes_nothing(graph: MusicGraph) -> None:
    old, wrong = content(graph.path), moods(graph)
    for table, error in (
        (pl.DataFrame({"src": [0], "dst": [7], "weight": [1.0]}), "emotion 7 does not exist"),
        (pl.DataFrame({"src": [0, 0], "dst": [1, 1], "weight": [1.0, 1.0]}), "repeat a pair"),
    ):
        amendment = Amendment(wrong.nodes, {EVOKES: table}, wrong.relations)
        with pytest.raises(DataError, match=error):
            amend(before(graph), "mood", amendment)
    assert content(graph.path) == old
    assert [path.name for path in graph.path.parent.iterdir()] == ["g"]


def test_a_failure_at_the_last_step_changes_nothing(graph: MusicGraph) -> None:
    old, amendment = content(graph.path), moods(graph)
    nan = (np.full((1, 2), np.nan, np.float32), np.array([1]), {})
    broken = Amendment(amendment.nodes, amendment.edges, amendment.relations, {("artist", "mood"): nan})
    with pytest.raises(FeatureError, match="NaN"):
        amend(before(graph), "mood", broken)
    assert content(graph.path) == old


def test_a_graph_that_somebody_uses_or_has_changed_is_left_alone(graph: MusicGraph, tmp_path: Path) -> None:
    old = before(graph)
    with locked(graph.path), pytest.raises(UserError, match="in use by another process"):
        amend(old, "mood", moods(graph))
    make_graph(tmp_path / "g", [(0, 0)], overwrite=True)
    with pytest.raises(FeatureError, match="was changed by another process"):
        amend(old, "mood", Amendment())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere folders cannot be exchanged in one step")
def test_a_process_killed_at_any_moment_leaves_the_old_or_the_new(graph: MusicGraph) -> None:
    """Amend again and again in another process, kill it, and look."""
    code = (
        "import sys, itertools\n"
        "from hetmusic.graph import MusicGraph\n"
        "from tests.graph.test_amending import amend, before, moods\n"
        "graph = MusicGraph.open(sys.argv[1])\n"
        "for value in itertools.cycle((0.25, 0.5)):\n"
        "    amend(before(graph), 'mood', moods(graph, value=value))\n"
        "    print(value, flush=True)\n"
    )
    rng = np.random.default_rng(0)
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", code, graph.path], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(rng.uniform(0, 0.05))
            child.kill()
        opened = MusicGraph.open(graph.path, verify=True)
        assert opened.nodes("artist")["mood"][0] in (0.25, 0.5)
        assert validate_graph(graph.path).errors == []
    amend(before(graph), "mood", moods(graph))
    assert [path.name for path in graph.path.parent.iterdir()] == ["g"]  # what was left lying about is gone
