from __future__ import annotations

import numpy as np
import pytest

from hetmusic.ranking import EmbeddingScorer, Scorer, top_k


def test_scores_are_inner_products_plus_bias() -> None:
    scorer = EmbeddingScorer(
        np.array([[1, 2], [3, 4]], np.float32),
        np.array([[1, 0], [0, 1], [2, 2]], np.float16),
        np.array([0, 10, 0.5]),
    )
    assert isinstance(scorer, Scorer)
    assert scorer.scores(np.array([1, 0]), 1, 3).tolist() == [[14, 14.5], [12, 6.5]]
    assert scorer.scores(np.array([0]), 0, 1).dtype == np.float32
    assert (scorer.num_users, scorer.num_items) == (2, 3)


@pytest.mark.parametrize("dim", [3, 37, 64, 300])
def test_items_with_equal_vectors_score_equally_wherever_they_stand(dim: int) -> None:
    rng = np.random.default_rng(dim)
    users = rng.standard_normal((40, dim)).astype(np.float32)
    items = np.tile(rng.standard_normal(dim).astype(np.float32), (1003, 1))
    scorer = EmbeddingScorer(users, items)
    for batch in (np.arange(40), np.array([7]), np.array([7, 8])):
        for start, stop in ((0, 1003), (0, 501), (13, 14)):
            assert (np.ptp(scorer.scores(batch, start, stop), axis=1) == 0).all()


def test_a_list_does_not_depend_on_who_else_is_ranked() -> None:
    rng = np.random.default_rng(0)
    scorer = EmbeddingScorer(
        rng.standard_normal((50, 64)).astype(np.float32), rng.standard_normal((2000, 64)).astype(np.float32)
    )
    together = top_k(scorer, np.arange(50), 100)
    for user in (0, 17, 49):
        alone = top_k(scorer, np.array([user]), 100)
        np.testing.assert_array_equal(alone[0][0], together[0][user])
        np.testing.assert_array_equal(alone[1][0], together[1][user])


def test_shapes_that_disagree_are_refused() -> None:
    with pytest.raises(ValueError, match="3 dimensions, item vectors 4"):
        EmbeddingScorer(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="two-dimensional"):
        EmbeddingScorer(np.zeros(3), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="item bias"):
        EmbeddingScorer(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(3))
