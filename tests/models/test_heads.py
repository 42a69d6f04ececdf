"""Heads, and what is added to their scores, against values computed by hand."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import pytest
import torch

from hetmusic.errors import ConfigError
from hetmusic.models import MMGNN, GraphSchema, ModelConfig, RelationConfig
from hetmusic.models.heads import LateHead, PaperHead, ScaledHead
from tests.models.small_graph import AUDIO, BLOCKS, NUM, whole


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

    def test_scaled_score_is_the_late_one_times_a_factor_that_starts_from_popularity(self):
        head = self.head(ScaledHead, temperature=0.5)
        plain = self.head(LateHead, temperature=0.5)(self.users, self.items, self.present, None)
        head.start_from(np.array([0, 6]))
        views = head(self.users, self.items, self.present, None)
        assert all(view.proportional for view in views)
        for view, late in zip(views, plain, strict=True):
            assert torch.allclose(
                view.users @ view.items.T, late.users @ late.items.T * torch.tensor([1.0, 7.0])
            )
        turned = head(self.users, {n: v.flip(0) for n, v in self.items.items()}, {}, torch.tensor([1, 0]))
        assert torch.allclose(turned[1].users @ turned[1].items.T, torch.tensor([[7 * 1.6, 1.2]]))

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
        with pytest.raises(ConfigError, match="weight of tower ids must be positive, not 0"):
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
