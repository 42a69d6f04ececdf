"""Nodes of two dumps that have one name, where nobody else on either side has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from kg_schema.names import normalise_name

_EXAMPLES = 5
_KEYS = 3
_SEPARATOR = "\x1f"
#: node types whose names are credits, in which guests count
_CREDITS = ("artist",)


@dataclass(frozen=True)
class NameMatches:
    """Which nodes have one name."""

    #: columns ``key`` (of the dump) and ``other`` (of the graph), both unique
    pairs: pl.DataFrame
    #: nodes of the dump that have the name of a node of the graph, but not alone
    ambiguous: int
    #: the first pairs and the first ambiguous names, for people
    examples: list[str]
    ambiguous_examples: list[str]


def match_names(
    graph: pl.DataFrame,
    dump: pl.DataFrame,
    free: pl.Series,
    taken: pl.Series,
    attributes: Sequence[str],
    node_type: str,
) -> NameMatches:
    """Find the node of the graph that has the name of a node of a dump, if there is one such node on both sides.

    :param graph: ``key`` and the attributes to compare, of all nodes that the graph has so far.
    :param dump: the same of all nodes of the dump, those that are joined already included.
    :param free: keys of the dump's nodes that are not joined yet.
    :param taken: keys of the graph's nodes that are a node of the dump already, by their keys.
    """
    guests = node_type in _CREDITS
    ours = _grouped(_forms(dump, attributes, guests), "key", "shown")
    theirs = _grouped(_forms(graph, attributes, guests), "other", "known")
    both = ours.join(theirs, on="form").sort("form")
    both = both.filter(pl.col("key").list.eval(pl.element().is_in(free.implode())).list.any())
    alone = (pl.col("key").list.len() == 1) & (pl.col("other").list.len() == 1)
    sure = alone & ~pl.col("other").list.first().is_in(taken.implode())
    matches, unsure = both.filter(sure), both.filter(~sure)
    return NameMatches(
        pairs=matches.select(pl.col("key").list.first(), pl.col("other").list.first()),
        ambiguous=int(unsure["key"].explode().is_in(free.implode()).sum()),
        examples=_examples(matches, " = "),
        ambiguous_examples=_examples(unsure, ": "),
    )


def _examples(rows: pl.DataFrame, between: str) -> list[str]:
    return [
        f"{row['shown']} ({_some(row['key'])}){between}{row['known']} ({_some(row['other'])})"
        for row in rows.head(_EXAMPLES).iter_rows(named=True)
    ]


def _some(keys: Sequence[str]) -> str:
    return ", ".join(keys[:_KEYS]) + (", ..." if len(keys) > _KEYS else "")


def _forms(nodes: pl.DataFrame, attributes: Sequence[str], guests: bool) -> pl.DataFrame:
    """Columns ``key``, ``form`` (what is compared) and ``shown``, of the nodes that have all attributes."""
    nodes = nodes.select("key", *(pl.col(name).cast(pl.String) for name in attributes)).drop_nulls()
    rows = list(nodes.select(attributes).iter_rows())
    forms = [_SEPARATOR.join(normalise_name(text, guests) for text in row) for row in rows]
    shown = [" / ".join(row) for row in rows]
    columns = {"key": nodes["key"], "form": forms, "shown": shown}
    return pl.DataFrame(columns, {"key": pl.String, "form": pl.String, "shown": pl.String})


def _grouped(forms: pl.DataFrame, keys: str, shown: str) -> pl.DataFrame:
    by_form = forms.sort("key").group_by("form")
    return by_form.agg(pl.col("key").alias(keys), pl.col("shown").first().alias(shown))
