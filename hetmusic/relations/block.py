"""What a relation encoder sees: one relation's edges in a batch, as plain tensors, and the nodes at both ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from hetmusic.graph.types import EdgeType
from hetmusic.relations.edge_kernels import segment_sum
from hetmusic.relations.kernels import (
    Csr,
    row_index,
    row_starts,
    sddmm,
    segment_softmax,
    softmax_and_mass,
    spmm,
)


@dataclass(frozen=True)
class NodeInputs:
    """Representations of the nodes at one end of a relation."""

    #: shape ``(num_nodes, dim)``
    h: Tensor
    #: whether a node has the tower's modality itself, bool ``(num_nodes,)``; None where the question does not arise
    present: Tensor | None = None
    #: number of edges of this relation that the node has in the whole training graph, float ``(num_nodes,)``
    degree: Tensor | None = None

    @property
    def like(self) -> Tensor:
        """A tensor of the dtype and on the device of the representations, with as many columns."""
        return self.h

    @property
    def deferred(self) -> bool:
        """Whether :attr:`h` is computed only when it is read."""
        return False

    def sum(self, relation: RelationBlock, weight: Tensor | None = None) -> Tensor:
        """``relation.sum(h, weight)``; where ``h`` is deferred, without computing it if that is less work."""
        return relation.sum(self.h, weight)

    def first(self, count: int) -> NodeInputs:
        """The first nodes alone, whose degrees are others."""
        return self if len(self.h) == count else self.rows(0, count)

    def rows(self, start: int, stop: int) -> NodeInputs:
        """The nodes ``start .. stop - 1`` alone, whose degrees are others."""
        return NodeInputs(self.h[start:stop], None if self.present is None else self.present[start:stop])

    def made(self) -> NodeInputs:
        """The same, not deferred."""
        return self

    def with_degree(self, degree: Tensor | None) -> NodeInputs:
        """The same with degrees."""
        return NodeInputs(self.h, self.present, degree)


@dataclass(frozen=True)
class RelationBlock:
    """The edges of one relation from source nodes to destination nodes in one layer of a batch.

    Edges are grouped by destination (compressed sparse columns in DGL's terms), and every edge attribute is in that order.
    """

    edge_type: EdgeType
    #: pattern with one row a destination node and one column a source node
    csr: Csr
    #: edge attributes such as ``weight`` (float) and ``time`` (float days), each of shape ``(num_edges, ...)``
    edge: Mapping[str, Tensor] = field(default_factory=dict)
    #: degrees in the whole training graph, float, shapes ``(num_src,)`` and ``(num_dst,)``
    src_degree: Tensor | None = None
    dst_degree: Tensor | None = None
    #: which layer of the stack, from 1; layer 0 are its inputs
    layer: int = 1
    #: name of the tower that the stack belongs to; None outside of towers
    tower: str | None = None

    @property
    def num_src(self) -> int:
        """Number of source nodes."""
        return self.csr.num_cols

    @property
    def num_dst(self) -> int:
        """Number of destination nodes."""
        return self.csr.num_rows

    @property
    def num_edges(self) -> int:
        """Number of edges."""
        return len(self.csr.indices)

    @cached_property
    def src_index(self) -> Tensor:
        """Source node of every edge, int64, shape ``(num_edges,)``."""
        return self.csr.indices.long()

    @cached_property
    def dst_index(self) -> Tensor:
        """Destination node of every edge, int64, shape ``(num_edges,)``."""
        return self.csr.keep("rows", lambda: row_index(self.csr.indptr, self.num_edges))

    @cached_property
    def in_degree(self) -> Tensor:
        """Number of edges of every destination node *in this block*, float32, shape ``(num_dst,)``."""
        return (self.csr.indptr[1:] - self.csr.indptr[:-1]).float()

    @cached_property
    def mean_weights(self) -> Tensor:
        """What every edge counts in the mean over its destination's edges, float32, shape ``(num_edges,)``."""
        return self.csr.keep(
            "shares", lambda: self.in_degree.clamp(min=1).reciprocal().index_select(0, self.dst_index)
        )

    @cached_property
    def has_edges(self) -> Tensor:
        """Whether a destination node has edges in this block, bool, shape ``(num_dst,)``."""
        return self.csr.indptr[1:] > self.csr.indptr[:-1]

    def sum(self, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """Sum over each destination's edges of ``weight * x[source]`` in one fused product.

        :param x: shape ``(num_src, dim)``.
        :param weight: shape ``(num_edges,)``; ones if None.
        :return: shape ``(num_dst, dim)``.
        """
        self._check("sum", "source node", len(x), self.num_src)
        return spmm(self.csr, weight, x)

    def dot(self, y: Tensor, x: Tensor) -> Tensor:
        """Inner product of both ends of every edge, ``y[destination] · x[source]``, in one fused product.

        :param y: shape ``(num_dst, dim)``.
        :param x: shape ``(num_src, dim)``.
        :return: shape ``(num_edges,)``.
        """
        self._check("dot", "destination node (first)", len(y), self.num_dst)
        self._check("dot", "source node (second)", len(x), self.num_src)
        return sddmm(self.csr, y, x)

    def sum_edges(self, values: Tensor) -> Tensor:
        """Sum over each destination's edges of one row an edge; shape ``(num_edges, ...)`` in, ``(num_dst, ...)`` out."""
        self._check("sum_edges", "edge", len(values), self.num_edges)
        return segment_sum(self.csr, values, self.dst_index)

    def softmax(self, scores: Tensor) -> Tensor:
        """Softmax of edge scores over each destination's edges; shape ``(num_edges, heads)`` in and out."""
        self._check_scores("softmax", scores)
        return segment_softmax(scores, self.dst_index, self.num_dst)

    def softmax_and_mass(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        """The softmax, and log Σ exp(score) of every destination, ``(num_dst, heads)``, which it divided by.

        With the latter, softmaxes over several relations can be merged into one.
        """
        self._check_scores("softmax_and_mass", scores)
        return softmax_and_mass(scores, self.dst_index, self.num_dst)

    @property
    def place(self) -> str:
        """Which relation it is, and where it is read, as messages say it."""
        return f"{self.edge_type} {self.where}"

    @property
    def where(self) -> str:
        """Where it is read, as messages say it."""
        tower = "" if self.tower is None else f"tower {self.tower}, "
        return f"({tower}layer {self.layer})"

    def _check_scores(self, method: str, scores: Tensor) -> None:
        self._check(method, "edge", len(scores), self.num_edges)
        if scores.dim() != 2:
            raise ValueError(
                f"relation.{method} takes scores of shape (num_edges, heads), not {tuple(scores.shape)}: for one head, "
                "scores[:, None]"
            )

    def _check(self, method: str, of_what: str, got: int, expected: int) -> None:
        if got != expected:
            raise ValueError(
                f"relation.{method} takes one row a{'n' if of_what[0] == 'e' else ''} {of_what}, which are {expected}, and "
                f"got {got}"
            )

    def with_layer(self, layer: int, tower: str | None = None) -> RelationBlock:
        """The same edges, seen by another layer."""
        return replace(self, layer=layer, tower=tower)

    def rows(self, start: int, stop: int) -> RelationBlock:
        """The edges of the destination nodes ``start .. stop - 1`` alone; no copies but of their row starts."""
        csr = self.csr.rows(start, stop)
        begin = self.csr.entries_before(start)
        edge = {name: value[begin : begin + len(csr.indices)] for name, value in self.edge.items()}
        degree = None if self.dst_degree is None else self.dst_degree[start:stop]
        return replace(self, csr=csr, edge=edge, dst_degree=degree)

    def to(self, device: torch.device) -> RelationBlock:
        """Copy every tensor to a device, asynchronously where memory is pinned."""
        return self.map(lambda tensor: tensor.to(device, non_blocking=True))

    def map(self, move: Callable[[Tensor], Tensor]) -> RelationBlock:
        """The same block of other tensors, each what ``move`` makes of one of these."""
        indptr, indices, order = self.csr.transposed
        csr = Csr(
            move(self.csr.indptr),
            move(self.csr.indices),
            self.csr.num_rows,
            self.csr.num_cols,
            (move(indptr), move(indices), move(order)),
        )
        edge = {name: move(value) for name, value in self.edge.items()}
        src_degree = None if self.src_degree is None else move(self.src_degree)
        dst_degree = None if self.dst_degree is None else move(self.dst_degree)
        return replace(self, csr=csr, edge=edge, src_degree=src_degree, dst_degree=dst_degree)

    @classmethod
    def from_coo(
        cls,
        edge_type: EdgeType,
        src: Tensor,
        dst: Tensor,
        num_src: int,
        num_dst: int,
        edge: Mapping[str, Tensor] | None = None,
        **degrees: Any,
    ) -> RelationBlock:
        """Build a block from edges in any order.

        :param src: source of every edge, integer, shape ``(num_edges,)``.
        :param dst: destination of every edge, integer, shape ``(num_edges,)``.
        :param edge: attributes in the same order as ``src``.
        :param degrees: ``src_degree`` and ``dst_degree`` of the whole graph; those of the block if left out.
        """
        by_dst = torch.argsort(dst, stable=True)
        src, dst = src[by_dst], dst[by_dst]
        attributes = {name: value[by_dst] for name, value in (edge or {}).items()}
        order = torch.argsort(src, stable=True)
        transposed = (row_starts(src, num_src), dst[order].int(), order.int())
        csr = Csr(row_starts(dst, num_dst), src.int(), num_dst, num_src, transposed)
        degrees.setdefault("src_degree", torch.bincount(src.long(), minlength=num_src).float())
        degrees.setdefault("dst_degree", torch.bincount(dst.long(), minlength=num_dst).float())
        return cls(edge_type, csr, attributes, degrees["src_degree"], degrees["dst_degree"])

    @classmethod
    def from_dgl(cls, graph: Any, edge_type: EdgeType) -> RelationBlock:
        """Take one relation out of a DGL heterograph or block (message-flow graph).

        Edge data come along, and ``edge_id``: DGL's number of every edge in ``graph``.
        """
        src, dst = graph.edges(etype=tuple(edge_type), order="eid")
        frame = graph.edges[tuple(edge_type)].data
        data = {name: value for name, value in frame.items() if not name.startswith("_")}
        data["edge_id"] = torch.arange(len(src))
        num_src, num_dst = graph.num_src_nodes(edge_type.src), graph.num_dst_nodes(edge_type.dst)
        return cls.from_coo(edge_type, src, dst, num_src, num_dst, data)
