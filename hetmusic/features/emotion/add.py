"""Give a graph's songs their emotion: from lyrics, from sound and from tags, as attributes, edges and a modality."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic.errors import FeatureError, did_you_mean
from hetmusic.features.describing import Coverage, Described
from hetmusic.features.emotion.lexicon import EmotionLexicon, read_lexicon
from hetmusic.features.emotion.nearest_words import NEAREST, REACH, WordEdges
from hetmusic.features.emotion.sound_descriptors import EmotionDescriptors
from hetmusic.features.emotion.sound_model import SoundEmotionModel
from hetmusic.features.emotion.sources import from_lyrics, from_sound, from_tags
from hetmusic.features.emotion.weights import DEFAULT_WEIGHTS, check_weights
from hetmusic.features.emotion.words import EMOTION, connect
from hetmusic.features.extraction import request as requested
from hetmusic.features.extraction.run import vectors_of
from hetmusic.features.extraction.watching import Watcher
from hetmusic.graph.amending import Amendment, GraphBefore, amend
from hetmusic.graph.emotions import AXES, ESTIMATE, ESTIMATE_COLUMNS
from hetmusic.graph.format import GraphMeta, RelationInfo, read_meta
from hetmusic.graph.music_graph import MusicGraph
from hetmusic.graph.opinions import Opinions, combine
from hetmusic.graph.types import EdgeType

_log = logging.getLogger(__name__)

#: attribute of an item that says how sure its emotion is, from 0 to 1
CONFIDENCE = "emotion_confidence"
#: source -> the attributes of items that hold its text or path in the dumps that come with hetmusic; the first counts
ATTRIBUTES = {"lyrics": requested.ATTRIBUTES["text"], "sound": requested.ATTRIBUTES["audio"]}


@dataclass(frozen=True)
class EmotionReport:
    """What came out."""

    #: number of items
    items: int
    #: source -> items about which it says something
    sources: dict[str, int]
    #: items with a valence, and with both valence and arousal
    valence: int
    both: int
    #: mean confidence of the items that have an emotion
    confidence: float
    #: items connected with words, edges, and words that the graph did not have before
    connected: int
    edges: int
    new_words: int
    #: why items with a sound file got nothing from it -> how many
    silent: dict[str, int]

    def __str__(self) -> str:
        said = ", ".join(f"{name} {count:,}" for name, count in self.sources.items())
        lines = [
            f"emotion: {self.valence:,} of {self.items:,} items have a valence, {self.both:,} an arousal as well "
            f"(from {said}), mean confidence {self.confidence:.2f}",
            f"evokes: {self.edges:,} edges from {self.connected:,} items, {self.new_words:,} new words",
        ]
        if self.silent:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.silent.items())
            lines.append(f"no sound: {reasons}")
        return "\n".join(lines)


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
        where that is the path); by default the first of :data:`ATTRIBUTES` that they have.
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
    read = _attributes(items, before.meta.item, attributes or {})
    wanted = _wanted(before, items, sources, whole, read, raw, sound)
    settings = {
        "attributes": {source: name for source, name in read.items() if source in wanted},
        "sources": wanted,
        "weights": whole,
        "nearest": {"words": NEAREST, "reach": REACH},
        "sound": dict(sound.info) if sound is not None and "sound" in wanted else None,
        "lexicon": dict(words.info) if words is not None and "lyrics" in wanted else None,
        "vader": vader and "lyrics" in wanted,
    }
    if not overwrite:
        _refuse_overwriting(before, meta, items, settings)
    described = None
    if sound is not None and "sound" in wanted:
        seconds = float(sound.info.get("max_seconds", 120.0))
        request = requested.Request(EmotionDescriptors(seconds), "emotion", read["sound"])
        described = vectors_of(graph, request, raw=raw, cache=cache, watcher=watcher)
    found, silent = _opinions(before, items, wanted, read, described, sound, words, vader)
    if not any(opinions.known.any() for opinions in found.values()):
        raise FeatureError(f"{folder}: no {before.meta.item} got an emotion from {', '.join(wanted)}")
    report = _write(before, items, combine(found, whole), found, silent, settings)
    graph.reload()
    _log.info("emotion added", extra={"items": report.items, "known": report.valence, "edges": report.edges})
    return report


def _refuse_overwriting(
    before: GraphBefore, meta: GraphMeta, items: pl.DataFrame, settings: Mapping[str, Any]
) -> None:
    if ESTIMATE in meta.additions:
        # as JSON, which has no tuples
        if meta.additions[ESTIMATE].settings == json.loads(json.dumps(settings)):
            return
        raise FeatureError(
            f"{before.folder} already has {ESTIMATE} of {meta.item}, made with other settings; "
            "pass --overwrite to replace it"
        )
    given = [
        name
        for name in (*AXES, CONFIDENCE)
        if name in items.columns and items[name].null_count() < items.height
    ]
    if given:
        raise FeatureError(
            f"{before.folder}: {before.meta.item} nodes have {' and '.join(given)} from the raw data; pass --overwrite to "
            "put estimates in their place (the old ones are kept in the folder)"
        )
    if ESTIMATE in before.meta.modalities.get(before.meta.item, {}):
        raise FeatureError(
            f"{before.folder} already has modality {ESTIMATE!r} of {before.meta.item}; pass --overwrite to replace it"
        )


def _attributes(items: pl.DataFrame, item_type: str, given: Mapping[str, str]) -> dict[str, str]:
    """The attribute that each source reads; a source without one is left out.

    :raises FeatureError: for a source that reads none, or an attribute that the items lack.
    """
    found = {
        source: name
        for source, names in ATTRIBUTES.items()
        if (name := next((name for name in names if name in items.columns), None)) is not None
    }
    for source, name in given.items():
        if source not in ATTRIBUTES:
            raise FeatureError(
                f"emotion from {source}: only {' and '.join(ATTRIBUTES)} read an attribute{did_you_mean(source, ATTRIBUTES)}"
            )
        if name not in items.columns:
            raise FeatureError(
                f"emotion from {source}: {item_type} nodes have no attribute {name!r}{did_you_mean(name, items.columns)}"
            )
    return {**found, **given}


def _wanted(
    before: GraphBefore,
    items: pl.DataFrame,
    sources: Collection[str] | None,
    weights: Mapping[str, float],
    read: Mapping[str, str],
    raw: str | Path | None,
    model: SoundEmotionModel | None,
) -> list[str]:
    """The sources to ask, in the order of their names' table.

    :raises FeatureError: if one that is asked for by name lacks what it needs, or none has it.
    """
    lacks = {
        "lyrics": _lacking_attribute(items, "lyrics", before.meta.item, read),
        "sound": _lacking_attribute(items, "sound", before.meta.item, read)
        or (None if model is not None else "no model of sound is given (--emotion-model)")
        or (None if raw is not None else "no raw folder is given (--raw)"),
        "tags": _lacking_tags(before),
    }
    if sources is None:
        found = [name for name in DEFAULT_WEIGHTS if weights[name] and lacks[name] is None]
        if not found:
            reasons = "; ".join(f"{name}: {lacks[name] or 'its weight is 0'}" for name in DEFAULT_WEIGHTS)
            raise FeatureError(f"{before.folder}: nothing to estimate emotions from ({reasons})")
        return found
    for name in sources:
        if name not in DEFAULT_WEIGHTS:
            raise FeatureError(
                f"there is no source of emotion {name!r}{did_you_mean(name, DEFAULT_WEIGHTS)}; "
                f"known: {', '.join(DEFAULT_WEIGHTS)}"
            )
        if (reason := lacks[name]) is not None:
            raise FeatureError(f"{before.folder}: emotion from {name}: {reason}")
        if not weights[name]:
            raise FeatureError(f"{before.folder}: emotion from {name}: its weight is 0")
    return [name for name in DEFAULT_WEIGHTS if name in set(sources)]


def _lacking_attribute(
    items: pl.DataFrame, source: str, item_type: str, read: Mapping[str, str]
) -> str | None:
    name = read.get(source)
    if name is None:
        return f"{item_type} nodes have no attribute {' or '.join(map(repr, ATTRIBUTES[source]))}"
    return None if items[name].dtype == pl.String else f"attribute {name!r} of {item_type} nodes is no text"


def _lacking_tags(before: GraphBefore) -> str | None:
    if from_tags(before) is not None:
        return None
    if "emotion" in before.meta.counts.assignments:
        return (
            "only people's own tags are known; they are combined for every split when a model is trained, without the "
            "held-out ones, and need no extraction"
        )
    return "the raw data has no emotion words"


def _opinions(
    before: GraphBefore,
    items: pl.DataFrame,
    wanted: Collection[str],
    read: Mapping[str, str],
    described: Described | None,
    model: SoundEmotionModel | None,
    lexicon: EmotionLexicon | None,
    vader: bool,
) -> tuple[dict[str, Opinions], dict[str, int]]:
    """What each source says, and why sounds said nothing."""
    found: dict[str, Opinions] = {}
    silent: dict[str, int] = {}
    if "lyrics" in wanted:
        found["lyrics"] = from_lyrics(items[read["lyrics"]].to_list(), lexicon, vader)
    if model is not None and described is not None:
        found["sound"] = from_sound(model, described.values.astype(np.float64), described.present)
        silent = Coverage.of(described.reasons).reasons
    if "tags" in wanted and (said := from_tags(before)) is not None:
        found["tags"] = said
    return found, silent


def _write(
    before: GraphBefore,
    items: pl.DataFrame,
    emotion: Opinions,
    found: Mapping[str, Opinions],
    silent: Mapping[str, int],
    settings: Mapping[str, Any],
) -> EmotionReport:
    item = before.meta.item
    confidence = emotion.confidence.mean(axis=1)
    some = np.asarray(emotion.known.any(axis=1))
    given = before.edges(EdgeType(item, "evokes", EMOTION))
    without_words = np.ones(items.height, np.bool_)
    if given is not None:
        without_words[given["src"].to_numpy()] = False
    words, edges = connect(before, emotion.points, np.where(without_words, confidence, 0.0))
    values = np.concatenate([np.nan_to_num(emotion.points, nan=0.0), emotion.confidence], axis=1)
    rows = np.flatnonzero(some)
    info = {"extractor": "emotion", "columns": list(ESTIMATE_COLUMNS), **settings}
    nodes = {item: _with_attributes(items, emotion, confidence, some)}
    connected = {}
    if len(edges.song):
        connected[EdgeType(item, "evokes", EMOTION)] = _edge_table(given, edges)
        nodes[EMOTION] = words
    amend(
        before,
        ESTIMATE,
        Amendment(
            nodes=nodes,
            edges=connected,
            relations={"evokes": _evokes()} if connected else {},
            modalities={(item, ESTIMATE): (values[rows].astype(np.float32), rows, info)},
            settings=settings,
        ),
    )
    return EmotionReport(
        items=items.height,
        sources={name: int(opinions.known.any(axis=1).sum()) for name, opinions in found.items()},
        valence=int(emotion.known[:, 0].sum()),
        both=int(emotion.known.all(axis=1).sum()),
        confidence=float(confidence[some].mean()),
        connected=len(np.unique(edges.song)),
        edges=len(edges.song),
        new_words=words.height - before.meta.counts.nodes.get(EMOTION, 0),
        silent=dict(silent),
    )


def _with_attributes(
    items: pl.DataFrame, emotion: Opinions, confidence: NDArray[np.float64], some: NDArray[np.bool_]
) -> pl.DataFrame:
    columns = [pl.Series(axis, emotion.points[:, number]).fill_nan(None) for number, axis in enumerate(AXES)]
    sure = pl.Series(CONFIDENCE, np.where(some, confidence, np.nan)).fill_nan(None)
    return items.with_columns(*columns, sure)


def _edge_table(given: pl.DataFrame | None, edges: WordEdges) -> pl.DataFrame:
    """The edges of the raw data and the new ones, which start at other items, sorted."""
    made = pl.DataFrame({"src": edges.song, "dst": edges.word, "weight": edges.weight})
    if given is None:
        return made
    if "weight" not in given.columns:
        given = given.with_columns(pl.lit(1.0, pl.Float32).alias("weight"))
    return pl.concat([given, made], how="diagonal").sort("src", "dst")


def _evokes() -> RelationInfo:
    from kg_schema.ontology import Ontology

    relation = Ontology.load().relation("evokes")
    return RelationInfo(inverse=relation.inverse, symmetric=relation.symmetric, weight=relation.weight)
