"""Item modalities as recommenders that are compared read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from hetmusic.errors import ConfigError, did_you_mean
from hetmusic.models.scaling import scaled_features
from hetmusic.rivals.base import Problem

Scaling = Literal["standard", "l2", "whiten", "none"]


@dataclass(frozen=True)
class ItemContent:
    """The vectors of one modality, for the items that have it."""

    name: str
    #: items that have the modality, int64 ascending, shape ``(num_present,)``
    items: Tensor
    #: scaled vectors, float32, shape ``(num_present, dim)``
    values: Tensor

    @property
    def dim(self) -> int:
        """Size of a vector."""
        return self.values.shape[1]


def read_content(
    model: str, problem: Problem, modalities: Sequence[str] | Literal["all"], scaling: Scaling
) -> list[ItemContent]:
    """Read modalities of the recommended node type.

    :param model: whom to name in errors.
    :param modalities: names, or ``all`` that the graph has.
    :param scaling: see :func:`~hetmusic.models.scaling.scaled_features`.
    :raises ConfigError: if there is none, or not the one asked for.
    """
    graph = problem.graph
    known = graph.modalities(graph.item_type)
    names = known if modalities == "all" else list(modalities)
    if not names:
        raise ConfigError(
            f"model {model} reads modalities of {graph.item_type}, but "
            + (f"graph {graph.name} has none" if modalities == "all" else "modalities = [] names none")
        )
    for name in names:
        if name not in known:
            raise ConfigError(
                f"model {model}: {graph.item_type} of graph {graph.name} has no modality {name!r}"
                f"{did_you_mean(name, known)}; there are: {', '.join(known) or 'none'}"
            )
    contents = []
    for name in names:
        features, present = scaled_features(graph.modality(graph.item_type, name), scaling)
        contents.append(ItemContent(name, torch.nonzero(present).squeeze(1), features[present]))
    return contents
