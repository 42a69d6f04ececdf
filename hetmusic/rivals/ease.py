"""EASE: a linear autoencoder without self-loops, in closed form."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field
from scipy.linalg import lapack

from hetmusic.errors import ConfigError
from hetmusic.models.config import StrictModel
from hetmusic.ranking import Scorer
from hetmusic.rivals.base import Problem, Recommender, Report, recommenders
from hetmusic.rivals.scorers import DenseItemScorer, UserSpaceScorer

logger = logging.getLogger(__name__)

#: columns or rows of a dense matrix handled at a time
_BLOCK = 512
#: a form that takes this many times the memory of the other is worth a warning
_LARGE = 4


class EASESettings(StrictModel):
    """Settings of :class:`EASE`."""

    l2: float = Field(75.0, gt=0)
    """Regularisation: added to the diagonal of the Gram matrix."""

    form: Literal["auto", "items", "users"] = "auto"
    """Invert an items × items or a users × users matrix; the scores are the same. ``auto``: the smaller one."""

    memory_mb: float = Field(1024.0, gt=0)
    """Most memory that the dense matrices may take, in MB of 10^6 bytes: 8 bytes an entry of the inverse, and in the form
    ``items`` 4 more of the weights."""


@recommenders.register("ease")
class EASE(Recommender):
    """Embarrassingly shallow autoencoder (Steck 2019, eqs. 7 and 8).

    With P = (X'X + l2 I)^-1: B_ij = -P_ij / P_jj off the diagonal and 0 on it, scores X B. Since X P = M X with
    M = (XX' + l2 I)^-1 (push-through identity), X B = X - (M X) / diag(P), and diag(P)_j = (1 - x_j' M x_j) / l2
    (Woodbury): the ``users`` form never makes an items × items matrix.
    """

    Settings = EASESettings

    def train(  # noqa: D102
        self, problem: Problem, seed: int, folder: Path | None, report: Report | None
    ) -> tuple[Scorer, dict[str, Any]]:
        form = self._form(*problem.train.shape)
        made = in_user_space if form == "users" else in_item_space
        return made(problem.train, self.settings.l2), {"form": form}

    def _form(self, num_users: int, num_items: int) -> str:
        settings: EASESettings = self.settings
        sizes = {"items": num_items, "users": num_users}
        megabytes = {"items": 12e-6 * num_items**2, "users": 8e-6 * num_users**2}
        needs = {name: f"{sizes[name]:,} × {sizes[name]:,} ({megabytes[name]:,.0f} MB)" for name in sizes}
        smaller = min(megabytes, key=megabytes.__getitem__)
        form = smaller if settings.form == "auto" else settings.form
        if megabytes[form] > settings.memory_mb:
            hint = (
                "" if form == smaller else f"; form {smaller!r} gives the same scores from {needs[smaller]}"
            )
            raise ConfigError(
                f"model EASE: form {form!r} makes dense matrices of {needs[form]}, "
                f"more than memory_mb = {settings.memory_mb:g}{hint}"
            )
        if form == "items" and megabytes[form] > _LARGE * megabytes["users"]:
            logger.warning(
                "EASE: form 'items' makes dense matrices of %s; form 'users' gives the same scores from %s",
                needs["items"],
                needs["users"],
            )
        return form


def in_item_space(train: sp.csr_matrix, l2: float) -> DenseItemScorer:
    """The form of the paper, for few items."""
    inverse = symmetric_inverse(_ridge(train.T.tocsr().astype(np.float64), l2))
    diagonal = inverse.diagonal().copy()
    weights = np.empty(inverse.shape, dtype=np.float32)
    for start in range(0, len(diagonal), _BLOCK):
        part = slice(start, start + _BLOCK)
        weights[:, part] = -inverse[:, part] / diagonal[part]
    np.fill_diagonal(weights, 0.0)
    return DenseItemScorer(train, weights)


def in_user_space(train: sp.csr_matrix, l2: float) -> UserSpaceScorer:
    """The same scores from a users × users matrix, for many items."""
    profiles = train.astype(np.float64)
    mixing = symmetric_inverse(_ridge(profiles, l2))
    by_item = profiles.T.tocsr()
    leverage = np.empty(profiles.shape[1])
    for start in range(0, len(leverage), _BLOCK):
        part = by_item[start : start + _BLOCK]
        leverage[start : start + _BLOCK] = np.asarray(part.multiply(part @ mixing).sum(axis=1)).ravel()
    return UserSpaceScorer(profiles, mixing, (1 - leverage) / l2)


def symmetric_inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Invert a symmetric positive definite matrix in place, by its Cholesky factor.

    :param matrix: Fortran order, float64; overwritten.
    """
    factor, failed = lapack.dpotrf(matrix, lower=1, overwrite_a=1, clean=0)
    if failed:
        raise ConfigError("model EASE: the regularised Gram matrix is not positive definite; l2 is too small")
    inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
    for start in range(0, len(inverse), _BLOCK):
        stop = min(start + _BLOCK, len(inverse))
        corner = inverse[start:stop, start:stop]
        inverse[start:stop, start:stop] = np.tril(corner) + np.tril(corner, -1).T
        inverse[start:stop, stop:] = inverse[stop:, start:stop].T
    return np.asarray(inverse)


def _ridge(rows: sp.csr_matrix, l2: float) -> NDArray[np.float64]:
    """The Gram matrix of sparse rows, dense in Fortran order, l2 added to its diagonal."""
    across = rows.T.tocsr()
    dense = np.empty((rows.shape[0], rows.shape[0]), dtype=np.float64, order="F")
    # a block at a time: a nearly full product would take more as a sparse matrix than as a dense one
    for start in range(0, len(dense), _BLOCK):
        part = slice(start, start + _BLOCK)
        dense[:, part] = (rows[part] @ across).toarray().T
    dense[np.diag_indices_from(dense)] += l2
    return dense
