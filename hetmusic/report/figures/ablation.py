"""What each component of the model is worth (figure 4 of the MM-GNN paper)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hetmusic.report.drawing import sheet
from hetmusic.report.figure import FigureSpec
from hetmusic.report.results import ResultData, collect_rows, draw_means, draw_relative, longest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hetmusic.report.source import ResultSource
    from hetmusic.report.theme import Theme


def collect(source: ResultSource) -> ResultData:
    """Read the rows, in recall and NDCG of lists of 50, or of the longest that were measured."""
    k = longest(source)
    return collect_rows(source, [f"recall@{k}", f"ndcg@{k}"])


def draw(data: ResultData, theme: Theme) -> Figure:
    """Three panels over the same rows."""
    figure = sheet(10.5, 1.3 + 0.36 * len(data.labels))
    first, second, third = figure.subplots(1, 3, sharey=True)
    draw_means(first, data, 0, f"(a) {data.metrics[0]}", theme)
    draw_means(second, data, 1, f"(b) {data.metrics[1]}", theme)
    draw_relative(third, data, "(c) Loss without it", theme, sign=-1)
    return figure


FIGURE = FigureSpec(
    name="ablation",
    title="Ablation",
    caption="The full model, and the model without each component or on each control. (a) and (b): means over seeds, with "
    "the standard deviation over seeds. (c): how much each loses against the full model, in percent, with 95 % intervals by "
    "bootstrap over users.",
    needs=frozenset({"ablation"}),
    collect=collect,
    draw=draw,
)
