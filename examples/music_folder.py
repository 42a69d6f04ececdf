"""From a folder of music files to recommendations.

python examples/music_folder.py            # a made-up household's music: FLAC files with tags, covers, listens.csv
python examples/music_folder.py ~/Music    # your own; listens.csv in it says who heard what (docs/build_graphs.md)

Needs mutagen: pip install ".[music]"
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import mutagen.flac
import numpy as np
import polars as pl
import soundfile

from hetmusic import MusicGraph, fit, load_config
from hetmusic.features import AudioStatistics, ImageStatistics, Request, TextTfidfSvd, extract_features
from hetmusic.synth import WorldSettings, make_world, write_dump


def made_up_music(folder: Path) -> Path:
    """Write the songs of a small made-up world as a person may keep them: ``Artist/Album/Title.flac``."""
    world = make_world(WorldSettings(users=60, songs=120, artists=20, listens_per_user=15))
    dump = write_dump(world, folder / "dump")
    songs = pl.read_csv(dump / "songs.csv")
    artists = dict(pl.read_csv(dump / "artists.csv").iter_rows())
    albums = {row["album_id"]: row["title"] for row in pl.read_csv(dump / "albums.csv").iter_rows(named=True)}
    lyrics = dict(pl.read_ndjson(dump / "lyrics.jsonl").iter_rows())
    place = {}
    for song in songs.iter_rows(named=True):
        artist, album = artists[song["artist_id"]], albums[song["album_id"]]
        file = folder / "music" / artist / album / f"{song['title']} ({song['song_id']}).flac"
        file.parent.mkdir(parents=True, exist_ok=True)
        sound, rate = soundfile.read(dump / song["audio"]) if song["audio"] else (np.zeros(4000), 8000)
        soundfile.write(file, sound, rate)
        tags = mutagen.flac.FLAC(file)
        tags.update(title=song["title"], artist=artist, album=album, lyrics=lyrics.get(song["song_id"], ""))
        tags.save()
        if song["cover"]:
            (file.parent / "cover.png").write_bytes((dump / song["cover"]).read_bytes())
        place[song["song_id"]] = file.relative_to(folder / "music").as_posix()
    listens = pl.read_csv(dump / "listens.tsv", separator="\t")
    listens.select(user="user_id", path=pl.col("song_id").replace_strict(place), plays="plays").write_csv(
        folder / "music" / "listens.csv"
    )
    return folder / "music"


def main() -> None:
    """Build, describe, train, recommend."""
    folder = Path(tempfile.mkdtemp(prefix="hetmusic-"))
    music = Path(sys.argv[1]) if len(sys.argv) == 2 else made_up_music(folder)
    graph = MusicGraph.build("music-folder", raw=music, out=folder / "graph")
    print(graph)
    # songs are known by the path of their file, so that is where the sound is
    sound = Request(AudioStatistics(), "audio", attribute="key")
    requests = [sound, Request(TextTfidfSvd(), "lyrics"), Request(ImageStatistics(), "cover")]
    for made in extract_features(graph, requests, raw=music):
        print(f"{made.modality}: {made.coverage.present} of {made.coverage.total} songs")
    if "user" not in graph.node_types:
        raise SystemExit(f"nobody has heard anything yet: write {music}/listens.csv, and run this again")
    run = fit(graph, load_config(overrides=["training.epochs=20"]), out=folder / "run")
    somebody = run.user_keys[0]
    print(f"{somebody} may like:")
    for item in run.recommend(somebody, k=5):
        print(item.rank, item.item_key, round(item.score, 2))
    print(f"graph and run are in {folder}")


if __name__ == "__main__":
    main()
