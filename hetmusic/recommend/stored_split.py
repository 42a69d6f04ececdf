"""The split of a run, read from the run folder alone: the graph may have gone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hetmusic.errors import RunError, SplitError
from hetmusic.recommend.reading import read_table, require_file

if TYPE_CHECKING:
    import polars as pl

    from hetmusic.graph.splits import Split


def read_split(folder: Path, num_users: int, num_items: int) -> Split:
    """Read a stored split without the graph.

    :raises RunError: if a file is missing or damaged, the two disagree, or they name users, items or parts
        that the run does not have.
    """
    from hetmusic.graph.splits import PART_NAMES, Split
    from hetmusic.graph.splits._files import META, TABLE, Interactions, read_meta
    from hetmusic.graph.types import Edges

    require_file(folder / META)
    try:
        meta = read_meta(folder)
    except SplitError as problem:
        raise RunError(str(problem)) from None
    path = folder / TABLE
    table = read_table(path, ("user", "item", "part"))
    for name, size in (("user", num_users), ("item", num_items), ("part", len(PART_NAMES))):
        _check_column(path, table[name], size)
    users, items, part = (table[name].to_numpy() for name in ("user", "item", "part"))
    pairs = Edges(users.astype("int32"), items.astype("int32"))
    split = Split(pairs, part.astype("uint8"), meta.info, meta.catalogue)
    if Interactions.of(pairs) != meta.interactions or split.counts != meta.counts:
        raise RunError(f"{path} does not hold the pairs and parts that {META} says; it was changed")
    return split


def _check_column(path: Path, column: pl.Series, size: int) -> None:
    if not column.dtype.is_integer() or column.null_count():
        raise RunError(f"{path}: column {column.name!r} does not hold whole numbers")
    if not len(column):
        return
    low, high = int(column.to_numpy().min()), int(column.to_numpy().max())
    if low < 0 or high >= size:
        raise RunError(f"{path}: column {column.name!r} has values {low} to {high}, not all below {size:,}")
