"""Raw files with the shape of public dumps, of any size: real key lengths, popularity by a power law, always the same bytes.

python benchmarks/build_inputs.py taste-profile --rows 1000000 --out SCRATCH/taste
python benchmarks/build_inputs.py lastfm-1k --rows 1000000 --out SCRATCH/lastfm
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

_CHUNK = 1_000_000
#: rows, users and songs of the full Taste Profile; smaller inputs keep the ratios
_TASTE = (48_373_586, 1_019_318, 384_546)
#: rows, users, artists and tracks of the full Last.fm 1K
_LASTFM = (19_150_868, 992, 177_000, 1_500_000)
#: share of rows whose artist or track has no MusicBrainz id
_NO_ARTIST, _NO_TRACK = 0.07, 0.28
#: different files of tracks
_TRACKS = 300
_START, _SECONDS = 1_240_000_000, 190
_ALPHABET = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", np.uint8)


def hex_keys(count: int, width: int, rng: np.random.Generator) -> pl.Series:
    """Random hexadecimal texts, all different."""
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)[rng.integers(0, 16, (count, width))]
    return pl.Series(digits.view(f"S{width}").ravel().astype(str))


def song_keys(count: int, rng: np.random.Generator) -> pl.Series:
    """Keys such as ``SOAKIMP12A8C130995``."""
    letters = _ALPHABET[rng.integers(0, 26, (count, 5))]
    rest = _ALPHABET[rng.integers(0, 36, (count, 11))]
    head = np.broadcast_to(np.frombuffer(b"SO", np.uint8), (count, 2))
    return pl.Series(np.hstack([head, letters, rest]).astype(np.uint8).view("S18").ravel().astype(str))


def taste_profile(out: Path, rows: int) -> None:
    """Triplets of user, song and plays, the rows of a user together and no pair twice: ``train_triplets.txt``."""
    rng = np.random.default_rng(1)
    users, songs = (max(int(count * rows / _TASTE[0]), 10) for count in _TASTE[1:])
    user_keys, songs_keys = hex_keys(users, 40, rng), song_keys(songs, rng)
    # Eleven songs or more a user, a few with thousands; the mean is that of the real data.
    degrees = 11 + rng.pareto(1.5, users) * 18
    degrees = np.minimum(degrees * rows / degrees.sum(), 0.05 * songs + 5)
    bounds = np.round(np.cumsum(degrees) * rows / degrees.sum()).astype(np.int64)
    with open(out / "train_triplets.txt", "wb") as stream:
        written = 0
        while written < rows:
            last = int(
                bounds[np.searchsorted(bounds, min(written + _CHUNK, rows))]
            )  # a user's rows are drawn together
            user = np.searchsorted(bounds, np.arange(written, last), side="right")
            song = _distinct(user, songs, rng)
            plays = np.minimum(rng.zipf(2.2, len(user)), 9_999)
            frame = pl.DataFrame({"u": user_keys.gather(user), "s": songs_keys.gather(song), "n": plays})
            frame.write_csv(stream, separator="\t", include_header=False)
            written = last


def _distinct(user: NDArray[np.int64], songs: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """A song for every row, popular ones more often, none twice for a user."""
    song = power_law(len(user), songs, rng)
    while True:
        code = user * songs + song
        order = np.argsort(code, kind="stable")
        again = order[1:][np.diff(code[order]) == 0]
        if not len(again):
            return song
        song[again] = rng.integers(0, songs, len(again))


def power_law(count: int, things: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Numbers below ``things``, of which the r-th is drawn about 1 / (r + 20) times as often."""
    weights = np.cumsum(1.0 / (np.arange(things) + 20.0) ** 0.9)
    return np.searchsorted(weights, rng.random(count) * weights[-1], side="right")


def lastfm_1k(out: Path, rows: int) -> None:
    """A log of six fields, newest first per user, and the profiles; some ids blank, as in the real file."""
    rng = np.random.default_rng(2)
    users = min(_LASTFM[1], max(rows // 100, 2))
    artists, tracks = (max(int(count * (rows / _LASTFM[0]) ** 0.7), 50) for count in _LASTFM[2:])
    artist_of = power_law(tracks, artists, rng)
    artist_ids, track_ids = _uuids(artists, rng), _uuids(tracks, rng)
    artist_ids = artist_ids.scatter(np.flatnonzero(rng.random(artists) < _NO_ARTIST), None)
    track_ids = track_ids.scatter(np.flatnonzero(rng.random(tracks) < _NO_TRACK), None)
    artist_names = pl.select("The Örtist " + pl.int_range(artists).cast(pl.String)).to_series()
    track_names = pl.select("Song No. " + pl.int_range(tracks).cast(pl.String) + " (Live)").to_series()
    user_keys = pl.select("user_" + pl.int_range(1, users + 1).cast(pl.String).str.zfill(6)).to_series()
    bounds = np.cumsum(rng.dirichlet(np.full(users, 0.8)) * rows).round().astype(np.int64)
    bounds[-1] = rows
    log = out / "userid-timestamp-artid-artname-traid-traname.tsv"
    with open(log, "wb") as stream:
        for start in range(0, rows, _CHUNK):
            row = np.arange(start, min(start + _CHUNK, rows))
            user = np.searchsorted(bounds, row, side="right")
            track = power_law(len(row), tracks, rng)
            artist = artist_of[track]
            seconds = _START - (row - np.concatenate([[0], bounds])[user]) * _SECONDS
            frame = pl.DataFrame(
                {
                    "user": user_keys.gather(user),
                    "time": _iso(seconds),
                    "artist": artist_ids.gather(artist),
                    "artist_name": artist_names.gather(artist),
                    "track": track_ids.gather(track),
                    "track_name": track_names.gather(track),
                }
            )
            frame.write_csv(stream, separator="\t", include_header=False, quote_style="never")
    profile = pl.DataFrame({"#id": user_keys}).with_columns(
        pl.Series("gender", rng.choice(["m", "f", ""], users)),
        pl.Series("age", rng.choice(["", "21", "34"], users)),
        pl.Series("country", rng.choice(["Japan", "United Kingdom", ""], users)),
        pl.lit("Feb 24, 2006").alias("registered"),
    )
    profile.write_csv(out / "userid-profile.tsv", separator="\t", quote_style="never")


def _iso(seconds: NDArray[np.int64]) -> pl.Series:
    return pl.from_epoch(pl.Series(seconds), "s").dt.strftime("%Y-%m-%dT%H:%M:%SZ")


def _uuids(count: int, rng: np.random.Generator) -> pl.Series:
    text = hex_keys(count, 32, rng)
    parts = [text.str.slice(start, size) for start, size in ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))]
    return pl.select(pl.concat_str(parts, separator="-")).to_series()


def msd(out: Path, rows: int) -> None:
    """A tree of HDF5 files of tracks, hard links to a few hundred different ones with 900 segments each."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from tests.graph.msd_files import TRACKS, segments, tree_path, write_track

    names = [
        f"TR{''.join(letters)}" for letters in itertools.product("ABCDEFGHIJKLMNOPQRSTUVWXYZ", repeat=4)
    ][:rows]
    originals = []
    for number in range(min(_TRACKS, rows)):
        track = (f"{names[number]}128F4{number:05d}", f"SOAAAAA12A{number:08d}", *TRACKS[0][2:])
        path = tree_path(out, track[0], ".h5")
        originals.append(write_track(path, 0, segments(number, 900), [track]))
    for number in range(_TRACKS, rows):
        path = tree_path(out, f"{names[number]}128F4{number:05d}", ".h5")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.hardlink_to(originals[number % _TRACKS])


def graph(out: Path, edges: int) -> None:
    """No raw files but a graph: users who like songs, with weights."""
    from hetmusic.graph import GraphWriter
    from hetmusic.graph.types import EdgeType

    rng = np.random.default_rng(3)
    users, songs = (max(int(count * edges / _TASTE[0]), 10) for count in _TASTE[1:])
    codes = rng.integers(0, users * songs, int(edges * 1.01))
    codes.sort()
    codes = codes[1:][codes[1:] > codes[:-1]][:edges]  # np.unique() would take ten times as long
    with GraphWriter(out, overwrite=True) as writer:
        writer.nodes("user", pl.DataFrame({"key": hex_keys(users, 40, rng).sort()}))
        writer.nodes("song", pl.DataFrame({"key": song_keys(songs, rng).sort()}))
        pairs = {"src": (codes // songs).astype(np.int32), "dst": (codes % songs).astype(np.int32)}
        table = pl.DataFrame({**pairs, "weight": rng.integers(1, 99, len(codes)).astype(np.float32)})
        writer.edges(EdgeType("user", "likes", "song"), table)
        writer.finish(name="full", item="song", interaction="likes")


#: name of the dump -> what writes its files
MAKERS: dict[str, Callable[[Path, int], None]] = {
    "taste-profile": taste_profile,
    "lastfm-1k": lastfm_1k,
    "msd": msd,
    "graph": graph,
}


def main() -> None:
    """Write the files of one dump."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dump", choices=MAKERS)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for the files; it needs 65 to 180 bytes a row"
    )
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    MAKERS[arguments.dump](arguments.out, arguments.rows)


if __name__ == "__main__":
    main()
