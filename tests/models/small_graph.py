"""A graph of five users, seven songs and three tags, with models of it."""

from __future__ import annotations

import numpy as np
import torch

from hetmusic.graph.types import Modality
from hetmusic.models import MMGNN, GraphSchema, ModelConfig, RelationConfig, full_graph_blocks
from tests.blocks import FRIENDS, LIKED_BY, LIKES, TAG_OF, random_block

NUM = {"user": 5, "song": 7, "tag": 3}

BLOCKS = {
    LIKED_BY: random_block(7, 5, 12, edge_type=LIKED_BY),
    LIKES: random_block(5, 7, 12, edge_type=LIKES),
    TAG_OF: random_block(3, 7, 8, edge_type=TAG_OF),
    FRIENDS: random_block(5, 5, 8, edge_type=FRIENDS),
}

AUDIO = Modality(
    np.arange(21, dtype=np.float32).reshape(7, 3), np.array([True, True, False, True, True, True, False])
)


def schema(**modalities):
    return GraphSchema(NUM, tuple(BLOCKS), "user", "song", modalities)


def model(relations=("liked_by",), modalities=None, encoder="mean", **config):
    torch.manual_seed(0)
    chosen = {name: RelationConfig(encoder=encoder) for name in relations}
    return MMGNN(schema(**(modalities or {})), ModelConfig(**{"dim": 4, **config}), chosen)


def whole(layers=2):
    return full_graph_blocks(BLOCKS, NUM, layers)


def dense(block):
    out = torch.zeros(block.num_dst, block.num_src)
    out[block.dst_index, block.src_index] = 1
    return out


def mean_matrix(block):
    matrix = dense(block)
    return matrix / matrix.sum(1, keepdim=True).clamp(min=1)
