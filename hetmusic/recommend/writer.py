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
        with replacing_file(Path(folder) / name) as temporary, open(temporary, "wb") as stream:
            np.save(stream, np.ascontiguousarray(values, dtype=np.float32), allow_pickle=False)
