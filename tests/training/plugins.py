"""Plug-ins of a person's own, and a configuration that is quickly trained."""

from __future__ import annotations

from hetmusic.models.combine import Combiner
from hetmusic.relations import RelationEncoder
from hetmusic.training import load_config
from hetmusic.training.losses import BPRLoss

FAST = ["model.dim=8", "training.batch_size=16", "training.epochs=2", "model.modalities=[]"]


class Sharper(BPRLoss):
    """-log sigmoid of the difference times ``factor``."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, view, batch):
        return self.factor * super().forward(view, batch)


class Last(Combiner):
    """The last relation alone."""

    def __init__(self, dim: int, scale: float = 1.0) -> None:
        super().__init__(dim)
        self.scale = scale

    def forward(self, messages, has_edges):
        return self.scale * messages[-1] * has_edges[-1][:, None]


def config(*overrides):
    return load_config(overrides=[*FAST, *overrides])


class Scaled(RelationEncoder):
    def __init__(self, dim, rate=1.0):
        super().__init__(dim)
        self.rate = rate

    def message(self, src, dst, edge):
        return self.rate * src.h
