"""Vectors in the plane, near each other if they are alike: t-SNE (van der Maaten and Hinton 2008)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hetmusic.report.clustering import num_distinct
from hetmusic.report.errors import NotAvailable
from hetmusic.report.kept import kept

if TYPE_CHECKING:
    from hetmusic.report.source import RunSource

#: fewer points have no neighbourhoods
LEAST_POINTS = 6
#: about how many neighbours a point has
PERPLEXITY = 30.0
#: principal components that are left before
COMPONENTS = 50


def plane(source: RunSource, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Place vectors of length 1 in the plane, shape ``(n, 2)``; kept with the run.

    :raises NotAvailable: for fewer than 6 vectors.
    """
    count = len(vectors)
    if count < LEAST_POINTS:
        raise NotAvailable(
            f"{count} {source.item_type}s with vectors are too few for a map: it takes {LEAST_POINTS}"
        )
    if num_distinct(vectors) == 1:
        raise NotAvailable(f"the vectors of all {count} {source.item_type}s are the same")
    settings = {
        "method": "t-SNE",
        "perplexity": min(PERPLEXITY, (count - 1) / 3),
        "components": min(COMPONENTS, *vectors.shape),
        "seed": source.settings.seed,
    }
    found = kept(source, "t-sne", vectors, settings, lambda: _t_sne(vectors, **settings))
    return found if found.shape == (count, 2) else _t_sne(vectors, **settings)


def _t_sne(
    vectors: NDArray[np.float32], *, method: str, perplexity: float, components: int, seed: int
) -> NDArray[np.float32]:
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    # distances between vectors of length 1 say the same as cosines, and nearly the same in their first components
    fewer = PCA(components, random_state=seed).fit_transform(vectors)
    spread = fewer[:, :2] / max(float(fewer[:, 0].std()), 1e-12) * 1e-4
    found = TSNE(perplexity=perplexity, init=spread.astype(np.float32), random_state=seed).fit_transform(
        fewer
    )
    return np.asarray(found, dtype=np.float32)
