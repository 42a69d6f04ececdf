"""The split of a run, read from the run folder alone: the graph may have gone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hetmusic._io import read_json
from hetmusic.errors import RunError
from hetmusic.recommend.reading import read_table, require_file

if TYPE_CHECKING:
    import polars as pl

    from hetmusic.graph.splits import Split

#: the two files that :meth:`hetmusic.graph.splits.Split.save` writes
_PAIRS_FILE, _META_FILE = "split.parquet", "split.json"
_FORMAT_VERSION = 1
_CATALOGUES = ("all", "split")


def read_split(folder: Path, num_users: int, num_items: int) -> Split:
    """Read a stored split without the graph.

    :raises RunError: if a file is missing or damaged, the two disagree, or they name users, items or parts
        that the run does not have.
    """
    from hetmusic.graph.splits.base import UNUSED, Split, pairs_digest
    from hetmusic.graph.types import Edges

    path = folder / _PAIRS_FILE
    meta = _read_meta(folder / _META_FILE)
    table = read_table(path, ("user", "item", "part"))
    for name, size in (("user", num_users), ("item", num_items), ("part", UNUSED + 1)):
        _check_column(path, table[name], size)
    users, items, part = (table[name].to_numpy() for name in ("user", "item", "part"))
    pairs = Edges(users.astype("int32"), items.astype("int32"))
    split = Split(pairs, part.astype("uint8"), meta["info"], meta["catalogue"])
    known = {"count": len(pairs), "sha256": pairs_digest(pairs)}
    if known != meta["interactions"] or split.counts != meta["counts"]:
        raise RunError(f"{path} does not hold the pairs and parts that {_META_FILE} says; it was changed")
    return split


def _read_meta(path: Path) -> dict[str, Any]:
    require_file(path)
    meta = read_json(path, RunError)
    version = meta.get("format_version") if isinstance(meta, dict) else None
    if version != _FORMAT_VERSION:
        raise RunError(f"{path}: field format_version is {version}; this hetmusic reads {_FORMAT_VERSION}")
    for name in ("interactions", "counts", "catalogue", "info"):
        if name not in meta:
            raise RunError(f"{path}: field {name!r} is missing")
    if meta["catalogue"] not in _CATALOGUES:
        raise RunError(
            f"{path}: field catalogue is {meta['catalogue']!r}, not one of {', '.join(_CATALOGUES)}"
        )
    return dict(meta)


def _check_column(path: Path, column: pl.Series, size: int) -> None:
    if not column.dtype.is_integer() or column.null_count():
        raise RunError(f"{path}: column {column.name!r} does not hold whole numbers")
    if not len(column):
        return
    low, high = int(column.to_numpy().min()), int(column.to_numpy().max())
    if low < 0 or high >= size:
        raise RunError(f"{path}: column {column.name!r} has values {low} to {high}, not all below {size:,}")
