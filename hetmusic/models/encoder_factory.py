"""The relation encoders of a model: which one a place gets, and which places share one."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence

from hetmusic._resolve import text_of
from hetmusic.errors import ConfigError
from hetmusic.graph.types import EdgeType
from hetmusic.models.config import RelationConfig, TowerConfig
from hetmusic.models.plugin_spec import at_key
from hetmusic.models.tower_config import relations_of
from hetmusic.relations import RelationEncoder, relation_encoders
from hetmusic.relations.calling import check_ready


class EncoderFactory:
    """Makes the relation encoders of all towers and layers.

    :param dim: size of the representations.
    :param relations: encoder of each relation, by relation name.
    :param towers: what single towers do otherwise.
    """

    def __init__(
        self, dim: int, relations: Mapping[str, RelationConfig], towers: Mapping[str, TowerConfig]
    ) -> None:
        self.dim = dim
        self.relations = relations
        self.towers = towers
        #: encoders that several places have
        self._shared: dict[tuple[object, ...], RelationEncoder] = {}

    def layer(
        self, tower: str, depth: int, edge_types: Sequence[EdgeType]
    ) -> dict[EdgeType, RelationEncoder]:
        """One encoder a relation, for a layer of a tower."""
        chosen = relations_of(tower, self.relations, self.towers)
        return {t: self._place(tower, depth, t, chosen[t.relation]) for t in edge_types}

    def _place(
        self, tower: str, depth: int, edge_type: EdgeType, relation: RelationConfig
    ) -> RelationEncoder:
        if relation.share == "none":
            return self._make(tower, edge_type, relation)
        layer = depth if relation.share == "towers" else None
        owner = tower if relation.share == "layers" else None
        kind = (text_of(relation.encoder), json.dumps(relation.arguments, sort_keys=True))
        key = (edge_type, owner, layer, *kind)
        if key not in self._shared:
            self._shared[key] = self._make(tower, edge_type, relation)
        return self._shared[key]

    def _make(self, tower: str, edge_type: EdgeType, relation: RelationConfig) -> RelationEncoder:
        own = tower in self.towers and edge_type.relation in self.towers[tower].relations
        where = f"towers.{tower}.relations" if own else "relations"
        with at_key(f"{where}.{edge_type.relation}"):
            if isinstance(relation.encoder, RelationEncoder):
                check_ready(relation.encoder, edge_type)  # torch cannot copy everything that is refused here
            spec = copy.deepcopy(relation.encoder)
            encoder = relation_encoders.make(spec, dim=self.dim, **relation.arguments)
            if encoder.dim != self.dim:
                name = type(encoder).__name__
                raise ConfigError(
                    f"relation encoder {name} has dim = {encoder.dim}, but model.dim is {self.dim}: make it with "
                    f"dim={self.dim}, or give the class"
                )
        return encoder
