"""What the lists are made of: popular items and rare ones, how much of the catalogue, how evenly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hetmusic.evaluation.beyond import gini, novelty, self_information
from hetmusic.report.data import FigureData, Table
from hetmusic.report.drawing import bars, sheet, upright
from hetmusic.report.figure import FigureSpec
from hetmusic.report.intervals import HOW, mean_interval, ratio_interval, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hetmusic.report.source import RunSource
    from hetmusic.report.theme import Theme

#: at most so many groups of items
MAX_GROUPS = 9


@dataclass(frozen=True, kw_only=True)
class PopularityData(FigureData):
    """Groups of items by number of listeners in training, ascending, and what becomes of them."""

    item_type: str
    k: int
    #: fewest and most listeners of each group; the last one is open upwards
    fewest: list[int]
    most: list[int]
    num_items: list[int]
    #: shares of each group in the catalogue, the training interactions and the lists; each sums to 1
    of_catalogue: list[float]
    of_training: list[float]
    of_lists: list[float]
    #: held-out interactions of each group; what share of them the lists find, and the ends of its interval
    held_out: list[int]
    recall: list[float]
    recall_low: list[float]
    recall_high: list[float]
    #: over all lists; ``novelty`` and its interval in bits, beside that of training interactions
    coverage: float
    novelty: list[float]
    training_novelty: float
    gini: float
    training_gini: float

    @property
    def labels(self) -> list[str]:
        """The groups in words, e.g. ``8–15``."""
        return [f"{a:,}" if a == b else f"{a:,}–{b:,}" for a, b in zip(self.fewest, self.most, strict=True)]

    def tables(self) -> list[Table]:
        """A line a group, and what the lists are like as a whole."""
        groups = [
            [label, f"{count:,}", *(f"{share:.1%}" for share in shares), f"{held:,}", shown(*ends)]
            for label, count, held, *rest in zip(
                self.labels, self.num_items, self.held_out, self.of_catalogue, self.of_training, self.of_lists,
                self.recall, self.recall_low, self.recall_high, strict=True,
            )
            for shares, ends in [(rest[:3], rest[3:])]
        ]  # fmt: skip
        header = [
            "listeners",
            f"{self.item_type}s",
            "of catalogue",
            "of training",
            "of lists",
            "held out",
            f"recall@{self.k}",
        ]
        whole = [
            [f"coverage@{self.k}", f"{self.coverage:.4f}", "–"],
            [
                f"novelty@{self.k}, bits",
                shown(self.novelty[0], self.novelty[1], self.novelty[2], 2),
                f"{self.training_novelty:.2f}",
            ],
            [f"Gini index@{self.k}", f"{self.gini:.4f}", f"{self.training_gini:.4f}"],
        ]
        return [
            Table(f"{self.item_type}s by listeners in training", header, groups),
            Table("all lists together", ["", "lists", "training"], whole),
        ]


def bounds(most: int, groups: int = MAX_GROUPS) -> list[int]:
    """Fewest listeners of each group: 0, 1, 2, 4, 8, ... up to ``most``; the widest powers that fit.

    :param most: listeners of the most popular item.
    """
    found = [0, 1]
    factor = 2
    while factor < 1 << 60:
        found = [0, 1]
        while found[-1] * factor <= most:
            found.append(found[-1] * factor)
        if len(found) <= groups:
            break
        factor *= 2
    return found if most else [0]


def collect(source: RunSource) -> PopularityData:
    """Count items, training interactions and places of lists by how popular the items are."""
    lists, k, seed = source.lists, source.settings.k, source.settings.seed
    listeners, candidates = source.listeners, source.candidates
    starts = bounds(int(listeners[candidates].max()))
    group = np.searchsorted(starts, listeners, side="right") - 1
    used = np.unique(group[candidates])
    items = lists.items[:, :k]
    recommended = np.bincount(items[items >= 0], minlength=len(listeners))
    hits, wanted = _by_group(source, group, len(starts))
    recall, low, high = (part[used].tolist() for part in ratio_interval(hits, wanted, seed))
    information = self_information(listeners, source.run.info.num_users)
    per_list = novelty(items, information)
    inside = [candidates[group[candidates] == number] for number in used]
    return PopularityData(
        notes=(f"Lists of {k} {source.item_type}s; {HOW}.",),
        item_type=source.item_type,
        k=k,
        fewest=[int(listeners[found].min()) for found in inside],
        most=[int(listeners[found].max()) for found in inside],
        num_items=[len(found) for found in inside],
        of_catalogue=_shares(np.ones_like(listeners), inside),
        of_training=_shares(listeners, inside),
        of_lists=_shares(recommended, inside),
        held_out=wanted.sum(axis=0)[used].astype(int).tolist(),
        recall=recall,
        recall_low=low,
        recall_high=high,
        coverage=float((recommended > 0).sum() / lists.num_candidates),
        novelty=[float(part[0]) for part in mean_interval(per_list[np.isfinite(per_list)][:, None], seed)],
        training_novelty=float((listeners * information).sum() / listeners.sum()),
        gini=gini(recommended[candidates]),
        training_gini=gini(listeners[candidates]),
    )


def _by_group(
    source: RunSource, group: NDArray[np.int64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Hits in each list, and what was to be found, by group: each ``(num_users, count)``."""
    lists, k = source.lists, source.settings.k
    rows, places = np.nonzero(lists.judged.hits[:, :k])
    shape = (len(lists.users), count)
    hits, wanted = np.zeros(shape), np.zeros(shape)
    np.add.at(hits, (rows, group[lists.items[rows, places]]), 1)
    users, found = lists.held_out.pairs(lists.users)
    np.add.at(wanted, (users, group[found]), 1)
    return hits, wanted


def _shares(counts: NDArray[np.int64], groups: list[NDArray[np.int32]]) -> list[float]:
    sums = np.array([counts[group].sum() for group in groups], dtype=float)
    return [float(share) for share in sums / max(sums.sum(), 1)]


def draw(data: PopularityData, theme: Theme) -> Figure:
    """Shares on the left, recall on the right."""
    figure = sheet(9.0, 3.3)
    left, right = figure.subplots(1, 2)
    places = np.arange(len(data.labels))
    kinds = [
        (f"of the {data.item_type}s", data.of_catalogue, theme.bar),
        ("of training interactions", data.of_training, theme.categories[1]),
        ("of recommendations", data.of_lists, theme.categories[0]),
    ]
    for shift, (label, shares, color) in zip((-0.27, 0, 0.27), kinds, strict=True):
        left.bar(places + shift, np.array(shares) * 100, width=0.25, label=label, color=color)
    left.set(title="Share, %", xlabel="listeners in training")
    left.legend(fontsize=8)
    upright(left, places.tolist(), data.labels, 7.5)
    left.set_ylim(top=left.get_ylim()[1] * 1.12)
    bars(right, theme, [data.recall, data.recall_low, data.recall_high])
    right.set(title=f"Held-out interactions found, recall@{data.k}", xlabel="listeners in training")
    upright(right, places.tolist(), data.labels, 7.5)
    return figure


FIGURE = FigureSpec(
    name="popularity",
    title="By popularity",
    caption="Items in groups by their number of listeners in training. Left: what each group is in the catalogue, in what "
    "was listened to and in the lists. Right: how much of what was held out of each group the lists find.",
    needs=frozenset({"run"}),
    collect=collect,
    draw=draw,
)
