"""Towers from configuration: the layer-0 tables and the relation encoders of every layer."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from hetmusic.graph.types import EdgeType, Modality
from hetmusic.models.config import ModelConfig, RelationConfig
from hetmusic.models.hetero_conv import HeteroConv
from hetmusic.models.inputs import FeatureInput, IdInput, NodeInput
from hetmusic.models.schema import GraphSchema
from hetmusic.models.tower import Tower
from hetmusic.relations import relation_encoders


class TowerFactory:
    """Makes the towers of one model.

    :param schema: the graph.
    :param config: structure.
    :param relations: encoder of each relation, by relation name.
    """

    def __init__(
        self, schema: GraphSchema, config: ModelConfig, relations: Mapping[str, RelationConfig]
    ) -> None:
        self.schema = schema
        self.config = config
        self.relations = relations

    def tower(
        self, edge_types: list[EdgeType], modality: Modality | None = None, items: bool = True
    ) -> Tower:
        """A tower.

        :param modality: what items start from; None: learned embeddings.
        :param items: whether it encodes items as candidates.
        """
        inputs = self._inputs(edge_types, modality)
        outputs = self._outputs(edge_types, modality) if items and self.config.separate_output else None
        return Tower(inputs, self._convs(edge_types), outputs, self.config.readout)

    def friends_alone(self, edge_types: list[EdgeType]) -> Tower:
        """A tower over users' own embeddings and relations among users (eq. 3)."""
        user = self.schema.user_type
        inputs = {user: IdInput(self.schema.num_nodes[user], self.config.dim, self.config.init_scale)}
        return Tower(inputs, self._convs(edge_types), readout=self.config.readout)

    def _convs(self, edge_types: list[EdgeType]) -> list[HeteroConv]:
        def encoders() -> dict[EdgeType, nn.Module]:
            made = {}
            for edge_type in edge_types:
                relation = self.relations[edge_type.relation]
                made[edge_type] = relation_encoders.make(
                    relation.encoder, dim=self.config.dim, **relation.arguments
                )
            return made  # type: ignore[return-value]

        dim, combine = self.config.dim, self.config.combine
        return [HeteroConv(encoders(), dim, combine) for _ in range(self.config.num_layers)]  # type: ignore[arg-type]

    def _inputs(self, edge_types: list[EdgeType], modality: Modality | None) -> dict[str, NodeInput]:
        user, item = self.schema.user_type, self.schema.item_type
        types = {item, *(t.src for t in edge_types), *(t.dst for t in edge_types)}
        if self.config.inductive_users:
            types.discard(user)
        else:
            types.add(user)
        return {ntype: self._input(ntype, modality if ntype == item else None) for ntype in sorted(types)}

    def _outputs(self, edge_types: list[EdgeType], modality: Modality | None) -> dict[str, NodeInput]:
        """Tables of the candidate pass: the item's own and those of whatever leads to items."""
        item = self.schema.item_type
        types = {item, *(t.src for t in edge_types if t.dst == item)} - {self.schema.user_type}
        return {ntype: self._input(ntype, modality if ntype == item else None) for ntype in sorted(types)}

    def _input(self, ntype: str, modality: Modality | None) -> NodeInput:
        dim, scale = self.config.dim, self.config.init_scale
        untrained = self.schema.untrained if ntype == self.schema.item_type else None
        if modality is None:
            return IdInput(self.schema.num_nodes[ntype], dim, scale, untrained)
        scaling, ids = self.config.feature_scaling, self.config.id_embedding
        return FeatureInput(modality, dim, scaling, ids, scale, untrained)
