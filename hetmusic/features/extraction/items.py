"""The items of one modality, texts or files, and what content every node has."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hetmusic.features.extraction.watching import Watcher

#: SHA-256 digests, dtype ``S32``
Digests = NDArray[np.bytes_]


@dataclass
class Survey:
    """What the nodes have, before anything is computed."""

    #: digest of each node's content, empty where there is none, shape ``(nodes,)``
    digests: Digests
    #: why a node has no content: ``none given``, or what is wrong with its file
    reasons: dict[int, str] = field(default_factory=dict)

    @property
    def catalogue(self) -> str:
        """SHA-256 of the whole, for extractors that learn from it."""
        return hashlib.sha256(self.digests.tobytes()).hexdigest()


class Items(ABC):
    """What an attribute of a node type gives to an extractor.

    :param count: number of nodes.
    """

    #: steps that a survey takes
    total: int

    def __init__(self, count: int) -> None:
        self.count = self.total = count

    @abstractmethod
    def survey(self, watcher: Watcher) -> Survey:
        """Find out which content every node has."""

    @abstractmethod
    def take(self, rows: NDArray[np.int64]) -> Iterator[tuple[int, str | Path]]:
        """The items of some nodes, in an order that is good to compute in.

        :param rows: ascending nodes that the survey has a digest for.
        """

    def same(self, row: int) -> bool:
        """Whether a node's item is still what the survey saw."""
        return True
