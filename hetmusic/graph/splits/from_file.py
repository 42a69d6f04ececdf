"""A published split: pairs of original keys with a label, read from a text file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic._io import sha256
from hetmusic.errors import SplitError, did_you_mean
from hetmusic.graph.music_graph import MusicGraph
from hetmusic.graph.splits.base import EXTRA, TEST, TRAIN, UNUSED, VALID, Split, require_interactions

#: labels of MMRec's ``x_label`` column
X_LABELS: Mapping[str, int] = {"0": TRAIN, "1": VALID, "2": TEST}


def split_from_file(
    graph: MusicGraph,
    path: str | Path,
    *,
    user: str = "userID",
    item: str = "itemID",
    label: str = "x_label",
    labels: Mapping[str, int] = X_LABELS,
    catalogue: Literal["all", "split"] = "split",
    others: Literal["unused", "train"] = "unused",
) -> Split:
    """Read a split of the graph's interactions from a tab- or comma-separated file with a header.

    :param user: column of the users' original keys.
    :param item: column of the items' original keys.
    :param label: column of the part.
    :param labels: text of a label -> TRAIN, VALID or TEST.
    :param others: what becomes of the interactions that the file does not name: ``"unused"`` ones are neither trained on
        nor evaluated; ``"train"`` makes them EXTRA, so that models learn from them without recommending their items.
    :param catalogue: ``"split"`` makes the items of the file the only candidates, ``"all"`` those of the
        graph.
    :raises SplitError: if the file cannot be read, lacks a column, has an unknown label or a pair twice, or
        names a pair that the graph does not have; the message names the first such line and how many there
        are.
    """
    path = Path(path)
    table = _read(path, {"user": user, "item": item, "label": label})
    _refuse(path, table, ~table["label"].is_in(list(labels)), f"{label} is not one of {', '.join(labels)}")
    _refuse(
        path,
        table,
        ~table.select(pl.struct("user", "item").is_first_distinct()).to_series(),
        "the pair was listed before",
    )
    interactions = require_interactions(graph)
    num_items = graph.num_nodes(graph.item_type)
    users = graph.find(graph.user_type, table["user"]).astype(np.int64)
    items = graph.find(graph.item_type, table["item"]).astype(np.int64)
    known = interactions.src.astype(np.int64) * num_items + interactions.dst
    pairs = np.where((users < 0) | (items < 0), -1, users * num_items + items)
    position = np.minimum(np.searchsorted(known, pairs), len(known) - 1)
    absent = pl.Series(known[position] != pairs)
    _refuse(
        path,
        table,
        absent,
        f"graph {graph.name} has no such {graph.interaction.relation} edge (a split names original keys; "
        f"unknown are {_unknown(table['user'], users)} users and {_unknown(table['item'], items)} items)",
    )
    part = np.full(len(known), EXTRA if others == "train" else UNUSED, np.uint8)
    part[position] = table["label"].replace_strict(dict(labels), return_dtype=pl.UInt8).to_numpy()
    info = {"strategy": "file", "file": path.name, "sha256": sha256(path), "columns": [user, item, label]}
    info["others"] = others
    return Split(interactions, part, info, catalogue)


def _read(path: Path, columns: Mapping[str, str]) -> pl.DataFrame:
    """Read three text columns and the line number of each row."""
    try:
        with open(path, encoding="utf-8") as stream:
            header = stream.readline().rstrip("\r\n")
        separator = "\t" if "\t" in header else ","
        found = header.removeprefix("\ufeff").split(separator)
        for name in columns.values():
            if name not in found:
                hint = did_you_mean(name, found)
                raise SplitError(f"{path} has no column {name!r}{hint}; its header is: {', '.join(found)}")
        table = pl.read_csv(
            path, separator=separator, quote_char='"' if separator == "," else None, infer_schema=False
        )
    except FileNotFoundError:
        raise SplitError(f"{path} does not exist") from None
    except (OSError, UnicodeDecodeError, pl.exceptions.PolarsError) as problem:
        first_line = str(problem).strip().split("\n")[0]
        raise SplitError(f"{path} cannot be read as a table: {first_line}") from None
    if not table.height:
        raise SplitError(f"{path} has a header but no rows")
    named = table.select(pl.col(column).str.strip_chars().alias(name) for name, column in columns.items())
    named = named.with_row_index("line", offset=2)
    _refuse(path, named, named.select(pl.any_horizontal(pl.all().is_null())).to_series(), "a field is empty")
    return named


def _refuse(path: Path, table: pl.DataFrame, bad: pl.Series, why: str) -> None:
    """Raise a SplitError that counts the bad rows and shows the first, if there are any."""
    if count := int(bad.sum()):
        row = table.row(int(bad.arg_max() or 0), named=True)
        raise SplitError(
            f"{path}: {count:,} of {table.height:,} rows cannot be used: {why}; "
            f"first: line {row['line']}, user {row['user']!r}, item {row['item']!r}, label {row['label']!r}"
        )


def _unknown(keys: pl.Series, indices: NDArray[np.int64]) -> str:
    return f"{keys.filter(pl.Series(indices < 0)).n_unique():,} of {keys.n_unique():,}"
