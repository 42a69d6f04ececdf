"""Encoders that have something in common with other relations of their layer."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from hetmusic.errors import ConfigError
from hetmusic.models.hetero_conv import HeteroConv
from hetmusic.relations import NodeInputs, relation_encoders
from tests.blocks import FRIENDS, LIKED_BY, LIKES, TAG_OF, inputs, random_block, tiny_block

SRC = NodeInputs(torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
DST = NodeInputs(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))


def layer(name, *edge_types, dim=4, **arguments):
    return HeteroConv({t: relation_encoders.make(name, dim=dim, **arguments) for t in edge_types}, dim)


def of(conv, edge_type):
    return conv.encoders[str(edge_type)]


def test_rgcn_by_hand():
    encoder = relation_encoders.make("rgcn", dim=2, num_bases=2)
    with torch.no_grad():
        encoder.bases[0].copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
        encoder.bases[1].copy_(torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
        encoder.coefficients.copy_(torch.tensor([3.0, 10.0]))
    # W = [[3, 10], [0, 3]], means (2, 3) and (5, 6)
    assert encoder(tiny_block(), SRC, DST).tolist() == [[36, 9], [75, 18], [0, 0]]


def test_hgt_by_hand():
    encoder = relation_encoders.make("hgt", dim=2, heads=1)
    with torch.no_grad():
        for linear in (encoder.key, encoder.value, encoder.query):
            linear.weight.copy_(torch.eye(2))
            linear.bias.zero_()
        encoder.query.bias.copy_(torch.tensor([0.0, 1.0]))
        encoder.attend.copy_(torch.tensor([[[0.0, 1.0], [2.0, 0.0]]]))
        encoder.speak.copy_(torch.tensor([[[10.0, 0.0], [0.0, 1.0]]]))
        encoder.prior.fill_(0.5)
    out = encoder(tiny_block(), SRC, DST)
    # keys (1, 2) and (3, 4) become (4, 1) and (8, 3); node 0 asks with (1, 1)
    first, second = (math.exp(score * 0.5 / math.sqrt(2)) for score in (5, 11))
    a = first / (first + second)
    assert torch.allclose(out[0], torch.tensor([10 * a + 30 * (1 - a), 2 * a + 4 * (1 - a)]))
    assert torch.allclose(out[1], torch.tensor([50.0, 6.0]))
    assert out[2].tolist() == [0, 0]


def test_bases_are_one_set_for_a_layer_and_coefficients_are_not():
    conv = layer("rgcn", LIKED_BY, LIKES, FRIENDS, num_bases=3)
    first = of(conv, LIKED_BY)
    assert all(of(conv, t).bases is first.bases for t in (LIKES, FRIENDS))
    assert of(conv, LIKES).coefficients is not first.coefficients
    assert sum(p.numel() for p in conv.parameters()) == 3 * 4 * 4 + 3 * 3


def test_encoders_that_do_not_fit_have_bases_of_their_own():
    encoders = {
        LIKED_BY: relation_encoders.make("mean", dim=4),
        LIKES: relation_encoders.make("rgcn", dim=4, num_bases=2),
        TAG_OF: relation_encoders.make("rgcn", dim=4, num_bases=5),
        FRIENDS: relation_encoders.make("rgcn", dim=4, num_bases=5),
    }
    HeteroConv(encoders, 4)
    assert encoders[TAG_OF].bases is not encoders[LIKES].bases
    assert encoders[FRIENDS].bases is encoders[TAG_OF].bases


def test_projections_belong_to_node_types():
    conv = layer("hgt", LIKED_BY, TAG_OF, FRIENDS, LIKES)
    likes, friends, liked_by, tag_of = (of(conv, t) for t in (LIKES, FRIENDS, LIKED_BY, TAG_OF))
    assert likes.key is friends.key
    assert likes.value is friends.value
    assert liked_by.key is not likes.key
    assert liked_by.query is friends.query
    assert tag_of.query is likes.query
    assert tag_of.query is not liked_by.query
    assert likes.attend is not friends.attend


@pytest.mark.parametrize("name", ["rgcn", "hgt"])
def test_shared_parameters_are_saved_once_and_trained_by_every_relation(name):
    conv = layer(name, LIKED_BY, FRIENDS)
    blocks = {LIKED_BY: random_block(6, 5, 12), FRIENDS: random_block(5, 5, 9, edge_type=FRIENDS)}
    nodes = {"song": inputs(6, 4), "user": inputs(5, 4, seed=2)}
    saved = conv.state_dict()
    assert len(saved) == len(list(conv.parameters())) == len({t.data_ptr() for t in saved.values()})
    other = layer(name, LIKED_BY, FRIENDS)
    other.load_state_dict(saved)
    for same in (other, copy.deepcopy(conv)):
        assert torch.equal(same(blocks, nodes, {"user": 5})["user"], conv(blocks, nodes, {"user": 5})["user"])
    for edge_type in blocks:
        gradients = {}
        conv.zero_grad()
        conv({edge_type: blocks[edge_type]}, nodes, {"user": 5})["user"].square().sum().backward()
        gradients = {n for n, p in conv.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
        shared = "bases.0" if name == "rgcn" else "query.weight"
        assert f"encoders.{LIKED_BY}.{shared}" in gradients


@pytest.mark.parametrize("name", ["rgcn", "hgt"])
def test_a_copy_shares_among_itself_alone(name):
    conv = layer(name, LIKED_BY, FRIENDS)
    twin = copy.deepcopy(conv)
    part = "bases" if name == "rgcn" else "query"
    assert getattr(of(twin, FRIENDS), part) is getattr(of(twin, LIKED_BY), part)
    assert getattr(of(twin, FRIENDS), part) is not getattr(of(conv, FRIENDS), part)


@pytest.mark.parametrize("name", ["rgcn", "hgt"])
def test_shared_parameters_move_to_a_device_together(name):
    conv = layer(name, LIKED_BY, FRIENDS).to("meta")
    blocks = {FRIENDS: random_block(5, 5, 9, edge_type=FRIENDS).to(torch.device("meta"))}
    out = conv(blocks, {"user": NodeInputs(torch.empty(5, 4, device="meta"))}, {"user": 5})
    assert out["user"].device.type == "meta"


def test_number_of_bases_must_be_positive():
    with pytest.raises(ConfigError, match="'rgcn' needs at least one basis, not 0"):
        relation_encoders.make("rgcn", dim=4, num_bases=0)
