"""Pictures of random pixels, as files of every format."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable

import numpy as np
from PIL import Image

Noise = Callable[..., Image.Image]

#: formats in which a whole picture comes back, with a mode that each can hold
FORMATS = {
    "AVIF": "RGB",
    "BMP": "RGB",
    "DDS": "RGB",
    "DIB": "RGB",
    "GIF": "P",
    "JPEG": "RGB",
    "JPEG2000": "RGB",
    "MPO": "RGB",
    "MSP": "1",
    "PCX": "RGB",
    "PNG": "RGB",
    "PPM": "RGB",
    "QOI": "RGB",
    "SGI": "RGB",
    "SPIDER": "F",
    "TGA": "RGB",
    "TIFF": "RGB",
    "WEBP": "RGB",
    "XBM": "1",
}

#: formats that Pillow writes and that are refused, or that it cannot read itself
REFUSED = {"BLP": "P", "EPS": "RGB", "ICNS": "RGBA", "ICO": "RGB", "IM": "RGB", "PALM": "P", "PDF": "RGB"}


def noise(mode: str = "RGB", width: int = 24, height: int = 20, seed: int = 0) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values).convert(mode)


def saved(picture: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        picture.save(buffer, format=form, **options)
    return buffer.getvalue()


def available(form: str) -> bool:
    """Whether this Pillow writes a format: some depend on its version and on libraries it was built with."""
    Image.init()
    return form in Image.SAVE
