"""Small cover pictures whose colours and stripes depend on the style a song shows."""

from __future__ import annotations

import colorsys
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hetmusic.synth.taste import FloatArray

#: width and height in pixels
COVER_SIZE = 32


def style_covers(styles: int, rng: np.random.Generator) -> FloatArray:
    """Parameters of each style's covers, shape ``(styles, 8)``.

    Columns: background and foreground colour (RGB in [0, 1], hues evenly spread), then the stripes' wave
    vector in waves per picture along x and y.
    """
    hues = rng.permutation(styles) / styles
    angles = rng.permutation(styles) * np.pi / styles
    rows = []
    for hue, angle in zip(hues, angles, strict=True):
        background = colorsys.hsv_to_rgb(hue, 0.75, 0.75)
        foreground = colorsys.hsv_to_rgb((hue + 0.35) % 1.0, 0.5, 0.95)
        waves = rng.uniform(2.0, 6.0)
        rows.append([*background, *foreground, waves * np.cos(angle), waves * np.sin(angle)])
    return np.array(rows)


def paint(parameters: FloatArray, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A cover of shape ``(32, 32, 3)``.

    :param parameters: one row as of :func:`style_covers`; it is varied a little, as covers differ.
    """
    varied = parameters * (1 + 0.1 * rng.standard_normal(len(parameters)))
    y, x = np.mgrid[:COVER_SIZE, :COVER_SIZE] / COVER_SIZE
    stripes = 0.5 + 0.5 * np.sin(2 * np.pi * (varied[6] * x + varied[7] * y + rng.random()))
    picture = varied[:3] + stripes[..., None] * (varied[3:6] - varied[:3]) * 0.6
    picture += 0.04 * rng.standard_normal(picture.shape)
    pixels: NDArray[np.uint8] = np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)
    return pixels


def png_bytes(picture: NDArray[np.uint8]) -> bytes:
    """A picture as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    return buffer.getvalue()
