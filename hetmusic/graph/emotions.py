"""What a graph knows about the emotions of its items: valence and arousal, and the words that listeners used."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic.graph.music_graph import MusicGraph
from hetmusic.graph.types import Edges, EdgeType, Modality
from hetmusic.graph.view import TrainingView
from kg_schema.vocab.emotions import EmotionVocabulary

_log = logging.getLogger(__name__)

#: the two axes of the circumplex (Russell 1980), each from -1 to 1
AXES = ("valence", "arousal")


@dataclass(frozen=True)
class ItemEmotions:
    """Emotions of the recommended items, as training may see them."""

    #: valence and arousal in [-1, 1], float32 ``(num_items, 2)``; zero where unknown
    points: NDArray[np.float32]
    #: whether the item's point is known, bool ``(num_items,)``
    known: NDArray[np.bool_]
    #: item -> emotion word, with the number of people who said so, if the graph has that
    words: Edges
    #: number of emotion words (nodes of type ``emotion``)
    num_words: int
    #: the modality that the points come from, if they come from one
    modality: str | None = None

    @property
    def present(self) -> NDArray[np.bool_]:
        """Whether an item has any emotion, a point or a word, bool ``(num_items,)``."""
        having = self.known.copy()
        having[self.words.src] = True
        return having


def item_emotions(view: TrainingView, hidden: Collection[str] = ()) -> ItemEmotions:
    """Read the emotions of the items.

    An item's point is its own valence and arousal: attributes of its node or, failing that, a modality whose description
    has ``columns`` with these names. Where it has neither, it is the mean of the points of its words over all people who
    said them (``evokes`` edges that training may see).

    :param hidden: modalities that do not count.
    """
    graph = view.graph
    count = graph.num_nodes(graph.item_type)
    words, places = _words(view)
    points, known = _from_words(words, places, count)
    own, name = _attributes(graph), None
    if own is None:
        own, name = _modality(graph, hidden)
    if own is not None:
        measured = np.isfinite(own).all(axis=1)
        points[measured], known = own[measured], known | measured
    return ItemEmotions(points, known, words, len(places), name)


def _words(view: TrainingView) -> tuple[Edges, NDArray[np.float32]]:
    """The edges towards emotion words, and valence and arousal of every word (NaN where unknown)."""
    graph = view.graph
    edge_type = EdgeType(graph.item_type, "evokes", "emotion")
    if edge_type not in graph.edge_types:
        return Edges(np.empty(0, np.int32), np.empty(0, np.int32)), np.empty((0, 2), np.float32)
    nodes = graph.nodes("emotion")
    if set(AXES) <= set(nodes.columns):
        return view.edges(edge_type), nodes.select(pl.col(AXES).cast(pl.Float32, strict=False)).to_numpy()
    vocabulary = _vocabulary()
    names = [vocabulary.lookup(text) for text in graph.names("emotion")]
    found = [None if name is None else vocabulary[name] for name in names]
    places = [(np.nan, np.nan) if e is None else (e.valence, e.arousal) for e in found]
    return view.edges(edge_type), np.array(places, np.float32).reshape(-1, 2)


def _from_words(
    words: Edges, places: NDArray[np.float32], count: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Mean point of every item's words, weighted by the number of people, and whether there is one."""
    used = words.select(np.asarray(np.isfinite(places[words.dst]).all(axis=1))) if len(words) else words
    weight = np.ones(len(used)) if used.weight is None else used.weight.astype(np.float64)
    total = np.bincount(used.src, weight, minlength=count)
    sums = [np.bincount(used.src, weight * places[used.dst, axis], minlength=count) for axis in range(2)]
    known = total > 0
    points = np.stack(sums, axis=1) / np.where(known, total, 1.0)[:, None]
    return points.astype(np.float32), known


def _attributes(graph: MusicGraph) -> NDArray[np.float32] | None:
    nodes = graph.nodes(graph.item_type)
    if not set(AXES) <= set(nodes.columns):
        return None
    values = nodes.select(pl.col(AXES).cast(pl.Float32, strict=False)).to_numpy()
    return _in_range(values, f"attributes valence and arousal of {graph.item_type}")


def _modality(graph: MusicGraph, hidden: Collection[str]) -> tuple[NDArray[np.float32] | None, str | None]:
    for name in graph.modalities(graph.item_type):
        found: Modality = graph.modality(graph.item_type, name)
        columns = found.info.get("columns")
        if name in hidden or not isinstance(columns, list) or not set(AXES) <= set(columns[: found.dim]):
            continue
        values = np.full((len(found.present), 2), np.nan, np.float32)
        values[found.present] = found.values[found.present][:, [columns.index(axis) for axis in AXES]]
        if (checked := _in_range(values, f"modality {name}")) is not None:
            return checked, name
    return None, None


def _in_range(values: NDArray[np.float32], source: str) -> NDArray[np.float32] | None:
    finite = values[np.isfinite(values)]
    if len(finite) and np.abs(finite).max() > 1:
        _log.warning(
            "%s not used as emotions: they run from %g to %g, not from -1 to 1",
            source,
            finite.min(),
            finite.max(),
        )
        return None
    return values if len(finite) else None


@cache
def _vocabulary() -> EmotionVocabulary:
    return EmotionVocabulary.load()
