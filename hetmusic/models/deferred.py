"""Layer-0 representations that are computed only where they are needed."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property

from torch import Tensor, nn

from hetmusic.relations import NodeInputs, RelationBlock


class SummableTable(nn.Module):
    """A table of representations that can be summed over a relation without being made."""

    #: a tensor with as many numbers as representations have dimensions
    absent: Tensor

    @abstractmethod
    def sum(self, nodes: Tensor, relation: RelationBlock, weight: Tensor | None) -> Tensor:
        """``relation.sum(self(nodes), weight)``.

        :param weight: of the edges, without gradient; ones if None.
        """


class _Rows:
    """Rows of a table, made once for all who read them."""

    def __init__(self, table: SummableTable, nodes: Tensor) -> None:
        self.table = table
        self.nodes = nodes

    @cached_property
    def all(self) -> Tensor:
        found: Tensor = self.table(self.nodes)
        return found

    @property
    def are_made(self) -> bool:
        return "all" in self.__dict__


class DeferredInputs(NodeInputs):
    """Nodes of a sampled neighbourhood, most of which are only ever summed by their neighbours.

    A step of two layers with ten neighbours each reads tens of thousands of songs, and a fifth as many sums of them.
    Features are therefore summed and then projected. Whoever reads :attr:`h` has it computed, once for all readers.

    :param rows: what :meth:`of` makes.
    :param present: which nodes have the modality, bool ``(num_nodes,)``.
    """

    def __init__(self, rows: _Rows, present: Tensor, degree: Tensor | None = None) -> None:
        for name, value in (("_rows", rows), ("present", present), ("degree", degree)):
            object.__setattr__(self, name, value)  # the dataclass is frozen

    _rows: _Rows

    @classmethod
    def of(cls, table: SummableTable, nodes: Tensor, present: Tensor) -> DeferredInputs:
        """Some nodes of a table.

        :param nodes: int64 ``(num_nodes,)``.
        """
        return cls(_Rows(table, nodes), present)

    @property
    def h(self) -> Tensor:
        """The representations, ``(num_nodes, dim)``."""
        return self._rows.all

    @property
    def like(self) -> Tensor:  # noqa: D102
        return self._rows.table.absent[None]

    @property
    def deferred(self) -> bool:  # noqa: D102
        return True

    def sum(self, relation: RelationBlock, weight: Tensor | None = None) -> Tensor:  # noqa: D102
        learned = weight is not None and weight.requires_grad
        if self._rows.are_made or learned or relation.num_dst >= relation.num_src:
            return relation.sum(self.h, weight)
        return self._rows.table.sum(self._rows.nodes, relation, weight)

    def first(self, count: int) -> NodeInputs:  # noqa: D102
        return self if len(self._rows.nodes) == count else self.rows(0, count)

    def rows(self, start: int, stop: int) -> NodeInputs:  # noqa: D102
        if self._rows.are_made:
            return super().rows(start, stop)
        assert self.present is not None
        return DeferredInputs.of(self._rows.table, self._rows.nodes[start:stop], self.present[start:stop])

    def with_degree(self, degree: Tensor | None) -> NodeInputs:  # noqa: D102
        assert self.present is not None
        return DeferredInputs(self._rows, self.present, degree)

    def made(self) -> NodeInputs:  # noqa: D102
        return NodeInputs(self.h, self.present, self.degree)
