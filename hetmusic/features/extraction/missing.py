"""Computes what the cache lacks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hetmusic._foreign import is_foreign
from hetmusic.errors import PluginError, UserError
from hetmusic.features.extraction.batch_size import BatchSize
from hetmusic.features.extraction.cache import Known, ResultCache
from hetmusic.features.extraction.computing import Computer, Failure
from hetmusic.features.extraction.feeding import Feeder, Prepared
from hetmusic.features.extraction.items import Items, Survey
from hetmusic.features.extraction.keeping import Keeper
from hetmusic.features.extraction.watching import Watcher
from hetmusic.features.extractor import Extractor

#: frames of hetmusic's own are left out of the tracebacks of plug-ins
_HOME = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Resources:
    """What an extraction may use."""

    #: threads that read, hash and prepare
    workers: int
    #: ``auto``, ``cpu``, ``cuda``, ``cuda:1``
    device: str = "auto"
    #: size of a batch in the extractor's units, None to find it
    batch_size: int | None = None


def missing_rows(survey: Survey, known: Known, tried: dict[bytes, str]) -> NDArray[np.int64]:
    """One node for each content that there is no result of, ascending.

    :param tried: content that could not be described in this run.
    """
    digests, first = np.unique(survey.digests, return_index=True)
    lacking = (known.find(digests) < 0) & (digests != b"")
    if tried:
        lacking &= ~np.isin(digests, np.array(list(tried), "S32"))
    return np.sort(first[lacking])


def compute_missing(
    extractor: Extractor, items: Items, survey: Survey, rows: NDArray[np.int64], cache: ResultCache,
    resources: Resources, watcher: Watcher,
) -> dict[bytes, str]:  # fmt: skip
    """Compute the content of some nodes into the cache.

    :param rows: ascending.
    :return: why content could not be described this time, by digest.
    """
    with _naming(extractor, "cannot be loaded"):
        extractor.load(resources.device)
    if extractor.learns:
        everything = np.flatnonzero(survey.digests != b"")
        with _naming(extractor, "cannot learn from the catalogue"):
            extractor.fit(_contents(items, everything))
    sizes, computer = BatchSize(resources.batch_size), Computer(extractor, 0)
    workers = min(resources.workers, max(1, len(rows)))
    with Keeper(cache) as keeper, Feeder(extractor, items.take(rows), items, workers) as feeder:
        while batch := feeder.batch(sizes.size):
            _compute(batch, computer, sizes, keeper, survey)
            feeder.done(batch)
            watcher.advance(len(batch))
    return keeper.passing


@contextmanager
def _naming(extractor: Extractor, what: str) -> Iterator[None]:
    """Say which class of another package fails, and where in it."""
    try:
        yield
    except UserError:
        raise
    except Exception as problem:
        if not is_foreign(type(extractor)):
            raise
        raise PluginError.caused_by(problem, f"extractor {extractor.name} {what}", skip=_HOME) from problem


def _compute(
    batch: list[Prepared], computer: Computer, sizes: BatchSize, keeper: Keeper, survey: Survey
) -> None:
    good = [item for item in batch if not isinstance(item.content, Failure)]
    computer.limit = sizes.size
    began = time.perf_counter()
    outcomes = computer.compute([item.content for item in good])
    if computer.limit < sizes.size:
        sizes.shrink(computer.limit)
    else:
        sizes.measured(sum(item.size for item in good), time.perf_counter() - began)
    found = {item.row: outcome for item, outcome in zip(good, outcomes, strict=True)}
    for item in batch:
        keeper.add(bytes(survey.digests[item.row]), found.get(item.row, item.content))


def _contents(items: Items, rows: NDArray[np.int64]) -> Iterator[str | Path]:
    for _, item in items.take(rows):
        yield item
