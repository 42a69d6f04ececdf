"""``hetmusic build`` with several dumps, as a person sees it."""

from __future__ import annotations

import json

import pytest

from tests.cli.running import hetmusic
from tests.graph.joining.dumps import song, track, write

SONGS = """
name: songs
item: song
interaction: null
files: {tracks: {path: tracks.csv}}
nodes: {song: [{file: tracks, key: song, name: title}]}
keys: {song: msd-song}
key_maps: [{file: tracks, keys: {msd-track: track, msd-song: song}}]
"""
MOODS = """
name: moods
item: song
interaction: null
files: {moods: {path: moods.csv}}
nodes: {song: [{file: moods, key: track, name: title, attributes: {mood: mood}}]}
keys: {song: msd-track}
"""


@pytest.fixture
def raw(tmp_path):
    raw = tmp_path / "raw"
    write(
        raw,
        "tracks",
        ["track", "song", "title"],
        [track(1), song(1), "One"],
        [track(2), song(2), "Two"],
        [track(3), song(2), "Two"],
    )
    write(
        raw,
        "moods",
        ["track", "title", "mood"],
        [track(1), "Uno", "calm"],
        [track(7), "Seven", "sad"],
        [track(2), "Two", "sad"],
        [track(3), "Two", "sad"],
    )
    (raw / "train_triplets.txt").write_text(f"u\t{song(1)}\t3\nv\t{song(1)}\t1\n", encoding="utf-8")
    (raw / "songs.yaml").write_text(SONGS, encoding="utf-8")
    (raw / "moods.yaml").write_text(MOODS, encoding="utf-8")
    return raw


def test_names_and_specifications_are_joined(raw, tmp_path):
    specs = ["--spec", raw / "songs.yaml", "--spec", raw / "moods.yaml"]
    folders = [f"--raw={name}={raw}" for name in ("taste-profile", "songs", "moods")]
    out = tmp_path / "graph"
    done = hetmusic("build", "taste-profile", *specs, *folders, "--out", out).succeeded()
    assert f"built {out}: taste-profile_songs_moods\n" in done.out
    lines = [line.split() for line in done.out.splitlines() if line.startswith("song ")]
    assert lines[-3:] == [
        ["song", "taste-profile", "msd-song", "1", "1"],
        ["song", "songs", "key", "2", "1", "1"],
        ["song", "moods", "msd-track", "->", "msd-song", "4", "3", "1", "1"],
    ]
    assert "  song of moods: an earlier dump has another name for 1, which counts\n" in done.out
    report = hetmusic("info", out, "--json").json["build_report"]
    assert [join["dump"] for join in report["joins"]] == ["taste-profile", "songs", "moods"]
    about = json.loads((out / "graph.json").read_text(encoding="utf-8"))["about"]
    assert about["title"] == "taste-profile: The Echo Nest Taste Profile Subset"
    assert "joined on" in hetmusic("info", out).succeeded().out


def test_options(raw, tmp_path):
    specs = ["--spec", raw / "songs.yaml", "--spec", raw / "moods.yaml"]
    folders = [f"--raw={name}={raw}" for name in ("songs", "moods")]
    (raw / "songs.yaml").write_text(SONGS[: SONGS.index("key_maps")], encoding="utf-8")
    alone = hetmusic("build", *specs, *folders, "--out", tmp_path / "graph")
    assert "--match-names song" in alone.error
    apart = hetmusic(
        "build", *specs, *folders, "--keep-apart", "song", "--name", "x", "--out", tmp_path / "apart"
    )
    assert f"built {tmp_path / 'apart'}: x\n" in apart.succeeded().out
    (raw / "moods.csv").write_text(f"track,title,mood\n{track(1)},ONE!,calm\n", encoding="utf-8")
    named = hetmusic(
        "build", *specs, *folders, "--match-names", "song", "--out", tmp_path / "named"
    ).succeeded()
    assert f"  song of moods, by name: ONE! ({track(1)}) = One ({song(1)})\n" in named.out


def test_filters(raw, tmp_path):
    (raw / "songs.txt").write_text(f"{song(1)}\n", encoding="utf-8")
    rows = [("u", 1, 3), ("v", 1, 1), ("v", 2, 5), ("w", 2, 1)]
    text = "".join(f"{user}\t{song(number)}\t{plays}\n" for user, number, plays in rows)
    (raw / "train_triplets.txt").write_text(text, encoding="utf-8")
    build = ["build", "taste-profile", "--raw", raw, "--overwrite", "--out", tmp_path / "graph"]
    done = hetmusic(*build, "--items", raw / "songs.txt", "--min-plays", "2").succeeded()
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert "user likes song 1" in lines
    assert "items 1 song, 2 user likes song" in lines
    assert "min_plays 2 1 user likes song" in lines
    assert "isolated 2 user" in lines
    done = hetmusic(*build, "--user-core", "2", "--item-core", "1", "--isolated", "keep").succeeded()
    assert "user_core 2, item_core 1" in done.out
    for option, value in [
        ("--sample", "1"),
        ("--sample-seed", "1"),
        ("--top-users", "3"),
        ("--top-items", "2"),
    ]:
        more = [] if option != "--sample-seed" else ["--sample", "0.999999"]
        hetmusic(*build, option, value, *more).succeeded()
    (raw / "people.txt").write_text("v\n", encoding="utf-8")
    done = hetmusic(*build, "--users", raw / "people.txt").succeeded()
    assert hetmusic("info", tmp_path / "graph", "--json").json["nodes"]["user"]["count"] == 1
    assert "filter" in hetmusic("info", tmp_path / "graph").succeeded().out


def test_the_folder_of_one_dump_may_be_named(raw, tmp_path):
    for number, folder in enumerate([raw, f"taste-profile={raw}"]):
        hetmusic("build", "taste-profile", "--raw", folder, "--out", tmp_path / f"graph{number}").succeeded()
    first, second = ((tmp_path / f"graph{number}" / "graph.json").read_bytes() for number in range(2))
    assert first == second
