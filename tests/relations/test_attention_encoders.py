"""Encoders with attention, computed by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hetmusic.errors import ConfigError
from hetmusic.relations import NodeInputs, RelationBlock, relation_encoders
from tests.blocks import LIKED_BY, inputs, random_block, tiny_block

SRC = NodeInputs(torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
DST = NodeInputs(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))


def fixed(name, weights, **arguments):
    """An encoder of dim 2 with given parameters."""
    encoder = relation_encoders.make(name, dim=2, **arguments)
    with torch.no_grad():
        for key, value in weights.items():
            encoder.get_parameter(key).copy_(torch.tensor(value))
    return encoder


def one_user(num_songs):
    """One destination with an edge from each source."""
    songs = torch.arange(num_songs)
    return RelationBlock.from_coo(LIKED_BY, songs, torch.zeros_like(songs), num_songs, 1)


def test_gatv2_by_hand():
    eye = [[1.0, 0.0], [0.0, 1.0]]
    encoder = fixed(
        "gatv2",
        {"project_src.weight": eye, "project_dst.weight": [[-2.0, 0.0], [0.0, -2.0]], "attend": [[1.0, 0.5]]},
        heads=1,
    )
    out = encoder(tiny_block(), SRC, DST)
    # node 0 asks with (-2, 0): leaky((-1, 2)) = (-0.2, 2) and leaky((1, 4)) = (1, 4), times (1, 0.5)
    first, second = -0.2 + 1, 1 + 2
    a = math.exp(first) / (math.exp(first) + math.exp(second))
    assert torch.allclose(out[0], torch.tensor([a + 3 * (1 - a), 2 * a + 4 * (1 - a)]))
    assert torch.allclose(out[1], torch.tensor([5.0, 6.0]))
    assert out[2].tolist() == [0, 0]


def test_gatv2_ranks_neighbours_for_each_destination_and_gat_does_not():
    """Of two users with the same two songs, each can prefer another one only if attention is dynamic (Brody et al.)."""
    songs = NodeInputs(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    users = NodeInputs(torch.tensor([[-1.0, 0.0], [0.0, -1.0]]))
    block = RelationBlock.from_coo(
        LIKED_BY, torch.tensor([0, 1, 0, 1]), torch.tensor([0, 0, 1, 1]), num_src=2, num_dst=2
    )
    eye = [[1.0, 0.0], [0.0, 1.0]]
    both = {"project_src.weight": eye, "project_dst.weight": eye}
    dynamic = fixed("gatv2", {**both, "attend": [[1.0, 1.0]]}, heads=1)(block, songs, users)
    assert dynamic[0, 1] > dynamic[0, 0]
    assert dynamic[1, 0] > dynamic[1, 1]
    for seed in range(5):
        torch.manual_seed(seed)
        static = relation_encoders.make("gat", dim=2, heads=1)
        with torch.no_grad():
            static.project_src.weight.copy_(torch.eye(2))
        out = static(block, songs, users)
        assert (out[0, 0] > out[0, 1]) == (out[1, 0] > out[1, 1])


def test_attention_of_gated_by_hand():
    encoder = fixed("gated", {"focus": [2.0]}, bias=0.0, attention=True)
    songs = NodeInputs(torch.tensor([[3.0, 0.0], [0.0, 5.0]]))
    users = NodeInputs(torch.tensor([[7.0, 0.0]]))
    a = math.exp(2) / (math.exp(2) + 1)  # cosines 1 and 0, times 2
    expected = torch.tensor([[0.5 * 3 * a, 0.5 * 5 * (1 - a)]])
    assert torch.allclose(encoder(one_user(2), songs, users), expected)


def test_top_k_by_hand():
    eye = [[1.0, 0.0], [0.0, 1.0]]
    weights = {"query.weight": eye, "query.bias": [0.0, 1.0], "key.weight": eye, "value.weight": eye}
    encoder = fixed("top-k", weights, k=2)
    songs = NodeInputs(torch.tensor([[1.0, 0.0], [0.0, 4.0], [2.0, 0.0], [-9.0, 0.0]]))
    users = NodeInputs(torch.tensor([[1.0, 0.0]]))  # asks with (1, 1): scores 1, 4, 2, -9 over root two
    best, second = math.exp(4 / math.sqrt(2)), math.exp(2 / math.sqrt(2))
    expected = torch.tensor([[2 * second, 4 * best]]) / (best + second)
    assert torch.allclose(encoder(one_user(4), songs, users), expected)


def test_top_k_keeps_all_that_are_as_good_as_the_kth():
    encoder = fixed("top-k", {"key.weight": [[0.0, 0.0], [0.0, 0.0]]}, k=1)
    with torch.no_grad():
        encoder.value.weight.copy_(torch.eye(2))
    assert torch.allclose(encoder(one_user(3), SRC, NodeInputs(DST.h[:1])), torch.tensor([[3.0, 4.0]]))


@given(st.integers(1, 6), st.integers(0, 30), st.integers(1, 8), st.integers(0, 9))
def test_top_k_equals_sorting_every_destination(num_dst, num_edges, k, seed):
    block = random_block(6, num_dst, min(num_edges, 6 * num_dst), seed)
    torch.manual_seed(seed)
    encoder = relation_encoders.make("top-k", dim=4, k=k, heads=2)
    src, dst = inputs(6, 4), inputs(num_dst, 4, seed=2)
    out = encoder(block, src, dst).view(num_dst, 2, 2)
    query, key, value = encoder.query(dst.h), encoder.key(src.h), encoder.value(src.h)
    for node in range(num_dst):
        sources = block.src_index[block.dst_index == node]
        for head, part in enumerate([slice(0, 2), slice(2, 4)]):
            scores = key[sources, part] @ query[node, part] / math.sqrt(2)
            best = scores.topk(min(k, len(sources)))
            expected = best.values.softmax(0) @ value[sources[best.indices], part]
            assert torch.allclose(out[node, head], expected, atol=1e-5)


def test_top_k_of_as_many_as_there_are_is_attention_over_all():
    block = random_block(6, 5, 20)
    torch.manual_seed(1)
    few, all_of_them = (relation_encoders.make("top-k", dim=4, k=k) for k in (6, 1000))
    few.load_state_dict(all_of_them.state_dict())
    src, dst = inputs(6, 4), inputs(5, 4, seed=2)
    assert torch.allclose(few(block, src, dst), all_of_them(block, src, dst))


@pytest.mark.parametrize("name", ["gat", "gatv2", "hgt", "top-k"])
def test_heads_must_divide_dim(name):
    with pytest.raises(ConfigError, match=r"relation encoder \w+Encoder cannot split dim 6 into 4 heads"):
        relation_encoders.make(name, dim=6, heads=4)


def test_k_must_be_positive():
    with pytest.raises(ConfigError, match="'top-k' needs a k of at least one, not 0"):
        relation_encoders.make("top-k", dim=4, k=0)
