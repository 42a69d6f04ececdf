"""Checks of modalities: shapes, masks, and vectors that hold anything but finite numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import GraphFormatError
from hetmusic.graph.format import GraphMeta, modality_files
from hetmusic.graph.modalities import read_modality
from hetmusic.graph.types import Modality
from hetmusic.graph.validation.nodes import EXAMPLES, NodeKeys
from hetmusic.graph.validation.report import Collector

_CHUNK_ROWS = 65_536


def check_features(folder: Path, meta: GraphMeta, keys: NodeKeys, out: Collector) -> None:
    """Check every modality of every node type."""
    for node_type, modalities in sorted(meta.modalities.items()):
        for name, info in sorted(modalities.items()):
            where = f"features {node_type}/{name}"
            if not all((folder / file).is_file() for file in modality_files(node_type, name)):
                continue  # said by the check of the files
            try:
                modality = read_modality(folder, meta, node_type, name)
            except GraphFormatError as problem:
                out.add("damaged", where, str(problem))
                continue
            _check_values(modality, node_type, where, keys, out)
            present = int(modality.present.sum())
            out.looked_at(where, present)
            if present != info.present:
                message = f"the mask has {present:,} vectors, but graph.json says {info.present:,}"
                out.add("present-count", where, message, abs(present - info.present))
            if not present:
                out.add("no-vectors", where, "no node has this modality")


def _check_values(modality: Modality, node_type: str, where: str, keys: NodeKeys, out: Collector) -> None:
    not_finite, filled = _rows(modality.values)
    present, total = modality.present, int(modality.present.sum())
    wrong = {
        "not-finite": (not_finite, total, "vectors hold NaN or infinity"),
        "absent-not-zero": (
            filled & ~present,
            len(present) - total,
            "nodes without the modality have values",
        ),
        "all-zero": (present & ~filled, total, "vectors are all zeros"),
    }
    for check, (which, of, text) in wrong.items():
        rows = np.flatnonzero(which)
        shown = keys.show_all(node_type, rows[:EXAMPLES])
        out.add(check, where, f"{len(rows):,} of {of:,} {text}", len(rows), shown)


def _rows(values: NDArray[np.floating]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows hold NaN or infinity, and which anything but zeros; read piece by piece."""
    not_finite, filled = np.zeros(len(values), bool), np.zeros(len(values), bool)
    for start in range(0, len(values), _CHUNK_ROWS):
        piece = values[start : start + _CHUNK_ROWS]
        not_finite[start : start + len(piece)] = ~np.isfinite(piece).all(axis=1)
        filled[start : start + len(piece)] = (piece != 0).any(axis=1)
    return not_finite, filled
