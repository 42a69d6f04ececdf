"""Tests of significance against scipy, hand-computed cases and their own properties."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from hetmusic.evaluation import significance
from hetmusic.evaluation.significance import (
    bootstrap_means,
    holm,
    interval,
    paired_t,
    randomisation,
    wilcoxon,
)

RNG = np.random.default_rng(7)
SCORES = RNG.random((50, 2))
DIFFERENCES = SCORES[:, 0] - SCORES[:, 1]

p_values = arrays(np.float64, st.integers(1, 12), elements=st.floats(0, 1))
# above 13 users scipy approximates where there are ties, which is much faster
differences = arrays(np.float64, st.integers(14, 30), elements=st.integers(-8, 8).map(lambda x: x / 8))


def test_paired_t_is_scipys():
    assert paired_t(DIFFERENCES) == pytest.approx(stats.ttest_rel(*SCORES.T).pvalue, rel=1e-12)


def test_wilcoxon_is_scipys():
    assert wilcoxon(DIFFERENCES) == pytest.approx(stats.wilcoxon(*SCORES.T).pvalue)


def test_paired_t_by_hand():
    # mean 2, sd 1, n = 3: t = 2 / (1 / sqrt 3) = 3.4641; with 2 degrees of freedom p = 1 - t / sqrt(2 + t^2)
    t = 2 * np.sqrt(3)
    assert paired_t([1.0, 2.0, 3.0]) == pytest.approx(1 - t / np.sqrt(2 + t * t))


def test_randomisation_is_the_exact_test_for_few_users():
    values = np.array([0.5, 0.25, -0.125, 1.0, 0.75, -0.5, 0.125, 0.375])
    sums = np.array([abs(np.dot(signs, values)) for signs in product([-1, 1], repeat=len(values))])
    exact = (sums >= abs(values.sum())).mean()
    assert randomisation(values, draws=40_000) == pytest.approx(exact, abs=0.01)


def test_randomisation_is_near_scipys():
    found = stats.permutation_test(
        (SCORES[:, 0], SCORES[:, 1]),
        lambda a, b, axis: (a - b).mean(axis=axis),
        permutation_type="samples",
        n_resamples=4000,
        rng=np.random.default_rng(0),
    )
    assert randomisation(DIFFERENCES, draws=4000) == pytest.approx(found.pvalue, abs=0.03)


@pytest.mark.parametrize("test", [paired_t, wilcoxon, randomisation])
def test_columns_are_tested_one_by_one(test):
    both = np.stack([DIFFERENCES, RNG.normal(0.3, 1, 50)], axis=1)
    assert test(both) == pytest.approx([float(test(column)) for column in both.T])


@pytest.mark.parametrize("test", [paired_t, wilcoxon, randomisation])
def test_no_difference_at_all(test):
    assert test(np.zeros(20)) == 1.0


def test_the_same_difference_for_everyone():
    assert paired_t(np.full(20, 0.1)) == 0.0
    # the two sign changes that leave all signs alike are hardly ever drawn
    assert randomisation(np.full(20, 0.1), draws=1000) < 0.01


def test_one_user_proves_nothing():
    assert np.isnan(paired_t([0.3]))
    assert randomisation([0.3], draws=100) == 1.0


@given(differences)
@settings(max_examples=25, deadline=None)
def test_exchanging_the_models_changes_no_p_value(values):
    for test in (paired_t, wilcoxon):
        assert test(values) == pytest.approx(test(-values), nan_ok=True)
    assert randomisation(values, draws=200) == randomisation(-values, draws=200)


@given(differences, st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_the_order_of_users_changes_nothing(values, random):
    order = list(range(len(values)))
    random.shuffle(order)
    for test in (paired_t, wilcoxon):
        assert test(values) == pytest.approx(test(values[order]), nan_ok=True)


@pytest.mark.parametrize("test", [paired_t, wilcoxon, lambda d: randomisation(d, draws=499)])
def test_p_values_are_uniform_if_there_is_no_difference(test):
    null = np.random.default_rng(1).normal(0, 1, (40, 600))
    p = test(null)
    assert stats.kstest(p, "uniform").pvalue > 0.001
    assert (p <= 0.05).mean() == pytest.approx(0.05, abs=0.03)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])


def test_holm_leaves_out_what_was_not_tested():
    assert holm([np.nan, 0.01, 0.02]) == pytest.approx([np.nan, 0.02, 0.02], nan_ok=True)


@given(p_values)
def test_holm_is_monotone_and_between_single_and_bonferroni(p):
    adjusted = holm(p)
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()
    assert (adjusted >= p).all()
    assert (adjusted <= np.minimum(p * len(p), 1)).all()


@given(p_values, st.randoms(use_true_random=False))
def test_holm_does_not_care_about_order(p, random):
    order = list(range(len(p)))
    random.shuffle(order)
    assert holm(p)[order] == pytest.approx(holm(p[order]))


def test_bootstrap_has_the_standard_error_of_the_mean():
    values = np.random.default_rng(2).normal(1, 2, 400)
    means = bootstrap_means(values, resamples=4000)
    assert means.mean() == pytest.approx(values.mean(), abs=0.02)
    assert means.std() == pytest.approx(values.std() / 20, rel=0.06)


def test_bootstrap_keeps_rows_together():
    values = np.random.default_rng(3).random(60)
    means = bootstrap_means(np.stack([values, 2 * values + 1], axis=1), resamples=300)
    assert means[:, 1] == pytest.approx(2 * means[:, 0] + 1)


def test_intervals_cover_the_truth():
    rng = np.random.default_rng(4)
    samples = rng.normal(0.2, 1, (80, 300))
    low, high = interval(bootstrap_means(samples, resamples=600))
    assert ((low <= 0.2) & (high >= 0.2)).mean() == pytest.approx(0.95, abs=0.05)


def test_interval_by_hand():
    assert interval(np.arange(101.0), level=0.9) == pytest.approx((5.0, 95.0))


def test_draws_are_seeded_and_chunks_cover_everything(monkeypatch):
    assert randomisation(DIFFERENCES, 500, seed=1) == randomisation(DIFFERENCES, 500, seed=1)
    assert (bootstrap_means(DIFFERENCES, 50, seed=1) == bootstrap_means(DIFFERENCES, 50, seed=1)).all()
    assert (bootstrap_means(DIFFERENCES, 50, seed=1) != bootstrap_means(DIFFERENCES, 50, seed=2)).any()
    monkeypatch.setattr(significance, "_CHUNK", 333)
    assert bootstrap_means(DIFFERENCES, resamples=47).shape == (47,)
    assert randomisation(DIFFERENCES, draws=47) == pytest.approx(randomisation(DIFFERENCES, 4000), abs=0.15)
