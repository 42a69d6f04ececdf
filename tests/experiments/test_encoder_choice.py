"""Which encoder a relation has is a setting like any other: fixed by ``--set``, or searched."""

from __future__ import annotations

import pytest

from hetmusic.experiments.space import parse_space
from hetmusic.experiments.tuning import Budget, StudyPlan, tune
from hetmusic.relations import relation_encoders

ENCODER = "relations.liked_by.encoder"
FAST = {"model.dim": 8, "training.epochs": 1, "training.patience": 1}


def search(problem, folder, name, choices, trials, **fixed):
    space = parse_space({name: {"type": "categorical", "choices": choices}}, "space")
    return tune(problem, StudyPlan("mmgnn", space, {**FAST, **fixed}, 0), Budget(trials), folder / "study")


# times are not known of these likes
@pytest.mark.parametrize("encoder", sorted(set(relation_encoders.classes) - {"time-decay"}))
def test_every_encoder_can_be_fixed_for_a_search(problem, tmp_path, encoder):
    (trial,) = search(problem, tmp_path, "model.num_layers", [2], 1, **{ENCODER: encoder})
    assert (trial.state, trial.error) == ("complete", None)


def test_encoders_can_be_searched(problem, tmp_path):
    """The preset's encoder has an argument (weight) that the others do not have."""
    choices = ["mean", "confidence", "dgl.nn.pytorch:GraphConv"]
    trials = search(problem, tmp_path, ENCODER, choices, 12)
    assert {trial.settings[ENCODER] for trial in trials} == set(choices)
    assert all(trial.state == "complete" for trial in trials)


def test_arguments_of_a_convolution_can_be_searched(problem, tmp_path):
    fixed = {"relations.friends.encoder": "dgl.nn.pytorch:GATv2Conv", "relations.friends.num_heads": 2}
    trials = search(problem, tmp_path, "relations.friends.attn_drop", [0.0, 0.1, 0.5], 3, **fixed)
    assert [trial.state for trial in trials] == ["complete"] * 3
