"""Changes to a graph folder that :class:`GraphWriter` would refuse to write, with checksums that fit again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hetmusic._io import sha256


def set_meta(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the content of ``graph.json`` in place."""
    path = folder / "graph.json"
    meta = json.loads(path.read_text())
    change(meta)
    path.write_text(json.dumps(meta))


def sign(folder: Path) -> None:
    """Write the checksums of the files as they are now."""

    def update(meta: dict[str, Any]) -> None:
        meta["files"] = {name: sha256(folder / name) for name in meta["files"]}

    set_meta(folder, update)


def set_table(folder: Path, name: str, table: pl.DataFrame) -> None:
    """Replace a table and its number of rows, and sign."""
    table.write_parquet(folder / f"{name}.parquet")
    kind, _, key = name.partition("/")

    def update(meta: dict[str, Any]) -> None:
        if kind == "assignments":
            meta["counts"][kind] = dict(table.group_by("kind").len().iter_rows())
        else:
            meta["counts"][kind][key] = table.height

    set_meta(folder, update)
    sign(folder)


def edit_table(folder: Path, name: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    set_table(folder, name, change(pl.read_parquet(folder / f"{name}.parquet", glob=False)))


def set_edges(folder: Path, name: str, rows: list[tuple[Any, ...]]) -> None:
    """:param rows: (src, dst), (src, dst, weight) or (src, dst, weight, time)."""
    schema = {"src": pl.Int32, "dst": pl.Int32, "weight": pl.Float32, "time": pl.Int64}
    columns = dict(list(schema.items())[: len(rows[0])])
    set_table(folder, f"edges/{name}", pl.DataFrame(rows, schema=columns, orient="row"))


def set_values(folder: Path, name: str, change: Callable[[Any], object]) -> None:
    """Change an array of the features in place, and sign."""
    values = np.load(folder / "features" / f"{name}.npy")
    change(values)
    np.save(folder / "features" / f"{name}.npy", values)
    sign(folder)
