"""Studies: seeded, resumable, time-boxed, and what they leave behind."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from hetmusic._toml import read_toml
from hetmusic.errors import ConfigError, RunError, UserError
from hetmusic.experiments.journal import Journal, Trial, best_of
from hetmusic.experiments.models import make_model
from hetmusic.experiments.space import parse_space
from hetmusic.experiments.study_files import read_study
from hetmusic.experiments.tuning import Budget, StudyPlan, plan_study, settings_from, tune
from hetmusic.graph.splits import random_split
from hetmusic.rivals import Problem
from tests.experiments.toys import FRAGILE, WAVES, small_graph

SPACE = {
    "angle": {"type": "float", "low": 0.01, "high": 9.0, "log": True},
    "depth": {"type": "int", "low": 1, "high": 5},
    "kind": {"type": "categorical", "choices": ["sine", "cosine"]},
}


def plan(model=WAVES, values=SPACE, seed=0, **fixed):
    return StudyPlan(model, parse_space(values, "space"), fixed, seed)


def timeless(trials):
    return [trial.model_copy(update={"seconds": 0.0}) for trial in trials]


def test_trials_are_seeded(problem, tmp_path):
    first = tune(problem, plan(), Budget(8), tmp_path / "a")
    again = tune(problem, plan(), Budget(8), tmp_path / "b")
    other = tune(problem, plan(seed=1), Budget(8), tmp_path / "c")
    assert timeless(first) == timeless(again)
    assert [t.settings for t in first[1:]] != [t.settings for t in other[1:]]
    assert len({t.value for t in first}) > 4


@pytest.mark.parametrize("stop", [1, 4, 7])
def test_a_resumed_study_is_the_uninterrupted_one(problem, tmp_path, stop):
    whole = tune(problem, plan(), Budget(9), tmp_path / "whole")
    tune(problem, plan(), Budget(stop), tmp_path / "parts")
    # killed while a line was written
    with open(tmp_path / "parts" / "trials.jsonl", "ab") as stream:
        stream.write(b'{"number": 99, "par')
    parts = tune(problem, plan(), Budget(9), tmp_path / "parts")
    assert timeless(parts) == timeless(whole)
    assert [t.number for t in Journal(tmp_path / "parts" / "trials.jsonl").trials] == list(range(9))


def test_ctrl_c_loses_the_running_trial_alone(problem, tmp_path):
    def stop(trial, best):
        if trial.number == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(problem, plan(), Budget(6), tmp_path / "s", stop)
    assert len(Journal(tmp_path / "s" / "trials.jsonl").trials) == 4
    told = []
    done = tune(problem, plan(), Budget(6), tmp_path / "s", lambda trial, best: told.append(trial.number))
    assert told == [4, 5]
    assert timeless(done) == timeless(tune(problem, plan(), Budget(6), tmp_path / "whole"))


def test_a_finished_study_runs_nothing(problem, tmp_path):
    tune(problem, plan(), Budget(3), tmp_path / "s")
    told = []
    again = tune(problem, plan(), Budget(3), tmp_path / "s", lambda *found: told.append(found))
    assert (len(again), told) == (3, [])


def test_the_first_trial_has_the_defaults(problem, tmp_path):
    (first,) = tune(problem, plan(), Budget(1), tmp_path / "s")
    assert first.settings == {"angle": 0.3, "depth": 1, "kind": "cosine"}
    assert first.params == {"angle": 0.3, "depth": 1, "kind": 1}
    assert first.value == make_model(WAVES, {}).fit(problem).valid


def test_arguments_of_plug_ins_have_their_defaults(problem, install, tmp_path):
    name = install()
    space = {
        "relations.liked_by.rate": {"type": "float", "low": 0.01, "high": 1.0},
        "relations.friends.bias": {"type": "float", "low": -4, "high": 0},
        "model.combine_arguments.hidden": {"type": "int", "low": 8, "high": 80},
        "training.loss_arguments.factor": {"type": "float", "low": 1, "high": 2},
    }
    fixed = {
        "relations": {
            "liked_by": {"encoder": f"{name}:Decay"},
            "friends": {"encoder": "gated", "bias": -3.0},
        },
        "model": {"combine": "attention", "dim": 8, "modalities": []},
        "training": {"loss": "tests.training.plugins:Sharper", "epochs": 1},
    }
    (first,) = tune(
        problem, StudyPlan("mmgnn", parse_space(space, "space"), fixed), Budget(1), tmp_path / "s"
    )
    assert first.settings == {
        "relations.liked_by.rate": 0.1,
        "relations.friends.bias": -3.0,
        "model.combine_arguments.hidden": 64,
        "training.loss_arguments.factor": 1.0,
    }
    assert first.params == first.settings


def test_defaults_outside_the_space_are_tried_and_not_told_to_the_sampler(problem, tmp_path):
    values = {**SPACE, "depth": {"type": "int", "low": 3, "high": 5}}
    trials = tune(problem, plan(values=values), Budget(4), tmp_path / "s")
    assert trials[0].settings["depth"] == 1
    assert "depth" not in trials[0].params
    assert all(3 <= trial.settings["depth"] <= 5 for trial in trials[1:])


def test_no_trial_starts_after_the_time(problem, tmp_path):
    assert len(tune(problem, plan(), Budget(50, minutes=0), tmp_path / "a")) == 1
    tune(problem, plan(), Budget(2), tmp_path / "b")
    lines = [json.loads(line) for line in (tmp_path / "b" / "trials.jsonl").read_text().splitlines()]
    lines[0]["seconds"] = 59.0
    (tmp_path / "b" / "trials.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert len(tune(problem, plan(), Budget(3, minutes=1), tmp_path / "b")) == 3
    lines[1]["seconds"] = 1.5
    (tmp_path / "b" / "trials.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert len(tune(problem, plan(), Budget(9, minutes=1), tmp_path / "b")) == 2


def test_the_best_file_is_the_best_trial(problem, tmp_path):
    trials = tune(problem, plan(depth=2), Budget(8), tmp_path / "s")
    best = max(trials, key=lambda trial: trial.value)
    assert best_of(trials) == best
    text = (tmp_path / "s" / "best.toml").read_text()
    assert f"best of 8 trials on {problem.graph.name}" in text
    assert f"ndcg@10 {best.value:.4f} (trial {best.number})" in text
    settings = read_toml(tmp_path / "s" / "best.toml")
    assert settings == {"depth": 2, **best.settings}
    assert make_model(WAVES, settings).fit(problem).valid == best.value


def test_files(problem, tmp_path):
    trials = tune(problem, plan(), Budget(4, minutes=9), tmp_path / "s")
    with open(tmp_path / "s" / "trials.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["value"]) for row in rows] == [trial.value for trial in trials]
    assert [row["kind"] for row in rows] == [trial.settings["kind"] for trial in trials]
    study = read_study(tmp_path / "s")
    assert study["budget"] == {"trials": 4, "minutes": 9}
    assert study["trials"] == {"complete": 4, "pruned": 0, "failed": 0}
    assert study["best"]["value"] == max(trial.value for trial in trials)
    assert study["space"] == SPACE
    assert study["graph"]["checksum"] == problem.graph.checksum


def test_the_earlier_of_equals_is_best():
    values = [0.1, None, 0.3, 0.3]
    trials = [
        Trial(number=n, params={}, settings={}, state="failed" if v is None else "complete", value=v)
        for n, v in enumerate(values)
    ]
    assert best_of(trials).number == 2
    assert best_of(trials[1:2]) is None


def test_the_same_settings_are_not_fitted_twice(problem, tmp_path, monkeypatch):
    values = {"kind": {"type": "categorical", "choices": ["sine", "cosine"]}}
    fits = []

    def counted(name, settings):
        fits.append(settings)
        return make_model(name, settings)

    monkeypatch.setattr("hetmusic.experiments.tuning.make_model", counted)
    trials = tune(problem, plan(values=values), Budget(7), tmp_path / "s")
    assert len({trial.settings["kind"] for trial in trials}) == 2
    assert [trial.seconds > 0 for trial in trials].count(True) == 2
    # once each, and the checks and defaults of the plan
    assert len([given for given in fits if "kind" in given]) == 2
    first = {trial.settings["kind"]: trial.value for trial in reversed(trials)}
    assert all(trial.value == first[trial.settings["kind"]] for trial in trials)


def test_hopeless_trials_are_stopped(problem, tmp_path):
    values = {"angle": {"type": "float", "low": 0.0, "high": 10.0}}
    trials = tune(problem, plan(values=values, validations=20), Budget(20), tmp_path / "s")
    pruned = [trial for trial in trials if trial.state == "pruned"]
    assert pruned
    for trial in pruned:
        before = [t.settings["angle"] for t in trials[: trial.number] if t.state == "complete"]
        assert len(before) >= 5  # nobody is judged before
        assert len(trial.steps) == 6
        assert trial.value is None
        assert trial.settings["angle"] > np.median(before)
    assert all(len(trial.steps) == 20 for trial in trials if trial.state == "complete")


def test_a_failed_trial_is_no_end(problem, tmp_path):
    values = {"level": {"type": "float", "low": 0.0, "high": 1.0}}
    trials = tune(problem, plan(FRAGILE, values, how="unless zero"), Budget(4), tmp_path / "s")
    assert [trial.state for trial in trials] == ["complete", "failed", "failed", "failed"]
    assert trials[1].error == "ConfigError: this graph is too small"
    assert "too small" in (tmp_path / "s" / "trials.csv").read_text()
    assert best_of(trials) == trials[0]


def test_defaults_that_cannot_be_fitted_leave_nothing(problem, tmp_path):
    values = {"level": {"type": "float", "low": 0.0, "high": 1.0}}
    with pytest.raises(ConfigError, match="too small"):
        tune(problem, plan(FRAGILE, values, how="mistake"), Budget(4), tmp_path / "s")
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("other", "name"),
    [
        (plan(seed=1), "seed"),
        (plan(validations=1), "fixed settings"),
        (plan(values={"angle": SPACE["angle"]}), "search space"),
        (plan(FRAGILE, {"level": {"type": "float", "low": 0, "high": 1}}), "model"),
    ],
)
def test_a_study_of_something_else_is_refused(problem, tmp_path, other, name):
    tune(problem, plan(), Budget(1), tmp_path / "s")
    before = (tmp_path / "s" / "trials.jsonl").read_bytes()
    with pytest.raises(RunError, match=rf"holds a study with another {name} \(.*choose another --out"):
        tune(problem, other, Budget(2), tmp_path / "s")
    assert (tmp_path / "s" / "trials.jsonl").read_bytes() == before


def test_another_problem_is_refused(problem, tmp_path):
    tune(problem, plan(), Budget(1), tmp_path / "s")
    graph = problem.graph
    other = small_graph(tmp_path / "other", users=20)
    for changed, name in [
        (Problem(graph, random_split(graph, seed=1)), "split"),
        (Problem(graph, problem.split, "recall@5"), "metric"),
        (Problem(other, random_split(other, seed=0)), "graph"),
    ]:
        with pytest.raises(RunError, match=f"another {name} "):
            tune(changed, plan(), Budget(2), tmp_path / "s")


def test_other_folders_are_left_alone(problem, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(RunError, match="is not empty and holds no study"):
        tune(problem, plan(), Budget(1), tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"not json\n", "line 2: not a trial"),
        (b'{"number": 1}\n', "line 2: not a trial"),
        (b'{"number": 5, "params": {}, "settings": {}, "state": "failed"}\n', "lines are missing"),
    ],
)
def test_a_damaged_journal_is_named(problem, tmp_path, line, expected):
    tune(problem, plan(), Budget(1), tmp_path / "s")
    with open(tmp_path / "s" / "trials.jsonl", "ab") as stream:
        stream.write(line)
    with pytest.raises(RunError, match=expected):
        tune(problem, plan(), Budget(3), tmp_path / "s")


def test_a_newer_or_damaged_study_is_named(problem, tmp_path):
    tune(problem, plan(), Budget(1), tmp_path / "s")
    path = tmp_path / "s" / "study.json"
    stored = json.loads(path.read_text())
    path.write_text(json.dumps({**stored, "format_version": 9}))
    with pytest.raises(RunError, match="format_version is 9"):
        tune(problem, plan(), Budget(1), tmp_path / "s")
    del stored["space"]
    path.write_text(json.dumps(stored))
    with pytest.raises(RunError, match="field 'space' is missing"):
        tune(problem, plan(), Budget(1), tmp_path / "s")


def test_a_study_in_use_is_refused(problem, tmp_path):
    def again(trial, best):
        with pytest.raises(UserError, match="in use by another process"):
            tune(problem, plan(), Budget(3), tmp_path / "s")

    tune(problem, plan(), Budget(1), tmp_path / "s", again)


def test_a_study_searches_something(problem, tmp_path):
    with pytest.raises(ConfigError, match="search space of ease: every setting in it is fixed"):
        tune(problem, plan_study("ease", None, {"l2": 3}, 0), Budget(3), tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_plans_take_the_models_space_less_what_is_fixed():
    found = plan_study("ials", None, settings_from(["factors=32", "alpha=2", "alpha=3"]), 4)
    assert list(found.space.dimensions) == ["iterations", "regularization"]
    assert (found.fixed, found.seed) == ({"factors": 32, "alpha": 3}, 4)
    with pytest.raises(ConfigError, match=r"no setting 'factor'.*did you mean 'factors'"):
        plan_study("ials", None, {"factor": 3}, 0)
    with pytest.raises(ConfigError, match="--space"):
        plan_study("popularity", None, {}, 0)


def test_best_settings_of_mmgnn_are_a_configuration(problem, tmp_path):
    """Also the one fit of the real model: trial 0 is ``hetmusic fit`` with the same settings."""
    from hetmusic.training import load_config

    values = {"training.lr": {"type": "float", "low": 0.001, "high": 0.1, "log": True}}
    fixed = {"model": {"dim": 8}, "training": {"epochs": 2, "threads": 1}}
    study = StudyPlan("mmgnn", parse_space(values, "space"), fixed)
    trials = tune(problem, study, Budget(2), tmp_path / "s")
    assert [len(trial.steps) for trial in trials] == [2, 2]
    assert trials[0].info["epochs"] == 2
    assert max(trials[0].steps) == pytest.approx(trials[0].value)
    config = load_config(file=tmp_path / "s" / "best.toml")
    best = best_of(trials)
    assert config.training.lr == pytest.approx(best.settings["training.lr"])
    assert (config.model.dim, config.training.epochs, config.training.metric) == (8, 2, "ndcg@10")
