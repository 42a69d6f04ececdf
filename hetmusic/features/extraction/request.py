"""What is to be extracted: a modality, the extractor that makes it, and the attribute that it reads."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from hetmusic.errors import FeatureError, did_you_mean
from hetmusic.features.extractor import Extractor, Kind
from hetmusic.graph import MusicGraph
from hetmusic.graph.modalities import refuse_name

#: the modality that a kind makes unless it is called otherwise
MODALITY: Mapping[Kind, str] = {"text": "lyrics", "audio": "audio", "image": "cover"}
#: the attributes that a kind reads, the first of them that there is, unless one is named
ATTRIBUTES: Mapping[Kind, tuple[str, ...]] = {
    "text": ("lyrics", "lyrics_words"),
    "audio": ("audio", "sound"),
    "image": ("cover",),
}


@dataclass(frozen=True)
class Request:
    """One modality to make."""

    extractor: Extractor
    #: name of the modality; by the extractor's kind if empty
    modality: str = ""
    #: attribute of the nodes that holds the text, or the path of the file; if empty, the first of :data:`ATTRIBUTES`
    attribute: str = ""

    @property
    def name(self) -> str:
        """The modality."""
        return self.modality or MODALITY[self.extractor.kind]

    def reading(self, attributes: Collection[str]) -> Request:
        """The same with the attribute that it reads, of those that there are."""
        names = ATTRIBUTES[self.extractor.kind]
        return (
            self
            if self.attribute
            else replace(self, attribute=next((n for n in names if n in attributes), names[0]))
        )

    def origin(self) -> dict[str, Any]:
        """What makes the modality: where these are the same, running again brings it up to date."""
        # as it is stored: tuples are lists there
        settings = json.loads(json.dumps(self.extractor.settings()))
        return {
            "source": "extract",
            "extractor": self.extractor.name,
            "settings": settings,
            "attribute": self.attribute,
        }

    def about(self) -> dict[str, Any]:
        """What is stored beside the vectors about what made them."""
        return {**self.origin(), "kind": self.extractor.kind, "version": self.extractor.version}


def checked(
    graph: MusicGraph,
    node_type: str,
    requests: Sequence[Request],
    raw: Path | None,
    dtype: str,
    overwrite: bool,
) -> list[Request]:
    """Refuse what cannot be made, before anything is, and find out which attributes are read.

    :raises FeatureError: in one line.
    """
    if raw is not None and not raw.is_dir():
        raise FeatureError(f"raw folder {raw} {'is no folder' if raw.exists() else 'does not exist'}")
    names = [request.name for request in requests]
    for name in names:
        refuse_name(node_type, name)
        if names.count(name) > 1:
            raise FeatureError(
                f"modality {name!r} is asked for twice: give one of them another name, as in sound=NAME"
            )
    schema = graph.node_schema(node_type)
    requests = [request.reading(schema) for request in requests]
    for request in requests:
        _check_attribute(node_type, schema, request)
        if request.extractor.kind != "text" and raw is None:
            raise FeatureError(
                f"modality {request.name!r} needs the raw folder that the paths are below: give --raw"
            )
        request.extractor.settings()  # which says what is wrong with a model, before hours go into another one
        if not overwrite:
            _check_existing(graph, node_type, request, dtype)
    return requests


def _check_attribute(node_type: str, schema: pl.Schema, request: Request) -> None:
    found = schema.get(request.attribute)
    if found is None:
        hint = did_you_mean(request.attribute, schema)
        if request.extractor.kind == "audio" and not hint:  # as in graphs of one's own music
            hint = f" (if keys are the paths: --from {request.name}=key)"
        raise FeatureError(
            f"{node_type} nodes have no attribute {request.attribute!r} to make modality {request.name!r} from{hint}; "
            f"they have {', '.join(schema)}"
        )
    if found not in (pl.String(), pl.Null()):
        raise FeatureError(
            f"attribute {request.attribute!r} of {node_type} holds {found}, not the text that modality "
            f"{request.name!r} is made from"
        )


def _check_existing(graph: MusicGraph, node_type: str, request: Request, dtype: str) -> None:
    known = graph.meta.modalities.get(node_type, {}).get(request.name)
    if known is None:
        return
    info = graph.modality(node_type, request.name).info
    origin = request.origin()
    if known.dtype == dtype and {key: info.get(key) for key in origin} == origin:
        return
    made = info.get("extractor") or info.get("source") or "something else"
    raise FeatureError(
        f"{graph.path} already has modality {request.name!r} of {node_type}, made by {made} with other settings; "
        "pass --overwrite to replace it, or give the new one another name"
    )
