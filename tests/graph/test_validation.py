"""Everything that can be wrong with a graph is found, with the right counts and examples."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hetmusic.errors import GraphFormatError
from hetmusic.graph import EdgeType, GraphWriter
from hetmusic.graph.validation import CHECKS, pairs, validate_graph
from kg_schema.ontology import Ontology
from tests.graph.tampering import edit_table, set_edges, set_meta, set_table, set_values
from tests.graphs import make_graph

LIKES, FRIENDS = "user__likes__artist", "user__friends__user"
ON_LIKES, ON_FRIENDS = f"edges {LIKES}", f"edges {FRIENDS}"
TAGS = "tag assignments"
YEAR_3000 = 32_503_680_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four users, three artists and two genres, about which nothing is odd."""
    graph = make_graph(
        tmp_path / "g",
        [(0, 0, 5.0, 10), (0, 1, 1.0, 20), (1, 2, 2.0, 30), (2, 2, 2.0, 40), (3, 0, 1.0, 50)],
        friends=[(0, 2), (1, 2)],
        tags=[(0, 0, "genre", 0), (0, 1, "genre", 1), (1, 0, "genre", 0)],
    )
    graph.add_modality("artist", "text", np.ones((2, 3), np.float32), keys=["a0", "a2"])
    return graph.path


def test_a_good_graph(folder: Path) -> None:
    report = validate_graph(folder)
    assert report.valid
    assert report.findings == []
    assert report.isolated == {"artist": 0, "genre": 0, "user": 0}
    assert report.checked == {
        "files": 9,
        "nodes artist": 3,
        "nodes genre": 2,
        "nodes user": 4,
        ON_FRIENDS: 2,
        ON_LIKES: 5,
        TAGS: 3,
        "features artist/text": 2,
    }
    assert json.loads(json.dumps(report.to_dict())) == report.to_dict()


def case(check: str, where: str, count: int, *examples: str, change: Any) -> Any:
    return pytest.param(check, where, count, examples, change, id=f"{check}: {where}")


def likes(*rows: tuple[Any, ...]) -> Any:
    return lambda folder: set_edges(folder, LIKES, list(rows))


def friends(*rows: tuple[Any, ...]) -> Any:
    return lambda folder: set_edges(folder, FRIENDS, list(rows))


def tags(*rows: tuple[Any, ...]) -> Any:
    schema = {"user": pl.Int32, "item": pl.Int32, "kind": pl.String, "tag": pl.Int32, "time": pl.Int64}
    table = pl.DataFrame(rows, schema=schema, orient="row")
    return lambda folder: set_table(folder, "assignments/tags", table)


def users(*keys: str | None) -> Any:
    table = pl.DataFrame({"key": keys, "name": keys}, schema={"key": pl.String, "name": pl.String})
    return lambda folder: set_table(folder, "nodes/user", table)


def meta(change: Any) -> Any:
    return lambda folder: set_meta(folder, change)


def rename_relation(name: str, src: str = "user", dst: str = "artist") -> Any:
    """Store some edges under another name."""

    def change(folder: Path) -> None:
        def update(content: dict[str, Any]) -> None:
            content["files"][f"edges/{src}__{name}__{dst}.parquet"] = ""
            content["relations"][name] = {"inverse": None, "symmetric": False, "weight": None}

        set_meta(folder, update)
        set_edges(folder, f"{src}__{name}__{dst}", [(0, 0), (1, 1)])

    return change


def rename_genre(folder: Path) -> None:
    (folder / "nodes" / "genre.parquet").rename(folder / "nodes" / "gerne.parquet")

    def update(content: dict[str, Any]) -> None:
        content["files"]["nodes/gerne.parquet"] = content["files"].pop("nodes/genre.parquet")
        content["files"].pop("assignments/tags.parquet")
        content["counts"] |= {"nodes": {"user": 4, "artist": 3, "gerne": 2}, "assignments": {}}

    (folder / "assignments" / "tags.parquet").unlink()
    set_meta(folder, update)


def no_edges(folder: Path) -> None:
    edit_table(folder, f"edges/{FRIENDS}", lambda table: table.clear())


def no_nodes(folder: Path) -> None:
    (folder / "nodes" / "emotion.parquet").write_bytes(b"")
    set_meta(folder, lambda content: content["files"].update({"nodes/emotion.parquet": ""}))
    set_table(
        folder, "nodes/emotion", pl.DataFrame({"key": [], "name": []}, {"key": pl.String, "name": pl.String})
    )


CASES = [
    case("missing-file", "files", 1, f"edges/{LIKES}.parquet",
         change=lambda f: (f / f"edges/{LIKES}.parquet").unlink()),
    case("checksum", "files", 1, "nodes/user.parquet",
         change=meta(lambda m: m["files"].update({"nodes/user.parquet": "0"}))),
    case("unlisted-table", "files", 1, "nodes/user.parquet",
         change=meta(lambda m: m["files"].pop("nodes/user.parquet"))),
    case("stray-file", "files", 2, "edges/mine.parquet", "notes.txt",
         change=lambda f: ((f / "notes.txt").write_text("x"), (f / "edges/mine.parquet").write_text("x"))),
    case("damaged", "nodes user", 1, change=lambda f: (f / "nodes/user.parquet").write_bytes(bytes(100))),
    case("damaged", ON_LIKES, 1, change=lambda f: (f / f"edges/{LIKES}.parquet").write_bytes(b"PAR1")),
    case("damaged", ON_FRIENDS, 1, change=meta(lambda m: m["counts"]["edges"].update({FRIENDS: 3}))),
    case("damaged", TAGS, 1, change=lambda f: edit_table(f, "assignments/tags", lambda t: t.drop("time"))),
    case("damaged", "features artist/text", 1, change=meta(lambda m: m["modalities"]["artist"]["text"].update(dim=4))),
    case("unknown-type", "graph.json", 1, change=rename_genre),
    case("unknown-relation", "graph.json", 1, change=rename_relation("lieks")),
    case("stored-inverse", "graph.json", 1, change=rename_relation("liked_by", "artist", "user")),
    # stored both ways: 0-0 is in both, 1-1 only in the inverse, four others only in the relation
    case("inverse-differs", ON_LIKES, 5, "user 'u0' -> artist 'a1'", "user 'u1' -> artist 'a1'", "user 'u1' -> artist 'a2'",
         change=rename_relation("liked_by", "artist", "user")),
    case("domain-range", "edges user__sung_by__artist", 1, change=rename_relation("sung_by")),
    case("declaration", "graph.json", 1, change=meta(lambda m: m["relations"]["likes"].update(inverse="enjoyed_by"))),
    case("declaration", "graph.json", 1, change=meta(lambda m: m["relations"]["friends"].update(symmetric=False))),
    case("blank-key", "nodes user", 2, "row 1", "row 3", change=users("u0", None, "u2", "")),
    case("repeated-key", "nodes user", 3, "'u1'", change=users("u1", "u1", "u1", "u3")),
    case("no-nodes", "nodes emotion", 1, change=no_nodes),
    case("isolated", "nodes user", 2, "user 'x'", "user 'y'", change=users("u0", "u1", "u2", "u3", "x", "y")),
    case("no-interaction", "nodes artist", 1, "artist 'a1'", change=likes((0, 0), (1, 2), (2, 2), (3, 0))),
    case("no-interaction", "nodes user", 1, "user 'u2'", change=likes((0, 0), (0, 1), (1, 2), (3, 0))),
    case("no-edges", ON_FRIENDS, 1, change=no_edges),
    case("blank-end", ON_LIKES, 2, change=likes((0, 0), (0, None), (None, 2), (3, 0))),
    case("blank-end", TAGS, 2, change=tags((0, 0, "genre", 0, 1), (None, 0, "genre", 0, 1), (0, 1, "genre", None, 1))),
    case("out-of-range", ON_LIKES, 2, "3", "77", change=likes((0, 0), (0, 3), (0, 77), (1, 2))),
    case("out-of-range", ON_LIKES, 1, "-1", change=likes((-1, 0), (0, 0), (1, 2))),
    case("out-of-range", TAGS, 1, "2", change=tags((0, 0, "genre", 2, 1), (0, 1, "genre", 0, 1))),
    case("out-of-range", TAGS, 1, "9", change=tags((9, 0, "genre", 0, 1), (0, 1, "genre", 0, 1))),
    case("repeated-pair", ON_LIKES, 2, "user 'u0' -> artist 'a1'",
         change=likes((0, 0), (0, 1), (0, 1), (0, 1), (1, 2))),
    case("repeated-pair", ON_LIKES, 1, "user 'u0' -> artist 'a0'", change=likes((0, 0), (1, 2), (0, 0))),
    case("repeated-pair", TAGS, 1, "user 'u0' gave genre 'genre1' to artist 'a2'",
         change=tags((0, 2, "genre", 1, 1), (0, 2, "genre", 1, 2))),
    case("unsorted", ON_LIKES, 2, change=likes((0, 1), (0, 0), (3, 0), (1, 2))),
    case("self-loop", ON_FRIENDS, 2, "user 'u1' -> user 'u1'", "user 'u3' -> user 'u3'",
         change=friends((1, 1), (1, 2), (3, 3))),
    case("reversed-pair", ON_FRIENDS, 2, "user 'u2' -> user 'u0'", "user 'u3' -> user 'u1'",
         change=friends((0, 1), (2, 0), (3, 1))),
    case("both-directions", ON_FRIENDS, 1, "user 'u0' -> user 'u2'", change=friends((0, 2), (2, 0), (3, 1))),
    case("blank-weight", ON_LIKES, 1, "user 'u1' -> artist 'a2' (None)", change=likes((0, 0, 1.0), (1, 2, None))),
    case("weight-not-finite", ON_LIKES, 2, "user 'u0' -> artist 'a0' (nan)", "user 'u1' -> artist 'a2' (-inf)",
         change=likes((0, 0, float("nan")), (0, 1, 2.0), (1, 2, float("-inf")))),
    case("negative-count", ON_LIKES, 1, "user 'u0' -> artist 'a0' (-2.5)", change=likes((0, 0, -2.5), (1, 2, 1.0))),
    case("zero-weight", ON_LIKES, 1, "user 'u1' -> artist 'a2' (0.0)", change=likes((0, 0, 1.0), (1, 2, 0.0))),
    case("unexpected-weight", ON_FRIENDS, 1, change=friends((0, 1, 2.0))),
    case("unexpected-time", ON_FRIENDS, 1, change=friends((0, 1, 2.0, 7))),
    case("late-time", ON_LIKES, 1, f"user 'u0' -> artist 'a0' ({YEAR_3000})",
         change=likes((0, 0, 1.0, YEAR_3000), (1, 2, 1.0, None))),
    case("late-time", TAGS, 1, change=tags((0, 0, "genre", 0, YEAR_3000), (0, 1, "genre", 0, None))),
    case("unknown-kind", TAGS, 1, change=lambda f: (
        tags((0, 0, "gnere", 0, 1), (0, 1, "genre", 0, 1))(f),
        set_meta(f, lambda m: m["counts"].update(assignments={"genre": 2})))),
    case("not-finite", "features artist/text", 2, "artist 'a0'", "artist 'a2'",
         change=lambda f: set_values(f, "artist/text", lambda v: v.__setitem__((slice(0, 3, 2), 1), np.nan))),
    case("absent-not-zero", "features artist/text", 1, "artist 'a1'",
         change=lambda f: set_values(f, "artist/text", lambda v: v.__setitem__((1, 2), -1.0))),
    case("all-zero", "features artist/text", 1, "artist 'a2'",
         change=lambda f: set_values(f, "artist/text", lambda v: v.__setitem__(2, 0.0))),
    case("present-count", "features artist/text", 1,
         change=lambda f: set_values(f, "artist/text.present", lambda v: v.__setitem__(0, False))),
    case("no-vectors", "features artist/text", 1,
         change=lambda f: set_values(f, "artist/text.present", lambda v: v.__setitem__(slice(None), False))),
]  # fmt: skip


@pytest.mark.parametrize(("check", "where", "count", "examples", "change"), CASES)
def test_what_is_wrong_is_found(check, where, count, examples, change, folder: Path) -> None:
    change(folder)
    report = validate_graph(folder)
    finding = report.find(check, where)
    assert finding is not None, [str(found) for found in report.findings]
    assert (finding.count, tuple(finding.examples)) == (count, examples)
    assert report.valid == (not report.errors)
    assert finding in (report.errors if CHECKS[check][0] == "error" else report.warnings)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (likes((0, 0, float("-inf")), (1, 2, 1.0)), ["weight-not-finite"]),
        (friends((1, 1), (1, 2)), ["self-loop"]),
        (meta(lambda m: m["files"].pop("nodes/user.parquet")), ["unlisted-table"]),
    ],
)
def test_a_problem_is_reported_once(change: Any, expected: list[str], folder: Path) -> None:
    change(folder)
    report = validate_graph(folder)
    assert [finding.check for finding in report.errors] == expected
    assert report.find("stray-file") is None


def test_isolated_users_are_not_reported_again(folder: Path) -> None:
    """An own tag is no edge of the user; whoever has no edge at all is not listed as without interaction."""
    likes((0, 0), (0, 1), (1, 2))(folder)  # user 2 has friends, user 3 nothing but a tag
    tags((0, 0, "genre", 0, 1), (3, 1, "genre", 1, 1))(folder)
    report = validate_graph(folder)
    found = {f.check: f.examples for f in report.findings}
    assert found == {"isolated": ["user 'u3'"], "no-interaction": ["user 'u2'"]}


def test_negative_similarity_is_only_odd(tmp_path: Path) -> None:
    ontology = Ontology.load()
    likes = ontology.relations["likes"].model_copy(update={"merge": "max"})
    ontology = Ontology.model_construct(
        node_types=ontology.node_types, relations={**ontology.relations, "likes": likes}
    )
    folder = make_graph(tmp_path / "g", [(0, 0, -1.0), (1, 1, 1.0)]).path
    report = validate_graph(folder, ontology)
    assert [(f.check, f.count) for f in report.findings] == [("negative-weight", 1)]
    assert report.valid


def test_every_check_has_a_case() -> None:
    tested = {str(found.values[0]) for found in CASES} | {"negative-weight"}
    assert tested == set(CHECKS)


def test_all_problems_are_reported_at_once(folder: Path) -> None:
    likes((0, 0, -1.0), (0, 9, 1.0), (0, 0, float("inf")))(folder)
    users("u0", "u0", "u2", "u3")(folder)
    (folder / "notes.txt").write_text("mine")
    found = {finding.check for finding in validate_graph(folder).findings}
    expected = {
        "negative-count", "out-of-range", "repeated-pair", "weight-not-finite", "unsorted", "repeated-key", "stray-file",
    }  # fmt: skip
    assert found >= expected


def test_isolated_nodes_are_not_guessed_when_a_table_is_damaged(folder: Path) -> None:
    (folder / f"edges/{LIKES}.parquet").write_bytes(b"")
    report = validate_graph(folder)
    assert report.isolated == {"genre": 0}
    assert report.find("isolated") is None


def test_a_folder_without_graph_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GraphFormatError, match=r"graph\.json is missing"):
        validate_graph(tmp_path)


PAIRS = st.lists(st.tuples(st.integers(-3, 6), st.integers(-3, 6)), max_size=40)


@given(PAIRS, st.integers(1, 5))
def test_order_agrees_with_plain_python(rows: list[tuple[int, int]], chunk: int) -> None:
    """In pieces of any size; negative indices are told from others, too."""
    src, dst = (np.array([row[end] for row in rows], np.int32) for end in (0, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "_CHUNK", chunk)
        order = pairs.check_order(src, dst, 100)
    assert order.repeated == len(rows) - len(set(rows))
    assert set(pairs.decode(order.examples)) == {row for row in rows if rows.count(row) > 1}
    unsigned = [(a, b % 2**32) for a, b in rows]
    assert order.descents == sum(a > b for a, b in itertools.pairwise(unsigned))


@given(PAIRS)
def test_both_directions_agrees_with_plain_python(rows: list[tuple[int, int]]) -> None:
    src, dst = (np.array([row[end] for row in rows], np.int32) for end in (0, 1))
    found = pairs.decode(pairs.both_directions(src, dst))
    assert set(found) == {(a, b) for a, b in rows if a < b and (b, a) in rows}
    assert len(found) == len(set(found))


def test_a_graph_without_users(tmp_path: Path) -> None:
    with GraphWriter(tmp_path / "g") as writer:
        writer.nodes("song", pl.DataFrame({"key": ["s0", "s1"]}))
        writer.nodes("artist", pl.DataFrame({"key": ["a0"]}))
        writer.edges(EdgeType("song", "sung_by", "artist"), pl.DataFrame({"src": [0], "dst": [0]}))
        writer.finish(name="music", item="song", interaction=None)
    report = validate_graph(tmp_path / "g")
    assert [(f.check, f.examples) for f in report.findings] == [("isolated", ["song 's1'"])]
