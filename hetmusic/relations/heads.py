"""What encoders with several attention heads have in common."""

from __future__ import annotations

import torch
from torch import Tensor

from hetmusic.relations.block import RelationBlock


def dot_heads(relation: RelationBlock, queries: Tensor, keys: Tensor) -> Tensor:
    """Per head, the inner product of both ends of every edge, ``query[destination] · key[source]``.

    :param queries: shape ``(num_dst, heads, dim of a head)``.
    :param keys: shape ``(num_src, heads, dim of a head)``.
    :return: shape ``(num_edges, heads)``.
    """
    return torch.stack([relation.dot(queries[:, k], keys[:, k]) for k in range(keys.shape[1])], dim=1)


def sum_heads(relation: RelationBlock, values: Tensor, alpha: Tensor) -> Tensor:
    """Per head, the sum over each destination's edges of ``alpha * value[source]``; the heads side by side.

    :param values: shape ``(num_src, heads, dim of a head)``.
    :param alpha: shape ``(num_edges, heads)``.
    :return: shape ``(num_dst, heads * dim of a head)``.
    """
    return torch.cat([relation.sum(values[:, k], alpha[:, k]) for k in range(values.shape[1])], dim=1)
