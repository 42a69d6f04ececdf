"""What emotions are estimated from: which sources, by which attributes, and whether anything would be overwritten."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from hetmusic.errors import FeatureError, did_you_mean
from hetmusic.features.emotion.sound_model import SoundEmotionModel
from hetmusic.features.emotion.sources import from_tags
from hetmusic.features.emotion.weights import DEFAULT_WEIGHTS
from hetmusic.features.extraction import request
from hetmusic.graph.amending import GraphBefore
from hetmusic.graph.emotions import AXES, ESTIMATE
from hetmusic.graph.format import GraphMeta

#: attribute of an item that says how sure its emotion is, from 0 to 1
CONFIDENCE = "emotion_confidence"
#: source -> the attributes of items that hold its text or path in the dumps that come with hetmusic; the first counts
ATTRIBUTES = {"lyrics": request.ATTRIBUTES["text"], "sound": request.ATTRIBUTES["audio"]}


def refuse_overwriting(
    before: GraphBefore, meta: GraphMeta, items: pl.DataFrame, settings: Mapping[str, Any]
) -> None:
    """Refuse to replace, unasked, an estimate of other settings, or what the raw data says.

    :param meta: ``graph.json`` as it is, with the estimate that may be there.
    :raises FeatureError: naming what there is.
    """
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


def attributes_read(items: pl.DataFrame, item_type: str, given: Mapping[str, str]) -> dict[str, str]:
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


def sources_wanted(
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
