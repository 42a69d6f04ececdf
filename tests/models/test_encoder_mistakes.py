"""A person's mistakes in an encoder: each an error that names the encoder, the relation and what to do."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hetmusic.errors import ConfigError, PluginError
from hetmusic.models import HeteroConv
from hetmusic.relations import RelationBlock, RelationEncoder
from tests.blocks import LIKED_BY, inputs, random_block

BLOCK = random_block(6, 5, 9)
H = {"song": inputs(6, 4), "user": inputs(5, 4, seed=2)}
NAMED = f"of {LIKED_BY} (layer 1)"


def run(encoder, block=BLOCK):
    return HeteroConv({LIKED_BY: encoder}, 4)({LIKED_BY: block}, H, {"user": 5})["user"]


class SourceRows(RelationEncoder):
    def forward(self, relation, src, dst):
        return src.h


class EdgeRows(RelationEncoder):
    def forward(self, relation, src, dst):
        return src.h[relation.src_index]


class FewerColumns(RelationEncoder):
    def message(self, src, dst, edge):
        return src.h[:, :2]


class NoColumns(RelationEncoder):
    def message(self, src, dst, edge):
        return src.h.sum()


class NotATensor(RelationEncoder):
    def forward(self, relation, src, dst):
        return [dst.h]


class OtherDtype(RelationEncoder):
    def forward(self, relation, src, dst):
        return dst.h.double()


class MixedDtypes(RelationEncoder):
    def forward(self, relation, src, dst):
        return src.h.new_zeros(5, 4).index_add(0, relation.dst_index, src.h.double()[relation.src_index])


class OtherDevice(RelationEncoder):
    def forward(self, relation, src, dst):
        return dst.h.to("meta")


class MixedDevices(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.sum(src.h) * torch.ones(5, 1, device="meta")


class InPlace(RelationEncoder):
    def forward(self, relation, src, dst):
        src.h.mul_(2)
        return relation.sum(src.h)


class EdgeInPlace(RelationEncoder):
    def message(self, src, dst, edge):
        edge["weight"] *= 2
        return src.h


class LeafInPlace(RelationEncoder):
    def forward(self, relation, src, dst):
        src.h.requires_grad_().mul_(2)
        return relation.sum(src.h)


class NewEdgeAttribute(RelationEncoder):
    def message(self, src, dst, edge):
        edge["twice"] = 2 * edge["weight"]
        return src.h


class LateParameters(RelationEncoder):
    def forward(self, relation, src, dst):
        if not hasattr(self, "layer"):
            self.layer = nn.Linear(4, 4)
        return relation.sum(self.layer(src.h))


class NoSuchAttribute(RelationEncoder):
    def message(self, src, dst, edge):
        return src.h * edge["age"][:, None]


class NoMask(RelationEncoder):
    def message(self, src, dst, edge):
        return src.h * src.present.float()[:, None]


class WrongSignature(RelationEncoder):
    def message(self, src, edge):
        return src.h


class NoHook(RelationEncoder):
    pass


class Fails(RelationEncoder):
    def forward(self, relation, src, dst):
        return 1 / 0


@pytest.mark.parametrize(
    ("encoder", "what", "fix"),
    [
        (SourceRows, "returned (6, 4), expected (5, 4)", "one row a destination node, dim columns"),
        (
            EdgeRows,
            "returned (9, 4), expected (5, 4), and that is one row an edge",
            "self.reduce(relation, messages)",
        ),
        (FewerColumns, "returned (5, 2), expected (5, 4)", "dim columns"),
        (NoColumns, "message() returned (), expected (9, 4)", "one row an edge"),
        (NotATensor, "returned a list", "expected a tensor of shape (5, 4)"),
        (OtherDtype, "returned torch.float64, expected torch.float32", "end with .to(src.h.dtype)"),
        (OtherDevice, "returned a tensor on meta, given tensors on cpu", "device=src.h.device"),
        (InPlace, "changed src.h in place", "write x = x * y instead of x *= y"),
        (EdgeInPlace, "changed edge['weight'] in place", "write x = x * y instead of x *= y"),
        (NewEdgeAttribute, "changed the edge attributes in place", "write x = x * y"),
        (LateParameters, "made parameters while it was called", "make them in __init__"),
    ],
)
def test_broken_contract(encoder, what, fix):
    block = random_block(6, 5, 9)
    with torch.no_grad(), pytest.raises(ConfigError) as problem:
        HeteroConv({LIKED_BY: encoder(4)}, 4)(
            {LIKED_BY: block}, {"song": inputs(6, 4), "user": inputs(5, 4)}, {"user": 5}
        )
    said = str(problem.value)
    assert said.startswith(f"relation encoder {encoder.__name__} {NAMED}")
    assert what in said
    assert fix in said


@pytest.mark.parametrize(
    ("encoder", "what", "fix"),
    [
        (MixedDtypes, "RuntimeError", "bring both sides to one dtype"),
        (MixedDevices, "RuntimeError", "make tensors where the inputs are"),
        (LeafInPlace, "in-place operation", "inputs must not be changed"),
        (NoSuchAttribute, "KeyError: 'age'", "have the attributes: weight"),
        (NoMask, "'NoneType' object has no attribute 'float'", "present is None where"),
        (WrongSignature, "positional argument", "the hooks are message(self, src, dst, edge)"),
        (NoHook, "NoHook must implement message() or forward()", ""),
        (Fails, "ZeroDivisionError: division by zero", ""),
    ],
)
def test_errors_inside_are_shown_with_their_traceback(encoder, what, fix):
    with pytest.raises(PluginError) as problem:
        HeteroConv({LIKED_BY: encoder(4)}, 4)(
            {LIKED_BY: BLOCK}, {"song": inputs(6, 4), "user": inputs(5, 4)}, {"user": 5}
        )
    said = str(problem.value)
    assert said.startswith(f"relation encoder {encoder.__name__} {NAMED} failed: ")
    assert what in said
    assert fix in said
    assert problem.value.__cause__ is not None
    if encoder not in (NoHook, WrongSignature):
        assert "test_encoder_mistakes.py" in problem.value.trace


def test_not_a_relation_encoder():
    with pytest.raises(ConfigError) as problem:
        HeteroConv({LIKED_BY: nn.Linear(4, 4)}, 4)
    assert f"the encoder of {LIKED_BY} is a Linear, not a RelationEncoder" in str(problem.value)


def test_parameters_without_shape():
    class Lazy(RelationEncoder):
        def __init__(self, dim):
            super().__init__(dim)
            self.layer = nn.LazyLinear(dim)

    with pytest.raises(
        ConfigError, match=r"Lazy of .* has parameters without shape \(layer.weight, layer.bias\)"
    ):
        HeteroConv({LIKED_BY: Lazy(4)}, 4)


def test_under_autocast_the_representations_stay_in_single_precision():
    class Projected(RelationEncoder):
        def __init__(self, dim):
            super().__init__(dim)
            self.layer = nn.Linear(dim, dim)

        def forward(self, relation, src, dst):
            return self.layer(relation.sum(src.h))

    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert run(Projected(4)).dtype == torch.float32


def test_an_own_reduction():
    """The largest message of each dimension; nothing for a destination without edges."""

    class Largest(RelationEncoder):
        def message(self, src, dst, edge):
            return src.h + dst.h

        def reduce(self, relation, messages):
            rows = relation.dst_index[:, None].expand_as(messages)
            out = messages.new_full((relation.num_dst, self.dim), float("-inf"))
            out = out.scatter_reduce(0, rows, messages, reduce="amax")
            return torch.where(relation.in_degree[:, None] > 0, out, 0.0)

    block = RelationBlock.from_coo(LIKED_BY, torch.tensor([0, 1, 2]), torch.tensor([0, 0, 3]), 6, 5)
    out = run(Largest(4), block)
    song, user = H["song"].h, H["user"].h
    assert torch.allclose(out[0], torch.maximum(song[0], song[1]) + user[0])
    assert torch.allclose(out[3], song[2] + user[3])
    assert out[1].tolist() == [0, 0, 0, 0]
