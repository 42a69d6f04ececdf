"""Rows by edge, and sums of them by node: what messages are made of, with the backward passes that a graph wants."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hetmusic.relations.gathered_rows import GatheredRows, rows_by_entry
from hetmusic.relations.kernels import Csr, sparse_product


class _Gather(torch.autograd.Function):
    """Rows by edge; the gradient is a sum over the edges of every node, without the slow path of an advanced index."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, index: Tensor, pattern: Csr, source: bool) -> Tensor:
        ctx.pattern, ctx.source, ctx.rows = pattern, source, len(x)
        ctx.save_for_backward(index)
        return rows_by_entry(x, index)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None, None, None]:
        (index,) = ctx.saved_tensors
        if not ctx.source:
            return _sum_by_row(ctx.pattern, grads[0], index), None, None, None
        indptr, _, order = ctx.pattern.transposed
        return _sum_by_entry(indptr, order, grads[0], index, ctx.rows), None, None, None


def gather(pattern: Csr, x: Tensor, index: Tensor, source: bool) -> Tensor:
    """The row of ``x`` that stands at one end of every entry.

    :param x: one row a column of the pattern (``source``) or a row of it, ``(n, dim)``.
    :param index: which one it is, integer ``(nnz,)``.
    :return: shape ``(nnz, dim)``, made when it is looked at (:class:`GatheredRows`).
    """
    result = _Gather.apply(x, index, pattern, source)
    assert isinstance(result, Tensor)
    return result


class _SegmentSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, rows: Tensor, pattern: Csr) -> Tensor:
        ctx.save_for_backward(rows)
        return _sum_by_row(pattern, values, rows)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None, None]:
        (rows,) = ctx.saved_tensors
        return rows_by_entry(grads[0], rows), None, None


def segment_sum(pattern: Csr, values: Tensor, rows: Tensor) -> Tensor:
    """The sum of one value an entry over the entries of every row.

    :param values: shape ``(nnz, ...)``.
    :param rows: row of every entry, int64 ``(nnz,)``.
    :return: shape ``(num_rows, ...)``.
    """
    result = _SegmentSum.apply(values, rows, pattern)
    assert isinstance(result, Tensor)
    return result


def _sum_by_row(pattern: Csr, values: Tensor, rows: Tensor) -> Tensor:
    """Entries are in the order of their rows."""
    return _sum_by_entry(pattern.indptr, None, values, rows, pattern.num_rows)


def _sum_by_entry(
    indptr: Tensor, order: Tensor | None, values: Tensor, rows: Tensor, num_rows: int
) -> Tensor:
    """Sum ``values[order[k]]`` over the k of every row, in their order if it is None; ``rows`` says the same by value.

    A sparse product where there is one: on a GPU no atomic additions make results vary, and on the CPU it takes less than
    half as long as ``index_add``.
    """
    if isinstance(values, GatheredRows):
        if values.made is None:
            return values.summed(indptr, order, num_rows)
        values = values.made
    plain = values.device.type in {"cpu", "cuda"} and type(values) is Tensor
    if plain and values.dim() == 2 and values.is_floating_point() and len(values):
        if order is None:
            order = torch.arange(len(values), dtype=indptr.dtype, device=values.device)
        return sparse_product(indptr, order, None, (num_rows, len(values)), values.contiguous())
    return values.new_zeros(num_rows, *values.shape[1:]).index_add_(0, rows, values)
