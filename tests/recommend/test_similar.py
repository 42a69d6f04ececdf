"""Neighbours, by hand on a run of six artists, and within the towers of a trained run."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from hetmusic.errors import ConfigError, RunError, UnknownKeyError
from hetmusic.fitting import fit
from hetmusic.graph import MusicGraph
from hetmusic.recommend import Neighbour, Run
from hetmusic.recommend.parts import Members
from hetmusic.recommend.similar_output import render_csv, render_jsonl, render_table
from hetmusic.recommend.writer import save_embeddings, save_emotions
from hetmusic.training import load_config
from tests.graphs import make_graph
from tests.recommend.conftest import ITEMS, USERS


def pairs(found: list[Neighbour]) -> list[tuple[str, float]]:
    return [(neighbour.key, neighbour.similarity) for neighbour in found]


class TestByHand:
    """Directions of the artists: a0, a2 along x; a3, a4 on the diagonal; a1 = (5, 2); a5 = (1.1, 9)."""

    def test_cosines_whatever_the_lengths_and_ties_by_index(self, run_folder: Path) -> None:
        found = Run.open(run_folder).similar("a0")
        a1, diagonal, a5 = 5 / 29**0.5, 0.5**0.5, 1.1 / 82.21**0.5
        expected = [("a2", 1), ("a1", a1), ("a3", diagonal), ("a4", diagonal), ("a5", a5)]
        assert pairs(found) == [(key, pytest.approx(value, abs=1e-6)) for key, value in expected]
        assert [neighbour.rank for neighbour in found] == [1, 2, 3, 4, 5]
        assert [neighbour.name for neighbour in found][:4] == ["Artist 2", "Artist 1", "Artist 3", "a4"]
        assert Run.open(run_folder).similar("a0", 2) == found[:2]

    def test_users_among_users_who_have_a_vector(self, run_folder: Path) -> None:
        run = Run.open(run_folder)
        assert pairs(run.similar("u0", node_type="user")) == [("u2", 0)]
        with pytest.raises(RunError, match="has learned nothing of user 'u1': its vector is zero"):
            run.similar("u1", node_type="user")

    def test_a_bias_is_no_likeness(self, run_folder: Path) -> None:
        plain = pairs(Run.open(run_folder).similar("a0"))
        bias = np.array([9, -9, 0, 3, 50, 1], np.float32)[:, None]
        users = np.hstack([USERS, np.ones((3, 1), np.float32)])
        save_embeddings(run_folder, users, np.hstack([ITEMS, bias]))
        run = Run.open(run_folder)
        assert pairs(run.similar("a0")) == plain
        assert pairs(run.similar("u0", node_type="user")) == [("u2", 0)]

    def test_vectors_that_are_not_numbers_are_damage(self, run_folder: Path) -> None:
        np.save(run_folder / "embeddings" / "item.npy", np.where(ITEMS == 9, np.nan, ITEMS))
        with pytest.raises(RunError, match="embeddings is damaged: 1 of 6 similarities are not finite"):
            Run.open(run_folder).similar("a0")

    def test_emotion_is_a_distance_in_the_plane(self, run_folder: Path) -> None:
        points = np.array([[1, 1], [1, -1], [0, 0], [-1, -1], [1, 1], [0, 0]], np.float32)
        save_emotions(run_folder, points, np.array([1, 1, 0, 1, 1, 1], bool))
        run = Run.open(run_folder)
        # distances 0, √2, 2 and 2√2, of which the last is the largest possible
        expected = [("a4", 1), ("a5", 0.5), ("a1", 1 - 0.5**0.5), ("a3", 0)]
        assert pairs(run.similar("a0", emotion=True)) == [
            (k, pytest.approx(v, abs=1e-6)) for k, v in expected
        ]
        with pytest.raises(RunError, match="artist 'a2' has no known valence and arousal"):
            run.similar("a2", emotion=True)
        with pytest.raises(ConfigError, match="users have no place in the plane of emotion; artists have"):
            run.similar("u0", node_type="user", emotion=True)

    def test_what_is_wrong_is_said(self, run_folder: Path) -> None:
        run = Run.open(run_folder)
        with pytest.raises(UnknownKeyError, match=r"artist 'a10' is not among the 6 .*did you mean 'a1'"):
            run.similar("a10")
        with pytest.raises(UnknownKeyError, match="user 'a0' is not among the 3 users"):
            run.similar("a0", node_type="user")
        with pytest.raises(ConfigError, match="recommends artists, and has no songs of them"):
            run.similar("s1", node_type="song")
        with pytest.raises(ConfigError, match="k is 0"):
            run.similar("a0", 0)
        with pytest.raises(ConfigError, match="not by both"):
            run.similar("a0", modality="audio", emotion=True)
        with pytest.raises(RunError, match="knows no emotions"):
            run.similar("a0", emotion=True)


def test_what_items_belong_to_is_their_mean(tmp_path: Path, run_folder: Path) -> None:
    tags = [
        (0, 0, "genre", 0),
        (0, 3, "genre", 0),
        (1, 4, "genre", 1),
        (1, 5, "genre", 2),
        (2, 5, "genre", 2),
    ]
    likes = [(0, 0), (0, 1), (0, 4), (1, 2), (2, 3), (2, 5)]
    graph = make_graph(tmp_path / "graph", likes, tags=tags, overwrite=True)
    info = json.loads((run_folder / "run.json").read_text())
    info["graph"]["checksum"] = graph.checksum
    (run_folder / "run.json").write_text(json.dumps(info))
    found = Run.open(run_folder).similar("genre0", node_type="genre")
    # genre0: a0 along x and a3 on the diagonal, so 22.5° whatever their lengths; genre1: a4 at 45°; genre2: a5
    assert pairs(found) == [
        ("genre1", pytest.approx(np.cos(np.pi / 8), abs=1e-6)),
        ("genre2", pytest.approx(np.cos(np.arctan2(9, 1.1) - np.pi / 8), abs=1e-6)),
    ]
    with pytest.raises(UnknownKeyError, match=r"genre 'genre7' .*did you mean"):
        Run.open(run_folder).similar("genre7", node_type="genre")


def test_means_leave_out_what_is_absent() -> None:
    members = Members(3, np.array([0, 0, 0, 1]), np.array([0, 1, 2, 2]))
    values = np.array([[1.0, 0], [3, 4], [100, 100]])
    means, some = members.means(values, np.array([True, True, False]))
    assert means.tolist() == [[2, 2], [0, 0], [0, 0]]
    assert some.tolist() == [True, False, False]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two towers of eight dimensions; the item matrix holds them side by side, each times the item's weight."""
    folder = tmp_path_factory.mktemp("similar")
    rng = np.random.default_rng(1)
    likes = [(user, int(item)) for user in range(12) for item in rng.choice(10, 5, replace=False)]
    graph: MusicGraph = make_graph(folder / "graph", likes, users=12, artists=10)
    graph.add_modality("artist", "audio", rng.normal(size=(10, 3)).astype(np.float32))
    graph.add_modality("artist", "text", rng.normal(size=(8, 3)).astype(np.float32), indices=np.arange(8))
    settings = ["model.dim=8", "training.epochs=2", "training.lr=0.05", "model.id_tower=false"]
    return fit(graph, load_config(overrides=settings), folder / "run")


class TestModality:
    @pytest.mark.parametrize(("name", "columns"), [("audio", slice(0, 8)), ("text", slice(8, 16))])
    def test_a_tower_is_its_columns_of_the_late_head(self, run: Run, name: str, columns: slice) -> None:
        assert run.item_embeddings.shape[1] == 16
        part = run.item_embeddings[:, columns].astype(np.float64)
        unit = part / np.linalg.norm(part, axis=1, keepdims=True).clip(1e-12)
        cosines = unit @ unit[3]
        has = [i for i in range(10 if name == "audio" else 8) if i != 3]
        expected = sorted(has, key=lambda i: -cosines[i])
        found = run.similar("a3", modality=name)
        assert [neighbour.key for neighbour in found] == [f"a{i}" for i in expected]
        assert [n.similarity for n in found] == pytest.approx(cosines[expected], abs=1e-4)
        users = run.user_embeddings[:, columns].astype(np.float64)
        best = run.similar("u2", 1, node_type="user", modality=name)[0]
        likeness = users @ users[2] / np.linalg.norm(users, axis=1) / np.linalg.norm(users[2])
        likeness[2] = -2
        assert best.key == f"u{likeness.argmax()}"

    def test_mistakes(self, run: Run) -> None:
        with pytest.raises(RunError, match="artist 'a9' has no text; compare it without --modality"):
            run.similar("a9", modality="text")
        with pytest.raises(ConfigError, match=r"no tower of a modality 'txt' \(did you mean 'text'\?\)"):
            run.similar("a0", modality="txt")


class TestOutput:
    FOUND = (Neighbour(1, "a,1", 'The "X"\x1b', 0.5), Neighbour(2, "b", "Ü", -0.25))

    def test_table(self) -> None:
        assert render_table("artist a0", self.FOUND).splitlines() == [
            "like artist a0",
            "rank  similarity  key  name",
            '   1      0.5000  a,1  The "X" ',
            "   2     -0.2500  b    Ü",
        ]
        assert render_table("artist a0", []) == "artist a0: nothing to compare it with"

    def test_csv_and_json_lines_give_back_what_they_were_given(self) -> None:
        rows = list(csv.DictReader(io.StringIO(render_csv("", self.FOUND))))
        assert [Neighbour(int(r["rank"]), r["key"], r["name"], float(r["similarity"])) for r in rows] == list(
            self.FOUND
        )
        lines = render_jsonl("", self.FOUND).splitlines()
        assert [Neighbour(**json.loads(line)) for line in lines] == list(self.FOUND)
