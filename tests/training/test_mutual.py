"""Deep mutual learning (eq. 6) against values and gradients computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hetmusic import fit, load_config
from hetmusic.errors import ConfigError
from hetmusic.fitting import build_model
from hetmusic.graph.splits import Split
from hetmusic.training.checkpoint import load_weights
from hetmusic.training.config import TrainingConfig
from hetmusic.training.mutual import MutualLearning
from hetmusic.training.objective import Objective
from hetmusic.training.tensors import GraphTensors
from tests.training.test_losses import batch, view
from tests.training.worlds import community_graph

LN3 = math.log(3)


def kl(p, q):
    return sum(x * math.log(x / y) for x, y in zip(p, q, strict=True))


class TestValue:
    def test_two_towers_by_hand(self):
        # P_a = (3/4, 1/4), P_b = (1/2, 1/2)
        views = [view([[LN3, 0.0]]), view([[5.0, 5.0]])]
        value = MutualLearning()(views, batch([(0, 0)]))
        expected = kl([0.75, 0.25], [0.5, 0.5]) + kl([0.5, 0.5], [0.75, 0.25])
        assert math.isclose(value.item(), expected, rel_tol=1e-5)

    def test_temperature_softens_and_rescales(self):
        # at T = 2 the score 2 ln 3 becomes ln 3
        views = [view([[2 * LN3, 0.0]]), view([[5.0, 5.0]])]
        value = MutualLearning(temperature=2.0)(views, batch([(0, 0)]))
        expected = 4 * (kl([0.75, 0.25], [0.5, 0.5]) + kl([0.5, 0.5], [0.75, 0.25]))
        assert math.isclose(value.item(), expected, rel_tol=1e-5)

    def test_mean_over_pairs_and_rows(self):
        flat, steep = [0.0, 0.0], [LN3, 0.0]
        views = [view([flat, flat]), view([steep, flat]), view([flat, flat])]
        value = MutualLearning()(views, batch([(0, 0), (1, 0)]))
        both_ways = kl([0.75, 0.25], [0.5, 0.5]) + kl([0.5, 0.5], [0.75, 0.25])
        # of three pairs two differ, and those in one of two rows
        assert math.isclose(value.item(), both_ways * 2 / 3 / 2, rel_tol=1e-5)

    def test_only_songs_that_both_towers_have(self):
        a = view([[LN3, 0.0, 9.0]], torch.tensor([True, True, True]))
        b = view([[0.0, 0.0, 0.0]], torch.tensor([True, True, False]))
        expected = kl([0.75, 0.25], [0.5, 0.5]) + kl([0.5, 0.5], [0.75, 0.25])
        assert math.isclose(MutualLearning()([a, b], batch([(0, 0)])).item(), expected, rel_tol=1e-5)

    def test_input_of_the_step_is_no_candidate(self):
        views = [view([[LN3, 0.0, 9.0]]), view([[0.0, 0.0, 0.0]])]
        value = MutualLearning()(views, batch([(0, 0)], masked=[(0, 2)]))
        expected = kl([0.75, 0.25], [0.5, 0.5]) + kl([0.5, 0.5], [0.75, 0.25])
        assert math.isclose(value.item(), expected, rel_tol=1e-5)

    def test_towers_without_a_common_song_have_nothing_to_say(self):
        a = view([[1.0, 2.0]], torch.tensor([True, False]))
        b = view([[1.0, 2.0]], torch.tensor([False, True]))
        value = MutualLearning()([a, b], batch([(0, 0)]))
        value.backward()
        assert value.item() == 0
        assert a.users.grad.tolist() == [[0, 0]]

    @given(st.lists(st.lists(st.floats(-8, 8), min_size=4, max_size=4), min_size=2, max_size=4))
    def test_never_negative_and_zero_for_equal_towers(self, rows):
        b = batch([(0, 0)])
        assert MutualLearning(2.0)([view([row]) for row in rows], b).item() >= -1e-5
        assert abs(MutualLearning(2.0)([view([rows[0]]), view([rows[0]])], b).item()) < 1e-5


class TestGradient:
    def test_detached_teacher_by_hand(self):
        """d KL(t || s) / d scores of s = P_s - P_t, and nothing for t."""
        a, b = view([[LN3, 0.0]]), view([[5.0, 5.0]])
        MutualLearning(teacher="detached")([a, b], batch([(0, 0)])).backward()
        assert torch.allclose(a.users.grad, torch.tensor([[0.25, -0.25]]), atol=1e-6)
        assert torch.allclose(b.users.grad, torch.tensor([[-0.25, 0.25]]), atol=1e-6)

    def test_symmetric_by_hand(self):
        """The teacher's side adds P_t (log P_t / P_s - KL(t || s)) to its own scores."""
        a, b = view([[LN3, 0.0]]), view([[5.0, 5.0]])
        MutualLearning(teacher="symmetric")([a, b], batch([(0, 0)])).backward()
        p = [0.75, 0.25]
        divergence = kl(p, [0.5, 0.5])
        as_teacher = [x * (math.log(x / 0.5) - divergence) for x in p]
        expected = torch.tensor([[0.25 + as_teacher[0], -0.25 + as_teacher[1]]])
        assert torch.allclose(a.users.grad, expected, atol=1e-6)

    def test_only_the_worse_tower_learns(self):
        a, b = view([[LN3, 0.0]]), view([[5.0, 5.0]])
        own = [torch.tensor(1.0), torch.tensor(2.0)]
        value = MutualLearning(teacher="better")([a, b], batch([(0, 0)]), own)
        value.backward()
        assert math.isclose(value.item(), kl([0.75, 0.25], [0.5, 0.5]), rel_tol=1e-5)
        assert torch.allclose(b.users.grad, torch.tensor([[-0.25, 0.25]]), atol=1e-6)
        assert a.users.grad is None or not a.users.grad.any()

    def test_score_of_a_masked_candidate_gets_none(self):
        a, b = view([[LN3, 0.0, 9.0]]), view([[0.0, 0.0, 0.0]])
        MutualLearning(teacher="symmetric")([a, b], batch([(0, 0)], masked=[(0, 2)])).backward()
        assert a.users.grad[0, 2] == 0
        assert a.users.grad[0, 0] != 0


class TestObjective:
    def config(self, **values):
        return TrainingConfig(**values)

    def views(self):
        return [view([[0.0, 0.0]]), view([[LN3, 0.0]]), view([[0.0, 0.0]])]

    def test_parts_add_up(self):
        b = batch([(0, 1)])
        final, one, two = math.log(2), math.log(4), math.log(2)
        mutual = kl([0.75, 0.25], [0.5, 0.5]) + kl([0.5, 0.5], [0.75, 0.25])
        value = Objective(self.config(tower_loss=0.5, mutual_weight=0.1))(self.views(), b)
        assert math.isclose(value.item(), final + 0.5 * (one + two) / 2 + 0.1 * mutual, rel_tol=1e-5)

    def test_mutual_learning_without_tower_losses(self):
        mutual = kl([0.75, 0.25], [0.5, 0.5]) + kl([0.5, 0.5], [0.75, 0.25])
        value = Objective(self.config(tower_loss=0, mutual_weight=0.1))(self.views(), batch([(0, 1)]))
        assert math.isclose(value.item(), math.log(2) + 0.1 * mutual, rel_tol=1e-5)

    def test_warm_up(self):
        objective = Objective(self.config(mutual_weight=1.0, mutual_warmup=3))
        plain = Objective(self.config())
        b = batch([(0, 1)])
        assert objective(self.views(), b, epoch=2).item() == plain(self.views(), b, epoch=2).item()
        assert objective(self.views(), b, epoch=3).item() > plain(self.views(), b, epoch=3).item()

    def test_a_single_tower_has_no_one_to_learn_from(self):
        value = Objective(self.config(mutual_weight=5.0))([view([[0.0, 0.0]])], batch([(0, 1)]))
        assert math.isclose(value.item(), math.log(2), rel_tol=1e-6)


def disagreement(graph, folder, *overrides):
    """How far the towers of a model are apart after training on two communities."""
    settings = [
        "model.dim=8",
        "model.social_tower=true",
        "training.epochs=6",
        "training.validate_every=6",  # the last epoch's weights, not an earlier one's in only one of the runs
        "training.batch_size=16",
        *overrides,
    ]
    config = load_config(overrides=settings)
    run = fit(graph, config, folder)
    model, view = build_model(graph, Split.load(run.path / "split", graph), config)
    load_weights(run.path / "weights" / "best.safetensors", model)
    tensors = GraphTensors.from_view(view, model.edge_types)
    blocks = tensors.full(config.model.num_layers)
    with torch.no_grad():
        views = model.score_views(model.encode_users(blocks), model.encode_items(blocks), None)
    return MutualLearning()(views[1:], batch([(0, 0)])).item()


@pytest.mark.parametrize("loss", ["softmax", "sampled_softmax", "bpr"])
def test_towers_that_learn_from_each_other_agree_more(tmp_path, loss):
    graph = community_graph(tmp_path / "g")
    alone = disagreement(graph, tmp_path / "alone", f"training.loss={loss}")
    together = disagreement(graph, tmp_path / "together", f"training.loss={loss}", "training.mutual_weight=1")
    assert together < 0.8 * alone


def test_the_papers_head_compares_its_towers(tmp_path):
    graph = community_graph(tmp_path / "g")
    rng = np.random.default_rng(0)
    for name in ("audio", "lyrics"):
        graph.add_modality("artist", name, rng.normal(size=(30, 4)), keys=graph.keys("artist"))
    paper = ["model.head=paper", "model.social_tower=false", "training.tower_loss=0"]
    paper += ["training.epochs=20", "training.validate_every=20"]
    alone = disagreement(graph, tmp_path / "alone", *paper)
    together = disagreement(graph, tmp_path / "together", *paper, "training.mutual_weight=5")
    assert together < alone


def test_temperature_must_be_positive():
    with pytest.raises(ConfigError, match="mutual_temperature"):
        TrainingConfig(mutual_temperature=0)
