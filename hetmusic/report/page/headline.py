"""The numbers that a report of a run begins with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hetmusic.report.page.blocks import Block, Card, Cards, Notes, metric_name

if TYPE_CHECKING:
    from hetmusic.report.figures.metrics import MetricsData

#: metrics by name, the most telling first
_METRICS = ("ndcg", "recall")
#: lengths of lists: the shown one that is nearest to each
_LENGTHS = (10, 50)


def headline(found: MetricsData) -> list[Block]:
    """NDCG and recall of short and of long lists with their intervals, and how they were measured."""
    lengths = dict.fromkeys(min(found.ks, key=lambda k: abs(k - wanted)) for wanted in _LENGTHS)
    cards = [_card(found, name, k) for k in lengths for name in _METRICS if name in found.metrics]
    masked = "nothing" if found.mask == "none" else found.mask.replace("+", " and ")
    protocol = (
        f"Means over the {found.num_users:,} users with {found.part} interactions, and 95 % intervals by bootstrap. "
        f"Each list is drawn from all {found.num_items:,} candidates but the user's own in {masked}."
    )
    return [Cards(cards), Notes([protocol])]


def _card(found: MetricsData, name: str, k: int) -> Card:
    at = found.metrics.index(name), found.ks.index(k)
    mean, low, high = (values[at[0]][at[1]] for values in (found.means, found.low, found.high))
    ends = f"{low:.4f} to {high:.4f}" if math.isfinite(low) and math.isfinite(high) else ""
    return Card(metric_name(f"{name}@{k}"), f"{mean:.4f}", ends)
