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
