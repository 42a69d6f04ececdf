"""What samples the neighbourhoods of a step, and its resolver."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hetmusic._resolve import Resolver
from hetmusic.models.blocks import LayeredBlocks
from hetmusic.training.left_out import LeftOut
from hetmusic.training.tensors import GraphTensors


class Sampler(ABC):
    """Draws the edges that the representations of a step's nodes are computed from.

    Every draw comes from the generator that :meth:`sample` is handed, so that resumed runs stay exact.

    :param graph: the training graph.
    :param fanouts: neighbours per node and relation, one number a layer, furthest from the seeds first; -1 takes all.
    :param per_relation: other numbers for some relations, by name, in every layer.
    """

    def __init__(
        self, graph: GraphTensors, fanouts: Sequence[int], per_relation: Mapping[str, int] | None = None
    ) -> None:
        self.graph = graph
        self.fanouts = list(fanouts)
        self.per_relation = dict(per_relation or {})

    @abstractmethod
    def sample(
        self,
        seeds: Mapping[str, NDArray[np.int64]],
        rng: np.random.Generator,
        dropped: LeftOut | None = None,
    ) -> LayeredBlocks:
        """Sample the neighbourhoods that the seeds' representations are computed from.

        :param seeds: distinct node indices per type (the destination nodes of the last layer).
        :param rng: source of randomness.
        :param dropped: training interactions that no message may pass: ``dropped.of(ids)`` says which; of each direction of
            the interaction, ``graph.interaction_ids`` says which interaction an edge is.
        :return: as many layers as there are fanouts; the nodes that a layer produces are the first of those that it reads.
        """


#: names, import paths, classes, instances and entry points (group ``hetmusic.samplers``) -> sampler
samplers: Resolver[Sampler] = Resolver(
    "sampler",
    Sampler,  # type: ignore[type-abstract]
    "hetmusic.samplers",
    given=["graph", "fanouts", "per_relation"],
)
