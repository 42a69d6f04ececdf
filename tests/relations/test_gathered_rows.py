"""Rows by edge that are made only if somebody looks at them: the same as rows that were made, whatever one does."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hetmusic._dgl import dgl
from hetmusic.graph.types import EdgeType
from hetmusic.relations import NodeInputs, RelationBlock, RelationEncoder
from hetmusic.relations.edge_ends import EdgeEnds
from hetmusic.relations.gathered_rows import GatheredRows

EDGE_TYPE = EdgeType("song", "listened_by", "user")


def random_block(num_edges: int, seed: int = 0, num_src: int = 5, num_dst: int = 4) -> RelationBlock:
    """Edges with weights; some occur twice."""
    generator = torch.Generator().manual_seed(seed)
    src, dst = (torch.randint(n, (num_edges,), generator=generator) for n in (num_src, num_dst))
    weight = 0.5 + torch.rand(num_edges, generator=generator, dtype=torch.float64)
    return RelationBlock.from_coo(EDGE_TYPE, src, dst, num_src, num_dst, {"weight": weight})


@pytest.fixture
def block() -> RelationBlock:
    return random_block(9)


@pytest.fixture
def rows(block) -> torch.Tensor:
    """Sources' rows in an encoder that needs no gradient."""
    return EdgeEnds(NodeInputs(torch.randn(5, 3)), block, source=True).h


@pytest.fixture
def unseen(monkeypatch):
    """Nobody may look at the rows."""

    def look(rows):
        raise AssertionError("the rows were made")

    monkeypatch.setattr(GatheredRows, "look", look)


def half_in_place(x, w):
    x[:, :1] = 0.0
    return x * w


def through_a_view(x, w):
    x.view(-1).mul_(2.0)
    return x * w


#: what a message may do with the source's rows and weights of shape (num_edges, 1)
OPERATIONS = {
    "nothing": lambda x, w: x,
    "times": lambda x, w: x * w,
    "times from the left": lambda x, w: w * x,
    "times twice": lambda x, w: w.sin() * (x * w),
    "divided": lambda x, w: x / w,
    "divides": lambda x, w: w / x,
    "divides after more": lambda x, w: w / (1 + x * x),
    "times and divided": lambda x, w: x * w.log1p() / w,
    "times a number": lambda x, w: 0.5 * x,
    "times a row": lambda x, w: x * w[:1] * torch.arange(1.0, 4.0, dtype=x.dtype),
    "times itself": lambda x, w: x * x,
    "plus": lambda x, w: x + w,
    "a function": lambda x, w: torch.tanh(x * w),
    "side by side": lambda x, w: torch.cat([x, x * w], dim=1)[:, 1:4],
    "product of matrices": lambda x, w: x @ torch.ones(3, 3, dtype=x.dtype).tril(),
    "in place": lambda x, w: x.mul_(w),
    "in place, then times": lambda x, w: x.add_(1.0) * w,
    "looked at, then times": lambda x, w: (x.sum(), x * w)[1],
    "half in place": half_in_place,
    "in place through a view": through_a_view,
    "heads": lambda x, w: (x.view(-1, 3, 1) * w[:, :, None]).flatten(1),
    "copied": lambda x, w: x.clone() * w,
    "checkpointed": lambda x, w: torch.utils.checkpoint.checkpoint(
        lambda y: y.sin() * w, x, use_reentrant=False
    ),
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 12), st.integers(0, 99), st.booleans())
def test_messages_and_gradients_are_those_of_rows_that_were_made(operation, num_edges, seed, learned):
    block = random_block(num_edges, seed)
    torch.manual_seed(seed)
    h = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    weight = block.edge["weight"].clone().requires_grad_(learned)
    target = torch.randn(4, 3, dtype=torch.float64)
    results = []
    for x in (EdgeEnds(NodeInputs(h), block, source=True).h, h[block.src_index]):
        messages = operation(x, weight[:, None])
        out = (block.sum_edges(messages) * target).sum()
        grads = torch.autograd.grad(out, [h, weight] if learned else [h], allow_unused=True)
        results.append([messages, out, *(g for g in grads if g is not None)])
    assert len(results[0]) == len(results[1])
    for ours, theirs in zip(*results, strict=True):
        assert torch.allclose(ours, theirs)


class Scaled(RelationEncoder):
    """Weighted messages and the base class's mean."""

    def message(self, src, dst, edge):
        return src.h * edge["weight"].to(src.h.dtype)[:, None]


class OwnReduce(Scaled):
    """The sum in its place."""

    def reduce(self, relation, messages):
        return relation.sum_edges(messages)


class FromDestinations(RelationEncoder):
    """Messages of the other end."""

    def message(self, src, dst, edge):
        return dst.h / edge["weight"].to(dst.h.dtype)[:, None]


@pytest.mark.parametrize("encoder", [Scaled, OwnReduce, FromDestinations])
def test_messages_that_scale_are_never_made(block, unseen, encoder):
    src, dst = torch.randn(5, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True)
    encoder(3)(block, NodeInputs(src), NodeInputs(dst)).sum().backward()
    read = dst if encoder is FromDestinations else src
    assert read.grad is not None


def test_messages_that_do_more_are_made(block, unseen):
    with pytest.raises(AssertionError, match="the rows were made"):
        EdgeEnds(NodeInputs(torch.randn(5, 3)), block, source=True).h.sin()


def test_gradients_of_gradients():
    block = random_block(6)
    weight = block.edge["weight"].requires_grad_()

    def summed(h, w):
        return block.sum_edges(EdgeEnds(NodeInputs(h), block, source=True).h * w[:, None])

    h = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(summed, (h, weight))


def test_what_is_changed_in_place_are_the_rows_and_not_the_nodes(block):
    h = torch.randn(5, 3)
    before = h.clone()
    rows = EdgeEnds(NodeInputs(h), block, source=True).h
    assert rows.zero_() is rows
    assert torch.equal(h, before)
    assert torch.equal(rows * torch.ones(9, 1), torch.zeros(9, 3))


def test_half_precision_is_that_of_torch(block):
    rows = EdgeEnds(NodeInputs(torch.randn(5, 3)), block, source=True).h
    layer = nn.Linear(3, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(layer(rows), layer(rows.clone()))
    # of another dtype than the factor: torch's rules say which the result has
    assert (rows * torch.ones(9, 1, dtype=torch.float64)).dtype == torch.float64


def test_a_matrix_of_half_precision_is_summed(block):
    h = torch.randn(5, 3).bfloat16()
    summed = block.sum_edges(EdgeEnds(NodeInputs(h), block, source=True).h)
    assert summed.dtype == torch.bfloat16
    assert torch.allclose(summed.float(), block.sum(h.float()), atol=0.05)


def test_dgl_reads_the_rows(block, rows):
    lengths = (block.csr.indptr[1:] - block.csr.indptr[:-1]).long()
    assert torch.allclose(dgl.ops.segment_reduce(lengths, rows, "sum"), block.sum_edges(rows.clone()))


@pytest.mark.parametrize(
    "leave",
    [
        lambda x: torch.from_numpy(x.numpy()),
        lambda x: torch.tensor(x.tolist()),
        torch.from_dlpack,
        copy.deepcopy,
        lambda x: pickle.loads(pickle.dumps(x)),
        lambda x: torch.from_numpy(np.asarray(x)),
    ],
    ids=["numpy", "tolist", "dlpack", "deepcopy", "pickle", "asarray"],
)
def test_rows_leave_torch_as_ordinary_ones(rows, leave):
    assert isinstance(rows, GatheredRows)
    left = leave(rows)
    assert type(left) is torch.Tensor
    assert torch.equal(left, rows)


def test_there_is_no_memory_to_be_read_by_mistake(rows):
    assert not rows.is_contiguous()
    assert type(rows.contiguous()) is torch.Tensor
    with pytest.raises(RuntimeError, match="data pointer"):
        torch.utils.dlpack.to_dlpack(rows)
    assert rows.data_ptr() == rows.look().data_ptr() != 0


def test_numpy_is_refused_where_a_gradient_is_wanted(block):
    h = torch.randn(5, 3, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"detach\(\)"):
        EdgeEnds(NodeInputs(h), block, source=True).h.numpy()


def test_compiled_functions_take_them(rows):
    compiled = torch.compile(lambda x: 2 * x + 1, backend="eager")
    assert torch.equal(compiled(rows), 2 * rows.clone() + 1)
