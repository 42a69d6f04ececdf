"""Which part of a graph is kept: filters of users, items and interactions, applied to everything that hangs on them."""

from __future__ import annotations

from hetmusic.graph.filtering.filtered import Filtered, filtered
from hetmusic.graph.filtering.settings import filter_settings

__all__ = ["Filtered", "filter_settings", "filtered"]
