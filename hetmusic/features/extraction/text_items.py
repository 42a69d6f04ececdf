"""Texts that are attributes of nodes, read from the graph as they are needed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hetmusic.features.describing import NONE_GIVEN
from hetmusic.features.extraction.items import Items, Survey
from hetmusic.features.extraction.watching import Watcher
from hetmusic.graph import MusicGraph

#: texts that are in memory at a time
_CHUNK = 8192


class TextItems(Items):
    """The texts of an attribute.

    :param attribute: name of a column of texts.
    """

    def __init__(self, graph: MusicGraph, node_type: str, attribute: str) -> None:
        super().__init__(graph.num_nodes(node_type))
        self._graph, self._node_type, self._attribute = graph, node_type, attribute

    def survey(self, watcher: Watcher) -> Survey:
        """Hash every text."""
        survey = Survey(np.zeros(self.count, "S32"))
        for start, texts in self._chunks():
            for row, text in enumerate(texts, start):
                if text is None:
                    survey.reasons[row] = NONE_GIVEN
                else:
                    survey.digests[row] = hashlib.sha256(text.encode()).digest()
            watcher.advance(len(texts))
        return survey

    def take(self, rows: NDArray[np.int64]) -> Iterator[tuple[int, str]]:
        """The texts of some nodes, of each chunk the longest first: a batch pads its texts to the longest of them."""
        for start, texts in self._chunks():
            wanted = rows[slice(*np.searchsorted(rows, [start, start + len(texts)]))].tolist()
            found = [(row, text) for row in wanted if (text := texts[row - start]) is not None]
            yield from sorted(found, key=lambda entry: -len(entry[1]))

    def _chunks(self) -> Iterator[tuple[int, list[str | None]]]:
        for start, table in self._graph.stream_nodes(self._node_type, [self._attribute], _CHUNK):
            yield start, table[self._attribute].to_list()
