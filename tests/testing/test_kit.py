"""The test kit finds what it is there to find, and explains it."""

from __future__ import annotations

import inspect
from unittest import SkipTest

import pytest

from hetmusic.errors import ConfigError
from hetmusic.relations import relation_encoders
from hetmusic.testing import (
    ContractError,
    EncoderCase,
    RelationEncoderTests,
    encoder_contract,
    measure_cost,
)
from tests.testing import broken_encoders
from tests.testing.coverage import covered

#: check -> encoder that breaks it, beside the class that has the check's name
MORE = {
    "finite_values_and_gradients": broken_encoders.NoGradient,
    "parameters_are_made_in_init": broken_encoders.Lazy,
    "deterministic": broken_encoders.LayerInForward,
}


def breaker(name: str) -> type:
    classes = {n.lower(): c for n, c in inspect.getmembers(broken_encoders, inspect.isclass)}
    return classes[name.replace("_", "")]


CASES = [(name, breaker(name)) for name in encoder_contract.checks] + list(MORE.items())


@pytest.mark.parametrize(("name", "encoder"), CASES)
def test_a_broken_encoder_is_found_and_told_what_to_do(name, encoder):
    check = encoder_contract.checks[name]
    try:
        check(EncoderCase(encoder))
    except SkipTest as reason:
        pytest.skip(str(reason))
    except ContractError as problem:
        message = str(problem)
    else:
        pytest.fail(f"{name} accepts {encoder.__name__}")
    assert message.startswith(f"relation encoder {encoder.__name__}: ")
    assert f"The contract: {check.rule}. To fix it: {check.fix}." in message


@pytest.mark.parametrize(
    ("name", "encoder", "said"),
    [
        ("output_shape", broken_encoders.OutputShape, "the result has shape (9, 8), expected (4, 8)"),
        ("output_dtype", broken_encoders.OutputDtype, "given torch.float64, the result is torch.float32"),
        (
            "inputs_stay_as_they_are",
            broken_encoders.InputsStayAsTheyAre,
            "edge['weight'] was changed in place",
        ),
        (
            "parameters_are_made_in_init",
            broken_encoders.ParametersAreMadeInInit,
            "project.bias, project.weight",
        ),
        (
            "parameters_are_made_in_init",
            broken_encoders.WithinItself,
            "it contains itself: self.itself leads back to a module that it is part of",
        ),
        ("duplicate_edges", broken_encoders.DuplicateEdges, "ValueError: edge occurs twice (" + __file__[:1]),
    ],
)
def test_messages_name_what_was_found(name, encoder, said):
    with pytest.raises(ContractError) as problem:
        encoder_contract.checks[name](EncoderCase(encoder))
    assert said in str(problem.value)


def test_a_right_encoder_passes_everything():
    for check in encoder_contract.checks.values():
        try:
            check(EncoderCase(broken_encoders.Mean))
        except SkipTest:
            assert check.name in {"forward_on_fake_cuda", "results_on_a_gpu"}


def test_an_encoder_that_contains_itself_is_told_so_once():
    with pytest.raises(
        ConfigError, match=r"WithinItself of song__liked_by__user: it contains itself: self\.itself"
    ):
        EncoderCase(broken_encoders.WithinItself).try_out()


class TestInstance(RelationEncoderTests):
    encoder = broken_encoders.Mean(dim=6)
    dim = 6


class TestNoEncoder:
    def test_is_told_to_say_which(self):
        class TestMine(RelationEncoderTests):
            pass

        with pytest.raises(TypeError, match="TestMine does not say what it tests: encoder = Decay"):
            _ = TestMine().case


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (EncoderCase("tests.testing.broken_encoders:Men"), "has no 'Men' (did you mean 'Mean'?)"),
        (EncoderCase(broken_encoders.Mean, {"rat": 1}), "has no argument 'rat'; it takes dim"),
    ],
)
def test_a_mistake_that_is_none_of_the_encoder_gets_no_advice_about_it(case, said):
    with pytest.raises(ContractError) as problem:
        encoder_contract.checks["output_shape"](case)
    assert str(problem.value).endswith(said)


def test_the_size_of_an_instance_is_its_own():
    assert EncoderCase(broken_encoders.Mean(dim=6)).dim == 6
    assert measure_cost(EncoderCase(broken_encoders.Mean(dim=6)), rounds=1).milliseconds > 0


def test_the_kit_has_a_test_for_every_check():
    tests = {name for name in dir(RelationEncoderTests) if name.startswith("test_")}
    assert tests == {f"test_{name}" for name in encoder_contract.checks}


def test_an_encoder_without_a_test_is_noticed(monkeypatch):
    monkeypatch.setitem(relation_encoders._classes, "forgotten", broken_encoders.OneNode)
    assert "forgotten" not in covered(RelationEncoderTests, relation_encoders)
    assert "mean" in covered(RelationEncoderTests, relation_encoders)


def test_cost_is_measured_beside_the_mean():
    cost = measure_cost(EncoderCase("gat"), rounds=3)
    assert cost.milliseconds > cost.mean_milliseconds > 0
    # the mean keeps a number an edge, attention some more for each of its four heads
    assert cost.mean_megabytes < 0.2 < 4 * 30_000 * 4 / 1e6 < cost.megabytes
    assert "x the built-in mean" in str(cost)
