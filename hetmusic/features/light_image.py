"""Pictures as colour and texture statistics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import FeatureError
from hetmusic.features.extractor import extractors
from hetmusic.features.light_base import LightExtractor
from hetmusic.features.pictures import read_picture

#: width and height to which every picture is scaled before it is described
_SIZE = 64
#: levels per channel of a histogram: with more there are more cells than pixels
_MOST_LEVELS = 16
#: number of gradient directions told apart, over half a turn
_DIRECTIONS = 8


@extractors.register("colour-statistics")
class ImageStatistics(LightExtractor):
    """Colour histogram, mean and standard deviation of each channel, and the strength of edges by direction.

    :param levels: levels per channel of the joint RGB histogram; a vector has ``levels ** 3 + 16`` values.
    """

    kind = "image"
    name = "colour-statistics"

    def __init__(self, levels: int = 4) -> None:
        if not 1 <= levels <= _MOST_LEVELS:
            raise FeatureError(f"colour histograms have 1 to {_MOST_LEVELS} levels per channel, not {levels}")
        self.levels = levels

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self.levels**3 + 6 + _DIRECTIONS + 2

    def prepare(self, item: Path) -> NDArray[np.floating[Any]]:
        """The vector of one picture."""
        return picture_statistics(small_picture(item), self.levels)


def picture_statistics(picture: NDArray[np.float64], levels: int) -> NDArray[np.float64]:
    """Describe an RGB picture in [0, 1] of shape ``(height, width, 3)``; see :class:`ImageStatistics`."""
    pixels = picture.reshape(-1, 3)
    return np.concatenate(
        [
            colour_histogram(pixels, levels),
            pixels.mean(axis=0),
            pixels.std(axis=0),
            gradient_texture(picture.mean(axis=2)),
        ]
    )


def colour_histogram(pixels: NDArray[np.float64], levels: int) -> NDArray[np.float64]:
    """Share of pixels in each cell of the RGB cube, red varying slowest; shape ``(levels ** 3,)``, sums to 1.

    :param pixels: shape ``(pixels, 3)``, in [0, 1].
    """
    cell = np.minimum((pixels * levels).astype(np.int64), levels - 1)
    index = (cell[:, 0] * levels + cell[:, 1]) * levels + cell[:, 2]
    return np.bincount(index, minlength=levels**3) / len(pixels)


def gradient_texture(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean and standard deviation of the gradient's length, then its share by direction; shape ``(10,)``.

    Directions are those of the gradient, from 0 (along x) over half a turn, each bin centred on a multiple of
    22.5 degrees.
    """
    along_y, along_x = np.gradient(grey)
    length = np.hypot(along_x, along_y)
    turn = np.arctan2(along_y, along_x) / np.pi * _DIRECTIONS
    direction = np.rint(turn).astype(np.int64) % _DIRECTIONS
    strength = np.bincount(direction.ravel(), weights=length.ravel(), minlength=_DIRECTIONS)
    return np.concatenate([[length.mean(), length.std()], strength / max(strength.sum(), 1e-9)])


def small_picture(path: Path) -> NDArray[np.float64]:
    """A picture scaled to 64 x 64, each pixel the mean of those it stands for: RGB in [0, 1], shape ``(64, 64, 3)``.

    :raises Absent: as :func:`read_picture`.
    """
    from PIL import Image

    scaled = read_picture(path, at_least=2 * _SIZE).resize((_SIZE, _SIZE), Image.Resampling.BOX)
    return np.asarray(scaled, dtype=np.float64) / 255.0
