"""The structure that a configuration resolves to: which encoder reads which relation where, and what is left unread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import nn

from hetmusic._resolve import text_of
from hetmusic.graph.types import EdgeType
from hetmusic.models.config import RelationConfig
from hetmusic.models.hetero_conv import HeteroConv
from hetmusic.models.mmgnn import MMGNN
from hetmusic.models.relation_choice import OTHER_TOWERS
from hetmusic.models.tower import Tower, needed_relations
from hetmusic.models.tower_config import relations_of


@dataclass(frozen=True)
class Place:
    """A relation in a layer of a tower."""

    tower: str
    #: counted from 1, as people do
    layer: int
    edge_type: EdgeType
    #: as the configuration names it, with its arguments
    encoder: str
    parameters: int
    #: what is special about it: shared weights, or why it is never run
    note: str = ""


@dataclass(frozen=True)
class Structure:
    """What a model is made of."""

    places: list[Place]
    #: relations of the graph that no tower reads -> why
    unused: dict[EdgeType, str]
    #: tower -> parameters of its layer-0 tables, encoders and combiners; what is shared is counted where it comes first
    towers: dict[str, tuple[int, int, int]]
    #: of the whole model
    parameters: int


def explain(model: MMGNN) -> Structure:
    """Read the structure off a model."""
    counted: set[int] = set()
    places = [place for name in model.towers for place in _places(model, name, counted)]
    seen: set[int] = set()
    towers = {name: _sizes(tower, seen) for name, tower in model.towers.items()}
    unused = {t: _why_unused(model, t) for t in model.unused_edge_types}
    return Structure(places, unused, towers, sum(p.numel() for p in model.parameters()))


def _places(model: MMGNN, name: str, counted: set[int]) -> Iterator[Place]:
    tower = model.towers[name]
    assert isinstance(tower, Tower)
    chosen = relations_of(name, model.relations, model.tower_config)
    schema = model.schema
    wanted = {schema.user_type} if name in model.user_towers else {schema.user_type, schema.item_type}
    run = needed_relations([set(conv.edge_types) for conv in _convs(tower)], wanted)
    speaks = set(tower.inputs)
    for depth, conv in enumerate(_convs(tower)):
        for edge_type in conv.edge_types:
            encoder = conv.encoders[str(edge_type)]
            own = [p for p in encoder.parameters() if id(p) not in counted]
            note = ""
            if edge_type not in run[depth]:
                note = "not run: nothing that is scored depends on it"
            elif edge_type.src not in speaks:
                note = f"silent: {edge_type.src}s have no representation yet"
            elif len(own) < sum(1 for _ in encoder.parameters()):
                note = "shares weights with one above"
            counted |= {id(p) for p in own}
            relation = chosen[edge_type.relation]
            yield Place(name, depth + 1, edge_type, _named(relation), sum(p.numel() for p in own), note)
        speaks |= {t.dst for t in run[depth] if t.src in speaks}


def _convs(tower: Tower) -> Iterator[HeteroConv]:
    for conv in tower.layers:
        assert isinstance(conv, HeteroConv)
        yield conv


def _named(relation: RelationConfig) -> str:
    arguments = relation.model_dump(mode="json", exclude={"encoder", "fanout", "use", "share"})
    shown = ", ".join(f"{key}={value}" for key, value in arguments.items())
    return f"{text_of(relation.encoder)}({shown})" if shown else text_of(relation.encoder)


def _sizes(tower: nn.Module, seen: set[int]) -> tuple[int, int, int]:
    assert isinstance(tower, Tower)
    encoders = nn.ModuleList([conv.encoders for conv in _convs(tower)])
    combiners = nn.ModuleList([conv.combiners for conv in _convs(tower)])
    tables = nn.ModuleList([tower.inputs, *([] if tower.outputs is None else [tower.outputs])])
    return _count(tables, seen), _count(encoders, seen), _count(combiners, seen)


def _count(part: nn.Module, seen: set[int]) -> int:
    new = [p for p in part.parameters() if id(p) not in seen]
    seen |= {id(p) for p in new}
    return sum(p.numel() for p in new)


def _why_unused(model: MMGNN, edge_type: EdgeType) -> str:
    name = edge_type.relation
    if name not in model.relations and not any(name in own.relations for own in model.tower_config.values()):
        other = model.schema.inverses.get(name)
        used = {t.relation for t in model.edge_types}
        direction = f"; its opposite, {other}, is used" if other in used and other != name else ""
        return f"there is no [relations.{name}]{direction}"
    if not any(name in relations_of(t, model.relations, model.tower_config) for t in model.towers):
        return "use = false"
    return f"no tower reads it ({_choices(model)})"


def _choices(model: MMGNN) -> str:
    own: Mapping[str, object] = model.config.tower_relations or {}
    said = [f"model.relations = {model.config.relations!r}"] if OTHER_TOWERS not in own else []
    return ", ".join([*said, *(f"model.tower_relations.{name} = {value!r}" for name, value in own.items())])
