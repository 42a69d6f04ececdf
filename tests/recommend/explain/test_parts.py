"""Parts of scores, by hand and over random models."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hetmusic.models import MMGNN, GraphSchema, ModelConfig, RelationConfig
from hetmusic.models.heads import LateHead, PaperHead
from hetmusic.recommend.explain.decompose import over_relations, over_towers, relation_names
from hetmusic.recommend.explain.encoding import Encoder
from hetmusic.recommend.explain.facts import Deletion, Pairs
from hetmusic.relations import RelationBlock
from tests.blocks import FRIENDS, LIKED_BY, LIKES, TAG_OF
from tests.recommend.explain.small_models import (
    NUM,
    SIMILAR,
    SONGS,
    USERS,
    random_encoder,
    scores,
    tensors_of,
)

ROWS, COLUMNS = (part.ravel() for part in np.meshgrid(np.arange(USERS), np.arange(SONGS), indexing="ij"))

#: what is drawn of a model
MODELS = st.fixed_dictionaries(
    {
        "head": st.sampled_from(["late", "paper"]),
        "score": st.sampled_from(["cosine", "inner"]),
        "num_layers": st.integers(1, 3),
        "combine": st.sampled_from(["sum", "mean", "max", "attention", "semantic"]),
        "inductive_users": st.booleans(),
        "separate_output": st.booleans(),
        "id_embedding": st.booleans(),
        "item_bias": st.booleans(),
        "cold_bias": st.sampled_from([0.0, -1.5]),
        "emotion": st.booleans(),
        "social_tower": st.booleans(),
        "tower_weights": st.sampled_from(["learned", "equal", {"audio": 3.0, "others": 1.0}]),
        "modalities": st.sampled_from([["audio"], ["audio", "text"]]),
        "id_towers": st.integers(1, 2),
    }
)
READ = ("mean", "sum", "lightgcn", "gated", "sage", "gat")
ENCODERS = st.fixed_dictionaries(
    {name: st.sampled_from(READ) for name in ("liked_by", "friends", "tag_of")},
    optional={name: st.sampled_from(READ) for name in ("likes", "similar_to")},
)


def stub_heads(head, present=None) -> Encoder:
    """Something to explain that is a head alone."""
    model = SimpleNamespace(
        item_towers=head.towers,
        user_towers=[],
        head=head,
        presence=lambda *_: present or {},
        added_terms=lambda *_: {},
    )
    return SimpleNamespace(model=model)


def one(value: float) -> torch.Tensor:
    return torch.tensor([[value]])


class TestByHand:
    NOBODY = np.zeros(1, np.int64)

    def test_towers_of_the_papers_head(self):
        head = PaperHead(["a", "b"], [], ModelConfig(dim=1, head="paper", tower_weights="equal"), 1)
        with torch.no_grad():
            head.fuse.weight.fill_(1.0)
        third = float(np.log(3))  # sigmoid(log 3) = 3/4, sigmoid(-log 3) = 1/4
        users, items = {"a": one(third), "b": one(-third)}, {"a": one(2.0), "b": one(4.0)}
        found = over_towers(stub_heads(head), users, items, self.NOBODY, self.NOBODY, self.NOBODY)
        # v = 0 of nothing, 3/4 · 2/2 of a, 1/4 · 4/2 of b, sigmoid(0) · (1 + 2) of both
        assert found.base == pytest.approx([0])
        assert found.contributions[:, 0] == pytest.approx([(0.75 + 1.0) / 2, (0.5 + 0.75) / 2])

    def test_towers_of_the_late_head(self):
        config = ModelConfig(dim=1, temperature=0.5, tower_weights={"a": 3.0, "b": 1.0}, item_bias=True)
        head = LateHead(["a", "b"], [], config, 1)
        with torch.no_grad():
            head.bias.fill_(0.7)
        users, items = {"a": one(2.0), "b": one(-5.0)}, {"a": one(3.0), "b": one(4.0)}
        found = over_towers(stub_heads(head), users, items, self.NOBODY, self.NOBODY, self.NOBODY)
        # cosines 1 and -1, divided by 0.5, times 3/4 and 1/4
        assert found.parts(0).contributions == pytest.approx({"a": 1.5, "item bias": 0.7, "b": -0.5})
        assert list(found.parts(0).contributions) == ["a", "item bias", "b"]
        lacking = stub_heads(head, {"a": torch.tensor([False])})
        found = over_towers(lacking, users, items, self.NOBODY, self.NOBODY, self.NOBODY)
        assert found.parts(0).contributions == pytest.approx({"b": -2.0, "item bias": 0.7, "a": 0.0})

    def by_hand(self) -> Encoder:
        """User 0 plays song 0; tag 0 is on songs 0 and 1. Vectors: (1, 0), (0, 1), tag (0, 2)."""
        schema = GraphSchema({"user": 1, "song": 2, "tag": 1}, (LIKED_BY, TAG_OF), "user", "song")
        config = ModelConfig(dim=2, score="inner", readout="sum", separate_output=False)
        model = MMGNN(schema, config, {"liked_by": RelationConfig(), "tag_of": RelationConfig()}).eval()
        with torch.no_grad():
            model.towers["ids"].inputs["song"].table.copy_(torch.eye(2))
            model.towers["ids"].inputs["tag"].table.copy_(torch.tensor([[0.0, 2.0]]))
        index = torch.tensor
        blocks = {
            LIKED_BY: RelationBlock.from_coo(LIKED_BY, index([0]), index([0]), 2, 1),
            TAG_OF: RelationBlock.from_coo(TAG_OF, index([0, 0]), index([0, 1]), 1, 2),
        }
        tensors = tensors_of(blocks)
        tensors.num_nodes = schema.num_nodes
        return Encoder(model, tensors)

    def test_relations_that_are_worth_something_together_alone(self):
        encoder = self.by_hand()
        users = encoder.neighbourhood("user", self.NOBODY)
        items = encoder.neighbourhood("song", np.array([1]))
        found = over_relations(encoder, users, items, self.NOBODY, self.NOBODY)
        # z_u = (1, 0) + (0, 2) with both relations, (1, 0) without tags, 0 without plays;
        # z_i = (0, 1) + (0, 2), or (0, 1) without tags: 6, 0, 0 and 0
        assert found.base == pytest.approx([0])
        assert found.parts(0).contributions == pytest.approx({"liked_by": 3.0, "tag_of": 3.0})

    def test_what_the_score_falls_by(self):
        encoder = self.by_hand()
        pairs = Pairs(self.NOBODY, np.array([1]), self.NOBODY, self.NOBODY)
        vectors = (
            encoder.encode(encoder.neighbourhood("user", pairs.users)),
            encoder.encode(encoder.neighbourhood("song", pairs.items)),
        )
        deletion = Deletion(encoder, pairs, *vectors)
        of_users, of_items = deletion.single()
        # without the play the user is nobody; without its tag the song is (0, 1), and 2 is left of the score
        assert of_users[0] == pytest.approx([6])
        assert of_items[0] == pytest.approx([4])
        assert deletion.joint(self.NOBODY, [[0]], [[0]]) == pytest.approx([6])
        assert deletion.joint(self.NOBODY, [[]], [[0]]) == pytest.approx([4])
        assert deletion.joint(self.NOBODY, [[]], [[]]) == pytest.approx([0])


class TestRandomModels:
    @settings(max_examples=25, deadline=None)
    @given(MODELS, ENCODERS, st.integers(0, 1000))
    def test_base_and_contributions_are_the_score(self, config, encoders, seed):
        encoder = random_encoder(seed, encoders, **self.sound(config))
        expected = scores(encoder)[ROWS, COLUMNS]
        users = encoder.neighbourhood("user", np.arange(USERS))
        items = encoder.neighbourhood("song", np.arange(SONGS))
        vectors = encoder.encode(users), encoder.encode(items)
        towers = over_towers(encoder, *vectors, np.arange(SONGS), ROWS, COLUMNS)
        near = pytest.approx(expected, abs=1e-5 * max(1.0, np.abs(expected).max()))
        assert towers.total == near
        relations = over_relations(encoder, users, items, ROWS, COLUMNS)
        assert relations.total == near
        empty = scores(encoder, {t: list(range(b.num_edges)) for t, b in encoder.tensors.blocks.items()})
        assert relations.base == pytest.approx(empty[ROWS, COLUMNS], abs=1e-4)
        if encoder.model.head.additive:
            encoder.model.head.additive = False
            enumerated = over_towers(encoder, *vectors, np.arange(SONGS), ROWS, COLUMNS)
            scale = max(1.0, np.abs(expected).max())
            np.testing.assert_allclose(enumerated.contributions, towers.contributions, atol=1e-5 * scale)

    @settings(max_examples=15, deadline=None)
    @given(MODELS, ENCODERS, st.integers(0, 1000))
    def test_effects_are_those_of_taking_edges_out_of_the_graph(self, config, encoders, seed):
        # nobody hears the users or the songs, and no batch counts: there is no echo
        config = self.sound(config) | {"inductive_users": True, "num_layers": min(config["num_layers"], 2)}
        config["combine"] = "sum" if config["combine"] == "semantic" else config["combine"]
        quiet = {name: encoder for name, encoder in encoders.items() if name not in ("likes", "similar_to")}
        encoder = random_encoder(seed, quiet, **config)
        pairs = Pairs(np.arange(USERS), np.arange(SONGS), ROWS, COLUMNS)
        vectors = (
            encoder.encode(encoder.neighbourhood("user", pairs.users)),
            encoder.encode(encoder.neighbourhood("song", pairs.items)),
        )
        deletion = Deletion(encoder, pairs, *vectors)
        of_users, of_items = deletion.single()
        whole = scores(encoder)
        plays = encoder.tensors.blocks[LIKED_BY]
        played = set(zip(plays.dst_index.tolist(), plays.src_index.tolist(), strict=True))
        near = {"abs": 1e-4 * max(1.0, np.abs(whole).max())}
        for facts, effects, places in (
            (deletion.user_facts, of_users, ROWS),
            (deletion.item_facts, of_items, COLUMNS),
        ):
            for fact in range(0, len(facts.owner), 5):
                owner = facts.owner[fact]
                edge_type = facts.edge_types[facts.relation[fact]]
                without = scores(encoder, {edge_type: [int(facts.edge[fact])]})
                for pair in np.flatnonzero(places == owner):
                    if facts is deletion.item_facts and (ROWS[pair], COLUMNS[pair]) in played:
                        continue  # the user hears what is known about a song that it plays
                    expected = whole[ROWS[pair], COLUMNS[pair]] - without[ROWS[pair], COLUMNS[pair]]
                    assert effects[pair][fact - facts.start[owner]] == pytest.approx(expected, **near)

    @staticmethod
    def sound(config):
        """The drawn configuration without what the model would refuse."""
        community = config["num_layers"] > 1
        return {**config, "emotion_community": community, "temperature": 0.5}


def test_facts_are_edges_that_the_model_reads():
    encoder = random_encoder(0, {"liked_by": "mean", "likes": "mean", "tag_of": "mean", "similar_to": "mean"})
    assert encoder.reaching["user"] == [LIKED_BY, LIKES, TAG_OF, SIMILAR]
    assert encoder.reaching["song"] == [LIKES, TAG_OF, SIMILAR] or LIKED_BY in encoder.reaching["song"]


def test_relations_of_one_name_are_told_apart():
    named = relation_names([LIKED_BY, SIMILAR, ("artist", "similar_to", "artist"), FRIENDS])
    assert named == ["liked_by", "song similar_to song", "artist similar_to artist", "friends"]
    assert relation_names([LIKES]) == ["likes"]
    assert NUM["user"] == USERS


def test_friends_behind_a_closed_gate_are_no_evidence():
    encoder = random_encoder(1, {"liked_by": "mean", "friends": "gated"}, num_layers=2)
    pairs = Pairs(np.arange(USERS), np.arange(SONGS), ROWS, COLUMNS)
    for bias, heard in ((3.0, True), (-1e4, False)):
        with torch.no_grad():
            for name, parameter in encoder.model.named_parameters():
                if name.endswith("gate.bias"):
                    parameter.fill_(bias)
        vectors = (
            encoder.encode(encoder.neighbourhood("user", pairs.users)),
            encoder.encode(encoder.neighbourhood("song", pairs.items)),
        )
        deletion = Deletion(encoder, pairs, *vectors)
        of_users, _ = deletion.single()
        friends = deletion.user_facts.relation == deletion.user_facts.edge_types.index(FRIENDS)
        effects = np.concatenate([of_users[row * SONGS] for row in range(USERS)])
        assert (np.abs(effects[friends]).max() > 1e-3) == heard
        assert np.abs(effects[~friends]).max() > 1e-3
