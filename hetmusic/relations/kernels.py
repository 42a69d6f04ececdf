"""Sparse products on plain tensors, with the backward pass that a graph wants.

DGL's stock wheel has no CUDA kernels and torch's own CSR product computes its gradient with the slow generic path, so the
product lives here behind one function: a CSR product forward and the *transposed* CSR product backward (both sums run
over rows, so no atomics are needed and results are reproducible). On a CPU the product in single precision is an embedding
bag, which is several times faster than the product of torch's CSR tensors (docs/performance.md), and so on the meta device,
where memory is counted. Fake tensors, which have no sparse product, take a gather + ``index_add`` form of the same values.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn import Parameter, functional

# torch announces on first use that CSR tensors are in beta; that says nothing to a user of hetmusic
warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")


Transposed = tuple[Tensor, Tensor, Tensor]
T = TypeVar("T")


@dataclass(frozen=True)
class Csr:
    """A sparsity pattern in compressed rows, with the transposed pattern for the backward pass.

    ``order`` maps an entry of the transposed pattern to its position among the entries of the pattern itself, so that one
    array of values serves both.
    """

    #: integer, shape ``(num_rows + 1,)``
    indptr: Tensor
    #: integer column of every entry, shape ``(nnz,)``
    indices: Tensor
    num_rows: int
    num_cols: int
    #: the transposed pattern, or what makes it for its first reader: not every pattern of a step is turned
    turned: Transposed | Callable[[], Transposed]
    #: what was made of the pattern and is kept for its next reader
    made: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def transposed(self) -> Transposed:
        """The transposed pattern: ``(indptr, indices, order)``."""
        if not callable(self.turned):
            return self.turned
        return self.keep("transposed", self.turned)

    def keep(self, name: str, make: Callable[[], T]) -> T:
        """What is made of the pattern when it is first asked for, the same for all towers and layers that share it."""
        if name not in self.made:
            self.made[name] = make()
        found: T = self.made[name]
        return found

    def entries_before(self, row: int) -> int:
        """How many entries the rows before one have; without data, on the meta device, as if all had equally many."""
        if self.indptr.is_meta:
            return len(self.indices) * row // max(self.num_rows, 1)
        return int(self.indptr[row])

    def rows(self, start: int, stop: int) -> Csr:
        """The rows ``start .. stop - 1``."""
        begin, end = self.entries_before(start), self.entries_before(stop)
        indptr, indices = self.indptr[start : stop + 1] - self.indptr[start], self.indices[begin:end]

        def turn() -> Transposed:
            order = torch.argsort(indices, stable=True)
            starts = row_starts(indices, self.num_cols)
            return starts, row_index(indptr, len(indices))[order].to(indices.dtype), order.to(indices.dtype)

        return Csr(indptr, indices, stop - start, self.num_cols, turn)


def row_starts(rows: Tensor, num_rows: int) -> Tensor:
    """The compressed form of the rows of entries, in any order: int32, shape ``(num_rows + 1,)``."""
    counts = torch.bincount(rows.long(), minlength=num_rows)
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)]).int()


def row_index(indptr: Tensor, nnz: int) -> Tensor:
    """The row of every entry, int64, shape ``(nnz,)``."""
    counts = (indptr[1:] - indptr[:-1]).long()
    rows = torch.arange(len(counts), device=indptr.device)
    return torch.repeat_interleave(rows, counts, output_size=nnz)


def _exact(x: Tensor) -> Tensor:
    """In float32 where it is less: half precision has no sparse product on the CPU, and long sums want float32 anyway."""
    return x.float() if x.dtype in {torch.bfloat16, torch.float16} else x


def _is_plain(x: Tensor) -> bool:
    """Whether torch's sparse products take a tensor; fake ones have none, and on meta none but the embedding bag."""
    # an embedding table comes as a Parameter
    return x.device.type in {"cpu", "cuda"} and type(x) in {Tensor, Parameter}


def sparse_product(
    indptr: Tensor, indices: Tensor, values: Tensor | None, shape: tuple[int, int], x: Tensor
) -> Tensor:
    """A matrix in compressed rows times x, on devices without sparse products by gathering; no gradient.

    :param values: of the entries, ``(nnz,)``; None for ones.
    :param shape: of the matrix.
    :return: shape ``(shape[0], dim)``.
    """
    if x.is_meta:
        return _bag(indptr, indices, values, x)
    if not _is_plain(x):
        rows = row_index(indptr, len(indices))
        messages = x[indices.long()] if values is None else x[indices.long()] * values[:, None]
        return x.new_zeros(shape[0], x.shape[1]).index_add(0, rows, messages)
    exact = _exact(x)
    with torch.autocast(x.device.type, enabled=False):
        if x.device.type == "cpu" and exact.dtype == torch.float32:
            return _bag(indptr, indices, values, exact).to(x.dtype)
        entries = exact.new_ones(len(indices)) if values is None else values.to(exact.dtype)
        matrix = torch.sparse_csr_tensor(indptr, indices, entries, size=shape, check_invariants=False)
        return (matrix @ exact).to(x.dtype)


def _bag(indptr: Tensor, indices: Tensor, values: Tensor | None, x: Tensor) -> Tensor:
    """The product as sums over bags of rows of x: one pass without intermediate arrays, which fetches rows ahead."""
    return functional.embedding_bag(
        indices,
        x.contiguous(),
        indptr,
        mode="sum",
        per_sample_weights=None if values is None else values.to(x.dtype),
        include_last_offset=True,
    )


def _times(pattern: Csr, values: Tensor | None, x: Tensor) -> Tensor:
    """The matrix with these values times x, ``(num_rows, dim)``."""
    return sparse_product(pattern.indptr, pattern.indices, values, (pattern.num_rows, pattern.num_cols), x)


def _transposed_times(pattern: Csr, values: Tensor | None, y: Tensor) -> Tensor:
    """The transposed matrix times y, ``(num_cols, dim)``."""
    indptr, indices, order = pattern.transposed
    turned = None if values is None else values[order.long()]
    return sparse_product(indptr, indices, turned, (pattern.num_cols, pattern.num_rows), y)


def _at_entries(pattern: Csr, y: Tensor, x: Tensor) -> Tensor:
    """Inner product of y[row] and x[column] at every entry, ``(nnz,)``."""
    # torch makes room for as many entries as a matrix has places, which edges that occur twice may exceed
    fits = len(pattern.indices) <= pattern.num_rows * pattern.num_cols
    if fits and _is_plain(x) and x.device.type == "cpu":
        # without arrays of shape (nnz, dim), of which making the memory alone takes many times longer
        left, right = _exact(y), _exact(x)
        shape = (pattern.num_rows, pattern.num_cols)
        with torch.autocast("cpu", enabled=False):
            zeros = left.new_zeros(len(pattern.indices))
            matrix = torch.sparse_csr_tensor(
                pattern.indptr, pattern.indices, zeros, size=shape, check_invariants=False
            )
            found: Tensor = torch.sparse.sampled_addmm(
                matrix, left, right.to(left.dtype).T, beta=0.0
            ).values()
            return found.to(x.dtype)
    rows = row_index(pattern.indptr, len(pattern.indices))
    return (y[rows] * x[pattern.indices.long()]).sum(dim=1)


class _SparseProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pattern: Csr, values: Tensor | None, x: Tensor) -> Tensor:
        ctx.pattern = pattern
        ctx.save_for_backward(values, x if ctx.needs_input_grad[1] else None)
        return _times(pattern, values, x)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[None, Tensor | None, Tensor | None]:
        values, x = ctx.saved_tensors
        grad = grads[0].contiguous()
        grad_values = _at_entries(ctx.pattern, grad, x) if ctx.needs_input_grad[1] else None
        grad_x = _transposed_times(ctx.pattern, values, grad) if ctx.needs_input_grad[2] else None
        return None, grad_values, grad_x


class _EntryProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pattern: Csr, y: Tensor, x: Tensor) -> Tensor:
        ctx.pattern = pattern
        ctx.save_for_backward(x if ctx.needs_input_grad[1] else None, y if ctx.needs_input_grad[2] else None)
        return _at_entries(pattern, y, x)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[None, Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        grad_y = _times(ctx.pattern, grads[0], x) if ctx.needs_input_grad[1] else None
        grad_x = _transposed_times(ctx.pattern, grads[0], y) if ctx.needs_input_grad[2] else None
        return None, grad_y, grad_x


def spmm(pattern: Csr, values: Tensor | None, x: Tensor) -> Tensor:
    """Sparse times dense: row r of the result is the sum over its entries of value · x[column].

    :param pattern: sparsity pattern, ``(num_rows, num_cols)``.
    :param values: shape ``(nnz,)``; may require a gradient; None for ones.
    :param x: shape ``(num_cols, dim)``; may require a gradient.
    :return: shape ``(num_rows, dim)``.
    """
    if len(pattern.indices) == 0:
        # keeps the result inside the autograd graph, so that a batch without edges still has gradients (zeros)
        return x.new_zeros(pattern.num_rows, x.shape[1]) + 0.0 * x.sum()
    result = _SparseProduct.apply(pattern, None if values is None else values.to(x.dtype), x)
    assert isinstance(result, Tensor)
    return result


def sddmm(pattern: Csr, y: Tensor, x: Tensor) -> Tensor:
    """Dense times dense where the pattern has entries: y[row] · x[column] for each.

    :param pattern: sparsity pattern, ``(num_rows, num_cols)``.
    :param y: shape ``(num_rows, dim)``; may require a gradient.
    :param x: shape ``(num_cols, dim)``; may require a gradient.
    :return: shape ``(nnz,)``.
    """
    if len(pattern.indices) == 0:
        return x.new_zeros(0) + 0.0 * x.sum() + 0.0 * y.sum()
    result = _EntryProduct.apply(pattern, y.to(x.dtype), x)
    assert isinstance(result, Tensor)
    return result


def segment_softmax(scores: Tensor, rows: Tensor, num_rows: int) -> Tensor:
    """Softmax over the entries of every row.

    :param scores: shape ``(nnz, heads)``.
    :param rows: row of every entry, int64, shape ``(nnz,)``.
    :return: shape ``(nnz, heads)``; the entries of each row sum to one per head.
    """
    return softmax_and_mass(scores, rows, num_rows)[0]


def softmax_and_mass(scores: Tensor, rows: Tensor, num_rows: int) -> tuple[Tensor, Tensor]:
    """Softmax over the entries of every row, and the logarithm of what it divided by.

    :param scores: shape ``(nnz, heads)``.
    :param rows: row of every entry, int64, shape ``(nnz,)``.
    :return: the softmax, ``(nnz, heads)``, and log Σ exp(score) of every row, ``(num_rows, heads)``, which is finite and
        means nothing for a row without entries.
    """
    expanded = rows[:, None].expand_as(scores)
    top = scores.new_full((num_rows, scores.shape[1]), float("-inf"))
    top = top.scatter_reduce(0, expanded, scores.detach(), reduce="amax")
    top = top.masked_fill(top == float("-inf"), 0.0)
    exponentials = torch.exp(scores - top[rows])
    total = scores.new_zeros(num_rows, scores.shape[1]).index_add(0, rows, exponentials)
    total = total.clamp(min=torch.finfo(scores.dtype).tiny)
    return exponentials / total[rows], top + total.log()
