"""Readers of a run's files, which refuse what is damaged with an error that names the file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import RunError

if TYPE_CHECKING:
    import polars as pl


def require_file(path: Path) -> None:
    """:raises RunError: if the file is missing."""
    if not path.is_file():
        raise RunError(f"{path} is missing; the run is incomplete")


def read_table(path: Path, columns: tuple[str, ...]) -> pl.DataFrame:
    """Read a parquet file of a run.

    :param columns: the columns that it must have.
    :raises RunError: if the file is missing or damaged, or lacks a column.
    """
    import polars as pl

    require_file(path)
    try:
        table = pl.read_parquet(path, glob=False)
    # polars reports some damaged files by a panic, which is no Exception
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as problem:
        raise RunError(f"{path} is damaged and cannot be read as parquet ({_one_line(problem)})") from None
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise RunError(f"{path} has no column {missing[0]!r}; its columns are {', '.join(table.columns)}")
    return table


def read_ids(path: Path, rows: int) -> tuple[list[str], list[str]]:
    """Read the keys and names of the users or items of a run.

    :param rows: the number that ``run.json`` announces.
    :return: keys and names by index; where there is no name it is the key.
    :raises RunError: if the file is missing or damaged, or has another number of rows, or a key is missing or
        comes twice.
    """
    table = read_table(path, ("key", "name"))
    if table.height != rows:
        raise RunError(f"{path} has {table.height:,} rows, but run.json says {rows:,}")
    keys = table["key"].to_list()
    if not all(isinstance(key, str) for key in keys) or len(set(keys)) < len(keys):
        raise RunError(f"{path}: column 'key' does not hold {rows:,} distinct texts")
    names = table["name"].to_list()
    return keys, [key if name is None else str(name) for key, name in zip(keys, names, strict=True)]


def open_embeddings(path: Path, rows: int) -> NDArray[np.float32]:
    """Memory-map the vectors of the users or items of a run.

    :return: float32, read-only, shape ``(rows, dim)``.
    :raises RunError: if the file is missing, damaged, of another type, or has another number of rows.
    """
    array = _load(path)
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.dtype != np.float32:
        shape = f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else "an archive"
        raise RunError(f"{path} holds {shape}, not float32 vectors in rows")
    if len(array) != rows:
        raise RunError(f"{path} has {len(array):,} rows, but run.json says {rows:,}")
    return array


def read_emotions(
    values_path: Path, known_path: Path, rows: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Read valence and arousal of the items of a run, and which items have them.

    :raises RunError: if a file is missing or damaged, or does not hold what it should.
    """
    points, known = open_embeddings(values_path, rows), _load(known_path)
    if points.shape[1] != 2 or not (np.abs(points) <= 1).all():
        raise RunError(f"{values_path} does not hold valence and arousal from -1 to 1")
    if not isinstance(known, np.ndarray) or known.dtype != np.bool_ or known.shape != (rows,):
        raise RunError(f"{known_path} does not hold one yes or no for each of {rows:,} items")
    return points, known


def _load(path: Path) -> Any:
    """What ``np.load`` makes of a file, memory-mapped."""
    require_file(path)
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as problem:
        raise RunError(f"{path} is damaged and cannot be read as npy ({_one_line(problem)})") from None


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    :raises RunError: if it is missing or not TOML.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    require_file(path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise RunError(f"{path} is damaged and cannot be read as TOML ({_one_line(problem)})") from None


def _one_line(problem: BaseException) -> str:
    return str(problem).strip().split("\n")[0]
