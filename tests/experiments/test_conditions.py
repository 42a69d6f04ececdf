"""Settings that count only where others have some value: what a file may say, and what is drawn, tried and recorded."""

from __future__ import annotations

import csv
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hetmusic._toml import read_toml
from hetmusic.errors import ConfigError
from hetmusic.experiments.conditions import ways_to, with_dependents
from hetmusic.experiments.space import parse_space
from hetmusic.experiments.tuning import Budget, StudyPlan, plan_study, tune
from tests.experiments.toys import WAVES

KIND = {"type": "categorical", "choices": ["sine", "cosine"]}
DEPTH = {"type": "int", "low": 1, "high": 5}
ANGLE = {"type": "float", "low": 0.1, "high": 2.0}

#: depth counts for sines alone, angle for deep ones or cosines of any depth
SPACE = {"angle": ANGLE, "depth": {**DEPTH, "when": {"kind": "sine"}}, "kind": KIND}


def space(**values):
    return parse_space(values, "my.toml")


MISTAKES = {
    "no table": ({"when": "sine"}, ["depth.when", "a table of another setting"]),
    "an empty table": ({"when": {}}, ["depth.when", "a table of another setting"]),
    "an unknown setting": ({"when": {"knid": "sine"}}, ["depth.when: 'knid'", "did you mean 'kind'"]),
    "a setting like no other": (
        {"when": {"zzz": 1}},
        ["'zzz' is no setting that is searched; searched are: angle, kind"],
    ),
    "an unknown value": ({"when": {"kind": "sin"}}, ["'sin' is no value of kind (did you mean 'sine'?)"]),
    "a value of another type": ({"when": {"kind": 1}}, ["1 is no value of kind; it has sine, cosine"]),
    "one of several": ({"when": {"kind": ["sine", "tangent"]}}, ["'tangent' is no value of kind"]),
    "no value": ({"when": {"kind": []}}, ["kind has no value in it"]),
    "a float": ({"when": {"angle": 0.5}}, ["angle is a float, which has no single values"]),
    "itself": ({"when": {"depth": 2}}, ["conditions go in a circle: depth needs depth"]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_name_file_setting_and_value(name):
    more, expected = MISTAKES[name]
    with pytest.raises(ConfigError) as caught:
        space(angle=ANGLE, kind=KIND, depth={**DEPTH, **more})
    for text in ["my.toml", *expected]:
        assert text in str(caught.value)


def test_circles_are_told():
    with pytest.raises(
        ConfigError, match=r"my\.toml: conditions go in a circle: depth needs kind needs depth"
    ):
        space(depth={**DEPTH, "when": {"kind": "sine"}}, kind={**KIND, "when": {"depth": [1, 2]}})


def test_a_number_outside_the_bounds():
    with pytest.raises(ConfigError, match=r"kind\.when: 7 is no value of depth; it has from 1 to 5"):
        space(depth=DEPTH, kind={**KIND, "when": {"depth": 7}})


def test_keys_may_be_short_and_tables_nested():
    rate = {"type": "float", "low": 0.1, "high": 1.0}
    encoder = {"type": "categorical", "choices": ["a", "b"]}
    whole = {"relations.liked_by.encoder": ["a"]}
    for when in (
        {"relations.liked_by.encoder": "a"},
        {"encoder": "a"},
        {"relations": {"liked_by": {"encoder": ["a"]}}},
        {"liked_by": {"encoder": "a"}},
    ):
        found = parse_space(
            {"relations": {"liked_by": {"encoder": encoder, "rate": {**rate, "when": when}}}}, "f"
        )
        assert found.dimensions["relations.liked_by.rate"].when == whole


def test_a_setting_comes_after_those_that_it_depends_on():
    found = space(
        angle={**ANGLE, "when": {"depth": [1, 2]}},
        depth={**DEPTH, "when": {"kind": "sine"}},
        kind=KIND,
        b=ANGLE,
    )
    assert list(found.dimensions) == ["kind", "depth", "angle", "b"]
    assert list(space(b=ANGLE, a=ANGLE).dimensions) == ["a", "b"]


def test_ways_and_dependents():
    found = space(
        angle={**ANGLE, "when": {"depth": [1, 2], "kind": "sine"}},
        depth={**DEPTH, "when": {"kind": ["sine", "cosine"]}},
        kind=KIND,
    ).dimensions
    assert list(ways_to("kind", found)) == [{}]
    assert list(ways_to("depth", found)) == [{"kind": "sine"}, {"kind": "cosine"}]
    # not those in which the kind would be two at once
    assert list(ways_to("angle", found)) == [{"kind": "sine", "depth": 1}, {"kind": "sine", "depth": 2}]
    assert with_dependents({"kind": "sine"}, found) == {"kind": "sine", "depth": 1, "angle": 0.1}
    assert with_dependents({"kind": "cosine", "depth": 2}, found) == {"kind": "cosine", "depth": 2}


def test_what_depends_on_a_fixed_setting(caplog):
    found = parse_space(SPACE, "my.toml")
    assert found.without({"kind": "sine"}).to_dict() == space(angle=ANGLE, depth=DEPTH).to_dict()
    assert not caplog.records
    assert list(found.without({"kind": "cosine"}).dimensions) == ["angle"]
    assert caplog.messages == ["my.toml: with what is fixed, these do not count: depth"]
    assert found.without({"depth": 2}).to_dict() == space(angle=ANGLE, kind=KIND).to_dict()


def test_what_depends_on_what_does_not_count_does_not_either():
    found = space(
        angle={**ANGLE, "when": {"depth": 1}}, depth={**DEPTH, "when": {"kind": "sine"}}, kind=KIND
    ).without({"kind": "cosine"})
    assert not found.dimensions


def test_values_are_tried_where_they_count():
    values = {**SPACE, "depth": {**DEPTH, "high": 12, "when": {"kind": "sine"}}}
    with pytest.raises(
        ConfigError, match=r"^my\.toml: setting 'depth' \(with kind = 'sine'\): model Waves: depth = 12: "
    ):
        parse_space(values, "my.toml").check(WAVES, {})


@pytest.fixture(scope="module")
def study(problem, tmp_path_factory):
    folder = tmp_path_factory.mktemp("conditions") / "study"
    plan = StudyPlan(WAVES, parse_space(SPACE, "space"))
    return plan, folder, tune(problem, plan, Budget(14), folder)


def test_only_what_counts_is_drawn_and_recorded(study):
    _, folder, trials = study
    kinds = [trial.settings["kind"] for trial in trials]
    assert {"sine", "cosine"} == set(kinds)
    for trial in trials:
        names = {"angle", "kind", *(["depth"] if trial.settings["kind"] == "sine" else [])}
        assert set(trial.settings) == set(trial.params) == names
    with open(folder / "trials.csv", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["depth"] != "" for row in rows] == [kind == "sine" for kind in kinds]
    stored = json.loads((folder / "study.json").read_text())
    assert stored["space"]["depth"] == {"type": "int", "low": 1.0, "high": 5.0, "when": {"kind": ["sine"]}}
    best = max(trials, key=lambda t: (t.value, -t.number))
    assert read_toml(folder / "best.toml") == best.settings


@pytest.mark.parametrize("stop", [1, 5, 9])
def test_a_resumed_study_is_the_uninterrupted_one(study, problem, tmp_path, stop):
    plan, _, whole = study
    tune(problem, plan, Budget(stop), tmp_path / "s")
    parts = tune(problem, plan, Budget(14), tmp_path / "s")
    assert [(t.params, t.value) for t in parts] == [(t.params, t.value) for t in whole]


@given(st.permutations(["a", "b", "c", "d"]), st.data())
def test_whatever_is_drawn_keeps_its_conditions(names, data):
    """Chains and forks of conditions: exactly those settings are there whose conditions hold."""
    values = {}
    for position, name in enumerate(names):
        above = data.draw(st.lists(st.sampled_from(names[:position]), unique=True)) if position else []
        when = {
            other: data.draw(st.lists(st.sampled_from([1, 2]), min_size=1, unique=True)) for other in above
        }
        values[name] = {"type": "categorical", "choices": [1, 2], **({"when": when} if when else {})}
    found = parse_space(values, "f").dimensions
    chosen: dict[str, int] = {}
    for key, dimension in found.items():
        if dimension.counts(chosen):
            chosen[key] = data.draw(st.sampled_from([1, 2]))
    for name, value in values.items():
        holds = all(chosen.get(other) in allowed for other, allowed in value.get("when", {}).items())
        assert (name in chosen) == holds
        for way in ways_to(name, found):
            assert found[name].counts(way)


def test_every_setting_fixed_or_idle_is_nothing_to_search(problem, tmp_path):
    file = tmp_path / "space.toml"
    file.write_text(
        '[kind]\ntype="categorical"\nchoices=["sine"]\n[depth]\ntype="int"\nlow=1\nhigh=3\nwhen={kind="sine"}\n'
    )
    plan = plan_study(WAVES, file, {"kind": "cosine"}, 0)
    with pytest.raises(ConfigError, match="nothing to search"):
        tune(problem, plan, Budget(2), tmp_path / "s")
