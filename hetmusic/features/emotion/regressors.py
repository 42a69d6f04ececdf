"""Small regressors whose fitted form is a handful of arrays, so that a model file needs no pickle.

Each is fitted by scikit-learn on standardised descriptors, and afterwards is one of

    linear:  f(x) = b + w · x
    rbf:     f(x) = b + Σ_j a_j exp(-gamma ‖x - s_j‖²)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

#: width of SVR's tube: errors below it cost nothing (valence and arousal run from -1 to 1)
_TUBE = 0.05


@dataclass(frozen=True)
class Function:
    """A fitted regressor."""

    #: b
    intercept: float
    #: w of shape ``(descriptors,)``, or a of shape ``(vectors,)``
    weights: FloatArray
    #: s, shape ``(vectors, descriptors)``; None for a linear function
    vectors: FloatArray | None = None
    #: of the radial basis function
    gamma: float = 0.0

    def __call__(self, x: FloatArray) -> FloatArray:
        """Predict.

        :param x: standardised descriptors, shape ``(songs, descriptors)``.
        :return: shape ``(songs,)``.
        """
        if self.vectors is None:
            linear: FloatArray = x @ self.weights + self.intercept
            return linear
        squared = (x**2).sum(1)[:, None] + (self.vectors**2).sum(1) - 2.0 * x @ self.vectors.T
        curved: FloatArray = np.exp(-self.gamma * np.maximum(squared, 0.0)) @ self.weights + self.intercept
        return curved


@dataclass(frozen=True)
class Recipe:
    """A kind of regressor with its settings; what cross-validation chooses among."""

    #: ``ridge``, ``kernel-ridge`` or ``svr``
    kind: str
    #: penalty on the weights: alpha of (kernel) ridge, C of SVR
    strength: float
    #: of the radial basis function, in units of 1 / (number of descriptors)
    width: float = 0.0

    def __str__(self) -> str:
        penalty = f"{'C' if self.kind == 'svr' else 'alpha'} {self.strength:g}"
        return f"{self.kind}, {penalty}" + (f", gamma {self.width:g}/d" if self.width else "")

    def settings(self) -> Mapping[str, Any]:
        """JSON form."""
        return {"kind": self.kind, "strength": self.strength, "width": self.width}

    def fit(self, x: FloatArray, y: FloatArray) -> Function:
        """Fit standardised descriptors, shape ``(songs, descriptors)``, to ratings, shape ``(songs,)``."""
        # scikit-learn takes a second to import
        if self.kind == "ridge":
            from sklearn.linear_model import Ridge

            ridge = Ridge(alpha=self.strength).fit(x, y)
            return Function(float(ridge.intercept_), np.asarray(ridge.coef_, np.float64))
        gamma = self.width / x.shape[1]
        if self.kind == "kernel-ridge":
            from sklearn.kernel_ridge import KernelRidge

            mean = float(y.mean())  # it has no intercept of its own
            kernel = KernelRidge(alpha=self.strength, kernel="rbf", gamma=gamma).fit(x, y - mean)
            return Function(mean, np.asarray(kernel.dual_coef_, np.float64), x.copy(), gamma)
        from sklearn.svm import SVR

        svr = SVR(C=self.strength, gamma=gamma, epsilon=_TUBE).fit(x, y)
        return Function(
            float(svr.intercept_[0]),
            np.asarray(svr.dual_coef_[0], np.float64),
            np.asarray(svr.support_vectors_, np.float64),
            gamma,
        )


#: what is tried, the simplest first: of equals the first is taken. The very first is in effect the mean rating, for songs
#: from whose sound nothing can be learned.
RECIPES: tuple[Recipe, ...] = (
    Recipe("ridge", 1e6),
    *(Recipe("ridge", alpha) for alpha in (1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0)),
    *(Recipe("kernel-ridge", alpha, width) for width in (0.1, 0.3, 1.0) for alpha in (3.0, 1.0, 0.3, 0.1)),
    *(Recipe("svr", c, width) for width in (0.1, 0.3, 1.0) for c in (0.1, 0.3, 1.0)),
)


@dataclass(frozen=True)
class Scaler:
    """Brings descriptors to mean 0 and standard deviation 1 over the training songs; constant ones become 0."""

    #: shape ``(descriptors,)``
    mean: FloatArray
    #: shape ``(descriptors,)``, above 0
    spread: FloatArray
    #: largest magnitude of a standardised training value, shape ``(descriptors,)``
    reach: FloatArray

    @classmethod
    def of(cls, x: FloatArray) -> Scaler:
        """Measure the training songs, shape ``(songs, descriptors)``."""
        mean, sd = x.mean(axis=0), x.std(axis=0)
        varies = sd > 1e-9 * np.maximum(1.0, np.abs(x).max(axis=0))
        spread = np.where(varies, sd, np.inf)  # what does not vary says nothing, whatever it is elsewhere
        return cls(mean, spread, np.abs((x - mean) / spread).max(axis=0))

    def __call__(self, x: FloatArray) -> FloatArray:
        """Standardise; what lies beyond every training song is taken as the nearest that was seen there.

        A linear function would go on for ever in a direction of which it knows nothing.
        """
        scaled: FloatArray = np.clip((x - self.mean) / self.spread, -self.reach, self.reach)
        return scaled

    def familiar(self, x: FloatArray) -> FloatArray:
        """Share of a sound's descriptors that lie within the reach of the training songs, shape ``(songs,)``."""
        share: FloatArray = (np.abs((x - self.mean) / self.spread) <= self.reach * (1 + 1e-9)).mean(axis=1)
        return share
