"""A tower: the stack of HeteroConv layers that one modality (or none, or the friendships) sees the graph through."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from hetmusic.graph.types import EdgeType
from hetmusic.models.blocks import LayeredBlocks
from hetmusic.models.config import Readout
from hetmusic.models.hetero_conv import HeteroConv
from hetmusic.models.inputs import NodeInput
from hetmusic.models.layerwise import propagate
from hetmusic.relations import NodeInputs


class Tower(nn.Module):
    """Layer-0 inputs, L HeteroConv layers, and the readout: the sum over layers of h^(l) / (l + 1) (section 4.2.2) or h^(l).

    A node type without inputs (users, if they are inductive) has nothing to say at layer 0; from the first layer on it is
    what its neighbours told it.

    :param inputs: layer-0 inputs per node type.
    :param outputs: layer-0 inputs used instead when items are encoded as candidates; None shares ``inputs``.
    :param layers: the HeteroConv of every layer.
    :param readout: ``harmonic``: layer l counts 1 / (l + 1); ``sum``: all layers count alike.
    :param name: as errors of its encoders name it.
    """

    def __init__(
        self,
        inputs: Mapping[str, NodeInput],
        layers: Iterable[HeteroConv],
        outputs: Mapping[str, NodeInput] | None = None,
        readout: Readout = "harmonic",
        name: str | None = None,
    ) -> None:
        super().__init__()
        self.inputs = nn.ModuleDict(dict(inputs))
        self.outputs = None if outputs is None else nn.ModuleDict(dict(outputs))
        self.layers = nn.ModuleList(layers)
        self.readout = readout
        self.name = name

    def forward(
        self, blocks: LayeredBlocks, wanted: Collection[str], candidates: bool = False
    ) -> dict[str, Tensor]:
        """Encode nodes.

        :param blocks: the edges of every layer; as many layers as the tower has.
        :param wanted: node types whose representations are needed.
        :param candidates: start from the ``outputs`` tables.
        :return: per wanted type, shape ``(num_dst of the last layer, dim)``.
        """
        tables = self.outputs if candidates and self.outputs is not None else self.inputs
        plan = self._plan(blocks, wanted)
        h: dict[str, NodeInputs] = {}
        for ntype, table in tables.items():
            if ntype in plan[0][0]:
                assert isinstance(table, NodeInput)
                nodes = blocks.input_nodes[ntype]
                read = blocks.features.get(getattr(table, "apart", None) or "")
                h[ntype] = table.inputs(nodes, read)
        final = blocks.layers[-1].num_dst
        readout = {ntype: h[ntype].first(final[ntype]).h for ntype in wanted if ntype in h}
        for depth, (layer, conv) in enumerate(zip(blocks.layers, self.layers, strict=True)):
            targets, relations = plan[depth + 1][0], plan[depth + 1][1]
            active = {
                t: b.with_layer(depth + 1, self.name) for t, b in layer.blocks.items() if t in relations
            }
            assert isinstance(conv, HeteroConv)
            out = propagate(conv, active, h, {ntype: layer.num_dst[ntype] for ntype in sorted(targets)})
            for ntype in wanted:
                part = out[ntype][: final[ntype]]
                share = 1 / (depth + 2) if self.readout == "harmonic" else 1.0
                before = readout.get(ntype)
                readout[ntype] = part * share if before is None else torch.add(before, part, alpha=share)
            h = {ntype: self._with_presence(h, ntype, value) for ntype, value in out.items()}
        return readout

    @staticmethod
    def _with_presence(h: Mapping[str, NodeInputs], ntype: str, value: Tensor) -> NodeInputs:
        before = h[ntype].present if ntype in h else None
        return NodeInputs(value, None if before is None else before[: len(value)])

    def _plan(self, blocks: LayeredBlocks, wanted: Collection[str]) -> list[tuple[set[str], set[EdgeType]]]:
        """Per layer (0 = inputs) the node types to compute and the relations to run, walking back from the readout.

        What no wanted representation depends on is not computed: encoding candidates does not touch the users unless
        some relation of the tower leads from users to items.
        """
        relations = []
        for layer, conv in zip(blocks.layers, self.layers, strict=True):
            assert isinstance(conv, HeteroConv)
            relations.append({t for t in conv.edge_types if t in layer.blocks})
        return plan_layers(relations, wanted)


def plan_layers(
    relations: Sequence[Collection[EdgeType]], wanted: Collection[str]
) -> list[tuple[set[str], set[EdgeType]]]:
    """Per layer (0 = inputs) the node types that are needed and the relations that make them.

    :param relations: of every layer, from the first.
    :param wanted: node types whose representations, of all layers, are read out.
    """
    plan: list[tuple[set[str], set[EdgeType]]] = [(set(wanted), set())]
    for layer in reversed(relations):
        targets = plan[0][0]
        used = {t for t in layer if t.dst in targets}
        plan[0] = (targets, used)
        # an encoder may look at its destination (attention, gates), so the destinations' inputs are needed as well
        plan.insert(0, (set(wanted) | targets | {t.src for t in used}, set()))
    return plan


def needed_relations(
    relations: Sequence[Collection[EdgeType]], wanted: Collection[str]
) -> list[set[EdgeType]]:
    """Of every layer, the relations that some wanted representation depends on."""
    return [used for _, used in plan_layers(relations, wanted)[1:]]


def l2_normalize(x: Tensor) -> Tensor:
    """Rows of length one; a row of zeros stays zero."""
    return torch.nn.functional.normalize(x, dim=-1)
