"""Gives nodes their modalities: only what has changed is computed, and nothing stops the run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hetmusic._device import check_device_name
from hetmusic._io import explaining_failed_write
from hetmusic.features.describing import Coverage, Described
from hetmusic.features.extraction.assembling import Assembly
from hetmusic.features.extraction.cache import open_cache
from hetmusic.features.extraction.items import Survey
from hetmusic.features.extraction.making import Extraction, State
from hetmusic.features.extraction.missing import Resources
from hetmusic.features.extraction.request import Request, checked
from hetmusic.features.extraction.watching import Watcher
from hetmusic.graph import MusicGraph


@dataclass(frozen=True)
class Outcome:
    """What became of one modality."""

    modality: str
    extractor: str
    coverage: Coverage
    #: ``added``, ``replaced``, ``unchanged``, or ``empty`` if no node has it: then the graph is as it was
    state: State
    #: number of different contents that were computed
    computed: int
    #: length of a vector
    dim: int
    seconds: float


def default_cache(graph: MusicGraph) -> Path:
    """The folder beside a graph that survives when it is built again: ``lastfm.cache`` of ``lastfm``."""
    path = graph.path.resolve()
    return path.with_name(f"{path.name}.cache")


def default_workers() -> int:
    """One thread a core that the process may use, at most eight."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(8, cores)


def extract_features(
    graph: MusicGraph,
    requests: Sequence[Request],
    *,
    raw: Path | str | None = None,
    node: str | None = None,
    cache: Path | str | None = None,
    workers: int | None = None,
    batch_size: int | None = None,
    device: str = "auto",
    float16: bool = False,
    overwrite: bool = False,
    recompute: bool = False,
    watcher: Watcher | None = None,
) -> list[Outcome]:
    """Make modalities of a node type from the texts and files that its attributes hold.

    Results are kept under the content's SHA-256, the extractor and its settings. Running again brings the graph up to
    date: only what is new or has changed is computed. What cannot be described is absent, with a reason.

    :param raw: the folder that paths are relative to; not needed for texts.
    :param node: node type; the items by default.
    :param cache: where results are kept; :func:`default_cache` by default. Several graphs may share one.
    :param workers: threads that read files and prepare items; :func:`default_workers` by default.
    :param batch_size: in the extractors' units; found by trying by default.
    :param device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``.
    :param float16: store half as many bytes.
    :param overwrite: replace modalities that something else has made.
    :param recompute: compute everything again.
    :raises FeatureError: before anything is computed, if a request cannot be met.
    """
    check_device_name(device)
    node = node or graph.item_type
    raw = None if raw is None else Path(raw)
    dtype = "float16" if float16 else "float32"
    requests = checked(graph, node, requests, raw, dtype, overwrite)
    folder = _opened(graph, cache)
    resources = Resources(workers or default_workers(), device, batch_size)
    outcomes = []
    for request in requests:
        work = Extraction(graph, node, request, folder, dtype, resources, watcher or Watcher())
        done = work.run(raw, recompute, work.write)
        coverage, dim = done.assembly.coverage, done.assembly.known.dim
        extractor = request.extractor.name
        outcomes.append(
            Outcome(request.name, extractor, coverage, done.result, done.computed, dim, done.seconds)
        )
    return outcomes


def vectors_of(
    graph: MusicGraph,
    request: Request,
    *,
    raw: Path | str | None = None,
    node: str | None = None,
    cache: Path | str | None = None,
    workers: int | None = None,
    device: str = "auto",
    watcher: Watcher | None = None,
) -> Described:
    """The vectors of all nodes in memory, float32, computed and kept like those of a modality; the graph is not changed.

    :raises FeatureError: as :func:`extract_features`.
    """
    node, raw = node or graph.item_type, None if raw is None else Path(raw)
    (request,) = checked(graph, node, [request], raw, "float32", overwrite=True)
    folder = _opened(graph, cache)
    resources = Resources(workers or default_workers(), device)
    work = Extraction(graph, node, request, folder, "float32", resources, watcher or Watcher())
    return work.run(raw, False, _gathered).result


def _gathered(assembly: Assembly, survey: Survey) -> Described:
    values = np.zeros((len(assembly.present), assembly.known.dim), np.float32)
    for rows, vectors in assembly.pieces("float32"):
        values[rows] = vectors
    reasons = tuple(assembly.reasons.get(row) for row in range(len(assembly.present)))
    return Described(values, assembly.present, reasons)


def _opened(graph: MusicGraph, cache: Path | str | None) -> Path:
    folder = default_cache(graph) if cache is None else Path(cache)
    with explaining_failed_write(folder):
        open_cache(folder)
    return folder
