"""Rows of a comparison or ablation as figures need them: two metrics, and what each row loses or gains in them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hetmusic.errors import RunError
from hetmusic.experiments.tables import cost_table, heading, metric_keys, metrics_table, problems, tests_table
from hetmusic.report.data import FigureData, Table
from hetmusic.report.drawing import clean, errors
from hetmusic.report.errors import NotAvailable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hetmusic.report.source import ResultSource
    from hetmusic.report.theme import Theme


@dataclass(frozen=True, kw_only=True)
class ResultData(FigureData):
    """What was measured of every row that has results."""

    labels: list[str]
    #: the row that all others are tested against; None if it has no results
    reference: str | None
    #: e.g. ``recall@50``
    metrics: list[str]
    #: ``means[metric][row]``; the sd is over seeds, NaN for one seed
    means: list[list[float]]
    sds: list[list[float]]
    #: relative difference from the reference and the ends of its interval, as shares; NaN where there is none
    relative: list[list[float]]
    low: list[list[float]]
    high: list[list[float]]
    num_seeds: int
    cells: list[Table]

    def tables(self) -> list[Table]:
        """Those that the command prints."""
        return self.cells


def collect_rows(source: ResultSource, metrics: list[str]) -> ResultData:
    """Read the rows that have results.

    :param metrics: two that every row has; the summary tests each of them.
    :raises NotAvailable: if no row has results.
    :raises RunError: if a row is damaged.
    """
    summary = source.summary
    done = [row for row in summary.rows if row["metrics"]]
    if not done:
        raise NotAvailable(
            f"no row of {source.path} has results: {'; '.join(problems(summary)) or 'nothing was run'}"
        )
    try:
        found = [[_measured(row, key) for row in done] for key in metrics]
        keys = metric_keys(summary)
        tested = [table for key in keys[:2] if (table := tests_table(summary, key)) is not None]
        cells = [metrics_table(summary, keys), *tested, cost_table(summary)]
    except (KeyError, TypeError, ValueError) as problem:
        where = f"{type(problem).__name__}: {problem}"
        raise RunError(
            f"the results of {source.path} are damaged: {where}; run the same command again"
        ) from None
    means, sds, relative, low, high = ([[row[part] for row in rows] for rows in found] for part in range(5))
    return ResultData(
        notes=(f"{heading(summary)}.", *(f"Without all results: {line}." for line in problems(summary))),
        labels=[row["label"] for row in done],
        reference=summary.reference,
        metrics=metrics,
        means=means,
        sds=sds,
        relative=relative,
        low=low,
        high=high,
        num_seeds=len(summary.about["seeds"]),
        cells=cells,
    )


def _measured(row: dict[str, Any], key: str) -> list[float]:
    value, tested = row["metrics"][key], row["tests"].get(key, {})
    numbers = [value["mean"], value["sd"]]
    numbers += [tested.get(name) for name in ("relative", "relative_low", "relative_high")]
    return [math.nan if number is None else float(number) for number in numbers]


def longest(source: ResultSource, own: int = 50) -> int:
    """The paper's length of lists, if the results have it, else their longest."""
    ks = [int(k) for k in source.summary.about["ks"]]
    return own if own in ks else max(ks)


def draw_means(axes: Axes, data: ResultData, metric: int, title: str, theme: Theme) -> None:
    """Bars from left to right, one a row; the reference stands out."""
    means, sds = data.means[metric], data.sds[metric]
    colors = [theme.accent if label == data.reference else theme.bar for label in data.labels]
    axes.barh(range(len(means)), means, height=0.66, color=colors)
    lengths = errors(
        means,
        [m - s for m, s in zip(means, sds, strict=True)],
        [m + s for m, s in zip(means, sds, strict=True)],
    )
    axes.errorbar(
        means, range(len(means)), xerr=lengths, fmt="none", ecolor=theme.text, elinewidth=1.2, capsize=2.5
    )
    for place, (value, length) in enumerate(zip(means, lengths[1], strict=True)):
        axes.annotate(
            f"{value:.4f}",
            (value + length, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    axes.set_title(title)
    axes.grid(axis="x")
    axes.set_xlim(0, max(m + x for m, x in zip(means, lengths[1], strict=True)) * 1.28 or 1)
    rows(axes, data, theme)


def draw_relative(axes: Axes, data: ResultData, title: str, theme: Theme, sign: int = 1) -> None:
    """Points with intervals around zero, in percent, one a metric and row; a minus sign shows losses to the right."""
    axes.axvline(0, color=theme.muted, linewidth=1)
    colors = (theme.categories[0], theme.categories[6])
    for number, (name, color) in enumerate(zip(data.metrics, colors, strict=False)):
        ends = sorted if sign < 0 else list
        values = [100 * sign * value for value in data.relative[number]]
        spans = [
            ends([100 * sign * a, 100 * sign * b])
            for a, b in zip(data.low[number], data.high[number], strict=True)
        ]
        known = [i for i, value in enumerate(values) if math.isfinite(value)]
        where = [i + (number - 0.5) * 0.26 for i in known]
        kept = [values[i] for i in known]
        lengths = errors(kept, [spans[i][0] for i in known], [spans[i][1] for i in known])
        axes.errorbar(
            kept,
            where,
            xerr=lengths,
            fmt="os"[number],
            markersize=4.5,
            color=color,
            elinewidth=1.5,
            capsize=2.5,
            label=name,
        )
    axes.set_title(title)
    axes.set_xlabel("%")
    axes.grid(axis="x")
    axes.margins(x=0.1)
    rows(axes, data, theme)
    axes.legend(fontsize=8, loc="best")


def rows(axes: Axes, data: ResultData, theme: Theme) -> None:
    """The rows' names on the left, the first on top."""
    axes.set_yticks(range(len(data.labels)), [clean(label, 28) for label in data.labels], fontsize=8.5)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(data.labels) - 0.4, -0.6)
