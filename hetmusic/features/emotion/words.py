"""The emotion words of a graph, and those of the vocabulary that its songs need beside them."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic.features.emotion.nearest_words import WordEdges, nearest_words
from hetmusic.graph.amending import GraphBefore
from hetmusic.graph.emotions import AXES, emotion_vocabulary, places_of
from hetmusic.graph.opinions import FloatArray

#: node type of the words
EMOTION = "emotion"


def connect(
    before: GraphBefore, points: FloatArray, confidence: FloatArray
) -> tuple[pl.DataFrame, WordEdges]:
    """Connect songs with the words nearest to them, see :func:`~hetmusic.features.emotion.nearest_words.nearest_words`.

    The words are those of the graph and those of the vocabulary; of the latter the ones that are used come behind the
    former, whose order and numbers stay. Where the graph's words have features, there are no others: they would have none.

    :param points: valence and arousal of the songs, shape ``(songs, 2)``.
    :param confidence: shape ``(songs,)``.
    :return: the table of all words, and the edges.
    """
    nodes = _placed(before.nodes(EMOTION))
    own = nodes.select(AXES).to_numpy()
    placed = np.flatnonzero(np.isfinite(own).all(axis=1))
    more = nodes.head(0) if EMOTION in before.meta.modalities else _missing(nodes)
    places = np.concatenate([own[placed], more.select(AXES).to_numpy()])
    found = nearest_words(points, confidence, places)
    used = np.unique(found.word[found.word >= len(placed)]) - len(placed)
    table = pl.concat([nodes, more[used.tolist()]], how="diagonal")
    number = np.full(len(places), -1, np.int32)
    number[: len(placed)] = placed
    number[len(placed) + used] = len(nodes) + np.arange(len(used))
    return table, _renumbered(found, number)


def _placed(nodes: pl.DataFrame) -> pl.DataFrame:
    """The graph's words with valence and arousal, null where unknown."""
    places = places_of(nodes).astype(np.float64)
    columns = [pl.Series(axis, places[:, number]).fill_nan(None) for number, axis in enumerate(AXES)]
    return nodes.with_columns(columns)


def _missing(nodes: pl.DataFrame) -> pl.DataFrame:
    """The vocabulary's words that the graph lacks, by name."""
    vocabulary = emotion_vocabulary()
    known = {
        vocabulary.lookup(text) or text for text in nodes.select(pl.coalesce("name", "key")).to_series()
    } | set(nodes["key"])
    names = sorted(vocabulary.emotions.keys() - known)
    places = [vocabulary[name] for name in names]
    return pl.DataFrame(
        {
            "key": pl.Series(names, dtype=pl.String),
            "name": pl.Series(names, dtype=pl.String),
            "valence": pl.Series([place.valence for place in places], dtype=pl.Float64),
            "arousal": pl.Series([place.arousal for place in places], dtype=pl.Float64),
        }
    )


def _renumbered(edges: WordEdges, number: NDArray[np.int32]) -> WordEdges:
    word = number[edges.word]
    order = np.lexsort((word, edges.song))
    return WordEdges(edges.song[order], word[order], edges.weight[order])
