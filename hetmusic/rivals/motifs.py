"""Adjacency of users by the triangles they take part in: the hypergraph channels of MHCN."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

#: users whose common items are counted at a time
_ROWS = 1024


def social_motifs(social: sp.csr_matrix) -> sp.csr_matrix:
    """In how many triangles of friendships two users occur together: A_M1 + ... + A_M7 (Yu et al. 2021, table 2).

    The seven motifs are the seven ways in which three connected users can follow each other, so each triangle is an instance
    of exactly one of them, and their sum needs no directions: T T masked by T, with T who is connected.

    :param social: who follows whom, binary, without loops, shape ``(num_users, num_users)``.
    :return: symmetric, of the same shape.
    """
    tied = ties(social)
    return _clean((tied @ tied).multiply(tied))


def joint_motifs(social: sp.csr_matrix, likes: sp.csr_matrix) -> sp.csr_matrix:
    """How many items two connected users have in common: A_M8 + A_M9.

    :param likes: binary, shape ``(num_users, num_items)``.
    """
    pairs = ties(social).tocoo()
    # only pairs that are connected: their common items, one by one
    common = np.asarray(likes[pairs.row].multiply(likes[pairs.col]).sum(axis=1)).ravel()
    return _clean(sp.csr_matrix((common, (pairs.row, pairs.col)), shape=social.shape))


def purchase_motifs(joint: sp.csr_matrix, likes: sp.csr_matrix, min_common: int) -> sp.csr_matrix:
    """How many items two users have in common who are not connected: A_M10, from ``min_common`` on.

    As in the equation, Y Y' less A_M8 and A_M9, a user also counts as a companion of themselves.

    :param joint: result of :func:`joint_motifs`.
    """
    by_item = likes.T.tocsr()
    parts = []
    for start in range(0, likes.shape[0], _ROWS):
        part = (likes[start : start + _ROWS] @ by_item - joint[start : start + _ROWS]).tocsr()
        part.data[part.data < min_common] = 0
        part.eliminate_zeros()
        parts.append(part)
    return _clean(sp.vstack(parts))


def ties(social: sp.csr_matrix) -> sp.csr_matrix:
    """Who follows whom in at least one direction, binary and symmetric."""
    return sp.csr_matrix(social.maximum(social.T))


def _clean(matrix: sp.spmatrix) -> sp.csr_matrix:
    out = sp.csr_matrix(matrix)
    out.eliminate_zeros()
    return out
