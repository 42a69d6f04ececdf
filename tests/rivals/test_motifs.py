"""Motif adjacency against the equations of Yu et al. 2021, table 2, and against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from hetmusic.rivals.motifs import joint_motifs, purchase_motifs, social_motifs


def table_2(social: np.ndarray, likes: np.ndarray) -> list[np.ndarray]:
    """A_M1 ... A_M10, with B the links in both directions and U those in one."""
    b = social * social.T
    u = social - b
    t = u.T
    c1 = (u @ u) * t
    c2 = (b @ u) * t + (u @ b) * t + (u @ u) * b
    c3 = (b @ b) * u + (b @ u) * b + (u @ b) * b
    c5 = (u @ u) * u + (u @ t) * u + (t @ u) * u
    c9 = (likes @ likes.T) * u
    a6 = (u @ b) * u + (b @ t) * t + (t @ u) * b
    a7 = (t @ b) * t + (b @ u) * u + (u @ t) * b
    a8, a9 = (likes @ likes.T) * b, c9 + c9.T
    a10 = likes @ likes.T - a8 - a9
    return [c1 + c1.T, c2 + c2.T, c3 + c3.T, (b @ b) * b, c5 + c5.T, a6, a7, a8, a9, a10]


@pytest.fixture(params=[True, False], ids=["directed", "mutual"])
def world(request):
    rng = np.random.default_rng(3)
    social = (rng.random((14, 14)) < 0.4).astype(float)
    np.fill_diagonal(social, 0)
    if not request.param:
        social = np.maximum(social, social.T)
    return social, (rng.random((14, 9)) < 0.4).astype(float)


def test_table_2(world):
    social, likes = world
    expected = table_2(social, likes)
    assert all(matrix.any() for matrix in expected[:9]) or not (social - social.T).any()
    sparse, liked = sp.csr_matrix(social), sp.csr_matrix(likes)
    joint = joint_motifs(sparse, liked)
    np.testing.assert_array_equal(social_motifs(sparse).toarray(), sum(expected[:7]))
    np.testing.assert_array_equal(joint.toarray(), expected[7] + expected[8])
    for least in (1, 2, 4):
        others = np.where(expected[9] >= least, expected[9], 0)
        np.testing.assert_array_equal(purchase_motifs(joint, liked, least).toarray(), others)


def test_by_hand():
    """Friends 0-1, 0-2, 1-2 and 2-3: one triangle, and user 3 in none."""
    social = np.zeros((4, 4))
    for one, other in ((0, 1), (0, 2), (1, 2), (2, 3)):
        social[one, other] = social[other, one] = 1
    likes = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1], [1, 1, 1]], dtype=float)
    sparse, liked = sp.csr_matrix(social), sp.csr_matrix(likes)
    triangle = [[0, 1, 1, 0], [1, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]]
    assert social_motifs(sparse).toarray().tolist() == triangle
    joint = joint_motifs(sparse, liked)
    assert joint.toarray().tolist() == [[0, 2, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]
    alike = [[2, 0, 0, 2], [0, 2, 0, 2], [0, 0, 0, 0], [2, 2, 0, 3]]
    assert purchase_motifs(joint, liked, 2).toarray().tolist() == alike
