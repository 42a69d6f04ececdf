"""A planted world on disk: the raw dump, its split, and beside the truth what rankings can and cannot reach."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from hetmusic._io import replacing_folder, write_json
from hetmusic.synth.dump import MARK, write_files
from hetmusic.synth.planted.planted import PlantedWorld

#: user, song and part of every listen, in the form that ``hetmusic fit --split`` reads
SPLIT_FILE = "split.tsv"
#: the songs that are ranked at the test, if not all
CANDIDATES_FILE = "truth/candidates.tsv"
#: metrics of the best ranking and of chance, and the model settings that belong to the world
LEVELS_FILE = "truth/levels.json"


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
    return out


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
