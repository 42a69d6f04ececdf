"""Scores, regressors as functions, and cross-validation that does not look at what it is judged on."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.svm import SVR

from hetmusic.features.emotion import cross_validation
from hetmusic.features.emotion.cross_validation import fit_validated, folds
from hetmusic.features.emotion.regressors import RECIPES, Function, Recipe, Scaler
from hetmusic.features.emotion.scores import agreement

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 5))
Y = 0.3 * X[:, 0] - 0.2 * np.abs(X[:, 1])


def test_scores_of_a_hand_computed_case():
    truth, predicted = np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0, 3.0])
    found = agreement(truth, predicted)
    # squared errors 1, 0, 1; deviations from the mean 1, 0, 1
    assert found.r2 == pytest.approx(0)
    assert found.rmse == pytest.approx(np.sqrt(2 / 3))
    # covariance (1·2/3 + 1·4/3) / 3 = 2/3; variances 2/3 and 8/9; means 1 and 5/3
    assert found.ccc == pytest.approx(2 * (2 / 3) / (2 / 3 + 8 / 9 + 4 / 9))


def test_scores_of_the_truth_and_of_its_mean():
    perfect, mean = agreement(Y, Y), agreement(Y, np.full_like(Y, Y.mean()))
    assert (perfect.r2, perfect.ccc, perfect.rmse) == pytest.approx((1, 1, 0))
    assert (mean.r2, mean.ccc) == pytest.approx((0, 0))
    alike = agreement(np.ones(3), np.ones(3))
    assert (alike.r2, alike.ccc, alike.rmse) == (0, 0, 0)


@pytest.mark.parametrize(
    ("recipe", "peer"),
    [
        (Recipe("ridge", 3.0), Ridge(alpha=3.0)),
        (Recipe("svr", 0.5, 1.0), SVR(C=0.5, gamma=1 / 5, epsilon=0.05)),
    ],
)
def test_the_arrays_predict_what_scikit_learn_does(recipe, peer):
    new = np.random.default_rng(1).standard_normal((7, 5))
    assert np.allclose(recipe.fit(X, Y)(new), peer.fit(X, Y).predict(new))


def test_kernel_ridge_predicts_around_the_mean():
    new = np.random.default_rng(1).standard_normal((7, 5))
    peer = KernelRidge(alpha=0.3, kernel="rbf", gamma=0.3 / 5).fit(X, Y - Y.mean())
    assert np.allclose(Recipe("kernel-ridge", 0.3, 0.3).fit(X, Y)(new), peer.predict(new) + Y.mean())


def test_functions_of_hand_computed_values():
    linear = Function(1.0, np.array([2.0, -1.0]))
    assert linear(np.array([[1.0, 1.0], [0.0, 3.0]])).tolist() == [2.0, -2.0]
    curved = Function(1.0, np.array([2.0, -1.0]), np.array([[0.0, 0.0], [1.0, 0.0]]), gamma=0.5)
    assert curved(np.array([[0.0, 0.0]]))[0] == pytest.approx(1 + 2 - np.exp(-0.5))


def test_scaling_stops_where_training_did():
    scaler = Scaler.of(np.array([[0.0, 5.0], [2.0, 5.0], [4.0, 5.0]]))
    sd = np.sqrt(8 / 3)
    # the second descriptor never varied: it says nothing, whatever it is
    assert np.allclose(
        scaler(np.array([[2.0, 5.0], [4.0, 9.0], [100.0, 5.0]])), [[0, 0], [2 / sd, 0], [2 / sd, 0]]
    )
    assert scaler.familiar(np.array([[4.0, 5.0], [100.0, 5.0]])).tolist() == [1.0, 0.5]


def test_groups_are_never_divided():
    groups = [f"g{number}" for number in RNG.integers(0, 50, 300)]
    found = folds(groups, 10, seed=3)
    for group in set(groups):
        assert len({fold for fold, name in zip(found, groups, strict=True) if name == group}) == 1
    sizes = np.bincount(found)
    assert len(sizes) == 10
    assert sizes.max() - sizes.min() <= max(map(groups.count, set(groups)))


def test_few_groups_are_left_out_one_by_one():
    assert folds(["b", "a", "b", "c"], 10, seed=0).tolist() == [1, 0, 1, 2]


def test_what_can_be_learned_is_and_what_cannot_be_is_not():
    x = np.random.default_rng(5).standard_normal((120, 20))
    y = np.clip(0.3 * x[:, 0] + 0.2 * x[:, 1] ** 2 - 0.2, -1, 1)
    groups = [str(number) for number in range(120)]
    assert fit_validated(x, y, groups).held_out.r2 > 0.6
    shuffled = fit_validated(x, np.random.default_rng(6).permutation(y), groups)
    assert shuffled.held_out.r2 <= 0.02
    assert abs(shuffled.held_out.ccc) < 0.15


def test_the_choice_is_made_without_the_held_out_songs(monkeypatch):
    seen, choose = [], cross_validation.choose

    def watched(x, y, groups, *others):
        seen.append((set(y), list(groups)))
        return choose(x, y, groups, *others)

    monkeypatch.setattr(cross_validation, "choose", watched)
    groups = [str(number) for number in range(40)]
    fit_validated(X, Y, groups, seed=2, recipes=RECIPES[:3])
    fold = folds(groups, 10, seed=2)
    # one choice for each part that is held out, from all other songs, and one from all songs for the model itself
    assert len(seen) == 11
    for number, (ratings, names) in enumerate(seen):
        assert ratings == set(Y[fold != number])
        assert names == [name for name, of in zip(groups, fold, strict=True) if of != number]


def test_songs_of_one_artist_do_not_vouch_for_each_other():
    """Descriptors that give the artist away predict nothing about artists that are new."""
    rng = np.random.default_rng(2)
    artist = np.repeat(np.arange(40), 5)
    x = rng.standard_normal((40, 10))[artist] + 0.05 * rng.standard_normal((200, 10))
    y = (0.3 * rng.standard_normal(40))[artist]
    recipes = [Recipe("kernel-ridge", 0.1, 1.0)]
    alone = fit_validated(x, y, [str(number) for number in range(200)], recipes=recipes)
    together = fit_validated(x, y, [f"artist {number}" for number in artist], recipes=recipes)
    assert alone.held_out.r2 > 0.8
    assert together.held_out.r2 < 0.1
