"""Give a graph's songs their emotion: from lyrics, from sound and from tags, as attributes, edges and a modality."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hetmusic.errors import FeatureError
from hetmusic.features.describing import Coverage, Described
from hetmusic.features.emotion.asking import attributes_read, refuse_overwriting, sources_wanted
from hetmusic.features.emotion.lexicon import EmotionLexicon, read_lexicon
from hetmusic.features.emotion.nearest_words import NEAREST, REACH
from hetmusic.features.emotion.report import EmotionReport
from hetmusic.features.emotion.sound_descriptors import EmotionDescriptors
from hetmusic.features.emotion.sound_model import SoundEmotionModel
from hetmusic.features.emotion.sources import from_lyrics, from_sound, from_tags
from hetmusic.features.emotion.weights import check_weights
from hetmusic.features.emotion.writing import absences, write_emotion
from hetmusic.features.extraction.request import Request
from hetmusic.features.extraction.run import vectors_of
from hetmusic.features.extraction.watching import Watcher
from hetmusic.graph.amending import GraphBefore
from hetmusic.graph.emotions import ESTIMATE
from hetmusic.graph.format import read_meta
from hetmusic.graph.music_graph import MusicGraph
from hetmusic.graph.opinions import Opinions, combine

_log = logging.getLogger(__name__)


def add_emotion(
    graph: MusicGraph,
    raw: str | Path | None = None,
    *,
    sources: Collection[str] | None = None,
    weights: Mapping[str, float] | None = None,
    model: str | Path | SoundEmotionModel | None = None,
    lexicon: str | Path | EmotionLexicon | None = None,
    vader: bool = True,
    attributes: Mapping[str, str] | None = None,
    overwrite: bool = False,
    cache: str | Path | None = None,
    watcher: Watcher | None = None,
) -> EmotionReport:
    """Estimate valence and arousal of a graph's items and add them to its folder.

    - attributes ``valence``, ``arousal`` (null where unknown) and ``emotion_confidence``, the mean of both axes';
    - edges ``evokes`` to the three nearest emotion words, for items to which the raw data has no such edges;
    - the modality ``emotion`` with :data:`~hetmusic.graph.emotions.ESTIMATE_COLUMNS`; an unknown axis is 0, confidence 0.

    How sources are combined is told by :mod:`hetmusic.graph.opinions`. The graph's checksum changes, since nodes and edges
    do; the tables that are replaced are kept in the folder, and making the estimate anew starts from them. The same call
    again brings the estimate up to date.

    :param raw: folder of the sound files; needed for sound.
    :param sources: ``lyrics``, ``sound``, ``tags``; by default those for which the graph and the arguments have what they
        need.
    :param weights: source -> what it counts; :data:`~hetmusic.features.emotion.weights.DEFAULT_WEIGHTS` for the others.
    :param model: what ``hetmusic features train-emotion`` has written; needed for sound.
    :param lexicon: a table of words with valence and arousal (NRC-VAD, Warriner, ANEW).
    :param vader: whether VADER judges lyrics as well.
    :param attributes: ``lyrics``, ``sound`` -> the items' attribute that holds the text or the path of the file (``key``
        where that is the path); by default the first of :data:`~hetmusic.features.emotion.asking.ATTRIBUTES` that
        they have.
    :param overwrite: replace an estimate that was made with other settings, or valence and arousal of the raw data.
    :param cache: where descriptors of sound are kept, so that files which have not changed are not heard again; see
        :func:`~hetmusic.features.extraction.run.extract_features`.
    :param watcher: told of progress.
    :raises FeatureError: if a source lacks what it needs, no source says anything, or something would be overwritten.
    """
    whole = check_weights(weights or {})
    sound = SoundEmotionModel.load(model) if isinstance(model, (str, Path)) else model
    words = read_lexicon(lexicon) if isinstance(lexicon, (str, Path)) else lexicon
    folder = graph.path.resolve()
    meta = read_meta(folder)
    before = GraphBefore(folder, meta, ESTIMATE)
    items = before.nodes(before.meta.item)
    read = attributes_read(items, before.meta.item, attributes or {})
    wanted = sources_wanted(before, items, sources, whole, read, raw, sound)
    settings = {
        "attributes": {source: name for source, name in read.items() if source in wanted},
        "sources": wanted,
        "weights": whole,
        **_makers(wanted, sound, words, vader),
    }
    if not overwrite:
        refuse_overwriting(before, meta, items, settings)
    described = None
    if sound is not None and "sound" in wanted:
        extractor = EmotionDescriptors(float(sound.info.get("max_seconds", 120.0)))
        request = Request(extractor, ESTIMATE, read["sound"])
        described = vectors_of(graph, request, raw=raw, cache=cache, watcher=watcher)
    found = _opinions(before, items, wanted, read, described, sound, words, vader)
    if not any(opinions.known.any() for opinions in found.values()):
        raise FeatureError(f"{folder}: no {before.meta.item} got an emotion from {', '.join(wanted)}")
    emotion = combine(found, whole)
    absent = absences(items, read.get("lyrics"), described, np.asarray(emotion.known.any(axis=1)))
    report = write_emotion(before, items, emotion, found, {**settings, **absent}, settings)
    if described is not None:
        report = replace(report, silent=Coverage.of(described.reasons).reasons)
    graph.reload()
    _log.info("emotion added", extra={"items": report.items, "known": report.valence, "edges": report.edges})
    return report


def _makers(
    wanted: Collection[str], sound: SoundEmotionModel | None, lexicon: EmotionLexicon | None, vader: bool
) -> dict[str, Any]:
    """What made an estimate, as far as it was asked, as JSON."""
    return {
        "nearest": {"words": NEAREST, "reach": REACH},
        "sound": dict(sound.info) if sound is not None and "sound" in wanted else None,
        "lexicon": dict(lexicon.info) if lexicon is not None and "lyrics" in wanted else None,
        "vader": vader and "lyrics" in wanted,
    }


def _opinions(
    before: GraphBefore,
    items: pl.DataFrame,
    wanted: Collection[str],
    read: Mapping[str, str],
    described: Described | None,
    model: SoundEmotionModel | None,
    lexicon: EmotionLexicon | None,
    vader: bool,
) -> dict[str, Opinions]:
    """What each source says."""
    found: dict[str, Opinions] = {}
    if "lyrics" in wanted:
        found["lyrics"] = from_lyrics(items[read["lyrics"]], lexicon, vader)
    if model is not None and described is not None:
        found["sound"] = from_sound(model, described.values.astype(np.float64), described.present)
    if "tags" in wanted and (said := from_tags(before)) is not None:
        found["tags"] = said
    return found
