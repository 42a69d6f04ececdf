"""Recommendations from a finished run, with numpy alone."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hetmusic.recommend.explain.explanation import Explanation
    from hetmusic.recommend.mood import Mood
    from hetmusic.recommend.output import render_json, render_table
    from hetmusic.recommend.recommendation import Recommendation
    from hetmusic.recommend.run import Run
    from hetmusic.recommend.similar import Neighbour
    from hetmusic.recommend.users_file import read_users

#: public name -> module; imported on first use, so that ``import hetmusic.recommend`` costs nothing
_HOME = {
    "Explanation": "explain.explanation",
    "Mood": "mood",
    "Neighbour": "similar",
    "Recommendation": "recommendation",
    "Run": "run",
    "read_users": "users_file",
    "render_json": "output",
    "render_table": "output",
}

__all__ = [
    "Explanation",
    "Mood",
    "Neighbour",
    "Recommendation",
    "Run",
    "read_users",
    "render_json",
    "render_table",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
