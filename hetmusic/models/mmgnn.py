"""MM-GNN: one tower a modality over the same heterogeneous graph, combined only at the score."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from hetmusic.errors import ConfigError, did_you_mean
from hetmusic.graph.types import EdgeType, Modality
from hetmusic.models.blocks import LayeredBlocks
from hetmusic.models.call_head import call_head
from hetmusic.models.calling import check_module
from hetmusic.models.config import ModelConfig, RelationConfig, TowerConfig
from hetmusic.models.emotion import EmotionTower
from hetmusic.models.heads import Head, ScoreView, heads
from hetmusic.models.hetero_conv import HeteroConv
from hetmusic.models.inputs import FeatureInput, IdInput
from hetmusic.models.modality_dropout import draw_dropped
from hetmusic.models.plugin_spec import at_key
from hetmusic.models.relation_choice import RelationChoice
from hetmusic.models.schema import GraphSchema
from hetmusic.models.tower import Tower, l2_normalize
from hetmusic.models.tower_factory import TowerFactory

logger = logging.getLogger(__name__)

#: name of the tower that starts from learned item embeddings alone
ID_TOWER = "ids"
#: name of the tower over friendships (eq. 3)
SOCIAL_TOWER = "social"
#: key of the emotion embeddings beside those of the towers; no modality can be called so
EMOTION = "emotion tower"
#: the part of a score that ``cold_bias`` is
COLD_BIAS = "cold bias"


#: what becomes of a tower's embeddings
Keep = Callable[[Tensor], Tensor]


def _as_it_is(embeddings: Tensor) -> Tensor:
    return embeddings


class MMGNN(nn.Module):
    """The multi-modal, socially aware graph neural network (MM-GNN paper, section 4).

    :param schema: the graph's node types, edge types and modalities.
    :param config: structure.
    :param relations: encoder of each relation, by relation name; relations not named are not used.
    :param tower_config: what single towers do otherwise, by the tower's name.
    :raises ConfigError: for a relation or modality that the graph lacks, or a structure that cannot score.
    """

    def __init__(
        self,
        schema: GraphSchema,
        config: ModelConfig,
        relations: Mapping[str, RelationConfig],
        tower_config: Mapping[str, TowerConfig] | None = None,
    ) -> None:
        super().__init__()
        self.schema = schema
        self.config = config
        self.relations = dict(relations)
        self.tower_config = dict(tower_config or {})
        choice = RelationChoice(schema, config, self.relations, self.tower_config)
        factory = TowerFactory(schema, config, self.relations, self.tower_config)
        wanted = self._item_towers()
        choice.check_towers(list(wanted), SOCIAL_TOWER)
        self.towers = nn.ModuleDict()
        for name, modality in wanted.items():
            self.towers[name] = factory.tower(name, choice.of(name), modality)
        self.item_towers = list(self.towers)
        self.user_towers: list[str] = []
        if config.social_tower is True or (config.social_tower and choice.friendships(SOCIAL_TOWER)):
            self._add_social_tower(choice, factory)
        self.emotion = self._make_emotion_tower(choice)
        #: what message passing runs over: the relations that some tower reads
        self.edge_types = self._read_edge_types(choice.available)
        self.untrained: Tensor | None
        untrained = None if schema.untrained is None else torch.from_numpy(schema.untrained)
        self.register_buffer("untrained", untrained, persistent=False)
        #: items that a step of training scores without their learned vectors, bool ``(num_items,)``
        self.dropped_ids: Tensor | None = None
        num_items = schema.num_nodes[schema.item_type]
        with at_key("model.head"):
            self.head = self._make_head(num_items)
        self._head_looked_at = False
        if schema.popularity is not None:
            self.head.start_from(schema.popularity)

    @property
    def unused_edge_types(self) -> list[EdgeType]:
        """Relations of the graph that no tower reads."""
        return [edge_type for edge_type in self.schema.edge_types if edge_type not in self.edge_types]

    @property
    def modalities_read(self) -> list[str]:
        """Modalities whose features the model looks at: those with a tower, and that of the emotions."""
        names = [name for name in self.item_towers if name in self.schema.modalities]
        source = self.schema.emotions.modality if self.emotion is not None and self.schema.emotions else None
        return names if source is None or source in names else [*names, source]

    def encode_users(self, blocks: LayeredBlocks, keep: Keep = _as_it_is) -> dict[str, Tensor]:
        """User embeddings per tower, each ``(num_users in the blocks, dim)``."""
        found = {name: keep(self._run(name, blocks, self.schema.user_type, False)) for name in self.towers}
        return found if self.emotion is None else {**found, EMOTION: self.emotion.encode_users(blocks)}

    def encode_items(self, blocks: LayeredBlocks, keep: Keep = _as_it_is) -> dict[str, Tensor]:
        """Candidate embeddings per tower that encodes items, each ``(num_items in the blocks, dim)``."""
        item = self.schema.item_type
        found = {name: keep(self._run(name, blocks, item, True)) for name in self.item_towers}
        return found if self.emotion is None else {**found, EMOTION: self.emotion.encode_items(blocks, item)}

    def encode(
        self, blocks: LayeredBlocks, keep: Keep = _as_it_is
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """:meth:`encode_users` and :meth:`encode_items` of the same blocks.

        Towers whose items start from the same tables as profiles and as candidates run once for both.

        :param keep: what to do with the embeddings of a tower before the next one runs.
        """
        if self.config.separate_output:
            return self.encode_users(blocks, keep), self.encode_items(blocks, keep)
        user, item = self.schema.user_type, self.schema.item_type
        users, items = {}, {}
        for name, tower in self.towers.items():
            found = tower(blocks, [user, item] if name in self.item_towers else [user])
            users[name] = keep(found[user])
            if name in self.item_towers:
                items[name] = keep(found[item])
            del found
        if self.emotion is not None:
            users[EMOTION], items[EMOTION] = (
                self.emotion.encode_users(blocks),
                self.emotion.encode_items(blocks, item),
            )
        return users, items

    def draw_dropout(self) -> None:
        """Draw anew what training does without (``modality_dropout``, ``id_dropout``); inference always has everything."""
        if self.config.modality_dropout:
            self._drop_modalities()
        if self.config.id_dropout:
            self._drop_ids()

    def score_views(
        self, users: Mapping[str, Tensor], items: Mapping[str, Tensor], item_ids: Tensor | None
    ) -> list[ScoreView]:
        """Pairs of matrices whose inner products are scores, the final score first.

        :param users: per tower, ``(num_users, dim)``.
        :param items: per tower, ``(num_items, dim)``.
        :param item_ids: catalogue index of every item, or None for the whole catalogue.
        """
        learned = None
        if torch.is_grad_enabled() and not self._head_looked_at:
            self._head_looked_at = True
            learned = {id(parameter) for parameter in self.parameters()}
        views = call_head(self.head, users, items, self.presence(items, item_ids), item_ids, learned)
        for term in self.added_terms(users, items, item_ids).values():
            views[0] = views[0].plus(*term)
        return views

    def presence(self, items: Mapping[str, Tensor], item_ids: Tensor | None) -> dict[str, Tensor]:
        """Which items each tower can speak of, bool ``(num_items,)``; a tower that is left out can speak of all.

        :param items: as for :meth:`score_views`.
        """
        present = {}
        for name in self.item_towers:
            mask = self._presence(name)
            if mask is not None:
                present[name] = mask if item_ids is None else mask[item_ids]
            elif (nameless := self._without_ids()) is not None:
                here = nameless if item_ids is None else nameless[item_ids]
                # such an item is known to the tower by what its neighbours say, if anything
                present[name] = ~here | (items[name] != 0).any(dim=1)
        return present

    def added_terms(
        self, users: Mapping[str, Tensor], items: Mapping[str, Tensor], item_ids: Tensor | None
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """What is added to the head's score, by name: matrices of users and items whose inner products are the terms."""
        terms = {}
        if self.emotion is not None:
            terms[EMOTION] = self._emotion_term(users[EMOTION], items[EMOTION], self.emotion.beta)
        if self.config.cold_bias and self.untrained is not None:
            here = self.untrained if item_ids is None else self.untrained[item_ids]
            like = next(iter(users.values()))
            terms[COLD_BIAS] = (
                like.new_ones(len(like), 1),
                self.config.cold_bias * here.to(like.dtype)[:, None],
            )
        return terms

    def forward(self, blocks: LayeredBlocks) -> ScoreView:
        """Encode all users and items of the blocks and return the final view."""
        return self.score_views(*self.encode(blocks), None)[0]

    def _make_head(self, num_items: int) -> Head:
        if isinstance(self.config.head, Head) and self.config.head.towers != self.item_towers:
            raise ConfigError(
                f"the ready {type(self.config.head).__name__} object was made for the towers "
                f"{', '.join(self.config.head.towers)}, but the model has {', '.join(self.item_towers)}: give its class"
            )
        head = heads.make(
            self.config.head,
            towers=self.item_towers,
            user_towers=self.user_towers,
            config=self.config,
            num_items=num_items,
        )
        check_module("head", head)
        return head

    def _run(self, name: str, blocks: LayeredBlocks, ntype: str, candidates: bool) -> Tensor:
        tower = self.towers[name]
        out: dict[str, Tensor] = tower(blocks, [ntype], candidates=candidates)
        return out[ntype]

    def _presence(self, name: str) -> Tensor | None:
        tower = self.towers[name]
        assert isinstance(tower, Tower)
        present = getattr(tower.inputs[self.schema.item_type], "present", None)
        return present if isinstance(present, Tensor) else None

    def _without_ids(self) -> Tensor | None:
        """Items whose learned vectors are of no use here and now, bool ``(num_items,)``; None if there are none."""
        if not self.training or self.dropped_ids is None:
            return self.untrained
        return self.dropped_ids if self.untrained is None else self.untrained | self.dropped_ids

    def _drop_modalities(self) -> None:
        tables: dict[str, list[FeatureInput]] = {}
        for name, tower in self.towers.items():
            parts = [part for part in tower.modules() if isinstance(part, FeatureInput)]
            if parts:
                tables[name] = parts
        if not tables:
            return
        known = torch.stack([parts[0].known for parts in tables.values()])
        dropped = draw_dropped(known, self.config.modality_dropout)
        for row, parts in zip(dropped, tables.values(), strict=True):
            for part in parts:
                part.dropped = row

    def _drop_ids(self) -> None:
        """Items as candidates lose their vectors; in users' profiles they keep them, for there nobody meets new items."""
        num_items = self.schema.num_nodes[self.schema.item_type]
        self.dropped_ids = (torch.rand(num_items) < self.config.id_dropout).to(self.head.weights.device)
        for name in self.item_towers:
            tower = self.towers[name]
            assert isinstance(tower, Tower)
            tables = tower.inputs if tower.outputs is None else tower.outputs
            for part in tables[self.schema.item_type].modules():
                if isinstance(part, IdInput):
                    part.dropped = self.dropped_ids

    def _emotion_term(self, users: Tensor, items: Tensor, beta: Tensor) -> tuple[Tensor, Tensor]:
        """beta · <z_u, z_i>."""
        if self.config.head != "paper" and self.config.score == "cosine":
            users, items = l2_normalize(users), l2_normalize(items) / self.config.temperature
        return users, beta * items

    def _read_edge_types(self, available: list[EdgeType]) -> list[EdgeType]:
        read = {t for part in self.modules() if isinstance(part, HeteroConv) for t in part.edge_types}
        read |= set() if self.emotion is None else set(self.emotion.edge_types)
        return [edge_type for edge_type in available if edge_type in read]

    def _item_towers(self) -> dict[str, Modality | None]:
        known = self.schema.modalities
        wanted = list(known) if self.config.modalities == "all" else self.config.modalities
        alone = self.config.id_tower == "auto" and not wanted
        if alone:
            logger.info("no modality towers: the items are told apart by learned embeddings alone")
        towers: dict[str, Modality | None] = {}
        if self.config.id_tower is True or alone:
            numbers = ["", *map(str, range(2, self.config.id_towers + 1))]
            towers = {ID_TOWER + number: None for number in numbers}
        for name in wanted:
            if name not in known:
                raise ConfigError(
                    f"the graph has no modality {name!r} for {self.schema.item_type}{did_you_mean(name, known)}; "
                    f"it has {', '.join(known) or 'none'}"
                )
            if name == SOCIAL_TOWER or name.rstrip("0123456789") == ID_TOWER:
                raise ConfigError(
                    f"a modality may not be called {name!r}: that is the name of a built-in tower"
                )
            towers[name] = known[name]
        if not towers:
            raise ConfigError(
                "id_tower = false, and the graph has no modalities: no tower is left to score items"
            )
        return towers

    def _add_social_tower(self, choice: RelationChoice, factory: TowerFactory) -> None:
        """The social tower reads friendships and, unless users have embeddings of their own, what they listened to."""
        social = choice.friendships(SOCIAL_TOWER)
        if not social:
            raise ConfigError("social_tower = true, but no user-user relation (such as friends) is used")
        paper = self.config.head == "paper"  # which has no use for a tower that encodes items without content
        if paper and not self.config.inductive_users:
            self.towers[SOCIAL_TOWER] = factory.friends_alone(SOCIAL_TOWER, social)
        else:
            read = [*social, *choice.profiles(SOCIAL_TOWER)]
            self.towers[SOCIAL_TOWER] = factory.tower(SOCIAL_TOWER, read, items=not paper)
        (self.user_towers if paper else self.item_towers).append(SOCIAL_TOWER)

    def _make_emotion_tower(self, choice: RelationChoice) -> EmotionTower | None:
        config, emotions = self.config, self.schema.emotions
        profiles = choice.profiles(EMOTION)
        if not config.emotion or (config.emotion == "auto" and (emotions is None or not profiles)):
            return None
        if emotions is None:
            raise ConfigError(
                f"emotion = true, but the graph knows no emotion of any {self.schema.item_type}: neither valence and "
                "arousal nor words (evokes)"
            )
        if not profiles:
            raise ConfigError("emotion = true needs a relation from items to users (such as liked_by)")
        friendships = choice.friendships(EMOTION) if config.emotion_community else []
        if friendships and config.num_layers < 2:
            raise ConfigError(
                "emotion_community = true needs num_layers of 2 or more: what friends play is two steps away"
            )
        beta = None if config.emotion_beta == "learned" else float(config.emotion_beta)
        return EmotionTower(
            emotions,
            config.emotion_dim,
            profiles,
            friendships,
            config.separate_output,
            beta,
            config.init_scale,
        )
