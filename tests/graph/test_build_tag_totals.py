"""Tags without the people who gave them, files instead of others, and edges that fill what other files leave open."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hetmusic.errors import DataError, SchemaError
from hetmusic.graph import EdgeType, MusicGraph, validate_graph
from hetmusic.graph.build import build_graph
from hetmusic.graph.build_report import BuildReport
from kg_schema import dump_check
from kg_schema.dump import DumpSpec
from kg_schema.vocab import EmotionVocabulary, GenreVocabulary

BASE: dict[str, Any] = {
    "name": "mine",
    "item": "song",
    "interaction": None,
    "files": {"songs": {"path": "songs.csv"}, "said": {"path": "said.csv"}},
    "nodes": {"song": [{"file": "songs", "key": "id"}]},
    "tags": [{"file": "said", "item": "song", "tag": "word", "weight": "n"}],
}


def spec(**changes: Any) -> DumpSpec:
    return DumpSpec.model_validate(copy.deepcopy(BASE) | changes)


def build(dump: DumpSpec, raw: Path, **files: str) -> tuple[MusicGraph, BuildReport]:
    for name, text in files.items():
        (raw / f"{name}.csv").write_text(text)
    report = build_graph(dump, raw, raw / "graph", overwrite=True)
    assert validate_graph(raw / "graph").valid
    return MusicGraph.open(raw / "graph"), report


def pairs(graph: MusicGraph, relation: str, dst: str, src: str = "song") -> dict[tuple[str, str], float]:
    edge_type = EdgeType(src, relation, dst)
    if edge_type not in graph.edge_types:
        return {}
    edges, keys, others = graph.edges(edge_type), graph.keys(src), graph.keys(dst)
    weights = edges.weight if edges.weight is not None else [1.0] * len(edges)
    return {(keys[s], others[d]): float(w) for s, d, w in zip(edges.src, edges.dst, weights, strict=True)}


SONGS = "id\na\nb\n"


def test_split_by_the_vocabularies_and_summed(tmp_path: Path) -> None:
    said = "song,word,n\na,Hip-Hop,2\na,hiphop,3\na,sad,1\nb,Vienna,4\nb,vienna,1\na,,9\nb,seen live,0\nb,odd,-1\nc,rock,1\n"
    graph, report = build(spec(), tmp_path, songs=SONGS, said=said)
    assert pairs(graph, "has_genre", "genre") == {("a", "hip hop"): 5.0}
    assert pairs(graph, "evokes", "emotion") == {("a", "sadness"): 1.0}
    assert pairs(graph, "has_tag", "tag") == {("b", "Vienna"): 4.0, ("b", "vienna"): 1.0}
    assert [(f.action, f.reason, f.rows, f.first_lines) for f in report.findings] == [
        ("dropped", "unknown song", 1, [10]),
        ("left out", "blank tag", 1, [7]),
        ("left out", "weight not above 0", 2, [8, 9]),
    ]
    assert graph.nodes("emotion")["valence"][0] < 0


def test_every_row_counts_one_without_weights(tmp_path: Path) -> None:
    dump = spec(tags=[{"file": "said", "item": "song", "tag": "word"}])
    graph, _ = build(dump, tmp_path, songs=SONGS, said="song,word\na,rock\na,rock\nb,rock\n")
    assert pairs(graph, "has_genre", "genre") == {("a", "rock"): 2.0, ("b", "rock"): 1.0}


@pytest.mark.parametrize(
    ("kinds", "found"),
    [
        (["genre"], {"has_genre": {"rock", "vocal music", "happy"}}),
        (["tag"], {"has_tag": {"Rock", "Vocal_Music", "happy"}}),
        (["genre", "tag"], {"has_genre": {"rock"}, "has_tag": {"Vocal_Music", "happy"}}),
        (["emotion", "tag"], {"evokes": {"happiness"}, "has_tag": {"Rock", "Vocal_Music"}}),
    ],
)
def test_kinds(tmp_path: Path, kinds: list[str], found: dict[str, set[str]]) -> None:
    dump = spec(tags=[{"file": "said", "item": "song", "tag": "word", "kinds": kinds}])
    graph, _ = build(dump, tmp_path, songs=SONGS, said="song,word\na,Rock\na,Vocal_Music\na,happy\n")
    ends = {"has_genre": "genre", "evokes": "emotion", "has_tag": "tag"}
    for relation, dst in ends.items():
        assert {tag for _, tag in pairs(graph, relation, dst)} == found.get(relation, set())
    assert {kind for kind in ("genre", "emotion", "tag") if kind in graph.node_types} == {
        ends[r] for r in found
    }


def test_tags_of_artists_and_two_columns(tmp_path: Path) -> None:
    changes = {
        "nodes": {**BASE["nodes"], "artist": [{"file": "said", "key": "artist"}]},
        "tags": [
            {"file": "said", "type": "artist", "item": "artist", "tag": "first"},
            {"file": "said", "type": "artist", "item": "artist", "tag": "second", "kinds": ["genre"]},
        ],
    }
    graph, report = build(
        spec(**changes), tmp_path, songs=SONGS, said="artist,first,second\nx,rock,rock\ny,jazz,\n"
    )
    assert pairs(graph, "has_genre", "genre", "artist") == {("x", "rock"): 2.0, ("y", "jazz"): 1.0}
    assert [(f.action, f.reason, f.part, f.rows) for f in report.findings] == [
        ("left out", "blank tag", "tags artist second", 1)
    ]


def test_beside_assignments(tmp_path: Path) -> None:
    changes: dict[str, Any] = {
        "interaction": "likes",
        "files": {**BASE["files"], "plays": {"path": "plays.csv"}},
        "nodes": {**BASE["nodes"], "user": [{"file": "plays", "key": "who"}]},
        "edges": [{"relation": "likes", "file": "plays", "src": "who", "dst": "what", "dst_type": "song"}],
        "assignments": {"file": "plays", "user": "who", "item": "what", "tag": "word"},
    }
    files = {
        "songs": SONGS,
        "said": "song,word,n\na,rock,2\nb,jazz,5\nb,vienna,1\n",
        "plays": "who,what,word\nu,a,rock\nu,b,linz\nv,a,rock\n",
    }
    graph, _ = build(spec(**changes), tmp_path, **files)
    assert graph.keys("genre") == ["jazz", "rock"]
    assert graph.keys("tag") == ["linz", "vienna"]
    assert pairs(graph, "has_genre", "genre") == {("a", "rock"): 4.0, ("b", "jazz"): 5.0}
    assert pairs(graph, "has_tag", "tag") == {("b", "linz"): 1.0, ("b", "vienna"): 1.0}


@pytest.mark.parametrize("what", ["drop", "ignore", "create", "error"])
def test_unknown_things(tmp_path: Path, what: str) -> None:
    dump = spec(tags=[{"file": "said", "item": "song", "tag": "word", "on_unknown": what}])
    files = {"songs": SONGS, "said": "song,word\na,rock\nc,rock\n"}
    if what == "error":
        with pytest.raises(
            DataError, match=r"1 of 2 rows \(tags song word\) have an unknown song; first: 'c', line 3"
        ):
            build(dump, tmp_path, **files)
        return
    graph, report = build(dump, tmp_path, **files)
    assert graph.keys("song") == (["a", "b", "c"] if what == "create" else ["a", "b"])
    actions = [finding.action for finding in report.findings]
    assert actions == {"drop": ["dropped"], "ignore": ["left out"], "create": []}[what]
    assert any("were dropped" in warning for warning in report.warnings) == (what == "drop")


words = st.sampled_from(["rock", "Rock", "sad", "joy", "linz", "wien", "hip hop", "Hip-Hop"])


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.sampled_from("ab"), words, st.integers(0, 9)), min_size=1, max_size=30))
def test_totals_are_those_of_a_dictionary(rows: list[tuple[str, str, int]]) -> None:
    import tempfile

    genres, emotions = GenreVocabulary.load(), EmotionVocabulary.load()
    wanted: dict[tuple[str, str, str], float] = {}
    for song, word, count in rows:
        name = genres.lookup(word)
        kind = "has_genre" if name else "evokes" if (name := emotions.lookup(word)) else "has_tag"
        if count:
            wanted[kind, song, name or word] = wanted.get((kind, song, name or word), 0) + count
    with tempfile.TemporaryDirectory() as folder:
        said = "song,word,n\n" + "".join(f"{s},{w},{n}\n" for s, w, n in rows)
        graph, _ = build(spec(), Path(folder), songs=SONGS, said=said)
        found = {
            (relation, *pair): weight
            for relation, dst in (("has_genre", "genre"), ("evokes", "emotion"), ("has_tag", "tag"))
            for pair, weight in pairs(graph, relation, dst).items()
        }
    assert found == wanted


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tags": [{"file": "x", "item": "s", "tag": "w"}]}, "tags[0].file: no file 'x' under `files`"),
        ({"tags": [{"file": "said", "item": "s", "tag": "w", "type": "user"}]}, "tags[0].type: "),
        (
            {"tags": [{"file": "said", "item": "s", "tag": "w", "type": "album"}]},
            "tags[0]: no 'album' under `nodes`",
        ),
        (
            {"nodes": {**BASE["nodes"], "genre": [{"file": "said", "key": "g"}]}},
            "nodes.genre: the tags already make the genre nodes; remove these, or leave 'genre' out of `kinds`",
        ),
        (
            {
                "edges": [
                    {"relation": "has_tag", "file": "said", "src": "s", "dst": "t", "on_unknown": "create"}
                ]
            },
            "edges[0].relation: 'has_tag' already comes from the tags; remove these edges",
        ),
        (
            {"files": {**BASE["files"], "said": {"path": "s.csv", "optional": True, "unless": "other"}}},
            "files.said.unless[0]: no other file 'other' under `files`",
        ),
        (
            {"files": {**BASE["files"], "said": {"path": "s.csv", "optional": True, "unless": "said"}}},
            "files.said.unless[0]: no other file 'said' under `files`",
        ),
    ],
)
def test_mistakes(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        dump_check.check(spec(**changes))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tags": [{"file": "said", "item": "s", "tag": "w", "kinds": ["emotion"]}]}, "lists each kind once"),
        (
            {"tags": [{"file": "said", "item": "s", "tag": "w", "kinds": ["tag", "tag"]}]},
            "lists each kind once",
        ),
        (
            {"files": {**BASE["files"], "said": {"path": "s.csv", "unless": "songs"}}},
            "for files that are `optional`",
        ),
    ],
)
def test_mistakes_in_one_place(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spec(**changes)


def test_a_file_instead_of_another(tmp_path: Path) -> None:
    files = {
        "songs": {"path": "songs.csv", "optional": True},
        "said": {"path": "said.csv", "optional": True, "unless": ["songs"]},
    }
    nodes = {"song": [{"file": "songs", "key": "id"}, {"file": "said", "key": "song"}]}
    dump = spec(files=files, nodes=nodes)
    graph, report = build(dump, tmp_path, songs=SONGS, said="song,word,n\nc,rock,1\n")
    assert graph.keys("song") == ["a", "b"]
    assert report.warnings == ["said.csv is not read, since songs.csv says the same"]
    (tmp_path / "songs.csv").unlink()
    graph, report = build(dump, tmp_path)
    assert graph.keys("song") == ["c"]
    assert report.warnings == ["songs.csv is absent (it is optional), so nothing was read from it"]
    (tmp_path / "said.csv").unlink()
    with pytest.raises(DataError, match=r"has none of the files of dump 'mine': songs\.csv, said\.csv"):
        build(dump, tmp_path)


def looked_up(**how: bool) -> DumpSpec:
    lookup = {"column": "artist", "file": "artists", "key": "name", "value": "id", **how}
    return spec(
        files={
            "songs": {"path": "songs.csv", "lookups": {"artist_id": lookup}},
            "said": {"path": "said.csv"},
            "artists": {"path": "artists.csv", "optional": True},
        },
        nodes={"song": [{"file": "songs", "key": "id"}], "artist": [{"file": "said", "key": "artist"}]},
        edges=[
            {"relation": "sung_by", "file": "said", "src": "song", "dst": "artist"},
            {
                "relation": "sung_by", "file": "songs", "src": "id", "dst": "artist_id",
                "fill": True, "on_unknown": "ignore",
            },
        ],
        tags=[],
    )  # fmt: skip


SUNG = {"songs": "id,artist\na,X\nb,X\nc,Y\nd,Z\n", "said": "song,artist\na,1\n,2\n,3\n,4\n,Z\n"}
ARTISTS = "id,name\n2,X\n3,Y\n4,Y\n3,Y\n"


def test_edges_that_fill_what_is_left_open(tmp_path: Path) -> None:
    graph, report = build(looked_up(), tmp_path, **SUNG, artists=ARTISTS)
    assert set(pairs(graph, "sung_by", "artist")) == {("a", "1"), ("b", "2"), ("c", "3")}
    filled = report.find("song with an edge from another file")
    assert filled is not None
    assert (filled.action, filled.rows, filled.first_lines, filled.file) == ("merged", 1, [2], "songs.csv")


def test_the_lines_of_edges_that_are_not_needed_stand_in_the_order_of_the_file(tmp_path: Path) -> None:
    songs, said = "id,artist\nb,X\na,X\n", "song,artist\na,1\nb,1\n,2\n"
    _, report = build(looked_up(), tmp_path, songs=songs, said=said, artists=ARTISTS)
    filled = report.find("song with an edge from another file")
    assert filled is not None
    assert filled.first_lines == [2, 3]


def test_only_what_is_unique_is_found(tmp_path: Path) -> None:
    graph, report = build(looked_up(unique=True), tmp_path, **SUNG, artists=ARTISTS)
    assert set(pairs(graph, "sung_by", "artist")) == {("a", "1"), ("b", "2")}
    found = report.find("no single artist_id for this artist")
    assert found is not None
    assert (found.action, found.rows, found.examples) == ("repaired", 2, ["Y", "Z"])


def test_what_is_not_found_may_stay(tmp_path: Path) -> None:
    graph, report = build(looked_up(keep=True), tmp_path, **SUNG, artists=ARTISTS)
    assert ("d", "Z") in pairs(graph, "sung_by", "artist")
    found = report.find("no artist_id for this artist")
    assert found is not None
    assert found.rows == 1


def test_edges_that_rest_on_an_absent_file(tmp_path: Path) -> None:
    graph, report = build(looked_up(), tmp_path, **SUNG)
    assert set(pairs(graph, "sung_by", "artist")) == {("a", "1")}
    assert report.warnings[0] == "artists.csv is absent (it is optional), so nothing was read from it"
    assert report.find("no artist_id for this artist") is None
    graph, report = build(looked_up(keep=True), tmp_path, **SUNG)
    assert set(pairs(graph, "sung_by", "artist")) == {("a", "1"), ("d", "Z")}
    assert report.find("no artist_id for this artist") is None
