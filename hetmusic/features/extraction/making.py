"""One modality on its way: what is missing is computed, and all vectors are put to use."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import numpy as np

from hetmusic._version import __version__
from hetmusic.errors import FeatureError, GraphFormatError
from hetmusic.features.extraction.assembling import Assembly
from hetmusic.features.extraction.cache import ResultCache, identity
from hetmusic.features.extraction.file_index import FileIndex
from hetmusic.features.extraction.file_items import FileItems
from hetmusic.features.extraction.items import Items, Survey
from hetmusic.features.extraction.missing import Resources, compute_missing, missing_rows
from hetmusic.features.extraction.report import write_report
from hetmusic.features.extraction.request import Request
from hetmusic.features.extraction.shards import DamagedShard
from hetmusic.features.extraction.text_items import TextItems
from hetmusic.features.extraction.watching import Watcher
from hetmusic.graph import MusicGraph

T = TypeVar("T")
#: what became of a modality; ``empty`` if no node has it, and the graph is as it was
State = Literal["added", "replaced", "unchanged", "empty"]

#: times that damaged results are computed again before the disk is to blame
_ATTEMPTS = 3


@dataclass(frozen=True)
class Made(Generic[T]):
    """What came of one modality."""

    assembly: Assembly
    #: number of different contents that were computed
    computed: int
    seconds: float
    #: what was made of the vectors
    result: T


@dataclass(frozen=True)
class Extraction:
    """One modality on its way."""

    graph: MusicGraph
    node: str
    request: Request
    folder: Path
    dtype: str
    resources: Resources
    watcher: Watcher

    def run(self, raw: Path | None, recompute: bool, use: Callable[[Assembly, Survey], T]) -> Made[T]:
        """Compute what is missing and do something with all vectors."""
        began = time.monotonic()
        items = self._items(raw)
        with self._watched("looking at the catalogue", items.total):
            survey = items.survey(self.watcher)
        learns = self.request.extractor.learns
        cache = ResultCache(
            self.folder, identity(self.request.extractor, survey.catalogue if learns else None), self.dtype
        )
        if recompute:
            cache.clear()
        assembly, computed, result = self._used(items, survey, cache, use)
        return Made(assembly, computed, time.monotonic() - began, result)

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
        """Whether the graph holds the modality as it would be written; a damaged one is not as it should be."""
        stored = self.graph.meta.modalities[self.node][name]
        try:
            return stored.dtype == self.dtype and self.graph.modality(self.node, name).info == info
        except GraphFormatError:
            return False

    @contextlib.contextmanager
    def _watched(self, what: str, total: int) -> Iterator[None]:
        self.watcher.begin(f"{self.request.name}: {what}", total)
        try:
            yield
        finally:
            self.watcher.end()
