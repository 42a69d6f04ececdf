"""Errors that are raised inside an encoder: named, with the traceback and what may help."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from hetmusic.errors import PluginError
from hetmusic.models import HeteroConv
from hetmusic.relations import RelationEncoder
from tests.blocks import LIKED_BY, inputs
from tests.models.encoder_calls import BLOCK, NAMED


class OtherSize(RelationEncoder):
    def __init__(self, dim):
        super().__init__(dim)
        self.layer = nn.Linear(7, dim)

    def message(self, src, dst, edge):
        return self.layer(src.h)


class NoColumnOfIt(RelationEncoder):
    def message(self, src, dst, edge):
        return src.h * edge["weight"]


class LikeDgl(RelationEncoder):
    def message(self, src, dst, edge):
        return src.feat


class Misspelt(RelationEncoder):
    def message(self, src, dst, edge):
        return src.h * src.degre[:, None]


class LikeDglEdges(RelationEncoder):
    def message(self, src, dst, edge):
        return src.h * edge.weight[:, None]


class NoSuchEdges(RelationEncoder):
    def message(self, src, dst, edge):
        return src.h * edge.rating[:, None]


class EndsAsTensors(RelationEncoder):
    def message(self, src, dst, edge):
        return torch.cat([src, dst], dim=1)


class OfTheRelation(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.summ(src.h)


class SumOfEdges(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.sum(src.h[relation.src_index])


class SumOfNodes(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.sum_edges(src.h)


class DotTheOtherWay(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.sum(src.h, relation.dot(src.h, dst.h))


class FlatSoftmax(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.sum(src.h, relation.softmax(relation.dot(dst.h, src.h)))


class MixedIndices(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.sum_edges(dst.h[relation.src_index])


class MixedDtypes(RelationEncoder):
    def forward(self, relation, src, dst):
        return src.h.new_zeros(5, 4).index_add(0, relation.dst_index, src.h.double()[relation.src_index])


class MixedDevices(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.sum(src.h) * torch.ones(5, 1, device="meta")


class LeafInPlace(RelationEncoder):
    def forward(self, relation, src, dst):
        src.h.requires_grad_().mul_(2)
        return relation.sum(src.h)


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
        (MixedDtypes, "RuntimeError", "bring both sides to one dtype"),
        (MixedDevices, "RuntimeError", "make tensors where the inputs are"),
        (LeafInPlace, "in-place operation", "inputs must not be changed"),
        (NoSuchAttribute, "KeyError: 'age'", "have the attributes: weight"),
        (NoMask, "'NoneType' object has no attribute 'float'", "present is None where"),
        (WrongSignature, "positional argument", "the hooks are message(self, src, dst, edge)"),
        (NoHook, "NoHook must implement message() or forward()", ""),
        (NoColumnOfIt, "RuntimeError", 'such as edge["weight"], becomes a column by [:, None]'),
        (OtherSize, "mat1 and mat2 shapes cannot be multiplied", "dim = 4 columns: make layers from dim"),
        (LikeDgl, "no attribute 'feat'", "src and dst have: h, present, degree"),
        (Misspelt, "no attribute 'degre'", "(did you mean 'degree'?)"),
        (LikeDglEdges, "no attribute 'weight'", 'write edge["weight"]'),
        (NoSuchEdges, "no attribute 'rating'", "have the attributes: weight, time"),
        (EndsAsTensors, "TypeError", "src and dst are no tensors: take src.h and dst.h"),
        (OfTheRelation, "no attribute 'summ'", "(did you mean 'sum'?)"),
        (SumOfEdges, "relation.sum takes one row a source node, which are 6, and got 9", ""),
        (SumOfNodes, "relation.sum_edges takes one row an edge, which are 9, and got 6", ""),
        (DotTheOtherWay, "relation.dot takes one row a destination node (first), which are 5, and got 6", ""),
        (FlatSoftmax, "not (9,): for one head, scores[:, None]", ""),
        (MixedIndices, "IndexError", "of which there are 6 and 5"),
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
        assert "test_encoder_errors.py" in problem.value.trace
        assert re.search(r"test_encoder_errors\.py, line \d+\)", said), "a line of one's own, not of torch"
