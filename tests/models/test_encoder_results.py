"""What an encoder returns: wrong shapes, dtypes, devices and numbers are errors that name encoder and relation."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hetmusic.errors import ConfigError
from hetmusic.models import HeteroConv
from hetmusic.relations import NodeInputs, RelationBlock, RelationEncoder
from tests.blocks import LIKED_BY, inputs, random_block
from tests.models.encoder_calls import BLOCK, NAMED

H = {"song": inputs(6, 4), "user": inputs(5, 4, seed=2)}


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


class NumbersByEdge(RelationEncoder):
    def message(self, src, dst, edge):
        return edge["weight"]


class OneColumn(RelationEncoder):
    def message(self, src, dst, edge):
        return (src.h * dst.h).sum(dim=1, keepdim=True)


class Transposed(RelationEncoder):
    def message(self, src, dst, edge):
        return src.h.T


class Nothing(RelationEncoder):
    def message(self, src, dst, edge):
        src.h * 2  # and no return


class NoColumns(RelationEncoder):
    def message(self, src, dst, edge):
        return src.h.sum()


class NotATensor(RelationEncoder):
    def forward(self, relation, src, dst):
        return [dst.h]


class OtherDtype(RelationEncoder):
    def forward(self, relation, src, dst):
        return dst.h.double()


class OtherDevice(RelationEncoder):
    def forward(self, relation, src, dst):
        return dst.h.to("meta")


class InPlace(RelationEncoder):
    def forward(self, relation, src, dst):
        src.h.mul_(2)
        return relation.sum(src.h)


class EdgeInPlace(RelationEncoder):
    def message(self, src, dst, edge):
        edge["weight"] *= 2
        return src.h


class NewEdgeAttribute(RelationEncoder):
    def message(self, src, dst, edge):
        edge["twice"] = 2 * edge["weight"]
        return src.h


class LateParameters(RelationEncoder):
    def forward(self, relation, src, dst):
        if not hasattr(self, "layer"):
            self.layer = nn.Linear(4, 4)
        return relation.sum(self.layer(src.h))


@pytest.mark.parametrize(
    ("encoder", "what", "fix"),
    [
        (SourceRows, "returned (6, 4), expected (5, 4)", "one row a destination node, dim columns"),
        (
            EdgeRows,
            "returned (9, 4), expected (5, 4), and that is one row an edge",
            "self.reduce(relation, messages)",
        ),
        (
            FewerColumns,
            "message() returned (9, 2), expected (9, 4)",
            "need a reduce(self, relation, messages)",
        ),
        (NumbersByEdge, "message() returned (9,), expected (9, 4)", "multiply src.h by a column, x[:, None]"),
        (OneColumn, "message() returned (9, 1), expected (9, 4)", "multiply src.h by this column"),
        (Transposed, "message() returned (4, 9), expected (9, 4)", "one row an edge"),
        (Nothing, "message() returned NoneType, expected (9, 4)", "one row an edge"),
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


class Quotient(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.sum(src.h) / relation.in_degree[:, None]


class Infinite(RelationEncoder):
    def message(self, src, dst, edge):
        return src.h / (0 * edge["weight"])[:, None]


@pytest.mark.parametrize(("encoder", "bad", "without"), [(Quotient, 3, 3), (Infinite, 2, 0)])
def test_numbers_that_are_none_are_told_before_a_loss_is(encoder, bad, without):
    edge = {"weight": torch.ones(3)}
    block = RelationBlock.from_coo(LIKED_BY, torch.tensor([0, 1, 2]), torch.tensor([0, 0, 3]), 6, 5, edge)
    with pytest.raises(ConfigError) as problem:
        run(encoder(4), block)
    said = f"returned NaN or infinity for {bad} of 5 destinations, of which {without} have no edges, from inputs that are"
    assert said in str(problem.value)
    nan = {"song": NodeInputs(torch.full((6, 4), torch.nan)), "user": inputs(5, 4)}
    HeteroConv({LIKED_BY: encoder(4)}, 4)({LIKED_BY: block}, nan, {"user": 5})  # not the encoder's fault
