"""MM-GNN: one tower a modality over the same heterogeneous graph, combined only at the score."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import torch
from torch import Tensor, nn

from hetmusic.errors import ConfigError, did_you_mean
from hetmusic.graph.types import EdgeType, Modality
from hetmusic.models.blocks import LayeredBlocks
from hetmusic.models.config import ModelConfig, RelationConfig
from hetmusic.models.heads import ScoreView, heads
from hetmusic.models.hetero_conv import HeteroConv
from hetmusic.models.inputs import FeatureInput, IdInput, NodeInput
from hetmusic.models.tower import Tower
from hetmusic.relations import relation_encoders
from kg_schema.ontology import Ontology

logger = logging.getLogger(__name__)

#: name of the tower that starts from learned item embeddings alone
ID_TOWER = "ids"
#: name of the tower over friendships (eq. 3)
SOCIAL_TOWER = "social"


@dataclass(frozen=True)
class GraphSchema:
    """What a model must know of a graph to be built: its shape, not its edges."""

    #: number of nodes of each type
    num_nodes: Mapping[str, int]
    #: every edge type that message passing may use, inverses included
    edge_types: tuple[EdgeType, ...]
    user_type: str
    item_type: str
    #: modalities of the recommended node type
    modalities: Mapping[str, Modality] = field(default_factory=dict)


class MMGNN(nn.Module):
    """The multi-modal, socially aware graph neural network (MM-GNN paper, section 4).

    :param schema: the graph's node types, edge types and modalities.
    :param config: structure.
    :param relations: encoder of each relation, by relation name; relations not named are not used.
    :raises ConfigError: for a relation or modality that the graph lacks, or a structure that cannot score.
    """

    def __init__(
        self, schema: GraphSchema, config: ModelConfig, relations: Mapping[str, RelationConfig]
    ) -> None:
        super().__init__()
        self.schema = schema
        self.config = config
        self.relations = {name: relation for name, relation in relations.items() if relation.use}
        self.edge_types = self._used_edge_types()
        self.towers = nn.ModuleDict()
        for name, modality in self._item_towers().items():
            self.towers[name] = self._make_tower(modality)
        self.item_towers = list(self.towers)
        self.user_towers: list[str] = []
        if config.social_tower:
            self._add_social_tower()
        num_items = schema.num_nodes[schema.item_type]
        self.head = heads.make(
            config.head,
            towers=self.item_towers,
            user_towers=self.user_towers,
            config=config,
            num_items=num_items,
        )

    @property
    def unused_edge_types(self) -> list[EdgeType]:
        """Relations of the graph that no tower reads."""
        return [edge_type for edge_type in self.schema.edge_types if edge_type not in self.edge_types]

    def encode_users(self, blocks: LayeredBlocks) -> dict[str, Tensor]:
        """User embeddings per tower, each ``(num_users in the blocks, dim)``."""
        return {name: self._run(name, blocks, self.schema.user_type, False) for name in self.towers}

    def encode_items(self, blocks: LayeredBlocks) -> dict[str, Tensor]:
        """Candidate embeddings per tower that encodes items, each ``(num_items in the blocks, dim)``."""
        return {name: self._run(name, blocks, self.schema.item_type, True) for name in self.item_towers}

    def score_views(
        self, users: Mapping[str, Tensor], items: Mapping[str, Tensor], item_ids: Tensor | None
    ) -> list[ScoreView]:
        """Pairs of matrices whose inner products are scores, the final score first.

        :param users: per tower, ``(num_users, dim)``.
        :param items: per tower, ``(num_items, dim)``.
        :param item_ids: catalogue index of every item, or None for the whole catalogue.
        """
        present = {}
        for name in self.item_towers:
            mask = self._presence(name)
            if mask is not None:
                present[name] = mask if item_ids is None else mask[item_ids]
        views: list[ScoreView] = self.head(users, items, present, item_ids)
        return views

    def forward(self, blocks: LayeredBlocks) -> ScoreView:
        """Encode all users and items of the blocks and return the final view."""
        return self.score_views(self.encode_users(blocks), self.encode_items(blocks), None)[0]

    def _run(self, name: str, blocks: LayeredBlocks, ntype: str, candidates: bool) -> Tensor:
        tower = self.towers[name]
        out: dict[str, Tensor] = tower(blocks, [ntype], candidates=candidates)
        return out[ntype]

    def _presence(self, name: str) -> Tensor | None:
        tower = self.towers[name]
        assert isinstance(tower, Tower)
        present = getattr(tower.inputs[self.schema.item_type], "present", None)
        return present if isinstance(present, Tensor) else None

    def _used_edge_types(self) -> list[EdgeType]:
        known = {edge_type.relation for edge_type in self.schema.edge_types}
        ontology = _ontology_relations() | known
        for name in self.relations:
            if name not in ontology:
                raise ConfigError(f"unknown relation {name!r}{did_you_mean(name, ontology)}")
            if name not in known:  # presets name relations that not every graph has
                logger.info("relation not in graph: relation=%s", name)
        used = [edge_type for edge_type in self.schema.edge_types if edge_type.relation in self.relations]
        if not used:
            raise ConfigError(
                f"none of the relations {', '.join(self.relations) or '(none given)'} is in the graph, "
                f"which has {', '.join(sorted(known))}"
            )
        if self.config.inductive_users and not any(t.dst == self.schema.user_type != t.src for t in used):
            raise ConfigError(
                "inductive_users = true needs a relation from other nodes to users (such as liked_by), "
                f"but only {', '.join(sorted({t.relation for t in used}))} is used"
            )
        return used

    def _item_towers(self) -> dict[str, Modality | None]:
        known = self.schema.modalities
        wanted = list(known) if self.config.modalities == "all" else self.config.modalities
        towers: dict[str, Modality | None] = {ID_TOWER: None} if self.config.id_tower else {}
        for name in wanted:
            if name not in known:
                raise ConfigError(
                    f"the graph has no modality {name!r} for {self.schema.item_type}{did_you_mean(name, known)}; "
                    f"it has {', '.join(known) or 'none'}"
                )
            if name in {ID_TOWER, SOCIAL_TOWER}:
                raise ConfigError(
                    f"a modality may not be called {name!r}: that is the name of a built-in tower"
                )
            towers[name] = known[name]
        if not towers:
            raise ConfigError(
                "id_tower = false, and the graph has no modalities: no tower is left to score items"
            )
        return towers

    def _make_tower(self, modality: Modality | None) -> Tower:
        edge_types = self.edge_types
        inputs = self._inputs(edge_types, modality)
        outputs = self._outputs(edge_types, modality) if self.config.separate_output else None
        return Tower(inputs, self._convs(edge_types), outputs)

    def _add_social_tower(self) -> None:
        """The paper's head wants friends alone over users' own embeddings; a tower that scores needs songs too."""
        user = self.schema.user_type
        social = [t for t in self.edge_types if t.src == t.dst == user]
        if not social:
            raise ConfigError("social_tower = true, but no user-user relation (such as friends) is used")
        if self.config.head == "paper":
            inputs = {user: IdInput(self.schema.num_nodes[user], self.config.dim, self.config.init_scale)}
            self.towers[SOCIAL_TOWER] = Tower(inputs, self._convs(social))
            self.user_towers.append(SOCIAL_TOWER)
            return
        ends = {user, self.schema.item_type}
        edge_types = [*social, *(t for t in self.edge_types if t.dst == user and {t.src, t.dst} == ends)]
        outputs = self._outputs(edge_types, None) if self.config.separate_output else None
        self.towers[SOCIAL_TOWER] = Tower(self._inputs(edge_types, None), self._convs(edge_types), outputs)
        self.item_towers.append(SOCIAL_TOWER)

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
        if modality is None:
            return IdInput(self.schema.num_nodes[ntype], dim, scale)
        return FeatureInput(modality, dim, self.config.feature_scaling, self.config.id_embedding, scale)


@cache
def _ontology_relations() -> frozenset[str]:
    """Names of every relation of the music ontology, in both directions."""
    relations = Ontology.load().relations.values()
    return frozenset(name for r in relations for name in (r.name, r.inverse) if name)


def final_embeddings(model: MMGNN, blocks: LayeredBlocks) -> tuple[Tensor, Tensor]:
    """Matrices whose inner products are the final scores of all users and items, on the CPU.

    :param blocks: the whole training graph (see :func:`~hetmusic.models.blocks.full_graph_blocks`).
    :return: ``(num_users, d)`` and ``(num_items, d)``, float32.
    """
    was_training = model.training
    model.eval()
    with torch.no_grad():
        view = model(blocks)
    model.train(was_training)
    return view.users.float().cpu(), view.items.float().cpu()
