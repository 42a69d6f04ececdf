"""Files that list the keys of the nodes to keep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic.errors import DataError
from hetmusic.graph.build_nodes import NodeTable
from hetmusic.graph.build_report import Notes
from hetmusic.graph.raw.text import read_pieces

_EXAMPLES = 3


def listed(path: Path, nodes: NodeTable, notes: Notes) -> NDArray[np.bool_]:
    """Which nodes a text file names, one key of the graph per line.

    :raises DataError: if the file cannot be read or names no node of the graph.
    """
    try:
        lines = [
            line.strip() for piece in read_pieces(path, path.name, "utf-8") for line in piece.text.split("\n")
        ]
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    keys = pl.Series("key", lines, pl.String)
    return named(keys.filter(keys != ""), path.name, nodes, notes)


def named(keys: pl.Series, file: str, nodes: NodeTable, notes: Notes) -> NDArray[np.bool_]:
    """Which nodes some keys name, as a mask of shape ``(nodes,)``; keys of no node are warned of.

    :raises DataError: if no key names a node.
    """
    keys = keys.unique(maintain_order=True)
    index = nodes.index_of(keys)
    unknown = keys.filter(index.is_null())
    examples = ", ".join(map(repr, unknown.head(_EXAMPLES)))
    if unknown.len() == keys.len():
        raise DataError(f"{file} lists {_nothing_known(keys.len(), nodes.node_type, examples)}")
    if unknown.len():
        are = "is" if unknown.len() == 1 else "are"
        notes.warn(
            f"{unknown.len():,} of {keys.len():,} keys in {file} {are} no {nodes.node_type} of the graph: {examples}"
        )
    found = np.zeros(nodes.table.height, np.bool_)
    found[index.drop_nulls().to_numpy()] = True
    return found


def _nothing_known(count: int, node_type: str, examples: str) -> str:
    if count == 0:
        return "no keys"
    if count == 1:
        return f"1 key, which is no {node_type} of the graph: {examples}"
    one = f"{'an' if node_type[0] in 'aeio' else 'a'} {node_type}"
    return f"{count:,} keys, of which none is {one} of the graph; first: {examples}"
