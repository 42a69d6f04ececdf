"""How an encoder reads edge weights such as play counts, which span orders of magnitude."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from hetmusic.errors import ConfigError, did_you_mean
from hetmusic.relations.block import RelationBlock

#: ``none`` ignores weights, ``linear`` takes them as they are, ``sqrt`` and ``log`` (log(1 + w)) compress them
WeightScale = Literal["none", "linear", "sqrt", "log"]


def check_scale(scale: str) -> None:
    """Raise a :class:`ConfigError` unless ``scale`` is a known :data:`WeightScale`."""
    if scale not in get_args(WeightScale):
        raise ConfigError(f"unknown weight scale {scale!r}{did_you_mean(scale, get_args(WeightScale))}")


def edge_weights(relation: RelationBlock, scale: WeightScale) -> Tensor | None:
    """The weights of a block's edges on the given scale, shape ``(num_edges,)``; None if there are none to use."""
    if scale == "none":
        return None  # without a look at them: of sampled edges, attributes are gathered when they are read
    weight = relation.edge.get("weight")
    if weight is None:
        return None
    weight = weight.float().clamp(min=0)
    if scale == "sqrt":
        return weight.sqrt()
    return torch.log1p(weight) if scale == "log" else weight
