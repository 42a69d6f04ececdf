"""Items that training knows no listener of, against the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hetmusic.evaluation import Lists
from hetmusic.ranking import RankedHits, UserItems, top_k
from hetmusic.report.data import FigureData, Table
from hetmusic.report.drawing import bars, sheet, upright
from hetmusic.report.errors import NotAvailable
from hetmusic.report.figure import FigureSpec
from hetmusic.report.intervals import HOW, ratio_interval, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hetmusic.report.source import RunSource
    from hetmusic.report.theme import Theme


@dataclass(frozen=True, kw_only=True)
class ColdWarmData(FigureData):
    """Recall of cold and warm items."""

    item_type: str
    ks: list[int]
    #: ``warm`` if anything of that kind was held out, ``cold``, and ``cold, ranked alone``
    kinds: list[str]
    #: candidates, and held-out interactions, of each kind
    num_items: list[int]
    held_out: list[int]
    #: ``recall[kind][k]`` and the ends of the intervals
    recall: list[list[float]]
    low: list[list[float]]
    high: list[list[float]]

    def tables(self) -> list[Table]:
        """A line a kind."""
        rows = [
            [kind, f"{count:,}", f"{held:,}", *(shown(*ends) for ends in zip(*found, strict=True))]
            for kind, count, held, *found in zip(
                self.kinds, self.num_items, self.held_out, self.recall, self.low, self.high, strict=True
            )
        ]
        header = ["", f"{self.item_type}s", "held out", *(f"recall@{k}" for k in self.ks)]
        return [Table("recall of cold and warm items", header, rows)]


def collect(source: RunSource) -> ColdWarmData:
    """Find the held-out interactions of cold items.

    :raises NotAvailable: if there are none.
    """
    lists, candidates = source.lists, source.candidates
    is_cold = source.listeners == 0
    cold = candidates[is_cold[candidates]]
    users, items = lists.held_out.pairs(lists.users)
    num_cold = int(is_cold[items].sum())
    if not num_cold:
        raise NotAvailable(
            f"none of the {len(items):,} {lists.part} interactions is of one of the {source.item_type}s without a "
            "listener in training"
        )
    among = _among(source, lists, cold, UserItems.from_pairs(
        lists.users[users[is_cold[items]]], items[is_cold[items]],
        num_users=source.run.info.num_users, num_items=source.run.info.num_items,
    ))  # fmt: skip
    in_cold = is_cold[lists.items]
    wanted = [
        np.bincount(users[is_cold[items] == kind], minlength=len(lists.users)) for kind in (False, True)
    ]
    kinds = [
        ("warm", len(candidates) - len(cold), lists.judged.hits & ~in_cold, wanted[0]),
        ("cold", len(cold), lists.judged.hits & in_cold, wanted[1]),
        ("cold, ranked alone", len(cold), among.hits, among.num_relevant),
    ]
    kinds = [kind for kind in kinds if kind[3].any()]
    found = [_recall(hits, to_find, source) for *_, hits, to_find in kinds]
    recall, low, high = np.stack(found).transpose(1, 0, 2).tolist()
    return ColdWarmData(
        notes=(
            f"Cold are the {len(cold):,} {source.item_type}s without a listener in training; “ranked alone” is without the "
            f"others. {num_cold:,} of {len(items):,} {lists.part} interactions are of cold ones; {HOW}.",
        ),
        item_type=source.item_type,
        ks=list(source.cutoffs),
        kinds=[kind[0] for kind in kinds],
        num_items=[kind[1] for kind in kinds],
        held_out=[int(kind[3].sum()) for kind in kinds],
        recall=recall,
        low=low,
        high=high,
    )


def _among(source: RunSource, lists: Lists, cold: NDArray[np.int32], held_out: UserItems) -> RankedHits:
    """Lists of cold items alone, for the users who have one to find. Nobody knows any in training; those of validation
    are left out where the lists leave them out."""
    run = source.run
    having = lists.users[held_out.counts(lists.users) > 0]
    seen = UserItems.from_edges(
        [run.split.valid] if "valid" in lists.mask else [],
        num_users=run.info.num_users,
        num_items=run.info.num_items,
    )
    items, _ = top_k(run.scorer, having, source.cutoffs[-1], seen, cold)
    return RankedHits.judge(items, having, held_out)


def _recall(hits: NDArray[np.bool_], wanted: NDArray[np.int64], source: RunSource) -> NDArray[np.float64]:
    """Share of all that was to be found: ratio, low and high, ``(3, num_ks)``."""
    having = wanted > 0
    found = np.stack([hits[having, :k].sum(axis=1) for k in source.cutoffs], axis=1).astype(float)
    whole = np.repeat(wanted[having, None].astype(float), len(source.cutoffs), axis=1)
    return np.stack(ratio_interval(found, whole, source.settings.seed))


def draw(data: ColdWarmData, theme: Theme) -> Figure:
    """Groups of bars, one for each length of lists."""
    figure = sheet(8.0, 3.2)
    axes = figure.subplots()
    colors = (theme.categories[6], theme.categories[0], theme.categories[9])[-len(data.kinds) :]
    places, width = np.arange(len(data.ks)), 0.84 / len(data.kinds)
    shifts = (np.arange(len(data.kinds)) - (len(data.kinds) - 1) / 2) * width
    for shift, color, *found in zip(shifts, colors, data.recall, data.low, data.high, strict=True):
        bars(axes, theme, found, color, (places + shift).tolist(), width * 0.93)
    labels = [f"{kind}: {held:,} held out" for kind, held in zip(data.kinds, data.held_out, strict=True)]
    from matplotlib.patches import Patch

    axes.legend(
        handles=[Patch(color=c, label=t) for c, t in zip(colors, labels, strict=True)],
        fontsize=8,
        loc="upper left",
    )
    axes.set_title("Share of held-out interactions found")
    upright(axes, places.tolist(), [f"recall@{k}" for k in data.ks], 9)
    return figure


FIGURE = FigureSpec(
    name="cold-warm",
    title="Cold and warm items",
    caption="How much of what was held out the lists find, for items with and without listeners in training.",
    needs=frozenset({"run"}),
    collect=collect,
    draw=draw,
)
