"""Towers, their layer-0 inputs and readout against values computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from hetmusic.errors import ConfigError
from hetmusic.graph.types import Modality
from hetmusic.models.inputs import FeatureInput, IdInput
from hetmusic.models.scaling import scaled_features
from hetmusic.models.tower import Tower
from tests.blocks import LIKED_BY, LIKES, TAG_OF
from tests.models.small_graph import AUDIO, BLOCKS, mean_matrix, model, whole


class TestReadout:
    def test_users_without_input_are_the_weighted_sum_of_their_layers(self):
        net = model(["liked_by", "tag_of"], separate_output=False)
        tower = net.towers["ids"]
        songs, tags = tower.inputs["song"].table, tower.inputs["tag"].table
        liked, tagged = mean_matrix(BLOCKS[LIKED_BY]), mean_matrix(BLOCKS[TAG_OF])
        # layer 1: users hear of songs, songs of tags; layer 2: users hear of what songs were told
        expected = liked @ songs / 2 + liked @ (tagged @ tags) / 3
        assert torch.allclose(net.encode_users(whole())["ids"], expected, atol=1e-6)
        by_hand = (
            songs + tagged @ tags / 2
        )  # at layer 2 the tags, whom nobody told anything, have nothing to say
        assert torch.allclose(net.encode_items(whole())["ids"], by_hand, atol=1e-6)

    def test_layers_may_count_alike(self):
        net = model(["liked_by", "tag_of"], separate_output=False, readout="sum")
        tower = net.towers["ids"]
        songs, tags = tower.inputs["song"].table, tower.inputs["tag"].table
        liked, tagged = mean_matrix(BLOCKS[LIKED_BY]), mean_matrix(BLOCKS[TAG_OF])
        expected = liked @ (songs + tagged @ tags)
        assert torch.allclose(net.encode_users(whole())["ids"], expected, atol=1e-6)
        assert torch.allclose(net.encode_items(whole())["ids"], songs + tagged @ tags, atol=1e-6)

    def test_bipartite_propagation_of_the_paper(self):
        net = model(["likes", "liked_by"], inductive_users=False, separate_output=False)
        tower = net.towers["ids"]
        users, songs = tower.inputs["user"].table, tower.inputs["song"].table
        to_users, to_songs = mean_matrix(BLOCKS[LIKED_BY]), mean_matrix(BLOCKS[LIKES])
        u1, s1 = to_users @ songs, to_songs @ users
        u2, s2 = to_users @ s1, to_songs @ u1
        assert torch.allclose(net.encode_users(whole())["ids"], users + u1 / 2 + u2 / 3, atol=1e-6)
        assert torch.allclose(net.encode_items(whole())["ids"], songs + s1 / 2 + s2 / 3, atol=1e-6)

    def test_separate_output_tables_are_used_for_candidates_alone(self):
        net = model(separate_output=True)
        tower = net.towers["ids"]
        assert torch.equal(net.encode_items(whole())["ids"], tower.outputs["song"].table)
        expected = mean_matrix(BLOCKS[LIKED_BY]) @ tower.inputs["song"].table / 2
        assert torch.allclose(net.encode_users(whole())["ids"], expected, atol=1e-6)

    def test_what_nothing_depends_on_is_not_computed(self):
        net = model(["liked_by", "friends"])
        tower = net.towers["ids"]
        plan = tower._plan(whole(), ["song"])
        assert [relations for _, relations in plan] == [set(), set(), set()]


class TestInputs:
    def test_absent_features_take_the_learned_vector(self):
        layer = FeatureInput(AUDIO, 4, "none")
        out = layer(None)
        assert torch.equal(out[2], layer.absent)
        assert torch.equal(out[6], layer.absent)
        assert torch.allclose(out[1], layer.project(torch.tensor([3.0, 4.0, 5.0])))
        assert torch.equal(layer(torch.tensor([2, 1])), out[[2, 1]])

    def test_id_embedding_is_added(self):
        layer = FeatureInput(AUDIO, 4, "none", id_embedding=True)
        assert torch.equal(layer(None)[2], layer.absent + layer.ids.table[2])

    def test_standard_scaling_looks_at_present_nodes_alone(self):
        values, present = scaled_features(AUDIO, "standard")
        kept = values[present]
        assert torch.allclose(kept.mean(0), torch.zeros(3), atol=1e-6)
        assert torch.allclose(kept.std(0, correction=0), torch.ones(3), atol=1e-6)
        assert values[2].tolist() == [0, 0, 0]

    def test_l2_scaling(self):
        values, present = scaled_features(AUDIO, "l2")
        assert torch.allclose(values[present].norm(dim=1), torch.ones(5))

    def test_constant_feature_becomes_zero(self):
        constant = Modality(np.full((3, 1), 127.3), np.ones(3, bool))
        assert scaled_features(constant, "standard")[0].tolist() == [[0], [0], [0]]

    def test_features_are_not_saved_with_the_weights(self):
        net = model(modalities={"audio": AUDIO})
        assert not any("features" in name for name in net.state_dict())


def test_tower_needs_as_many_layers_as_blocks():
    net = model()
    assert isinstance(net.towers["ids"], Tower)
    assert isinstance(net.towers["ids"].inputs["song"], IdInput)
    with pytest.raises(ValueError, match="zip"):
        net.encode_users(whole(3))


def test_features_of_unit_length():
    values, present = scaled_features(AUDIO, "unit")
    standard, _ = scaled_features(AUDIO, "standard")
    assert torch.allclose(values, standard / math.sqrt(3))
    assert math.isclose(values[present].square().sum(dim=1).mean(), 1.0, rel_tol=1e-5)


def test_several_towers_without_content():
    net = model(id_towers=3)
    assert net.item_towers == ["ids", "ids2", "ids3"]
    users, items = net.encode_users(whole()), net.encode_items(whole())
    views = net.score_views(users, items, None)
    own = torch.stack([view.users @ view.items.T for view in views[1:]])
    assert not torch.allclose(own[0], own[1])
    assert torch.allclose(views[0].users @ views[0].items.T, own.mean(dim=0), atol=1e-5)
    with pytest.raises(ConfigError, match="may not be called 'ids2'"):
        model(modalities={"ids2": AUDIO})
