"""Recommendations as text: an aligned table for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from hetmusic._printable import one_line
from hetmusic.recommend.recommendation import Recommendation

Lists = Mapping[str, Sequence[Recommendation]]


def render_table(lists: Lists) -> str:
    """One block a user: a heading, then rank, score, key and name of every item.

    The name comes last because its width on screen is unknown (many scripts have wide characters).
    """
    return "\n\n".join(_block(user, items) for user, items in lists.items())


def _block(user: str, items: Sequence[Recommendation]) -> str:
    if not items:
        return f"user {one_line(user)}: nothing left to recommend"
    rows = [(item.rank, item.score, item.item_key, item.name) for item in items]
    return "\n".join([f"user {one_line(user)}", *ranked_lines("score", rows)])


def ranked_lines(value: str, rows: Sequence[tuple[int, float, str, str]]) -> list[str]:
    """Lay out a ranking under its header.

    :param value: heading of the numbers.
    :param rows: rank, number, key and name.
    """
    keys = [one_line(key) for _, _, key, _ in rows]
    width = max(len("key"), *map(len, keys))
    lines = [f"{'rank':>4}  {value:>10}  {'key':<{width}}  name"]
    for key, (rank, number, _, name) in zip(keys, rows, strict=True):
        lines.append(f"{rank:>4}  {number:>10.4f}  {key:<{width}}  {one_line(name)}")
    return lines


def render_json(lists: Lists) -> str:
    """A JSON array in the order of the users: ``[{"user": ..., "recommendations": [{"rank": 1, ...}]}]``."""
    value = [
        {"user": user, "recommendations": [asdict(item) for item in items]} for user, items in lists.items()
    ]
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
