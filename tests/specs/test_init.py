"""A first specification from files alone: it builds as it is where the tables are plain, and says where it guesses."""

from __future__ import annotations

import gzip
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hetmusic.errors import DataError, UserError
from hetmusic.graph import MusicGraph
from hetmusic.graph.build import build_graph
from hetmusic.specs import check_spec, init_spec, write_spec
from hetmusic.specs.roles import Role, role_of, split_words
from hetmusic.specs.write import flow
from hetmusic.synth import WorldSettings, make_world, write_dump
from kg_schema.dump import DumpSpec


def build(folder: Path, name: str = "spec") -> tuple[str, MusicGraph]:
    """Draft, check and build without an edit."""
    path = folder.parent / f"{name}.yaml"
    write_spec(init_spec(folder), path)
    assert check_spec(path, folder).errors == []
    build_graph(path, folder, folder.parent / f"{name}-graph")
    return path.read_text(encoding="utf-8"), MusicGraph.open(folder.parent / f"{name}-graph", verify=True)


def write(folder: Path, **files: str | bytes) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def edges(graph: MusicGraph, relation: str) -> set[tuple[Any, ...]]:
    found = graph.edges(relation)
    (edge_type,) = (edge_type for edge_type in graph.edge_types if edge_type.relation == relation)
    src, dst = graph.keys(edge_type.src), graph.keys(edge_type.dst)
    weight = [None] * len(found) if found.weight is None else [float(value) for value in found.weight]
    return {(src[s], dst[d], w) for s, d, w in zip(found.src, found.dst, weight, strict=True)}


PLAYS = "user_id,song_id,plays,time\nu1,s1,3,1700000000\nu2,s2,1,1700000500\nu2,s1,2,1700000900\n"
SONGS = "song_id,title,artist_id,album,genre,year\ns1,One,a1,First,rock,1999\ns2,Two,a1,First,pop,\n"
ARTISTS = "id,name,country\na1,Band,FR\n"
FRIENDS = "user_id,friend_id\nu1,u2\n"
TAGS = "user_id,song_id,tag\nu1,s1,sad\nu2,s2,seen live\n"


def test_plain_tables(tmp_path: Path) -> None:
    raw = write(
        tmp_path / "raw",
        plays_DOT_csv=PLAYS,
        songs_DOT_csv=SONGS,
        artists_DOT_csv=ARTISTS,
        friends_DOT_csv=FRIENDS,
        tags_DOT_csv=TAGS,
        README_DOT_txt="not,a\ntable,at all\n",
        cover_DOT_jpg=b"\xff\xd8",
    )
    text, graph = build(raw)
    assert "# ? " not in text, "nothing of this is a guess"
    assert edges(graph, "likes") == {("u1", "s1", 3.0), ("u2", "s2", 1.0), ("u2", "s1", 2.0)}
    assert sorted(graph.edges("likes").time) == [1700000000, 1700000500, 1700000900]
    assert edges(graph, "sung_by") == {("s1", "a1", None), ("s2", "a1", None)}
    assert edges(graph, "on_album") == {("s1", "First", None), ("s2", "First", None)}
    assert {pair[:2] for pair in edges(graph, "has_genre")} == {("s1", "rock"), ("s2", "pop")}
    assert edges(graph, "friends") == {("u1", "u2", None), ("u2", "u1", None)}
    assert edges(graph, "evokes") == {("s1", "sadness", 1.0)}
    assert edges(graph, "has_tag") == {("s2", "seen live", 1.0)}
    assert graph.nodes("song").select("name", "year").rows() == [("One", 1999), ("Two", None)]
    assert graph.nodes("artist").select("key", "name", "country").rows() == [("a1", "Band", "FR")]
    assert (graph.meta.item, graph.meta.interaction) == ("song", "likes")
    assert graph.meta.build_report["findings"] == []


def test_the_same_graph_as_from_a_specification_by_hand(tmp_path: Path) -> None:
    settings = WorldSettings(users=30, songs=50, artists=9, listens_per_user=12)
    world = write_dump(make_world(settings, seed=1), tmp_path / "world")
    by_hand = tmp_path / "by-hand"
    build_graph(world / "spec.yaml", world, by_hand)
    shutil.rmtree(world / "truth")
    _, graph = build(world)
    expected = MusicGraph.open(by_hand)
    assert graph.node_types == expected.node_types
    for kind in graph.node_types:
        assert graph.keys(kind) == expected.keys(kind)
    assert graph.edge_types == expected.edge_types
    for edge_type in graph.edge_types:
        assert graph.edges(edge_type).src.tolist() == expected.edges(edge_type).src.tolist()
        assert graph.edges(edge_type).dst.tolist() == expected.edges(edge_type).dst.tolist()


def test_hetrec(shared_data: Path, tmp_path: Path) -> None:
    """Found out from the files alone; the counts are those of the dump's readme."""
    path = tmp_path / "spec.yaml"
    report = init_spec(shared_data / "hetrec-lastfm-2k")
    write_spec(report, path)
    build_graph(path, shared_data / "hetrec-lastfm-2k", tmp_path / "graph")
    graph = MusicGraph.open(tmp_path / "graph")
    built_in = DumpSpec.load("hetrec-lastfm")
    assert (graph.num_nodes("user"), graph.num_nodes("artist")) == (1892, 17_632)
    assert (graph.num_edges("likes"), graph.num_edges("friends")) == (92_834, 12_717)
    spec = DumpSpec.load(path)
    assert spec.files["tags"].encoding == "latin-1"
    assert spec.files["artists"].quote is None, '"Weird Al" Yankovic keeps his quotes'
    assert built_in.assignments is not None
    assert spec.assignments is not None
    assert spec.assignments.tag_names is not None
    assert spec.assignments.tag_names.value == "tagValue"
    assert report.draft.left == [
        "user_taggedartists.dat: 258 artists of 'artistID' are described nowhere; rows with them will be dropped"
    ]


def test_taste_profile(shared_data: Path, tmp_path: Path) -> None:
    """No header, and yet the ids tell songs, and the numbers how often they were played."""
    (tmp_path / "raw").mkdir()
    name = "taste_profile_topUsers_10000.txt"
    shutil.copyfile(shared_data / "msd" / name, tmp_path / "raw" / name)
    text, graph = build(tmp_path / "raw")
    assert (graph.num_nodes("user"), graph.num_nodes("song"), graph.num_edges("likes")) == (
        10_000,
        2_036,
        39_017,
    )
    assert "keys: {song: msd-song}" in text
    assert "# ? column_1: nothing says what it is" in text
    assert "# ? column_2: its values look like msd-song ids" in text


LOG = [f"u{i % 7}\ts{i % 11}\tArtist {i % 3}" for i in range(80)]
EXPECTED_LOG = {(f"u{i % 7}", f"s{i % 11}") for i in range(80)}


@pytest.mark.parametrize(
    "kind", ["jsonl", "json", "parquet", "hive", "parts", "sqlite", "gz", "semicolons", "latin-1", "SEP"]
)
def test_every_format(tmp_path: Path, kind: str) -> None:
    """One log with an artist's name a row: no plays, so that rows are counted."""
    raw = tmp_path / "raw"
    raw.mkdir()
    rows = [line.split("\t") for line in LOG]
    frame = pl.DataFrame(rows, ["user", "track", "artist_name"], orient="row")
    header = "user\ttrack\tartist_name"
    text = "\n".join([header, *LOG]) + "\n"
    if kind in ("jsonl", "json"):
        frame.write_ndjson(raw / f"listens.{kind}")
    elif kind == "parquet":
        frame.write_parquet(raw / "listens.parquet")
    elif kind == "hive":
        for year, part in (("2023", frame[:30]), ("2024", frame[30:])):
            (raw / "listens" / f"year={year}").mkdir(parents=True)
            part.write_parquet(raw / "listens" / f"year={year}" / "part-0.parquet")
    elif kind == "parts":
        for number in range(4):
            (raw / f"part-{number:04}.csv").write_text(frame[number::4].write_csv())
    elif kind == "sqlite":
        with sqlite3.connect(raw / "music.db") as connection:
            connection.execute("CREATE TABLE listens (user TEXT, track TEXT, artist_name TEXT)")
            connection.executemany("INSERT INTO listens VALUES (?, ?, ?)", rows)
        connection.close()
    elif kind == "gz":
        (raw / "listens.tsv.gz").write_bytes(gzip.compress(text.encode()))
    elif kind == "semicolons":
        lines = text.replace("\t", ";").replace("Artist 0", '"Artist; 0"')
        (raw / "listens.csv").write_text(lines)
    elif kind == "latin-1":
        (raw / "listens.tsv").write_bytes(text.replace("Artist 1", "Mot\xf6r").encode("latin-1"))
    else:
        (raw / "listens.txt").write_text(text.replace("\t", "<SEP>"))
    written, graph = build(raw)
    assert {pair[:2] for pair in edges(graph, "likes")} == EXPECTED_LOG
    assert graph.edges("likes").weight.sum() == 80  # type: ignore[union-attr]
    artists = {"Artist 0", "Artist 1", "Artist 2"}
    artists = {
        "semicolons": {"Artist; 0", "Artist 1", "Artist 2"},
        "latin-1": {"Artist 0", "Motör", "Artist 2"},
    }.get(kind, artists)
    assert set(graph.keys("artist")) == artists
    assert "count_rows: true" in written


def test_a_table_of_a_database_is_about_what_it_is_called(tmp_path: Path) -> None:
    """Its titles are names of songs, whatever the database is called, and row numbers are no attribute."""
    raw = write(tmp_path / "raw", plays_DOT_csv="user,track_id\nx,t1\ny,t2\n")
    with sqlite3.connect(raw / "cat.db") as connection:
        connection.execute("CREATE TABLE tracks (track_id TEXT, title TEXT, seconds INTEGER)")
        connection.executemany("INSERT INTO tracks VALUES (?, ?, ?)", [("t1", "One", 61), ("t2", "Two", 62)])
    connection.close()
    _, graph = build(raw)
    columns = {"key": ["t1", "t2"], "name": ["One", "Two"], "seconds": [61, 62]}
    assert graph.nodes("song").to_dict(as_series=False) == columns


def test_what_is_doubtful_is_marked(tmp_path: Path) -> None:
    raw = write(
        tmp_path / "raw",
        a_DOT_csv='# made by hand\n# in a hurry\nlistener,track,rating\nx,1,4\ny,2,5\ny,1\nz,"quoted" name,3\n',
        b_DOT_csv="nr,who\n7,x\n8,y\n9,z\n",
    )
    text, graph = build(raw)
    for doubt in ("lines that begin with # are skipped", "some rows have another number of fields"):
        assert f"# ? {doubt}" in text
    assert "# ? the weight is a rating, not a number of plays" in text
    assert {pair[:2] for pair in edges(graph, "likes")} == {("x", "1"), ("y", "2"), ("z", '"quoted" name')}


def test_tables_are_connected_by_their_values(tmp_path: Path) -> None:
    """``b`` does not say what it is, but its values are the songs."""
    raw = write(
        tmp_path / "raw",
        songs_DOT_csv="id,title\n" + "".join(f"s{i},t{i}\n" for i in range(9)),
        plays_DOT_csv="user,b\n" + "".join(f"u{i % 3},s{i}\n" for i in range(9)),
    )
    text, graph = build(raw)
    assert len(edges(graph, "likes")) == 9
    assert "# ? b: 100 % of its values are in 'id' of songs.csv" in text


def test_users_that_only_listen_are_nodes_too(tmp_path: Path) -> None:
    raw = write(tmp_path / "raw", plays_DOT_csv=PLAYS, users_DOT_csv="user_id,age\nu1,30\n")
    text, graph = build(raw)
    assert graph.nodes("user").select("key", "age").rows() == [("u1", 30), ("u2", None)]
    assert "# ? 1 users occur here only" in text


def test_genres_in_lists_are_not_taken_for_one(tmp_path: Path) -> None:
    raw = write(
        tmp_path / "raw", plays_DOT_csv=PLAYS, songs_DOT_csv="song_id,genre\ns1,rock|pop\ns2,jazz|soul\n"
    )
    text, graph = build(raw)
    assert "genre" not in graph.node_types
    assert (
        "#   songs.csv: 'genre' seems to hold several genres in one field, which cannot be taken apart"
        in text
    )


def test_without_users_nothing_is_predicted(tmp_path: Path) -> None:
    raw = write(tmp_path / "raw", songs_DOT_csv=SONGS)
    _, graph = build(raw)
    assert graph.meta.interaction is None
    assert graph.num_edges("sung_by") == 2


def test_similar_artists(tmp_path: Path) -> None:
    raw = write(tmp_path / "raw", sim_DOT_csv="artist,artist2,similarity\na,b,0.5\nb,c,0.25\n")
    _, graph = build(raw)
    assert edges(graph, "similar_to") >= {("a", "b", 0.5), ("b", "c", 0.25)}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "raw has no tables$"),
        ({"x_DOT_csv": b""}, r"has no tables: x\.csv: x\.csv is empty"),
        ({"x_DOT_csv": b"a\0b"}, r"has no tables: x\.csv: x\.csv is no text"),
        ({"x_DOT_parquet": b"PAR1"}, r"has no tables: x\.parquet: .*no parquet file"),
        (
            {"x_DOT_db": b"SQLite format 3\0" + b"\xff" * 99},
            r"has no tables: x\.db: .*cannot be read as an SQLite",
        ),
        ({"x_DOT_json": b'{\n  "a": 1\n}\n'}, r"has no tables: x\.json: JSON, but not an object a line"),
        ({"x_DOT_gz": b"\x1f\x8b broken"}, r"has no tables: x\.gz: .*damaged"),
        (
            {"x_DOT_csv": b"colour,size\nred,1\n"},
            "no column was recognised as that of songs, artists or albums",
        ),
    ],
)
def test_nothing_to_describe(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    with pytest.raises(DataError, match=message):
        init_spec(write(tmp_path / "raw", **files))


def test_other_mistakes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nix is not a folder"):
        init_spec(tmp_path / "nix")
    report = init_spec(write(tmp_path / "raw", plays_DOT_csv=PLAYS))
    write_spec(report, tmp_path / "spec.yaml")
    with pytest.raises(UserError, match=r"spec\.yaml already exists"):
        write_spec(report, tmp_path / "spec.yaml")
    write_spec(report, tmp_path / "spec.yaml", overwrite=True)
    assert init_spec(tmp_path / "raw").text == report.text


def test_bad_tables_do_not_hide_good_ones(tmp_path: Path) -> None:
    raw = write(
        tmp_path / "raw",
        plays_DOT_csv=PLAYS,
        bad_DOT_csv=b"\0",
        wide_DOT_csv=",".join(f"c{i}" for i in range(300)) + "\n",
    )
    text, _ = build(raw)
    assert "#   bad.csv: bad.csv is no text" in text
    assert "#   wide.csv: 300 columns are too many to guess what they mean" in text


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("userID", Role("user", is_id=True)),
        ("artist_mbid", Role("artist", is_id=True)),
        ("trackName", Role("song", is_name=True)),
        ("playcount", Role(measure="plays")),
        ("friend_id", Role("user", is_id=True, is_other=True)),
        ("user2", Role("user", is_other=True)),
        ("played_at", Role(measure="time")),
        ("artist_familiarity", Role("artist", is_more=True)),
        ("Song title", Role("song", is_name=True)),
        ("colour", Role(is_more=True)),
        ("", Role()),
    ],
)
def test_names_of_columns(name: str, role: Role) -> None:
    assert role_of(name) == role


def test_words() -> None:
    assert split_words("userid-timestamp-artID") == ["user", "id", "timestamp", "art", "id"]
    assert split_words("tagValue") == ["tag", "value"]


texts = st.text(max_size=12)
values = st.recursive(
    texts | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(values)
def test_yaml_says_what_was_meant(value: Any) -> None:
    assert yaml.safe_load(flow(value)) == value


words = st.sampled_from(
    [
        "user",
        "song_id",
        "artist",
        "title",
        "plays",
        "ts",
        "genre",
        "tag",
        "friend",
        "x",
        "é",
        "a b",
        "#",
        "key",
        "name",
        "y",
    ]
)
cells = st.sampled_from(
    ["", "1", "2", "u1", "u2", "s1", "1.5", "2020-01-01", '"', "a,b", "é", "true", " ", "1700000000"]
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_draft_is_always_a_specification(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever is in the files, the draft can be loaded, or there is one clear error."""
    raw = tmp_path_factory.mktemp("draft") / "raw"
    raw.mkdir()
    for file in data.draw(
        st.lists(st.sampled_from(["songs", "users", "plays", "x"]), min_size=1, max_size=3, unique=True)
    ):
        header = data.draw(st.lists(words, min_size=1, max_size=4, unique=True))
        rows = data.draw(st.lists(st.lists(cells, min_size=len(header), max_size=len(header)), max_size=6))
        delimiter = data.draw(st.sampled_from(",\t;"))
        lines = [delimiter.join(row) for row in ([header, *rows] if data.draw(st.booleans()) else rows)]
        (raw / f"{file}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    try:
        report = init_spec(raw)
    except DataError as error:
        message = str(error)
    else:
        message = ""
        write_spec(report, raw.parent / "spec.yaml")
        DumpSpec.load(raw.parent / "spec.yaml")
        assert check_spec(raw.parent / "spec.yaml").errors == []
    assert "\n" not in message
