"""Tables that start from the singular vectors of the training interactions."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hetmusic.errors import ConfigError
from hetmusic.fitting import build_model
from hetmusic.graph.splits import random_split
from hetmusic.graph.types import Edges, EdgeType
from hetmusic.models import ModelConfig, RelationConfig, final_embeddings
from hetmusic.models.spectral import item_vectors, start_spectrally
from hetmusic.training import load_config
from hetmusic.training.tensors import GraphTensors
from tests.models.small_graph import AUDIO, model
from tests.training.trainers import audible_graph

SPECTRAL = ("model.initialisation=spectral", "model.dim=8", "model.head=scaled", "model.num_layers=2")


def likes(dense):
    return sp.csr_matrix(np.asarray(dense, np.float32))


def edges(dense):
    src, dst = np.nonzero(dense)
    return Edges(src.astype(np.int32), dst.astype(np.int32))


def test_two_groups_by_hand() -> None:
    """Users 0, 1 like items 0, 1; users 2, 3 like items 2, 3; nobody likes item 4."""
    X = [[1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 1, 1, 0]]
    found = item_vectors(likes(X), 2)
    # every like is c of the matrix, so V is (1, 1) / sqrt 2 in either group; degrees are 2, their mean 8 / 5, t = 8
    gram = np.zeros((5, 5))
    gram[:2, :2] = gram[2:4, 2:4] = 1 / 2 / (2 + 8)
    np.testing.assert_allclose(found.vectors @ found.vectors.T, gram, atol=1e-6)
    np.testing.assert_allclose(np.exp(found.log_factor), [(2 + 8) * (1 / 20) ** 0.5] * 5, rtol=1e-5)
    assert not found.vectors[4].any()


@given(arrays(np.bool_, st.tuples(st.integers(2, 9), st.integers(2, 9))).filter(np.any))
@settings(max_examples=40, deadline=None)
def test_with_all_singular_vectors_the_ranking_is_the_interactions(X: np.ndarray) -> None:
    """The mean of a user's vectors times an item's, scaled, is X / d_u where no singular vector is left out."""
    found = item_vectors(likes(X), 9)
    users = X / np.maximum(X.sum(axis=1, keepdims=True), 1)
    lengths = np.linalg.norm(found.vectors, axis=1, keepdims=True)
    items = found.vectors / np.maximum(lengths, 1e-12) * np.exp(found.log_factor)[:, None]
    np.testing.assert_allclose(users @ found.vectors @ items.T, users, atol=2e-3)
    assert np.isfinite(found.log_factor).all()


def test_weights_and_order_of_interactions_count_nothing_and_a_seed_gives_the_same() -> None:
    X = (np.random.default_rng(0).random((30, 20)) < 0.3).astype(np.float32)
    found = item_vectors(likes(X), 4).vectors
    np.testing.assert_array_equal(found, item_vectors(likes(3 * X), 4).vectors)
    other = item_vectors(likes(X), 4, seed=1).vectors
    np.testing.assert_allclose(found @ found.T, other @ other.T, atol=1e-4)


def test_a_model_starts_from_what_the_vectors_rank(tmp_path) -> None:
    graph = audible_graph(tmp_path / "g")
    config = load_config(overrides=[*SPECTRAL, "model.modalities=[]", "model.relations=interactions"])
    config = config.model_copy(update={"relations": {"liked_by": RelationConfig(encoder="mean")}})
    split = random_split(graph)
    net, view = build_model(graph, split, config)
    users, items = final_embeddings(net, GraphTensors.from_view(view, net.edge_types).full(2))
    X = np.zeros((graph.num_nodes("user"), graph.num_nodes("artist")), np.float32)
    X[split.train.src, split.train.dst] = 1
    found = item_vectors(likes(X), 8, config.seed)
    wanted = (X @ found.vectors) @ (found.vectors * (X.sum(0) + 5 * X.sum(0).mean())[:, None]).T
    scores = (users @ items.T).numpy()
    known = X.sum(0) > 0
    ratio = scores[:, known] / np.where(np.abs(wanted[:, known]) < 1e-3, np.nan, wanted[:, known])
    # a factor of the user is none of the ranking
    assert np.nanmax(np.nanmax(ratio, axis=1) / np.nanmin(ratio, axis=1)) < 1.01


def test_held_out_interactions_are_not_read(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = audible_graph(tmp_path / "g")
    split = random_split(graph)
    read = []
    monkeypatch.setattr(
        "hetmusic.models.spectral.item_vectors", lambda X, *rest: (read.append(X), item_vectors(X, *rest))[1]
    )
    net, _ = build_model(graph, split, load_config(overrides=SPECTRAL))
    (matrix,) = read
    held = (
        np.concatenate([split.valid.src, split.test.src]),
        np.concatenate([split.valid.dst, split.test.dst]),
    )
    assert matrix.nnz == len(split.train)
    assert not np.asarray(matrix[held]).any()
    alone = item_vectors(matrix, 8, 0)
    np.testing.assert_allclose(net.head.scale.detach().numpy(), alone.log_factor, rtol=1e-5)


class TestTables:
    X = np.array(
        [
            [1, 1, 0, 0, 0, 1, 0],
            [1, 1, 1, 0, 0, 0, 0],
            [0, 0, 1, 1, 1, 0, 0],
            [0, 1, 0, 1, 1, 0, 0],
            [1, 0, 0, 0, 1, 1, 0],
        ],
        np.float32,
    )

    def start(self, **config):
        net = model(("liked_by", "tag_of"), {"audio": AUDIO}, head="scaled", dim=4, **config)
        before = {name: value.clone() for name, value in net.state_dict().items()}
        carries = Edges(np.array([0, 2, 6], np.int32), np.array([0, 0, 1], np.int32))
        start_spectrally(net, edges(self.X), {EdgeType("song", "tagged", "tag"): carries})
        net.requires_grad_(False)
        found = torch.from_numpy(item_vectors(likes(self.X), 4).vectors)
        known = torch.from_numpy(self.X.any(axis=0))
        return net, before, found * 0.1 / found[known].square().mean().sqrt(), known

    def test_items_have_the_vectors_and_those_that_nobody_likes_keep_what_they_had(self) -> None:
        net, before, vectors, known = self.start()
        for tables in (net.towers["ids"].inputs, net.towers["ids"].outputs):
            torch.testing.assert_close(tables["song"].table[known], vectors[known])
        name = "towers.ids.inputs.song.table"
        torch.testing.assert_close(net.state_dict()[name][~known], before[name][~known])
        assert net.towers["ids"].inputs["song"].table[known].square().mean().sqrt() == pytest.approx(0.1)

    def test_nodes_around_items_have_the_mean_of_those(self) -> None:
        net, before, vectors, _ = self.start()
        table = net.towers["audio"].inputs["tag"].table
        torch.testing.assert_close(table[0], (vectors[0] + vectors[2]) / 2)
        torch.testing.assert_close(table[1], torch.zeros(4))  # of a song that nobody likes
        torch.testing.assert_close(table[2], before["towers.audio.inputs.tag.table"][2])

    def test_projections_are_regressions(self) -> None:
        net, _, vectors, known = self.start(feature_scaling="none")
        table = net.towers["audio"].inputs["song"]
        there, features = known & table.known, table.features.double()
        # least squares, of features that lie on a line: the residual is at right angles to them
        left = (vectors - table.project(table.features)).double()[there]
        moved = features[there] - features[there].mean(dim=0)
        assert (moved.T @ left).abs().max() < 1e-2 * (moved.T @ vectors[there].double()).abs().max()
        assert left.mean(dim=0).abs().max() < 1e-5
        torch.testing.assert_close(table.absent, vectors[known & ~table.known].mean(dim=0))

    def test_towers_weigh_what_their_tables_explain(self) -> None:
        net, _, vectors, known = self.start(feature_scaling="none")
        table = net.towers["audio"].outputs["song"]
        there = known & table.known
        wanted = vectors[there] - vectors[there].mean(dim=0)
        share = 1 - float(
            (vectors[there] - table.project(table.features)[there]).square().sum() / wanted.square().sum()
        )
        assert 0.1 < share < 0.95
        weights = torch.softmax(net.head.weights, dim=0)
        assert float(weights[1] / weights[0]) == pytest.approx(share / (1.05 - share) / 20, rel=1e-3)

    def test_given_weights_stay(self) -> None:
        net, *_ = self.start(tower_weights={"ids": 1.0, "audio": 3.0})
        torch.testing.assert_close(torch.softmax(net.head.weights, dim=0), torch.tensor([0.25, 0.75]))


def test_towers_that_would_start_alike_are_refused() -> None:
    with pytest.raises(
        ConfigError, match="id_towers = 2, but initialisation = 'spectral' starts all such towers"
    ):
        load_config(overrides=["model.initialisation=spectral", "model.id_towers=2"])
    assert ModelConfig().initialisation == "random"
