"""Tables of songs that people have rated for valence and arousal, on whatever scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic._io import sha256
from hetmusic.errors import FeatureError, did_you_mean
from hetmusic.features.importing import read_text
from hetmusic.graph.emotions import AXES

#: what a column can be -> names under which public data sets have it, in lower case (EmoMusic, DEAM, PMEmo)
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "key": ("key", "song_id", "musicid", "song", "track_id", "id"),
    "valence": ("valence", "mean_valence", "valence_mean", "valence(mean)"),
    "arousal": ("arousal", "mean_arousal", "arousal_mean", "arousal(mean)"),
    "path": ("path", "file", "file_name", "filename", "audio"),
    "group": ("group", "artist", "artist_name", "artist_id"),
}
_REQUIRED = ("key", *AXES)
#: scales that are recognised, the narrowest first
SCALES = ((0.0, 1.0), (-1.0, 1.0), (1.0, 5.0), (1.0, 7.0), (1.0, 9.0), (0.0, 10.0), (0.0, 100.0))


@dataclass(frozen=True)
class Annotations:
    """Rated songs."""

    #: the file, its SHA-256, its columns and scale, rows left out
    info: Mapping[str, object]
    keys: list[str]
    #: valence and arousal in [-1, 1], shape ``(songs, 2)``
    points: NDArray[np.float64]
    #: the sound file of each song as the table has it; None if there is no such column
    paths: list[str | None] | None
    #: songs of one group stay together in cross-validation; the song's own key where the table has no group
    groups: list[str]
    #: lowest and highest rating that was possible
    scale: tuple[float, float]

    def __len__(self) -> int:
        return len(self.keys)


def read_annotations(
    path: str | Path,
    columns: Mapping[str, str] | None = None,
    scale: tuple[float, float] | None = None,
) -> Annotations:
    """Read a CSV or TSV with a header, a song a row. Rows without a rating are left out and counted.

    :param columns: ``key``, ``valence``, ``arousal``, ``path`` or ``group`` -> the table's column, where its name is not one
        of :data:`COLUMNS`.
    :param scale: lowest and highest rating possible; by default the narrowest of :data:`SCALES` that holds all ratings, if
        they cover more than half of it.
    :raises FeatureError: naming file, row and field of the first mistake.
    """
    path = Path(path)
    table = _read(path)
    where = _find(path, table, columns or {})
    rows = table.select(pl.int_range(pl.len()).alias("row") + 2, **{name: where[name] for name in where})
    blank = rows.select(pl.any_horizontal(pl.col(AXES).is_null())).to_series()
    rows = rows.filter(~blank)
    _check_keys(path, rows, where["key"])
    ratings = np.stack([_numbers(path, rows, axis, where[axis]) for axis in AXES], axis=1)
    low, high = _scale(path, rows, ratings, where, scale)
    info = {
        "annotations": path.name,
        "annotations_sha256": sha256(path),
        "columns": where,
        "scale": [low, high],
        "scale_stated": scale is not None,
        "rows_without_rating": int(blank.sum()),
    }
    keys = rows["key"].to_list()
    return Annotations(
        info,
        keys,
        2.0 * (ratings - low) / (high - low) - 1.0,
        rows["path"].to_list() if "path" in where else None,
        _groups(rows) if "group" in where else list(keys),
        (low, high),
    )


def parse_scale(text: str) -> tuple[float, float]:
    """Read ``1,9``.

    :raises FeatureError: if it is not two numbers.
    """
    parts = text.split(",")
    try:
        low, high = map(float, parts)
    except ValueError:
        raise FeatureError(f"--scale {text!r} is not of the form LOW,HIGH, such as 1,9") from None
    return low, high


def _read(path: Path) -> pl.DataFrame:
    text = read_text(path)
    header = text.split("\n", 1)[0]
    try:
        table = pl.read_csv(
            text.encode(), separator="\t" if "\t" in header else ",", quote_char='"', infer_schema=False
        )
    except pl.exceptions.PolarsError as problem:
        raise FeatureError(f"{path} cannot be read as a table: {str(problem).splitlines()[0]}") from None
    table = table.rename({name: name.strip() for name in table.columns})
    stripped = pl.all().str.strip_chars()
    return table.select(pl.when(stripped != "").then(stripped).name.keep())


def _find(path: Path, table: pl.DataFrame, columns: Mapping[str, str]) -> dict[str, str]:
    """What a column is -> its name in the table."""
    for name, column in columns.items():
        if name not in COLUMNS:
            raise FeatureError(
                f"--columns: there is no {name!r}{did_you_mean(name, COLUMNS)}; known: {', '.join(COLUMNS)}"
            )
        if column not in table.columns:
            raise FeatureError(
                f"{path} has no column {column!r}{did_you_mean(column, table.columns)}; "
                f"its header is: {', '.join(table.columns)}"
            )
    known = {column.casefold(): column for column in reversed(table.columns)}
    guessed = {
        name: next((known[alias] for alias in aliases if alias in known), None)
        for name, aliases in COLUMNS.items()
    }
    where = {name: columns.get(name) or guessed[name] for name in COLUMNS}
    if missing := [name for name in _REQUIRED if where[name] is None]:
        raise FeatureError(
            f"{path} has no column for {', '.join(missing)}; name it by --columns {missing[0]}=COLUMN; "
            f"its header is: {', '.join(table.columns)}"
        )
    return {name: column for name, column in where.items() if column is not None}


def _check_keys(path: Path, rows: pl.DataFrame, column: str) -> None:
    if not rows.height:
        raise FeatureError(f"{path} has no row with both ratings")
    for what, bad in (("blank", rows["key"].is_null()), ("repeated", ~rows["key"].is_first_distinct())):
        if bad.any():
            first = rows.row(int(bad.arg_max() or 0), named=True)
            raise FeatureError(
                f"{path}: {bad.sum():,} {what} keys in column {column!r}, the first in row {first['row']}: "
                f"{first['key'] or ''!r}"
            )


def _numbers(path: Path, rows: pl.DataFrame, axis: str, column: str) -> NDArray[np.float64]:
    values = rows[axis].cast(pl.Float64, strict=False)
    bad = ~values.is_finite().fill_null(False)
    if bad.any():
        first = rows.row(int(bad.arg_max() or 0), named=True)
        raise FeatureError(
            f"{path}, row {first['row']}: {column} {first[axis]!r} is not a number ({bad.sum():,} of {len(values):,} rows)"
        )
    return values.to_numpy()


def _groups(rows: pl.DataFrame) -> list[str]:
    # a group called like another song's key must not swallow it
    return [
        f"group {group}" if group else f"song {key}"
        for group, key in zip(rows["group"], rows["key"], strict=True)
    ]


def _scale(
    path: Path,
    rows: pl.DataFrame,
    ratings: NDArray[np.float64],
    where: Mapping[str, str],
    stated: tuple[float, float] | None,
) -> tuple[float, float]:
    low, high = float(ratings.min()), float(ratings.max())
    if stated is None:
        fits = [scale for scale in SCALES if scale[0] <= low and high <= scale[1]]
        if fits and high - low > (fits[0][1] - fits[0][0]) / 2:
            return fits[0]
        raise FeatureError(
            f"{path}: ratings run from {low:g} to {high:g}, which tells no scale; state it by --scale LOW,HIGH"
        )
    if not stated[0] < stated[1]:
        raise FeatureError(
            f"--scale goes from a lower to a higher value, not from {stated[0]:g} to {stated[1]:g}"
        )
    outside = (ratings < stated[0]) | (ratings > stated[1])
    if outside.any():
        row, axis = np.argwhere(outside)[0]
        raise FeatureError(
            f"{path}, row {rows['row'][int(row)]}: {where[AXES[axis]]} {ratings[row, axis]:g} is not on the scale "
            f"{stated[0]:g} to {stated[1]:g} ({int(outside.any(axis=1).sum()):,} of {len(rows):,} rows are not)"
        )
    return stated
