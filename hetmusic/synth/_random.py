"""A stream of random numbers for each part of a world, so that changing one part leaves the others alone."""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, part: str) -> np.random.Generator:
    """The generator of a named part: the same for the same seed and name, independent between names."""
    return np.random.default_rng([seed, zlib.crc32(part.encode())])
