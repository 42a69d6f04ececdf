"""One softmax over the edges of all relations into a node, as in HGT."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from hetmusic._dgl import dgl
from hetmusic.errors import ConfigError
from hetmusic.fitting import explain_fit, fit
from hetmusic.graph.splits import random_split
from hetmusic.graph.view import TrainingView
from hetmusic.models import MMGNN, HeteroConv, ModelConfig, RelationConfig
from hetmusic.relations import AttentionEncoder, NodeInputs, RelationBlock, relation_encoders
from hetmusic.training import load_config
from hetmusic.training.sampling import NeighborSampler
from hetmusic.training.tensors import GraphTensors, graph_schema
from tests.blocks import FRIENDS, LIKED_BY, inputs, random_block
from tests.training.worlds import community_graph

ORDER = ["song", "user"]
ATTENTIVE = ["gat", "gatv2", "hgt", "top-k"]


class Loudest(AttentionEncoder):
    """Values are the sources themselves, scores the logarithm of plays: weights in proportion to plays."""

    def __init__(self, dim: int, heads: int = 1) -> None:
        super().__init__(dim, heads)
        self.factor = nn.Parameter(torch.tensor(1.0))

    def score_edges(self, relation, src, dst):
        scores = self.factor * relation.edge["weight"].log()
        return scores[:, None].expand(-1, self.heads), src.h.unflatten(1, (self.heads, -1))


class OneScoreANode(Loudest):
    def score_edges(self, relation, src, dst):
        return src.h[:, :1], src.h[:, None]


def layer(encoders, dim=4, **combine):
    return HeteroConv(encoders, dim, combine="joint-softmax", **combine)


def block(edge_type, src, dst, weight, num_src, num_dst):
    edge = {"weight": torch.tensor(weight)}
    return RelationBlock.from_coo(edge_type, torch.tensor(src), torch.tensor(dst), num_src, num_dst, edge)


def test_by_hand():
    """Three songs and one friend of user 0, one friend of user 1; user 2 has nobody. Plays are the odds."""
    conv = layer({LIKED_BY: Loudest(2), FRIENDS: Loudest(2)}, dim=2)
    songs = torch.tensor([[1.0, 0.0], [0.0, 2.0], [4.0, 4.0]])
    users = torch.tensor([[0.0, 0.0], [8.0, 1.0], [5.0, 5.0]])
    blocks = {
        LIKED_BY: block(LIKED_BY, [0, 1, 2], [0, 0, 0], [1.0, 2.0, 3.0], 3, 3),
        FRIENDS: block(FRIENDS, [1, 2], [0, 1], [4.0, 9.0], 3, 3),
    }
    out = conv(blocks, {"song": NodeInputs(songs), "user": NodeInputs(users)}, {"user": 3})["user"]
    # odds 1 : 2 : 3 : 4; the mean within liked_by alone would be (13, 16) / 6
    first = [(1 * 1 + 3 * 4 + 4 * 8) / 10, (2 * 2 + 3 * 4 + 4 * 1) / 10]
    assert torch.allclose(out, torch.tensor([first, [5.0, 5.0], [0.0, 0.0]]))


def test_hgt_by_hand():
    """Eq. 3 of the paper: softmax over both relations of K W_att Q · mu / sqrt(d)."""
    encoders = {t: relation_encoders.make("hgt", dim=2, heads=1) for t in (LIKED_BY, FRIENDS)}
    conv = layer(encoders, dim=2)
    with torch.no_grad():
        for name, parameter in conv.named_parameters():
            if parameter.shape == (2, 2):
                parameter.copy_(torch.eye(2))
            elif parameter.dim() == 3:
                parameter.copy_(torch.eye(2)[None])
            elif name.endswith("bias"):
                parameter.zero_()
        encoders[FRIENDS].prior.fill_(2.0)
    songs, users = torch.tensor([[1.0, 3.0]]), torch.tensor([[2.0, 0.0], [0.5, 7.0]])
    blocks = {
        LIKED_BY: block(LIKED_BY, [0], [0], [1.0], 1, 1),
        FRIENDS: block(FRIENDS, [1], [0], [1.0], 2, 1),
    }
    out = conv(blocks, {"song": NodeInputs(songs), "user": NodeInputs(users)}, {"user": 1})["user"]
    song, friend = (math.exp(s / math.sqrt(2)) for s in (2 * 1.0, 2 * 0.5 * 2.0))
    expected = [(song * 1.0 + friend * 0.5) / (song + friend), (song * 3.0 + friend * 7.0) / (song + friend)]
    assert out[0].tolist() == pytest.approx(expected)


def test_hgt_is_that_of_dgl():
    """Without what follows the messages there: dgl.nn.HGTConv ends with a linear layer and a skip connection."""
    torch.manual_seed(0)
    theirs = dgl.nn.HGTConv(4, 2, 2, num_ntypes=2, num_etypes=2).eval()
    encoders = {t: relation_encoders.make("hgt", dim=4, heads=2) for t in (LIKED_BY, FRIENDS)}
    conv = layer(encoders)
    with torch.no_grad():
        theirs.skip.fill_(50.0)
        theirs.linear_a.W.copy_(torch.eye(4).expand(2, 4, 4))
        for number, (edge_type, encoder) in enumerate(encoders.items()):
            for ours, linear, ntype in (
                (encoder.key, theirs.linear_k, edge_type.src),
                (encoder.value, theirs.linear_v, edge_type.src),
                (encoder.query, theirs.linear_q, edge_type.dst),
            ):
                ours.bias.zero_()
                ours.weight.copy_(linear.W[ORDER.index(ntype)].T)
            for head in range(2):
                encoder.attend[head] = theirs.relation_att[head].W[number]
                encoder.speak[head] = theirs.relation_msg[head].W[number]
                encoder.prior[head] = 0.5 + head + 2 * number
                theirs.relation_pri[head][number] = 0.5 + head + 2 * number
    blocks = {
        LIKED_BY: random_block(6, 5, 14, edge_type=LIKED_BY),
        FRIENDS: random_block(5, 5, 9, seed=1, edge_type=FRIENDS),
    }
    h = {"song": inputs(6, 4), "user": inputs(5, 4, seed=2)}
    out = conv(blocks, h, {"user": 5})["user"]
    # the same as a graph without types: songs are nodes 0 to 5, users 6 to 10
    liked, friends = blocks[LIKED_BY], blocks[FRIENDS]
    src = torch.cat([liked.src_index, friends.src_index + 6])
    dst = torch.cat([liked.dst_index, friends.dst_index]) + 6
    graph = dgl.graph((src, dst), num_nodes=11)
    types = torch.tensor([0] * 6 + [1] * 5)
    edge_types = torch.tensor([0] * liked.num_edges + [1] * friends.num_edges)
    expected = theirs(graph, torch.cat([h["song"].h, h["user"].h]), types, edge_types)[6:]
    assert torch.allclose(out, expected, atol=1e-5)
    assert out.abs().max() > 0.1


@given(st.sampled_from(ATTENTIVE[:3]), st.integers(1, 24), st.integers(0, 24), st.integers(0, 9))
def test_edges_dealt_among_two_relations_are_as_if_they_were_one(name, num_edges, cut, seed):
    """Exact, gradients included, whichever edges go where."""
    other = LIKED_BY._replace(relation="heard_by")
    whole = random_block(6, 4, num_edges, seed)
    cut = min(cut, num_edges)
    order = torch.randperm(num_edges, generator=torch.Generator().manual_seed(seed))
    parts = {}
    for edge_type, chosen in ((LIKED_BY, order[:cut]), (other, order[cut:])):
        ends = whole.src_index[chosen], whole.dst_index[chosen]
        parts[edge_type] = RelationBlock.from_coo(edge_type, *ends, 6, 4)
    torch.manual_seed(seed)
    encoder = relation_encoders.make(name, dim=4, heads=2)
    twin = relation_encoders.make(name, dim=4, heads=2)
    results = []
    for encoders, blocks in (
        ({LIKED_BY: encoder}, {LIKED_BY: whole}),
        ({LIKED_BY: encoder, other: twin}, parts),
    ):
        conv = layer(encoders)
        twin.load_state_dict(encoder.state_dict(), strict=False)
        h = {"song": inputs(6, 4), "user": inputs(4, 4, seed=2)}
        h["song"].h.requires_grad_()
        out = conv(blocks, h, {"user": 4})["user"]
        out.square().sum().backward()
        results.append((out.detach(), h["song"].h.grad))
    for one, two in zip(*results, strict=True):
        assert torch.allclose(one, two, atol=1e-5)


def test_scores_far_apart():
    conv = layer({LIKED_BY: Loudest(2), FRIENDS: Loudest(2)}, dim=2)
    blocks = {
        LIKED_BY: block(LIKED_BY, [0], [0], [1e30], 1, 2),
        FRIENDS: block(FRIENDS, [1], [0], [1e-30], 2, 2),
    }
    h = {"song": inputs(1, 2), "user": inputs(2, 2)}
    with torch.no_grad():
        conv.encoders[str(LIKED_BY)].factor.fill_(50.0)
    out = conv(blocks, h, {"user": 2})["user"]
    assert torch.allclose(out, torch.stack([h["song"].h[0], torch.zeros(2)]))
    out.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in conv.parameters())


class TestMistakes:
    @pytest.mark.parametrize("name", ["mean", "gated", "dgl.nn.pytorch:GATv2Conv"])
    def test_an_encoder_without_scores(self, name):
        more = {"num_heads": 2} if name.startswith("dgl") else {}
        encoders = {
            LIKED_BY: relation_encoders.make(name, dim=4, **more),
            FRIENDS: relation_encoders.make("gat", dim=4),
        }
        with pytest.raises(ConfigError) as problem:
            layer(encoders)
        assert f"into user needs encoders that attend, and that of {LIKED_BY}, " in str(problem.value)
        # one relation alone has nothing to be weighed against
        layer({LIKED_BY: encoders[LIKED_BY]})

    def test_other_numbers_of_heads(self):
        encoders = {
            LIKED_BY: relation_encoders.make("gat", dim=4, heads=2),
            FRIENDS: relation_encoders.make("hgt", dim=4, heads=1),
        }
        with pytest.raises(ConfigError, match=f"as many heads for each: {LIKED_BY} has 2, {FRIENDS} has 1"):
            layer(encoders)

    def test_scores_by_node(self):
        conv = layer({LIKED_BY: OneScoreANode(4), FRIENDS: Loudest(4)})
        with pytest.raises(ConfigError) as problem:
            conv({LIKED_BY: random_block(6, 5, 9)}, {"song": inputs(6, 4)}, {"user": 5})
        assert "scores of shape (6, 1) and values of shape (6, 1, 4), expected (9, 1) and (6, 1, 4)" in str(
            problem.value
        )


HGT = """
[model]
dim = 8
modalities = []
combine = "joint-softmax"
[relations.liked_by]
encoder = "hgt"
heads = 2
[relations.friends]
encoder = "hgt"
heads = 2
[relations.genre_of]
encoder = "hgt"
heads = 2
[training]
batch_size = 8
epochs = 10
lr = 0.05
"""


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    return community_graph(tmp_path_factory.mktemp("joint") / "graph")


@pytest.mark.parametrize("propagation", ["full", "sampled"])
def test_hgt_of_a_configuration_file_learns_two_communities(graph, tmp_path, propagation):
    (tmp_path / "hgt.toml").write_text(HGT)
    config = load_config(file=tmp_path / "hgt.toml", overrides=[f"training.propagation={propagation}"])
    assert all(place.encoder == "hgt(heads=2)" for place in explain_fit(graph, config).places)
    run = fit(graph, config, tmp_path / "run")
    own = [
        (int(user[1:]) % 2 == 0) == (int(found.item_key[1:]) < 15)
        for user, items in run.recommend(run.user_keys, k=3).items()
        for found in items
    ]
    assert sum(own) / len(own) > 0.85


def test_sampled_neighbourhoods_with_all_neighbours_are_the_whole_graph(graph):
    view = TrainingView(graph, random_split(graph, seed=1))
    relations = {name: RelationConfig(encoder="hgt", heads=2) for name in ("liked_by", "friends", "genre_of")}
    torch.manual_seed(0)
    model = MMGNN(graph_schema(view), ModelConfig(dim=8, combine="joint-softmax"), relations)
    tensors = GraphTensors.from_view(view, model.edge_types)
    sampler, users = NeighborSampler(tensors, [-1, -1]), np.array([7, 0, 21])
    sampled = sampler.sample({"user": users}, np.random.default_rng(0))
    whole = model.encode_users(tensors.full(2))["ids"][users]
    assert torch.allclose(model.encode_users(sampled)["ids"], whole, atol=1e-6)
