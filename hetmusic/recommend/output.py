"""Recommendations as text: an aligned table for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from hetmusic.recommend.recommendation import Recommendation

Lists = Mapping[str, Sequence[Recommendation]]


def render_table(lists: Lists) -> str:
    """One block a user: a heading, then rank, score, key and name of every item.

    The name comes last because its width on screen is unknown (many scripts have wide characters).
    """
    return "\n\n".join(_block(user, items) for user, items in lists.items())


def _block(user: str, items: Sequence[Recommendation]) -> str:
    if not items:
        return f"user {_one_line(user)}: nothing left to recommend"
    keys = [_one_line(item.item_key) for item in items]
    width = max(len("key"), *map(len, keys))
    lines = [f"user {_one_line(user)}", f"{'rank':>4}  {'score':>10}  {'key':<{width}}  name"]
    for key, item in zip(keys, items, strict=True):
        lines.append(f"{item.rank:>4}  {item.score:>10.4f}  {key:<{width}}  {_one_line(item.name)}")
    return "\n".join(lines)


def _one_line(text: str) -> str:
    """Replace control characters, which would break the table or drive the terminal."""
    return "".join(char if char.isprintable() else " " for char in text)


def render_json(lists: Lists) -> str:
    """A JSON array in the order of the users: ``[{"user": ..., "recommendations": [{"rank": 1, ...}]}]``."""
    value = [
        {"user": user, "recommendations": [asdict(item) for item in items]} for user, items in lists.items()
    ]
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
