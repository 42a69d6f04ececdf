"""Which groups of users listen to which clusters of songs (figure 3 of the MM-GNN paper)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from hetmusic.report.data import FigureData, Table
from hetmusic.report.drawing import clean, sheet
from hetmusic.report.figure import FigureSpec
from hetmusic.report.groups import find_groups, group_matrix, histories
from hetmusic.report.map import Described

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hetmusic.report.source import RunSource
    from hetmusic.report.theme import Theme

#: differences beyond this factor are drawn alike
_MOST = 4.0


@dataclass(frozen=True, kw_only=True)
class HeatmapData(FigureData):
    """Shares of clusters in the listening of groups."""

    item_type: str
    #: in the order of their strongest clusters
    groups: list[Described]
    clusters: list[Described]
    #: mean share of each cluster in the training interactions of the users of a group, ``(groups, clusters)``
    share: NDArray[np.float64]
    #: the same for all users, ``(clusters,)``; nowhere 0
    expected: NDArray[np.float64]

    @property
    def strength(self) -> NDArray[np.float64]:
        """Share over the share for all users: 1 is as everybody."""
        return np.asarray(self.share / self.expected)

    def tables(self) -> list[Table]:
        """A line a group."""
        rows = [
            [clean(group.name, 60), f"{group.size:,}", *(f"{share:.1%}" for share in shares)]
            for group, shares in zip(self.groups, self.share, strict=True)
        ]
        rows.append(
            [
                "all",
                f"{sum(group.size for group in self.groups):,}",
                *(f"{share:.1%}" for share in self.expected),
            ]
        )
        header = ["group of users", "users", *(str(c.number) for c in self.clusters)]
        return [Table(f"share of clusters of {self.item_type}s in listening", header, rows)]


def collect(source: RunSource) -> HeatmapData:
    """Find groups of users, and count what they listen to.

    :raises NotAvailable: if there are too few users or items.
    """
    labels, groups, notes = find_groups(source)
    found = source.map
    number = len(found.clusters)
    shape = (source.run.info.num_items, number)
    belongs = sparse.csr_matrix(
        (np.ones(len(found.items)), (found.items, found.clustering.labels)), shape=shape
    )
    by_user = np.asarray((histories(source) @ belongs).todense())
    share = np.asarray(group_matrix(labels, len(groups)) @ by_user)
    expected = by_user[labels >= 0].mean(axis=0)
    heard = np.flatnonzero(expected > 0)
    share, expected = share[:, heard], expected[heard]
    strength = share / expected
    order = np.lexsort((-strength.max(axis=1), strength.argmax(axis=1)))
    unheard = [str(c.number) for c in found.clusters if c.number - 1 not in heard]
    left_out = (
        (f"Without cluster {', '.join(unheard)}, which nobody listens to in training.",) if unheard else ()
    )
    return HeatmapData(
        notes=(*found.notes, *notes, *left_out),
        item_type=source.item_type,
        groups=[groups[group] for group in order],
        clusters=[found.clusters[cluster] for cluster in heard],
        share=share[order],
        expected=expected,
    )


def draw(data: HeatmapData, theme: Theme) -> Figure:
    """A row a group, a column a cluster, in each cell how many times as much as everybody."""
    from matplotlib.colors import Normalize

    rows, columns = data.share.shape
    figure = sheet(3.6 + 0.62 * columns, 2.6 + 0.42 * rows)
    axes = figure.subplots()
    strength = data.strength
    logs = np.log2(strength.clip(min=1e-9))
    limit = np.log2(_MOST)
    image = axes.imshow(logs, cmap=theme.diverging, norm=Normalize(-limit, limit), aspect="auto")
    for row, column in np.ndindex(rows, columns):
        color = "#ffffff" if abs(logs[row, column]) > 0.45 * limit else "#1b1f24"
        text = shortened(float(strength[row, column]))
        axes.text(column, row, text, ha="center", va="center", fontsize=8.5, color=color)
    axes.set_yticks(range(rows), [f"{clean(g.name, 34)} ({g.size:,})" for g in data.groups], fontsize=8.5)
    labels = [f"{c.number}  {clean(c.name, 40)}" for c in data.clusters]
    axes.set_xticks(range(columns), labels, rotation=35, ha="right", rotation_mode="anchor", fontsize=8.5)
    axes.tick_params(length=0)
    axes.set_xlabel(f"cluster of {data.item_type}s")
    axes.set_ylabel("group of users")
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=theme.background, linewidth=1.5)
    axes.tick_params(which="minor", length=0)
    bar = figure.colorbar(image, ax=axes, ticks=[-2, -1, 0, 1, 2], shrink=0.8, pad=0.02)
    bar.ax.set_yticklabels(["¼ or less", "½", "as all users", "2 times", "4 or more"], fontsize=8)
    bar.outline.set_visible(False)
    return figure


def shortened(value: float) -> str:
    """A factor in three characters or so."""
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"


FIGURE = FigureSpec(
    name="heatmap",
    title="Who listens to what",
    caption="How many times as much of each cluster the users of a group have in their training interactions as all users "
    "do. Groups of users are clusters of their learned vectors by k-means; groups and clusters are named by the genres and "
    "emotions that they have more of than the whole.",
    needs=frozenset({"run"}),
    collect=collect,
    draw=draw,
)
