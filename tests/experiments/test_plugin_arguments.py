"""Encoders that are searched with arguments of their own: each argument counts for the choices that take it."""

from __future__ import annotations

import csv

import pytest

from hetmusic import fit, load_config
from hetmusic.errors import ConfigError, PluginError
from hetmusic.experiments.plugin_arguments import plugin_of
from hetmusic.experiments.space import parse_space
from hetmusic.experiments.tuning import Budget, StudyPlan, plan_study, tune
from hetmusic.relations import RelationEncoder

HERE = "tests.experiments.test_plugin_arguments"
DECAY, SHARP, ANY = f"{HERE}:Decay", f"{HERE}:Sharp", f"{HERE}:TakesAnything"
RATE = {"type": "float", "low": 0.01, "high": 1.0, "log": True}
SMALL = {
    "model": {"dim": 4, "modalities": [], "num_layers": 1},
    "training": {"epochs": 1, "threads": 1, "batch_size": 32},
}
ENCODER = "relations.liked_by.encoder"


class Decay(RelationEncoder):
    """Takes ``rate``, and ``power`` too."""

    def __init__(self, dim: int, rate: float = 0.1, power: int = 1) -> None:
        super().__init__(dim)
        self.rate, self.power = rate, power

    def message(self, src, dst, edge):
        return src.h / (1 + self.rate * edge["weight"][:, None]) ** self.power


class Sharp(RelationEncoder):
    """Must be given its ``rate``."""

    def __init__(self, dim: int, rate: float) -> None:
        super().__init__(dim)
        self.rate = rate

    def forward(self, relation, src, dst):
        return relation.sum(src.h) * self.rate


class TakesAnything(Sharp):
    def __init__(self, dim: int, **options: float) -> None:
        super().__init__(dim, options.get("rate", 1.0))


def among(*choices):
    return {"type": "categorical", "choices": list(choices)}


def plan(values, **fixed):
    return StudyPlan("mmgnn", parse_space(values, "my.toml"), {**SMALL, **fixed})


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("relations.liked_by.rate", ("relations.liked_by.encoder", "rate")),
        ("relations.liked_by.table.part", ("relations.liked_by.encoder", "table")),
        ("towers.audio.relations.liked_by.rate", ("towers.audio.relations.liked_by.encoder", "rate")),
        ("model.combine_arguments.hidden", ("model.combine", "hidden")),
        ("towers.audio.combine_arguments.hidden", ("towers.audio.combine", "hidden")),
        ("training.loss_arguments.margin", ("training.loss", "margin")),
        ("relations.liked_by.encoder", None),
        ("relations.liked_by.fanout", None),
        ("relations.liked_by.share", None),
        ("model.relations", None),
        ("training.lr", None),
        ("model.head_arguments.hidden", None),
    ],
)
def test_whose_argument_a_setting_is(key, expected):
    assert plugin_of(key) == expected


def test_arguments_count_for_the_choices_that_take_them():
    found = plan(
        {
            ENCODER: among("mean", DECAY, SHARP, ANY),
            "relations.liked_by.rate": RATE,
            "relations.liked_by.power": {"type": "int", "low": 1, "high": 2},
            "relations.liked_by.weight": among("none", "log"),
            "relations.liked_by.fanout": among(5, 10),
        }
    ).space.dimensions
    whens = {key.rpartition(".")[2]: dimension.when for key, dimension in found.items()}
    assert whens == {
        "encoder": None,
        "fanout": None,
        "power": {ENCODER: [DECAY, ANY]},
        "rate": {ENCODER: [DECAY, SHARP, ANY]},
        "weight": {ENCODER: ["mean", ANY]},
    }
    assert next(iter(found)) == ENCODER


def test_arguments_of_convolutions_and_combiners():
    found = plan(
        {
            ENCODER: among("gat", "dgl.nn.pytorch:GATv2Conv"),
            "relations.liked_by.heads": among(1, 2),
            "relations.liked_by.num_heads": among(1, 2),
            "model.combine": among("sum", "attention"),
            "model.combine_arguments.hidden": among(8, 16),
        }
    ).space
    assert found.dimensions["relations.liked_by.heads"].when == {ENCODER: ["gat"]}
    assert found.dimensions["relations.liked_by.num_heads"].when == {ENCODER: ["dgl.nn.pytorch:GATv2Conv"]}
    assert found.dimensions["model.combine_arguments.hidden"].when == {"model.combine": ["attention"]}
    found.check("mmgnn", SMALL)


def test_what_a_person_says_is_kept():
    values = {ENCODER: among(DECAY, SHARP), "relations.liked_by.rate": {**RATE, "when": {"encoder": SHARP}}}
    assert plan(values).space.dimensions["relations.liked_by.rate"].when == {ENCODER: [SHARP]}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {ENCODER: among("mean", DECAY), "relations.liked_by.rat": RATE},
            r"^my\.toml: setting 'relations\.liked_by\.rat': no choice of relations\.liked_by\.encoder takes an argument "
            r"'rat' \(did you mean 'rate'\?\); arguments are: mean: weight; .*:Decay: rate, power$",
        ),
        (
            {ENCODER: among("sum", SHARP), "relations.liked_by.zzz": RATE},
            r"takes an argument 'zzz'; arguments are: sum: weight; .*:Sharp: rate$",
        ),
        (
            {ENCODER: among("mean", f"{HERE}:Decoy"), "relations.liked_by.rate": RATE},
            r"^my\.toml: setting 'relations\.liked_by\.encoder': .* has no 'Decoy' \(did you mean 'Decay'\?\)",
        ),
        (
            {ENCODER: among("mean", DECAY), "relations.liked_by.rate": {**RATE, "when": {"encoder": "mean"}}},
            r"^my\.toml: setting 'relations\.liked_by\.(encoder|rate)' \(with .*\): .*MeanEncoder has no argument 'rate'",
        ),
        (
            {
                ENCODER: among("mean", DECAY),
                "relations.liked_by.power": {"type": "float", "low": 0.5, "high": 1.5},
            },
            r"^my\.toml: setting .*power.*: relations\.liked_by: relation encoder Decay: power = 0\.5",
        ),
        (
            {ENCODER: among("mean", SHARP)},
            r"^my\.toml: setting 'relations\.liked_by\.encoder': .*relation encoder Sharp needs the argument 'rate'",
        ),
    ],
)
def test_mistakes_are_found_before_the_first_trial(values, message):
    with pytest.raises(ConfigError, match=message):
        plan(values).check()


def test_a_choice_whose_module_fails_shows_its_traceback(install):
    name = install("raise ZeroDivisionError('not today')")
    with pytest.raises(
        PluginError, match=r"setting 'relations\.liked_by\.encoder': .*cannot be imported"
    ) as problem:
        plan({ENCODER: among("mean", f"{name}:Decay"), "relations.liked_by.rate": RATE})
    assert "raise ZeroDivisionError" in problem.value.trace


def test_a_fixed_encoder_leaves_out_what_it_does_not_take(tmp_path, caplog):
    file = tmp_path / "space.toml"
    file.write_text(
        f'["{ENCODER}"]\ntype = "categorical"\nchoices = ["mean", "{DECAY}"]\n'
        '["relations.liked_by.rate"]\ntype = "float"\nlow = 0.01\nhigh = 1.0\n'
        '["relations.liked_by.weight"]\ntype = "categorical"\nchoices = ["none", "log"]\n'
    )
    found = plan_study("mmgnn", file, {"relations": {"liked_by": {"encoder": DECAY}}}, 0)
    assert list(found.space.dimensions) == ["relations.liked_by.rate"]
    assert "these do not count: relations.liked_by.weight" in caplog.text


def test_an_argument_without_default_begins_at_its_first_value(problem, tmp_path):
    values = {"relations.liked_by.rate": {**RATE, "low": 0.5}}
    trials = tune(
        problem, plan(values, relations={"liked_by": {"encoder": SHARP}}), Budget(2), tmp_path / "s"
    )
    assert trials[0].settings == {"relations.liked_by.rate": 0.5}
    assert trials[1].state == "complete"
    assert trials[1].settings != trials[0].settings


def test_from_a_search_to_a_fit_with_what_was_best(problem, tmp_path):
    """Tuned, stopped, gone on with, and fitted: the score is the trial's, and arguments are those of the encoder."""
    values = {
        ENCODER: among("mean", DECAY, SHARP),
        "relations.liked_by.rate": RATE,
        "relations.liked_by.power": {"type": "int", "low": 1, "high": 2},
        "relations.liked_by.weight": among("none", "log"),
    }
    chosen, out = plan(values), tmp_path / "s"
    tune(problem, chosen, Budget(5), out)
    trials = tune(problem, chosen, Budget(12), out)
    whole = tune(problem, chosen, Budget(12), tmp_path / "whole")
    assert [(t.params, t.value) for t in trials] == [(t.params, t.value) for t in whole]
    takes = {"mean": {"weight"}, DECAY: {"rate", "power"}, SHARP: {"rate"}}
    assert {trial.settings[ENCODER] for trial in trials} == set(takes)
    for trial in trials:
        assert trial.state == "complete"
        names = {key.rpartition(".")[2] for key in trial.settings}
        assert names == {"encoder", *takes[trial.settings[ENCODER]]}
    with open(out / "trials.csv", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        given = {
            key.rpartition(".")[2] for key, value in row.items() if key.startswith("relations.") and value
        }
        assert given == {"encoder", *takes[row[ENCODER]]}
    best = max(trials, key=lambda t: (t.value, -t.number))
    run = fit(problem.graph, load_config(file=out / "best.toml"), tmp_path / "run", split=problem.split)
    assert run.metrics["values"]["ndcg@10"] == pytest.approx(best.value)
