"""Every built-in encoder against values computed by hand (test_contract.py has the contract that all must keep)."""

from __future__ import annotations

import math

import pytest
import torch

from hetmusic._dgl import dgl
from hetmusic.errors import ConfigError
from hetmusic.relations import NodeInputs, RelationBlock, RelationEncoder, relation_encoders
from tests.blocks import LIKED_BY, tiny_block

SRC = NodeInputs(torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), None, torch.tensor([1.0, 4.0, 1.0]))
DST = NodeInputs(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))


def test_sum_by_hand():
    out = relation_encoders.make("sum", dim=2)(tiny_block(), SRC, DST)
    assert out.tolist() == [[4, 6], [5, 6], [0, 0]]


def test_mean_by_hand():
    out = relation_encoders.make("mean", dim=2)(tiny_block(), SRC, DST)
    assert out.tolist() == [[2, 3], [5, 6], [0, 0]]


def test_weighted_mean_by_hand():
    # the edges are given in the order (2 -> 1), (0 -> 0), (1 -> 0), so the weights of 0's edges are 3 and 1
    out = relation_encoders.make("mean", dim=2, weight="linear")(tiny_block([2.0, 3.0, 1.0]), SRC, DST)
    assert torch.allclose(out, torch.tensor([[(3 * 1 + 3) / 4, (3 * 2 + 4) / 4], [5, 6], [0, 0]]))


def test_log_weights_by_hand():
    out = relation_encoders.make("sum", dim=2, weight="log")(tiny_block([0.0, math.e - 1, 0.0]), SRC, DST)
    assert torch.allclose(out, torch.tensor([[1.0, 2.0], [0, 0], [0, 0]]))


def test_lightgcn_by_hand():
    out = relation_encoders.make("lightgcn", dim=2)(tiny_block(), SRC, DST)
    root = math.sqrt(2)
    expected = [[(1 + 3 / 2) / root, (2 + 4 / 2) / root], [5, 6], [0, 0]]
    assert torch.allclose(out, torch.tensor(expected))


def test_sage_by_hand():
    encoder = relation_encoders.make("sage", dim=2)
    with torch.no_grad():
        encoder.own.weight.copy_(torch.eye(2))
        encoder.own.bias.copy_(torch.tensor([0.0, -10.0]))
        encoder.neighbour.weight.copy_(2 * torch.eye(2))
    out = encoder(tiny_block(), SRC, DST)
    assert out.tolist() == [[1 + 4, 0], [10, 1 - 10 + 12], [1, 0]]


def test_gat_by_hand():
    encoder = relation_encoders.make("gat", dim=2, heads=1)
    with torch.no_grad():
        encoder.project_src.weight.copy_(torch.eye(2))
        encoder.project_dst.weight.copy_(torch.eye(2))
        encoder.attend_src.copy_(torch.tensor([[1.0, 0.0]]))
        encoder.attend_dst.copy_(torch.tensor([[-2.0, 0.0]]))
    out = encoder(tiny_block(), SRC, DST)
    # scores of node 0's edges: leaky(1 - 2) = -0.2 and leaky(3 - 2) = 1
    a = math.exp(-0.2) / (math.exp(-0.2) + math.e)
    assert torch.allclose(out[0], torch.tensor([a + 3 * (1 - a), 2 * a + 4 * (1 - a)]))
    assert torch.allclose(out[1], torch.tensor([5.0, 6.0]))
    assert out[2].tolist() == [0, 0]


def test_gated_by_hand():
    encoder = relation_encoders.make("gated", dim=2, bias=0.0)
    assert encoder(tiny_block(), SRC, DST).tolist() == [[1, 1.5], [2.5, 3], [0, 0]]
    with torch.no_grad():
        encoder.gate.weight.copy_(torch.tensor([[1.0, 0, 0, 0, 0, 0]]))
    out = encoder(tiny_block(), SRC, DST)
    opened = 1 / (1 + math.exp(-1))
    assert torch.allclose(out[0], opened * torch.tensor([2.0, 3.0]))


class Doubled(RelationEncoder):
    """An own encoder of the least possible length."""

    def message(self, src, dst, edge):
        return 2 * src.h * edge["weight"][:, None]


def test_own_message_encoder_is_reduced_by_mean():
    block = tiny_block([1.0, 1.0, 3.0])
    out = relation_encoders.make(Doubled, dim=2)(block, SRC, DST)
    assert out.tolist() == [[(2 * 1 + 6 * 3) / 2, (2 * 2 + 6 * 4) / 2], [10, 12], [0, 0]]


def test_import_path_and_instance():
    made = relation_encoders.make("tests.relations.test_encoders:Doubled", dim=2)
    assert type(made).__name__ == "Doubled"
    assert relation_encoders.make(made) is made


@pytest.mark.parametrize(
    ("spec", "arguments", "message"),
    [
        ("maen", {"dim": 2}, "no relation encoder is called 'maen' (did you mean 'mean'?)"),
        ("gat", {"dim": 2, "head": 2}, "has no argument 'head' (did you mean 'heads'?)"),
        ("gat", {}, "needs the argument 'dim'"),
        ("gat", {"dim": 6, "heads": 4}, "cannot split dim 6 into 4 heads"),
        (
            "mean",
            {"dim": 2, "weight": "logg"},
            "weight = 'logg': it should be 'none', 'linear', 'sqrt' or 'log' (did you",
        ),
        ("nowhere.at_all:Thing", {}, "no module named 'nowhere' is installed"),
        ("tests.blocks:Thing", {}, "tests.blocks has no 'Thing'"),
        ("tests.blocks:tiny_block", {}, "must be a subclass of RelationEncoder"),
    ],
)
def test_mistakes(spec, arguments, message):
    with pytest.raises(ConfigError) as problem:
        relation_encoders.make(spec, **arguments)
    assert message in str(problem.value)


def test_neither_hook_is_an_error():
    with pytest.raises(TypeError, match="must implement message"):
        RelationEncoder(2)(tiny_block(), SRC, DST)


def test_block_from_dgl_equals_dgl_message_passing():
    generator = torch.Generator().manual_seed(3)
    src, dst = torch.randint(7, (20,), generator=generator), torch.randint(5, (20,), generator=generator)
    graph = dgl.heterograph({tuple(LIKED_BY): (src, dst)}, num_nodes_dict={"song": 7, "user": 5})
    graph.edges[tuple(LIKED_BY)].data["weight"] = torch.rand(20, generator=generator)
    graph.nodes["song"].data["h"] = torch.randn(7, 4, generator=generator)
    graph.update_all(
        dgl.function.u_mul_e("h", "weight", "m"), dgl.function.sum("m", "out"), etype=tuple(LIKED_BY)
    )
    block = RelationBlock.from_dgl(graph, LIKED_BY)
    ours = block.sum(graph.nodes["song"].data["h"], block.edge["weight"])
    assert torch.allclose(ours, graph.nodes["user"].data["out"], atol=1e-6)


def test_edge_data_of_any_shape_come_along_from_dgl():
    graph = dgl.heterograph({tuple(LIKED_BY): ([0, 2, 1], [1, 0, 0])}, num_nodes_dict={"song": 3, "user": 2})
    graph.edges[tuple(LIKED_BY)].data["features"] = torch.arange(6.0).view(3, 2)
    block = RelationBlock.from_dgl(graph, LIKED_BY)
    assert block.edge["features"].tolist() == [[2, 3], [4, 5], [0, 1]]
    assert block.src_index.tolist() == [2, 1, 0]
