"""What the exports have in common: what they tell, node tables, and the folder that may be replaced."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from hetmusic._io import replacing_file, replacing_folder, write_json
from hetmusic._version import __version__
from hetmusic.errors import UserError
from hetmusic.graph.music_graph import MusicGraph

#: in every exported folder: which graph it comes from, and that ``--overwrite`` may replace the folder
MARK = "export.json"


@dataclass(frozen=True)
class ExportReport:
    """What was written, and what of the graph is not in it."""

    path: Path
    #: what the format cannot hold, in sentences
    notes: list[str] = field(default_factory=list)


@contextlib.contextmanager
def new_folder(graph: MusicGraph, to: str, out: Path, overwrite: bool) -> Iterator[Path]:
    """Yield a folder that becomes ``out`` when the block ends without an error.

    :raises UserError: if ``out`` exists and is not to be replaced, or is no exported folder.
    """
    with replacing_folder(out, overwrite=overwrite, mark=MARK) as folder:
        yield folder
        about = {
            "format": to,
            "graph": graph.name,
            "checksum": graph.checksum,
            "hetmusic_version": __version__,
        }
        write_json(folder / MARK, about)


@contextlib.contextmanager
def new_file(out: Path, overwrite: bool) -> Iterator[Path]:
    """Yield a path that becomes ``out`` when the block ends without an error.

    :raises UserError: if ``out`` exists and is not to be replaced, or is no file.
    """
    if out.exists() and not overwrite:
        raise UserError(f"{out} already exists; choose another --out or pass --overwrite")
    if out.exists() and not out.is_file():
        raise UserError(f"{out} is not replaced, since it is not a file")
    with replacing_file(out) as temporary:
        yield temporary


def plain_nodes(graph: MusicGraph, node_type: str) -> pl.DataFrame:
    """A node table whose attributes are numbers, truth values or texts, null where they are not finite."""
    table = graph.nodes(node_type)
    return table.with_columns(_plain(table[column]) for column in table.columns)


def _plain(column: pl.Series) -> pl.Series:
    if column.dtype.is_float():
        wide = column.cast(pl.Float64)
        return wide.to_frame().select(pl.when(wide.is_finite()).then(wide).alias(column.name)).to_series()
    if column.dtype.is_integer():
        return column.cast(pl.Int64)
    if column.dtype in (pl.String, pl.Boolean):
        return column
    if column.dtype.is_nested():
        texts = [None if value is None else str(value) for value in column.to_list()]
        return pl.Series(column.name, texts, pl.String)
    return column.cast(pl.String)


def modality_tensors(graph: MusicGraph, node_type: str) -> dict[str, Any]:
    """Every modality as ``<name>`` (values) and ``<name>.present`` (bool mask), as torch tensors in memory."""
    import numpy as np
    import torch

    found = {}
    for name in graph.modalities(node_type):
        modality = graph.modality(node_type, name)
        found[name] = torch.from_numpy(np.array(modality.values))
        found[f"{name}.present"] = torch.from_numpy(np.array(modality.present))
    return found
