"""The edges that a stack of HeteroConv layers runs over: the whole graph's or a sampled neighbourhood's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from hetmusic.graph.types import EdgeType
from hetmusic.relations import RelationBlock


@dataclass(frozen=True)
class Layer:
    """The edges of one layer and the number of destination nodes of each type, which are the first of its inputs."""

    blocks: Mapping[EdgeType, RelationBlock]
    num_dst: Mapping[str, int]


@dataclass(frozen=True)
class LayeredBlocks:
    """Message-flow blocks, outermost neighbourhood first, as in DGL.

    The nodes that layer l produces are a prefix of those it reads, type by type.
    """

    #: global indices of the nodes at layer 0, int64, per type; None means all nodes of the type in order
    input_nodes: Mapping[str, Tensor | None]
    layers: Sequence[Layer]
    #: features of the input nodes that were read beforehand, by the name of the table, ``(num_input_nodes, dim)``; those of
    #: all other tables are where the model is
    features: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def num_edges(self) -> int:
        """Number of edges over all layers and relations."""
        return sum(block.num_edges for layer in self.layers for block in layer.blocks.values())

    def to(self, device: torch.device) -> LayeredBlocks:
        """Copy to a device; a block that several layers share is copied once."""
        return self.map(lambda tensor: tensor.to(device, non_blocking=True))

    def map(self, move: Callable[[Tensor], Tensor]) -> LayeredBlocks:
        """The same of other tensors, each what ``move`` makes of one of these; what layers share stays shared."""
        moved: dict[int, RelationBlock] = {}

        def move_block(block: RelationBlock) -> RelationBlock:
            if id(block) not in moved:
                moved[id(block)] = block.map(move)
            return moved[id(block)]

        nodes = {t: None if n is None else move(n) for t, n in self.input_nodes.items()}
        layers = [
            Layer({t: move_block(b) for t, b in layer.blocks.items()}, layer.num_dst) for layer in self.layers
        ]
        return LayeredBlocks(nodes, layers, {name: move(value) for name, value in self.features.items()})


def full_graph_blocks(
    blocks: Mapping[EdgeType, RelationBlock], num_nodes: Mapping[str, int], num_layers: int
) -> LayeredBlocks:
    """Every layer sees the whole graph.

    :param blocks: the relations.
    :param num_nodes: number of nodes of each type.
    :param num_layers: how many layers.
    """
    layer = Layer(dict(blocks), dict(num_nodes))
    return LayeredBlocks(dict.fromkeys(num_nodes), [layer] * num_layers)
