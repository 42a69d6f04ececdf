from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch._subclasses.fake_tensor import FakeTensorMode

from hetmusic.relations import NodeInputs, RelationBlock
from hetmusic.relations.edge_ends import EdgeEnds
from hetmusic.relations.kernels import segment_softmax, spmm
from tests.blocks import LIKED_BY, fake_cuda, needs_cuda_build, random_block


def dense(block, values):
    matrix = torch.zeros(block.num_dst, block.num_src, dtype=values.dtype)
    return matrix.index_put((block.dst_index, block.src_index), values, accumulate=True)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 36), st.integers(0, 9))
def test_product_and_gradients_equal_the_dense_ones(num_src, num_dst, num_edges, seed):
    block = random_block(num_src, num_dst, min(num_edges, num_src * num_dst), seed)
    torch.manual_seed(seed)
    x = torch.randn(num_src, 3, dtype=torch.float64, requires_grad=True)
    values = torch.rand(block.num_edges, dtype=torch.float64, requires_grad=True)
    target = torch.randn(num_dst, 3, dtype=torch.float64)
    ours = (spmm(block.csr, values, x) * target).sum()
    theirs = ((dense(block, values) @ x) * target).sum()
    assert torch.allclose(ours, theirs)
    for mine, reference in zip(
        torch.autograd.grad(ours, [x, values], allow_unused=True),
        torch.autograd.grad(theirs, [x, values], allow_unused=True),
        strict=True,
    ):
        if block.num_edges:
            assert torch.allclose(mine, reference)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 36), st.booleans(), st.integers(0, 9))
def test_single_precision_products_equal_the_dense_ones(num_src, num_dst, num_edges, weighted, seed):
    block = random_block(num_src, num_dst, min(num_edges, num_src * num_dst), seed)
    torch.manual_seed(seed)
    wide = torch.randn(num_src, 6, requires_grad=True)
    values = torch.randn(block.num_edges) if weighted else None
    target = torch.randn(num_dst, 3)
    matrix = dense(block, torch.ones(block.num_edges) if values is None else values)
    for x in (wide[:, :3], wide[:, ::2]):  # rows and columns that do not follow each other in memory
        ours, theirs = spmm(block.csr, values, x), matrix @ x
        assert torch.allclose(ours, theirs, atol=1e-5)
        grads = [torch.autograd.grad((out * target).sum(), wide)[0] for out in (ours, theirs)]
        assert torch.allclose(*grads, atol=1e-5)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 36), st.integers(0, 9))
def test_products_at_entries_and_gradients_equal_the_dense_ones(num_src, num_dst, num_edges, seed):
    block = random_block(num_src, num_dst, min(num_edges, num_src * num_dst), seed)
    torch.manual_seed(seed)
    y, x = (torch.randn(count, 3, dtype=torch.float64, requires_grad=True) for count in (num_dst, num_src))
    target = torch.randn(block.num_edges, dtype=torch.float64)
    ours = block.dot(y, x)
    theirs = (y @ x.T)[block.dst_index, block.src_index]
    assert torch.allclose(ours, theirs)
    for mine, reference in zip(
        torch.autograd.grad((ours * target).sum(), [y, x]),
        torch.autograd.grad((theirs * target).sum(), [y, x]),
        strict=True,
    ):
        assert torch.allclose(mine, reference)


def test_products_at_entries_of_edges_that_occur_twice():
    twice = RelationBlock.from_coo(LIKED_BY, torch.tensor([1, 0, 1]), torch.tensor([0, 0, 0]), 2, 1)
    y, x = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0], [5.0, 6.0]])
    assert twice.dot(y, x).tolist() == [17, 11, 17]


def test_transposed_pattern_is_the_transpose():
    block = random_block(5, 4, 9)
    indptr, indices, order = block.csr.transposed
    rows = torch.repeat_interleave(torch.arange(5), (indptr[1:] - indptr[:-1]).long())
    assert torch.equal(rows, block.src_index[order.long()])
    assert torch.equal(indices.long(), block.dst_index[order.long()])


def test_meta_device_runs_forward_and_backward():
    block = random_block(5, 4, 9).to(torch.device("meta"))
    x = torch.randn(5, 3, device="meta", requires_grad=True)
    values = block.dot(torch.randn(4, 3, device="meta"), x)
    out = block.sum(x, values)
    out.sum().backward()
    assert values.shape == (9,)
    assert out.shape == (4, 3)
    assert x.grad.device.type == "meta"


def test_gather_form_equals_the_sparse_product():
    block = random_block(6, 5, 14)
    x = torch.randn(6, 3)
    gathered = torch.zeros(5, 3).index_add(0, block.dst_index, x[block.src_index])
    assert torch.allclose(block.sum(x), gathered, atol=1e-6)


@needs_cuda_build
def test_fake_cuda_runs_forward_and_refuses_a_mix_of_devices():
    mode = FakeTensorMode()
    block = fake_cuda(random_block(5, 4, 9), mode)
    with mode:
        x = torch.empty(5, 3, device="cuda")
        assert block.sum(x).device.type == "cuda"
        with pytest.raises(RuntimeError, match="device"):
            block.sum(torch.empty(5, 3))


@given(st.integers(1, 5), st.integers(0, 12), st.integers(0, 9))
def test_segment_softmax_sums_to_one(num_rows, nnz, seed):
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(num_rows, (nnz,), generator=generator)
    scores = 50 * torch.randn(nnz, 2, generator=generator)
    alpha = segment_softmax(scores, rows, num_rows)
    total = torch.zeros(num_rows, 2).index_add(0, rows, alpha)
    occupied = torch.bincount(rows, minlength=num_rows) > 0
    assert torch.allclose(total[occupied], torch.ones(()), atol=1e-5)


def test_segment_softmax_by_hand():
    scores = torch.tensor([[0.0], [1.0], [5.0]])
    alpha = segment_softmax(scores, torch.tensor([0, 0, 1]), 2)
    e = torch.e
    assert torch.allclose(alpha, torch.tensor([[1 / (1 + e)], [e / (1 + e)], [1.0]]))


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 36), st.integers(0, 9))
def test_rows_by_edge_and_their_sums_have_the_gradients_of_indexing(num_src, num_dst, num_edges, seed):
    block = random_block(num_src, num_dst, min(num_edges, num_src * num_dst), seed)
    torch.manual_seed(seed)
    ends = [torch.randn(n, 3, dtype=torch.float64, requires_grad=True) for n in (num_src, num_dst)]
    target = torch.randn(num_dst, 3, dtype=torch.float64)
    src, dst = (EdgeEnds(NodeInputs(h), block, source) for h, source in zip(ends, (True, False), strict=True))
    ours = (block.sum_edges(src.h * dst.h.sin()) * target).sum()
    messages = ends[0][block.src_index] * ends[1][block.dst_index].sin()
    theirs = (torch.zeros_like(target).index_add(0, block.dst_index, messages) * target).sum()
    assert torch.allclose(ours, theirs)
    for mine, reference in zip(
        torch.autograd.grad(ours, ends), torch.autograd.grad(theirs, ends), strict=True
    ):
        assert torch.allclose(mine, reference)


def test_ends_are_gathered_only_if_asked_for():
    block = random_block(5, 4, 9)
    degree, present = torch.arange(5.0), torch.arange(5) % 2 == 0
    src = EdgeEnds(NodeInputs(torch.randn(5, 3), present, degree), block, source=True)
    assert src.degree.tolist() == degree[block.src_index].tolist()
    assert src.present.tolist() == present[block.src_index].tolist()
    assert "h" not in vars(src)
    assert EdgeEnds(NodeInputs(torch.randn(4, 3)), block, source=False).present is None
