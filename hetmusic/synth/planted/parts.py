"""Which listens of a planted world are training, validation and test, and which songs are candidates at the test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic.graph.splits import TEST, TRAIN, VALID
from hetmusic.synth._random import stream
from hetmusic.synth.settings import WorldSettings
from hetmusic.synth.taste import IntArray, Taste


@dataclass(frozen=True)
class Parts:
    """A division of a world's listens that closes every way to the answer but one."""

    #: TRAIN, VALID or TEST of every row of ``World.listens``, uint8, shape ``(listens,)``
    label: NDArray[np.uint8]
    #: rows of the songs ranked at the test, ascending; None means all
    candidates: IntArray | None


def cold_songs(
    settings: WorldSettings,
    taste: Taste,
    listens: pl.DataFrame,
    seed: int,
    test: float = 0.2,
    valid: float = 0.1,
) -> Parts:
    """Take all listens of some songs away from training, the same number of every style.

    At the test the cold songs of the test are ranked among themselves.

    :param test: share of the songs that are tested on; another ``valid`` are validated on.
    """
    rng = stream(seed, "cold songs")
    part_of = np.full(settings.songs, TRAIN, np.uint8)
    for style in range(settings.styles):
        own = rng.permutation(np.flatnonzero(taste.song_style == style))
        num_test, num_valid = max(1, round(test * len(own))), max(1, round(valid * len(own)))
        part_of[own[:num_test]] = TEST
        part_of[own[num_test : num_test + num_valid]] = VALID
    return Parts(part_of[listens["song"].to_numpy()], np.flatnonzero(part_of == TEST))


def second_half_of_some_users(
    settings: WorldSettings,
    taste: Taste,
    listens: pl.DataFrame,
    seed: int,
    test: float = 0.3,
    valid: float = 0.1,
) -> Parts:
    """Take the listens of some users to songs of the second half of the styles away from training.

    Goes with :func:`~hetmusic.synth.planted.latent.half_for_everybody`: what is left says nothing about these users.
    At the test the songs of that half are ranked.

    :param test: share of the users that are tested on; another ``valid`` are validated on.
    """
    order = stream(seed, "held-out users").permutation(settings.users)
    num_test, num_valid = max(1, round(test * settings.users)), max(1, round(valid * settings.users))
    part_of = np.full(settings.users, TRAIN, np.uint8)
    part_of[order[:num_test]] = TEST
    part_of[order[num_test : num_test + num_valid]] = VALID
    second = taste.song_style >= settings.styles // 2
    label = np.where(second[listens["song"].to_numpy()], part_of[listens["user"].to_numpy()], TRAIN)
    return Parts(label.astype(np.uint8), np.flatnonzero(second))


def random_listens(
    settings: WorldSettings,
    taste: Taste,
    listens: pl.DataFrame,
    seed: int,
    test: float = 0.2,
    valid: float = 0.1,
) -> Parts:
    """Hold out listens at random; all songs are ranked.

    :param test: share of the listens that are tested on; another ``valid`` are validated on.
    """
    draw = stream(seed, "held-out listens").random(len(listens))
    label = np.where(draw < test, TEST, np.where(draw < test + valid, VALID, TRAIN))
    return Parts(label.astype(np.uint8), None)
