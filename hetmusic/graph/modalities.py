"""Feature vectors inside a graph folder: memory-mapped on reading, replaced as a whole on writing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hetmusic._io import read_json, replacing_file, sha256, write_json
from hetmusic.errors import FeatureError, GraphFormatError
from hetmusic.graph.format import META_FILE, GraphMeta, ModalityInfo, is_modality_name, modality_files
from hetmusic.graph.types import Modality

#: rows copied at a time, so that importing needs little memory beside the caller's own array
_CHUNK_ROWS = 65_536
#: element types that vectors may have, in this machine's byte order once stored
FLOATS = (np.float16, np.float32, np.float64)
#: nodes, shape ``(n,)``, and their vectors, shape ``(n, dim)``
Piece = tuple[NDArray[np.integer[Any]], NDArray[Any]]


def read_modality(folder: Path, meta: GraphMeta, node_type: str, modality: str) -> Modality:
    """Open a modality without reading its values into memory.

    :raises GraphFormatError: if a file is missing, damaged, or of another shape than ``graph.json`` says.
    """
    info = meta.modalities[node_type][modality]
    values_path, present_path, info_path = (folder / name for name in modality_files(node_type, modality))
    rows = meta.counts.nodes[node_type]
    values = _load(values_path, (rows, info.dim), info.dtype, mmap=True)
    present = _load(present_path, (rows,), "bool", mmap=False)
    sums = [meta.files.get(name) for name in modality_files(node_type, modality)[:2]]
    checksum = None if None in sums else " ".join(map(str, sums))
    return Modality(values, present, read_json(info_path, GraphFormatError), checksum)


def write_modality(
    folder: Path,
    meta: GraphMeta,
    node_type: str,
    modality: str,
    values: NDArray[Any],
    indices: NDArray[np.integer[Any]],
    info: Mapping[str, Any],
    overwrite: bool = False,
) -> GraphMeta:
    """Store vectors for some nodes of a type.

    ``graph.json`` is the point of commitment: a modality that it does not list does not exist. A process
    killed while replacing one leaves the old one or, between two renames, none; never values of one and a
    mask of the other.

    :param values: shape ``(n, dim)``, float16, float32 or float64, finite.
    :param indices: the node of each row, distinct, shape ``(n,)``.
    :return: the new content of ``graph.json``.
    """
    _check(node_type, modality, values, indices)
    pieces = _in_pieces(values, indices)
    dtype = values.dtype.newbyteorder("=")
    return write_pieces(folder, meta, node_type, modality, pieces, values.shape[1], dtype, info, overwrite)


def _in_pieces(values: NDArray[Any], indices: NDArray[np.integer[Any]]) -> Iterator[Piece]:
    for start in range(0, len(values), _CHUNK_ROWS):
        yield indices[start : start + _CHUNK_ROWS], values[start : start + _CHUNK_ROWS]


def write_pieces(
    folder: Path,
    meta: GraphMeta,
    node_type: str,
    modality: str,
    pieces: Iterable[Piece],
    dim: int,
    dtype: np.dtype[Any],
    info: Mapping[str, Any],
    overwrite: bool = False,
) -> GraphMeta:
    """Store vectors that come piece by piece, of which no more than one is in memory; see :func:`write_modality`.

    :param pieces: nodes, shape ``(n,)``, and their vectors, shape ``(n, dim)``; a node has one vector in all.
    """
    rows = meta.counts.nodes[node_type]
    refuse_name(node_type, modality)
    listed = modality in meta.modalities.get(node_type, {})
    if listed and not overwrite:
        raise FeatureError(
            f"{folder} already has modality {modality!r} of {node_type}; pass --overwrite to replace it"
        )
    names = modality_files(node_type, modality)
    with contextlib.ExitStack() as stack:
        temporary = [stack.enter_context(replacing_file(folder / name)) for name in names]
        present = _write_values(
            temporary[0], pieces, (rows, dim), dtype, f"modality {modality!r} of {node_type}"
        )
        with open(temporary[1], "wb") as stream:
            np.save(stream, present, allow_pickle=False)
        write_json(temporary[2], dict(info))
        sums = dict(zip(names, map(sha256, temporary), strict=True))
        if listed:
            _write_meta(folder, _without(meta, node_type, modality))
    shape = ModalityInfo(dim=dim, dtype=dtype.name, present=int(present.sum()))
    kept = _without(meta, node_type, modality)
    modalities = {**kept.modalities, node_type: {**kept.modalities.get(node_type, {}), modality: shape}}
    new = kept.model_copy(update={"modalities": modalities, "files": {**kept.files, **sums}})
    _write_meta(folder, new)
    return new


def refuse_name(node_type: str, modality: str) -> None:
    """Check that a modality can be called so.

    :raises FeatureError: naming it.
    """
    if not is_modality_name(modality):
        raise FeatureError(
            f"modality {modality!r} of {node_type}: a name may hold letters, digits, '_' and '-' only"
        )


def _check(node_type: str, modality: str, values: NDArray[Any], indices: NDArray[np.integer[Any]]) -> None:
    what = f"modality {modality!r} of {node_type}"
    refuse_name(node_type, modality)
    if values.ndim != 2 or values.shape[1] == 0:
        raise FeatureError(f"{what}: values have shape {values.shape}, not (rows, dimensions)")
    if values.dtype.newbyteorder("=") not in FLOATS:
        raise FeatureError(f"{what}: values are {values.dtype}, not float16, float32 or float64")
    if len(values) != len(indices):
        raise FeatureError(f"{what}: {len(values):,} rows of values, but {len(indices):,} keys")
    if len(np.unique(indices)) != len(indices):
        raise FeatureError(
            f"{what}: {len(indices) - len(np.unique(indices)):,} rows name a node that has one already"
        )
    wrong = not_finite_rows(values)
    if len(wrong):
        raise FeatureError(
            f"{what}: {len(wrong):,} of {len(values):,} rows hold NaN or infinity; first: row {wrong[0]}"
        )


def not_finite_rows(values: NDArray[Any]) -> NDArray[np.int64]:
    """Numbers of the rows that hold NaN or infinity, ascending; reads the array piece by piece."""
    pieces = [
        start + np.flatnonzero(~np.isfinite(values[start : start + _CHUNK_ROWS]).all(axis=1))
        for start in range(0, len(values), _CHUNK_ROWS)
    ]
    return np.concatenate(pieces) if pieces else np.empty(0, np.int64)


def _write_values(
    path: Path, pieces: Iterable[Piece], shape: tuple[int, int], dtype: np.dtype[Any], what: str
) -> NDArray[np.bool_]:
    """Write a ``.npy`` file whose rows come in any order; the other rows are zero.

    It is written rather than mapped: what a process maps counts as its memory.

    :return: which rows were given, shape ``(rows,)``.
    """
    rows, dim = shape
    present = np.zeros(rows, np.bool_)
    with open(path, "r+b") as stream:
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, header)
        start, width = stream.tell(), dim * dtype.itemsize
        # the whole length at once: a full disk is said before the work, not in its middle
        if hasattr(os, "posix_fallocate") and rows:
            os.posix_fallocate(stream.fileno(), start, rows * width)
        stream.truncate(start + rows * width)
        for indices, values in pieces:
            _check_piece(indices, values, present, dim, what)
            present[indices] = True
            _write_rows(stream, start, indices, values.astype(dtype, copy=False))
    return present


def _write_rows(
    stream: BinaryIO, start: int, indices: NDArray[np.integer[Any]], values: NDArray[Any]
) -> None:
    """Write rows to their places, neighbours together."""
    order = np.argsort(indices, kind="stable")
    cuts = np.flatnonzero(np.diff(indices[order]) != 1) + 1
    for run in np.split(order, cuts) if len(order) else []:
        stream.seek(start + int(indices[run[0]]) * values.shape[1] * values.itemsize)
        stream.write(np.ascontiguousarray(values[run]).data)


def _check_piece(
    indices: NDArray[np.integer[Any]], values: NDArray[Any], present: NDArray[np.bool_], dim: int, what: str
) -> None:
    if not len(indices):
        return
    if values.shape != (len(indices), dim):
        raise FeatureError(f"{what}: a piece has shape {values.shape}, not {(len(indices), dim)}")
    if not 0 <= indices.min() <= indices.max() < len(present):
        raise FeatureError(f"{what}: node indices must be in 0..{len(present) - 1}")
    if present[indices].any() or len(np.unique(indices)) != len(indices):
        raise FeatureError(f"{what}: a node is given two vectors")
    if len(wrong := not_finite_rows(values)):
        raise FeatureError(f"{what}: the vector of node {indices[wrong[0]]} holds NaN or infinity")


def _load(path: Path, shape: tuple[int, ...], dtype: str, *, mmap: bool) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False)
    except FileNotFoundError:
        raise GraphFormatError(f"{path} is missing although graph.json lists it") from None
    except (OSError, ValueError, EOFError) as problem:
        raise GraphFormatError(f"{path} is damaged and cannot be read as npy ({problem})") from None
    if array.shape != shape or array.dtype.name != dtype:
        raise GraphFormatError(
            f"{path} is {array.dtype.name}{array.shape}, but graph.json says {dtype}{shape}"
        )
    return array


def _without(meta: GraphMeta, node_type: str, modality: str) -> GraphMeta:
    gone = set(modality_files(node_type, modality))
    kept = {name: info for name, info in meta.modalities.get(node_type, {}).items() if name != modality}
    others = {key: value for key, value in meta.modalities.items() if key != node_type}
    modalities = {**others, node_type: kept} if kept else others
    files = {path: digest for path, digest in meta.files.items() if path not in gone}
    return meta.model_copy(update={"modalities": modalities, "files": files})


def _write_meta(folder: Path, meta: GraphMeta) -> None:
    write_json(folder / META_FILE, meta.model_dump(mode="json"))
