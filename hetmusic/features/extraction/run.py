"""Gives nodes their modalities: only what has changed is computed, and nothing stops the run."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import numpy as np

from hetmusic._device import check_device_name
from hetmusic._io import explaining_failed_write
from hetmusic._version import __version__
from hetmusic.errors import FeatureError
from hetmusic.features.describing import Coverage, Described
from hetmusic.features.extraction.assembling import Assembly
from hetmusic.features.extraction.cache import ResultCache, identity, open_cache
from hetmusic.features.extraction.file_index import FileIndex
from hetmusic.features.extraction.file_items import FileItems
from hetmusic.features.extraction.items import Items, Survey
from hetmusic.features.extraction.missing import Resources, compute_missing, missing_rows
from hetmusic.features.extraction.report import write_report
from hetmusic.features.extraction.request import Request, checked
from hetmusic.features.extraction.shards import DamagedShard
from hetmusic.features.extraction.text_items import TextItems
from hetmusic.features.extraction.watching import Watcher
from hetmusic.graph import MusicGraph

#: times that damaged results are computed again before the disk is to blame
_ATTEMPTS = 3


T = TypeVar("T")
State = Literal["added", "replaced", "unchanged", "empty"]


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
        work = _Extraction(graph, node, request, folder, dtype, resources, watcher or Watcher())
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
    work = _Extraction(graph, node, request, folder, "float32", resources, watcher or Watcher())
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


@dataclass(frozen=True)
class _Done(Generic[T]):
    assembly: Assembly
    computed: int
    seconds: float
    result: T


@dataclass(frozen=True)
class _Extraction:
    """One modality on its way."""

    graph: MusicGraph
    node: str
    request: Request
    folder: Path
    dtype: str
    resources: Resources
    watcher: Watcher

    def run(self, raw: Path | None, recompute: bool, use: Callable[[Assembly, Survey], T]) -> _Done[T]:
        """Compute what is missing and do something with all vectors."""
        began = time.monotonic()
        items = self._items(raw)
        with self._watched("looking at the catalogue", items.total):
            survey = items.survey(self.watcher)
        learns = self.request.extractor.learns
        cache = ResultCache(
            self.folder, identity(self.request.extractor, survey.catalogue if learns else None), self.dtype
        )
        cache.tidy()
        if recompute:
            cache.clear()
        assembly, computed, result = self._used(items, survey, cache, use)
        return _Done(assembly, computed, time.monotonic() - began, result)

    def _items(self, raw: Path | None) -> Items:
        if raw is None or self.request.extractor.kind == "text":
            return TextItems(self.graph, self.node, self.request.attribute)
        index = FileIndex(self.folder, raw)
        return FileItems(self.graph, self.node, self.request.attribute, raw, index, self.resources.workers)

    def _used(
        self, items: Items, survey: Survey, cache: ResultCache, use: Callable[[Assembly, Survey], T]
    ) -> tuple[Assembly, int, T]:
        """Compute what is missing and use the vectors, again if the cache turns out to be damaged."""
        passing: dict[bytes, str] = {}
        computed = 0
        for _ in range(_ATTEMPTS):
            known = cache.known()
            rows = missing_rows(survey, known, passing)
            if len(rows):
                with self._watched(self.request.extractor.name, len(rows)):
                    extractor, resources = self.request.extractor, self.resources
                    passing |= compute_missing(extractor, items, survey, rows, cache, resources, self.watcher)
                known, computed = cache.known(), computed + len(rows)
            assembly = Assembly.of(survey, known, passing)
            try:
                if assembly is not None:
                    return assembly, computed, use(assembly, survey)
            except DamagedShard as damage:
                cache.drop(damage.path)
        raise FeatureError(f"results in {cache.folder} cannot be read back: is the disk damaged?")

    def write(self, assembly: Assembly, survey: Survey) -> State:
        """Bring the graph's modality up to date."""
        name = self.request.name
        info = {**self.request.about(), **assembly.info(survey), "hetmusic_version": __version__}
        write_report(self.folder, self.node, name, info)
        if not assembly.present.any():
            return "empty"
        listed = name in self.graph.modalities(self.node)
        self._reread()
        if name in self.graph.modalities(self.node) and self._is(name, info):
            return "unchanged"
        pieces = assembly.pieces(self.dtype)
        dim, dtype = assembly.known.dim, np.dtype(self.dtype)
        self.graph.add_modality_pieces(
            self.node, name, pieces, dim=dim, dtype=dtype, info=info, overwrite=listed
        )
        return "replaced" if listed else "added"

    def _reread(self) -> None:
        """See what other processes have done to the graph meanwhile.

        :raises FeatureError: if its nodes are others now, to which the vectors do not belong.
        """
        file = f"nodes/{self.node}.parquet"
        nodes = self.graph.meta.files.get(file)
        self.graph.reload()
        if self.graph.meta.files.get(file) != nodes:
            raise FeatureError(
                f"{self.graph.path} was built again while modality {self.request.name!r} was computed; what was computed is "
                "kept, so run the same command again"
            )

    def _is(self, name: str, info: dict[str, Any]) -> bool:
        """Whether the graph holds the modality as it would be written."""
        stored = self.graph.meta.modalities[self.node][name]
        return stored.dtype == self.dtype and self.graph.modality(self.node, name).info == info

    @contextlib.contextmanager
    def _watched(self, what: str, total: int) -> Iterator[None]:
        self.watcher.begin(f"{self.request.name}: {what}", total)
        try:
            yield
        finally:
            self.watcher.end()
