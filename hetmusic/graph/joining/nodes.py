"""The nodes of one type from all dumps, each known by one key in the graph and by its own in every dump."""

from __future__ import annotations

import polars as pl

from hetmusic.errors import DataError
from hetmusic.graph.build_nodes import NodeTable, first_values
from hetmusic.graph.build_options import BuildOptions
from hetmusic.graph.build_report import JoinedNodes, Notes
from hetmusic.graph.joining.dumps import Dump
from hetmusic.graph.joining.keys import KeyMaps, odd_keys
from hetmusic.graph.joining.links import LINKS, KeyLinks, prefixed
from hetmusic.graph.joining.names import NameMatches, match_names


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
        self._links: KeyLinks | None = None
        self._first: Dump | None = None
        self._found: list[JoinedNodes] = []
        # of the nodes of a dump whose keys are not of the space they are said to be of
        self._odd: dict[str, pl.DataFrame] = {}

    def add(self, dump: Dump, nodes: NodeTable) -> None:
        """Add the nodes of a dump.

        :raises DataError: if nothing leads from its keys to those of the graph, or dumps differ in what an attribute is.
        """
        table, space = nodes.table, dump.spec.key_space(self._node_type)
        found = JoinedNodes(node_type=self._node_type, dump=dump.name, space=space, nodes=table.height)
        odd = pl.DataFrame(schema=LINKS)
        if self._links is None or self._first is None:
            self._links, self._first = KeyLinks(space, self._maps), dump
            self._table = table
            found.new = table.height
        else:
            if len(self._found) == 1:  # a dump that is joined with nothing needs no check
                odd_keys(self._first, self._node_type, self._links.space, self._table["key"])
            self._check_attributes(dump, table)
            odd = odd_keys(dump, self._node_type, space, table["key"]).to_frame("key")
            links = self._linked(dump, table, odd, self._links, found)
            odd = links.join(odd, on="key", how="semi")
            self._links.learn(space, links.join(odd, on="key", how="anti", maintain_order="left"))
            self._unite(table, links, found)
        self._odd[dump.name] = odd
        self._found.append(found)

    def finish(self) -> tuple[NodeTable, dict[str, NodeTable]]:
        """All nodes; and, by the name of the dump, the same nodes as it calls them."""
        if len(self._found) > 1:
            self._notes.report.joins += self._found
        nodes = NodeTable(self._node_type, self._table)
        assert self._links is not None
        by_space = {self._links.space: nodes}
        views = {}
        for found in self._found:
            if found.space not in by_space:
                by_space[found.space] = nodes.called(self._links.all(found.space))
            views[found.dump] = by_space[found.space].also_called(self._odd[found.dump])
        return nodes, views

    def _linked(
        self, dump: Dump, table: pl.DataFrame, odd: pl.DataFrame, links: KeyLinks, found: JoinedNodes
    ) -> pl.DataFrame:
        """Columns ``key`` and ``graph``: what the graph calls each node of a dump."""
        regular = table.select("key").join(odd, on="key", how="anti", maintain_order="left")
        linked = links.find(found.space, regular, found)
        if linked is None:
            self._check_apart(dump, links.space)
            linked = regular.with_columns(pl.lit(None, pl.String).alias("graph"))
        linked = table.select("key").join(linked, on="key", how="left", maintain_order="left")
        if self._node_type in self._options.match_names and linked["graph"].null_count():
            linked = self._by_name(dump, table, linked, found)
        own = f"{dump.name}/{self._node_type}"
        is_odd = pl.col("key").is_in(odd["key"].implode())
        key = pl.when(is_odd).then(prefixed(own, "key")).otherwise(prefixed(found.space, "key"))
        return linked.with_columns(pl.coalesce("graph", key).alias("graph"))

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

    def _check_apart(self, dump: Dump, graph_space: str) -> None:
        """Refuse to keep nodes apart that nobody wants apart; people of two services are expected to differ."""
        kind, space = self._node_type, dump.spec.key_space(self._node_type)
        if kind == "user" or kind in self._options.keep_apart or kind in self._options.match_names:
            return
        raise DataError(
            f"the {kind} keys of {dump.name} ({space}) cannot be joined with those of {self._found[0].dump} "
            f"({graph_space}): no dump of this build has a key map between them; add one that does, or pass "
            f"--match-names {kind} to join them by name, or --keep-apart {kind}"
        )


def _differing(first: pl.DataFrame, second: pl.DataFrame) -> dict[str, int]:
    """Attribute -> number of nodes of which the two say different things."""
    shared = [name for name in second.columns if name in first.columns and name != "key"]
    both = first.select("key", *shared).join(second.select("key", *shared), on="key")
    counts = both.select(
        (pl.col(name) != pl.col(f"{name}_right")).fill_null(False).sum().alias(name) for name in shared
    )
    return {name: count for name, count in (counts.row(0, named=True) if shared else {}).items() if count}
