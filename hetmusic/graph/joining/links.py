"""From the keys of every space to those of the graph, for the nodes of one type."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from hetmusic.graph.build_report import JoinedNodes
from hetmusic.graph.joining.keys import KeyMaps

_EXAMPLES = 5
#: the key that a dump has for a node, and its key in the graph
LINKS = {"key": pl.String(), "graph": pl.String()}


class KeyLinks:
    """What the dumps so far and the key maps say about keys; the space of the graph needs no saying."""

    def __init__(self, space: str, maps: KeyMaps) -> None:
        #: the space of the graph's keys
        self.space = space
        self._maps = maps
        self._learned = {space: pl.DataFrame(schema=LINKS)}
        self._ways: dict[str, pl.DataFrame] = {}

    def find(self, space: str, keys: pl.DataFrame, found: JoinedNodes) -> pl.DataFrame | None:
        """Look up keys of a space, noting how in ``found``.

        :param keys: column ``key``.
        :return: with a column ``graph``, null where nothing leads to the graph; None if nothing leads there from the space.
        """
        if space == self.space:
            found.by = "key"
            return keys.with_columns(pl.col("key").alias("graph"))
        if space in self._learned:
            found.by = "key"
        elif (way := self._way(space)) is not None:
            found.by = " -> ".join(way)
            self._ways[space] = self._translated(way, keys, found)
        else:
            return None
        return keys.join(self.all(space), on="key", how="left", maintain_order="left")

    def learn(self, space: str, links: pl.DataFrame) -> None:
        """Keep what has become of the keys of a dump, for the dumps after it that have keys of the same space."""
        if space != self.space:
            known = self._learned.get(space, pl.DataFrame(schema=LINKS))
            self._learned[space] = _first([known, links])

    def all(self, space: str) -> pl.DataFrame:
        """What is known of a space that is not the graph's: columns ``key`` (unique) and ``graph``."""
        empty = pl.DataFrame(schema=LINKS)
        return _first([self._learned.get(space, empty), self._ways.get(space, empty)])

    def _way(self, space: str) -> list[str] | None:
        ways = (self._maps.path(space, known) for known in self._learned)
        return next((way for way in ways if way is not None), None)

    def _translated(self, way: Sequence[str], keys: pl.DataFrame, found: JoinedNodes) -> pl.DataFrame:
        """What a way says of every key that it leads to one key from."""
        pairs = self._maps.table(way)
        if way[-1] != self.space:
            pairs = pairs.join(self._learned[way[-1]], left_on="other", right_on="key", how="left")
            pairs = pairs.select("key", pl.coalesce("graph", prefixed(way[-1], "other")).alias("other"))
        pairs = pairs.rename({"other": "graph"}).unique().sort("key", "graph")
        is_ambiguous = pl.col("key").is_duplicated()
        ambiguous = pairs.filter(is_ambiguous).join(keys, on="key", how="semi", maintain_order="left")
        several = ambiguous.group_by("key", maintain_order=True).agg("graph")
        found.ambiguous += several.height
        found.ambiguous_examples += [
            f"{key}: {', '.join(others[:_EXAMPLES])}" for key, others in several.head(_EXAMPLES).iter_rows()
        ]
        return pairs.filter(~is_ambiguous)


def prefixed(space: str, column: str) -> pl.Expr:
    """The key in the graph of a node that only its own space has."""
    return pl.format("{}:{}", pl.lit(space), pl.col(column))


def _first(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(parts).unique("key", keep="first", maintain_order=True)
