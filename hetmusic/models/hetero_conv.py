"""One layer of message passing over typed relations."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from hetmusic.errors import ConfigError
from hetmusic.graph.types import EdgeType
from hetmusic.models.combine import Combiner, combiners
from hetmusic.relations import NodeInputs, RelationBlock, RelationEncoder
from hetmusic.relations.calling import call_encoder, check_ready


class HeteroConv(nn.Module):
    """One relation encoder a relation; what arrives at a node type over several relations is combined (eq. 2).

    Every destination type that the caller asks for comes out, also one that no relation reaches (zeros); a relation that
    has no edges in a batch changes nothing; a relation without encoder is an error, never silently skipped.

    :param encoders: one encoder for each edge type.
    :param dim: size of the representations.
    :param combine: how relations are combined per destination type: whatever the resolver ``combiners`` takes.
    :param combine_arguments: of the combiner, beside ``dim``.
    """

    def __init__(
        self,
        encoders: Mapping[EdgeType, RelationEncoder],
        dim: int,
        combine: Any = "sum",
        combine_arguments: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if not encoders:
            raise ConfigError("a HeteroConv needs at least one relation")
        self.dim = dim
        self.edge_types = list(encoders)
        for edge_type, encoder in encoders.items():
            check_ready(encoder, edge_type)
        self.encoders = nn.ModuleDict({str(edge_type): encoder for edge_type, encoder in encoders.items()})
        for position, (edge_type, encoder) in enumerate(encoders.items()):
            before = {t: encoders[t] for t in self.edge_types[:position]}
            encoder.share(edge_type, {t: e for t, e in before.items() if type(e) is type(encoder)})
        reached = sorted({edge_type.dst for edge_type in encoders})
        arguments = dict(combine_arguments or {})
        self.combiners = nn.ModuleDict(
            {ntype: combiners.make(copy.deepcopy(combine), dim=dim, **arguments) for ntype in reached}
        )

    def forward(
        self,
        blocks: Mapping[EdgeType, RelationBlock],
        src: Mapping[str, NodeInputs],
        num_dst: Mapping[str, int],
    ) -> dict[str, Tensor]:
        """Pass messages once.

        :param blocks: the edges of each relation in this batch; a relation whose source type has nothing to say yet (not
            in ``src``) is left out of the sum.
        :param src: inputs of each source node type, of which the first ``num_dst[type]`` rows are the destination nodes.
        :param num_dst: number of destination nodes of each type wanted.
        :return: for every type in ``num_dst``, shape ``(num_dst[type], dim)``.
        """
        unknown = [str(edge_type) for edge_type in blocks if str(edge_type) not in self.encoders]
        if unknown:
            raise ConfigError(
                f"no relation encoder for {', '.join(unknown)}; known: {', '.join(self.encoders)}"
            )
        like = next(iter(src.values())).h
        arrived: dict[str, list[tuple[Tensor, Tensor]]] = {ntype: [] for ntype in num_dst}
        for edge_type, block in blocks.items():
            if edge_type.dst not in num_dst or edge_type.src not in src or block.num_edges == 0:
                continue
            message = self._encode(block, src, num_dst[edge_type.dst], like)
            arrived[edge_type.dst].append((message, block.in_degree > 0))
        out = {}
        for ntype, count in num_dst.items():
            if not arrived[ntype]:
                out[ntype] = like.new_zeros(count, self.dim)
                continue
            combiner: Combiner = self.combiners[ntype]  # type: ignore[assignment]
            messages, masks = zip(*arrived[ntype], strict=True)
            out[ntype] = combiner(messages, masks)
        return out

    def _encode(
        self, block: RelationBlock, src: Mapping[str, NodeInputs], count: int, like: Tensor
    ) -> Tensor:
        edge_type = block.edge_type
        encoder = self.encoders[str(edge_type)]
        source = src[edge_type.src]
        if edge_type.dst in src:
            destination = src[edge_type.dst]
            here = NodeInputs(
                destination.h[:count], None if destination.present is None else destination.present[:count]
            )
        else:
            here = NodeInputs(like.new_zeros(count, self.dim))
        ends = (
            NodeInputs(source.h, source.present, block.src_degree),
            NodeInputs(here.h, here.present, block.dst_degree),
        )
        return call_encoder(encoder, block, *ends)  # type: ignore[arg-type]
