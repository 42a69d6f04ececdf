"""Nested cross-validation: the recipe is chosen inside every training part, so the held-out songs' figure is honest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hetmusic.features.emotion.regressors import RECIPES, FloatArray, Function, Recipe, Scaler
from hetmusic.features.emotion.scores import Agreement, agreement

#: with fewer groups than this each is left out once
_FEW = 30
_OUTER, _INNER = 10, 5


@dataclass(frozen=True)
class Fitted:
    """One axis: what was chosen and fitted on all songs, and how well the same procedure does on songs it has not seen."""

    scaler: Scaler
    function: Function
    recipe: Recipe
    #: over the outer folds' held-out songs together
    held_out: Agreement
    #: recipe -> number of outer folds that chose it
    chosen: dict[str, int]


def fit_validated(
    x: FloatArray, y: FloatArray, groups: Sequence[str], seed: int = 0, recipes: Sequence[Recipe] = RECIPES
) -> Fitted:
    """Choose, fit and judge a regressor for one axis.

    :param x: descriptors, shape ``(songs, descriptors)``.
    :param y: ratings, shape ``(songs,)``.
    :param groups: songs of one group (an artist) are never divided between training and test.
    :param seed: of the division into folds.
    """
    fold = folds(groups, _OUTER, seed)
    predicted = np.empty_like(y)
    chosen: Counter[str] = Counter()
    for number in range(fold.max() + 1):
        test = fold == number
        inside = [group for group, out in zip(groups, test, strict=True) if not out]
        recipe = choose(x[~test], y[~test], inside, seed, recipes)
        scaler = Scaler.of(x[~test])
        predicted[test] = recipe.fit(scaler(x[~test]), y[~test])(scaler(x[test]))
        chosen[str(recipe)] += 1
    predicted = np.clip(predicted, -1.0, 1.0)
    scaler, recipe = Scaler.of(x), choose(x, y, groups, seed, recipes)
    return Fitted(
        scaler,
        recipe.fit(scaler(x), y),
        recipe,
        agreement(y, predicted),
        dict(chosen.most_common()),
    )


def choose(
    x: FloatArray, y: FloatArray, groups: Sequence[str], seed: int, recipes: Sequence[Recipe]
) -> Recipe:
    """The recipe with the smallest squared error over the held-out songs of an inner cross-validation."""
    if len(recipes) == 1:
        return recipes[0]
    fold = folds(groups, _INNER, seed + 1)
    errors = np.zeros(len(recipes))
    for number in range(fold.max() + 1):
        test = fold == number
        scaler = Scaler.of(x[~test])
        train, held = scaler(x[~test]), scaler(x[test])
        for which, recipe in enumerate(recipes):
            errors[which] += np.square(recipe.fit(train, y[~test])(held) - y[test]).sum()
    return recipes[int(errors.argmin())]


def folds(groups: Sequence[str], count: int, seed: int) -> NDArray[np.int64]:
    """The fold of every song, shape ``(songs,)``: whole groups, the largest first, each to the smallest fold.

    With fewer than 30 groups each is a fold of its own (leave one out).
    """
    names, of_song, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    if len(names) < _FEW:
        return of_song.astype(np.int64)
    order = np.random.default_rng([seed, len(names)]).permutation(len(names))
    order = order[np.argsort(-sizes[order], kind="stable")]
    fold_of, filled = np.empty(len(names), np.int64), np.zeros(count, np.int64)
    for group in order:
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += sizes[group]
    return fold_of[of_song]
