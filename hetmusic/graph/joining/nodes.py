"""The nodes of one type from all dumps, each known by one key in the graph and by its own in every dump."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from hetmusic.errors import DataError
from hetmusic.graph.build_nodes import NodeTable, first_values
from hetmusic.graph.build_options import BuildOptions
from hetmusic.graph.build_report import JoinedNodes, Notes
from hetmusic.graph.joining.dumps import Dump
from hetmusic.graph.joining.keys import KeyMaps, check_keys
from hetmusic.graph.joining.names import NameMatches, match_names

_EXAMPLES = 5
_LINKS = {"key": pl.String(), "graph": pl.String()}


class NodeJoin:
    """Unites the nodes of one type, dump by dump in the order in which the dumps were named.

    The keys of the first dump become those of the graph. A node of another dump is joined with the node of the graph that
    has the same key in the same key space; or the only one that a key map leads to; or, when asked, the only one of its
    name. All others are new nodes; those of another space keep their key behind the name of the space, ``SPACE:KEY``.
    """

    def __init__(self, node_type: str, maps: KeyMaps, options: BuildOptions, notes: Notes) -> None:
        self._node_type = node_type
        self._maps = maps
        self._options = options
        self._notes = notes
        self._table = pl.DataFrame(schema={"key": pl.String(), "name": pl.String()})
        # space -> ``key`` in it and the key in the ``graph``; the first space is that of the graph
        self._spaces: dict[str, pl.DataFrame] = {}
        self._ways: dict[str, pl.DataFrame] = {}
        self._first: Dump | None = None
        self._found: list[JoinedNodes] = []

    def add(self, dump: Dump, nodes: NodeTable) -> None:
        """Add the nodes of a dump.

        :raises DataError: if nothing leads from its keys to those of the graph, or dumps differ in what an attribute is.
        """
        space = dump.spec.key_space(self._node_type)
        table = nodes.table
        check_keys(dump, self._node_type, space, table["key"])
        if self._first is None:
            self._first, self._table = dump, table
            self._spaces[space] = pl.DataFrame(schema=_LINKS)
            self._found = [_first(dump, space, self._node_type, table.height)]
            return
        self._check_attributes(dump, table)
        found = JoinedNodes(node_type=self._node_type, dump=dump.name, space=space, nodes=table.height)
        links = self._by_key(dump, space, table, found)
        if self._node_type in self._options.match_names and space != self._space:
            links = self._by_name(dump, table, links, found)
        if space != self._space:
            own = pl.coalesce("graph", pl.format("{}:{}", pl.lit(space), pl.col("key")))
            links = links.with_columns(own.alias("graph"))
            known = self._spaces.get(space, pl.DataFrame(schema=_LINKS))
            self._spaces[space] = pl.concat([known, links]).unique("key", keep="first", maintain_order=True)
        self._unite(table, links, found)
        self._found.append(found)

    def finish(self) -> tuple[NodeTable, dict[str, NodeTable]]:
        """All nodes; and the same nodes as the dumps of each key space call them."""
        if len(self._found) > 1:
            self._notes.report.joins += self._found
        nodes = NodeTable(self._node_type, self._table)
        views = {self._space: nodes}
        for space, links in self._spaces.items():
            if space != self._space:
                known = pl.concat([links, self._ways[space]] if space in self._ways else [links])
                views[space] = nodes.called(known.unique("key", keep="first", maintain_order=True))
        return nodes, views

    @property
    def _space(self) -> str:
        return next(iter(self._spaces))

    def _by_key(self, dump: Dump, space: str, table: pl.DataFrame, found: JoinedNodes) -> pl.DataFrame:
        """Columns ``key`` and ``graph``, the latter null where neither the key nor a map leads to the graph."""
        keys = table.select("key")
        if space == self._space:
            found.by = "key"
            return keys.with_columns(pl.col("key").alias("graph"))
        if space not in self._spaces:
            self._find_way(dump, space, keys, found)
        known = [table[space] for table in (self._spaces, self._ways) if space in table]
        found.by = found.by or ("key" if space in self._spaces else "")
        links = pl.concat([pl.DataFrame(schema=_LINKS), *known]).unique(
            "key", keep="first", maintain_order=True
        )
        return keys.join(links, on="key", how="left", maintain_order="left")

    def _find_way(self, dump: Dump, space: str, keys: pl.DataFrame, found: JoinedNodes) -> None:
        ways = [way for known in self._spaces if (way := self._maps.path(space, known)) is not None]
        if ways:
            found.by = " -> ".join(ways[0])
            self._ways[space] = self._translated(ways[0], keys, found)
        else:
            self._check_apart(dump, space)

    def _translated(self, way: Sequence[str], keys: pl.DataFrame, found: JoinedNodes) -> pl.DataFrame:
        """What a way says of every key: columns ``key`` (unique) and ``graph``."""
        pairs = self._maps.table(way)
        if way[-1] != self._space:
            pairs = pairs.join(self._spaces[way[-1]], left_on="other", right_on="key", how="left")
            own = pl.coalesce("graph", pl.format("{}:{}", pl.lit(way[-1]), pl.col("other")))
            pairs = pairs.select("key", own.alias("other"))
        pairs = pairs.rename({"other": "graph"}).unique().sort("key", "graph")
        several = (
            pairs.group_by("key", maintain_order=True).agg("graph").filter(pl.col("graph").list.len() > 1)
        )
        several = several.join(keys, on="key", how="semi", maintain_order="left")
        found.ambiguous += several.height
        found.ambiguous_examples += [
            f"{key}: {', '.join(others[:_EXAMPLES])}" for key, others in several.head(_EXAMPLES).iter_rows()
        ]
        return pairs.filter(~pl.col("key").is_duplicated())

    def _by_name(
        self, dump: Dump, table: pl.DataFrame, links: pl.DataFrame, found: JoinedNodes
    ) -> pl.DataFrame:
        attributes = self._options.match_names[self._node_type]
        for name in attributes:
            for whose, columns in ((dump.name, table.columns), ("an earlier dump", self._table.columns)):
                if name not in columns:
                    raise DataError(
                        f"{self._node_type} nodes of {whose} have no attribute {name!r} to match names by"
                    )
        is_free = pl.col("graph").is_null()
        matches: NameMatches = match_names(
            self._table,
            table,
            free=links.filter(is_free)["key"],
            taken=links.drop_nulls()["graph"],
            attributes=attributes,
            node_type=self._node_type,
        )
        found.by_name = matches.pairs.height
        found.ambiguous += matches.ambiguous
        found.examples += matches.examples
        found.ambiguous_examples += matches.ambiguous_examples
        links = links.join(matches.pairs, on="key", how="left", maintain_order="left")
        return links.select("key", pl.coalesce("graph", "other").alias("graph"))

    def _unite(self, table: pl.DataFrame, links: pl.DataFrame, found: JoinedNodes) -> None:
        """Add the nodes of a dump: of several values of one attribute that of the earlier dump counts."""
        keys = links["graph"]
        more = table.with_columns(keys.alias("key"))
        known = keys.is_in(self._table["key"].implode())
        found.joined = int(known.sum())
        found.new = keys.filter(~known).n_unique()
        found.merged = keys.len() - keys.n_unique()
        found.differing = _differing(self._table, first_values([more]))
        self._table = first_values([self._table, more])

    def _check_attributes(self, dump: Dump, table: pl.DataFrame) -> None:
        for name, dtype in table.schema.items():
            other = self._table.schema.get(name, dtype)
            if other != dtype:
                raise DataError(
                    f"dump {dump.name}: attribute {name!r} of {self._node_type} is {dtype}, but an earlier dump says "
                    f"{other}; change the `dtype` or the name of one"
                )

    def _check_apart(self, dump: Dump, space: str) -> None:
        """Refuse to keep nodes apart that nobody wants apart; people of two services are expected to differ."""
        kind = self._node_type
        if kind == "user" or kind in self._options.keep_apart or kind in self._options.match_names:
            return
        assert self._first is not None
        raise DataError(
            f"the {kind} keys of {dump.name} ({space}) cannot be joined with those of {self._first.name} ({self._space}): "
            f"no dump of this build has a key map between them; add one that does, or pass --match-names {kind} "
            f"to join them by name, or --keep-apart {kind}"
        )


def _first(dump: Dump, space: str, node_type: str, count: int) -> JoinedNodes:
    return JoinedNodes(node_type=node_type, dump=dump.name, space=space, nodes=count, new=count)


def _differing(first: pl.DataFrame, second: pl.DataFrame) -> dict[str, int]:
    """Attribute -> number of nodes of which the two say different things."""
    shared = [name for name in second.columns if name in first.columns and name != "key"]
    both = first.select("key", *shared).join(second.select("key", *shared), on="key")
    counts = both.select(
        (pl.col(name) != pl.col(f"{name}_right")).fill_null(False).sum().alias(name) for name in shared
    )
    return {name: count for name, count in (counts.row(0, named=True) if shared else {}).items() if count}
