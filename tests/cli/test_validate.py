"""``hetmusic validate`` as a person or a script sees it."""

from __future__ import annotations

import json

import polars as pl

from tests.cli.running import hetmusic, snapshot
from tests.graph.tampering import edit_table


def test_a_good_graph(graph):
    before = snapshot(graph)
    done = hetmusic("validate", graph).succeeded()
    assert f"{graph}: planted-world\n" in done.out
    assert "edges user__likes__song" in done.out
    assert "\nerrors:" not in done.out
    report = hetmusic("validate", graph, "--json").json
    assert (report["valid"], report["errors"]) == (True, [])
    assert report["checked"]["nodes user"] == 40
    assert snapshot(graph) == before


def test_errors_are_listed_and_the_status_is_1(place):
    def spoil(table: pl.DataFrame) -> pl.DataFrame:
        weight = pl.when(pl.int_range(pl.len()) < 2).then(-1.0).otherwise(pl.col("weight"))
        return table.with_columns(weight.cast(pl.Float32).alias("weight"))

    edit_table(place.graph, "edges/user__likes__song", spoil)
    done = hetmusic("validate", place.graph)
    assert done.status == 1
    assert "  [negative-count] edges user__likes__song: 2 of " in done.out
    assert "first: user 'u01' -> song '" in done.out
    assert done.err == f"error: {place.graph} has 1 kind of errors, listed above\n"
    done = hetmusic("validate", place.graph, "--json")
    assert done.status == 1
    report = json.loads(done.out)
    assert [(found["check"], found["count"]) for found in report["errors"]] == [("negative-count", 2)]


def test_an_empty_graph_is_odd_but_valid(place):
    """Warnings do not change the exit status."""
    edit_table(place.graph, "edges/user__friends__user", lambda table: table.clear())
    done = hetmusic("validate", place.graph).succeeded()
    assert "\nwarnings:\n" in done.out
    assert "[no-edges] edges user__friends__user: the relation has no edges" in done.out
