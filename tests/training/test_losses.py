"""Losses, batches and gradients against values computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from hetmusic.errors import ConfigError
from hetmusic.graph.splits import random_split
from hetmusic.graph.view import TrainingView
from hetmusic.models import LayeredBlocks
from hetmusic.models.heads import ScoreView
from hetmusic.training.batches import Batch, PairBatches, Propagation, UserBatches
from hetmusic.training.load_config import load_config
from hetmusic.training.losses import losses
from hetmusic.training.sampling import NeighborSampler
from hetmusic.training.tensors import GraphTensors
from tests.training.worlds import community_graph

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


@pytest.fixture(scope="module")
def setup(tmp_path_factory):
    graph = community_graph(tmp_path_factory.mktemp("graph") / "g")
    view = TrainingView(graph, random_split(graph, seed=1))
    return view, GraphTensors.from_view(view)


def propagation(tensors, fanout=None):
    sampler = None if fanout is None else NeighborSampler(tensors, [fanout, fanout])
    return Propagation(tensors, 2, "user", "artist", sampler)


def input_pairs(blocks, input_users):
    """(user, item) pairs that reach users as messages, in global indices (whole-graph blocks)."""
    block = next(b for t, b in blocks.layers[-1].blocks.items() if t.relation == "liked_by")
    return set(zip(block.dst_index.tolist(), block.src_index.tolist(), strict=True))


def likes_in(blocks):
    """(user, item) pairs of all interaction edges of all layers, in both directions, in global indices."""
    found = set()
    nodes = blocks.input_nodes

    def ids(ntype, index):
        return (index if nodes[ntype] is None else nodes[ntype][index]).tolist()

    for layer in blocks.layers:
        for edge_type, block in layer.blocks.items():
            src, dst = ids(edge_type.src, block.src_index), ids(edge_type.dst, block.dst_index)
            if edge_type.relation == "likes":
                found |= set(zip(src, dst, strict=True))
            elif edge_type.relation == "liked_by":
                found |= set(zip(dst, src, strict=True))
    return found


class TestUserBatches:
    @pytest.mark.parametrize("fanout", [4, -1])
    def test_sampled_targets_are_in_no_layer(self, setup, fanout):
        view, tensors = setup
        for b in UserBatches(view.split.train, propagation(tensors, fanout), 16, 0.6).epoch(
            np.random.default_rng(0)
        ):
            users = b.user_blocks.input_nodes["user"][b.user_rows].tolist()
            rows, columns = b.target_rows.tolist(), b.target_columns.tolist()
            targets = {(users[row], column) for row, column in zip(rows, columns, strict=True)}
            assert targets
            for blocks in (b.user_blocks, b.item_blocks):
                assert likes_in(blocks)
                assert not targets & likes_in(blocks)

    def test_input_edges_are_neither_targets_nor_candidates(self, setup):
        view, tensors = setup
        train = set(zip(view.split.train.src.tolist(), view.split.train.dst.tolist(), strict=True))
        batches = UserBatches(view.split.train, propagation(tensors), 16, 0.6)
        seen_users = []
        for b in batches.epoch(np.random.default_rng(0)):
            users = b.user_rows.tolist()
            seen_users += users
            targets = {
                (users[r], c) for r, c in zip(b.target_rows.tolist(), b.target_columns.tolist(), strict=True)
            }
            masked = {
                (users[r], c) for r, c in zip(b.masked_rows.tolist(), b.masked_columns.tolist(), strict=True)
            }
            inputs = {pair for pair in input_pairs(b.user_blocks, None) if pair[0] in set(users)}
            assert targets
            assert not targets & inputs
            assert inputs == masked
            assert targets | masked == {pair for pair in train if pair[0] in set(users)}
        assert sorted(seen_users) == list(range(40))

    def test_restricted_catalogue(self, setup):
        view, tensors = setup
        kept = np.unique(view.split.train.dst).astype(np.int32)
        b = next(
            UserBatches(view.split.train, propagation(tensors), 16, 0.6, kept).epoch(np.random.default_rng(0))
        )
        assert b.item_ids.tolist() == kept.tolist()
        users, train = b.user_rows, set(zip(view.split.train.src, view.split.train.dst, strict=True))
        for row, column in zip(b.target_rows.tolist(), b.target_columns.tolist(), strict=True):
            assert (int(users[row]), int(kept[column])) in train

    @pytest.mark.parametrize("inputs", [False, True])
    @pytest.mark.parametrize("fanout", [None, 4])
    def test_sampled_candidates(self, setup, inputs, fanout):
        view, tensors = setup
        train = set(zip(view.split.train.src.tolist(), view.split.train.dst.tolist(), strict=True))
        batches = UserBatches(view.split.train, propagation(tensors, fanout), 8, 0.6, None, 3, inputs)
        sizes = []
        for b in batches.epoch(np.random.default_rng(0)):
            items, nodes = b.item_ids.tolist(), b.user_blocks.input_nodes["user"]
            users = [int(r if nodes is None else nodes[r]) for r in b.user_rows]
            sizes.append(len(items))
            assert items == sorted(set(items))
            assert len(b.log_q) == len(items)
            targets = {(users[r], items[c]) for r, c in zip(b.target_rows, b.target_columns, strict=True)}
            masked = {(users[r], items[c]) for r, c in zip(b.masked_rows, b.masked_columns, strict=True)}
            assert targets
            assert not targets & masked
            known = {pair for pair in train if pair[0] in set(users)}
            # of the likes that are input, those among the candidates are masked: all, if they are predicted as well
            if inputs:
                assert targets | masked == known
            assert {p for p in known - targets if p[1] in items} == masked
            if fanout is not None:  # the blocks give the candidates and nothing else
                assert b.item_rows is None
                count = b.item_blocks.layers[-1].num_dst["artist"]
                assert b.item_blocks.input_nodes["artist"][:count].tolist() == items
        assert min(sizes) < 30  # not the whole catalogue

    @pytest.mark.parametrize("inputs", [False, True])
    def test_log_q_of_sampled_candidates_is_how_often_they_are_candidates(self, setup, inputs):
        view, tensors = setup
        batches = UserBatches(view.split.train, propagation(tensors), 2, 0.6, None, 3, inputs)
        rng = np.random.default_rng(0)
        seen, expected, steps = np.zeros(30), np.full(30, np.nan), 0
        for _ in range(100):
            for b in batches.epoch(rng):
                seen[b.item_ids.numpy()] += 1
                expected[b.item_ids.numpy()] = b.log_q.exp().numpy()
                steps += 1
        # users of a step are drawn without replacement, which the formula takes for independent draws
        assert np.abs(seen / steps - expected).max() < 0.05


class TestPairBatches:
    @pytest.mark.parametrize("fanout", [None, 4, -1])
    @pytest.mark.parametrize("pairwise", [False, True])
    def test_targets_are_the_pairs_and_are_not_in_the_message_passing(self, setup, fanout, pairwise):
        view, tensors = setup
        train = set(zip(view.split.train.src.tolist(), view.split.train.dst.tolist(), strict=True))
        batches = PairBatches(view.split.train, propagation(tensors, fanout), 32, 0.0, 5, pairwise)
        done, others = [], 0
        for b in batches.epoch(np.random.default_rng(0)):
            nodes = b.user_blocks.input_nodes["user"]
            users = [int(nodes[r]) if nodes is not None else int(r) for r in b.user_rows]
            items = b.item_ids.tolist()
            pairs = [
                (users[r], items[c])
                for r, c in zip(b.target_rows.tolist(), b.target_columns.tolist(), strict=True)
            ]
            done += pairs
            hidden = {(r, c) for r, c in zip(b.masked_rows.tolist(), b.masked_columns.tolist(), strict=True)}
            for row in range(len(pairs)):
                liked = {c for c, item in enumerate(items) if (users[row], item) in train}
                assert {c for r, c in hidden if r == row} == liked - {int(b.target_columns[row])}
            predicted = set(pairs)
            for blocks in (b.user_blocks, b.item_blocks):
                assert not predicted & likes_in(blocks)
                others += len(likes_in(blocks))
            if pairwise:
                for row, columns in enumerate(b.negative_columns.tolist()):
                    assert not {(users[row], items[c]) for c in columns} & train
        assert sorted(done) == sorted(train)
        assert others > 0

    def test_edge_dropout_thins_the_message_passing(self, setup):
        view, tensors = setup
        kept = {}
        for share in (0.0, 0.6):
            batches = PairBatches(view.split.train, propagation(tensors), 32, share, 5)
            kept[share] = len(likes_in(next(batches.epoch(np.random.default_rng(0))).user_blocks))
        assert kept[0.0] == len(view.split.train) - 32
        assert 0.3 < kept[0.6] / kept[0.0] < 0.5

    def test_log_q_is_the_probability_of_being_a_column(self, setup):
        view, tensors = setup
        batches = PairBatches(view.split.train, propagation(tensors), 30, 0.0, 6)
        *_, last = batches.epoch(np.random.default_rng(0))
        share = np.bincount(view.split.train.dst, minlength=30) / len(view.split.train)
        size = len(last.target_rows)
        assert size == len(view.split.train) % 30 > 0
        expected = 1 - (1 - 1 / 30) ** 6 * (1 - share[last.item_ids.numpy()]) ** size
        assert np.allclose(last.log_q.exp().numpy(), expected, rtol=1e-5)

    def test_log_q_makes_the_partition_function_right_on_average(self, setup):
        """Sum over columns of exp(score) / Q estimates the sum over the catalogue.

        Q counts a batch's pairs as drawn with replacement, which costs some 2 % here, where a batch is a tenth of all pairs.
        """
        view, tensors = setup
        batches = PairBatches(view.split.train, propagation(tensors), 32, 0.0, 6)
        scores = np.exp(np.random.default_rng(5).normal(size=30))
        rng = np.random.default_rng(0)
        estimates = [
            (scores[b.item_ids.numpy()] / b.log_q.exp().numpy()).sum()
            for _ in range(30)
            for b in batches.epoch(rng)
            if len(b.target_rows) == 32
        ]
        assert np.mean(estimates) == pytest.approx(scores.sum(), rel=0.04)

    def test_moving_keeps_shared_blocks_shared(self, setup):
        view, tensors = setup
        b = next(UserBatches(view.split.train, propagation(tensors), 16, 0.6).epoch(np.random.default_rng(0)))
        moved = b.to(torch.device("meta"))
        assert moved.item_blocks is moved.user_blocks
        assert moved.target_rows.device.type == "meta"
