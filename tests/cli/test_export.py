"""``hetmusic export``: what it prints leads to the graph again."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.cli.running import hetmusic, python


def test_tables_are_built_again_as_it_says(graph, tmp_path):
    shown = hetmusic("export", graph, "--to", "csv", "--out", tmp_path / "out").succeeded().out
    command = re.search(r"read it with: hetmusic (.*) GRAPH", shown)
    assert command is not None
    hetmusic(*shlex.split(command[1]), tmp_path / "again").succeeded()
    was, now = (hetmusic("info", path, "--json").json for path in (graph, tmp_path / "again"))
    assert was["checksum"] == now["checksum"]


@pytest.mark.parametrize(
    ("to", "name", "imports", "count"),
    [
        ("dgl", "out", "", "num_nodes('user')"),
        ("networkx", "out.graphml", "import networkx", "nodes['user:u01'] and 40"),
        ("networkx", "out.json", "import json, networkx", "nodes['user:u01'] and 40"),
    ],
)
def test_others_read_it_as_it_says(to, name, imports, count, graph, tmp_path):
    shown = hetmusic("export", graph, "--to", to, "--out", tmp_path / name).succeeded().out
    code = shown.split("read it with: ")[1].strip()
    *before, value = code.split("; ")
    done = python("\n".join([imports, *before, f"found = {value}", f"print(found.{count})"]))
    assert done.stdout == "40\n", done.stderr


def test_what_is_not_in_it_is_said(graph, tmp_path):
    shown = hetmusic("export", graph, "--to", "networkx", "--out", tmp_path / "out.json").succeeded().out
    assert "  note: who gave which tag is not in it, only how many did\n" in shown
