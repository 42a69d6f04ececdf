"""What a model must know of a graph to be built: its shape, not its edges."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import ConfigError, did_you_mean
from hetmusic.graph.emotions import ItemEmotions
from hetmusic.graph.types import EdgeType, Modality


@dataclass(frozen=True)
class GraphSchema:
    """Node types, edge types and what is known about the recommended items."""

    #: number of nodes of each type
    num_nodes: Mapping[str, int]
    #: every edge type that message passing may use, inverses included
    edge_types: tuple[EdgeType, ...]
    user_type: str
    item_type: str
    #: modalities of the recommended node type
    modalities: Mapping[str, Modality] = field(default_factory=dict)
    #: relation -> its inverse, for those that the ontology may not know
    inverses: Mapping[str, str] = field(default_factory=dict)
    #: emotions of the recommended items; None if there are none
    emotions: ItemEmotions | None = None
    #: items that training neither reads nor scores, so that an embedding of their own would stay noise, bool
    #: ``(num_items,)``; None if there are none
    untrained: NDArray[np.bool_] | None = None
    #: training interactions of every item, ``(num_items,)``; None if they are not known
    popularity: NDArray[np.int64] | None = None

    def hiding(self, names: Collection[str]) -> GraphSchema:
        """The same graph with some modalities absent everywhere.

        :raises ConfigError: for a modality that there is not.
        """
        for name in names:
            if name not in self.modalities:
                known = ", ".join(self.modalities) or "none"
                raise ConfigError(
                    f"there is no modality {name!r} to hide{did_you_mean(name, self.modalities)}; known: {known}"
                )
        hidden = {
            name: Modality(found.values, np.zeros_like(found.present), found.info) if name in names else found
            for name, found in self.modalities.items()
        }
        return replace(self, modalities=hidden)
