from __future__ import annotations

import math

import pytest
import torch

from hetmusic.errors import ConfigError
from hetmusic.models import HeteroConv
from hetmusic.models.combine import combiners
from hetmusic.relations import AttentionEncoder, NodeInputs, RelationBlock, relation_encoders
from tests.blocks import FRIENDS, LIKED_BY, LIKES, TAG_OF, inputs, random_block


def conv(*edge_types, combine="sum", encoder="mean"):
    return HeteroConv({t: relation_encoders.make(encoder, dim=4) for t in edge_types}, 4, combine)


def empty_block(edge_type, num_src, num_dst):
    none = torch.tensor([], dtype=torch.long)
    return RelationBlock.from_coo(edge_type, none, none, num_src, num_dst)


H = {"song": inputs(6, 4), "user": inputs(5, 4, seed=2), "tag": inputs(3, 4, seed=3)}
BLOCKS = {
    LIKED_BY: random_block(6, 5, 9, edge_type=LIKED_BY),
    FRIENDS: random_block(5, 5, 6, seed=1, edge_type=FRIENDS),
}


#: every encoder with every combiner that takes it
PAIRS = [
    (encoder, combine)
    for encoder, cls in sorted(relation_encoders.classes.items())
    for combine, combiner in sorted(combiners.classes.items())
    if issubclass(cls, AttentionEncoder) or not combiner.needs_masses
]


def test_relations_are_summed_per_destination_type():
    both = conv(LIKED_BY, FRIENDS)(BLOCKS, H, {"user": 5})["user"]
    songs = conv(LIKED_BY)({LIKED_BY: BLOCKS[LIKED_BY]}, H, {"user": 5})["user"]
    friends = conv(FRIENDS)({FRIENDS: BLOCKS[FRIENDS]}, H, {"user": 5})["user"]
    assert torch.allclose(both, songs + friends)


def test_every_wanted_type_comes_out():
    layer, wanted = conv(LIKED_BY, TAG_OF), {"user": 5, "song": 6, "tag": 3}
    out = layer({LIKED_BY: BLOCKS[LIKED_BY]}, H, wanted)
    assert out["song"].tolist() == torch.zeros(6, 4).tolist()
    assert out["tag"].shape == (3, 4)
    assert out["user"].abs().sum() > 0


@pytest.mark.parametrize(("encoder", "combine"), PAIRS)
def test_a_relation_without_edges_changes_nothing(encoder, combine):
    torch.manual_seed(0)
    layer = conv(LIKED_BY, FRIENDS, combine=combine, encoder=encoder)
    alone = layer({LIKED_BY: BLOCKS[LIKED_BY]}, H, {"user": 5})["user"]
    with_empty = layer({LIKED_BY: BLOCKS[LIKED_BY], FRIENDS: empty_block(FRIENDS, 5, 5)}, H, {"user": 5})[
        "user"
    ]
    assert torch.equal(alone, with_empty)


@pytest.mark.parametrize(("encoder", "combine"), PAIRS)
def test_a_node_without_edges_of_a_relation_is_not_touched_by_it(encoder, combine):
    """One friendship in the batch must not change the users who have none."""
    torch.manual_seed(0)
    layer = conv(LIKED_BY, FRIENDS, combine=combine, encoder=encoder)
    since = {"time": torch.tensor([15_000.0])}
    one = RelationBlock.from_coo(FRIENDS, torch.tensor([1]), torch.tensor([0]), 5, 5, since)
    alone = layer({LIKED_BY: BLOCKS[LIKED_BY]}, H, {"user": 5})["user"]
    both = layer({LIKED_BY: BLOCKS[LIKED_BY], FRIENDS: one}, H, {"user": 5})["user"]
    assert torch.allclose(alone[1:], both[1:], atol=1e-6)
    assert not torch.allclose(alone[0], both[0])


def test_mean_combiner_by_hand():
    messages = torch.tensor([[[2.0], [4.0], [0.0]], [[6.0], [9.0], [0.0]]])
    has_edges = torch.tensor([[True, True, False], [True, False, False]])
    assert combiners.make("mean", dim=1)(messages, has_edges).tolist() == [[4.0], [4.0], [0.0]]


def test_attention_combiner_weighs_convexly():
    torch.manual_seed(0)
    messages = torch.randn(3, 7, 4)
    has_edges = torch.rand(3, 7) > 0.3
    has_edges[:, 0] = False
    out = combiners.make("attention", dim=4)(messages, has_edges)
    assert out[0].tolist() == [0, 0, 0, 0]
    for node in range(1, 7):
        kept = messages[has_edges[:, node], node]
        assert (out[node] <= kept.max(0).values + 1e-6).all()
        assert (out[node] >= kept.min(0).values - 1e-6).all()


def test_max_combiner_by_hand():
    messages = torch.tensor([[[2.0, -1.0], [4.0, 1.0], [7.0, 7.0]], [[6.0, -3.0], [9.0, 9.0], [8.0, 8.0]]])
    has_edges = torch.tensor([[True, True, False], [True, False, False]])
    out = combiners.make("max", dim=2)(messages, has_edges)
    assert out.tolist() == [[6.0, -1.0], [4.0, 1.0], [0.0, 0.0]]


def test_semantic_combiner_by_hand():
    combiner = combiners.make("semantic", dim=1, hidden=1)
    with torch.no_grad():
        combiner.score[0].weight.fill_(1)
        combiner.score[0].bias.fill_(0)
        combiner.score[2].weight.fill_(2)
    messages = torch.tensor([[[0.5], [1.0], [9.0]], [[-1.0], [9.0], [9.0]]])
    has_edges = torch.tensor([[True, True, False], [True, False, False]])
    first, second = (math.exp(2 * w) for w in ((math.tanh(0.5) + math.tanh(1.0)) / 2, math.tanh(-1.0)))
    expected = [(first * 0.5 - second * 1.0) / (first + second), 1.0, 0.0]
    assert combiner(messages, has_edges)[:, 0].tolist() == pytest.approx(expected)


def test_semantic_combiner_copes_with_scores_far_apart():
    combiner = combiners.make("semantic", dim=1, hidden=1)
    with torch.no_grad():
        combiner.score[0].weight.fill_(1)
        combiner.score[2].weight.fill_(1e3)
    messages = torch.tensor([[[5.0], [5.0]], [[-5.0], [-5.0]]], requires_grad=True)
    out = combiner(messages, torch.tensor([[True, False], [True, True]]))
    out.sum().backward()
    assert out[:, 0].tolist() == pytest.approx([5.0, -5.0])
    assert torch.isfinite(messages.grad).all()


def test_source_without_representation_says_nothing():
    out = conv(FRIENDS, LIKED_BY)(BLOCKS, {"song": H["song"]}, {"user": 5})["user"]
    assert torch.allclose(out, conv(LIKED_BY)({LIKED_BY: BLOCKS[LIKED_BY]}, H, {"user": 5})["user"])


def test_relation_without_encoder_is_an_error():
    with pytest.raises(ConfigError, match="no relation encoder for user__likes__song"):
        conv(LIKED_BY)({LIKES: random_block(5, 6, 4, edge_type=LIKES)}, H, {"song": 6})


def test_prefix_of_inputs_are_the_destinations():
    """In a sampled block the destinations are the first input nodes: a gate must look at those."""
    layer = conv(FRIENDS, encoder="sage")
    block = random_block(5, 2, 4, edge_type=FRIENDS)
    out = layer({FRIENDS: block}, H, {"user": 2})["user"]
    encoder = layer.encoders[str(FRIENDS)]
    by_hand = encoder(block, H["user"], NodeInputs(H["user"].h[:2]))
    assert torch.allclose(out, by_hand * (block.in_degree > 0)[:, None])
