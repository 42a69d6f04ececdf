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
from hetmusic.graph.opinions import Opinions, combine, said_by_people
from hetmusic.graph.relations import aggregate_tags
from hetmusic.graph.types import Edges, EdgeType, Modality
from hetmusic.graph.view import TrainingView
from kg_schema.vocab.emotions import EmotionVocabulary

_log = logging.getLogger(__name__)

#: the two axes of the circumplex (Russell 1980), each from -1 to 1
AXES = ("valence", "arousal")
#: the modality, and the addition to a graph, that ``hetmusic features extract --emotion`` makes
ESTIMATE = "emotion"
#: what the columns of that modality are
ESTIMATE_COLUMNS = (*AXES, "valence_confidence", "arousal_confidence")


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

    Where ``hetmusic features extract --emotion`` has estimated emotions, what people said is combined with the estimate
    instead, as :mod:`~hetmusic.graph.opinions` says: the estimate was made without what individual people said, since
    that differs from split to split. An axis that neither knows is 0.

    :param hidden: modalities that do not count.
    """
    graph = view.graph
    count = graph.num_nodes(graph.item_type)
    words, places = _words(view)
    said = said_by_people(words, places, count)
    if ESTIMATE in graph.meta.additions:
        estimated = _estimated(view, places, hidden)
        some = np.asarray(np.isfinite(estimated).any(axis=1))
        return ItemEmotions(np.nan_to_num(estimated, nan=0.0), some, words, len(places), ESTIMATE)
    points, known = said.points.astype(np.float32), np.asarray(said.known.all(axis=1))
    own, name = _attributes(graph), None
    if own is None:
        own, name = _modality(graph, hidden)
    if own is not None:
        measured = np.isfinite(own).all(axis=1)
        points[measured], known = own[measured], known | measured
    return ItemEmotions(np.where(known[:, None], points, np.float32(0)), known, words, len(places), name)


def places_of(nodes: pl.DataFrame) -> NDArray[np.float32]:
    """Valence and arousal of emotion words, NaN where unknown, shape ``(words, 2)``.

    They are attributes of the words or, where there are no such attributes, looked up in the vocabulary.

    :param nodes: the node table of type ``emotion``.
    """
    if set(AXES) <= set(nodes.columns):
        return nodes.select(pl.col(AXES).cast(pl.Float32, strict=False)).to_numpy()
    vocabulary = emotion_vocabulary()
    names = [vocabulary.lookup(text) for text in nodes.select(pl.coalesce("name", "key")).to_series()]
    found = [None if name is None else vocabulary[name] for name in names]
    places = [(np.nan, np.nan) if e is None else (e.valence, e.arousal) for e in found]
    return np.array(places, np.float32).reshape(-1, 2)


def _estimated(
    view: TrainingView, places: NDArray[np.float32], hidden: Collection[str]
) -> NDArray[np.float32]:
    """Points of the items where emotions were estimated, NaN where unknown, shape ``(items, 2)``."""
    graph, addition = view.graph, view.graph.meta.additions[ESTIMATE]
    count = graph.num_nodes(graph.item_type)
    weights = addition.settings["weights"]
    sources = {}
    if ESTIMATE not in hidden and ESTIMATE in graph.modalities(graph.item_type):
        sources["estimate"] = estimate_of(graph.modality(graph.item_type, ESTIMATE))
    if view.assignments is not None and "emotion" in graph.meta.counts.assignments:
        edge_type = EdgeType(graph.item_type, "evokes", "emotion")
        people = graph.shown(edge_type, aggregate_tags(view.assignments, "emotion"))
        sources["tags"] = said_by_people(people, places, count)
    if not sources:
        return np.full((count, 2), np.nan, np.float32)
    estimated_from = sum(weights[source] for source in addition.settings["sources"])
    found = combine(sources, {"estimate": estimated_from, "tags": weights["tags"]})
    return found.points.astype(np.float32)


def estimate_of(modality: Modality) -> Opinions:
    """The modality that ``features extract --emotion`` has made, as opinions."""
    values = np.asarray(modality.values, np.float64)
    confidence = values[:, 2:4] * np.asarray(modality.present)[:, None]
    return Opinions(np.where(confidence > 0, values[:, :2], np.nan), confidence)


def _words(view: TrainingView) -> tuple[Edges, NDArray[np.float32]]:
    """The edges towards emotion words, and valence and arousal of every word (NaN where unknown)."""
    graph = view.graph
    edge_type = EdgeType(graph.item_type, "evokes", "emotion")
    if edge_type not in graph.edge_types:
        return Edges(np.empty(0, np.int32), np.empty(0, np.int32)), np.empty((0, 2), np.float32)
    return view.edges(edge_type), places_of(graph.nodes("emotion"))


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
def emotion_vocabulary() -> EmotionVocabulary:
    """The vocabulary that comes with hetmusic."""
    return EmotionVocabulary.load()
