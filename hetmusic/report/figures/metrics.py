"""How good the lists of a run are: every metric at several lengths, with intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hetmusic.ranking import USER_METRICS
from hetmusic.report.data import FigureData, Table
from hetmusic.report.drawing import errors, sheet
from hetmusic.report.figure import FigureSpec
from hetmusic.report.intervals import HOW, mean_interval, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hetmusic.report.source import RunSource
    from hetmusic.report.theme import Theme


@dataclass(frozen=True, kw_only=True)
class MetricsData(FigureData):
    """Means over users."""

    metrics: list[str]
    ks: list[int]
    #: ``means[metric][k]``, by position, and the ends of the intervals
    means: list[list[float]]
    low: list[list[float]]
    high: list[list[float]]
    num_users: int
    num_items: int
    #: the part that was to be found, and those that were left out of the lists
    part: str
    mask: str

    def tables(self) -> list[Table]:
        """A line a metric."""
        rows = [
            [name, *(shown(*ends) for ends in zip(*of_metric, strict=True))]
            for name, *of_metric in zip(self.metrics, self.means, self.low, self.high, strict=True)
        ]
        title = f"{self.part} interactions, mean over {self.num_users:,} users"
        return [Table(title, ["metric", *(f"@{k}" for k in self.ks)], rows)]


def collect(source: RunSource) -> MetricsData:
    """Measure the run on its held-out part."""
    lists, ks = source.lists, source.cutoffs
    names = list(USER_METRICS)
    per_user = lists.evaluation(names, ks).per_user
    columns = np.stack([per_user[f"{name}@{k}"] for name in names for k in ks], axis=1)
    mean, low, high = (
        part.reshape(len(names), len(ks)).tolist() for part in mean_interval(columns, source.settings.seed)
    )
    masked = lists.mask.replace("+", " and ")
    return MetricsData(
        notes=(
            f"Full ranking of {lists.num_candidates:,} {source.item_type}s for {len(lists.users):,} users with {lists.part} "
            f"interactions, without their {masked} ones; {HOW}.",
        ),
        metrics=names,
        ks=list(ks),
        means=mean,
        low=low,
        high=high,
        num_users=len(lists.users),
        num_items=lists.num_candidates,
        part=lists.part,
        mask=lists.mask,
    )


def draw(data: MetricsData, theme: Theme) -> Figure:
    """A panel a metric; the lengths of the lists stand at equal distances."""
    figure = sheet(8.0, 4.4)
    panels = figure.subplots(2, math.ceil(len(data.metrics) / 2)).ravel()
    places = list(range(len(data.ks)))
    for axes, name, mean, low, high in zip(
        panels, data.metrics, data.means, data.low, data.high, strict=True
    ):
        axes.plot(places, mean, color=theme.accent, linewidth=1, alpha=0.5)
        axes.errorbar(
            places,
            mean,
            errors(mean, low, high),
            fmt="o",
            markersize=4.5,
            color=theme.accent,
            elinewidth=1.6,
            capsize=3,
        )
        for place, value, top in zip(places, mean, high, strict=True):
            axes.annotate(
                f"{value:.3f}",
                (place, top if math.isfinite(top) else value),
                xytext=(0, 4),
                textcoords="offset points",
                ha="center",
                fontsize=8,
            )
        axes.set_title(name)
        axes.set_xticks(places, [f"@{k}" for k in data.ks])
        axes.grid(axis="y")
        axes.margins(x=0.15)
        axes.set_ylim(0, max([value for value in high if math.isfinite(value)] + mean) * 1.2 or 1)
    return figure


FIGURE = FigureSpec(
    name="metrics",
    title="Quality of the lists",
    caption="Ranking metrics of lists of several lengths, means over users with intervals.",
    needs=frozenset({"run"}),
    collect=collect,
    draw=draw,
)
