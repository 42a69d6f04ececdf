"""Search spaces: what a file may say, and what is said about a mistake in it."""

from __future__ import annotations

from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hetmusic.errors import ConfigError
from hetmusic.experiments.dimension import Dimension
from hetmusic.experiments.models import find_model, make_model, with_implied
from hetmusic.experiments.space import load_space, parse_space
from hetmusic.rivals import recommenders
from tests.experiments.toys import WAVES

ANGLE = {"type": "float", "low": 0.1, "high": 2.0}

MISTAKES = {
    "unknown key": ({"angle": {**ANGLE, "hihg": 3}}, ["angle", "'hihg'", "did you mean 'high'"]),
    "unknown key like no other": ({"angle": {**ANGLE, "zzz": 3}}, ["'zzz'", "known: type, low, high"]),
    "no type": ({"angle": {"low": 0, "high": 1}}, ["angle.type"]),
    "unknown type": ({"angle": {**ANGLE, "type": "real"}}, ["angle.type", "'int'"]),
    "low above high": ({"angle": {**ANGLE, "low": 3.0}}, ["angle", "low is 3", "high, 2"]),
    "no high": ({"angle": {"type": "float", "low": 0}}, ["angle", "low and high"]),
    "low is no number": ({"angle": {**ANGLE, "low": "little"}}, ["angle.low"]),
    "logarithm of zero": ({"angle": {**ANGLE, "low": 0, "log": True}}, ["angle", "positive low"]),
    "logarithm in steps": ({"angle": {**ANGLE, "log": True, "step": 0.1}}, ["angle", "step"]),
    "no step": ({"angle": {**ANGLE, "step": 0}}, ["angle.step"]),
    "steps beyond the end": ({"angle": {**ANGLE, "step": 0.3}}, ["angle", "steps of 0.3", "from 0.1 to 2"]),
    "a fraction for an int": ({"depth": {"type": "int", "low": 1, "high": 2.5}}, ["depth", "whole numbers"]),
    "no choices": ({"kind": {"type": "categorical"}}, ["kind", "choices"]),
    "empty choices": ({"kind": {"type": "categorical", "choices": []}}, ["kind", "choices"]),
    "choices and low": (
        {"kind": {"type": "categorical", "choices": [1], "low": 0}},
        ["kind", "nothing else"],
    ),
    "choices of a float": ({"angle": {**ANGLE, "choices": [1]}}, ["angle", "no choices"]),
    "not a table": ({"angle": 3}, ["angle is not a table"]),
    "nothing": ({}, ["there is no setting"]),
    "an empty table": ({"angle": {}}, ["angle.type"]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_name_file_setting_and_key(name):
    values, expected = MISTAKES[name]
    with pytest.raises(ConfigError) as caught:
        parse_space(values, "my.toml")
    for text in ["my.toml", *expected]:
        assert text in str(caught.value)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"angel": ANGLE}, ["my.toml", "'angel'", "did you mean 'angle'"]),
        ({"angle": {**ANGLE, "high": 11.0}}, ["my.toml", "'angle'", "11"]),
        ({"angle": {**ANGLE, "low": -1}}, ["my.toml", "'angle'", "-1"]),
        ({"kind": {"type": "categorical", "choices": ["sine", "tangent"]}}, ["my.toml", "'tangent'"]),
        ({"depth": {**ANGLE, "low": 1.5}}, ["my.toml", "'depth'", "1.5"]),
    ],
)
def test_a_setting_or_value_that_the_model_refuses_is_found_beforehand(values, expected):
    with pytest.raises(ConfigError) as caught:
        parse_space(values, "my.toml").check(WAVES, {})
    for text in expected:
        assert text in str(caught.value)


def test_an_unknown_key_of_mmgnn():
    with pytest.raises(ConfigError, match=r"training\.lrr.*did you mean 'lr'"):
        parse_space({"training.lrr": ANGLE}, "my.toml").check("mmgnn", {})


@pytest.mark.parametrize("key", ["split.ratios", "seed"])
def test_what_the_experiment_decides_is_not_searched(key):
    choices = {"type": "categorical", "choices": [1]}
    with pytest.raises(ConfigError, match="the experiment decides it"):
        parse_space({key: choices}, "my.toml").check("mmgnn", {})


def test_files_are_read_and_named(tmp_path):
    file = tmp_path / "space.toml"
    file.write_text('[angle]\ntype = "float"\nlow = 0.1\nhigh = 1\n')
    assert list(load_space(WAVES, file).dimensions) == ["angle"]
    file.write_text('[angle]\ntype = "float"\nlow = 0.1\nhigh = 1\nlogg = true\n')
    with pytest.raises(
        ConfigError, match=r"space\.toml: angle has an unknown key 'logg'.*did you mean 'log'"
    ):
        load_space(WAVES, file)
    with pytest.raises(ConfigError, match=r"nix\.toml does not exist"):
        load_space(WAVES, tmp_path / "nix.toml")
    with pytest.raises(ConfigError, match=r"no search space comes with model .*--space"):
        load_space(WAVES)


def test_sections_and_dotted_keys_are_the_same():
    nested = parse_space({"training": {"lr": ANGLE}, "model": {"dim": ANGLE}}, "f")
    assert nested == parse_space({"model.dim": ANGLE, "training.lr": ANGLE}, "f")


def test_fixed_settings_are_not_searched():
    space = parse_space({"training": {"lr": ANGLE, "edge_dropout": ANGLE}, "model.dim": ANGLE}, "f")
    assert list(space.without({"training": {"lr": 1}}).dimensions) == ["model.dim", "training.edge_dropout"]
    assert space.without({"training": {}}) == space


def built_in_spaces():
    for package in ("hetmusic.experiments", "hetmusic.rivals"):
        files = (resources.files(package) / "spaces").iterdir()
        yield from (file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


@pytest.mark.parametrize("model", sorted(built_in_spaces()))
def test_built_in_spaces_fit_their_models(model):
    assert model in recommenders.classes
    load_space(model).check(model, with_implied(model, {}))


def test_every_model_with_settings_has_a_space():
    with_settings = {name for name, cls in recommenders.classes.items() if cls.Settings.model_fields}
    assert set(built_in_spaces()) == with_settings


@given(st.integers(-50, 50), st.integers(0, 40), st.sampled_from([None, 1, 2, 5]), st.data())
def test_numbers_are_kept_by_the_samplers_words(low, steps, step, data):
    dimension = Dimension(type="int", low=low, high=low + steps * (step or 1), step=step)
    value = low + (step or 1) * data.draw(st.integers(0, steps))
    encoded = dimension.encode(value)
    assert encoded is not None
    assert dimension.decode(encoded) == value
    assert dimension.distribution()._contains(encoded)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.1, 0.1), (2.0, 2.0), (2.1, None), (0.05, None), (1, 1), ("1", None), (True, None), (None, None)],
)
def test_values_outside_are_none(value, expected):
    assert Dimension(type="float", low=0.1, high=2).encode(value) == expected


def test_choices_may_be_anything_and_types_count():
    choices = [[1, 2], "a", 1, 1.0, True]
    dimension = Dimension(type="categorical", choices=choices)
    for number, choice in enumerate(choices):
        assert dimension.encode(choice) == number
        assert dimension.decode(float(number)) is choice
    assert dimension.encode("b") is None
    assert dimension.extremes() == choices


def test_steps_that_do_not_reach():
    dimension = Dimension(type="float", low=0, high=1, step=0.25)
    assert dimension.encode(0.75) == 0.75
    assert dimension.encode(0.8) is None


def test_names_of_models():
    assert find_model("mmgnn:paper")[1] == {"preset": "paper"}
    assert make_model("mmgnn:paper", {}).settings.training.loss == "bpr"
    assert make_model("mmgnn", {"training.lr": 0.5}).settings.training.lr == 0.5
    assert make_model(WAVES, {"angle": 2}).settings.angle == 2
    with pytest.raises(ConfigError, match=r"no model is called 'eese'.*did you mean 'ease'"):
        find_model("eese")
    with pytest.raises(ConfigError, match="'ease' has no presets"):
        find_model("ease:paper")
    with pytest.raises(ConfigError, match=r"no model is called 'mmgn'.*did you mean 'mmgnn'"):
        find_model("mmgn:paper")
    with pytest.raises(ConfigError, match="model mmgnn:paper: the settings are for preset = 'default'"):
        make_model("mmgnn:paper", {"preset": "default"})
    with pytest.raises(ConfigError, match=r"no preset 'papier'.*did you mean 'paper'"):
        make_model("mmgnn", {"preset": "papier"})
