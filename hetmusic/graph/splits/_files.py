"""The two files of a saved split: ``split.parquet`` with a row per interaction, ``split.json`` about it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from hetmusic._io import read_json, replacing_file, write_json
from hetmusic.errors import GraphFormatError, SplitError
from hetmusic.graph.tables import check_columns, read_table, write_table
from hetmusic.graph.types import Edges

FORMAT_VERSION = 1
TABLE, META = "split.parquet", "split.json"
_COLUMNS = {"user": pl.Int32(), "item": pl.Int32(), "part": pl.UInt8()}


class Interactions(BaseModel):
    """Which interactions a split divides."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: int
    #: of the pairs themselves, not of a file: how a library writes parquet does not matter
    sha256: str

    @classmethod
    def of(cls, pairs: Edges) -> Interactions:
        """Describe interactions."""
        digest = hashlib.sha256()
        for ends in (pairs.src, pairs.dst):
            digest.update(np.ascontiguousarray(ends, "<i4").data)
        return cls(count=len(pairs), sha256=digest.hexdigest())


class SplitMeta(BaseModel):
    """The content of ``split.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: int
    interactions: Interactions
    #: interactions per part
    counts: dict[str, int]
    catalogue: Literal["all", "split"]
    #: strategy and its settings
    info: dict[str, Any]


def write_files(folder: Path, meta: SplitMeta, pairs: Edges, part: NDArray[np.uint8]) -> None:
    """Write both files, each atomically; ``split.json`` last, so that it vouches for the table."""
    columns = {"user": pairs.src, "item": pairs.dst, "part": part}
    with replacing_file(folder / TABLE) as temporary:
        write_table(temporary, pl.DataFrame(columns, schema=_COLUMNS))
    write_json(folder / META, meta.model_dump(mode="json"))


def read_meta(folder: Path) -> SplitMeta:
    """Read ``split.json``.

    :raises SplitError: if it is missing, damaged, of another format version or has a wrong field.
    """
    path = folder / META
    value = read_json(path, SplitError)
    version = value.get("format_version") if isinstance(value, dict) else None
    if version != FORMAT_VERSION:
        raise SplitError(f"{path}: field format_version is {version}, this hetmusic reads {FORMAT_VERSION}")
    try:
        return SplitMeta.model_validate(value)
    except ValidationError as problem:
        error = problem.errors()[0]
        field = ".".join(map(str, error["loc"]))
        raise SplitError(f"{path}: field {field!r}: {error['msg']}") from None


def read_parts(folder: Path, pairs: Edges) -> NDArray[np.uint8]:
    """Read the part of each interaction.

    :param pairs: the interactions of the graph, which the table must list in the same order.
    :raises SplitError: if the table is missing, damaged or lists something else.
    """
    path = folder / TABLE
    try:
        table = read_table(path, len(pairs))
        check_columns(path, table, _COLUMNS)
    except GraphFormatError as problem:
        raise SplitError(str(problem).replace("graph.json", META)) from None
    if not np.array_equal(table["user"], pairs.src) or not np.array_equal(table["item"], pairs.dst):
        raise SplitError(f"{path} does not list the interactions of the graph; it was changed")
    return table["part"].to_numpy()
