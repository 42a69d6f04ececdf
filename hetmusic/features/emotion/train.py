"""Train the regressor from sound to emotion on annotated songs: ``hetmusic features train-emotion``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from hetmusic._version import __version__
from hetmusic.errors import FeatureError
from hetmusic.features.describing import Coverage
from hetmusic.features.emotion.annotations import Annotations, read_annotations
from hetmusic.features.emotion.cross_validation import Fitted, fit_validated
from hetmusic.features.emotion.scores import Agreement
from hetmusic.features.emotion.sound_descriptors import describe_files
from hetmusic.features.emotion.sound_files import SoundFiles
from hetmusic.features.emotion.sound_model import SoundEmotionModel
from hetmusic.features.extraction.watching import Watcher
from hetmusic.graph.emotions import AXES

#: fewest songs, and fewest groups of songs, from which anything can be learned and checked
_FEWEST_SONGS, _FEWEST_GROUPS = 5, 4


@dataclass(frozen=True)
class TrainingReport:
    """What was trained on what, and how well it does on songs that it has not seen."""

    #: songs with a rating and a sound that could be described
    songs: int
    #: why the other rated songs were not used -> how many
    left_out: dict[str, int]
    #: axis -> what was chosen
    recipes: dict[str, str]
    #: axis -> agreement of held-out songs
    held_out: dict[str, Agreement]
    #: groups of songs, and lowest and highest rating possible
    groups: int
    scale: tuple[float, float]

    def __str__(self) -> str:
        lines = [
            f"{self.songs:,} songs in {self.groups:,} groups, ratings from {self.scale[0]:g} to {self.scale[1]:g}"
        ]
        if self.left_out:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.left_out.items())
            lines.append(f"not used: {reasons}")
        lines += [
            f"{axis} of held-out songs: {self.held_out[axis]} ({self.recipes[axis]})"
            for axis in self.held_out
        ]
        return "\n".join(lines)


def train_emotion(
    annotations: str | Path,
    out: str | Path,
    *,
    sounds: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    scale: tuple[float, float] | None = None,
    max_seconds: float = 120.0,
    seed: int = 0,
    workers: int | None = None,
    overwrite: bool = False,
    watcher: Watcher | None = None,
) -> TrainingReport:
    """Describe the sounds of annotated songs, choose and fit a regressor for each axis, and write it to ``out``.

    Every figure is of songs held out by nested cross-validation (:mod:`~hetmusic.features.emotion.cross_validation`) and is
    stored in the file.

    :param sounds: folder of the sound files; by default that of the annotations. A song's file is that of the column
        ``path`` or, without such a column, the one that is called like the song's key.
    :param columns, scale: see :func:`~hetmusic.features.emotion.annotations.read_annotations`.
    :param max_seconds: only so much from the beginning of a file is heard.
    :param workers: threads that decode; by default one a core, at most eight.
    :param watcher: told of progress.
    :raises FeatureError: if the table is wrong, ``out`` exists, or fewer than 5 songs (4 groups) have a sound.
    """
    annotations, out = Path(annotations), Path(out)
    if out.exists() and not overwrite:
        raise FeatureError(f"{out} already exists; choose another --out or pass --overwrite")
    table = read_annotations(annotations, columns, scale)
    files = SoundFiles(Path(sounds) if sounds is not None else annotations.parent)
    described = describe_files(_files(table, files), max_seconds, workers=workers, watcher=watcher)
    left_out = Coverage.of(described.reasons).reasons
    rows = np.flatnonzero(described.present)
    groups = [table.groups[row] for row in rows]
    if len(rows) < _FEWEST_SONGS or len(set(groups)) < _FEWEST_GROUPS:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in left_out.items()) or "none left out"
        raise FeatureError(
            f"{annotations}: {len(rows):,} of {len(table):,} rated songs in {len(set(groups)):,} groups have a sound below "
            f"{files.folder}, {_FEWEST_SONGS} in {_FEWEST_GROUPS} are the least to learn from ({reasons})"
        )
    x = described.values[rows].astype(np.float64)
    fitted = {
        axis: fit_validated(x, table.points[rows, number], groups, seed) for number, axis in enumerate(AXES)
    }
    report = TrainingReport(
        len(rows),
        left_out,
        {axis: str(fit.recipe) for axis, fit in fitted.items()},
        {axis: fit.held_out for axis, fit in fitted.items()},
        len(set(groups)),
        table.scale,
    )
    _model(table, fitted, report, max_seconds, seed).save(out)
    return report


def _files(table: Annotations, files: SoundFiles) -> list[Path | str]:
    """The sound file of every song, or why it has none."""
    if table.paths is not None:
        return [files.by_path(path) for path in table.paths]
    return [files.by_key(key) for key in table.keys]


def _model(
    table: Annotations,
    fitted: Mapping[str, Fitted],
    report: TrainingReport,
    max_seconds: float,
    seed: int,
) -> SoundEmotionModel:
    info = {
        **table.info,
        "hetmusic_version": __version__,
        "max_seconds": max_seconds,
        "seed": seed,
        "songs": report.songs,
        "groups": report.groups,
        "left_out": report.left_out,
        "recipes": {axis: dict(fit.recipe.settings()) for axis, fit in fitted.items()},
        "chosen_in_outer_folds": {axis: fit.chosen for axis, fit in fitted.items()},
        "held_out": {axis: asdict(fit.held_out) for axis, fit in fitted.items()},
    }
    return SoundEmotionModel(
        next(iter(fitted.values())).scaler,
        tuple(fitted[axis].function for axis in AXES),
        {axis: fitted[axis].held_out.ccc for axis in AXES},
        info,
    )
