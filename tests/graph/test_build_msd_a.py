"""MSD-A: Taste Profile, Million Song Dataset, musiXmatch, tagtraum and Last.fm in one graph, cut down by a song list."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from hetmusic.graph import EdgeType, MusicGraph, validate_graph
from hetmusic.graph.build_report import BuildReport
from kg_schema.vocab import EmotionVocabulary, GenreVocabulary
from tests.graph.msd_files import (
    WORDS,
    Row,
    segments,
    write_lastfm_databases,
    write_list,
    write_lists,
    write_lyrics,
    write_metadata,
    write_tree,
)

DUMPS = ["taste-profile", "msd", "musixmatch", "tagtraum", "msd-lastfm"]
GENRES = ["Pop_Rock", "Jazz", "International"]
TAGS = ["rock", "sad", "vienna", "jazz"]


class Family:
    """A small world in all files of the family: 40 tracks of 36 songs by 7 artists, 30 listeners."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.tracks: list[Row] = []
        for number in range(40):
            song, artist = number % 36, number % 7
            row = (
                f"TR{'ABCDE'[number % 5] * 3}AA128{number:08}", f"SOAAAAA12AB{song:07}", f"ARAAAAA1187FB{artist:05}",
                f"Artist {artist}", f"Song {song}", f"Album {song % 3}", 1980 + song if song % 4 else 0,
            )  # fmt: skip
            self.tracks.append(row)
        names = [row[0] for row in self.tracks]
        self.song = {row[0]: row[1] for row in self.tracks}
        self.artist = {row[0]: row[2] for row in self.tracks}
        listened = random.random((30, 36)) < random.uniform(0.05, 0.5, (30, 1))
        self.plays = {
            (f"user{user:02}", f"SOAAAAA12AB{song:07}"): int(random.integers(1, 20))
            for user, song in zip(*np.nonzero(listened), strict=True)
        }
        self.mismatches = {("SOAAAAA12AB0000003", names[3])}
        self.bags = {
            name: {word: int(random.integers(1, 9)) for word in WORDS if random.random() < 0.5 or word == "i"}
            for name in names[::2]
        }
        self.genres = {name: [str(random.choice(GENRES))] for name in names[1::3]}
        self.tags = {
            name: {tag: float(random.integers(1, 100)) for tag in TAGS if random.random() < 0.4}
            for name in names
        }
        self.similars = {
            name: {
                other: round(float(random.random()), 6) for other in random.choice(names, 3, replace=False)
            }
            for name in names[:20]
        }
        self.items = sorted({row[1] for row in self.tracks})[::2]

    def write(self, raw: Path) -> None:
        for name in DUMPS:
            (raw / name).mkdir(parents=True)
        plays = "".join(f"{user}\t{song}\t{count}\n" for (user, song), count in self.plays.items())
        (raw / "taste-profile" / "train_triplets.txt").write_text(plays)
        bad = "".join(f"ERROR: <{song} {track}> A  -  B  !=  C  -  D\n" for song, track in self.mismatches)
        (raw / "taste-profile" / "sid_mismatches.txt").write_text(bad)
        write_tree(raw / "msd" / "h5", self.tracks)
        write_metadata(raw / "msd" / "track_metadata.db", self.tracks)
        write_lists(raw / "msd", tracks=self.tracks)
        half = len(self.bags) // 2
        write_lyrics(raw / "musixmatch" / "mxm_dataset_train.txt", list(self.bags)[:half], bags=self.bags)
        write_lyrics(raw / "musixmatch" / "mxm_dataset_test.txt", list(self.bags)[half:], bags=self.bags)
        write_list(raw / "musixmatch" / "mxm_reverse_mapping.txt", [("hatr", "hatred"), ("i", "i")])
        lines = [f"{track}\t" + "\t".join(found) + "\n" for track, found in self.genres.items()]
        (raw / "tagtraum" / "msd_tagtraum_cd2.cls").write_text("".join(lines))
        write_lastfm_databases(raw / "msd-lastfm", self.tracks, self.tags, self.similars)
        (raw / "msd-a.txt").write_text("".join(f"{song}\n" for song in self.items))

    def build(self, raw: Path, out: str = "graph", **options: Any) -> tuple[MusicGraph, BuildReport]:
        folders = {name: raw / name for name in DUMPS}
        graph = MusicGraph.build(
            DUMPS,
            raw=folders,
            name="msd-a",
            filters={"items": raw / "msd-a.txt", **options},
            out=raw / out,
        )
        assert validate_graph(graph.path).valid
        return graph, BuildReport.model_validate(graph.meta.build_report)


def pairs(graph: MusicGraph, src: str, relation: str, dst: str) -> dict[tuple[str, str], float]:
    edges = graph.edges(EdgeType(src, relation, dst))
    keys, others = graph.keys(src), graph.keys(dst)
    weights = np.ones(len(edges)) if edges.weight is None else edges.weight
    return {(keys[s], others[d]): float(w) for s, d, w in zip(edges.src, edges.dst, weights, strict=True)}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_family_of_files(tmp_path: Path, seed: int) -> None:
    family = Family(seed)
    family.write(tmp_path / "raw")
    graph, report = family.build(tmp_path / "raw", top_users=10)
    kept = set(family.items)
    bad = {song for song, _ in family.mismatches}
    plays = {pair: count for pair, count in family.plays.items() if pair[1] in kept and pair[1] not in bad}
    degree: dict[str, int] = defaultdict(int)
    for user, _ in plays:
        degree[user] += 1
    users = sorted(degree, key=lambda user: (-degree[user], user))[:10]
    plays = {pair: count for pair, count in plays.items() if pair[0] in users}

    assert graph.name == "msd-a"
    assert graph.keys("user") == sorted(users)
    assert graph.keys("song") == family.items
    assert pairs(graph, "user", "likes", "song") == plays
    tracks = [row for row in family.tracks if row[1] in kept]
    assert set(pairs(graph, "song", "sung_by", "artist")) == {(row[1], row[2]) for row in tracks}
    albums = {(row[1], f"{row[2]}|{row[5]}") for row in tracks}
    assert set(pairs(graph, "song", "on_album", "album")) == albums
    assert set(pairs(graph, "album", "released_by", "artist")) == {
        (a, a.partition("|")[0]) for _, a in albums
    }
    assert graph.keys("artist") == sorted({row[2] for row in tracks})

    genres, emotions = GenreVocabulary.load(), EmotionVocabulary.load()
    tagtraum = {
        (family.song[track], genres.lookup(label) or label.lower())
        for track, labels in family.genres.items()
        for label in labels
        if family.song[track] in kept
    }
    wanted: dict[str, dict[tuple[str, str], float]] = {"has_genre": {}, "evokes": {}, "has_tag": {}}
    for track, found in family.tags.items():
        for tag, value in found.items():
            name = genres.lookup(tag)
            relation = "has_genre" if name else "evokes" if (name := emotions.lookup(tag)) else "has_tag"
            pair = (family.song[track], name or tag)
            if pair[0] in kept:
                wanted[relation][pair] = wanted[relation].get(pair, 0.0) + value
    for pair in tagtraum:  # named before Last.fm, so that its weight counts
        wanted["has_genre"][pair] = float(
            sum(family.song[t] == pair[0] for t, labels in family.genres.items() for n in labels
                if (genres.lookup(n) or n.lower()) == pair[1])
        )  # fmt: skip
    for relation, dst in (("has_genre", "genre"), ("evokes", "emotion"), ("has_tag", "tag")):
        assert pairs(graph, "song", relation, dst) == wanted[relation]
        assert graph.keys(dst) == sorted({tag for _, tag in wanted[relation]})

    similar: dict[tuple[str, str], float] = {}
    for track, found in family.similars.items():
        for other, score in found.items():
            ends = family.song[track], family.song[other]
            if ends[0] != ends[1] and set(ends) <= kept:
                for pair in (ends, ends[::-1]):
                    similar[pair] = max(similar.get(pair, 0.0), score)
    found = pairs(graph, "song", "similar_to", "song")
    assert set(found) == set(similar)
    assert found == pytest.approx(similar, rel=1e-6)

    lyrics = graph.modality("song", "lyrics")
    words = lyrics.info["dimensions"]
    full = {"hatr": "hatred"}
    bags: dict[str, set[str]] = defaultdict(set)
    for track, bag in family.bags.items():
        bags[family.song[track]] |= {full.get(word, word) for word in bag}
    for key, row, there in zip(graph.keys("song"), lyrics.values, lyrics.present, strict=True):
        assert {words[i] for i in np.flatnonzero(row)} == bags.get(key, set())
        assert there == (key in bags)

    audio = graph.modality("song", "audio")
    assert audio.present.all()
    table = graph.nodes("song")
    for number, row in reversed(list(enumerate(sorted(family.tracks)))):
        if row[1] in kept and row[1] not in {other[1] for other in sorted(family.tracks)[:number]}:
            place = graph.keys("song").index(row[1])
            timbre, pitches = segments(family.tracks.index(row))
            mean = np.concatenate([timbre.mean(0), timbre.std(0), pitches.mean(0), pitches.std(0)])
            np.testing.assert_allclose(audio.values[place], mean, rtol=1e-4, atol=1e-5)
            assert table["name"][place] == row[4]
            assert table["year"][place] == (row[6] or None)
    joined = {join.dump: join for join in report.joins if join.node_type == "song"}
    assert joined["msd"].by == "msd-track -> msd-song"
    assert joined["msd"].merged == 4  # four songs have two tracks
    excluded = report.find("song is listed in taste-profile/sid_mismatches.txt")
    assert excluded is not None
    assert excluded.rows == sum(song in bad for _, song in family.plays)


def test_two_builds_are_the_same_to_the_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    family = Family(4)
    family.write(tmp_path / "raw")
    family.build(tmp_path / "raw", top_users=10)
    monkeypatch.setenv("HETMUSIC_CACHE", str(tmp_path / "cache"))
    family.build(tmp_path / "raw", "again", top_users=10)
    first, second = tmp_path / "raw" / "graph", tmp_path / "raw" / "again"
    names = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(second) for path in second.rglob("*") if path.is_file())
    assert [name for name in names if (first / name).read_bytes() != (second / name).read_bytes()] == []


def test_a_list_of_tracks(tmp_path: Path) -> None:
    """The list may also be a dump of its own, whose keys say what they are."""
    family = Family(3)
    family.write(tmp_path / "raw")
    listed = sorted(row[0] for row in family.tracks)[:15]
    (tmp_path / "raw" / "list").mkdir()
    (tmp_path / "raw" / "list" / "tracks.txt").write_text("".join(f"{track}\n" for track in listed))
    spec = tmp_path / "tracks.yaml"
    spec.write_text(
        """
name: list
item: song
interaction: null
files:
  tracks: {path: tracks.txt, format: csv, header: false, columns: [track]}
nodes:
  song: [{file: tracks, key: track}]
keys: {song: msd-track}
filters:
  items: {file: tracks, key: track}
"""
    )
    folders = {name: tmp_path / "raw" / name for name in [*DUMPS, "list"]}
    graph = MusicGraph.build([*DUMPS, str(spec)], raw=folders, name="msd-a", out=tmp_path / "graph")
    assert graph.keys("song") == sorted({family.song[track] for track in listed})


def test_the_real_pieces(shared_data: Path, tmp_path: Path) -> None:
    """All files of the folder at once; songs of the subset that were played, counted by plain Python."""
    raw = shared_data / "msd"
    if not (raw / "subset_unique_tracks.txt").is_file():
        pytest.skip(f"{raw} has no Million Song Dataset files")
    rows = [
        line.split("<SEP>")
        for line in (raw / "subset_unique_tracks.txt").read_text("utf-8").split("\n")
        if line
    ]
    song_of = {track: song for track, song, *_ in rows}
    plays = [line.split() for line in (raw / "taste_profile_topUsers_10000.txt").read_text().splitlines()]
    played = {song for _, song, _ in plays}
    listed = sorted(set(song_of.values()) & played)[::2]
    items = tmp_path / "items.txt"
    items.write_text("\n".join(listed) + "\n")
    dumps = DUMPS[:4]
    graph = MusicGraph.build(
        dumps, raw=dict.fromkeys(dumps, raw), filters={"items": items}, name="msd-a", out=tmp_path / "graph"
    )
    kept = set(listed)
    assert len(played) == len(played & set(song_of.values())) == 2_036
    assert graph.keys("song") == listed
    likes = {(user, song): float(count) for user, song, count in plays if song in kept}
    assert pairs(graph, "user", "likes", "song") == likes
    assert graph.keys("user") == sorted({user for user, _ in likes})
    assert (len(listed), len(likes), graph.num_nodes("user")) == (1_018, 20_560, 8_346)
    genres = [line.split("\t") for line in (raw / "msd_tagtraum_cd1.cls").read_text().splitlines()]
    labelled = {(song_of[r[0]], label) for r in genres for label in r[1:] if song_of.get(r[0]) in kept}
    assert graph.num_edges(EdgeType("song", "has_genre", "genre")) == len(labelled)
    texts = "".join(
        (raw / name).read_text("utf-8").rpartition("\n")[0] + "\n"
        for name in ("mxm_dataset_train.HEAD.txt", "mxm_dataset_test.FIRST8260.txt")
    )
    lyrics = {song_of.get(line.partition(",")[0]) for line in texts.splitlines() if line.startswith("TR")}
    present = graph.modality("song", "lyrics").present
    assert {key for key, there in zip(graph.keys("song"), present, strict=True) if there} == lyrics & kept
    heard = set()
    for path in sorted((raw / "h5").iterdir()):
        with h5py.File(path) as file:
            if "metadata" in file:
                heard.add(file["metadata/songs"]["song_id"][0].decode())
    audio = graph.modality("song", "audio").present
    assert {key for key, there in zip(graph.keys("song"), audio, strict=True) if there} == heard & kept
