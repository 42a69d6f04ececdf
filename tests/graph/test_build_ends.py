"""Ends and pairs of edges: unknown ones, repeated ones, both directions."""

from __future__ import annotations

from pathlib import Path

import pytest

from kg_schema.dump import DumpSpec
from tests.graph.listens import (
    build,
    edges_of,
    spec,
    write_csv,
)


def test_repeated_pairs_add_up(tmp_path: Path) -> None:
    write_csv(tmp_path / "l.csv", [("u", "x", 1, 5), ("u", "y", 2, 1), ("u", "x", 3, 9), ("u", "x", 4, "")])
    graph, report = build(spec({"path": "l.csv"}), tmp_path)
    assert edges_of(graph) == {("u", "x"): (8, 9), ("u", "y"): (2, 1)}
    finding = report.find("repeated pair")
    assert finding is not None
    assert (finding.action, finding.rows, finding.first_lines) == ("merged", 2, [4, 5])


def test_a_log_is_counted(tmp_path: Path) -> None:
    write_csv(tmp_path / "l.csv", [("u", "x", 1, 5), ("u", "x", 3, 9), ("v", "x", 4, 2)])
    edge = {"relation": "likes", "file": "listens", "src": "who", "dst": "what", "count_rows": True}
    graph, report = build(spec({"path": "l.csv"}, edges=[edge]), tmp_path)
    assert edges_of(graph) == {("u", "x"): (2, None), ("v", "x"): (1, None)}
    assert report.findings == []


def test_symmetric_relations(tmp_path: Path) -> None:
    write_csv(tmp_path / "l.csv", [("u", "x", 1, 5), ("v", "x", 1, 5), ("w", "y", 1, 5)])
    write_csv(tmp_path / "f.csv", [("v", "u"), ("u", "v"), ("w", "w"), ("u", "w"), ("u", "w")], ["a", "b"])
    write_csv(tmp_path / "s.csv", [("y", "x", 0.5), ("x", "y", 0.75), ("y", "x", 0.5)], ["a", "b", "how"])
    files = {"listens": {"path": "l.csv"}, "friends": {"path": "f.csv"}, "alike": {"path": "s.csv"}}
    edges = [
        {"relation": "likes", "file": "listens", "src": "who", "dst": "what"},
        {"relation": "friends", "file": "friends", "src": "a", "dst": "b"},
        {"relation": "similar_to", "file": "alike", "src": "a", "dst": "b", "weight": "how"},
    ]
    graph, report = build(spec({}, files=files, edges=edges), tmp_path)
    assert edges_of(graph, "friends") == {("u", "v"): (None, None), ("u", "w"): (None, None)}
    assert edges_of(graph, "similar_to") == {("x", "y"): (0.75, None)}, "similarities are not added up"
    counts = {(finding.file, finding.reason): finding.rows for finding in report.findings}
    assert counts == {
        ("f.csv", "self loop"): 1,
        ("f.csv", "repeated pair"): 1,
        ("f.csv", "pair given in both directions"): 1,
        ("s.csv", "repeated pair"): 1,
        ("s.csv", "pair given in both directions"): 1,
    }


def _with_user_file(tmp_path: Path, on_unknown: str) -> DumpSpec:
    write_csv(
        tmp_path / "l.csv", [("u", "x", 1, 5), ("ghost", "x", 2, 5), ("ghost", "y", 2, 5), ("v", "y", 1, 1)]
    )
    write_csv(tmp_path / "u.csv", [("u", "Ute"), ("v", "Vi")], ["id", "name"])
    return spec(
        {},
        files={"listens": {"path": "l.csv"}, "users": {"path": "u.csv"}},
        nodes={
            "user": [{"file": "users", "key": "id", "name": "name"}],
            "song": [{"file": "listens", "key": "what"}],
        },
        edges=[
            {"relation": "likes", "file": "listens", "src": "who", "dst": "what", "on_unknown": on_unknown}
        ],
    )


def test_unknown_ends_are_dropped(tmp_path: Path) -> None:
    graph, report = build(_with_user_file(tmp_path, "drop"), tmp_path)
    assert set(edges_of(graph)) == {("u", "x"), ("v", "y")}
    finding = report.find("unknown user")
    assert finding is not None
    assert (finding.rows, finding.values, finding.examples) == (2, 1, ["ghost"])
    assert finding.first_lines == [3, 4]
    assert report.warnings == [
        "l.csv: 2 of 4 rows (edges user__likes__song) were dropped: unknown user 2 ('ghost'), first: line 3"
    ]


def test_unknown_ends_are_errors(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"l.csv: 2 of 4 rows .* unknown user; first: 'ghost', line 3"):
        build(_with_user_file(tmp_path, "error"), tmp_path)
    assert not (tmp_path / "graph").exists()


def test_unknown_ends_are_created(tmp_path: Path) -> None:
    graph, report = build(_with_user_file(tmp_path, "create"), tmp_path)
    assert graph.keys("user") == ["ghost", "u", "v"]
    assert graph.names("user") == ["ghost", "Ute", "Vi"]
    assert len(edges_of(graph)) == 4
    assert "1 user nodes were created from edges or assignments alone" in report.warnings
