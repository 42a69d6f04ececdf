"""Data of the map that the page's script draws: the points of the figure of clusters, in whole numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.report.theme import THEMES

if TYPE_CHECKING:
    from hetmusic.report.figures.clusters import ClustersData
    from hetmusic.report.page.catalogue import Catalogue

#: coordinates go from 0 to this: finer than any screen shows
FULL = 65_535


def map_data(found: ClustersData, catalogue: Catalogue) -> dict[str, Any]:
    """Places and clusters of items, for JSON.

    :return: ``items`` (numbers of the catalogue), ``x``, ``y`` (0 to :data:`FULL`, y upwards), ``cluster`` by point;
        ``clusters`` with name, size and the place of the centre; ``colours`` of clusters by theme.
    """
    x, y = np.asarray(found.x, np.float64), np.asarray(found.y, np.float64)
    centres = zip(_whole(np.array(found.centre_x), x), _whole(np.array(found.centre_y), y), strict=True)
    clusters = [
        {"name": described.name, "size": described.size, "x": cx, "y": cy}
        for described, (cx, cy) in zip(found.clusters, centres, strict=True)
    ]
    numbers = range(len(clusters))
    return {
        "items": catalogue.numbers(found.items),
        "x": _whole(x, x),
        "y": _whole(y, y),
        "cluster": found.cluster.tolist(),
        "clusters": clusters,
        "colours": {name: [theme.category(number) for number in numbers] for name, theme in THEMES.items()},
    }


def _whole(values: NDArray[np.float64], among: NDArray[np.float64]) -> list[int]:
    """Values from 0 to :data:`FULL`, as far as they lie between the smallest and the largest of others."""
    low, high = float(among.min()), float(among.max())
    if high <= low:
        return [FULL // 2] * len(values)
    scaled = np.rint((values - low) / (high - low) * FULL).clip(0, FULL)
    return [int(value) for value in scaled]
