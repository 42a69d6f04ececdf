"""The trainer that the learned models share."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hetmusic.graph.splits import cold_items_split
from hetmusic.rivals import Problem, recommenders
from hetmusic.rivals.negatives import NegativeSampler
from hetmusic.rivals.pairwise import Embeddings, PairwiseModel, batch_loss
from hetmusic.training.trainer import DivergedError
from tests.rivals.problems import community_problem, make_problem

PAIRS = [(0, 0), (0, 1), (1, 1), (1, 2), (2, 0)]


@pytest.fixture
def problem(tmp_path):
    return make_problem(tmp_path / "g", PAIRS, valid=[(2, 3)], artists=5)


class Biased(PairwiseModel):
    """Embeddings with given biases and a loss of its own."""

    def embeddings(self) -> Embeddings:
        bias = torch.tensor([0.5, 0.0, -0.25, 0.0, 0.0])
        return Embeddings(self.user_table, self.item_table, bias, auxiliary=torch.tensor(3.0))


def test_loss_and_gradient_by_hand(problem):
    """One triple twice over: -log sigmoid(s_ui - s_uj) + l2 / 2 (|p|^2 + |q_i|^2 + |q_j|^2)."""
    model = PairwiseModel(problem, dim=2)
    with torch.no_grad():
        model.user_table[1] = torch.tensor([1.0, 2.0])
        model.item_table[2] = torch.tensor([0.5, -1.0])
        model.item_table[0] = torch.tensor([0.0, 0.25])
    users, items, negatives = torch.tensor([1, 1]), torch.tensor([2, 2]), torch.tensor([0, 0])
    loss = batch_loss(model, users, items, negatives, l2=0.1)
    margin = (0.5 - 2.0) - 0.5
    squares = 5 + 1.25 + 0.0625
    assert loss.item() == pytest.approx(np.log1p(np.exp(-margin)) + 0.05 * squares, rel=1e-6)
    loss.backward()
    pull = 1 / (1 + np.exp(margin))
    expected = -pull * np.array([0.5, -1.25]) + 0.1 * np.array([1, 2])
    np.testing.assert_allclose(model.user_table.grad[1], expected, rtol=1e-5)
    np.testing.assert_allclose(
        model.item_table.grad[2], -pull * np.array([1, 2]) + 0.1 * np.array([0.5, -1]), rtol=1e-5
    )
    assert not model.user_table.grad[[0, 2]].any()


def test_bias_and_own_loss_are_added(problem):
    triple = [torch.tensor([value]) for value in (1, 2, 0)]
    model = Biased(problem, dim=2)
    margin = model.user_table[1] @ (model.item_table[2] - model.item_table[0]) - 0.75
    expected = torch.nn.functional.softplus(-margin) + 3
    torch.testing.assert_close(batch_loss(model, *triple, l2=0), expected)


def test_items_without_listeners_start_from_zero(problem):
    model = PairwiseModel(problem, dim=4)
    assert not model.item_table[3:].any()
    assert model.item_table[:3].abs().min() > 0


def test_an_epoch_has_every_pair_once_and_no_liked_negative(problem):
    sampler = NegativeSampler(problem)
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(30):
        batches = list(sampler.epoch(2, rng))
        assert [len(users) for users, _, _ in batches] == [2, 2, 1]
        users, items, negatives = (np.concatenate(part) for part in zip(*batches, strict=True))
        assert sorted(zip(users.tolist(), items.tolist(), strict=True)) == PAIRS
        pairs = set(zip(users.tolist(), negatives.tolist(), strict=True))
        assert not pairs & set(PAIRS)
        seen |= pairs
    assert seen == {(u, i) for u in range(3) for i in range(5)} - set(PAIRS)


def test_users_who_like_everything_have_no_negatives(tmp_path):
    problem = make_problem(tmp_path / "g", [(0, 0), (0, 1), (1, 0)], valid=[(1, 1)])
    ((users, _, negatives),) = NegativeSampler(problem).epoch(10, np.random.default_rng(0))
    assert (users.tolist(), negatives.tolist()) == ([1], [1])


def test_cold_items_are_no_negatives(tmp_path):
    graph = community_problem(tmp_path / "g", modalities=False).graph
    problem = Problem(graph, cold_items_split(graph, share=0.3))
    sampler = NegativeSampler(problem)
    assert set(sampler.candidates.tolist()) == set(problem.split.train.dst.tolist())
    assert len(sampler.candidates) < problem.num_items


def test_the_best_validation_is_kept_and_patience_ends_the_fit(tmp_path):
    problem = community_problem(tmp_path / "g", modalities=False)
    values: list[float] = []
    model = recommenders.make("bpr", dim=4, lr=0.05, epochs=200, patience=3, validate_every=2, device="cpu")
    fitted = model.fit(problem, report=lambda number, value: values.insert(number, value))
    best = int(np.argmax(values))
    assert fitted.valid == values[best]
    assert len(values) == best + 1 + 3
    assert fitted.info["epochs"] == 2 * len(values) < 200
    assert fitted.info["best_epoch"] == 2 * (best + 1)


def test_the_last_epoch_is_validated(tmp_path):
    problem = community_problem(tmp_path / "g", modalities=False)
    reported: list[int] = []
    recommenders.make("bpr", dim=4, epochs=3, validate_every=2, device="cpu").fit(
        problem, report=lambda number, _: reported.append(number)
    )
    assert reported == [0, 1]


def test_a_report_may_end_the_fit(problem):
    def stop(number: int, value: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recommenders.make("bpr", device="cpu").fit(problem, report=stop)


def test_divergence_is_told(problem):
    with pytest.raises(DivergedError, match="a lower learning rate than lr = 1e"):
        recommenders.make("bpr", lr=1e30, epochs=20, device="cpu").fit(problem)


def test_the_generator_of_the_caller_is_left_alone(problem):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    recommenders.make("bpr", epochs=2, device="cpu").fit(problem)
    torch.testing.assert_close(torch.rand(3), expected)
