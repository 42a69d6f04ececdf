"""Writes the parts of a run that recommending reads, atomically."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hetmusic import run_layout as layout
from hetmusic._io import replacing_file
from hetmusic.errors import RunError

Ids = tuple[Sequence[str], Sequence[str | None]]


def save_ids(folder: Path | str, users: Ids, items: Ids) -> None:
    """Write the keys and names of the users and of the items, in index order.

    :param users: ``(keys, names)``; a name may be None.
    :param items: likewise.
    :raises UserError: if the folder cannot be written.
    """
    import polars as pl

    for name, (keys, names) in ((layout.USER_IDS_FILE, users), (layout.ITEM_IDS_FILE, items)):
        table = pl.DataFrame(
            {"key": list(keys), "name": list(names)}, schema={"key": pl.String, "name": pl.String}
        )
        with replacing_file(Path(folder) / name) as temporary:
            table.write_parquet(temporary)


def save_embeddings(folder: Path | str, users: NDArray[Any], items: NDArray[Any]) -> None:
    """Write the final vectors as float32; the score of a pair is their inner product.

    :param users: shape ``(num_users, dim)``.
    :param items: shape ``(num_items, dim)``.
    :raises RunError: if a vector is not finite; nothing is written then.
    :raises UserError: if the folder cannot be written.
    """
    pairs = ((layout.USER_EMBEDDINGS_FILE, users), (layout.ITEM_EMBEDDINGS_FILE, items))
    for name, values in pairs:
        bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if len(bad):
            raise RunError(
                f"{len(bad):,} of {len(values):,} vectors for {name} are not finite; first: row {bad[0]}"
            )
    for name, values in pairs:
        _save(Path(folder) / name, np.ascontiguousarray(values, dtype=np.float32))


def save_emotions(folder: Path | str, points: NDArray[Any], known: NDArray[np.bool_]) -> None:
    """Write the items' emotions, by which recommendations can be steered.

    :param points: valence and arousal in [-1, 1], shape ``(num_items, 2)``.
    :param known: which items have them, bool ``(num_items,)``.
    :raises UserError: if the folder cannot be written.
    """
    _save(Path(folder) / layout.ITEM_EMOTIONS_FILE, np.ascontiguousarray(points, dtype=np.float32))
    _save(Path(folder) / layout.ITEM_EMOTIONS_PRESENT_FILE, np.ascontiguousarray(known, dtype=np.bool_))


def _save(path: Path, values: NDArray[Any]) -> None:
    with replacing_file(path) as temporary, open(temporary, "wb") as stream:
        np.save(stream, values, allow_pickle=False)
