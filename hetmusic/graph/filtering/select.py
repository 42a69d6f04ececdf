"""The filters in their order: lists, plays, sample, largest, core, and what is left without interaction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic.errors import DataError
from hetmusic.graph.build_report import Notes
from hetmusic.graph.filtering.lists import listed, named
from hetmusic.graph.filtering.selection import Selection
from hetmusic.graph.filtering.settings import FilterSettings
from hetmusic.graph.joining import Content
from hetmusic.graph.types import EdgeType


def select(
    content: Content, edge_type: EdgeType, interactions: pl.DataFrame, settings: FilterSettings, notes: Notes
) -> Selection:
    """Apply the filters to the interactions.

    :raises DataError: if no interaction is left, plays are asked for that nobody counted, or a list names no node.
    """
    filters = settings.filters
    if filters.min_plays is not None and "weight" not in interactions.columns:
        raise DataError(f"min_plays: {edge_type} has no weights, so nobody knows how many plays there were")
    users, items = content.nodes[edge_type.src], content.nodes[edge_type.dst]
    selection = Selection(
        edge_type,
        users.table.height,
        items.table.height,
        interactions["src"].to_numpy(),
        interactions["dst"].to_numpy(),
        interactions["weight"].to_numpy() if "weight" in interactions.columns else None,
    )
    if filters.items is not None:
        selection.safe_items = _listed("items", edge_type.dst, content, settings, notes)
        selection.keep_items("items", selection.safe_items)
    if filters.users is not None:
        selection.safe_users = _listed("users", edge_type.src, content, settings, notes)
        selection.keep_users("users", selection.safe_users)
    if filters.min_plays is not None:
        selection.min_plays(filters.min_plays)
    if filters.sample is not None:
        selection.sample_users(filters.sample, filters.sample_seed, users.table["key"].to_list())
    if filters.top_users is not None:
        selection.top_users(filters.top_users)
    if filters.top_items is not None:
        selection.top_items(filters.top_items)
    if filters.user_core is not None or filters.item_core is not None:
        selection.core(filters.user_core or 0, filters.item_core or 0)
    if filters.isolated == "drop":
        selection.drop_isolated()
    if len(selection.interactions) == 0:
        steps = ", ".join(f"{s.filter}: {sum(s.edges.values()):,}" for s in selection.steps if s.edges)
        raise DataError(
            f"the filters leave none of the {interactions.height:,} interactions; removed by {steps}"
        )
    return selection


def _listed(
    name: str, node_type: str, content: Content, settings: FilterSettings, notes: Notes
) -> NDArray[np.bool_]:
    """The nodes that a keep-list names."""
    wanted = settings.filters.lists[name]
    if wanted.path is not None:
        return listed(Path(wanted.path), content.nodes[node_type], notes)
    assert wanted.file is not None
    assert wanted.key is not None
    keys, file, nodes = content.column(settings.owners[name], wanted.file, wanted.key, node_type)
    return named(keys, file, nodes, notes)
