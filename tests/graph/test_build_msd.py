"""The Million Song Dataset as a graph: each of its files alone, all together, and the real pieces counted again."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path

import h5py
import numpy as np
import pytest

from hetmusic.errors import DataError
from hetmusic.graph import MusicGraph, validate_graph
from hetmusic.graph.build_report import BuildReport
from tests.graph.msd_files import (
    TRACKS,
    segments,
    tree_path,
    write_database,
    write_list,
    write_lists,
    write_metadata,
    write_track,
    write_tree,
)

ONE, TWO, THREE = (row[0] for row in TRACKS)
ANA, BO = TRACKS[0][2], TRACKS[2][2]


def build(raw: Path) -> tuple[MusicGraph, BuildReport]:
    graph = MusicGraph.build("msd", raw=raw, out=raw.parent / f"{raw.name}-graph", overwrite=True)
    assert validate_graph(graph.path).valid
    return graph, BuildReport.model_validate(graph.meta.build_report)


def pairs(graph: MusicGraph, relation: str) -> set[tuple[str, str]]:
    if relation not in {edge_type.relation for edge_type in graph.edge_types}:
        return set()
    edge_type = next(found for found in graph.edge_types if found.relation == relation)
    edges = graph.edges(edge_type)
    src, dst = graph.keys(edge_type.src), graph.keys(edge_type.dst)
    return {(src[s], dst[d]) for s, d in zip(edges.src, edges.dst, strict=True)}


def attributes(graph: MusicGraph, node_type: str, key: str) -> dict[str, object]:
    table = graph.nodes(node_type)
    return dict(table.row(graph.keys(node_type).index(key), named=True))


SUNG_BY = {(ONE, ANA), (TWO, ANA), (THREE, BO)}
ON_ALBUM = {(ONE, f"{ANA}|First"), (TWO, f"{ANA}|First"), (THREE, f"{BO}|First")}
RELEASED_BY = {(f"{ANA}|First", ANA), (f"{BO}|First", BO)}


def assert_three_songs(graph: MusicGraph) -> None:
    """The songs of the family, and who made them."""
    assert graph.keys("song") == [ONE, TWO, THREE]
    assert (pairs(graph, "sung_by"), pairs(graph, "on_album"), pairs(graph, "released_by")) == (
        SUNG_BY,
        ON_ALBUM,
        RELEASED_BY,
    )


def test_files_of_tracks_alone(tmp_path: Path) -> None:
    write_tree(tmp_path / "raw" / "data")
    graph, report = build(tmp_path / "raw")
    assert_three_songs(graph)
    song = attributes(graph, "song", THREE)
    assert song["name"] == "Drei\x19s"
    assert song["song_id"] == TRACKS[2][1]
    assert (song["tempo"], song["duration"], song["loudness"]) == (102.25, 182.5, -7.5)
    assert (song["musical_key"], song["mode"], song["time_signature"], song["year"]) == (2, 1, 4, 2005)
    artist = attributes(graph, "artist", ANA)
    assert (artist["name"], artist["place"], artist["familiarity"]) == ("Ana", "Wien, Österreich", 0.25)
    assert artist["mbid"] == "9dfe78a6-6d91-454e-9b95-9d7722cbc476"
    assert attributes(graph, "album", f"{BO}|First")["name"] == "First"
    assert report.rows == {"data": 3}


def test_the_raw_folder_is_the_tree_itself(tmp_path: Path) -> None:
    write_tree(tmp_path / "raw")
    (tmp_path / "raw" / "notes.txt").write_text("mine")
    graph, report = build(tmp_path / "raw")
    assert graph.keys("song") == [ONE, TWO, THREE]
    assert report.rows == {"*.h5": 3}
    (file,) = graph.meta.provenance
    size = sum(path.stat().st_size for path in (tmp_path / "raw").rglob("*.h5"))
    assert (file.name, file.bytes) == ("*.h5/", size)


def test_what_is_never_known_is_missing(tmp_path: Path) -> None:
    write_tree(tmp_path / "raw" / "h5")
    graph, report = build(tmp_path / "raw")
    song = attributes(graph, "song", TWO)
    assert {song[name] for name in ("year", "hotttnesss", "danceability", "energy")} == {None}
    artist = attributes(graph, "artist", BO)
    assert {artist[name] for name in ("latitude", "longitude", "mbid")} == {None}
    unknown = {f.reason: f.rows for f in report.findings if f.reason.endswith("means unknown")}
    assert unknown == {
        "year '0' means unknown": 1,
        "danceability '0.0' means unknown": 3,
        "energy '0.0' means unknown": 3,
        "song_hotttnesss 'NaN' means unknown": 3,
        "artist_latitude 'NaN' means unknown": 3,
        "artist_longitude 'NaN' means unknown": 3,
    }
    assert "genre" not in graph.node_types


def test_a_genre_would_be_taken(tmp_path: Path) -> None:
    write_track(tmp_path / "raw" / "h5" / "a.h5", genre="Pop_Rock")
    assert pairs(build(tmp_path / "raw")[0], "has_genre") == {(ONE, "pop rock")}


def test_segments_become_the_audio_modality(tmp_path: Path) -> None:
    write_tree(tmp_path / "raw" / "h5")
    graph, _ = build(tmp_path / "raw")
    audio = graph.modality("song", "audio")
    assert audio.values.shape == (3, 48)
    assert audio.present.all()
    for number in range(3):
        timbre, pitches = segments(number)
        wanted = [timbre.mean(0), timbre.std(0), pitches.mean(0), pitches.std(0)]
        np.testing.assert_allclose(audio.values[number], np.concatenate(wanted), rtol=1e-5)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ((np.zeros((0, 12)), np.zeros((0, 12))), "no segments"),
        ((np.full((3, 12), np.nan), np.zeros((3, 12))), "segments that are not finite"),
        (
            (np.zeros((3, 11)), np.zeros((3, 12))),
            "no segments: /analysis/segments_timbre does not have 12 columns",
        ),
    ],
)
def test_a_track_without_usable_segments_is_kept(
    tmp_path: Path, parts: tuple[np.ndarray, np.ndarray], reason: str
) -> None:
    write_tree(tmp_path / "raw" / "h5")
    write_track(tree_path(tmp_path / "raw" / "h5", TWO, ".h5"), 1, parts)
    graph, report = build(tmp_path / "raw")
    assert graph.keys("song") == [ONE, TWO, THREE]
    assert graph.modality("song", "audio").present.tolist() == [True, False, True]
    found = report.find(reason)
    assert found is not None
    assert (found.action, found.rows, found.examples) == (
        "repaired",
        1,
        [f"A/A/A/{TWO}.h5"],
    )


def test_latin_1_is_read_and_counted(tmp_path: Path) -> None:
    write_track(tmp_path / "raw" / "h5" / "a.h5", title="Café".encode("latin-1"))
    graph, report = build(tmp_path / "raw")
    assert attributes(graph, "song", ONE)["name"] == "Café"
    assert report.find("text that is not UTF-8, read as Latin-1") is not None


def test_the_database_alone(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    write_metadata(tmp_path / "raw" / "track_metadata.db")
    graph, report = build(tmp_path / "raw")
    assert_three_songs(graph)
    assert [attributes(graph, "song", key)["year"] for key in (ONE, TWO, THREE)] == [1999, None, 2005]
    assert report.rows == {"track_metadata.db": 3}


def test_the_lists_alone(tmp_path: Path) -> None:
    write_lists(tmp_path / "raw", "subset_")
    graph, report = build(tmp_path / "raw")
    assert pairs(graph, "sung_by") == SUNG_BY
    assert [attributes(graph, "song", key)["year"] for key in (ONE, TWO, THREE)] == [1999, None, 2005]
    assert attributes(graph, "artist", ANA)["latitude"] == 48.2
    assert report.total("dropped") == 0


def test_one_list_alone(tmp_path: Path) -> None:
    write_lists(tmp_path / "lists")
    for name, node_type in (
        ("unique_tracks.txt", "song"),
        ("unique_artists.txt", "artist"),
        ("tracks_per_year.txt", "song"),
    ):
        raw = tmp_path / name.partition(".")[0]
        raw.mkdir()
        shutil.copy(tmp_path / "lists" / name, raw)
        graph, report = build(raw)
        assert [found for found in graph.node_types if graph.num_nodes(found)] == [node_type]
        assert (report.total("dropped"), sum(graph.num_edges(found) for found in graph.edge_types)) == (0, 0)


def test_names_of_two_artists_decide_nothing(tmp_path: Path) -> None:
    write_lists(tmp_path / "raw")
    write_list(
        tmp_path / "raw" / "unique_artists.txt",
        [(ANA, "", "TRX", "Ana"), (BO, "", "TRY", "Bo & Co"), ("AROTHER1187FB00003", "", "TRZ", "Bo & Co")],
    )
    graph, report = build(tmp_path / "raw")
    assert pairs(graph, "sung_by") == {(ONE, ANA), (TWO, ANA)}
    found = report.find("no single artist_id for this artist_name")
    assert found is not None
    assert (found.rows, found.examples) == (1, ["Bo & Co"])


def test_all_files_agree_with_each_alone(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_tree(raw / "h5")
    write_metadata(raw / "track_metadata.db")
    write_lists(raw)
    write_database(
        raw / "artist_similarity.db",
        ("artists", "artist_id TEXT", [(ANA,), (BO,)]),
        ("similarity", "target TEXT, similar TEXT", [(ANA, BO), (BO, ANA)]),
    )
    write_database(
        raw / "artist_term.db",
        ("artist_term", "artist_id TEXT, term TEXT", [(ANA, "rock"), (ANA, "austria"), (BO, "sad")]),
    )
    graph, _ = build(raw)
    assert (pairs(graph, "sung_by"), pairs(graph, "on_album")) == (SUNG_BY, ON_ALBUM)
    assert pairs(graph, "similar_to") == {(ANA, BO), (BO, ANA)}
    assert pairs(graph, "has_genre") == {(ANA, "rock")}
    assert pairs(graph, "has_tag") == {(ANA, "austria")}
    assert pairs(graph, "evokes") == {(BO, "sadness")} or pairs(graph, "evokes") == {(BO, "sad")}


def test_nothing_there(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "readme.txt").write_text("nothing")
    with pytest.raises(DataError, match=r"has none of the files of dump 'msd': \*\.h5, track_metadata\.db, "):
        build(tmp_path / "raw")


def _rows(path: Path) -> list[list[str]]:
    return [line.split("<SEP>") for line in path.read_text(encoding="utf-8").split("\n") if line]


def test_the_real_pieces(shared_data: Path, tmp_path: Path) -> None:
    """Every count by another way: text split by hand, HDF5 by h5py's high-level interface."""
    raw = shared_data / "msd"
    if not (raw / "h5").is_dir():
        pytest.skip(f"{raw / 'h5'} is not there")
    graph = MusicGraph.build("msd", raw=raw, out=tmp_path / "graph")
    report = BuildReport.model_validate(graph.meta.build_report)
    tracks, artists = _rows(raw / "subset_unique_tracks.txt"), _rows(raw / "subset_unique_artists.txt")
    years, places = _rows(raw / "subset_tracks_per_year.txt"), _rows(raw / "artist_location.txt")
    songs, sung_by, albums, audio = {}, {}, set(), {}
    broken = []
    for path in sorted((raw / "h5").iterdir()):
        with h5py.File(path) as file:
            if "metadata" not in file:
                broken.append(path.name)
                continue
            meta, sound = file["metadata/songs"][0], file["analysis/songs"][0]
            track = sound["track_id"].decode()
            songs[track] = (meta["title"].decode(), sound["tempo"], file["musicbrainz/songs"][0]["year"])
            sung_by[track] = meta["artist_id"].decode()
            albums.add((meta["artist_id"].decode(), meta["release"].decode()))
            audio[track] = np.concatenate(
                [
                    f(file[f"analysis/segments_{n}"][:], axis=0)
                    for n in ("timbre", "pitches")
                    for f in (np.mean, np.std)
                ]
            )
    assert (len(songs), broken) == (12, ["TRAXLZU12903D05F94.h5"])
    found = report.find("no /metadata/songs") or report.find("no /analysis/songs")
    assert found is not None
    assert (found.rows, found.examples, found.file) == (1, broken, "h5")

    assert graph.keys("song") == sorted({row[0] for row in tracks} | set(songs))
    assert len(graph.keys("song")) == 10_000
    ids = {row[0] for row in artists} | {row[0] for row in places} | set(sung_by.values())
    assert graph.keys("artist") == sorted(ids)
    assert len(ids) == 16_193
    by_name = defaultdict(set)
    for artist, _, _, name in artists:
        by_name[name].add(artist)
    wanted = dict(sung_by)
    for artist, _, track, _ in artists:
        wanted.setdefault(track, artist)
    for track, _, name, _ in tracks:
        if len(by_name[name]) == 1:
            wanted.setdefault(track, *by_name[name])
    assert pairs(graph, "sung_by") == set(wanted.items())
    assert len(graph.keys("album")) == len(albums) == 12
    assert graph.num_edges("on_album") == 12

    table = {row["key"]: row for row in graph.nodes("song").iter_rows(named=True)}
    for track, (title, tempo, year) in songs.items():
        assert (table[track]["name"], table[track]["tempo"]) == (title, tempo)
        assert table[track]["year"] == (int(year) or None)
    assert sum(row["year"] is not None for row in table.values()) == len(
        {row[1] for row in years} | {track for track, (_, _, year) in songs.items() if year}
    )
    blank = [row[0] for row in tracks if not row[3]]
    assert [table[key]["name"] for key in blank] == [None]
    assert (
        sum("\x19" in (row["name"] or "") for row in table.values())
        == sum("\x19" in row[3] for row in tracks)
        > 0
    )
    modality = graph.modality("song", "audio")
    assert [key for key, there in zip(graph.keys("song"), modality.present, strict=True) if there] == sorted(
        audio
    )
    for track, vector in audio.items():
        np.testing.assert_allclose(
            modality.values[graph.keys("song").index(track)], vector, rtol=1e-4, atol=1e-4
        )
    located = {row["key"]: row["latitude"] for row in graph.nodes("artist").iter_rows(named=True)}
    for artist, latitude, *_ in places:
        if artist not in sung_by.values():
            assert located[artist] == float(latitude)
