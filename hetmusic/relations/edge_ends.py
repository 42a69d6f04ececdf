"""What :meth:`RelationEncoder.message` sees of the nodes: a row an edge, gathered when it is asked for."""

from __future__ import annotations

from functools import cached_property

from torch import Tensor

from hetmusic.relations.block import NodeInputs, RelationBlock
from hetmusic.relations.edge_kernels import gather


class EdgeEnds:
    """One end of every edge; an encoder that never looks at destinations never pays for them.

    :param nodes: the nodes at this end of the relation.
    :param relation: the edges.
    :param source: whether it is the source end.
    """

    def __init__(self, nodes: NodeInputs, relation: RelationBlock, source: bool) -> None:
        self._nodes = nodes
        self._relation = relation
        self._source = source

    @cached_property
    def h(self) -> Tensor:
        """Representations, shape ``(num_edges, dim)``."""
        return gather(self._relation.csr, self._nodes.h, self._index, self._source)

    @cached_property
    def present(self) -> Tensor | None:
        """Whether the node has the tower's modality, bool ``(num_edges,)``; None where the question does not arise."""
        found = self._nodes.present
        return None if found is None else found.index_select(0, self._index)

    @cached_property
    def degree(self) -> Tensor | None:
        """Number of edges of this relation that the node has in the whole training graph, float ``(num_edges,)``."""
        found = self._nodes.degree
        return None if found is None else found.index_select(0, self._index)

    @property
    def _index(self) -> Tensor:
        return self._relation.csr.indices if self._source else self._relation.dst_index
