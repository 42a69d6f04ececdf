"""Taking MM-GNN apart: what a configuration has to say for a component to be gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hetmusic._toml import merge
from hetmusic.errors import ConfigError, did_you_mean
from hetmusic.experiments.controls import friendships, knowledge_relations
from hetmusic.graph import MusicGraph
from hetmusic.graph.emotions import AXES
from hetmusic.graph.relations import inverse_type
from hetmusic.graph.types import EdgeType
from hetmusic.training.config import FitConfig

#: components by name; any modality of the graph is one as well
COMPONENTS = ("social", "mutual", "emotion", "kg", "each-modality")

_NOT_IN_GRAPH, _NOT_USED = "not in this graph", "not used by this configuration"


@dataclass(frozen=True)
class Removal:
    """A component, and how to do without it."""

    component: str
    #: settings on top of the full model's, nested
    settings: dict[str, Any] = field(default_factory=dict)
    #: why it cannot be removed
    reason: str | None = None

    def apply(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of the model without the component.

        :param given: of the full model, nested.
        """
        changed = merge(given, self.settings)
        model, gone = changed.get("model", {}), self.component  # of which there is no tower any more
        for key in ("tower_relations", "tower_weights"):
            if isinstance(towers := model.get(key), Mapping) and gone in towers:
                model = {**model, key: {name: value for name, value in towers.items() if name != gone}}
                changed["model"] = model
        if gone in (towers := changed.get("towers") or {}):
            changed["towers"] = {name: value for name, value in towers.items() if name != gone}
        return changed


def removals(graph: MusicGraph, config: FitConfig, components: Sequence[str]) -> list[Removal]:
    """How to remove each of some components from a model.

    :param config: the full model.
    :param components: of :data:`COMPONENTS`, or modalities; ``each-modality`` stands for one removal a modality.
    :raises ConfigError: for a component that does not exist.
    """
    modalities = graph.modalities(graph.item_type)
    found: list[Removal] = []
    for name in components:
        if name == "each-modality":
            found += [_without_modality(config, modalities, each) for each in modalities]
            if not modalities:
                found.append(Removal(name, reason=_NOT_IN_GRAPH))
        elif name in COMPONENTS:
            found.append(_REMOVE[name](graph, config))
        elif name in modalities:
            found.append(_without_modality(config, modalities, name))
        else:
            known = [*COMPONENTS, *modalities]
            raise ConfigError(
                f"there is no component {name!r}{did_you_mean(name, known)}; known: {', '.join(known)}"
            )
    return list({removal.component: removal for removal in found}.values())


def _without_social(graph: MusicGraph, config: FitConfig) -> Removal:
    relations = friendships(graph)
    if not relations:
        return Removal("social", reason=_NOT_IN_GRAPH)
    off = _switched_off(config, _names(graph, relations))
    if not off:
        return Removal("social", reason=_NOT_USED)
    return Removal("social", merge(off, {"model": {"social_tower": False}}))


def _without_kg(graph: MusicGraph, config: FitConfig) -> Removal:
    relations = knowledge_relations(graph)
    if not relations:
        return Removal("kg", reason=_NOT_IN_GRAPH)
    off = _switched_off(config, _names(graph, relations))
    return Removal("kg", off, None if off else _NOT_USED)


def _without_emotion(graph: MusicGraph, config: FitConfig) -> Removal:
    if not _has_emotions(graph):
        return Removal("emotion", reason=_NOT_IN_GRAPH)
    relations = [t for t in graph.edge_types if "emotion" in (t.src, t.dst)]
    off = _switched_off(config, _names(graph, relations))
    if config.model.emotion:
        off = merge(off, {"model": {"emotion": False}})
    return Removal("emotion", off, None if off else _NOT_USED)


def _without_mutual(graph: MusicGraph, config: FitConfig) -> Removal:
    if not config.training.mutual_weight:
        return Removal("mutual", reason=_NOT_USED)
    return Removal("mutual", {"training": {"mutual_weight": 0.0}})


def _without_modality(config: FitConfig, modalities: Sequence[str], name: str) -> Removal:
    used = list(modalities) if config.model.modalities == "all" else list(config.model.modalities)
    if name not in used:
        return Removal(name, reason=_NOT_USED)
    kept = [each for each in used if each != name]
    if not kept and not config.model.id_tower:
        return Removal(name, reason="without it no tower could score an item")
    return Removal(name, {"model": {"modalities": kept}})


_REMOVE = {
    "social": _without_social,
    "mutual": _without_mutual,
    "emotion": _without_emotion,
    "kg": _without_kg,
}


def _has_emotions(graph: MusicGraph) -> bool:
    """Whether items have emotion words, or valence and arousal; see :func:`~hetmusic.graph.emotions.item_emotions`."""
    item, axes = graph.item_type, set(AXES)
    described = [graph.modality(item, name).info.get("columns") for name in graph.modalities(item)]
    return (
        any("emotion" in (t.src, t.dst) for t in graph.edge_types)
        or axes <= set(graph.nodes(item).columns)
        or any(isinstance(columns, list) and axes <= set(columns) for columns in described)
    )


def _names(graph: MusicGraph, relations: Sequence[EdgeType]) -> set[str]:
    """Names of relations in both directions."""
    inverses = [inverse_type(t, graph.meta.relations[t.relation]) for t in relations]
    return {t.relation for t in [*relations, *inverses] if t is not None}


def _switched_off(config: FitConfig, names: set[str]) -> dict[str, Any]:
    """Settings that leave out those of some relations that are in use; nothing if none is."""
    used = [name for name, relation in config.relations.items() if relation.use and name in names]
    return {"relations": {name: {"use": False} for name in sorted(used)}} if used else {}
