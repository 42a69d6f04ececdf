"""Towers, readout, heads and MM-GNN against values computed by hand."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from hetmusic.errors import ConfigError
from hetmusic.graph.types import Modality
from hetmusic.models import MMGNN, GraphSchema, LayeredBlocks, ModelConfig, RelationConfig, full_graph_blocks
from hetmusic.models.heads import LateHead, PaperHead
from hetmusic.models.inputs import FeatureInput, IdInput
from hetmusic.models.scaling import scaled_features
from hetmusic.models.tower import Tower
from hetmusic.relations import RelationBlock
from tests.blocks import FRIENDS, LIKED_BY, LIKES, TAG_OF, fake_cuda, needs_cuda_build, random_block

NUM = {"user": 5, "song": 7, "tag": 3}
BLOCKS = {
    LIKED_BY: random_block(7, 5, 12, edge_type=LIKED_BY),
    LIKES: random_block(5, 7, 12, edge_type=LIKES),
    TAG_OF: random_block(3, 7, 8, edge_type=TAG_OF),
    FRIENDS: random_block(5, 5, 8, edge_type=FRIENDS),
}
AUDIO = Modality(
    np.arange(21, dtype=np.float32).reshape(7, 3), np.array([True, True, False, True, True, True, False])
)


def schema(**modalities):
    return GraphSchema(NUM, tuple(BLOCKS), "user", "song", modalities)


def model(relations=("liked_by",), modalities=None, encoder="mean", **config):
    torch.manual_seed(0)
    chosen = {name: RelationConfig(encoder=encoder) for name in relations}
    return MMGNN(schema(**(modalities or {})), ModelConfig(**{"dim": 4, **config}), chosen)


def whole(layers=2):
    return full_graph_blocks(BLOCKS, NUM, layers)


def dense(block):
    out = torch.zeros(block.num_dst, block.num_src)
    out[block.dst_index, block.src_index] = 1
    return out


def mean_matrix(block):
    matrix = dense(block)
    return matrix / matrix.sum(1, keepdim=True).clamp(min=1)


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


class TestHeads:
    present: ClassVar = {"audio": torch.tensor([True, False])}
    users: ClassVar = {"ids": torch.tensor([[3.0, 4.0]]), "audio": torch.tensor([[0.0, 2.0]])}
    items: ClassVar = {
        "ids": torch.tensor([[1.0, 0.0], [0.0, 1.0]]),
        "audio": torch.tensor([[0.0, 5.0], [7.0, 0.0]]),
    }

    def head(self, cls, **config):
        head = cls(["ids", "audio"], [], ModelConfig(dim=2, **config), 2)
        with torch.no_grad():
            head.weights.copy_(torch.tensor([0.0, math.log(3.0)]))
        return head

    def test_late_score_is_the_convex_combination_of_tower_scores(self):
        views = self.head(LateHead, temperature=0.5)(self.users, self.items, self.present, None)
        final, ids, audio = views
        assert [view.name for view in views] == ["final", "ids", "audio"]
        assert torch.allclose(ids.users @ ids.items.T, torch.tensor([[0.6 / 0.5, 0.8 / 0.5]]))
        assert torch.allclose((audio.users @ audio.items.T)[0, 0], torch.tensor(1 / 0.5))
        # song 0 has both (weights 1/4 and 3/4); song 1 lacks audio, so its ids score counts alone
        expected = torch.tensor([[0.25 * 1.2 + 0.75 * 2.0, 1.6]])
        assert torch.allclose(final.users @ final.items.T, expected)

    def test_weights_are_renormalised_over_present_towers(self):
        weights = self.head(LateHead).tower_weights(self.present, 2)
        assert torch.allclose(weights, torch.tensor([[0.25, 0.75], [1.0, 0.0]]))

    def test_weights_are_renormalised_across_wide_gaps(self):
        head = self.head(LateHead)
        with torch.no_grad():
            head.weights.copy_(torch.tensor([0.0, -40.0]))
        without_ids = {"ids": torch.tensor([False, True])}
        assert torch.allclose(head.tower_weights(without_ids, 2), torch.tensor([[0.0, 1.0], [1.0, 0.0]]))

    def test_equal_weights_stay_equal(self):
        head = LateHead(["ids", "audio"], [], ModelConfig(dim=2, tower_weights="equal"), 2)
        views = head(self.users, self.items, self.present, None)
        assert not head.weights.requires_grad
        # song 0: the mean of 0.6 and 1, divided by the temperature of 0.1; song 1 lacks audio
        assert torch.allclose(views[0].users @ views[0].items.T, torch.tensor([[8.0, 8.0]]))

    def test_given_weights_count_in_their_proportions(self):
        config = ModelConfig(dim=2, tower_weights={"audio": 3.0, "others": 1.0})
        head = LateHead(["ids", "audio"], [], config, 2)
        assert not head.weights.requires_grad
        assert torch.allclose(head.tower_weights(self.present, 2), torch.tensor([[0.25, 0.75], [1.0, 0.0]]))

    def test_a_weight_for_no_tower_is_refused(self):
        with pytest.raises(ConfigError, match=r"there is no tower 'adio'.*did you mean 'audio'"):
            LateHead(["ids", "audio"], [], ModelConfig(dim=2, tower_weights={"adio": 1, "ids": 1}), 2)

    def test_a_tower_without_weight_is_refused(self):
        with pytest.raises(ConfigError, match="no weight is given for audio"):
            LateHead(["ids", "audio"], [], ModelConfig(dim=2, tower_weights={"ids": 1}), 2)

    def test_a_weight_of_nothing_is_refused(self):
        with pytest.raises(ValueError, match="weight of tower ids must be positive, not 0"):
            ModelConfig(tower_weights={"ids": 0, "audio": 1})

    def test_song_without_any_tower_scores_zero(self):
        nothing = {name: torch.tensor([False, True]) for name in ("ids", "audio")}
        views = self.head(LateHead)(self.users, self.items, nothing, None)
        scores = (views[0].users @ views[0].items.T).tolist()
        assert scores[0][0] == 0.0
        assert scores[0][1] != 0.0

    def test_paper_head_is_equations_4_and_5(self):
        head = self.head(PaperHead)
        with torch.no_grad():
            head.fuse.weight.copy_(torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, -1.0]]))
        final, *towers = head(self.users, self.items, self.present, None)
        assert [view.name for view in towers] == ["ids", "audio"]
        sigmoid = [1 / (1 + math.exp(-3)), 1 / (1 + math.exp(2))]
        assert torch.allclose(final.users, torch.tensor([sigmoid]))
        assert torch.allclose(final.items, torch.tensor([[0.25, 0.75 * 5], [0.0, 1.0]]))

    def test_item_bias_is_part_of_the_inner_product(self):
        head = self.head(LateHead, item_bias=True)
        with torch.no_grad():
            head.bias.copy_(torch.tensor([10.0, 20.0]))
        plain = self.head(LateHead)(self.users, self.items, self.present, None)[0]
        for ids, bias in ((None, [10.0, 20.0]), (torch.tensor([1, 0]), [20.0, 10.0])):
            view = head(self.users, self.items, self.present, ids)[0]
            difference = view.users @ view.items.T - plain.users @ plain.items.T
            assert torch.allclose(difference, torch.tensor([bias]), atol=1e-5)


class TestStructure:
    def test_a_tower_for_ids_and_each_modality(self):
        net = model(modalities={"audio": AUDIO, "text": AUDIO})
        assert list(net.towers) == ["ids", "audio", "text"]
        assert net(whole()).users.shape == (5, 12)

    def test_social_tower_of_the_paper_encodes_users_only(self):
        net = model(["liked_by", "likes", "friends"], head="paper", social_tower=True, inductive_users=False)
        social = net.towers["social"]
        expected = social.inputs["user"].table
        friends = mean_matrix(BLOCKS[FRIENDS])
        expected = expected + friends @ expected / 2 + friends @ (friends @ expected) / 3
        assert torch.allclose(net.encode_users(whole())["social"], expected, atol=1e-6)
        assert "social" not in net.encode_items(whole())

    def test_social_tower_of_the_late_head_scores(self):
        net = model(["liked_by", "friends"], social_tower=True)
        assert net.item_towers == ["ids", "social"]
        assert net(whole()).items.shape == (7, 8)

    def test_unused_relations_are_known(self):
        assert model(["liked_by"]).unused_edge_types == [LIKES, TAG_OF, FRIENDS]

    def test_same_seed_same_weights(self):
        one, two = model(modalities={"audio": AUDIO}), model(modalities={"audio": AUDIO})
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"relations": ["liked_bye"]}, "unknown relation 'liked_bye' (did you mean 'liked_by'?)"),
            ({"relations": ["sung_by"]}, "none of the relations sung_by is in the graph"),
            (
                {"modalities": {"audio": AUDIO}, "names": ["audoi"]},
                "no modality 'audoi' for song (did you mean 'audio'?)",
            ),
            ({"relations": ["likes"]}, "needs a relation from other nodes to users"),
            ({"relations": ["friends"]}, "needs a relation from other nodes to users"),
            ({"social_tower": True}, "no user-user relation"),
            ({"id_tower": False, "names": "all"}, "no tower is left"),
            ({"modalities": {"ids": AUDIO}}, "may not be called 'ids'"),
            ({"encoder": "gat", "dim": 6}, "cannot split dim 6 into 4 heads"),
        ],
    )
    def test_mistakes(self, arguments, message):
        names = arguments.pop("names", None)
        relations = arguments.pop("relations", ["liked_by"])
        available = arguments.pop("modalities", {})
        encoder = arguments.pop("encoder", "mean")
        config = {"dim": 4, **arguments, **({"modalities": names} if names else {})}
        with pytest.raises(ConfigError) as problem:
            MMGNN(
                schema(**available),
                ModelConfig(**config),
                {name: RelationConfig(encoder=encoder) for name in relations},
            )
        assert message in str(problem.value)


class TestDevices:
    """Without a GPU: forward on fake CUDA tensors, and a mix of devices is caught."""

    def fake_model(self, mode):
        with mode, torch.device("cuda"):
            return model(["liked_by", "tag_of", "friends"], encoder="gated")

    @needs_cuda_build
    def test_forward_on_fake_cuda(self):
        mode = FakeTensorMode(allow_non_fake_inputs=True)
        net = self.fake_model(mode)
        blocks = full_graph_blocks({t: fake_cuda(b, mode) for t, b in BLOCKS.items()}, NUM, 2)
        with mode:
            view = net(blocks)
        assert view.users.device.type == view.items.device.type == "cuda"

    @needs_cuda_build
    def test_blocks_left_on_the_cpu_are_caught(self):
        mode = FakeTensorMode(allow_non_fake_inputs=True)
        net = self.fake_model(mode)
        with mode, pytest.raises(RuntimeError, match=r"[Dd]evice"):
            net(whole())

    def test_blocks_move_whole(self):
        moved = whole().to(torch.device("meta"))
        assert isinstance(moved, LayeredBlocks)
        block = moved.layers[0].blocks[LIKED_BY]
        assert isinstance(block, RelationBlock)
        tensors = [block.csr.indptr, *block.csr.transposed, *block.edge.values(), block.src_degree]
        assert {tensor.device.type for tensor in tensors} == {"meta"}
        assert moved.layers[0].blocks[LIKED_BY] is moved.layers[1].blocks[LIKED_BY] or (
            moved.layers[0].blocks[LIKED_BY].csr is moved.layers[1].blocks[LIKED_BY].csr
        )


def test_tower_needs_as_many_layers_as_blocks():
    net = model()
    assert isinstance(net.towers["ids"], Tower)
    assert isinstance(net.towers["ids"].inputs["song"], IdInput)
    with pytest.raises(ValueError, match="zip"):
        net.encode_users(whole(3))


class TestIdDropout:
    def test_dropped_items_are_scored_by_content_alone(self):
        net = model(["liked_by", "tag_of"], {"audio": AUDIO}, id_dropout=0.5).train()
        torch.manual_seed(3)
        net.draw_dropout()
        dropped = net.dropped_ids
        assert dropped is not None
        assert 0 < dropped.sum() < 7
        items, plain = net.encode_items(whole()), net.eval().encode_items(whole())
        table = net.towers["audio"].outputs["song"]
        difference = plain["audio"] - items["audio"]
        assert torch.allclose(difference, table.ids.table * dropped[:, None], atol=1e-6)
        difference = plain["ids"] - items["ids"]
        assert torch.allclose(
            difference, net.towers["ids"].outputs["song"].table * dropped[:, None], atol=1e-6
        )

    def test_users_profiles_keep_them(self):
        net = model(["liked_by"], {"audio": AUDIO}, id_dropout=0.9).train()
        net.draw_dropout()
        users, plain = net.encode_users(whole()), net.eval().encode_users(whole())
        assert all(torch.equal(users[name], plain[name]) for name in plain)

    def test_a_tower_without_content_is_absent_for_them_unless_neighbours_speak(self):
        net = model(["liked_by", "tag_of"], id_dropout=0.5).train()
        torch.manual_seed(3)
        net.draw_dropout()
        tagged = mean_matrix(BLOCKS[TAG_OF]).sum(dim=1) > 0
        net.item_towers.append("copy")  # a single tower has no view of its own
        net.head.towers.append("copy")
        net.head.weights = torch.nn.Parameter(torch.zeros(2))
        net.towers["copy"] = net.towers["ids"]
        views = net.score_views(net.encode_users(whole()), net.encode_items(whole()), None)
        assert views[1].present.tolist() == (~net.dropped_ids | tagged).tolist()
        assert (net.dropped_ids & ~tagged).any()
        assert (
            net.eval().score_views(net.encode_users(whole()), net.encode_items(whole()), None)[1].present
            is None
        )

    def test_how_often(self):
        net = model(id_dropout=0.3).train()
        drawn = []
        for _ in range(400):
            net.draw_dropout()
            drawn.append(net.dropped_ids.float().mean())
        assert abs(torch.stack(drawn).mean() - 0.3) < 0.04


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


class TestColdBias:
    UNTRAINED = np.array([False, False, True, False, False, False, True])

    def scores(self, item_ids=None, **config):
        torch.manual_seed(0)
        known = GraphSchema(NUM, tuple(BLOCKS), "user", "song", {"audio": AUDIO}, untrained=self.UNTRAINED)
        relations = {"liked_by": RelationConfig(encoder="mean")}
        net = MMGNN(known, ModelConfig(dim=4, **config), relations)
        blocks = whole()
        items = net.encode_items(blocks)
        chosen = items if item_ids is None else {name: value[item_ids] for name, value in items.items()}
        view = net.score_views(net.encode_users(blocks), chosen, item_ids)[0]
        return view.users @ view.items.T

    def test_is_added_to_items_without_training_interactions_alone(self):
        difference = self.scores(cold_bias=-0.75) - self.scores()
        expected = torch.tensor([0.0, 0, -0.75, 0, 0, 0, -0.75]).expand(5, 7)
        assert torch.allclose(difference, expected, atol=1e-5)

    def test_follows_the_items_that_are_scored(self):
        some = torch.tensor([6, 0])
        assert torch.allclose(
            self.scores(some, cold_bias=-0.75), self.scores(cold_bias=-0.75)[:, some], atol=1e-5
        )
