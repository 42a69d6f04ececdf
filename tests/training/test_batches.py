"""Batches: nothing that is predicted is seen, candidates and their log Q are what they are said to be."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hetmusic.graph.splits import random_split
from hetmusic.graph.view import TrainingView
from hetmusic.training.batches import PairBatches, Propagation, UserBatches
from hetmusic.training.sampling import NeighborSampler
from hetmusic.training.tensors import GraphTensors
from tests.training.worlds import community_graph


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
