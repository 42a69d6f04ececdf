"""Give a graph's items lyrics, audio and cover features without any trained weights."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hetmusic.errors import FeatureError, did_you_mean
from hetmusic.features.describing import Coverage
from hetmusic.features.extraction.presets import PRESETS
from hetmusic.features.extraction.request import MODALITY, Request
from hetmusic.features.extraction.run import extract_features
from hetmusic.features.extractor import Kind, extractors

if TYPE_CHECKING:
    from hetmusic.graph import MusicGraph

#: modality, which is also the item attribute that is read -> what it describes
LIGHT_MODALITIES: dict[str, Kind] = {modality: kind for kind, modality in MODALITY.items()}


def add_light_features(
    graph: MusicGraph,
    raw: Path | str,
    which: Sequence[str] | None = None,
    *,
    cache: Path | str | None = None,
    overwrite: bool = False,
) -> dict[str, Coverage]:
    """Extract light features of the graph's items as modalities ``lyrics``, ``audio`` and ``cover``.

    The items' attribute of the same name holds the text, or the file's path relative to ``raw``.

    :param which: the modalities to make; by default all whose attribute the items have.
    :param cache: where results are kept; by default they are not.
    :param overwrite: replace modalities that something else has made.
    :return: for each modality, how many items have it and why the others do not. A modality that no item has is not
        added to the graph.
    :raises FeatureError: for an unknown modality, or one whose attribute the items lack.
    """
    wanted = _wanted(which, list(graph.node_schema(graph.item_type)), graph.item_type)
    requests = [Request(extractors.make(PRESETS["light"][LIGHT_MODALITIES[name]])) for name in wanted]
    with tempfile.TemporaryDirectory(prefix="hetmusic-features-") as temporary:
        made = extract_features(graph, requests, raw=raw, cache=cache or temporary, overwrite=overwrite)
    return {outcome.modality: outcome.coverage for outcome in made}


def _wanted(which: Sequence[str] | None, attributes: Sequence[str], item_type: str) -> list[str]:
    """The modalities to make, in the order given, each once."""
    if which is None:
        found = [name for name in LIGHT_MODALITIES if name in attributes]
        if not found:
            raise FeatureError(
                f"no {item_type} attribute is called {', '.join(LIGHT_MODALITIES)}: nothing to extract from"
            )
        return found
    for name in which:
        if name not in LIGHT_MODALITIES:
            raise FeatureError(f"no light extractor is called {name!r}{did_you_mean(name, LIGHT_MODALITIES)}")
    return list(dict.fromkeys(which))
