"""Models against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hetmusic.report.drawing import clean, sheet
from hetmusic.report.figure import FigureSpec
from hetmusic.report.results import ResultData, collect_rows, draw_means, draw_relative

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hetmusic.report.source import ResultSource
    from hetmusic.report.theme import Theme


def collect(source: ResultSource) -> ResultData:
    """Read the rows, in NDCG and recall of lists as long as those of the metric that decided."""
    k = int(str(source.summary.about["metric"]).split("@")[1])
    return collect_rows(source, [f"ndcg@{k}", f"recall@{k}"])


def draw(data: ResultData, theme: Theme) -> Figure:
    """Three panels over the same rows; the third only if there is something to compare with."""
    tested = data.reference is not None and len(data.labels) > 1
    figure = sheet(10.5 if tested else 7.5, 1.3 + 0.36 * len(data.labels))
    panels = figure.subplots(1, 3 if tested else 2, sharey=True)
    draw_means(panels[0], data, 0, data.metrics[0], theme)
    draw_means(panels[1], data, 1, data.metrics[1], theme)
    if tested:
        draw_relative(panels[2], data, f"Difference from {clean(data.reference, 20)}", theme)
    return figure


FIGURE = FigureSpec(
    name="comparison",
    title="Comparison",
    caption="Models on the same splits: means over seeds, with the standard deviation over seeds, and differences from the "
    "highlighted one in percent, with 95 % intervals by bootstrap over users.",
    needs=frozenset({"comparison"}),
    collect=collect,
    draw=draw,
)
