"""``hetmusic evaluate`` and ``recommend``: from a run to numbers and lists."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from kg_schema.vocab.emotions import EmotionVocabulary
from tests.cli.conftest import SMALL
from tests.cli.running import hetmusic

METRICS = ("precision", "recall", "ndcg", "hitrate", "mrr", "map", "coverage")


def test_evaluate_json(run):
    found = hetmusic("evaluate", run, "--json").json
    assert {key for key in found if "@" in key} == {
        f"{name}@{k}" for name in METRICS for k in (5, 10, 20, 50)
    }
    assert all(0 <= found[key] <= 1 for key in found if "@" in key)
    assert found["recall@5"] <= found["recall@10"] <= found["recall@20"] <= found["recall@50"]
    assert found["recall@50"] > 0
    assert found["protocol"] == {"part": "test", "mask": "train+valid", "num_users": 40, "num_items": 60}
    assert found["leakage"]["clean"] is True
    assert found["leakage"]["held_out"] > 40


def test_evaluate_options_change_what_they_say(run, tmp_path):
    whole = hetmusic("evaluate", run, "--k", "60", "--mask", "none", "--json").json
    assert whole["recall@60"] == 1
    assert whole["coverage@60"] == 1
    assert whole["protocol"]["mask"] == "none"
    valid = hetmusic(
        "evaluate", run, "--k", "3, 7", "--part", "valid", "--json", "--save", tmp_path / "saved"
    ).json
    assert {key for key in valid if key.startswith("ndcg")} == {"ndcg@3", "ndcg@7"}
    assert valid["protocol"]["mask"] == "train"
    per_user = pl.read_parquet(tmp_path / "saved" / "per_user.parquet")
    assert per_user["recall@7"].mean() == pytest.approx(valid["recall@7"])
    assert per_user["key"][0] == "u01"
    fitted = json.loads((run / "metrics.json").read_text())["values"]
    again = hetmusic("evaluate", run, "--part", "valid", "--json").json
    assert {key: again[key] for key in fitted} == pytest.approx(fitted)


def test_where_evaluate_ranks_changes_no_metric(run):
    """``auto`` is a GPU where there is one."""
    found = [hetmusic("evaluate", run, "--json", "--device", device).json for device in ("cpu", "auto")]
    assert found[0] == found[1]


def test_evaluate_table(run):
    values = hetmusic("evaluate", run, "--k", "5,10", "--json").json
    shown = hetmusic("evaluate", run, "--k", "5,10").succeeded().out
    assert "test part: 40 users, 60 candidates, train and valid items masked" in shown
    assert re.search(rf"^ndcg +{values['ndcg@5']:.4f}  {values['ndcg@10']:.4f}$", shown, re.MULTILINE)
    assert "no leakage: " in shown


def test_evaluate_without_the_graph_says_that_leakage_was_not_checked(graph, run, tmp_path):
    shutil.copytree(graph, tmp_path / "graph")
    shutil.copytree(run, tmp_path / "run")
    info = json.loads((tmp_path / "run" / "run.json").read_text())
    info["graph"]["path"] = "/nowhere/graph"
    (tmp_path / "run" / "run.json").write_text(json.dumps(info))
    moved_together = hetmusic("evaluate", tmp_path / "run", "--json").json
    assert moved_together["leakage"]["clean"] is True
    shutil.rmtree(tmp_path / "graph")
    found = hetmusic("evaluate", tmp_path / "run", "--json").json
    assert found.pop("leakage") == {
        "clean": None,
        "reason": f"{tmp_path / 'run' / 'run.json'}: the graph folder /nowhere/graph that the run was fitted on is gone",
    }
    moved_together.pop("leakage")
    assert found == moved_together
    shown = hetmusic("evaluate", tmp_path / "run").succeeded().out
    assert "leakage check not made: " in shown
    assert "is gone" in shown


def test_evaluate_fails_loudly_on_leakage(run, monkeypatch):
    from hetmusic.graph import EdgeType, LeakageReport
    from hetmusic.recommend import Run

    leaking = LeakageReport(held_out=9, pairs={EdgeType("user", "likes", "song"): 4}, excess_weight={})
    monkeypatch.setattr(Run, "check_leakage", lambda _: leaking)
    done = hetmusic("evaluate", run, "--json")
    assert json.loads(done.out)["leakage"]["clean"] is False
    assert "user__likes__song: 4" in done.error


def test_recommend_json(run, world):
    lists = hetmusic("recommend", run, "--user", "u07", "--user", "u02", "-k", 5, "--json").json
    assert [entry["user"] for entry in lists] == ["u07", "u02"]
    stored = pl.read_parquet(run / "split" / "split.parquet")
    songs = pl.read_parquet(run / "ids" / "item.parquet")["key"].to_list()
    titles = dict(pl.read_csv(world / "songs.csv").select("song_id", "title").iter_rows())
    for entry, user in zip(lists, (6, 1), strict=True):
        found = entry["recommendations"]
        assert [item["rank"] for item in found] == [1, 2, 3, 4, 5]
        scores = np.load(run / "embeddings" / "item.npy") @ np.load(run / "embeddings" / "user.npy")[user]
        seen = stored.filter((pl.col("user") == user) & (pl.col("part") < 2))["item"].to_numpy()
        scores[seen] = -np.inf
        assert [item["item_key"] for item in found] == [
            songs[i] for i in np.argsort(-scores, kind="stable")[:5]
        ]
        assert [item["score"] for item in found] == pytest.approx(-np.sort(-scores)[:5], rel=1e-5)
        assert all(item["name"] == titles[item["item_key"]] for item in found)


def test_recommend_users_file_and_seen(run, tmp_path):
    (tmp_path / "users.txt").write_text("u03\n\nu01\n")
    shown = hetmusic("recommend", run, "--users", tmp_path / "users.txt", "-k", 2).succeeded().out
    assert [line for line in shown.splitlines() if line.startswith("user")] == ["user u03", "user u01"]
    (everything,) = hetmusic("recommend", run, "--user", "u01", "-k", 100, "--include-seen", "--json").json
    (unseen,) = hetmusic("recommend", run, "--user", "u01", "-k", 100, "--exclude-seen", "--json").json
    stored = pl.read_parquet(run / "split" / "split.parquet")
    seen = stored.filter((pl.col("user") == 0) & (pl.col("part") < 2)).height
    assert len(everything["recommendations"]) == 60
    assert len(unseen["recommendations"]) == 60 - seen


def test_recommend_explained(run):
    (plain,) = hetmusic("recommend", run, "--user", "u07", "-k", 5, "--json").json
    (found,) = hetmusic("recommend", run, "--user", "u07", "-k", 5, "--explain", "--json").json
    for item, expected in zip(found["recommendations"], plain["recommendations"], strict=True):
        explanation = item.pop("explanation")
        assert item == expected
        for name in ("towers", "relations"):
            parts = explanation[name]
            assert parts["base"] + sum(parts["contributions"].values()) == pytest.approx(
                item["score"], abs=1e-5
            )
        assert explanation["score_without_evidence"] < item["score"]
        effects = [reason["effect"] for reason in explanation["reasons"]]
        assert effects == sorted(effects, reverse=True)
    shown = hetmusic("recommend", run, "--user", "u07", "-k", 500, "--explain").succeeded().out
    assert shown.startswith("user u07\n\n  1  ")
    assert f", score {plain['recommendations'][0]['score']:.4f}\n" in shown
    assert "which you play" in shown
    assert max(map(len, shown.splitlines())) <= 100


@pytest.fixture(scope="module")
def featured_run(graph, tmp_path_factory):
    """A run with a tower of ids and one of audio, which a third of the songs lack."""
    folder = tmp_path_factory.mktemp("featured")
    shutil.copytree(graph, folder / "graph")
    rng = np.random.default_rng(0)
    songs = pl.read_parquet(graph / "nodes" / "song.parquet")["key"].to_list()[:40]
    np.save(folder / "x.npy", rng.normal(size=(40, 5)).astype(np.float32))
    (folder / "keys.txt").write_text("\n".join(songs) + "\n")
    arguments = ("--node", "song", "--modality", "audio", "--values", folder / "x.npy")
    hetmusic("features", "import", folder / "graph", *arguments, "--keys", folder / "keys.txt").succeeded()
    hetmusic("fit", folder / "graph", "--out", folder / "run", "--epochs", 3, "--quiet", *SMALL).succeeded()
    return folder / "run"


def test_evaluate_without_a_modality(featured_run):
    plain = hetmusic("evaluate", featured_run, "--k", 5, "--json").json
    bare = hetmusic("evaluate", featured_run, "--k", 5, "--hide", "audio", "--json").json
    assert bare.pop("hidden") == ["audio"]
    assert "hidden" not in plain
    assert bare["ndcg@5"] != plain["ndcg@5"]
    assert bare["protocol"] == plain["protocol"]
    shown = hetmusic("evaluate", featured_run, "--k", 5, "--hide", "audio").succeeded().out
    assert "hidden modalities: audio" in shown
    assert f"{bare['ndcg@5']:.4f}" in shown


@pytest.mark.parametrize(
    ("names", "expected"),
    [("audoi", "did you mean 'audio'"), ("audio,lyrics", "does not use a modality 'lyrics'; it uses audio")],
)
def test_evaluate_without_what_there_is_not(featured_run, names, expected):
    assert expected in hetmusic("evaluate", featured_run, "--hide", names).error


def closeness(run, world, options):
    """Mean closeness of everybody's ten songs to calm (valence and arousal of the raw dump)."""
    users = [option for k in range(1, 41) for option in ("--user", f"u{k:02}")]
    lists = hetmusic("recommend", run, *users, *options, "--json").json
    table = pl.read_csv(world / "songs.csv").select("song_id", "valence", "arousal").rows()
    place = {key: np.array(point) for key, *point in table}
    emotion = EmotionVocabulary.load()["calm"]
    calm = np.array([emotion.valence, emotion.arousal])
    far = [np.linalg.norm(place[i["item_key"]] - calm) for entry in lists for i in entry["recommendations"]]
    assert len(far) == 400
    return -np.mean(far)


def test_recommend_towards_a_mood(run, world):
    found = [closeness(run, world, ("--emotion", "calm", "--strength", s)) for s in (0, 0.5, 2, 20)]
    assert found == sorted(found)
    assert found[0] == closeness(run, world, ())
    assert found[-1] > found[0] + 0.1
    assert found[0] < closeness(run, world, ("--emotion", "Calm")) < found[-1]
    emotion = EmotionVocabulary.load()["calm"]
    place = ("--valence", emotion.valence, "--arousal", emotion.arousal, "--strength", 2)
    assert closeness(run, world, place) == found[2]
    assert closeness(run, world, ("--arousal", -1)) > found[0]


def test_recommend_to_somebody_new(run, world):
    likes = pl.read_csv(world / "listens.tsv", separator="\t").filter(pl.col("user_id") == "u01")["song_id"]
    friends = pl.read_csv(world / "friends.csv").filter(pl.col("user_id") == "u01")["friend_id"]
    liked, known = ",".join(likes[:3]), ",".join(friends)
    (entry,) = hetmusic("recommend", run, "--liked", liked, "--friends", known, "-k", 5, "--json").json
    assert entry["user"] == "(new)"
    found = [item["item_key"] for item in entry["recommendations"]]
    assert len(set(found) - set(likes[:3])) == 5
    several = [word for key in likes[:3] for word in ("--liked", key)]
    (again,) = hetmusic("recommend", run, *several, "--friends", known, "-k", 5, "--json").json
    assert again == entry
    shown = hetmusic("recommend", run, "--friends", friends[0], "-k", 2, "--emotion", "calm").succeeded().out
    assert shown.startswith("user (new)")


def test_output_into_a_closed_pipe_is_no_error(run):
    code = "import sys; from hetmusic.cli import main; main(sys.argv[1:])"
    reader = subprocess.Popen(["true"], stdin=subprocess.PIPE)
    reader.wait()
    done = subprocess.run(
        [sys.executable, "-c", code, "recommend", str(run), "--user", "u01"],
        stdout=reader.stdin,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert reader.stdin is not None
    reader.stdin.close()
    assert done.stderr == ""


def test_similar_songs_artists_and_users(run, world):
    found = hetmusic("similar", run, "--song", "s05", "-k", 3, "--format", "jsonl").succeeded().out
    rows = [json.loads(line) for line in found.splitlines()]
    items = np.load(run / "embeddings" / "item.npy").astype(np.float64)
    items /= np.linalg.norm(items, axis=1, keepdims=True)
    keys = pl.read_parquet(run / "ids" / "item.parquet")["key"].to_list()
    place = keys.index("s05")
    best = np.argsort(-(items @ items[place]))[1:4]
    assert [row["key"] for row in rows] == [keys[i] for i in best]
    assert [row["similarity"] for row in rows] == pytest.approx((items @ items[place])[best], abs=1e-5)
    artist = pl.read_csv(world / "artists.csv")[0].row(0)[0]
    lines = hetmusic("similar", run, "--artist", artist, "--format", "csv").succeeded().out.splitlines()
    assert lines[0] == "rank,key,name,similarity"
    assert len(lines) == 11
    assert (
        hetmusic("similar", run, "--user", "u01", "-k", 2).succeeded().out.startswith("like user u01\nrank")
    )
    assert len(hetmusic("similar", run, "--song", "s05", "--emotion").succeeded().out.splitlines()) == 12
