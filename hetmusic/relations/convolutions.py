"""Convolutions of DGL as relation encoders."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, get_args

import torch
from torch import Tensor, nn

from hetmusic._dgl import dgl
from hetmusic.errors import ConfigError, did_you_mean
from hetmusic.relations.base import RelationEncoder
from hetmusic.relations.block import NodeInputs, RelationBlock
from hetmusic.relations.convolution_arguments import MergeHeads, convolution_arguments, takes
from hetmusic.relations.dgl_graphs import dgl_block, dgl_graph
from hetmusic.relations.weights import WeightScale, check_scale, edge_weights

#: convolutions that take one representation a node, so that the nodes at both ends must be the same ones
WHOLE_GRAPH = frozenset(
    {"APPNPConv", "ChebConv", "GatedGraphConv", "PNAConv", "SGConv", "TAGConv", "TWIRLSConv"}
)


class ConvolutionEncoder(RelationEncoder):
    """A convolution of ``dgl.nn``, or one written like those, as relation encoder.

    The convolution is called as ``conv(block, (src.h, dst.h))`` with the relation's edges as a DGL block; those that cannot
    tell sources from destinations, as ``conv(graph, h)``, which needs the same nodes at both ends. Its results for
    several heads, ``(num_dst, heads, size)``, are merged to ``(num_dst, dim)``.

    :param dim: size of the representations.
    :param convolution: the convolution, which takes vectors of size ``dim``.
    :param edge_scale: scale on which edge weights are handed to the convolution.
    :param merge_heads: whether heads are laid side by side or averaged.
    """

    def __init__(
        self,
        dim: int,
        convolution: nn.Module,
        edge_scale: WeightScale = "none",
        merge_heads: MergeHeads = "concat",
    ) -> None:
        super().__init__(dim)
        check_scale(edge_scale)
        if merge_heads not in get_args(MergeHeads):
            hint = did_you_mean(merge_heads, get_args(MergeHeads))
            raise ConfigError(
                f"merge_heads = {merge_heads!r}: it is one of {', '.join(get_args(MergeHeads))}{hint}"
            )
        self.convolution = convolution
        self.edge_scale = edge_scale
        self.merge_heads = merge_heads
        self.kind = type(convolution).__name__
        self.whole_graph = any(c.__name__ in WHOLE_GRAPH for c in type(convolution).__mro__)
        if edge_scale != "none" and not takes(type(convolution), "edge_weight"):
            raise ConfigError(f"{self.kind} of DGL takes no edge weights, so edge_scale must stay 'none'")

    def forward(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> Tensor:  # noqa: D102
        dtype = next((p.dtype for p in self.parameters() if p.is_floating_point()), src.h.dtype)
        weights = edge_weights(relation, self.edge_scale)
        extra = {} if weights is None else {"edge_weight": weights.to(dtype)}
        graph = self._graph(relation) if self.whole_graph else dgl_block(relation)
        here = src.h.to(dtype)
        # DGL's kernels take no half precision on the CPU
        half = torch.is_autocast_enabled(here.device.type)
        with torch.autocast(here.device.type, enabled=False) if half else nullcontext():
            out = self._call(relation, graph, here if self.whole_graph else (here, dst.h.to(dtype)), extra)
        return self._merge(out).to(src.h.dtype)

    def _graph(self, relation: RelationBlock) -> Any:
        ends = relation.edge_type
        if ends.src != ends.dst or relation.num_src != relation.num_dst:
            sampled = ends.src == ends.dst
            raise ConfigError(
                f"{self.kind} of DGL cannot encode {relation.place}: it needs the same nodes at both ends, and here are "
                f"{relation.num_src} sources and {relation.num_dst} destinations; "
                + ('use training.propagation = "full", or ' if sampled else "")
                + "use a convolution that takes both, such as GraphConv, SAGEConv, GATConv, GATv2Conv, GINConv"
            )
        return dgl_graph(relation)

    def _call(self, relation: RelationBlock, graph: Any, features: Any, extra: dict[str, Tensor]) -> Tensor:
        try:
            out: Any = self.convolution(graph, features, **extra)
        except (dgl.DGLError, AssertionError, AttributeError, KeyError, RuntimeError, TypeError) as problem:
            if not type(self.convolution).__module__.startswith("dgl."):
                raise  # a person's own: their traceback says where
            said = str(problem).partition("\nStack trace")[0]
            reason = f"{type(problem).__name__}: {' '.join(said.split())}"
            raise ConfigError(
                f"{self.kind} of DGL fails on {relation.place}, with {relation.num_src} sources and {relation.num_dst} "
                f"destinations: {reason}"
            ) from problem
        assert isinstance(out, Tensor)
        return out

    def _merge(self, out: Tensor) -> Tensor:
        if out.dim() != 3:
            return out
        return out.flatten(1) if self.merge_heads == "concat" else out.mean(dim=1)


def make_convolution(
    cls: type[nn.Module], dim: int, merge_heads: MergeHeads, given: dict[str, Any]
) -> nn.Module:
    """A convolution whose sizes are filled in.

    :param cls: class of the convolution.
    :param given: arguments of its constructor that a person gave.
    """
    return cls(**convolution_arguments(cls, dim, merge_heads == "concat", given))
