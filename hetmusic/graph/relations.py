"""From stored edges to the relations that messages flow along: tag relations, both directions, inverses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic.errors import UnknownKeyError, did_you_mean
from hetmusic.graph.format import TAG_RELATIONS, RelationInfo
from hetmusic.graph.types import Edges, EdgeType


def to_edges(table: pl.DataFrame) -> Edges:
    """Turn an edge table into arrays; a missing time becomes the smallest int64, before everything else."""
    time = table["time"].fill_null(np.iinfo(np.int64).min).to_numpy() if "time" in table.columns else None
    weight = table["weight"].to_numpy() if "weight" in table.columns else None
    return Edges(table["src"].to_numpy(), table["dst"].to_numpy(), weight, time)


def aggregate_tags(assignments: pl.DataFrame, kind: str) -> Edges:
    """The edges item -> tag of one kind, weighted with the number of distinct users who assigned the tag.

    :param assignments: columns user, item, kind, tag; every (user, item, kind, tag) at most once.
    :return: edges sorted by (item, tag).
    """
    rows = assignments.lazy().filter(pl.col("kind") == kind).rename({"item": "src", "tag": "dst"})
    pairs = rows.group_by("src", "dst").agg(pl.col("user").n_unique().cast(pl.Float32).alias("weight"))
    return to_edges(pairs.sort("src", "dst").collect())


def add_edges(first: Edges, second: Edges) -> Edges:
    """Union of two weighted edge lists, sorted by (src, dst); weights of a pair in both are added."""
    parts = [
        pl.DataFrame(
            {
                "src": e.src,
                "dst": e.dst,
                "weight": np.ones(len(e), np.float32) if e.weight is None else e.weight,
            }
        )
        for e in (first, second)
    ]
    return to_edges(pl.concat(parts).group_by("src", "dst").agg(pl.col("weight").sum()).sort("src", "dst"))


def both_directions(stored: Edges) -> Edges:
    """Expand a symmetric relation, stored once per pair, to both directions, sorted by (src, dst)."""

    def joined(a: NDArray[Any] | None, b: NDArray[Any] | None) -> NDArray[Any] | None:
        return None if a is None or b is None else np.concatenate([a, b])

    back = stored.reversed()
    src, dst = np.concatenate([stored.src, back.src]), np.concatenate([stored.dst, back.dst])
    both = Edges(src, dst, joined(stored.weight, back.weight), joined(stored.time, back.time))
    return both.select(np.lexsort((dst, src)))


def inverse_type(edge_type: EdgeType, info: RelationInfo) -> EdgeType | None:
    """The edge type seen from the other end; None for a symmetric relation, which is its own inverse."""
    return None if info.inverse is None else EdgeType(edge_type.dst, info.inverse, edge_type.src)


def with_inverses(
    relations: Mapping[EdgeType, Edges], infos: Mapping[str, RelationInfo]
) -> dict[EdgeType, Edges]:
    """Add behind every relation its inverse, whose arrays are the same ones with the ends swapped."""
    result: dict[EdgeType, Edges] = {}
    for edge_type, edges in relations.items():
        result[edge_type] = edges
        inverse = inverse_type(edge_type, infos[edge_type.relation])
        if inverse is not None:
            result[inverse] = edges.reversed()
    return result


def tag_edge_types(item_type: str, kinds: Mapping[str, int]) -> dict[EdgeType, str]:
    """The relations aggregated from assignments -> the kind of tag each is made of."""
    return {EdgeType(item_type, TAG_RELATIONS[kind], kind): kind for kind in sorted(kinds)}


def resolve(
    relation: EdgeType | str, edge_types: Iterable[EdgeType], infos: Mapping[str, RelationInfo], where: str
) -> tuple[EdgeType, bool]:
    """Find a relation by edge type, ``src__relation__dst`` or its bare name, in either direction.

    :param edge_types: the canonical ones.
    :param where: whose they are, for the message.
    :return: the canonical edge type and whether its inverse was asked for.
    :raises UnknownKeyError: if there is no such relation, or a bare name fits several.
    """
    either: dict[EdgeType, tuple[EdgeType, bool]] = {}
    for edge_type in edge_types:
        either[edge_type] = (edge_type, False)
        inverse = inverse_type(edge_type, infos[edge_type.relation])
        if inverse is not None:
            either[inverse] = (edge_type, True)
    text = relation if isinstance(relation, str) else str(EdgeType(*relation))
    found = [edge_type for edge_type in either if text in (str(edge_type), edge_type.relation)]
    if len(found) > 1:
        raise UnknownKeyError(f"{where} has several relations {text!r}: {', '.join(map(str, found))}")
    if not found:
        known = [*map(str, either), *(edge_type.relation for edge_type in either)]
        raise UnknownKeyError(f"{where} has no relation {text!r}{did_you_mean(text, known)}")
    return either[found[0]]
