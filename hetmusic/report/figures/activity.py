"""For whom the lists are good: users who have listened to little, and to much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hetmusic.report.data import FigureData, Table
from hetmusic.report.drawing import bars, sheet, upright
from hetmusic.report.figure import FigureSpec
from hetmusic.report.intervals import HOW, mean_interval, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hetmusic.report.source import RunSource
    from hetmusic.report.theme import Theme

#: groups of about equal size
GROUPS = 5
METRICS = ("ndcg", "recall")
#: a group with less than this share of the users joins its neighbour
_LEAST = 0.01


@dataclass(frozen=True, kw_only=True)
class ActivityData(FigureData):
    """A metric's mean for every group of users."""

    #: e.g. ``ndcg@10``
    metrics: list[str]
    #: fewest and most training interactions in each group, ascending
    fewest: list[int]
    most: list[int]
    num_users: list[int]
    #: ``means[metric][group]`` and the ends of the intervals
    means: list[list[float]]
    low: list[list[float]]
    high: list[list[float]]

    @property
    def labels(self) -> list[str]:
        """The groups in words, e.g. ``12–30``."""
        return [f"{a:,}" if a == b else f"{a:,}–{b:,}" for a, b in zip(self.fewest, self.most, strict=True)]

    def tables(self) -> list[Table]:
        """A line a group."""
        rows = []
        for number, (label, count) in enumerate(zip(self.labels, self.num_users, strict=True)):
            ends = [
                shown(m[number], a[number], b[number])
                for m, a, b in zip(self.means, self.low, self.high, strict=True)
            ]
            rows.append([label, f"{count:,}", *ends])
        return [Table("users by training interactions", ["interactions", "users", *self.metrics], rows)]


def quantile_groups(values: NDArray[np.int64], groups: int) -> NDArray[np.int64]:
    """Number of the group of each value: groups of about equal size, ascending, that no value is divided between.

    :return: shape of ``values``; the numbers 0, 1, ... are all used, perhaps fewer than ``groups``.
    """
    distinct, counts = np.unique(values, return_counts=True)
    below = counts.cumsum()[:-1]  # so many values are below each place where they can be cut
    wanted = len(values) * np.arange(1, groups) / groups
    cuts = sorted({int(np.abs(below - size).argmin()) for size in wanted} if len(below) else ())
    while len(cuts) > 1:
        sizes = np.diff([0, *below[cuts], len(values)])
        if sizes.min() >= _LEAST * len(values):
            break
        smallest = int(sizes.argmin())
        del cuts[min(smallest, len(cuts) - 1)]
    return np.searchsorted(distinct[cuts], values)


def collect(source: RunSource) -> ActivityData:
    """Divide the evaluated users by what training has of them."""
    lists, k = source.lists, source.settings.k
    activity = source.activity[lists.users]
    group = quantile_groups(activity, GROUPS)
    per_user = lists.evaluation(METRICS, [k]).per_user
    columns = np.stack([per_user[f"{name}@{k}"] for name in METRICS], axis=1)
    inside = [group == number for number in range(group.max() + 1)]
    found = np.stack([mean_interval(columns[chosen], source.settings.seed) for chosen in inside])
    mean, low, high = found.transpose(1, 2, 0).tolist()
    return ActivityData(
        notes=(f"{HOW}. Numbers below the groups are training interactions and users.",),
        metrics=[f"{name}@{k}" for name in METRICS],
        fewest=[int(activity[chosen].min()) for chosen in inside],
        most=[int(activity[chosen].max()) for chosen in inside],
        num_users=[int(chosen.sum()) for chosen in inside],
        means=mean,
        low=low,
        high=high,
    )


def draw(data: ActivityData, theme: Theme) -> Figure:
    """A panel a metric, a bar a group."""
    figure = sheet(8.0, 3.0)
    labels = [f"{label}\n{count:,} users" for label, count in zip(data.labels, data.num_users, strict=True)]
    panels = figure.subplots(1, len(data.metrics), squeeze=False)[0]
    for axes, name, *found in zip(panels, data.metrics, data.means, data.low, data.high, strict=True):
        bars(axes, theme, found)
        axes.set_title(name)
        upright(axes, range(len(labels)), labels, 7.5)
    return figure


FIGURE = FigureSpec(
    name="activity",
    title="By user activity",
    caption="Quality of the lists for users of whom training has few and many interactions, in groups of about equal size.",
    needs=frozenset({"run"}),
    collect=collect,
    draw=draw,
)
