"""The pieces of the Million Song Dataset in one graph: counts and edges as plain Python finds them in the files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from hetmusic.graph import MusicGraph
from hetmusic.graph.build_report import BuildReport
from kg_schema.dump import DumpSpec
from tests.graph.joining.dumps import dump, edges, join

TRACKS = "subset_unique_tracks.txt"
YEARS = "subset_tracks_per_year.txt"
GENRES = "msd_tagtraum_cd1.cls"
PLAYS = "taste_profile_topUsers_10000.txt"


def separated(path: str, *columns: str) -> dict:
    return {"path": path, "delimiter": "<SEP>", "quote": None, "header": False, "columns": list(columns)}


def specs() -> list[str | DumpSpec]:
    tracks = dump(
        "songs",
        [],
        files={"tracks": separated(TRACKS, "track", "song", "artist", "title")},
        nodes={"song": [{"file": "tracks", "key": "song", "name": "title"}]},
        keys={"song": "msd-song"},
        key_maps=[{"file": "tracks", "keys": {"msd-track": "track", "msd-song": "song"}}],
    )
    years = dump(
        "years",
        [],
        files={"years": separated(YEARS, "year", "track", "artist", "title")},
        nodes={
            "song": [
                {"file": "years", "key": "track", "attributes": {"year": {"column": "year", "dtype": "int"}}}
            ]
        },
        keys={"song": "msd-track"},
    )
    genres = dump(
        "tagtraum-piece",
        [],
        files={
            "genres": {
                "path": GENRES,
                "delimiter": "\t",
                "quote": None,
                "comment": "#",
                "header": False,
                "columns": ["track", "genre", "second"],
                "ragged": "pad",
            }
        },
        nodes={"song": [{"file": "genres", "key": "track"}], "genre": [{"file": "genres", "key": "genre"}]},
        edges=[{"relation": "has_genre", "file": "genres", "src": "track", "dst": "genre"}],
        keys={"song": "msd-track"},
    )
    return ["taste-profile", tracks, years, genres]


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    folder = shared_data / "msd"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder


@pytest.fixture(scope="module")
def built(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[MusicGraph, BuildReport]:
    out = tmp_path_factory.mktemp("msd") / "graph"
    names = ["taste-profile", "songs", "years", "tagtraum-piece"]
    return join(specs(), dict.fromkeys(names, folder), out)  # type: ignore[arg-type]


def rows(folder: Path, name: str, separator: str) -> list[list[str]]:
    """Split on line feeds only, since some titles hold other control characters."""
    lines = (folder / name).read_bytes().decode("utf-8").split("\n")
    return [line.rstrip("\r").split(separator) for line in lines if line and not line.startswith("#")]


def test_songs(built: tuple[MusicGraph, BuildReport], folder: Path) -> None:
    graph, report = built
    song_of = {row[0]: row[1] for row in rows(folder, TRACKS, "<SEP>")}
    played = {row[1] for row in rows(folder, PLAYS, " ")}
    in_genres = [row[0] for row in rows(folder, GENRES, "\t")]
    with_year = [row[1] for row in rows(folder, YEARS, "<SEP>")]
    known = played | set(song_of.values())
    own = {f"msd-track:{track}" for track in [*in_genres, *with_year] if track not in song_of}
    assert sorted(graph.keys("song")) == sorted(known | own)
    joined = {join.dump: join for join in report.joins if join.node_type == "song"}
    assert (joined["songs"].by, joined["songs"].joined) == ("key", len(played & set(song_of.values())))
    assert (joined["songs"].joined, joined["songs"].new) == (2_036, 7_964)
    assert joined["years"].by == "msd-track -> msd-song"
    assert (joined["years"].nodes, joined["years"].joined, joined["years"].new) == (4_680, 4_680, 0)
    assert joined["tagtraum-piece"].nodes == len(set(in_genres)) == 133_676
    assert joined["tagtraum-piece"].joined == len(set(in_genres) & set(song_of)) == 1_390
    assert joined["tagtraum-piece"].new == 132_286


def test_attributes_and_edges(built: tuple[MusicGraph, BuildReport], folder: Path) -> None:
    graph, _ = built
    song_of = {row[0]: row[1] for row in rows(folder, TRACKS, "<SEP>")}
    titles = {row[1]: row[3] or None for row in rows(folder, TRACKS, "<SEP>")}
    years = {song_of[row[1]]: int(row[0]) for row in rows(folder, YEARS, "<SEP>")}
    table = graph.nodes("song")
    names = {key: name for key, name in table.select("key", "name").iter_rows() if key in titles}
    assert names == titles
    assert dict(table.drop_nulls("year").select("key", "year").iter_rows()) == years
    plays = {(row[0], row[1]): float(row[2]) for row in rows(folder, PLAYS, " ")}
    assert edges(graph, "likes") == plays
    expected = {(song_of.get(row[0], f"msd-track:{row[0]}"), row[1]) for row in rows(folder, GENRES, "\t")}
    found = edges(graph, "has_genre")
    assert found.keys() == expected
    assert Counter(genre for _, genre in found) == Counter(genre for _, genre in expected)
