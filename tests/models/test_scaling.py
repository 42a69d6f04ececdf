"""Features on a common scale, by hand and by property."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hetmusic.errors import ConfigError
from hetmusic.graph.types import Modality
from hetmusic.models import scaling
from hetmusic.models.config import ModelConfig
from hetmusic.models.inputs import FeatureInput
from hetmusic.models.scaling import scaled_features


def modality(values: list[list[float]], absent: tuple[int, ...] = ()) -> Modality:
    present = np.ones(len(values), np.bool_)
    present[list(absent)] = False
    return Modality(np.array(values) * present[:, None], present)


def test_standard_by_hand() -> None:
    """Mean 2 and standard deviation 1, mean 10 and 2; the absent row counts nowhere."""
    values, present = scaled_features(modality([[1, 12], [3, 8], [99, 99]], absent=(2,)), "standard")
    assert values.tolist() == [[-1, 1], [1, -1], [0, 0]]
    assert present.tolist() == [True, True, False]


def test_whitening_by_hand() -> None:
    """Along (1, 1) / sqrt 2 the vectors are at 2, -2, 0, 0 (variance 2), along (1, -1) / sqrt 2 at 0, 0, 1, -1 (1/2)."""
    root = math.sqrt(2)
    points = [[root, root], [-root, -root], [1 / root, -1 / root], [-1 / root, 1 / root]]
    shifted = [[x + 100, y + 7] for x, y in points]
    values, _ = scaled_features(modality([*shifted, [5, 5]], absent=(4,)), "whiten")
    # each coordinate over its standard deviation, and over the square root of their number
    expected = [[1, 0], [-1, 0], [0, 1], [0, -1], [0, 0]]
    np.testing.assert_allclose(values, expected, atol=1e-6)
    first, _ = scaled_features(modality([*shifted, [5, 5]], absent=(4,)), "whiten", components=1)
    np.testing.assert_allclose(first, [[root], [-root], [0], [0], [0]], atol=1e-6)


def test_directions_without_variance_are_left_out() -> None:
    """The third feature is the sum of the others, the fourth constant: two directions are left."""
    rng = np.random.default_rng(0)
    two = rng.standard_normal((50, 2))
    values, _ = scaled_features(
        modality(np.column_stack([two, two.sum(axis=1), np.full(50, 3.0)]).tolist()), "whiten"
    )
    assert values.shape == (50, 2)


def test_vectors_that_do_not_differ_are_zero() -> None:
    for values in ([[1.0, 2.0]] * 3, [[1.0, 2.0]]):
        assert not scaled_features(modality(values), "whiten")[0].any()
    nobody, present = scaled_features(modality([[1.0], [2.0]], absent=(0, 1)), "whiten")
    assert not nobody.any()
    assert not present.any()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(8, 40))
def test_whitened_features_are_uncorrelated_and_of_one_variance(seed: int, dim: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    mixed = (
        rng.standard_normal((count, dim)) @ rng.standard_normal((dim, dim)) * 10.0 ** rng.integers(-2, 3, dim)
        + 50
    )
    values, _ = scaled_features(modality(mixed.tolist()), "whiten")
    covariance = np.cov(values.numpy().astype(np.float64), rowvar=False, bias=True).reshape(
        values.shape[1], -1
    )
    np.testing.assert_allclose(covariance * values.shape[1], np.eye(values.shape[1]), atol=1e-3)
    assert values.square().sum(dim=1).mean() == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("how", ["standard", "unit", "whiten", "l2", "none"])
def test_pieces_give_what_the_whole_does(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    rng = np.random.default_rng(1)
    found = modality((rng.standard_normal((37, 4)) * [1, 10, 100, 0.1] + 128).tolist(), absent=(0, 5, 36))
    whole, _ = scaled_features(found, how)
    monkeypatch.setattr(scaling, "_CHUNK", 5)
    torch.testing.assert_close(scaled_features(found, how)[0], whole, atol=1e-5, rtol=1e-4)


def test_columns_that_are_constant_but_for_rounding_are_zero() -> None:
    values = np.full((1000, 2), 1e8 / 3)
    values[:, 1] += np.arange(1000)
    scaled, _ = scaled_features(modality(values.tolist()), "standard")
    assert not scaled[:, 0].any()
    assert scaled[:, 1].std(correction=0) == pytest.approx(1.0)


def test_a_tower_takes_as_many_components_as_there_are() -> None:
    rng = np.random.default_rng(2)
    found = modality(rng.standard_normal((20, 7)).tolist())
    layer = FeatureInput(found, 4, "whiten", components=3)
    assert layer.features.shape == (20, 3)
    assert layer(None).shape == (20, 4)


def test_no_components_are_refused() -> None:
    assert ModelConfig(feature_scaling="whiten", feature_components=8).feature_components == 8
    with pytest.raises(ConfigError, match="ModelConfig: feature_components = 0: "):
        ModelConfig(feature_scaling="whiten", feature_components=0)
