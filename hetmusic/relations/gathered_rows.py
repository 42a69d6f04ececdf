"""Rows of a matrix by edge that are made only if somebody looks at them.

What most ``message`` methods do is take the source's row and scale it, and what ``reduce`` does is sum. Written out, that
moves arrays of shape ``(num_edges, dim)`` through memory six times in a step, where one fused sparse product reads each
row once. So gathered rows are a note of where they stand; scaling them changes the note, summing them is the product, and
the same holds for gradients on the way back. Every other operation gets the rows themselves.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.utils._pytree import tree_map_only

from hetmusic.relations.kernels import sparse_product

_MULTIPLY, _DIVIDE = torch.ops.aten.mul.Tensor, torch.ops.aten.div.Tensor


class GatheredRows(Tensor):
    """The tensor ``table[places] * weight[:, None]``.

    It stands below autograd, where operations reach kernels: gradients, version counters and hooks are those of any
    tensor. It has no memory that could be read past torch's operations, and says so to code that tries; such code asks for
    contiguous tensors, and what :meth:`contiguous` gives is an ordinary one.

    :param table: shape ``(n, dim)``, not to be changed afterwards.
    :param places: row of every entry, integer ``(nnz,)``; more than one.
    :param weight: of every entry, ``(nnz,)`` in the dtype of ``table``; None for ones.
    """

    table: Tensor
    places: Tensor
    weight: Tensor | None
    #: the rows themselves, once somebody has looked at them
    made: Tensor | None

    # operations are met below autograd alone
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, table: Tensor, places: Tensor, weight: Tensor | None = None) -> GatheredRows:  # noqa: D102
        rows: GatheredRows = Tensor._make_wrapper_subclass(
            cls,
            (len(places), table.shape[1]),
            # not contiguous, so that contiguous() is an operation
            strides=(2 * table.shape[1], 2),
            dtype=table.dtype,
            device=table.device,
        )
        torch._C._set_throw_on_mutable_data_ptr(rows)
        rows.table, rows.places, rows.weight, rows.made = table, places, weight, None
        return rows

    def look(self) -> Tensor:
        """The rows themselves, an ordinary tensor."""
        if self.made is None:
            rows = self.table.index_select(0, self.places)
            self.made = rows if self.weight is None else rows.mul_(self.weight[:, None])
        return self.made

    def scaled(self, factor: object, divide: bool = False) -> GatheredRows | None:
        """Times a factor an entry, ``(nnz, 1)``, or divided by it; None for others and for rows that were looked at."""
        if self.made is not None or type(factor) is not Tensor or factor.dtype != self.table.dtype:
            return None
        if factor.shape != (len(self.places), 1) or factor.device != self.table.device:
            return None
        weight = factor[:, 0].reciprocal() if divide else factor[:, 0]
        return GatheredRows(self.table, self.places, weight if self.weight is None else self.weight * weight)

    def summed(self, indptr: Tensor, order: Tensor | None, num_rows: int) -> Tensor:
        """The sum of the entries of every bag, ``(num_rows, dim)``, without looking at them.

        :param indptr: where every bag begins, ``(num_rows + 1,)``.
        :param order: which entry is the k-th of all bags; None if they are in their order.
        """
        index, weight = self.places.to(indptr.dtype), self.weight
        if order is not None:
            index = index.index_select(0, order)
            weight = None if weight is None else weight.index_select(0, order)
        return sparse_product(indptr, index, weight, (num_rows, len(self.table)), self.table.contiguous())

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Scale rows without looking at them; give all other operations the rows."""
        if func in {_MULTIPLY, _DIVIDE}:
            left, right = args
            scaled = _scaled(left, right, divide=func is _DIVIDE)
            if scaled is not None:
                return scaled
        plain, named = tree_map_only(GatheredRows, GatheredRows.look, (args, dict(kwargs or {})))
        return func(*plain, **named)

    # what reads memory, and not by an operation

    def numpy(self, *, force: bool = False) -> Any:  # noqa: D102
        return self.contiguous().numpy(force=force)

    def tolist(self) -> Any:  # noqa: D102
        return self.contiguous().tolist()

    def data_ptr(self) -> int:  # noqa: D102
        return self.look().data_ptr()

    def __dlpack__(self, **given: Any) -> Any:
        return self.contiguous().__dlpack__(**given)

    def __deepcopy__(self, memo: Any) -> Tensor:
        return copy.deepcopy(self.contiguous(), memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.contiguous().__reduce_ex__(protocol)


def _scaled(left: object, right: object, divide: bool) -> GatheredRows | None:
    if isinstance(left, GatheredRows):
        return left.scaled(right, divide)
    assert isinstance(right, GatheredRows)
    return None if divide else right.scaled(left)


def rows_by_entry(x: Tensor, index: Tensor) -> Tensor:
    """``x[index]``, left until somebody looks at it where that can be.

    To be called in forward and backward methods of a :class:`torch.autograd.Function`, where gradients are off.

    :param x: shape ``(n, ...)``.
    :param index: integer ``(nnz,)``.
    :return: shape ``(nnz, ...)``.
    """
    simple = type(x) in {Tensor, Parameter} and x.device.type in {"cpu", "cuda"}
    matrix = x.dim() == 2 and x.is_floating_point() and len(index) > 1
    # where they are on, gradients of gradients are wanted, and a note has none
    if simple and matrix and not torch.is_grad_enabled():
        return GatheredRows(x, index)
    return x.index_select(0, index)
