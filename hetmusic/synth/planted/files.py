"""A planted world on disk: the raw dump, its split, and beside the truth what rankings can and cannot reach."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from hetmusic._io import replacing_folder, write_json
from hetmusic.synth.dump import MARK, write_files
from hetmusic.synth.planted.planted import PlantedWorld
from hetmusic.synth.taste import FloatArray
from hetmusic.synth.words import EMOTIONS

#: user, song and part of every listen, in the form that ``hetmusic fit --split`` reads
SPLIT_FILE = "split.tsv"
#: the songs that are ranked at the test, if not all
CANDIDATES_FILE = "truth/candidates.tsv"
#: metrics of the best ranking and of chance, and the model settings that belong to the world
LEVELS_FILE = "truth/levels.json"
#: where emotions are to be heard: ratings of the songs of the training part (1 to 9), words with their emotion, the truth
ANNOTATIONS_FILE, LEXICON_FILE, EMOTIONS_FILE = "annotations.csv", "lexicon.tsv", "truth/emotions.tsv"


def write_planted(planted: PlantedWorld, out: Path | str, *, overwrite: bool = False) -> Path:
    """Write what :func:`hetmusic.synth.write_dump` writes, with ``split.tsv`` and the known levels.

    :param overwrite: replace an existing folder, if it holds a planted world.
    :return: the folder.
    :raises UserError: if ``out`` exists and must not be replaced, or cannot be written. Nothing is left half-written.
    """
    out = Path(out)
    with replacing_folder(out, overwrite=overwrite, mark=MARK) as folder:
        write_files(planted.world, folder)
        split_table(planted).write_csv(folder / SPLIT_FILE, separator="\t")
        if planted.items is not None:
            keys = planted.world.songs["key"].gather(planted.items)
            keys.to_frame().write_csv(folder / CANDIDATES_FILE, separator="\t")
        write_json(folder / LEVELS_FILE, levels(planted))
        if planted.world.heard is not None:
            _write_emotions(planted, planted.world.heard, folder)
    return out


def _write_emotions(planted: PlantedWorld, emotions: FloatArray, folder: Path) -> None:
    songs = planted.world.songs.select("key").with_columns(
        valence=emotions[:, 0].round(4), arousal=emotions[:, 1].round(4)
    )
    songs.write_csv(folder / EMOTIONS_FILE, separator="\t")
    rated = songs[np.unique(planted.train.dst).tolist()]
    ratings = [(5 + 4 * pl.col(axis)).round(1).alias(axis) for axis in ("valence", "arousal")]
    path = ("audio/" + pl.col("key") + ".wav").alias("path")
    rated.select("key", *ratings, path).write_csv(folder / ANNOTATIONS_FILE)
    words = pl.DataFrame([(word, *place) for word, place in EMOTIONS.items()], orient="row")
    words.columns = ["word", "valence", "arousal"]
    words.write_csv(folder / LEXICON_FILE, separator="\t")


def split_table(planted: PlantedWorld) -> pl.DataFrame:
    """Columns ``userID``, ``itemID`` (keys) and ``x_label`` (0 train, 1 valid, 2 test), a row a listen."""
    world = planted.world
    return pl.DataFrame(
        {
            "userID": world.users["key"].gather(world.listens["user"]),
            "itemID": world.songs["key"].gather(world.listens["song"]),
            "x_label": planted.parts.label,
        }
    )


def levels(planted: PlantedWorld, ks: tuple[int, ...] = (5, 10, 20)) -> dict[str, object]:
    """What the best ranking and chance reach on the test part, and how to switch the signal's reader on and off."""
    design = planted.design
    count = planted.world.settings.songs if planted.items is None else len(planted.items)
    return {
        "world": design.name,
        "summary": design.summary,
        "candidates": count,
        "oracle": planted.evaluate(planted.oracle(), ks).values,
        "chance": planted.chance(ks),
        "model": {field: list(getattr(design, field)) for field in ("model", "full", "without")},
        "signals": dict(design.signals),
    }
