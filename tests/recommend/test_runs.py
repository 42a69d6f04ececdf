"""The runs below a folder: order, differences, and those that cannot be read."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import click
import pytest

from hetmusic.cli._render_runs import as_csv, as_json, as_table
from hetmusic.errors import ConfigError, RunError
from hetmusic.recommend.runs import by_metric, chosen_metric, differences, list_runs
from hetmusic.run_layout import RunInfo

SAME = '[model]\ndim = 8\n[training]\nmetric = "ndcg@5"\n'


@pytest.fixture
def runs(run_folder: Path, tmp_path: Path) -> Path:
    """Two finished runs, one of them deeper, that differ in ``lr`` alone but for a key that only one has."""
    top = tmp_path / "runs"
    for path, lr, value in (("a", "0.01", 0.25), ("deep/b", "0.02\nextra = true", 0.5)):
        shutil.copytree(run_folder, top / path)
        (top / path / "config.toml").write_text(f"{SAME}lr = {lr}\n")
        metrics = {"part": "valid", "values": {"ndcg@5": value, "ndcg@10": 1 - value}}
        (top / path / "metrics.json").write_text(json.dumps(metrics))
    return top


def test_best_first_and_only_what_differs(runs: Path) -> None:
    found = list_runs(runs)
    assert [run.path for run in found] == ["a", "deep/b"]
    assert chosen_metric(found, None) == "ndcg@5"
    assert [run.path for run in by_metric(found, "ndcg@5")] == ["deep/b", "a"]
    assert [run.path for run in by_metric(found, "ndcg@10")] == ["a", "deep/b"]
    assert differences(found) == ["training.lr", "training.extra"]
    assert differences(found[:1]) == []


def test_runs_that_stopped_by_different_metrics_are_sorted_by_ndcg(runs: Path) -> None:
    (runs / "a" / "config.toml").write_text('[training]\nmetric = "recall@10"\n')
    assert chosen_metric(list_runs(runs), None) == "ndcg@10"
    with pytest.raises(ConfigError, match=r"the metric 'ndgc@5' \(did you mean 'ndcg@5'\?\); they have ndcg"):
        chosen_metric(list_runs(runs), "ndgc@5")


def test_other_graphs_are_a_difference(runs: Path) -> None:
    info = json.loads((runs / "a" / "run.json").read_text())
    info["graph"]["checksum"] = "0" * 64
    (runs / "a" / "run.json").write_text(json.dumps(info))
    assert differences(list_runs(runs))[0] == "graph.checksum"


def test_unfinished_and_damaged_runs_are_listed_last_with_the_reason(runs: Path, run_folder: Path) -> None:
    damage = {
        "cut": lambda at: (at / "embeddings" / "item.npy").write_bytes(b"x"),
        "no metrics": lambda at: (at / "metrics.json").unlink(),
        "metrics of text": lambda at: (at / "metrics.json").write_text('{"values": {"ndcg@5": "high"}}'),
        "metrics that are no numbers": lambda at: (at / "metrics.json").write_text(
            '{"values": {"ndcg@5": NaN}}'
        ),
        "begun": lambda at: (at / "run.json").unlink(),
        "killed": lambda at: RunInfo.load(at).with_status("running").save(at),
        "stopped": lambda at: RunInfo.load(at).with_status("interrupted").save(at),
    }
    for name, change in damage.items():
        shutil.copytree(runs / "a", runs / name)
        change(runs / name)
    found = {run.path: run for run in by_metric(list_runs(runs), "ndcg@5")}
    assert list(found) == [
        "deep/b",
        "a",
        "begun",
        "cut",
        "killed",
        "metrics of text",
        "metrics that are no numbers",
        "no metrics",
        "stopped",
    ]
    reasons = {
        "cut": "item.npy is damaged",
        "no metrics": "metrics.json is missing",
        "metrics of text": "metrics.json: field values does not hold a number",
        "metrics that are no numbers": "does not hold a number",
        "begun": "run.json is missing",
        "killed": f"it is being trained, or was killed; go on with: hetmusic fit --resume {runs / 'killed'}",
        "stopped": f"it is interrupted; go on with: hetmusic fit --resume {runs / 'stopped'}",
    }
    states = {"killed": "running", "stopped": "interrupted"}
    for name, reason in reasons.items():
        assert reason in str(found[name].reason)
        assert found[name].status == states.get(name, "damaged")
    shown = as_table(list(found.values()), "ndcg@5")
    assert all(f"{name}: " in shown and reason in shown for name, reason in reasons.items())
    # a run that cannot be read whole still tells its settings
    assert found["cut"].settings["training.lr"] == 0.01
    assert differences(list(found.values())) == ["training.lr", "training.extra"]


def test_table_csv_and_json(runs: Path) -> None:
    found = by_metric(list_runs(runs), "ndcg@5")
    lines = click.unstyle(as_table(found, "ndcg@5")).splitlines()
    assert [line.split() for line in lines if "--" not in line] == [
        ["run", "status", "ndcg@5", "training.lr", "training.extra"],
        ["deep/b", "finished", "0.5000", "0.02", "true"],
        ["a", "finished", "0.2500", "0.01", "-"],
    ]
    rows = list(csv.DictReader(io.StringIO(as_csv(found, "ndcg@5"))))
    assert [(r["run"], r["ndcg@5"], r["training.lr"], r["reason"]) for r in rows] == [
        ("deep/b", "0.5", "0.02", ""),
        ("a", "0.25", "0.01", ""),
    ]
    assert json.loads(as_json(found, "ndcg@5"))[0] == {
        "run": "deep/b",
        "status": "finished",
        "reason": None,
        "metrics": {"ndcg@5": 0.5, "ndcg@10": 0.5},
        "settings": {"training.lr": 0.02, "training.extra": True},
    }


def test_where_there_is_no_run(tmp_path: Path, runs: Path) -> None:
    with pytest.raises(RunError, match="nix: no such folder"):
        list_runs(tmp_path / "nix")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match="there is no run below"):
        list_runs(tmp_path / "empty")
    assert [run.path for run in list_runs(runs / "a")] == ["."]


def test_what_lies_inside_a_run_is_part_of_it(runs: Path) -> None:
    shutil.copytree(runs / "a", runs / "a" / "state" / "copy")
    assert [run.path for run in list_runs(runs)] == ["a", "deep/b"]
