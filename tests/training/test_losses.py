"""Losses and their gradients against values computed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from hetmusic.errors import ConfigError
from hetmusic.models import LayeredBlocks
from hetmusic.models.heads import ScoreView
from hetmusic.training.batches import Batch
from hetmusic.training.load_config import load_config
from hetmusic.training.losses import losses

NONE = torch.tensor([], dtype=torch.long)
EMPTY = LayeredBlocks({}, [])


def batch(targets, masked=(), log_q=None, negatives=None):
    rows, columns = (torch.tensor(x) for x in zip(*targets, strict=True))
    hidden = tuple(torch.tensor(x) for x in zip(*masked, strict=True)) if masked else (NONE, NONE)
    return Batch(EMPTY, NONE, EMPTY, None, None, rows, columns, *hidden, log_q, negatives)


def view(scores, present=None):
    """A view whose scores are exactly these."""
    scores = torch.tensor(scores)
    return ScoreView("v", scores.requires_grad_(), torch.eye(scores.shape[1]), present)


class TestSoftmax:
    def test_by_hand(self):
        v = view([[1.0, 2.0, 0.0], [0.0, 0.0, 3.0]])
        loss = losses.make("softmax")(v, batch([(0, 1), (1, 0)]))
        first = math.log(math.e + math.e**2 + 1) - 2
        second = math.log(1 + 1 + math.e**3) - 0
        assert math.isclose(loss.item(), (first + second) / 2, rel_tol=1e-6)

    def test_gradient_by_hand(self):
        v = view([[0.0, 0.0, 0.0]])
        losses.make("softmax")(v, batch([(0, 1)])).backward()
        assert torch.allclose(v.users.grad, torch.tensor([[1 / 3, 1 / 3 - 1, 1 / 3]]))

    def test_masked_pairs_are_no_candidates(self):
        v = view([[1.0, 2.0, 50.0]])
        loss = losses.make("softmax")(v, batch([(0, 1)], masked=[(0, 2)]))
        assert math.isclose(loss.item(), math.log(math.e + math.e**2) - 2, rel_tol=1e-6)
        loss.backward()
        assert v.users.grad[0, 2] == 0

    def test_absent_items_are_neither_targets_nor_candidates(self):
        v = view([[1.0, 2.0, 0.0]], torch.tensor([True, True, False]))
        loss = losses.make("softmax")(v, batch([(0, 0), (0, 2)]))
        assert math.isclose(loss.item(), math.log(math.e + math.e**2) - 1, rel_tol=1e-6)

    def test_a_view_that_can_score_no_target_has_no_loss(self):
        v = view([[1.0, 2.0]], torch.tensor([True, False]))
        loss = losses.make("softmax")(v, batch([(0, 1)]))
        loss.backward()
        assert loss.item() == 0
        assert v.users.grad.tolist() == [[0, 0]]

    def test_row_whose_every_candidate_is_masked_does_no_harm(self):
        v = view([[1.0, 2.0], [1.0, 2.0]])
        loss = losses.make("softmax")(v, batch([(0, 1)], masked=[(1, 0), (1, 1)]))
        loss.backward()
        assert torch.isfinite(v.users.grad).all()

    def test_value_and_gradients_are_those_of_plain_torch(self):
        torch.manual_seed(0)
        users, items = torch.randn(5, 4, requires_grad=True), torch.randn(9, 4, requires_grad=True)
        present = torch.tensor([True] * 7 + [False] * 2)
        targets, masked = [(0, 1), (0, 2), (2, 8), (3, 0), (3, 6), (4, 7)], [(0, 4), (3, 3)]
        b = batch(targets, masked, log_q=torch.randn(9))
        value = losses.make("softmax")(ScoreView("v", users, items, present), b)
        grads = torch.autograd.grad(3 * value, [users, items])

        hidden = torch.zeros(5, 9, dtype=torch.bool)
        hidden[[0, 3], [4, 3]] = True
        scores = (users @ items.T - b.log_q).masked_fill(hidden | ~present, float("-inf"))
        judged = [(u, i) for u, i in targets if i < 7]
        expected = torch.stack([scores[u].logsumexp(0) - scores[u, i] for u, i in judged]).mean()
        assert torch.allclose(value, expected, atol=1e-6)
        for got, wanted in zip(grads, torch.autograd.grad(3 * expected, [users, items]), strict=True):
            assert torch.allclose(got, wanted, atol=1e-6)

    def test_log_q_lowers_popular_candidates(self):
        v = view([[1.0, 2.0]])
        loss = losses.make("sampled_softmax")(v, batch([(0, 1)], log_q=torch.tensor([0.0, 1.0])))
        assert math.isclose(loss.item(), math.log(2 * math.e) - 1, rel_tol=1e-6)


class TestProportional:
    """Probabilities proportional to scores."""

    def test_by_hand(self):
        # cosines with the user (3, 4) / 5: 0.6, 0.8, 1; the items' lengths count, the user's does not
        items = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 4.0]])
        v = ScoreView("v", torch.tensor([[30.0, 40.0]]), items, proportional=True)
        loss = losses.make("softmax")(v, batch([(0, 0)], masked=[(0, 2)]))
        assert math.isclose(loss.item(), -math.log(1.2 / (1.2 + 0.8)), rel_tol=1e-6)
        both = losses.make("softmax", reconstruction=0.5)(v, batch([(0, 0)], masked=[(0, 2)]))
        assert math.isclose(both.item() - loss.item(), -0.5 * math.log(5 / (1.2 + 0.8 + 5)), rel_tol=1e-6)

    def test_present_and_log_q_are_those_of_the_softmax(self):
        torch.manual_seed(0)
        users, items = torch.rand(5, 4), torch.rand(9, 4)  # positive, so that logarithms are plain
        present = torch.tensor([True] * 7 + [False] * 2)
        b = batch([(0, 1), (2, 8), (3, 6)], [(0, 4), (3, 3), (3, 8)], log_q=torch.randn(9))
        loss = losses.make("softmax", reconstruction=0.7)
        scores = (users @ items.T).log()
        same = ScoreView("v", scores, torch.eye(9), present)
        value = loss(ScoreView("v", users, items, present, proportional=True), b)
        assert torch.allclose(value, loss(same, b), atol=1e-6)

    def test_a_target_with_a_negative_score_is_drawn_upwards(self):
        users = torch.tensor([[1.0, 0.0]], requires_grad=True)
        items = torch.tensor([[-1.0, 0.1], [1.0, 0.0]])
        losses.make("softmax")(ScoreView("v", users, items, proportional=True), batch([(0, 0)])).backward()
        assert torch.isfinite(users.grad).all()
        assert users.grad[0, 1] < 0  # more of what brings the user nearer to the target


class TestReconstruction:
    """What was input of the step is predicted as well."""

    def test_by_hand(self):
        v = view([[1.0, 2.0, 0.0]])
        loss = losses.make("softmax", reconstruction=0.5)(v, batch([(0, 1)], masked=[(0, 2)]))
        hidden = math.log(math.e + math.e**2) - 2  # the masked item is no candidate for the hidden one
        seen = math.log(math.e + math.e**2 + 1) - 0
        assert math.isclose(loss.item(), hidden + 0.5 * seen, rel_tol=1e-6)

    def test_gradient_by_hand(self):
        v = view([[0.0, 0.0, 0.0]])
        losses.make("softmax", reconstruction=3.0)(v, batch([(0, 1)], masked=[(0, 2)])).backward()
        assert torch.allclose(v.users.grad, torch.tensor([[1 / 2 + 1, 1 / 2 - 1 + 1, 3 * (1 / 3 - 1)]]))

    def test_nothing_was_input(self):
        v = view([[1.0, 2.0, 0.0]])
        both = [losses.make("softmax", reconstruction=r)(v, batch([(0, 1)])) for r in (0.0, 1.0)]
        assert both[0].item() == both[1].item()

    def test_value_and_gradients_are_those_of_plain_torch(self):
        torch.manual_seed(0)
        users, items = torch.randn(5, 4, requires_grad=True), torch.randn(9, 4, requires_grad=True)
        present = torch.tensor([True] * 7 + [False] * 2)
        # one row of targets alone, one of input alone, one with both and an absent item among each
        targets, masked = [(0, 1), (0, 2), (2, 8), (2, 3)], [(0, 4), (3, 3), (3, 5), (2, 7), (2, 0)]
        value = losses.make("softmax", reconstruction=0.7)(
            ScoreView("v", users, items, present), batch(targets, masked)
        )
        grads = torch.autograd.grad(2 * value, [users, items])

        known = torch.zeros(5, 9, dtype=torch.bool)
        known[tuple(torch.tensor(masked).T)] = True
        scores = (users @ items.T).masked_fill(~present, float("-inf"))
        others = scores.masked_fill(known, float("-inf"))
        hidden = torch.stack([others[u].logsumexp(0) - scores[u, i] for u, i in targets if i < 7]).mean()
        seen = torch.stack([scores[u].logsumexp(0) - scores[u, i] for u, i in masked if i < 7]).mean()
        expected = hidden + 0.7 * seen
        assert torch.allclose(value, expected, atol=1e-6)
        for got, wanted in zip(grads, torch.autograd.grad(2 * expected, [users, items]), strict=True):
            assert torch.allclose(got, wanted, atol=1e-6)

    def test_scores_far_above_the_candidates_do_not_overflow(self):
        v = view([[0.0, 500.0]])
        loss = losses.make("softmax", reconstruction=1.0)(v, batch([(0, 0)], masked=[(0, 1)]))
        loss.backward()
        assert torch.isfinite(loss)
        assert torch.isfinite(v.users.grad).all()

    def test_a_user_who_likes_all_there_is(self):
        v = view([[-500.0, -501.0]])
        loss = losses.make("softmax", reconstruction=1.0)(v, batch([(0, 0)], masked=[(0, 0), (0, 1)]))
        loss.backward()
        assert torch.isfinite(loss)
        assert torch.isfinite(v.users.grad).all()

    def test_only_the_softmax_has_it(self):
        with pytest.raises(ConfigError, match="reconstruction"):
            load_config(overrides=["training.loss=bpr", "training.reconstruction=0.5"])


class TestBPR:
    def test_by_hand_with_gradient(self):
        v = view([[2.0, 1.0, 0.0]])
        negatives = torch.tensor([[1], [2]])
        loss = losses.make("bpr")(v, batch([(0, 0), (0, 0)], negatives=negatives))
        expected = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-2))) / 2
        assert math.isclose(loss.item(), expected, rel_tol=1e-6)
        loss.backward()
        s1, s2 = 1 / (1 + math.e), 1 / (1 + math.e**2)
        assert torch.allclose(v.users.grad, torch.tensor([[-(s1 + s2) / 2, s1 / 2, s2 / 2]]))

    def test_absent_items_do_not_count(self):
        v = view([[2.0, 1.0, 0.0]], torch.tensor([True, False, True]))
        loss = losses.make("bpr")(v, batch([(0, 0), (0, 0)], negatives=torch.tensor([[1], [2]])))
        assert math.isclose(loss.item(), math.log(1 + math.exp(-2)), rel_tol=1e-6)
