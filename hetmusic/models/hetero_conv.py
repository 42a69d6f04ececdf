"""One layer of message passing over typed relations."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hetmusic.errors import ConfigError
from hetmusic.graph.types import EdgeType
from hetmusic.models.call_combiner import call_combiner
from hetmusic.models.calling import check_module
from hetmusic.models.combine import Combiner, combiners
from hetmusic.models.plugin_spec import at_key
from hetmusic.relations import NodeInputs, RelationBlock, RelationEncoder
from hetmusic.relations.attention import check_attention
from hetmusic.relations.calling import Message, call_encoder, check_ready


class HeteroConv(nn.Module):
    """One relation encoder a relation; what arrives at a node type over several relations is combined (eq. 2).

    Every destination type that the caller asks for comes out, also one that no relation reaches (zeros); a relation that
    has no edges in a batch changes nothing; a relation without encoder is an error, never silently skipped.

    :param encoders: one encoder for each edge type.
    :param dim: size of the representations.
    :param combine: how relations are combined per destination type: whatever the resolver ``combiners`` takes.
    :param combine_arguments: of the combiner, beside ``dim``.
    :param combine_key: the key of the configuration that names it, for messages.
    """

    def __init__(
        self,
        encoders: Mapping[EdgeType, RelationEncoder],
        dim: int,
        combine: Any = "sum",
        combine_arguments: Mapping[str, Any] | None = None,
        combine_key: str = "combine",
    ) -> None:
        super().__init__()
        if not encoders:
            raise ConfigError("a HeteroConv needs at least one relation")
        self.dim = dim
        self.edge_types = list(encoders)
        #: relations whose encoder, and node types whose combiner, was called with gradients before
        self._looked_at: set[str] = set()
        for edge_type, encoder in encoders.items():
            check_ready(encoder, edge_type)
        self.encoders = nn.ModuleDict({str(edge_type): encoder for edge_type, encoder in encoders.items()})
        for position, (edge_type, encoder) in enumerate(encoders.items()):
            before = {t: encoders[t] for t in self.edge_types[:position]}
            encoder.share(edge_type, {t: e for t, e in before.items() if type(e) is type(encoder)})
        reached = sorted({edge_type.dst for edge_type in encoders})
        with at_key(combine_key):
            made = {ntype: self._combiner(combine, combine_arguments or {}) for ntype in reached}
        self.combiners = nn.ModuleDict(made)
        #: node types whose combiner is told how much attention each relation got
        self.weighed = {
            ntype
            for ntype in reached
            if self.combiners[ntype].needs_masses and check_attention(encoders, ntype)
        }

    def forward(
        self,
        blocks: Mapping[EdgeType, RelationBlock],
        src: Mapping[str, NodeInputs],
        num_dst: Mapping[str, int],
        dst: Mapping[str, NodeInputs] | None = None,
    ) -> dict[str, Tensor]:
        """Pass messages once.

        :param blocks: the edges of each relation in this batch; a relation whose source type has nothing to say yet (not
            in ``src``) is left out of the sum.
        :param src: inputs of each source node type, of which the first ``num_dst[type]`` rows are the destination nodes.
        :param num_dst: number of destination nodes of each type wanted.
        :param dst: inputs of destination nodes that are others than the first source nodes, by type.
        :return: for every type in ``num_dst``, shape ``(num_dst[type], dim)``.
        """
        unknown = [str(edge_type) for edge_type in blocks if str(edge_type) not in self.encoders]
        if unknown:
            raise ConfigError(
                f"no relation encoder for {', '.join(unknown)}; known: {', '.join(self.encoders)}"
            )
        like = next(iter(src.values())).like
        run = {
            edge_type: block
            for edge_type, block in blocks.items()
            if edge_type.dst in num_dst and edge_type.src in src and block.num_edges
        }
        # one slice for all relations that meet, since each would have a backward pass over all sources
        before = src if dst is None else dst
        ends = {
            ntype: _first(before.get(ntype), num_dst[ntype], like, self.dim) for ntype in {t.dst for t in run}
        }
        arrived: dict[str, list[tuple[Message, Tensor]]] = {ntype: [] for ntype in num_dst}
        for edge_type, block in run.items():
            message = self._encode(block, src[edge_type.src], ends[edge_type.dst])
            arrived[edge_type.dst].append((message, self._mask(block)))
        out = {}
        for ntype, count in num_dst.items():
            if not arrived[ntype]:
                out[ntype] = like.new_zeros(count, self.dim)
                continue
            messages, masks = zip(*arrived[ntype], strict=True)
            out[ntype] = self._combine(
                ntype, messages, masks, next(b for t, b in run.items() if t.dst == ntype)
            )
        return out

    def _combiner(self, combine: Any, arguments: Mapping[str, Any]) -> Combiner:
        if isinstance(combine, Combiner):
            check_module("combiner", combine)  # torch cannot copy everything that is refused here
        made = combiners.make(copy.deepcopy(combine), dim=self.dim, **arguments)
        if made.dim != self.dim:
            raise ConfigError(
                f"combiner {type(made).__name__} has dim = {made.dim}, but model.dim is {self.dim}: make it with "
                f"dim={self.dim}, or give the class"
            )
        check_module("combiner", made)
        return made

    def _mask(self, block: RelationBlock) -> Tensor:
        """Which destinations the combiner is to count a message for."""
        encoder: RelationEncoder = self.encoders[str(block.edge_type)]  # type: ignore[assignment]
        zero_elsewhere = encoder.sums_sources and self.combiners[block.edge_type.dst].sums
        return block.has_edges.new_ones(()) if zero_elsewhere else block.has_edges

    def _combine(
        self, ntype: str, messages: Sequence[Message], masks: Sequence[Tensor], block: RelationBlock
    ) -> Tensor:
        """What arrives at a node type, brought together.

        :param block: one of the relations that it arrives by, which knows tower and layer.
        """
        said = [message.value for message in messages]
        masses = {"log_masses": [message.log_mass for message in messages]} if ntype in self.weighed else {}
        combiner: Combiner = self.combiners[ntype]  # type: ignore[assignment]
        return call_combiner(
            combiner, said, masks, f"{ntype} {block.where}", self._unseen(f"into {ntype}"), **masses
        )

    def _encode(self, block: RelationBlock, src: NodeInputs, dst: NodeInputs) -> Message:
        encoder: RelationEncoder = self.encoders[str(block.edge_type)]  # type: ignore[assignment]
        learned = self._unseen(str(block.edge_type))
        ends = (src.with_degree(block.src_degree), dst.with_degree(block.dst_degree))
        if learned is not None or not encoder.sums_sources:
            ends = (ends[0].made(), ends[1].made())
        return call_encoder(encoder, block, *ends, block.edge_type.dst in self.weighed, learned)

    def _unseen(self, name: str) -> set[int] | None:
        """What is learned, for a closer look at the first call with gradients; None at any other."""
        if not torch.is_grad_enabled() or name in self._looked_at:
            return None
        self._looked_at.add(name)
        return {id(parameter) for parameter in self.parameters()}


def _first(nodes: NodeInputs | None, count: int, like: Tensor, dim: int) -> NodeInputs:
    """The first nodes of a type, which are the destinations; zeros for a type that has nothing to say yet."""
    if nodes is None:
        return NodeInputs(like.new_zeros(count, dim))
    return nodes.first(count)
