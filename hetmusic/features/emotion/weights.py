"""The sources of a song's emotion, and how much each counts."""

from __future__ import annotations

import math
from collections.abc import Mapping

from hetmusic.errors import FeatureError, did_you_mean
from hetmusic.features.emotion.pairs import parse_pairs

#: what each source counts by default; people who name an emotion know it better than a program that guesses
DEFAULT_WEIGHTS: Mapping[str, float] = {"lyrics": 1.0, "sound": 1.0, "tags": 2.0}
#: what a weight looks like
FORM = "lyrics=1"


def parse_weights(text: str) -> dict[str, float]:
    """Read ``lyrics=1,sound=0.5``; sources that are not named keep their default.

    :raises FeatureError: naming what is wrong.
    """
    found = {}
    for name, number in parse_pairs(text, "emotion weights", FORM).items():
        try:
            found[name] = float(number)
        except ValueError:
            raise FeatureError(
                f"emotion weights {text!r}: {name}={number} is not of the form {FORM}"
            ) from None
    return check_weights(found)


def check_weights(weights: Mapping[str, float]) -> dict[str, float]:
    """Complete weights by the defaults.

    :raises FeatureError: for an unknown source, a weight that is not a number from 0 on, or if all are 0.
    """
    for name, weight in weights.items():
        if name not in DEFAULT_WEIGHTS:
            raise FeatureError(
                f"emotion weights: there is no source {name!r}{did_you_mean(name, DEFAULT_WEIGHTS)}; "
                f"known: {', '.join(DEFAULT_WEIGHTS)}"
            )
        if not (math.isfinite(weight) and weight >= 0):
            raise FeatureError(f"emotion weights: {name} has {weight:g}, which is not a number from 0 on")
    whole = {**DEFAULT_WEIGHTS, **weights}
    if not any(whole.values()):
        raise FeatureError("emotion weights: all are 0, so nothing counts")
    return whole
