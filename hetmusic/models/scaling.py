"""Features on a common scale: statistics over the nodes that have them, applied as they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hetmusic.graph.types import Modality

Floats = NDArray[np.float64]

#: rows that are in memory as float64 at a time
_CHUNK = 16_384
#: spread below this share of a feature's size is what rounding leaves of a constant
_CONSTANT = 1e-12
#: a principal direction with less than this share of the largest variance is rounding
_NO_VARIANCE = 1e-10


def scaled_features(modality: Modality, scaling: str, components: int | None = None) -> tuple[Tensor, Tensor]:
    """Read a modality as float32 on a common scale.

    :param scaling: ``standard`` (each feature to mean 0 and standard deviation 1, constant ones to 0), ``unit`` (the
        same, divided by the square root of the dimension), ``whiten`` (principal components, each to variance 1,
        divided by the square root of their number), ``l2`` (each vector to length 1) or ``none``.
    :param components: so many principal components at most; for ``whiten``.
    :return: features of shape ``(num_nodes, dim)``, zero where absent, and the presence mask; ``dim`` is the modality's
        but for ``whiten``, which has as many as there are directions in which the vectors differ, at least one.
    """
    transform, dim = transform_of(modality, scaling, components)
    features = torch.zeros(len(modality.present), dim)
    for rows, values in pieces(modality):
        features[rows] = torch.from_numpy(transform(values)).float()
    return features, torch.from_numpy(modality.present.copy())


def transform_of(
    modality: Modality, scaling: str, components: int | None
) -> tuple[Callable[[Floats], Floats], int]:
    """What is done to vectors, shape ``(n, modality.dim)``, and the length of those that come out."""
    dim = modality.dim
    if scaling == "whiten":
        return _whitening(modality, components)
    if scaling in {"standard", "unit"}:
        mean, spread = _moments(modality)
        length = dim**0.5 if scaling == "unit" else 1.0
        constant = spread <= _CONSTANT * np.maximum(1.0, np.abs(mean))
        return lambda values: (values - mean) / np.where(constant, np.inf, spread) / length, dim
    if scaling == "l2":
        return lambda values: values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12), dim
    return lambda values: values, dim


def _whitening(modality: Modality, components: int | None) -> tuple[Callable[[Floats], Floats], int]:
    mean = _mean(modality)
    covariance, count = np.zeros((modality.dim, modality.dim)), 0
    for _, values in pieces(modality):
        covariance += (values - mean).T @ (values - mean)
        count += len(values)
    variances, directions = np.linalg.eigh(covariance / max(count, 1))
    variances, directions = variances[::-1], directions[:, ::-1]
    kept = int((variances > _NO_VARIANCE * max(variances[0], 0.0)).sum())
    kept = min(kept, components or kept)
    if not kept:  # all vectors are the same
        return lambda values: np.zeros((len(values), 1)), 1
    directions = directions[:, :kept]
    matrix = turned(directions) / np.sqrt(variances[:kept] * kept)
    return lambda values: (values - mean) @ matrix, kept


def turned(directions: Floats) -> Floats:
    """Directions as columns, of which each is as good as its opposite: that whose largest entry is positive."""
    largest = directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])]
    return directions * np.where(largest < 0, -1.0, 1.0)


def _mean(modality: Modality) -> Floats:
    """Mean of each feature over the nodes that have them."""
    total = np.zeros(modality.dim)
    for _, values in pieces(modality):
        total += values.sum(axis=0)
    return total / max(int(modality.present.sum()), 1)


def _moments(modality: Modality) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each feature over the nodes that have them."""
    mean = _mean(modality)
    squares = np.zeros(modality.dim)
    for _, values in pieces(modality):
        squares += ((values - mean) ** 2).sum(axis=0)
    return mean, np.sqrt(squares / max(int(modality.present.sum()), 1))


def pieces(modality: Modality, every: int = 1) -> Iterator[tuple[NDArray[np.int64], Floats]]:
    """The nodes that have features, or every so many-th of them, and these, piece by piece."""
    rows = np.flatnonzero(modality.present)[::every]
    for start in range(0, len(rows), _CHUNK):
        piece = rows[start : start + _CHUNK]
        yield piece, modality.values[piece].astype(np.float64)
