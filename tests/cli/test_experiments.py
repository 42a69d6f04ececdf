"""``tune``, ``compare`` and ``ablate`` through the real command line."""

from __future__ import annotations

import json
import re

import polars as pl
import pytest

from hetmusic._toml import read_toml
from tests.cli.running import hetmusic
from tests.experiments.toys import Counting

FRAGILE = "tests.experiments.toys:Fragile"


@pytest.fixture(scope="module")
def study(graph, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "ease"
    done = hetmusic("tune", graph, "--model", "ease", "--out", folder, "--trials", 4).succeeded()
    return folder, done


def test_tune_tells_trials_and_the_best(study, graph):
    folder, done = study
    lines = done.err.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"ease, trial {number}" for number in range(4)]
    trials = pl.read_csv(folder / "trials.csv")
    best = trials.sort("value", descending=True).row(0, named=True)
    assert lines[-1].endswith(f"best {best['value']:.4f}, trial {best['trial']}")
    assert read_toml(folder / "best.toml") == {"l2": best["l2"]}
    assert re.search(rf"^l2 +75 +{best['l2']:.4g}$", done.out, re.MULTILINE)
    assert f"next: hetmusic compare {graph} --models ease --settings ease={folder}/best.toml" in done.out


def test_tune_goes_on(study, graph):
    folder, _ = study
    again = hetmusic("tune", graph, "--model", "ease", "--out", folder, "--trials", 4).succeeded()
    assert again.err == ""
    assert "4 trials (4 complete)" in again.out
    assert hetmusic("tune", graph, "--model", "ease", "--out", folder, "--minutes", 0, "--quiet").out == ""


def test_tune_within_a_time(graph, tmp_path):
    done = hetmusic("tune", graph, "--model", "ease", "--out", tmp_path / "s", "--trials", 90, "--minutes", 0)
    assert "1 trial (1 complete)" in done.succeeded().out


def test_compare_with_tuned_settings(study, graph, tmp_path):
    """A model that crashes is told of, the others have their numbers, and the exit status says that something failed."""
    folder, out = study[0], tmp_path / "results"
    models = f"ease,{FRAGILE}"
    call = ("compare", graph, "--models", models, "--seeds", 1, "--out", out, "--tuned", folder)
    failed = hetmusic(*call, "--set", f"{FRAGILE}.how=bug")
    assert (failed.status, failed.error) == (
        1,
        f"error: 1 of 2 fits failed ({out / 'results.md'} says why); the same command tries them again",
    )
    best = json.loads((folder / "study.json").read_text())["best"]["value"]
    assert f"ease, seed 0: valid ndcg@10 {best:.4f}, test" in failed.err
    assert f"{FRAGILE}, seed 0: failed: ZeroDivisionError: somebody divided by zero" in failed.err
    assert re.search(r"^ease .* tuned, 4 trials$", failed.out, re.MULTILINE)
    (log,) = (out / "failures").iterdir()
    assert "Traceback" in log.read_text()
    # the other fit is not made again
    fine = hetmusic(*call).succeeded()
    assert re.search(r"^ease, seed 0: .*\(done before\)$", fine.err, re.MULTILINE)
    assert re.search(r"Fragile, seed 0: valid ndcg@10 .* s\)$", fine.err, re.MULTILINE)
    assert "ndcg@10 against ease" in fine.out
    table = pl.read_csv(out / "results.csv")
    assert set(table["label"]) == {"ease", FRAGILE}
    assert max(map(len, fine.out.splitlines())) <= 120
    assert hetmusic(*call, "--quiet").succeeded().out == ""


@pytest.fixture
def no_processes(monkeypatch):
    """Cells are run in this process, which saves the time of starting another one."""
    monkeypatch.setattr("hetmusic.experiments.comparison.in_own_process", Counting())


@pytest.mark.usefixtures("no_processes")
def test_compare_tunes_first(graph, tmp_path):
    out = tmp_path / "results"
    call = ("compare", graph, "--models", "popularity,ease", "--seeds", 1, "--out", out, "--tune-trials", 2)
    done = hetmusic(*call).succeeded()
    assert "ease, trial 1: " in done.err
    assert re.search(r"^ease .* tuned, 2 trials$", done.out, re.MULTILINE)
    assert re.search(r"^popularity .* defaults$", done.out, re.MULTILINE)
    assert (out / "tuning" / "ease" / "best.toml").is_file()
    again = hetmusic(*call).succeeded()
    assert again.err.splitlines() == [
        line for line in again.err.splitlines() if line.endswith("(done before)")
    ]
    assert again.out == done.out


@pytest.mark.usefixtures("no_processes")
def test_ablate(graph, tmp_path):
    """What the graph or the configuration lacks has a line of its own and is no failure."""
    out = tmp_path / "a"
    small = ("--set", "model.dim=4", "--set", "training.epochs=1", "--set", "training.threads=1")
    done = hetmusic(
        "ablate", graph, "--without", "mutual,each-modality", "--seeds", 1, "--out", out, *small
    ).succeeded()
    assert re.search(r"^full +0\.\d{4}", done.out, re.MULTILINE)
    assert "without mutual: not used by this configuration" in done.out
    assert "without each-modality: not in this graph" in done.out
    assert json.loads((out / "results.json").read_text())["kind"] == "ablation"
