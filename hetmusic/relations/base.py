"""The base class of relation encoders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from hetmusic._made_with import MadeWith
from hetmusic.errors import ConfigError
from hetmusic.graph.types import EdgeType
from hetmusic.relations.advice import message_hint
from hetmusic.relations.block import NodeInputs, RelationBlock
from hetmusic.relations.edge_ends import EdgeEnds


class RelationEncoder(MadeWith, nn.Module):
    """Turns the messages of one relation into one vector a destination node.

    A subclass implements one of two hooks:

    * :meth:`message`, called with one row an edge; the messages are then summed by :meth:`reduce` (mean by default);
    * :meth:`forward`, for full control: fused products (:meth:`RelationBlock.sum`), softmax over neighbours
      (:meth:`RelationBlock.softmax`), degrees, edge attributes.

    The contract, which :class:`~hetmusic.models.hetero_conv.HeteroConv` checks at every call: the result has shape
    ``(num_dst, dim)`` and the dtype of the input. What it says about a destination node without edges of the relation
    is not used: a relation without edges changes nothing.

    :param dim: size of the representations, the same for both ends and the result.
    """

    #: whether sources are read through ``src.sum`` alone and destinations not at all, so that sources may be deferred and a
    #: destination without edges gets zeros
    sums_sources = False

    given = ("dim",)

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> Tensor:
        """Encode one relation.

        :param relation: the edges, with their attributes.
        :param src: the source nodes, ``src.h`` of shape ``(num_src, dim)``.
        :param dst: the destination nodes, ``dst.h`` of shape ``(num_dst, dim)``.
        :return: shape ``(num_dst, dim)``.
        """
        ends = EdgeEnds(src, relation, source=True), EdgeEnds(dst, relation, source=False)
        messages = self.message(*ends, relation.edge)
        self._check_messages(messages, relation)
        return self.reduce(relation, messages)

    def message(self, src: EdgeEnds, dst: EdgeEnds, edge: Mapping[str, Tensor]) -> Tensor:
        """The message of every edge.

        :param src: source node of every edge, ``src.h`` of shape ``(num_edges, dim)``.
        :param dst: destination node of every edge, likewise.
        :param edge: attributes, each of shape ``(num_edges,)``.
        :return: shape ``(num_edges, dim)``.
        """
        raise TypeError(f"{type(self).__name__} must implement message() or forward()")

    def reduce(self, relation: RelationBlock, messages: Tensor) -> Tensor:
        """Combine messages per destination; the mean unless overridden.

        :param messages: shape ``(num_edges, dim)``.
        :return: shape ``(num_dst, dim)``.
        """
        return relation.sum_edges(messages) / relation.in_degree.clamp(min=1).to(messages.dtype)[:, None]

    def _check_messages(self, messages: Any, relation: RelationBlock) -> None:
        """Refuse messages of a wrong shape; a ``reduce`` of one's own may take them in another size than ``dim``."""
        expected = (relation.num_edges, self.dim)
        own_reduce = type(self).reduce is not RelationEncoder.reduce
        if isinstance(messages, Tensor):
            shape = tuple(messages.shape)
            if shape[:1] == expected[:1] and (own_reduce or shape == expected):
                return
            got, hint = str(shape), message_hint(shape, *expected)
        else:
            got, hint = type(messages).__name__, ": one row an edge"
        raise ConfigError(
            f"relation encoder {type(self).__name__} of {relation.place}: message() "
            f"returned {got}, expected {expected}{hint}"
        )

    def share(self, edge_type: EdgeType, earlier: Mapping[EdgeType, RelationEncoder]) -> None:
        """Take from other relations of the layer what they have in common with this one; nothing unless overridden.

        :class:`~hetmusic.models.hetero_conv.HeteroConv` calls it once for every encoder, in the order of the relations.

        :param edge_type: the relation that this encoder reads.
        :param earlier: encoders of the same class in the same layer, of the relations before this one.
        """

    def borrow(self, name: str, lender: RelationEncoder) -> None:
        """Use a submodule of another encoder in place of the own one.

        The module stays the lender's: its parameters are listed and saved once.

        :param name: attribute that both have.
        """
        self._modules.pop(name, None)
        self.__dict__[name] = getattr(lender, name)
