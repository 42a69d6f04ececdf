"""An encoder that fails within an experiment: its traceback is shown as ``fit`` shows it, and the other cells are kept."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.running import hetmusic
from tests.experiments.toys import Counting

FAILING = """
from hetmusic.relations import RelationEncoder


class Failing(RelationEncoder):
    def __init__(self, dim: int, how: str = "not") -> None:
        super().__init__(dim)
        self.how = how

    def message(self, src, dst, edge):
        return self.weighted(src, edge) if self.how == "raise" else src.h

    def weighted(self, src, edge):
        return src.h * edge["rating"][:, None]
"""
SMALL = {"model.dim": 4, "training.epochs": 1, "training.threads": 1, "model.modalities": "[]"}


def settings(prefix="", **more):
    return [word for key, value in {**SMALL, **more}.items() for word in ("--set", f"{prefix}{key}={value}")]


def check_traceback(err, name):
    """Of one's own code alone, down to the line that failed, and then the line that names encoder and relation."""
    trace = err[err.index("Traceback (most recent call last):") :]
    assert re.search(rf'File ".*{name}\.py", line 11, in message', trace)
    assert re.search(rf'File ".*{name}\.py", line 14, in weighted', trace)
    assert "KeyError: 'rating'" in trace
    assert re.search(
        r"relation encoder Failing of \w+__liked_by__user \(tower ids, layer 1\) failed: KeyError", trace
    )
    assert "torch/nn/modules" not in trace


@pytest.mark.parametrize("quiet", [(), ("--quiet",)])
def test_compare(graph, install, tmp_path, monkeypatch, quiet):
    monkeypatch.setattr("hetmusic.experiments.comparison.in_own_process", Counting())
    name, out = install(FAILING), tmp_path / "results"
    options = settings(
        "own.", **{"relations.liked_by.encoder": f"{name}:Failing", "relations.liked_by.how": "raise"}
    )
    failed = hetmusic(
        "compare", graph, "--models", "popularity,own=mmgnn", "--seeds", 2, "--out", out, *options, *quiet
    )
    assert failed.status == 1
    assert failed.err.count("Traceback") == 1, "the same for both seeds"
    check_traceback(failed.err, name)
    told = {
        "popularity, seed 0: valid",
        "popularity, seed 1: valid",
        "own, seed 1: failed: relation encoder Failing",
    }
    assert all((line in failed.err) != bool(quiet) for line in told)
    assert failed.err.count("own, seed 0: failed: relation encoder Failing") == 1
    assert failed.err.splitlines()[-1].startswith("error: 2 of 4 fits failed")
    rows = {row["label"]: row for row in json.loads((out / "results.json").read_text())["rows"]}
    assert len(rows["popularity"]["seeds"]) == 2
    assert "relation encoder Failing of " in rows["own"]["failures"]["0"]


def test_a_process_of_its_own_leaves_the_traceback(graph, install, tmp_path):
    name, out = install(FAILING), tmp_path / "results"
    options = settings(
        "own.", **{"relations.liked_by.encoder": f"{name}:Failing", "relations.liked_by.how": "raise"}
    )
    failed = hetmusic("compare", graph, "--models", "own=mmgnn", "--seeds", 1, "--out", out, *options)
    check_traceback(failed.err, name)
    (log,) = (out / "failures").iterdir()
    assert log.read_text() in failed.err
    assert "in weighted" in log.read_text()


def test_ablate(graph, install, tmp_path, monkeypatch):
    monkeypatch.setattr("hetmusic.experiments.comparison.in_own_process", Counting())
    name = install(FAILING)
    options = settings(**{"relations.liked_by.encoder": f"{name}:Failing", "relations.liked_by.how": "raise"})
    failed = hetmusic("ablate", graph, "--without", "kg", "--seeds", 1, "--out", tmp_path / "a", *options)
    assert failed.status == 1
    check_traceback(failed.err, name)
    assert failed.err.count("Traceback") == 1, "the same for both rows"


def test_tune(graph, install, tmp_path):
    """Trial 0 has the default, with which nothing fails; then the study goes on, and the traceback is shown once."""
    name = install(FAILING)
    space = tmp_path / "space.toml"
    space.write_text('["relations.liked_by.how"]\ntype = "categorical"\nchoices = ["not", "raise"]\n')
    options = settings(**{"relations.liked_by.encoder": f"{name}:Failing"})
    call = ("tune", graph, "--model", "mmgnn", "--space", space, "--out", tmp_path / "s", *options)
    done = hetmusic(*call, "--trials", 6).succeeded()
    check_traceback(done.err, name)
    assert done.err.count("Traceback") == 1
    trials = [json.loads(line) for line in (tmp_path / "s" / "trials.jsonl").read_text().splitlines()]
    failed = [trial for trial in trials if trial["state"] == "failed"]
    assert failed
    assert all("in weighted" in trial["trace"] for trial in failed)
    assert all("trace" not in trial for trial in trials if trial["state"] != "failed")
    # and read again
    hetmusic(*call, "--trials", 6).succeeded()


@pytest.mark.parametrize(
    "command",
    [
        ("compare", "--models", "own=mmgnn"),
        ("ablate", "--without", "kg"),
        ("tune", "--model", "mmgnn"),
    ],
    ids=lambda command: command[0],
)
def test_a_module_that_fails_is_shown_before_anything_runs(graph, install, tmp_path, command):
    name = install("def helper():\n    import not_there_at_all\n\nhelper()\n")
    key = "own.relations" if command[0] == "compare" else "relations"
    out = tmp_path / "out"
    call = (command[0], graph, *command[1:], "--out", out, "--set", f"{key}.liked_by.encoder={name}:Failing")
    failed = hetmusic(*call)
    assert failed.status == 1
    assert re.search(rf'File ".*{name}\.py", line 2, in helper', failed.err)
    last = failed.err.splitlines()[-1]
    assert (
        f"relations.liked_by: relation encoder '{name}:Failing' cannot be imported: ModuleNotFoundError"
        in last
    )
    assert "install not_there_at_all" in last
    assert not out.exists()
