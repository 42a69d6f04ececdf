"""Write a planted world as a raw dump: tables like a user's own, and the specification that reads them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import polars as pl
import yaml
from numpy.typing import NDArray

from hetmusic._io import replacing_folder
from hetmusic.synth.spec import dump_spec
from hetmusic.synth.world import World

#: the file that tells a dump of a planted world, which may be overwritten, from other folders
MARK = "truth/world.json"


def write_dump(world: World, out: Path | str, *, overwrite: bool = False) -> Path:
    """Write ``world`` to the folder ``out``: tables, ``audio/``, ``covers/``, ``spec.yaml`` and ``truth/``.

    ``hetmusic build --spec out/spec.yaml --raw out`` reads it; nothing under ``truth/`` is part of the
    specification.

    :param overwrite: replace an existing folder, if it holds a planted world.
    :return: the folder.
    :raises UserError: if ``out`` exists and must not be replaced, or cannot be written. Nothing is left
        half-written.
    """
    out = Path(out)
    with replacing_folder(out, overwrite=overwrite, mark=MARK) as folder:
        write_files(world, folder)
    return out


def write_files(world: World, folder: Path) -> None:
    """Write the files of :func:`write_dump` into an empty folder."""
    text = yaml.safe_dump(dump_spec(), sort_keys=False, allow_unicode=True, width=110)
    (folder / "spec.yaml").write_text(text, encoding="utf-8")
    _write_tables(world, folder)
    _write_lyrics(world, folder / "lyrics.jsonl")
    for name, suffix, files in (("audio", "wav", world.audio()), ("covers", "png", world.covers())):
        (folder / name).mkdir()
        for song, content in files:
            (folder / name / f"{world.songs['key'][song]}.{suffix}").write_bytes(content)
    _write_truth(world, folder / "truth")


def _write_tables(world: World, folder: Path) -> None:
    """The CSV and TSV files, with keys instead of row numbers."""
    songs = _keyed(world.songs, artist_id=(world.artists, "artist"), album_id=(world.albums, "album"))
    songs = songs.with_columns(
        audio=_paths(world, "audio", "audio", "wav"), cover=_paths(world, "cover", "covers", "png")
    )
    world.users.rename({"key": "user_id"}).write_csv(folder / "users.csv")
    world.artists.rename({"key": "artist_id"}).write_csv(folder / "artists.csv")
    albums = _keyed(world.albums, artist_id=(world.artists, "artist"))
    albums.rename({"key": "album_id"}).write_csv(folder / "albums.csv")
    songs.rename({"key": "song_id"}).write_csv(folder / "songs.csv")
    user_and_song = {"user_id": (world.users, "user"), "song_id": (world.songs, "song")}
    _keyed(world.listens, **user_and_song).write_csv(folder / "listens.tsv", separator="\t")
    _keyed(world.tags, **user_and_song).write_csv(folder / "tags.tsv", separator="\t")
    friends = _keyed(world.friends, user_id=(world.users, "user"), friend_id=(world.users, "friend"))
    friends.write_csv(folder / "friends.csv")


def _keyed(table: pl.DataFrame, **columns: tuple[pl.DataFrame, str]) -> pl.DataFrame:
    """Replace row-number columns by the keys they point to.

    :param columns: new column = (the table pointed to, the column of row numbers).
    """
    for new, (target, old) in columns.items():
        keys = target["key"].gather(table[old])
        table = table.with_columns(keys.alias(old)).rename({old: new})
    return table


def _paths(world: World, modality: str, folder: str, suffix: str) -> pl.Series:
    """Path of each song's file relative to the dump, null where it has none."""
    pairs = zip(world.songs["key"], world.present[modality], strict=True)
    return pl.Series(
        [f"{folder}/{key}.{suffix}" if present else None for key, present in pairs], dtype=pl.String
    )


def _write_lyrics(world: World, path: Path) -> None:
    with open(path, "w", encoding="utf-8", newline="\n") as stream:
        for song in np.flatnonzero(world.present["lyrics"]):
            row = {"song_id": world.songs["key"][int(song)], "lyrics": world.lyrics[song]}
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def _write_truth(world: World, folder: Path) -> None:
    """True factors in the order of the keys beside them, styles, and how the world was made."""
    folder.mkdir()
    for name, factors, nodes, known in (
        ("user", world.user_factors, world.users, {"style": world.taste.user_style, "quiet": world.quiet}),
        ("item", world.item_factors, world.songs, {"style": world.taste.song_style}),
    ):
        (folder / f"{name}.npy").write_bytes(_npy_bytes(factors))
        keys = nodes.select("key").with_columns(**known)
        keys.write_csv(folder / f"{name}.tsv", separator="\t")
    made = {"seed": world.seed, "settings": world.settings.model_dump()}
    text = json.dumps(made, indent=2, sort_keys=True)
    (folder / "world.json").write_text(text + "\n", encoding="utf-8")


def _npy_bytes(values: NDArray[np.float32]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()
