"""The numbers that a report begins with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import SplitError
from hetmusic.evaluation.significance import bootstrap_means, interval

if TYPE_CHECKING:
    from hetmusic.evaluation import Evaluation
    from hetmusic.report.source import RunSource

_METRICS = ("ndcg@10", "recall@10", "ndcg@50", "recall@50", "coverage@10")
_LEVEL, _RESAMPLES = 0.95, 2_000


@dataclass(frozen=True)
class Value:
    """A mean over users, and its 95 % interval by bootstrap; empty where users do not have one."""

    mean: float
    interval: str


@dataclass(frozen=True)
class Headline:
    """The most telling metrics, and how they were measured."""

    values: dict[str, Value]
    protocol: str


def headline(source: RunSource) -> Headline | None:
    """Evaluate a run on its test part, or on its validation part if it has no other; None if it has neither."""
    found = _evaluation(source)
    if found is None:
        return None
    names = [name for name in _METRICS if name in found.values]
    tested = [name for name in names if name in found.per_user]
    means = bootstrap_means(_columns(found, tested), _RESAMPLES, source.settings.seed)
    low, high = interval(means, _LEVEL)
    ends = {name: f"{a:.4f} to {b:.4f}" for name, a, b in zip(tested, low, high, strict=True)}
    values = {name: Value(found.values[name], ends.get(name, "")) for name in names}
    masked = "nothing" if found.mask == "none" else found.mask.replace("+", " and ")
    protocol = (
        f"Means over {len(found.users):,} users of the {found.part} part; every one of {found.num_items:,} "
        f"{source.item_type}s is ranked but those in {masked}. Intervals: 95 %, by bootstrap over users."
    )
    return Headline(values, protocol)


def _evaluation(source: RunSource) -> Evaluation | None:
    for part in ("test", "valid"):
        try:
            return source.run.evaluate(part=part)
        except SplitError:
            continue
    return None


def _columns(found: Evaluation, names: list[str]) -> NDArray[np.float64]:
    return np.stack([found.per_user[name] for name in names], axis=1)
