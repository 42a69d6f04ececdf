"""The modality of a graph, put together from shards without ever being in memory as a whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.features.describing import NONE_GIVEN, Coverage
from hetmusic.features.extraction.cache import Known
from hetmusic.features.extraction.items import Survey
from hetmusic.features.extraction.shards import read_values


@dataclass(frozen=True)
class Assembly:
    """Which result every node gets."""

    known: Known
    #: entry of ``known`` for each node, -1 where there is none, shape ``(nodes,)``
    entry: NDArray[np.int64]
    #: whether a node has a vector, shape ``(nodes,)``
    present: NDArray[np.bool_]
    #: why the others have none
    reasons: dict[int, str]

    @classmethod
    def of(cls, survey: Survey, known: Known, passing: dict[bytes, str]) -> Assembly | None:
        """Look up all nodes; None if a result is missing.

        :param passing: why content could not be described, where the cache says nothing of it.
        """
        entry = np.where(survey.digests == b"", -1, known.find(survey.digests))
        present = entry >= 0
        present[present] = known.row[entry[present]] >= 0
        reasons = {}
        for row in np.flatnonzero(~present).tolist():
            reason = survey.reasons.get(row) or (
                known.reasons[entry[row]] if entry[row] >= 0 else passing.get(bytes(survey.digests[row]))
            )
            if reason is None:
                return None
            reasons[row] = reason
        return cls(known, entry, present, reasons)

    @property
    def coverage(self) -> Coverage:
        """How many nodes have a vector, and why the others do not."""
        return Coverage.of([*self.reasons.values(), *[None] * int(self.present.sum())])

    def pieces(self, dtype: str) -> Iterator[tuple[NDArray[np.int64], NDArray[Any]]]:
        """The nodes whose vectors are in a shard, and these, shard by shard.

        :raises DamagedShard: if one cannot be read.
        """
        rows = np.flatnonzero(self.present)
        shard = self.known.shard[self.entry[rows]]
        order = np.argsort(shard, kind="stable")
        cuts = np.flatnonzero(np.diff(shard[order])) + 1
        for part in np.split(rows[order], cuts) if len(rows) else []:
            entries = self.entry[part]
            values = read_values(self.known.files[self.known.shard[entries[0]]])
            yield part, values[self.known.row[entries]].astype(dtype, copy=False)

    def info(self, survey: Survey) -> dict[str, Any]:
        """What is stored beside the vectors: a digest of what they come from, and which nodes have none, and why."""
        by_reason: dict[str, list[int]] = {}
        for row, reason in self.reasons.items():
            if reason != NONE_GIVEN:
                by_reason.setdefault(reason, []).append(row)
        content = hashlib.sha256(survey.digests.tobytes() + self.present.tobytes())
        return {
            "content": content.hexdigest(),
            "absent": self.coverage.reasons,
            "absent_nodes": dict(sorted(by_reason.items())),
        }
