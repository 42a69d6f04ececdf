"""What each source says about the emotion of a graph's songs."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from hetmusic.features.emotion.from_lyrics import emotions_from_lyrics
from hetmusic.features.emotion.lexicon import EmotionLexicon
from hetmusic.features.emotion.sound_model import SoundEmotionModel
from hetmusic.graph.amending import GraphBefore
from hetmusic.graph.emotions import AXES, places_of
from hetmusic.graph.opinions import FloatArray, Opinions, said_by_people
from hetmusic.graph.relations import to_edges
from hetmusic.graph.types import EdgeType


def from_lyrics(texts: Iterable[str | None], lexicon: EmotionLexicon | None, vader: bool) -> Opinions:
    """Lyrics by VADER and a lexicon; the confidence of a text is that of each axis it says something about."""
    found = emotions_from_lyrics(texts, lexicon, vader=vader)
    points = np.stack([found.valence, found.arousal], axis=1).astype(np.float64)
    confidence = np.where(np.isfinite(points), found.confidence.astype(np.float64)[:, None], 0.0)
    return Opinions(points, confidence)


def from_sound(model: SoundEmotionModel, descriptors: FloatArray, present: NDArray[np.bool_]) -> Opinions:
    """Sound by a trained model.

    :param descriptors: of every song, whatever where it has none, shape ``(songs, descriptors)``.
    :param present: which songs have descriptors, shape ``(songs,)``.
    """
    points = np.full((len(present), len(AXES)), np.nan)
    confidence = np.zeros((len(present), len(AXES)))
    if present.any():
        judged = model.judge(descriptors[present])
        points[present], confidence[present] = judged.points, judged.confidence
    return Opinions(points, confidence)


def from_tags(before: GraphBefore) -> Opinions | None:
    """Tags that belong to the songs themselves: ``evokes`` edges that the raw data has without saying who gave them.

    What individual people said is left out: it is combined with the estimate for every split anew
    (:func:`~hetmusic.graph.emotions.item_emotions`), without what held-out people said of held-out songs.

    :return: None if there are no such edges.
    """
    item = before.meta.item
    table = before.edges(EdgeType(item, "evokes", "emotion"))
    if table is None or not table.height:
        return None
    places = places_of(before.nodes("emotion")).astype(np.float64)
    return said_by_people(to_edges(table), places, before.meta.counts.nodes[item])
