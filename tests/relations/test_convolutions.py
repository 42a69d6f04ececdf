"""Convolutions of DGL as relation encoders, against the same convolution called by hand on a DGL graph."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional

from hetmusic._dgl import dgl
from hetmusic.errors import ConfigError, EnvironmentProblem
from hetmusic.models.hetero_conv import HeteroConv
from hetmusic.relations import NodeInputs, RelationBlock, relation_encoders
from hetmusic.relations.convolutions import ConvolutionEncoder
from hetmusic.relations.dgl_graphs import dgl_block, has_kernels
from hetmusic.testing import RelationEncoderTests
from tests.blocks import FRIENDS, LIKED_BY, fake_cuda, inputs, random_block

#: edges out of order, a song without listeners, a user without songs (3)
SRC, DST = torch.tensor([5, 0, 2, 1, 0, 4]), torch.tensor([1, 0, 4, 1, 2, 0])
WEIGHT = torch.tensor([3.0, 1.0, 8.0, 2.0, 5.0, 0.5])
SONGS, USERS = inputs(6, 8), inputs(5, 8, seed=2)
LISTENS = RelationBlock.from_coo(LIKED_BY, SRC, DST, 6, 5, {"weight": WEIGHT})
FRIENDSHIPS = RelationBlock.from_coo(FRIENDS, SRC % 5, DST, 5, 5, {"weight": WEIGHT})

IN_OUT = {"in_feats": 8, "out_feats": 8}
HALF = {"in_feats": 8, "out_feats": 4, "num_heads": 2}
ZERO = {"allow_zero_in_degree": True}

#: name, what a person writes, what the constructor gets
BIPARTITE = [
    ("GraphConv", {}, {**IN_OUT, **ZERO}),
    ("GraphConv", {"norm": "right", "weight": False, "bias": False}, None),
    ("SAGEConv", {"aggregator_type": "mean"}, {**IN_OUT, "aggregator_type": "mean"}),
    ("SAGEConv", {"aggregator_type": "pool", "activation": "relu"}, None),
    ("SAGEConv", {"aggregator_type": "gcn"}, {**IN_OUT, "aggregator_type": "gcn"}),
    ("GATConv", {"num_heads": 2}, {**HALF, **ZERO}),
    ("GATConv", {"num_heads": 3, "merge_heads": "mean"}, {**HALF, "out_feats": 8, "num_heads": 3, **ZERO}),
    ("GATv2Conv", {"num_heads": 2, "negative_slope": 0.1}, {**HALF, "negative_slope": 0.1, **ZERO}),
    ("GATv2Conv", {"num_heads": 2, "residual": True, "activation": "elu"}, None),
    ("GATv2Conv", {"num_heads": 2, "share_weights": True}, {**HALF, "share_weights": True, **ZERO}),
    ("DotGatConv", {"num_heads": 2}, {**HALF, "in_feats": (8, 8), **ZERO}),
    ("GINConv", {}, {}),
    ("GINConv", {"aggregator_type": "max", "learn_eps": True}, {"aggregator_type": "max", "learn_eps": True}),
    ("AGNNConv", {"init_beta": 2.0}, {"init_beta": 2.0, **ZERO}),
    ("EdgeConv", {}, {"in_feat": 8, "out_feat": 8, **ZERO}),
]
BY_HAND = {
    1: {**IN_OUT, "norm": "right", "weight": False, "bias": False, **ZERO},
    3: {**IN_OUT, "aggregator_type": "pool", "activation": functional.relu},
    8: {**HALF, "residual": True, "activation": functional.elu, **ZERO},
}
WEIGHTED = [
    ("GraphConv", {"norm": "none"}, {**IN_OUT, "norm": "none", **ZERO}),
    ("SAGEConv", {"aggregator_type": "mean"}, {**IN_OUT, "aggregator_type": "mean"}),
    ("GATConv", {"num_heads": 2}, {**HALF, **ZERO}),
    ("GINConv", {}, {}),
]
ONE_TYPE = [
    ("TAGConv", {"k": 3}, {**IN_OUT, "k": 3}),
    ("SGConv", {"k": 2}, {**IN_OUT, "k": 2, **ZERO}),
    ("APPNPConv", {"k": 2, "alpha": 0.2}, {"k": 2, "alpha": 0.2}),
    ("GatedGraphConv", {"n_steps": 2, "n_etypes": 1}, {**IN_OUT, "n_steps": 2, "n_etypes": 1}),
    (
        "PNAConv",
        {"aggregators": ["mean", "max"], "scalers": ["identity"], "delta": 1.0},
        {"in_size": 8, "out_size": 8, "aggregators": ["mean", "max"], "scalers": ["identity"], "delta": 1.0},
    ),
]


def make(name, **arguments):
    torch.manual_seed(4)
    return relation_encoders.make(f"dgl.nn.pytorch:{name}", dim=8, **arguments)


def by_hand(name, arguments):
    torch.manual_seed(4)
    return getattr(dgl.nn.pytorch, name)(**arguments)


def merged(out, how):
    if out.dim() == 2:
        return out
    return torch.cat(list(out.unbind(1)), dim=1) if how == "concat" else sum(out.unbind(1)) / out.shape[1]


@pytest.mark.parametrize(
    "case", range(len(BIPARTITE)), ids=[f"{name} {given}" for name, given, _ in BIPARTITE]
)
def test_bipartite_equals_the_convolution_called_by_hand(case):
    name, given, filled = BIPARTITE[case]
    block = dgl.create_block((SRC, DST), num_src_nodes=6, num_dst_nodes=5)
    conv = by_hand(name, BY_HAND[case] if filled is None else filled).eval()
    expected = merged(conv(block, (SONGS.h, USERS.h)), given.get("merge_heads", "concat"))
    out = make(name, **given).eval()(LISTENS, SONGS, USERS)
    assert out.shape == (5, 8)
    assert torch.allclose(out, expected, atol=1e-6)


@pytest.mark.parametrize(("name", "given", "filled"), WEIGHTED)
def test_edge_weights_are_those_of_the_edges(name, given, filled):
    block = dgl.create_block((SRC, DST), num_src_nodes=6, num_dst_nodes=5)
    conv = by_hand(name, filled)
    expected = merged(conv(block, (SONGS.h, USERS.h), edge_weight=WEIGHT.log1p()), "concat")
    out = make(name, edge_scale="log", **given)(LISTENS, SONGS, USERS)
    assert torch.allclose(out, expected, atol=1e-6)
    assert not torch.allclose(out, make(name, **given)(LISTENS, SONGS, USERS), atol=1e-3)


@pytest.mark.parametrize(("name", "given", "filled"), ONE_TYPE)
def test_convolutions_of_one_node_type_run_on_relations_within_a_type(name, given, filled):
    graph = dgl.graph((SRC % 5, DST), num_nodes=5)
    expected = by_hand(name, filled).eval()(graph, USERS.h)
    out = make(name, **given).eval()(FRIENDSHIPS, USERS, USERS)
    assert torch.allclose(out, expected, atol=1e-5)


@pytest.mark.parametrize("name", [name for name, _, _ in ONE_TYPE])
def test_convolutions_of_one_node_type_say_so_on_bipartite_relations(name):
    given = next(given for known, given, _ in ONE_TYPE if known == name)
    with pytest.raises(ConfigError) as problem:
        make(name, **given)(LISTENS, SONGS, USERS)
    assert str(problem.value).startswith(
        f"{name} of DGL cannot encode song__liked_by__user (layer 1): it needs the same nodes"
    )
    assert "6 sources and 5 destinations; use a convolution that takes both" in str(problem.value)


def test_convolutions_of_one_node_type_say_so_on_sampled_neighbourhoods():
    sampled = RelationBlock.from_coo(FRIENDS, SRC, DST, 6, 5)
    with pytest.raises(ConfigError, match=r'6 sources and 5 destinations; use training.propagation = "full"'):
        make("TAGConv")(sampled, SONGS, USERS)


def test_gin_with_a_perceptron():
    encoder = make("GINConv", apply_func="mlp")
    block = dgl.create_block((SRC, DST), num_src_nodes=6, num_dst_nodes=5)
    summed = dgl.nn.pytorch.GINConv()(block, (SONGS.h, USERS.h))
    assert torch.allclose(encoder(LISTENS, SONGS, USERS), encoder.convolution.apply_func(summed), atol=1e-6)


def test_a_class_and_a_ready_convolution():
    torch.manual_seed(4)
    of_class = relation_encoders.make(dgl.nn.pytorch.GraphConv, dim=8)
    ready = ConvolutionEncoder(8, by_hand("GraphConv", {**IN_OUT, **ZERO}))
    assert relation_encoders.make(ready) is ready
    assert torch.equal(of_class(LISTENS, SONGS, USERS), ready(LISTENS, SONGS, USERS))


class Louder(nn.Module):
    """A person's own convolution in DGL's manner."""

    def __init__(self, in_feats, out_feats, factor: float = 2.0):
        super().__init__()
        self.linear = nn.Linear(in_feats, out_feats)
        self.factor = factor

    def forward(self, graph, feat):
        with graph.local_scope():
            graph.srcdata["h"] = self.factor * self.linear(feat[0])
            graph.update_all(dgl.function.copy_u("h", "m"), dgl.function.sum("m", "out"))
            return graph.dstdata["out"]


class Broken(Louder):
    def forward(self, graph, feat):
        raise KeyError("a mistake of one's own")


def test_own_convolutions_are_wrapped_too():
    encoder = relation_encoders.make("tests.relations.test_convolutions:Louder", dim=8, factor=3.0)
    expected = torch.zeros(5, 8).index_add(0, DST, 3 * encoder.convolution.linear(SONGS.h)[SRC])
    assert torch.allclose(encoder(LISTENS, SONGS, USERS), expected, atol=1e-5)


def test_a_mistake_in_an_own_convolution_is_not_hidden():
    with pytest.raises(KeyError, match="a mistake of one's own"):
        relation_encoders.make(Broken, dim=8)(LISTENS, SONGS, USERS)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("GATv2Conv", {}, "relation encoder GATv2Conv needs the argument 'num_heads'"),
        ("GATv2Conv", {"num_head": 2}, "has no argument 'num_head' (did you mean 'num_heads'?)"),
        ("GATv2Conv", {"num_heads": 3}, "GATv2Conv of DGL: dim 8 cannot be split into 3 heads; merge_heads = \"mean\""),
        ("GATv2Conv", {"num_heads": 2, "edge_scale": "log"}, "GATv2Conv of DGL takes no edge weights"),
        ("GATv2Conv", {"num_heads": 2, "merge_heads": "max"}, "merge_heads = 'max'"),
        ("GraphConv", {"in_feats": 3}, "has no argument 'in_feats'"),
        ("GraphConv", {"activation": "rely"}, "activation = 'rely' (did you mean 'relu'?); known: elu, gelu"),
        ("GINConv", {"apply_func": "mpl"}, "apply_func = 'mpl' (did you mean 'mlp'?); known: linear, mlp"),
        ("GINEConv", {}, "GINEConv of DGL cannot be a relation encoder as it is: its forward needs edge_feat"),
        ("HGTConv", {}, "its forward needs ntype, etype"),
        ("GATConvv", {}, "dgl.nn.pytorch has no 'GATConvv' (did you mean 'GATConv'?)"),
        ("JumpingKnowledge", {}, "is a class, but not a subclass of RelationEncoder"),
    ],
)  # fmt: skip
def test_mistakes(name, given, message):
    with pytest.raises(ConfigError) as problem:
        make(name, **given)
    assert message in str(problem.value)


def test_what_dgl_says_is_said_in_one_line():
    encoder = make("SAGEConv", aggregator_type="mean")
    encoder.convolution._aggre_type = "median"
    with pytest.raises(ConfigError) as problem:
        encoder(LISTENS, SONGS, USERS)
    assert (
        "SAGEConv of DGL fails on song__liked_by__user (layer 1), with 6 sources and 5 destinations: KeyError"
        in str(problem.value)
    )
    assert "\n" not in str(problem.value)


def test_a_device_without_kernels_is_an_error_that_says_what_to_do():
    encoder = make("GraphConv").to("meta")
    ends = [NodeInputs(part.h.to("meta")) for part in (SONGS, USERS)]
    with pytest.raises(EnvironmentProblem) as problem:
        encoder(LISTENS.to(torch.device("meta")), *ends)
    assert "cannot run a convolution of song__liked_by__user (layer 1) on meta: give the relation" in str(
        problem.value
    )
    assert 'training.device = "cpu"' in str(problem.value)


def test_a_gpu_is_an_error_where_dgl_was_built_without():
    with pytest.raises(
        EnvironmentProblem, match=r"cannot run a convolution of song__liked_by__user \(layer 1\) on cuda"
    ):
        dgl_block(fake_cuda(random_block(6, 5, 9), FakeTensorMode()))
    assert has_kernels(torch.device("cpu"))
    assert not has_kernels(torch.device("meta"))
    if not torch.cuda.is_available():
        assert not has_kernels(torch.device("cuda"))


def test_the_graph_is_made_once_for_all_layers_and_towers():
    block = random_block(6, 5, 9)
    assert dgl_block(block.with_layer(0)) is dgl_block(block.with_layer(1))
    assert dgl_block(block) is not dgl_block(random_block(6, 5, 9))


def test_a_user_needs_not_import_dgl_first():
    code = (
        "from hetmusic.relations import relation_encoders; "
        "print(type(relation_encoders.make('dgl.nn.pytorch:GATv2Conv', dim=8, num_heads=2)).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "GATv2Conv"


def test_beside_built_in_encoders():
    layer = HeteroConv(
        {LIKED_BY: make("GATv2Conv", num_heads=2), FRIENDS: relation_encoders.make("mean", dim=8)}, 8
    )
    out = layer({LIKED_BY: LISTENS, FRIENDS: FRIENDSHIPS}, {"song": SONGS, "user": USERS}, {"user": 5})[
        "user"
    ]
    out.square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in layer.encoders[str(LIKED_BY)].parameters())


class TestGraphConv(RelationEncoderTests):
    encoder = "dgl.nn.pytorch:GraphConv"
    # norm = "both", the default, divides by degrees of sources in the batch, which sampling changes
    arguments = {"norm": "right", "edge_scale": "log"}


class TestSAGEConv(RelationEncoderTests):
    encoder = "dgl.nn.pytorch:SAGEConv"
    arguments = {"aggregator_type": "mean"}


class TestGATConv(RelationEncoderTests):
    encoder = "dgl.nn.pytorch:GATConv"
    arguments = {"num_heads": 2}


class TestGATv2Conv(RelationEncoderTests):
    encoder = "dgl.nn.pytorch:GATv2Conv"
    arguments = {"num_heads": 2, "share_weights": True}


class TestGINConv(RelationEncoderTests):
    encoder = "dgl.nn.pytorch:GINConv"
    arguments = {"apply_func": "mlp"}
