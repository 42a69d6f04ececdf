"""From the name of a model on a command line to the model: ``ease``, ``mmgnn``, ``mmgnn:paper``, ``module:Class``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from hetmusic._made_with import MadeWith
from hetmusic._resolve import text_of
from hetmusic.errors import ConfigError, did_you_mean
from hetmusic.experiments.mmgnn import Mmgnn, nested
from hetmusic.graph import MusicGraph
from hetmusic.models.plugin_spec import at_key, check_ready_made, is_instance
from hetmusic.models.tower_config import RELATION_KEYS
from hetmusic.rivals import Recommender, recommenders
from hetmusic.training.load_config import preset_names


def find_model(name: str) -> tuple[type[Recommender], dict[str, Any]]:
    """The class of a model and the settings that its name implies.

    :raises ConfigError: for a name that does not exist, suggesting one that does.
    """
    base, colon, preset = name.partition(":")
    registered = base in recommenders.classes
    if not colon or (not registered and preset not in preset_names()):
        return recommenders.lookup(name), {}
    cls = recommenders.lookup(base)
    if not issubclass(cls, Mmgnn):
        raise ConfigError(f"model {base!r} has no presets, so there is no {name!r}")
    return cls, {"preset": preset}


def with_implied(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a model as a nested dictionary, with those that its name implies.

    :raises ConfigError: if the model does not exist, or name and settings disagree about the preset.
    """
    _, implied = find_model(name)
    given = _as_text(nested(settings))
    for key, value in implied.items():
        if given.get(key, value) != value:
            raise ConfigError(f"model {name}: the settings are for {key} = {given[key]!r}")
    return {**implied, **given}


def _as_text(value: Any) -> Any:
    """Classes as their import paths, encoders with their arguments: settings are written down and sent to processes."""
    if isinstance(value, Mapping):
        encoder: Any = value.get("encoder")
        if is_instance(encoder) and hasattr(encoder, "init_arguments"):
            check_ready_made(encoder, {k: v for k, v in value.items() if k not in RELATION_KEYS})
            value = {**value, **encoder.init_arguments, "encoder": type(encoder)}
        for key in ("combine", "loss"):
            plugin = value.get(key)
            if isinstance(plugin, MadeWith):
                check_ready_made(plugin, value.get(f"{key}_arguments", {}), key)
                value = {**value, key: type(plugin), f"{key}_arguments": plugin.init_arguments}
        return {key: _as_text(inner) for key, inner in value.items()}
    return text_of(value) if inspect.isclass(value) else value


def make_model(name: str, settings: Mapping[str, Any]) -> Recommender:
    """The untrained model.

    :param settings: those that differ from the defaults, nested or dotted.
    :raises ConfigError: for an unknown model or setting, or a wrong value, before anything runs.
    """
    cls, _ = find_model(name)
    return cls(**with_implied(name, settings))


def check_model(name: str, settings: Mapping[str, Any]) -> None:
    """Refuse everything in a model's settings that can be refused without a graph, its plug-ins included.

    :raises ConfigError: as :func:`make_model`, and for plug-ins that cannot be found or arguments that they do not take.
    """
    make_model(name, settings).check()


def check_modalities(name: str, settings: Mapping[str, Any], graph: MusicGraph) -> None:
    """Refuse modalities that a graph lacks before anything runs; models of other packages check for themselves.

    :param settings: the complete ones.
    :raises ConfigError: naming the model and the modality.
    """
    named = settings.get("model", settings).get("modalities")
    known = graph.modalities(graph.item_type)
    if find_model(name)[0] not in recommenders.classes.values() or not isinstance(named, list):
        return
    for modality in named:
        if modality not in known:
            raise ConfigError(
                f"model {name}: {graph.item_type} of graph {graph.name} has no modality {modality!r}"
                f"{did_you_mean(modality, known)}; there are: {', '.join(known) or 'none'}"
            )


def check_relations(name: str, settings: Mapping[str, Any], graph: MusicGraph) -> None:
    """Refuse encoders for relations that neither a graph nor the music ontology has, before anything runs.

    :param settings: the complete ones.
    :raises ConfigError: naming the model and the relation.
    """
    if is_mmgnn(name):
        from hetmusic.training.plugins import check_plugins

        with at_key(f"model {name}"):
            check_plugins(make_model(name, settings).settings, graph)


def is_mmgnn(name: str) -> bool:
    """Whether a model is configured like ``hetmusic fit``."""
    return issubclass(find_model(name)[0], Mmgnn)
