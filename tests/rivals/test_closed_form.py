"""Models without iterations, against numbers worked out by hand or dense numpy."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from hetmusic.errors import ConfigError
from hetmusic.rivals import recommenders
from hetmusic.rivals.ease import in_item_space, in_user_space
from tests.rivals.problems import all_scores, make_problem

#: artist 3 is validated on, artist 4 has no listener at all
PAIRS = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1), (2, 2), (3, 0)]
X = np.zeros((4, 5))
X[tuple(np.transpose(PAIRS))] = 1


@pytest.fixture
def problem(tmp_path):
    return make_problem(tmp_path / "g", PAIRS, valid=[(3, 3)], artists=5)


def scores(problem, name, **settings):
    return all_scores(problem, recommenders.make(name, **settings).fit(problem).scorer)


def test_popularity(problem):
    assert scores(problem, "popularity").tolist() == [[3, 3, 2, 0, 0]] * 4


def test_item_knn(problem):
    """Artists 0 and 1 share two of three listeners each, 0 and 2 one, 1 and 2 two."""
    near, far = 2 / (3 + 1), 1 / (6**0.5 + 1)
    close = 2 / (6**0.5 + 1)
    w = np.zeros((5, 5))
    w[0, 1] = w[1, 0] = near
    w[0, 2] = w[2, 0] = far
    w[1, 2] = w[2, 1] = close
    np.testing.assert_allclose(scores(problem, "item-knn", shrink=1), X @ w, rtol=1e-6)
    # one neighbour each: 0 hears from 1, 1 from 2 and 2 from 1
    w = np.zeros((5, 5))
    w[1, 0], w[2, 1], w[1, 2] = near, close, close
    np.testing.assert_allclose(scores(problem, "item-knn", shrink=1, k=1), X @ w, rtol=1e-6)
    # what artist 1 says to 0 and 2 now sums to one, and artist 2 speaks to 1 alone
    w[1, 0], w[2, 1], w[1, 2] = near / (near + close), 1, close / (near + close)
    np.testing.assert_allclose(scores(problem, "item-knn", shrink=1, k=1, normalise=True), X @ w, rtol=1e-6)


def test_equally_similar_items_are_kept_in_order(tmp_path):
    """Artists 1, 2 and 3 are alike to artist 0, which has room for two neighbours."""
    problem = make_problem(tmp_path / "g", [(u, a) for u in range(2) for a in range(4)], valid=[(0, 4)])
    scorer = recommenders.make("item-knn", k=2).fit(problem).scorer
    assert scorer.similarity[0].indices.tolist() == [1, 2]


@pytest.mark.parametrize("weighting", ["tf-idf", "bm25"])
def test_item_knn_with_weighted_listeners(problem, weighting):
    degree = X.sum(axis=1, keepdims=True)
    if weighting == "tf-idf":
        weighted = X * np.log(5 / degree)
    else:
        length = 0.25 + 0.75 * X.sum(axis=0) / 1.6
        weighted = X * np.log(1 + (5 - degree + 0.5) / (degree + 0.5)) * 2.2 / (1 + 1.2 * length)
    norms = np.linalg.norm(weighted, axis=0)
    w = weighted.T @ weighted / (np.outer(norms, norms) + 10)
    np.fill_diagonal(w, 0)
    np.testing.assert_allclose(scores(problem, "item-knn", weighting=weighting), X @ w, rtol=1e-6)


def test_listeners_of_everything_weigh_nothing(tmp_path):
    """tf-idf of a user who likes the whole catalogue is 0, and so is the length of what they alone like."""
    problem = make_problem(tmp_path / "g", [(0, 0), (0, 1), (1, 0)], valid=[(1, 1)])
    assert scores(problem, "item-knn", weighting="tf-idf", shrink=0).tolist() == [[0, 0], [0, 0]]


def test_rp3beta(problem):
    """Walks of three steps, written as the product of transition matrices of Paudel et al."""
    alpha, beta = 0.7, 0.3
    of_user, of_item = X.sum(axis=1, keepdims=True), np.maximum(X.sum(axis=0), 1)
    to_item, to_user = (X / of_user) ** alpha, (X / of_item) ** alpha
    walks = (to_user.T @ to_item) / of_item**beta
    np.fill_diagonal(walks, 0)
    np.testing.assert_allclose(
        scores(problem, "rp3beta", alpha=alpha, beta=beta), X @ walks, rtol=1e-6, atol=1e-9
    )
    best = np.zeros_like(walks)
    for item in range(3):
        best[item, walks[item].argmax()] = walks[item].max()
    np.testing.assert_allclose(
        scores(problem, "rp3beta", alpha=alpha, beta=beta, k=1), X @ best, rtol=1e-6, atol=1e-9
    )
    best = np.where(walks == walks.max(axis=0), walks, 0)
    assert not np.array_equal(best != 0, (walks == walks.max(axis=1, keepdims=True)) & (walks > 0))
    np.testing.assert_allclose(
        scores(problem, "rp3beta", alpha=alpha, beta=beta, k=1, keep="starts"), X @ best, rtol=1e-6, atol=1e-9
    )


def test_ease_by_hand(tmp_path):
    """Users {0, 1}, {0}: G + I = [[3, 1], [1, 2]], P = [[2, -1], [-1, 3]] / 5, B_01 = 1/3, B_10 = 1/2."""
    problem = make_problem(tmp_path / "g", [(0, 0), (0, 1), (1, 0)], valid=[(1, 1)])
    for form in ("items", "users"):
        np.testing.assert_allclose(
            scores(problem, "ease", l2=1, form=form), [[1 / 2, 1 / 3], [0, 1 / 3]], rtol=1e-6, atol=1e-7
        )


def test_ease_in_both_spaces(tmp_path):
    """The two forms agree with the paper's, on more users than a block holds and items that nobody has."""
    rng = np.random.default_rng(0)
    x = (rng.random((30, 560)) < 0.1).astype(np.float32)
    x[:, 7] = 0
    train = make_problem(
        tmp_path / "g", [(int(u), int(i)) for u, i in np.argwhere(x)], users=30, artists=560
    ).train
    x = train.toarray().astype(np.float64)
    p = np.linalg.inv(x.T @ x + 20 * np.eye(560))
    b = -p / np.diag(p)
    np.fill_diagonal(b, 0)
    for made in (in_item_space(train, 20), in_user_space(train, 20)):
        found = made.scores(np.arange(30)[::-1], 3, 555)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, (x @ b)[::-1, 3:555], rtol=1e-4, atol=1e-6)


def test_ease_takes_the_smaller_matrix(tmp_path, caplog):
    wide = make_problem(tmp_path / "wide", [(0, 0), (1, 1)], artists=60)
    assert recommenders.make("ease").fit(wide).info == {"form": "users"}
    tall = make_problem(tmp_path / "tall", [(u, u % 2) for u in range(20)], valid=[(0, 1)])
    assert recommenders.make("ease").fit(tall).info == {"form": "items"}
    with caplog.at_level(logging.WARNING):
        recommenders.make("ease").fit(wide)
        recommenders.make("ease", form="items").fit(tall)
        assert not caplog.records
        recommenders.make("ease", form="items").fit(wide)
    assert "60 × 60" in caplog.text
    assert "form 'users' gives the same scores from 2 × 2" in caplog.text


def test_ease_refuses_what_does_not_fit(tmp_path):
    wide = make_problem(tmp_path / "g", [(0, 0), (1, 1)], artists=60)
    with pytest.raises(ConfigError, match=r"60 × 60 .* more than memory_mb = 0.01; form 'users' gives"):
        recommenders.make("ease", form="items", memory_mb=0.01).fit(wide)
    with pytest.raises(ConfigError, match=r"2 × 2 .* more than memory_mb = 1e-06$"):
        recommenders.make("ease", memory_mb=1e-6).fit(wide)
    assert recommenders.make("ease", memory_mb=0.01).fit(wide).info == {"form": "users"}


def test_ials_solves_the_normal_equations(problem):
    """After many alternations each item's factors are the weighted ridge regression on the users' (eq. 5)."""
    fitted = recommenders.make("ials", factors=2, regularization=0.5, alpha=4, iterations=200).fit(problem)
    users = fitted.scorer.user_embeddings.astype(np.float64)
    items = fitted.scorer.item_embeddings.astype(np.float64)
    for item in range(5):
        confidence = np.where(X[:, item] > 0, 4, 1)
        left = users.T @ (confidence[:, None] * users) + 0.5 * np.eye(2)
        expected = np.linalg.solve(left, users.T @ (confidence * X[:, item]))
        np.testing.assert_allclose(items[item], expected, atol=1e-4)
    assert np.abs(items[:3]).max() > 0.1


def test_ials_follows_its_seed(problem):
    one, same, other = (recommenders.make("ials", factors=2).fit(problem, seed=s).scorer for s in (0, 0, 1))
    assert np.array_equal(one.item_embeddings, same.item_embeddings)
    assert not np.array_equal(one.item_embeddings, other.item_embeddings)


CONTENT = {
    "text": {0: [3, 0], 1: [1, 1], 2: [0, 2], 4: [5, 0]},
    "audio": {0: [1, 0, 0], 1: [0, 1, 0], 4: [0, 2, 0]},
}


def test_content_knn(tmp_path):
    """Artist 3 has no content; artist 4 no listener, so it hears from others but not they from it."""
    problem = make_problem(tmp_path / "g", PAIRS, valid=[(3, 3)], artists=5, content=CONTENT)
    half = 0.5**0.5
    # text: 0-1 half, 1-2 half, 4-0 one, 4-1 half; audio: 0-1 zero, 4-0 zero, 4-1 one
    w = np.zeros((5, 5))
    w[0, 1] = w[1, 0] = half / 2
    w[1, 2] = w[2, 1] = half
    w[0, 4], w[1, 4] = 1 / 2, (half + 1) / 2
    np.testing.assert_allclose(scores(problem, "content-knn"), X @ w, rtol=1e-6)
    w[0, 1] = w[0, 4] = 0
    np.testing.assert_allclose(scores(problem, "content-knn", k=1), X @ w, rtol=1e-6)
    text = scores(problem, "content-knn", modalities=["text"])
    assert text[3].tolist() == pytest.approx([0, half, 0, 0, 1])
