"""Which relations each tower reads."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from functools import cache

from hetmusic.errors import ConfigError, did_you_mean
from hetmusic.graph.types import EdgeType
from hetmusic.models.config import ModelConfig, RelationConfig, RelationSet, TowerConfig
from hetmusic.models.schema import GraphSchema
from hetmusic.models.tower_config import relations_of
from kg_schema.ontology import Ontology

logger = logging.getLogger(__name__)

#: key of ``model.tower_relations`` for towers that have no key of their own
OTHER_TOWERS = "others"


class RelationChoice:
    """The edge types that may be used, and those that each tower uses.

    :param schema: the graph.
    :param config: ``relations``, ``tower_relations`` and ``inductive_users`` count.
    :param relations: encoder of each relation by name.
    :param towers: what single towers do otherwise.
    :raises ConfigError: for an unknown relation, or if none is left.
    """

    def __init__(
        self,
        schema: GraphSchema,
        config: ModelConfig,
        relations: Mapping[str, RelationConfig],
        towers: Mapping[str, TowerConfig] | None = None,
    ) -> None:
        self.schema = schema
        self.config = config
        self.relations = relations
        self.towers = towers or {}
        self._known = {edge_type.relation for edge_type in schema.edge_types}
        self._inverse = _ontology_inverses() | dict(schema.inverses)
        own = {name: list(relations_of(name, relations, self.towers)) for name in self.towers}
        used = [name for name, relation in relations.items() if relation.use]
        used += [name for names in own.values() for name in names if name not in used]
        for name in used:
            self._check_name(name)
            if name not in self._known:  # presets name relations that not every graph has
                logger.info("relation not in graph: relation=%s", name)
        #: in the graph, and with an encoder
        self.available = [t for t in schema.edge_types if t.relation in used]
        if not self.available:
            raise ConfigError(
                f"none of the relations {', '.join(used) or '(none given)'} is in the graph, "
                f"which has {', '.join(sorted(self._known))}"
            )

    def of(self, tower: str) -> list[EdgeType]:
        """The edge types of a tower that encodes items.

        :raises ConfigError: if it is left without what it needs.
        """
        chosen = self.chosen(tower)
        available = self.available_to(tower)
        found = self._select(chosen, available)
        if not found:
            raise ConfigError(
                f"tower {tower} reads {chosen!r}, but the relations in use are "
                f"{', '.join(sorted({t.relation for t in available})) or '(none)'}"
            )
        user = self.schema.user_type
        if self.config.inductive_users and not any(t.dst == user != t.src for t in found):
            raise ConfigError(
                "inductive_users = true needs a relation from other nodes to users (such as liked_by), "
                f"but only {', '.join(sorted({t.relation for t in found}))} is used"
            )
        return found

    def chosen(self, tower: str) -> RelationSet:
        """What ``model.relations`` and ``model.tower_relations`` say about a tower."""
        own = self.config.tower_relations or {}
        return own.get(tower, own.get(OTHER_TOWERS, self.config.relations))

    def available_to(self, tower: str) -> list[EdgeType]:
        """The relations that a tower has an encoder for."""
        names = relations_of(tower, self.relations, self.towers)
        return [t for t in self.available if t.relation in names]

    def check_towers(self, towers: Sequence[str], social: str) -> None:
        """Refuse settings for a tower that there is not.

        :param social: the name of the social tower, which ``model.tower_relations`` does not concern.
        """
        for name in self.towers:
            if name not in towers and name != social:
                raise ConfigError(
                    f"towers.{name}: there is no tower {name!r}{did_you_mean(name, [*towers, social])}; "
                    f"known: {', '.join([*towers, social])}"
                )
        for name in self.config.tower_relations or {}:
            if name not in towers and name != OTHER_TOWERS:
                known = [*towers, OTHER_TOWERS]
                raise ConfigError(
                    f"model.tower_relations: there is no tower {name!r}{did_you_mean(name, known)}; "
                    f"known: {', '.join(known)}"
                )

    def profiles(self, tower: str) -> list[EdgeType]:
        """The relations from items to users, which make users' profiles."""
        ends = (self.schema.item_type, self.schema.user_type)
        return [t for t in self.available_to(tower) if (t.src, t.dst) == ends]

    def friendships(self, tower: str) -> list[EdgeType]:
        """The relations among users."""
        return [t for t in self.available_to(tower) if t.src == t.dst == self.schema.user_type]

    def _select(self, chosen: RelationSet, available: list[EdgeType]) -> list[EdgeType]:
        if chosen == "all":
            return available
        if chosen == "interactions":
            ends = {self.schema.user_type, self.schema.item_type}
            return [t for t in available if {t.src, t.dst} == ends]
        assert isinstance(chosen, list)
        names: set[str] = set()
        for name in chosen:
            self._check_name(name)
            names |= {name, self._inverse.get(name, name)}
        return [t for t in available if t.relation in names]

    def _check_name(self, name: str) -> None:
        check_relation(name, self._known | set(self._inverse))


def is_relation(name: str) -> bool:
    """Whether the music ontology has a relation of this name, in one of its directions."""
    return name in _ontology_inverses()


def check_relation(name: str, of_graph: Collection[str] = ()) -> None:
    """Refuse a relation that neither the music ontology nor a graph has.

    :param of_graph: names of the graph's relations, in both directions.
    :raises ConfigError: suggesting one that there is.
    """
    known = {*of_graph, *_ontology_inverses()}
    if name not in known:
        # those of the graph first, where several are as close
        ranked = [*sorted(of_graph), *sorted(known.difference(of_graph))]
        # messages call a relation by its ends as well, song__liked_by__user
        middle = name.split("__")[1] if name.count("__") == 2 else name
        raise ConfigError(f"unknown relation {name!r}{did_you_mean(middle, ranked)}")


@cache
def _ontology_inverses() -> dict[str, str]:
    """Every relation of the music ontology in both directions -> the name of the opposite direction."""
    found: dict[str, str] = {}
    for relation in Ontology.load().relations.values():
        other = relation.inverse or relation.name
        found |= {relation.name: other, other: relation.name}
    return found
