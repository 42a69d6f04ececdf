"""Songs in the plane of what has been learned of them (figure 2 of the MM-GNN paper)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hetmusic.report.data import FigureData, Table
from hetmusic.report.drawing import clean, sheet
from hetmusic.report.figure import FigureSpec
from hetmusic.report.map import Described
from hetmusic.report.projection import plane

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hetmusic.report.source import RunSource
    from hetmusic.report.theme import Theme


@dataclass(frozen=True, kw_only=True)
class ClustersData(FigureData):
    """Points and their clusters."""

    item_type: str
    #: indices of the items that are shown, shape ``(n,)``
    items: NDArray[np.int64]
    #: places in the plane, shape ``(n,)``
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    #: place of each item's cluster in :attr:`clusters`, shape ``(n,)``
    cluster: NDArray[np.int64]
    clusters: list[Described]
    #: where each cluster's centre is: at the item nearest to it
    centre_x: list[float]
    centre_y: list[float]

    def tables(self) -> list[Table]:
        """A line a cluster."""
        rows = [
            [str(c.number), clean(c.name, 60), f"{c.size:,}", clean(", ".join(c.items[:3]), 90)]
            for c in self.clusters
        ]
        return [
            Table(
                f"clusters of {self.item_type}s",
                ["cluster", "typical", f"{self.item_type}s", "nearest to its centre"],
                rows,
            )
        ]


def collect(source: RunSource) -> ClustersData:
    """Cluster all items, and place them, or a sample of them, in the plane.

    :raises NotAvailable: if there are too few.
    """
    found = source.map
    rows, notes = _shown(len(found.items), found.nearest, source)
    places = plane(source, found.vectors[rows])
    where = {int(row): place for place, row in enumerate(rows)}
    centres = [places[where[row]] for row in found.nearest]
    return ClustersData(
        notes=(*found.notes, *notes),
        item_type=source.item_type,
        items=found.items[rows],
        x=places[:, 0],
        y=places[:, 1],
        cluster=found.clustering.labels[rows],
        clusters=found.clusters,
        centre_x=[float(centre[0]) for centre in centres],
        centre_y=[float(centre[1]) for centre in centres],
    )


def _shown(count: int, needed: list[int], source: RunSource) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Rows to place: all, or a sample with those that must be in it."""
    most = max(source.settings.max_points, len(needed))
    if count <= most:
        return np.arange(count), ()
    must = np.unique(needed)
    others = np.setdiff1d(np.arange(count), must)
    drawn = np.random.default_rng(source.settings.seed).choice(others, most - len(must), replace=False)
    note = f"Shown is a random sample of {most:,} of {count:,} {source.item_type}s; clusters are of all."
    return np.union1d(must, drawn), (note,)


def draw(data: ClustersData, theme: Theme) -> Figure:
    """Points in colours, centres as crosses with numbers, and names beside."""
    from matplotlib.lines import Line2D
    from matplotlib.patheffects import withStroke

    figure = sheet(10.0, 6.6)
    axes = figure.subplots()
    colors = np.array([theme.category(number) for number in range(len(data.clusters))])
    order = np.random.default_rng(0).permutation(len(data.x))  # no cluster lies on top of the others
    size = float(np.clip(18_000 / max(len(data.x), 1), 3, 40))
    axes.scatter(
        data.x[order],
        data.y[order],
        s=size,
        c=colors[data.cluster[order]],
        alpha=0.75 if len(data.x) > 500 else 0.9,
        linewidths=0,
        rasterized=len(data.x) > 1_000,
    )
    outline = [withStroke(linewidth=3, foreground=theme.background)]
    axes.scatter(
        data.centre_x,
        data.centre_y,
        marker="x",
        s=70,
        color=theme.text,
        linewidths=2.2,
        path_effects=outline,
        zorder=4,
    )
    for described, x, y in zip(data.clusters, data.centre_x, data.centre_y, strict=True):
        axes.annotate(
            str(described.number),
            (x, y),
            xytext=(6, 5),
            textcoords="offset points",
            fontweight="bold",
            fontsize=11,
            path_effects=outline,
            zorder=5,
        )
    axes.set(xticks=[], yticks=[])
    axes.margins(0.03)
    for spine in axes.spines.values():
        spine.set_visible(False)
    handles = [
        Line2D(
            [],
            [],
            marker="o",
            linestyle="",
            markersize=7,
            color=color,
            label=f"{c.number}  {clean(c.name, 38)} ({c.size:,})",
        )
        for color, c in zip(colors, data.clusters, strict=True)
    ]
    handles.append(
        Line2D([], [], marker="x", linestyle="", markersize=7, color=theme.text, label="centre of a cluster")
    )
    columns = 1 if len(handles) <= 31 else 2
    figure.legend(
        handles=handles, loc="outside right center", fontsize=8.5 if len(handles) < 25 else 6.5, ncols=columns
    )
    return figure


FIGURE = FigureSpec(
    name="clusters",
    title="Clusters",
    caption="Learned vectors placed in the plane by t-SNE, so that what is alike is near. Colours are clusters by k-means "
    "of the vectors themselves, the largest first, named by the genres and emotions that they have more of than the whole; "
    "a cross marks the one nearest to each cluster's centre.",
    needs=frozenset({"run"}),
    collect=collect,
    draw=draw,
)
