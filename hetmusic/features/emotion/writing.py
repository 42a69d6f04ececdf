"""An estimate becomes attributes, edges and a modality of the graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic.features.describing import NONE_GIVEN, Described
from hetmusic.features.emotion.asking import CONFIDENCE
from hetmusic.features.emotion.nearest_words import WordEdges
from hetmusic.features.emotion.report import EmotionReport
from hetmusic.features.emotion.words import EMOTION, connect
from hetmusic.graph.amending import Amendment, GraphBefore, amend
from hetmusic.graph.emotions import AXES, ESTIMATE, ESTIMATE_COLUMNS
from hetmusic.graph.format import RelationInfo
from hetmusic.graph.opinions import Opinions
from hetmusic.graph.types import EdgeType


def absences(
    items: pl.DataFrame, lyrics: str | None, described: Described | None, some: NDArray[np.bool_]
) -> dict[str, Any]:
    """Which items have no emotion, and why, in the form that ``features report`` reads."""
    silent = np.ones(items.height, np.bool_) if lyrics is None else items[lyrics].is_null().to_numpy()
    sounds = [None] * items.height if described is None else described.reasons
    rows: dict[str, list[int]] = {}
    for row in np.flatnonzero(~some).tolist():
        said = [] if silent[row] else ["lyrics that say nothing"]
        said += [f"sound: {sounds[row]}"] if sounds[row] not in (None, NONE_GIVEN) else []
        rows.setdefault(", ".join(said) or NONE_GIVEN, []).append(row)
    counts = {reason: len(found) for reason, found in sorted(rows.items(), key=lambda pair: -len(pair[1]))}
    return {
        "absent": counts,
        "absent_nodes": {reason: found for reason, found in sorted(rows.items()) if reason != NONE_GIVEN},
    }


def write_emotion(
    before: GraphBefore,
    items: pl.DataFrame,
    emotion: Opinions,
    found: Mapping[str, Opinions],
    about: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> EmotionReport:
    """Add an estimate to the graph's folder, in the place of one that it has.

    :param items: their table as it was before.
    :param found: what each source said.
    :param about: stored beside the modality.
    :param settings: stored with the addition in ``graph.json``.
    """
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
    info = {"extractor": "emotion", "columns": list(ESTIMATE_COLUMNS), **about}
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
