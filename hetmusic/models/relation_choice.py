"""Which relations each tower reads."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cache

from hetmusic.errors import ConfigError, did_you_mean
from hetmusic.graph.types import EdgeType
from hetmusic.models.config import ModelConfig, RelationConfig, RelationSet
from hetmusic.models.schema import GraphSchema
from kg_schema.ontology import Ontology

logger = logging.getLogger(__name__)

#: key of ``model.tower_relations`` for towers that have no key of their own
OTHER_TOWERS = "others"


class RelationChoice:
    """The edge types that may be used, and those that each tower uses.

    :param schema: the graph.
    :param config: ``relations``, ``tower_relations`` and ``inductive_users`` count.
    :param relations: encoder of each relation by name; only those with ``use``.
    :raises ConfigError: for an unknown relation, or if none is left.
    """

    def __init__(
        self, schema: GraphSchema, config: ModelConfig, relations: Mapping[str, RelationConfig]
    ) -> None:
        self.schema = schema
        self.config = config
        self._known = {edge_type.relation for edge_type in schema.edge_types}
        self._inverse = _ontology_inverses() | dict(schema.inverses)
        for name in relations:
            self._check_name(name)
            if name not in self._known:  # presets name relations that not every graph has
                logger.info("relation not in graph: relation=%s", name)
        #: in the graph, and with an encoder
        self.available = [t for t in schema.edge_types if t.relation in relations]
        if not self.available:
            raise ConfigError(
                f"none of the relations {', '.join(relations) or '(none given)'} is in the graph, "
                f"which has {', '.join(sorted(self._known))}"
            )

    def of(self, tower: str) -> list[EdgeType]:
        """The edge types of a tower that encodes items.

        :raises ConfigError: if it is left without what it needs.
        """
        own = self.config.tower_relations or {}
        chosen = own.get(tower, own.get(OTHER_TOWERS, self.config.relations))
        found = self._select(chosen)
        if not found:
            raise ConfigError(
                f"tower {tower} reads {chosen!r}, but the relations in use are "
                f"{', '.join(sorted({t.relation for t in self.available}))}"
            )
        user = self.schema.user_type
        if self.config.inductive_users and not any(t.dst == user != t.src for t in found):
            raise ConfigError(
                "inductive_users = true needs a relation from other nodes to users (such as liked_by), "
                f"but only {', '.join(sorted({t.relation for t in found}))} is used"
            )
        return found

    def check_towers(self, towers: Sequence[str]) -> None:
        """Refuse relations for a tower that there is not."""
        for name in self.config.tower_relations or {}:
            if name not in towers and name != OTHER_TOWERS:
                known = [*towers, OTHER_TOWERS]
                raise ConfigError(
                    f"model.tower_relations: there is no tower {name!r}{did_you_mean(name, known)}; "
                    f"known: {', '.join(known)}"
                )

    @property
    def profiles(self) -> list[EdgeType]:
        """The relations from items to users, which make users' profiles."""
        ends = (self.schema.item_type, self.schema.user_type)
        return [t for t in self.available if (t.src, t.dst) == ends]

    @property
    def friendships(self) -> list[EdgeType]:
        """The relations among users."""
        return [t for t in self.available if t.src == t.dst == self.schema.user_type]

    def _select(self, chosen: RelationSet) -> list[EdgeType]:
        if chosen == "all":
            return list(self.available)
        if chosen == "interactions":
            ends = {self.schema.user_type, self.schema.item_type}
            return [t for t in self.available if {t.src, t.dst} == ends]
        assert isinstance(chosen, list)
        names: set[str] = set()
        for name in chosen:
            self._check_name(name)
            names |= {name, self._inverse.get(name, name)}
        return [t for t in self.available if t.relation in names]

    def _check_name(self, name: str) -> None:
        known = self._known | set(self._inverse)
        if name not in known:
            raise ConfigError(f"unknown relation {name!r}{did_you_mean(name, known)}")


@cache
def _ontology_inverses() -> dict[str, str]:
    """Every relation of the music ontology in both directions -> the name of the opposite direction."""
    found: dict[str, str] = {}
    for relation in Ontology.load().relations.values():
        other = relation.inverse or relation.name
        found |= {relation.name: other, other: relation.name}
    return found
