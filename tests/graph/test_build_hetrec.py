"""The HetRec dump as a graph: every quirk of the raw files, with counts taken from them by plain Python."""

from __future__ import annotations

import calendar
import hashlib
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

from hetmusic.graph import EdgeType, MusicGraph
from hetmusic.graph.build import BuildReport
from kg_schema.vocab import EmotionVocabulary, GenreVocabulary

LIKES = EdgeType("user", "likes", "artist")
FRIENDS = EdgeType("user", "friends", "user")


class Raw(NamedTuple):
    """The raw files as lists of fields, line 2 first."""

    artists: list[list[str]]
    tags: list[list[str]]
    plays: list[list[str]]
    friends: list[list[str]]
    tagged: list[list[str]]


def _rows(path: Path, encoding: str = "utf-8") -> list[list[str]]:
    lines = path.read_bytes().split(b"\n")
    assert lines.pop() == b""
    return [line.removesuffix(b"\r").decode(encoding).split("\t") for line in lines[1:]]


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "hetrec-lastfm-2k"


@pytest.fixture(scope="module")
def raw(folder: Path) -> Raw:
    return Raw(
        _rows(folder / "artists.dat"),
        _rows(folder / "tags.dat", "latin-1"),
        _rows(folder / "user_artists.dat"),
        _rows(folder / "user_friends.dat"),
        _rows(folder / "user_taggedartists.dat"),
    )


@pytest.fixture(scope="module")
def graph(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> MusicGraph:
    out = tmp_path_factory.mktemp("hetrec") / "graph"
    return MusicGraph.build("hetrec-lastfm", raw=folder, out=out)


@pytest.fixture(scope="module")
def report(graph: MusicGraph) -> BuildReport:
    return BuildReport.model_validate(graph.meta.build_report)


def test_folder_is_complete_and_true_to_its_checksums(graph: MusicGraph) -> None:
    opened = MusicGraph.open(graph.path, verify=True)
    assert opened.item_type == "artist"
    assert opened.interaction == LIKES
    assert opened.name == "hetrec-lastfm"


def test_nodes(graph: MusicGraph, raw: Raw) -> None:
    users = {row[0] for row in raw.plays} | {key for row in raw.friends for key in row}
    users |= {row[0] for row in raw.tagged}
    assert graph.keys("user") == sorted(users, key=int)
    assert graph.num_nodes("user") == 1892
    assert graph.keys("artist") == sorted((row[0] for row in raw.artists), key=int)
    assert graph.num_nodes("artist") == 17632


def test_ids_have_gaps_and_indices_do_not(graph: MusicGraph) -> None:
    keys = [int(key) for key in graph.keys("artist")]
    assert keys[-1] == 18745, "17,632 ids reach this far"
    assert graph.index_of("artist", ["18745"]).tolist() == [17631]


def test_interactions(graph: MusicGraph, raw: Raw) -> None:
    users, artists = graph.keys("user"), graph.keys("artist")
    likes = graph.edges(LIKES)
    assert len(likes) == 92834
    assert likes.weight is not None
    found = {(users[s], artists[d]): w for s, d, w in zip(likes.src, likes.dst, likes.weight, strict=True)}
    assert found == {(user, artist): int(plays) for user, artist, plays in raw.plays}


def test_friendships_are_stored_once(graph: MusicGraph, raw: Raw, report: BuildReport) -> None:
    users = graph.keys("user")
    stored = pl.read_parquet(graph.path / "edges" / f"{FRIENDS}.parquet")
    found = [(users[s], users[d]) for s, d in stored.select("src", "dst").iter_rows()]
    assert len(found) == len(set(found)) == 12717
    assert {frozenset(pair) for pair in found} == {frozenset(pair) for pair in raw.friends}
    assert (stored["src"] < stored["dst"]).all()
    merged = report.find("pair given in both directions")
    assert merged is not None
    assert (merged.action, merged.rows) == ("merged", len(raw.friends) - 12717)
    assert len(graph.edges(FRIENDS)) == 25434


def test_names_keep_their_quotes_and_letters(graph: MusicGraph, raw: Raw) -> None:
    names = dict(zip(graph.keys("artist"), graph.names("artist"), strict=True))
    assert names == {row[0]: row[1] for row in raw.artists}
    assert '"Weird Al" Yankovic' in names.values()
    assert sum(name.count('"') % 2 for name in names.values()) == 2
    assert "Michel Teló" in names.values()


def test_blank_pictures_are_null(graph: MusicGraph, raw: Raw) -> None:
    artists = graph.nodes("artist")
    assert sum(not row[3] for row in raw.artists) == artists["picture_url"].null_count() == 444
    assert dict(artists.select("key", "picture_url").drop_nulls().iter_rows()) == {
        row[0]: row[3] for row in raw.artists if row[3]
    }
    assert artists["url"].null_count() == 0


def test_tags_are_latin_1_with_crlf(graph: MusicGraph, raw: Raw, folder: Path) -> None:
    lines = (folder / "tags.dat").read_bytes().split(b"\n")
    beyond = [line for line in lines if b"\xdf" in line or any(byte > 127 for byte in line)]
    assert len(beyond) == 8
    assert b"fu\xdfball\r" in {line.split(b"\t")[-1] for line in beyond}
    texts = dict(raw.tags)
    tags = graph.nodes("tag")
    assert all(texts[key] == name for key, name in tags.select("key", "name").iter_rows())
    assert not tags["name"].str.contains("\r").any()
    assert {"espa\xf1ol", "legi\xe3o urbana", "die \xc4rzte"} <= set(tags["name"])


def test_unknown_artists_are_dropped_and_counted(raw: Raw, report: BuildReport) -> None:
    known = {row[0] for row in raw.artists}
    unknown = [(line, row[1]) for line, row in enumerate(raw.tagged, 2) if row[1] not in known]
    finding = report.find("unknown artist")
    assert finding is not None
    assert (finding.action, finding.file) == ("dropped", "user_taggedartists.dat")
    assert finding.rows == len(unknown) == 1538
    assert finding.values == len({key for _, key in unknown}) == 390
    assert finding.first_lines == [line for line, _ in unknown[:5]]
    assert finding.examples == list(dict.fromkeys(key for _, key in unknown))[:3]


def test_early_dates_become_unknown(raw: Raw, report: BuildReport) -> None:
    early = [line for line, row in enumerate(raw.tagged, 2) if int(row[5]) < 1980]
    finding = report.find("time before 1980-01-01")
    assert finding is not None
    assert (finding.action, finding.file) == ("repaired", "user_taggedartists.dat")
    assert finding.rows == len(early) == 5
    assert finding.first_lines == early


def test_names_that_collide_case_folded_are_kept_apart(
    graph: MusicGraph, raw: Raw, report: BuildReport
) -> None:
    groups = defaultdict(set)
    for row in raw.artists:
        groups[row[1].casefold()].add(row[1])
    alike = [names for names in groups.values() if len(names) > 1]
    assert (sum(map(len, alike)), len(alike)) == (23, 11)
    assert [text for text in report.warnings if text.startswith("23 artist names in 11 groups differ only")]
    assert set().union(*alike) <= set(graph.names("artist"))


def test_nothing_else_was_changed(report: BuildReport) -> None:
    assert {finding.reason for finding in report.findings} == {
        "unknown artist",
        "time before 1980-01-01",
        "pair given in both directions",
    }
    assert len(report.warnings) == 1
    assert report.rows == {
        "artists.dat": 17632,
        "tags.dat": 11946,
        "user_artists.dat": 92834,
        "user_friends.dat": 25434,
        "user_taggedartists.dat": 186479,
    }
    assert (report.total("dropped"), report.total("repaired")) == (1538, 5)


def test_assignments(graph: MusicGraph, raw: Raw, report: BuildReport) -> None:
    """Who gave which genre, emotion or tag to whom and when first, recomputed row by row."""
    genres, emotions = GenreVocabulary.load(), EmotionVocabulary.load()
    texts = dict(raw.tags)
    known = {row[0] for row in raw.artists}
    expected: dict[tuple[str, str, str, str], int | None] = {}
    rows_of = defaultdict(int)
    for user, artist, tag, day, month, year in raw.tagged:
        if artist not in known:
            continue
        genre, emotion = genres.lookup(texts[tag]), emotions.lookup(texts[tag])
        kind, node = ("genre", genre) if genre else ("emotion", emotion) if emotion else ("tag", tag)
        assert node is not None
        rows_of[kind] += 1
        time = calendar.timegm((int(year), int(month), int(day), 0, 0, 0)) if int(year) >= 1980 else None
        entry = (user, artist, kind, node)
        times = [t for t in (time, expected.get(entry)) if t is not None]
        expected[entry] = min(times, default=None)
    table = graph.tag_assignments
    assert table is not None
    users, artists = graph.keys("user"), graph.keys("artist")
    nodes = {kind: graph.keys(kind) for kind in ("genre", "emotion", "tag")}
    found = {(users[u], artists[i], k, nodes[k][t]): time for u, i, k, t, time in table.iter_rows()}
    assert len(found) == table.height
    assert found == expected
    for kind in nodes:
        split = report.tags[kind]
        assert split.rows == rows_of[kind]
        assert split.assignments == sum(entry[2] == kind for entry in expected)
        assert split.nodes == graph.num_nodes(kind) == len({e[3] for e in expected if e[2] == kind})
    assert sum(rows_of.values()) == 186479 - 1538


def test_tagged_pairs_that_were_never_listened_to_are_kept(graph: MusicGraph, raw: Raw) -> None:
    listened = {(row[0], row[1]) for row in raw.plays}
    tagged = {(row[0], row[1]) for row in raw.tagged}
    assert (len(tagged - listened), len(tagged)) == (50399, 71064)
    known = {row[0] for row in raw.artists}
    table = graph.tag_assignments
    assert table is not None
    users, artists = graph.keys("user"), graph.keys("artist")
    pairs = {(users[u], artists[i]) for u, i in table.select("user", "item").iter_rows()}
    assert pairs == {pair for pair in tagged if pair[1] in known}


def test_genres_and_emotions_are_found_and_described(graph: MusicGraph, report: BuildReport) -> None:
    assert {"rock", "hip hop", "female vocalists"} - set(graph.keys("genre")) == {"female vocalists"}
    metal = graph.nodes("genre").filter(pl.col("key") == "death metal")
    assert metal.rows() == [("death metal", "death metal", "metal")]
    sad = graph.nodes("emotion").filter(pl.col("key") == "sadness").row(0, named=True)
    assert sad["valence"] < -0.5
    assert sad["arousal"] < 0
    assert report.tags["genre"].rows > 100_000
    assert report.tags["emotion"].rows > 7_000
    assert report.tags["genre"].tags > report.tags["genre"].nodes, "several spellings mean one genre"


def test_provenance_names_files_without_folders(graph: MusicGraph, folder: Path) -> None:
    files = {file.name: (file.bytes, file.sha256) for file in graph.meta.provenance}
    assert set(files) == {path.name for path in folder.glob("*.dat")}
    for name, (size, digest) in files.items():
        data = (folder / name).read_bytes()
        assert (size, digest) == (len(data), hashlib.sha256(data).hexdigest())


def test_two_builds_are_the_same_to_the_byte(graph: MusicGraph, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "another place"
    shutil.copytree(folder, copy)
    again = MusicGraph.build("hetrec-lastfm", raw=copy, out=tmp_path / "again")
    files = sorted(path.relative_to(graph.path) for path in graph.path.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(again.path) for path in again.path.rglob("*") if path.is_file())
    for file in files:
        assert (graph.path / file).read_bytes() == (again.path / file).read_bytes(), file
    assert str(tmp_path) not in (again.path / "graph.json").read_text()
    assert str(folder) not in (graph.path / "graph.json").read_text()


def test_building_imports_neither_torch_nor_dgl(folder: Path, tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from hetmusic.graph.build import build_graph\n"
        "build_graph('hetrec-lastfm', sys.argv[1], sys.argv[2])\n"
        "print({'torch', 'dgl', 'tensorflow'} & sys.modules.keys())\n"
    )
    command = [sys.executable, "-c", program, str(folder), str(tmp_path / "graph")]
    repository = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=repository)
    assert done.stdout.strip() == "set()"
