"""Ready-made feature vectors from a ``.npy`` file and a list of keys: ``hetmusic features import``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic._io import sha256
from hetmusic.errors import FeatureError, did_you_mean
from hetmusic.graph.modalities import FLOATS, not_finite_rows
from hetmusic.graph.music_graph import MusicGraph

_EXAMPLES = 3


@dataclass(frozen=True)
class ImportReport:
    """What an import did."""

    #: rows stored
    imported: int
    #: rows left out because the graph has no such node
    unknown: int
    #: number of features of a vector
    dim: int
    #: share of the nodes of the type that have the modality now, in [0, 1]
    coverage: float

    def __str__(self) -> str:
        skipped = f"; left out {self.unknown:,} rows with unknown keys" if self.unknown else ""
        vectors = f"imported {self.imported:,} vectors of {self.dim:,} dimensions"
        return f"{vectors}, {self.coverage:.1%} of the nodes{skipped}"


def import_features(
    graph: MusicGraph,
    node_type: str,
    modality: str,
    values: str | Path,
    keys: str | Path,
    *,
    key_column: str | None = None,
    unknown: Literal["error", "skip"] = "error",
    overwrite: bool = False,
) -> ImportReport:
    """Store vectors from a file as a modality of a node type.

    :param values: ``.npy`` file of float16, float32 or float64, shape ``(rows, dimensions)``.
    :param keys: text file with the original key of each row: one per line, or with ``key_column`` a table
        with a header (tab- or comma-separated).
    :param unknown: what to do with rows whose key the graph lacks.
    :param overwrite: replace a modality of the same name.
    :raises FeatureError: if the files cannot be read or do not fit each other or the graph; the graph is left
        as it was.
    """
    values, keys = Path(values), Path(keys)
    array = read_values(values)
    names = read_keys(keys, key_column)
    if len(array) != len(names):
        raise FeatureError(f"{values} has {len(array):,} rows, but {keys} has {len(names):,} keys")
    _refuse_not_finite(values, array, names)
    indices = graph.find(node_type, names)
    missing = indices < 0
    if missing.any() and (unknown == "error" or missing.all()):
        raise FeatureError(_unknown_message(graph, node_type, keys, names, missing))
    info = {"source": "import", "values": values.name, "values_sha256": sha256(values), "keys": keys.name}
    rows = array if not missing.any() else array[~missing]
    graph.add_modality(node_type, modality, rows, indices=indices[~missing], info=info, overwrite=overwrite)
    count = int(missing.sum())
    return ImportReport(len(rows), count, array.shape[1], len(rows) / graph.num_nodes(node_type))


def read_values(path: Path) -> NDArray[Any]:
    """Open a ``.npy`` file of vectors, memory-mapped.

    :return: shape ``(rows, dimensions)``.
    :raises FeatureError: if the file is missing, damaged, not two-dimensional or not of floats.
    """
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise FeatureError(f"{path} does not exist") from None
    except (OSError, ValueError, EOFError) as problem:
        raise FeatureError(f"{path} cannot be read as npy: {problem}") from None
    if not isinstance(array, np.ndarray):
        raise FeatureError(f"{path} is an npz archive; give a .npy file with one array")
    if array.ndim != 2 or 0 in array.shape:
        raise FeatureError(
            f"{path} has shape {array.shape}, not (rows, dimensions) with at least one of each"
        )
    if array.dtype.newbyteorder("=") not in FLOATS:
        raise FeatureError(f"{path} holds {array.dtype}, not float16, float32 or float64")
    return array


def read_text(path: Path) -> str:
    """The content of a text file of a user's, without a byte-order mark.

    :raises FeatureError: if it is missing or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise FeatureError(f"{path} does not exist") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise FeatureError(f"{path} cannot be read as UTF-8 text: {problem}") from None


def read_keys(path: Path, column: str | None = None) -> pl.Series:
    """Read one key per row of the values.

    :param column: name of a column, if the file is a table with a header; otherwise every line is a key.
    :raises FeatureError: if the file is missing, not UTF-8, lacks the column, or a key is empty or repeated.
    """
    text = read_text(path)
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text else []
    if column is not None:
        keys, first_line = _column(path, text, column), 2
    else:
        keys, first_line = pl.Series("key", lines, pl.String).str.strip_chars(), 1
        if lines and "\t" in lines[0]:
            raise FeatureError(f"{path} is a table with columns; name the one with the keys by --key-column")
    for what, bad in (
        ("empty", keys.is_null() | (keys == "")),
        ("repeated", ~keys.is_first_distinct()),
    ):
        if bad.any():
            row = int(bad.arg_max() or 0)
            raise FeatureError(
                f"{path}: {bad.sum():,} {what} keys, the first in line {row + first_line}: "
                f"{keys[row] or ''!r}"
            )
    return keys


def _column(path: Path, text: str, column: str) -> pl.Series:
    header = text.split("\n", 1)[0].rstrip("\r")
    separator = "\t" if "\t" in header else ","
    try:
        table = pl.read_csv(
            text.encode(),
            separator=separator,
            quote_char='"' if separator == "," else None,
            infer_schema=False,
        )
    except pl.exceptions.PolarsError as problem:
        raise FeatureError(f"{path} cannot be read as a table: {str(problem).splitlines()[0]}") from None
    if column not in table.columns:
        hint = did_you_mean(column, table.columns)
        raise FeatureError(
            f"{path} has no column {column!r}{hint}; its header is: {', '.join(table.columns)}"
        )
    return table[column].str.strip_chars()


def _refuse_not_finite(path: Path, values: NDArray[Any], keys: pl.Series) -> None:
    bad = not_finite_rows(values)
    if len(bad):
        first = ", ".join(f"row {row} (key {keys[int(row)]!r})" for row in bad[:_EXAMPLES])
        raise FeatureError(
            f"{path}: {len(bad):,} of {len(values):,} rows hold NaN or infinity; first: {first}"
        )


def _unknown_message(
    graph: MusicGraph, node_type: str, path: Path, keys: pl.Series, missing: NDArray[np.bool_]
) -> str:
    first = ", ".join(repr(key) for key in keys.filter(pl.Series(missing))[:_EXAMPLES])
    advice = "" if missing.all() else "; pass --unknown skip to leave these rows out"
    return (
        f"{path}: {int(missing.sum()):,} of {len(keys):,} keys are no {node_type} of graph {graph.name}; "
        f"first: {first}{advice}"
    )
