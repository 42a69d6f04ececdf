"""Towers from configuration: the layer-0 tables and the relation encoders of every layer."""

from __future__ import annotations

from collections.abc import Mapping

from hetmusic.graph.types import EdgeType, Modality
from hetmusic.models.config import ModelConfig, RelationConfig, TowerConfig
from hetmusic.models.encoder_factory import EncoderFactory
from hetmusic.models.features import ScaledFeatures, read_features
from hetmusic.models.hetero_conv import HeteroConv
from hetmusic.models.inputs import FeatureInput, IdInput, NodeInput
from hetmusic.models.schema import GraphSchema
from hetmusic.models.tower import Tower


class TowerFactory:
    """Makes the towers of one model.

    :param schema: the graph.
    :param config: structure.
    :param relations: encoder of each relation, by relation name.
    :param towers: what single towers do otherwise.
    """

    def __init__(
        self,
        schema: GraphSchema,
        config: ModelConfig,
        relations: Mapping[str, RelationConfig],
        towers: Mapping[str, TowerConfig],
    ) -> None:
        self.schema = schema
        self.config = config
        self.towers = towers
        self.encoders = EncoderFactory(config.dim, relations, towers)
        self._read: dict[int, ScaledFeatures] = {}

    def tower(
        self, name: str, edge_types: list[EdgeType], modality: Modality | None = None, items: bool = True
    ) -> Tower:
        """A tower.

        :param name: of the tower.
        :param modality: what items start from; None: learned embeddings.
        :param items: whether it encodes items as candidates.
        """
        inputs = self._inputs(edge_types, modality)
        outputs = self._outputs(edge_types, modality) if items and self.config.separate_output else None
        return Tower(inputs, self._convs(name, edge_types), outputs, self.config.readout, name)

    def friends_alone(self, name: str, edge_types: list[EdgeType]) -> Tower:
        """A tower over users' own embeddings and relations among users (eq. 3)."""
        user = self.schema.user_type
        inputs = {user: IdInput(self.schema.num_nodes[user], self.config.dim, self.config.init_scale)}
        return Tower(inputs, self._convs(name, edge_types), readout=self.config.readout, name=name)

    def _convs(self, name: str, edge_types: list[EdgeType]) -> list[HeteroConv]:
        key, combine, arguments = "model.combine", self.config.combine, self.config.combine_arguments
        own = self.towers.get(name)
        if own is not None and own.combine is not None:
            key, combine, arguments = f"towers.{name}.combine", own.combine, own.combine_arguments
        elif own is not None:
            arguments = {**arguments, **own.combine_arguments}
        return [
            HeteroConv(self.encoders.layer(name, depth, edge_types), self.config.dim, combine, arguments, key)
            for depth in range(self.config.num_layers)
        ]

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
        return FeatureInput(modality, dim, scaling, ids, scale, untrained, self._features(modality))

    def _features(self, modality: Modality) -> ScaledFeatures:
        """The features, read once for all the tables that start from them."""
        if id(modality) not in self._read:
            config = self.config
            self._read[id(modality)] = read_features(
                modality, config.feature_scaling, config.feature_components
            )
        return self._read[id(modality)]
