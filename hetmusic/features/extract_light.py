"""Give a graph's items lyrics, audio and cover features without any trained weights."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import FeatureError, did_you_mean
from hetmusic.features.describing import Coverage, Described, describe
from hetmusic.features.extractor import Absent, Extractor
from hetmusic.features.light_audio import AudioStatistics
from hetmusic.features.light_image import ImageStatistics
from hetmusic.features.light_text import TextTfidfSvd

if TYPE_CHECKING:
    from hetmusic.graph import MusicGraph

_log = logging.getLogger(__name__)

#: Modality (also the item attribute read) -> the extractor that makes it.
LIGHT_EXTRACTORS: dict[str, Callable[[], Extractor]] = {
    "lyrics": TextTfidfSvd,
    "audio": AudioStatistics,
    "cover": ImageStatistics,
}

#: Reason given for a path that leads out of the raw folder.
OUTSIDE = "outside the raw folder"


def add_light_features(
    graph: MusicGraph, raw: Path | str, which: Sequence[str] | None = None, *, overwrite: bool = False
) -> dict[str, Coverage]:
    """Extract light features of the graph's items as modalities ``lyrics``, ``audio`` and ``cover``.

    The items' attribute of the same name holds the text, or the file's path relative to ``raw``.

    :param which: the modalities to make; by default all whose attribute the items have.
    :param overwrite: replace modalities that the graph already has.
    :return: for each modality made, how many items have it and why the others do not. A modality that no item
        has is not added to the graph.
    :raises FeatureError: for an unknown modality, or one whose attribute the items lack.
    """
    raw = Path(raw)
    if not raw.is_dir():
        raise FeatureError(f"raw folder {raw} does not exist")
    items = graph.nodes(graph.item_type)
    report = {}
    for modality in _wanted(which, items.columns, graph.item_type):
        extracted, info = _extract(modality, items[modality].to_list(), raw)
        report[modality] = Coverage.of(extracted.reasons)
        _log.info(
            "light features: %s: %d of %d items", modality, report[modality].present, report[modality].total
        )
        if report[modality].present:
            graph.add_modality(
                graph.item_type,
                modality,
                extracted.values[extracted.present],
                indices=np.flatnonzero(extracted.present),
                info={**info, "absent": report[modality].reasons},
                overwrite=overwrite,
            )
    return report


def _wanted(which: Sequence[str] | None, attributes: Sequence[str], item_type: str) -> list[str]:
    """The modalities to make, in the order given, each once."""
    if which is None:
        found = [name for name in LIGHT_EXTRACTORS if name in attributes]
        if not found:
            raise FeatureError(
                f"no {item_type} attribute is called {', '.join(LIGHT_EXTRACTORS)}: nothing to extract from"
            )
        return found
    for name in which:
        if name not in LIGHT_EXTRACTORS:
            raise FeatureError(f"no light extractor is called {name!r}{did_you_mean(name, LIGHT_EXTRACTORS)}")
        if name not in attributes:
            raise FeatureError(
                f"{item_type} nodes have no attribute {name!r}; they have {', '.join(attributes)}"
            )
    return list(dict.fromkeys(which))


def file_inside(raw: Path, relative: str | None) -> Path | None:
    """The file that a relative path names below ``raw``, or None where no path is given.

    :raises Absent: if the path is absolute or leads out of ``raw``, by ``..`` or by a symbolic link.
    """
    if relative is None or not relative.strip():
        return None
    try:
        path = (raw / relative).resolve()
        outside = not path.is_relative_to(raw.resolve())
    except (OSError, ValueError, RuntimeError):  # a NUL in the name, a loop of links
        raise Absent("unreadable path") from None
    if outside or Path(relative).is_absolute():
        raise Absent(OUTSIDE)
    return path


def _files(raw: Path, relatives: list[str | None]) -> tuple[list[Path | None], dict[int, str]]:
    """Files below ``raw``, and why a given path is refused, by row."""
    files: list[Path | None] = []
    refused = {}
    for row, relative in enumerate(relatives):
        try:
            files.append(file_inside(raw, relative))
        except Absent as absence:
            files.append(None)
            refused[row] = str(absence)
            _log.warning("path %r refused: %s", relative, absence)
    return files, refused


def _extract(modality: str, column: list[str | None], raw: Path) -> tuple[Described, dict[str, Any]]:
    """Fit and extract one modality; the second value tells what made it."""
    extractor = LIGHT_EXTRACTORS[modality]()
    info = {"extractor": extractor.name, **extractor.settings()}
    if modality == "lyrics":
        extractor.fit([text for text in column if text is not None])
        return describe(extractor, column), info
    files, refused = _files(raw, column)
    found = describe(extractor, files)
    reasons = tuple(refused.get(row, reason) for row, reason in enumerate(found.reasons))
    return Described(_standardised(found.values, found.present), found.present, reasons), {
        **info,
        "standardised": True,
    }


def _standardised(values: NDArray[np.float32], present: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Bring each column to mean 0 and standard deviation 1 over the present rows; constant columns become 0.

    The columns' units differ (nepers, shares, onsets per second), and a model's first layer would see only
    the largest.
    """
    result = np.zeros_like(values)
    if present.any():
        rows = values[present].astype(np.float64)
        spread = rows.std(axis=0)
        constant = spread < 1e-6 * np.maximum(1.0, np.abs(rows).max(axis=0))
        result[present] = np.where(
            constant, 0.0, (rows - rows.mean(axis=0)) / np.where(constant, 1.0, spread)
        )
    return result
