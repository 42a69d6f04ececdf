"""Whether lists have the genres of their users' histories in proportion (Steck 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from hetmusic.evaluation.beyond import ALPHA, miscalibration
from hetmusic.ranking import SeenItems, top_k
from hetmusic.report.data import FigureData, Table
from hetmusic.report.drawing import clean, sheet
from hetmusic.report.errors import NotAvailable
from hetmusic.report.figure import FigureSpec
from hetmusic.report.intervals import mean_interval, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hetmusic.report.source import RunSource
    from hetmusic.report.theme import Theme

#: genres that are drawn
MAX_GENRES = 15
#: bars of the histogram
BINS = 30


@dataclass(frozen=True, kw_only=True)
class CalibrationData(FigureData):
    """Genres of histories and of lists, and how far each user's two are apart."""

    k: int
    #: the largest in the histories, and their shares: means over users
    genres: list[str]
    history: list[float]
    lists: list[float]
    #: divergence of every user's list, in nats, and of a list of the most popular items instead
    divergence: NDArray[np.float64]
    popular: NDArray[np.float64]
    #: mean and ends of its interval, of either
    mean: list[float]
    popular_mean: list[float]

    def tables(self) -> list[Table]:
        """The divergences, and a line a genre."""
        rows = [
            [clean(genre), f"{a:.1%}", f"{b:.1%}", f"{100 * (b - a):+.1f}"]
            for genre, a, b in zip(self.genres, self.history, self.lists, strict=True)
        ]
        means = [
            [what, shown(found[0], found[1], found[2])]
            for what, found in (("lists", self.mean), ("most popular items", self.popular_mean))
        ]
        return [
            Table(f"miscalibration@{self.k}, mean over {len(self.divergence):,} users", ["", "nats"], means),
            Table("share of genres", ["genre", "history", "lists", "points"], rows),
        ]


class _Popular:
    """The same order for everyone."""

    def __init__(self, listeners: NDArray[np.int64]) -> None:
        self._scores = listeners.astype(np.float32)

    @property
    def num_items(self) -> int:
        return len(self._scores)

    def scores(self, users: NDArray[np.int64], start: int, stop: int) -> NDArray[np.float32]:
        return np.repeat(self._scores[None, start:stop], len(users), axis=0)


def collect(source: RunSource) -> CalibrationData:
    """Compare the genres of training histories with those of the lists.

    :raises NotAvailable: if the graph has no genres of items, or no user has both a history and a list with some.
    """
    genres, k, lists = source.genres, source.settings.k, source.lists
    if genres is None:
        raise NotAvailable(f"graph {source.graph.name} has no genres of {source.item_type}s")
    run = source.run
    seen = SeenItems.from_edges(
        [getattr(run.split, part) for part in lists.mask.split("+")],
        num_users=run.info.num_users,
        num_items=run.info.num_items,
    )
    popular, _ = top_k(_Popular(source.listeners), lists.users, k, seen, run.split.items)
    shares = genres.shares
    wanted = _mean_shares(_histories(source), shares)
    given = _mean_shares(_incidence(lists.items[:, :k], genres.weights.shape[0]), shares)
    found = miscalibration(wanted, given)
    other = miscalibration(wanted, _mean_shares(_incidence(popular, genres.weights.shape[0]), shares))
    known = np.isfinite(found) & np.isfinite(other)
    if not known.any():
        raise NotAvailable(f"no user has genres in the history and in the list, which {int(genres.known.sum()):,} "
                           f"{source.item_type}s have")  # fmt: skip
    mean_wanted, mean_given = wanted[known].mean(axis=0), given[known].mean(axis=0)
    largest = np.argsort(-mean_wanted, kind="stable")[:MAX_GENRES]
    largest = largest[mean_wanted[largest] > 0]
    means = np.stack(
        mean_interval(np.stack([found[known], other[known]], axis=1), source.settings.seed), axis=1
    )
    between = "" if genres.through is None else f", which have those of their {genres.through}s"
    return CalibrationData(
        notes=(
            f"Means over {int(known.sum()):,} of {len(known):,} users: those with genres in history and list. "
            f"{int(genres.known.sum()):,} of {len(genres.known):,} {source.item_type}s have genres{between}. "
            f"Kullback-Leibler divergence with alpha = {ALPHA}; 0 is in proportion.",
        ),
        k=k,
        genres=[genres.names[genre] for genre in largest],
        history=mean_wanted[largest].tolist(),
        lists=mean_given[largest].tolist(),
        divergence=found[known],
        popular=other[known],
        mean=means[0].tolist(),
        popular_mean=means[1].tolist(),
    )


def _histories(source: RunSource) -> sparse.csr_matrix:
    """Training items of the evaluated users, ``(num_users, num_items)``; each counts once."""
    train, info = source.run.split.train, source.run.info
    shape = (info.num_users, info.num_items)
    return sparse.csr_matrix((np.ones(len(train)), (train.src, train.dst)), shape=shape)[source.lists.users]


def _incidence(items: NDArray[np.int32], num_items: int) -> sparse.csr_matrix:
    rows, places = np.nonzero(items >= 0)
    return sparse.csr_matrix((np.ones(len(rows)), (rows, items[rows, places])), shape=(len(items), num_items))


def _mean_shares(items: sparse.csr_matrix, shares: sparse.csr_matrix) -> NDArray[np.float64]:
    """Genres of sets of items: means over the items that have any, rows that sum to 1 or are zero."""
    total = np.asarray((items @ shares).todense())
    size = total.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(total, size, out=np.zeros_like(total), where=size > 0))


def draw(data: CalibrationData, theme: Theme) -> Figure:
    """Genres on the left, divergences on the right."""
    figure = sheet(9.0, 4.2)
    left, right = figure.subplots(1, 2, width_ratios=[1.15, 1])
    places = np.arange(len(data.genres))
    left.barh(places - 0.2, np.array(data.history) * 100, 0.38, label="history", color=theme.categories[1])
    left.barh(
        places + 0.2, np.array(data.lists) * 100, 0.38, label="recommendations", color=theme.categories[0]
    )
    left.set_yticks(places, [clean(genre, 24) for genre in data.genres], fontsize=8.5)
    left.invert_yaxis()
    left.tick_params(axis="y", length=0)
    left.grid(axis="x")
    left.set(title="Share of genres, %, mean over users")
    left.legend(fontsize=8.5, loc="lower right")
    top = float(max(np.quantile(data.divergence, 0.995), np.quantile(data.popular, 0.995), 0.05))
    edges = np.linspace(0, top, BINS + 1)
    for values, label, mean, color, style in (
        (data.popular, "most popular", data.popular_mean[0], theme.muted, "--"),
        (data.divergence, "recommendations", data.mean[0], theme.categories[0], "-"),
    ):
        kept = values.clip(max=top)
        right.hist(kept, edges, histtype="stepfilled", color=color, alpha=0.35)
        right.hist(kept, edges, histtype="step", color=color, linewidth=1.4)
        right.axvline(mean, color=color, linestyle=style, linewidth=1.6, label=f"{label}: mean {mean:.3f}")
    right.set(
        title="Users by divergence from their history", xlabel=f"nats, lists of {data.k}", ylabel="users"
    )
    right.grid(axis="y")
    right.legend(fontsize=8.5)
    right.set_xlim(0, top)
    right.set_ylim(top=right.get_ylim()[1] * 1.18)
    return figure


FIGURE = FigureSpec(
    name="calibration",
    title="Genre calibration",
    caption="Left: genres of what users listened to in training and of what is recommended to them. Right: how far each "
    "user's list is from the genres of the history, beside that of a list of the most popular items.",
    needs=frozenset({"run"}),
    collect=collect,
    draw=draw,
)
