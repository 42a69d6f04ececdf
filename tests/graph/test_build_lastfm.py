"""Last.fm 1K and 360K: ids that are blank resolved by names; the real sample counted by plain Python."""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hetmusic.dumps.describe import describe
from hetmusic.errors import DataError
from hetmusic.graph import MusicGraph
from hetmusic.graph.build_report import BuildReport, Notes
from hetmusic.graph.raw import resolved
from hetmusic.graph.raw.resolved import Resolved
from hetmusic.graph.raw.source import LINE, Source
from kg_schema.dump import DumpSpec
from kg_schema.dump_files import FileSpec, Resolve

LISTENS = "userid-timestamp-artid-artname-traid-traname.tsv"
SAMPLE = "userid-timestamp-artid-artname-traid-traname.SAMPLE.tsv"
PROFILES = "#id\tgender\tage\tcountry\tregistered\nuser_1\tm\t\tJapan\tAug 13, 2006\nuser_2\t\t31\t\t\n"
#: user, time, artist id, artist, song id, song; newest first
ROWS = [
    ("user_1", "2009-05-04T23:08:57Z", "A1", "Deep Dish", "", "Intro"),
    ("user_1", "2009-05-04T23:00:00Z", "", "Deep Dish", "S1", "Outro"),
    ("user_1", "2009-05-03T23:00:00Z", "A1", "Deep Dish", "", "Outro"),
    ("user_1", "2009-05-02T23:00:00Z", "A1", "Deep Dish", "S1", "Outro (as tagged)"),
    ("user_2", "2009-05-02T10:00:00Z", "A2", "Twins", "S2", "Song"),
    ("user_2", "2009-05-02T09:00:00Z", "A3", "Twins", "S3", "Song"),
    ("user_2", "2009-05-02T08:00:00Z", "", "Twins", "", "Song"),
    ("user_2", "2009-05-02T07:00:00Z", "", "Nobody", "", "Intro"),
    ("user_2", "2009-05-02T06:00:00Z", "", "Nobody", "", "Intro"),
    ("user_2", "2009-05-02T05:00:00Z", "", "deep dish", "", '"Intro'),
]


def write(raw: Path, rows: list[tuple[str, ...]] = ROWS) -> Path:
    raw.mkdir(exist_ok=True)
    (raw / LISTENS).write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    (raw / "userid-profile.tsv").write_text(PROFILES, encoding="utf-8")
    return raw


def build(dump: str, raw: Path) -> tuple[MusicGraph, BuildReport]:
    graph = MusicGraph.build(dump, raw=raw, out=raw.parent / f"{raw.name}-graph", overwrite=True)
    return graph, BuildReport.model_validate(graph.meta.build_report)


def pairs(graph: MusicGraph, relation: str) -> dict[tuple[str, str], tuple[float, int | None]]:
    (kind,) = (kind for kind in graph.edge_types if kind.relation == relation)
    edges, src, dst = graph.edges(relation), graph.keys(kind.src), graph.keys(kind.dst)
    weight = np.ones(len(edges)) if edges.weight is None else edges.weight
    time = [None] * len(edges) if edges.time is None else edges.time.tolist()
    ends = zip(edges.src, edges.dst, weight, time, strict=True)
    return {(src[s], dst[d]): (float(w), t) for s, d, w, t in ends}


def seconds(text: str) -> int:
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def resolve(rows: list[tuple[str, ...]], column: int, by: list[int]) -> list[str]:
    """The rule in plain Python: the only id that the names have, or the names."""
    ids = defaultdict(set)
    for row in rows:
        if row[column] and all(row[i] for i in by):
            ids[tuple(row[i] for i in by)].add(row[column])
    keys = []
    for row in rows:
        names = tuple(row[i] for i in by)
        found = ids[names]
        name = f"name:{'|'.join(names)}" if all(names) else ""
        keys.append(row[column] or (next(iter(found)) if name and len(found) == 1 else name))
    return keys


def test_the_real_sample(shared_data: Path, tmp_path: Path) -> None:
    raw = shared_data / "lastfm-1k"
    if not (raw / SAMPLE).is_file():
        pytest.skip(f"{raw / SAMPLE} is not there")
    rows = [tuple(line.split("\t")) for line in (raw / SAMPLE).read_text("utf-8").split("\n")[:-1]]
    assert len(rows) == 5_000
    graph = MusicGraph.build("lastfm-1k", raw=raw, out=tmp_path / "graph")
    artists, songs = resolve(rows, 2, [3]), resolve(rows, 4, [3, 5])
    plays = Counter(zip((row[0] for row in rows), songs, strict=True))
    latest: dict[tuple[str, str], int] = {}
    for row, song in zip(rows, songs, strict=True):
        latest[row[0], song] = max(latest.get((row[0], song), 0), seconds(row[1]))
    assert pairs(graph, "likes") == {pair: (n, latest[pair]) for pair, n in plays.items()}
    assert set(pairs(graph, "sung_by")) == set(zip(songs, artists, strict=True))
    assert {kind: graph.num_nodes(kind) for kind in graph.node_types} == {
        "user": 992,
        "song": 1192,
        "artist": 235,
    }
    assert graph.num_edges("likes") == 1193
    names = dict(zip(reversed(artists), (row[3] for row in reversed(rows)), strict=True))
    table = graph.nodes("artist")
    assert dict(zip(table["key"], table["name"], strict=True)) == names

    report = BuildReport.model_validate(graph.meta.build_report)
    assert report.rows == {"userid-profile.tsv": 992, SAMPLE: 5000}
    assert {f.reason: (f.action, f.rows) for f in report.findings} == {
        "blank artist_id, made of artist": ("repaired", 353),
        "blank song_id, made of artist and song": ("repaired", 1396),
    }


def test_the_real_profiles(shared_data: Path, tmp_path: Path) -> None:
    raw = shared_data / "lastfm-1k"
    if not (raw / SAMPLE).is_file():
        pytest.skip(f"{raw / SAMPLE} is not there")
    lines = (raw / "userid-profile.tsv").read_text("utf-8").split("\n")[1:-1]
    people = {key: values for key, *values in (line.split("\t") for line in lines)}
    graph = MusicGraph.build("lastfm-1k", raw=raw, out=tmp_path / "graph")
    users = graph.nodes("user").select("key", "gender", "age", "country", "registered")
    assert users["age"].dtype == pl.Int64
    assert {key: ["" if v is None else str(v) for v in values] for key, *values in users.rows()} == people


def test_blank_ids_are_resolved_by_names(tmp_path: Path) -> None:
    graph, report = build("lastfm-1k", write(tmp_path / "raw"))
    assert {pair: weight for pair, (weight, _) in pairs(graph, "likes").items()} == {
        ("user_1", "name:Deep Dish|Intro"): 1,
        ("user_1", "S1"): 3,
        ("user_2", "S2"): 1,
        ("user_2", "S3"): 1,
        ("user_2", "name:Twins|Song"): 1,
        ("user_2", "name:Nobody|Intro"): 2,
        ("user_2", 'name:deep dish|"Intro'): 1,
    }
    assert pairs(graph, "likes")["user_1", "S1"][1] == seconds("2009-05-04T23:00:00Z")
    assert set(pairs(graph, "sung_by")) == {
        ("name:Deep Dish|Intro", "A1"),
        ("S1", "A1"),
        ("S2", "A2"),
        ("S3", "A3"),
        ("name:Twins|Song", "name:Twins"),
        ("name:Nobody|Intro", "name:Nobody"),
        ('name:deep dish|"Intro', "name:deep dish"),
    }
    found = {
        f.reason: (f.part, f.action, f.rows, f.values, f.examples, f.first_lines) for f in report.findings
    }
    several = "which have several"
    song, artist = "blank song_id, made of artist and song", "blank artist_id, made of artist"
    assert found == {
        "blank artist_id, found by artist": ("file", "repaired", 1, 1, ["A1"], [2]),
        artist: ("file", "repaired", 3, 2, ["name:Nobody", "name:deep dish"], [8, 9, 10]),
        f"{artist}, {several}": ("file", "repaired", 1, 1, ["name:Twins"], [7]),
        "blank song_id, found by artist and song": ("file", "repaired", 1, 1, ["S1"], [3]),
        song: (
            "file",
            "repaired",
            4,
            3,
            ["name:Deep Dish|Intro", "name:Nobody|Intro", 'name:deep dish|"Intro'],
            [1, 8, 9, 10],
        ),
        f"{song}, {several}": ("file", "repaired", 1, 1, ["name:Twins|Song"], [7]),
        # a song with two titles in the data keeps the newest
        "other values of a repeated song": ("nodes song", "merged", 1, 1, ["S1"], [4]),
    }
    assert dict(graph.nodes("song").select("key", "name").rows())["S1"] == "Outro"


def test_a_blank_name_contradicts_nothing(tmp_path: Path) -> None:
    rows = [
        ("user_1", "2009-05-04T23:08:57Z", "A1", name, "S1", "Intro")
        for name in ("", "Deep Dish", "", "Dish", "Deep Dish")
    ]
    graph, report = build("lastfm-1k", write(tmp_path / "raw", rows))
    assert graph.names("artist") == ["Deep Dish"]
    found = report.find("other values of a repeated artist")
    assert found is not None
    assert (found.rows, found.first_lines) == (1, [4])


def test_rows_without_names_or_fields(tmp_path: Path) -> None:
    """In the full file some rows are broken; they are counted, and do not stop the build."""
    raw = write(
        tmp_path / "raw", [*ROWS, ("user_2", "2009-05-02T05:00:00Z", "", "", "", "Song"), ("user_2", "x")]
    )
    graph, report = build("lastfm-1k", raw)
    assert graph.checksum == build("lastfm-1k", write(tmp_path / "clean"))[0].checksum
    dropped = {(f.part, f.reason): f.first_lines for f in report.findings if f.action == "dropped"}
    assert dropped == {
        ("file", "wrong number of fields"): [12],
        ("nodes artist", "blank artist"): [11],
        ("nodes song", "blank song"): [11],
        ("edges user__likes__song", "blank song"): [11],
        ("edges song__sung_by__artist", "blank song"): [11],
    }
    assert report.rows[LISTENS] == len(ROWS) + 1


def test_a_time_that_is_none(tmp_path: Path) -> None:
    raw = write(tmp_path / "raw", [*ROWS, ("user_2", "yesterday", "A1", "Deep Dish", "S1", "Outro")])
    with pytest.raises(DataError, match=r"line 11, field 'time': 'yesterday' is not an ISO 8601 time"):
        build("lastfm-1k", raw)


def test_360k(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    users = [f"{i:040x}" for i in range(3)]
    rows = [
        (users[0], "3bd73256", "betty blowtorch", "2137"),
        (users[0], "", "die Ärzte", "99"),
        (users[1], "f2fb0ff0", "die Ärzte", "1099"),
        (users[1], "", '"weird al"', "5"),
        (users[1], "", "", "5"),
        ("sep 20, 2008", "3bd73256", "betty blowtorch", "12"),
    ]
    lines = "".join("\t".join(row) + "\n" for row in rows)
    (raw / "usersha1-artmbid-artname-plays.tsv").write_text(lines, encoding="utf-8")
    profiles = f"{users[0]}\tf\t22\tGermany\tFeb 1, 2007\n{users[1]}\tm\t\tCanada\tDec 4, 2007\n{users[2]}\t\t-1337\t\t\n"
    (raw / "usersha1-profile.tsv").write_text(profiles, encoding="utf-8")
    graph, report = build("lastfm-360k", raw)
    assert (graph.meta.item, graph.keys("user")) == ("artist", users)
    assert {pair: weight for pair, (weight, _) in pairs(graph, "likes").items()} == {
        (users[0], "3bd73256"): 2137,
        (users[0], "f2fb0ff0"): 99,
        (users[1], "f2fb0ff0"): 1099,
        (users[1], 'name:"weird al"'): 5,
    }
    assert graph.nodes("user")["age"].to_list() == [22, None, -1337]
    assert {(f.part, f.reason): (f.rows, f.examples) for f in report.findings} == {
        ("file", "blank artist_id, found by artist"): (1, ["f2fb0ff0"]),
        ("file", "blank artist_id, made of artist"): (1, ['name:"weird al"']),
        ("nodes artist", "blank artist"): (1, []),
        ("edges user__likes__artist", "blank artist"): (1, []),
        ("edges user__likes__artist", "unknown user"): (1, ["sep 20, 2008"]),
    }


NAMES = st.sampled_from(["", "a", "b", "c|d"])


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(st.sampled_from(["", "1", "2"]), NAMES, NAMES), max_size=40),
    size=st.integers(1, 9),
)
def test_the_rule_in_batches_is_the_rule_in_plain_python(rows: list[tuple[str, str, str]], size: int) -> None:
    frame = pl.DataFrame(rows, dict.fromkeys(["id", "artist", "song"], pl.String), orient="row")
    frame = frame.with_row_index(LINE, 1).with_columns(pl.col("id", "artist", "song").replace("", None))
    batches = [frame[start : start + size] for start in range(0, frame.height, size)]
    source = Source(Path("x.tsv"), "x.tsv", FileSpec(path=["x.tsv"]), Notes("x"))
    names = Resolve(by=["artist", "song"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resolved, "_COMPACT", 3)
        filled = Resolved(source, {"id": names}, batches)
    keys = [key for batch in batches for key in filled.add(batch)["id"].to_list()]
    expected = resolve(rows, 0, [1, 2])
    assert [key or "" for key in keys] == expected
    blank = sum(not row[0] and bool(key) for row, key in zip(rows, expected, strict=True))
    assert sum(f.rows for f in source.notes.report.findings) == blank


def test_a_hash_that_two_names_share_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a hash of three values many names would be one; other seeds are tried until all differ."""
    seeds = []

    def coarse(rows: pl.DataFrame, seed: int = 0) -> pl.Series:
        seeds.append(seed)
        return true_hash(rows, 0) % (3 if seed < 2 else 1 << 60)

    true_hash = pl.DataFrame.hash_rows
    monkeypatch.setattr(pl.DataFrame, "hash_rows", coarse)
    frame = pl.DataFrame({LINE: range(20), "id": [None] * 20, "name": [f"n{i}" for i in range(20)]})
    frame = frame.with_columns(pl.col("id").cast(pl.String))
    source = Source(Path("x.tsv"), "x.tsv", FileSpec(path=["x.tsv"]), Notes("x"))
    filled = Resolved(source, {"id": Resolve(by=["name"])}, [frame]).add(frame)
    assert filled["id"].to_list() == [f"name:n{i}" for i in range(20)]
    assert seeds == [0, 1, 2, 2]


def test_a_file_that_changes_while_it_is_read() -> None:
    frame = pl.DataFrame(
        {LINE: [1], "id": [None], "name": ["a"]}, {LINE: pl.Int64, "id": pl.String, "name": pl.String}
    )
    source = Source(Path("x.tsv"), "x.tsv", FileSpec(path=["x.tsv"]), Notes("x"))
    filled = Resolved(source, {"id": Resolve(by=["name"])}, [frame])
    with pytest.raises(DataError, match="has changed"):
        filled.add(frame.with_columns(pl.lit("b").alias("name")))


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"by": ["artist_id"]}, "not the one that is resolved"),
        ({"by": ["artist", "artist"]}, "lists each column once"),
        ({"by": []}, "at least 1 item"),
        ({"by": ["artist"], "prefix": ""}, "at least 1 character"),
    ],
)
def test_mistakes_in_the_rule(rule: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FileSpec.model_validate({"path": "x.tsv", "resolve": {"artist_id": rule}})


def test_the_rule_in_words() -> None:
    files = describe(DumpSpec.load("lastfm-1k"))["files"]
    assert (
        "  blank `artist_id` is the only one that `artist` has elsewhere, else `name:` and `artist`" in files
    )
