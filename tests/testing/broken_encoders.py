"""Encoders, each of which breaks one rule of the contract."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from hetmusic.relations import RelationEncoder


class Mean(RelationEncoder):
    """What the others are but for one mistake."""

    def message(self, src, dst, edge):
        return src.h


class OutputShape(RelationEncoder):
    def forward(self, relation, src, dst):
        return src.h


class OutputDtype(Mean):
    def forward(self, relation, src, dst):
        return super().forward(relation, src, dst).float()


class FiniteValuesAndGradients(RelationEncoder):
    """A softmax that overflows."""

    def forward(self, relation, src, dst):
        alpha = torch.exp(src.h.sum(dim=1).abs())
        total = relation.sum(alpha[:, None]) + (relation.in_degree == 0)[:, None]
        return relation.sum(src.h * alpha[:, None]) / total


class NoGradient(Mean):
    def message(self, src, dst, edge):
        return src.h.detach() + 0 * dst.h


class NoEdges(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.sum(src.h) / relation.num_edges


class IsolatedDestinations(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.sum(src.h) / relation.in_degree[:, None]


class OneNode(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.sum(src.h.squeeze()[:, None] if src.h.squeeze().dim() == 1 else src.h)


class AbsentModalityRows(Mean):
    """A mean over present neighbours that forgets that there may be none."""

    def forward(self, relation, src, dst):
        if src.present is None:
            return super().forward(relation, src, dst)
        present = src.present.to(src.h.dtype)[:, None]
        total = relation.sum(present)
        return relation.sum(src.h * present) / torch.where(relation.in_degree[:, None] > 0, total, 1.0)


class SourceAndDestinationAreKeptApart(RelationEncoder):
    """A layer norm over destinations rather than dimensions."""

    def forward(self, relation, src, dst):
        return relation.sum(src.h) + dst.h.roll(1, dims=0)


class EdgeOrder(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.sum(src.h, 1 / (1 + torch.arange(relation.num_edges, device=src.h.device)))


class DuplicateEdges(RelationEncoder):
    """Looks the weight of an edge up in a table by its ends, which must be one to one."""

    def forward(self, relation, src, dst):
        codes = relation.src_index * relation.num_dst + relation.dst_index
        if codes.device.type == "cpu" and len(codes.unique()) < len(codes):
            raise ValueError("edge occurs twice")
        return relation.sum(src.h)


class SampledEqualsFull(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.sum(src.h) / max(relation.num_edges, 1)


class ParametersAreMadeInInit(RelationEncoder):
    def forward(self, relation, src, dst):
        if not hasattr(self, "project"):
            self.project = nn.Linear(self.dim, self.dim).to(src.h)
        return relation.sum(self.project(src.h))


class Lazy(Mean):
    def __init__(self, dim):
        super().__init__(dim)
        self.project = nn.LazyLinear(dim)


class ParametersAreUsed(Mean):
    def __init__(self, dim):
        super().__init__(dim)
        self.project = nn.Linear(dim, dim)


class StateDictRoundTrip(RelationEncoder):
    def __init__(self, dim):
        super().__init__(dim)
        self.matrix = torch.randn(dim, dim)

    def forward(self, relation, src, dst):
        return relation.sum(src.h) @ self.matrix.to(src.h)


class Deterministic(Mean):
    def message(self, src, dst, edge):
        return src.h * float(np.random.default_rng().random())


class LayerInForward(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.sum(nn.Linear(self.dim, self.dim, device=src.h.device, dtype=src.h.dtype)(src.h))


class WithinItself(Mean):
    def __init__(self, dim):
        super().__init__(dim)
        self.itself = self


class InputsStayAsTheyAre(Mean):
    def forward(self, relation, src, dst):
        relation.edge["weight"].log1p_()
        return super().forward(relation, src, dst)


class MixedPrecision(RelationEncoder):
    def __init__(self, dim):
        super().__init__(dim)
        self.project = nn.Linear(dim, dim)

    def forward(self, relation, src, dst):
        out = src.h.new_zeros(relation.num_dst, self.dim)
        return out.index_add(0, relation.dst_index, self.project(src.h)[relation.src_index])


class TrainingStepOnAnotherDevice(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.sum(src.h) * torch.ones(relation.num_dst, 1, dtype=src.h.dtype)


class ForwardOnFakeCuda(TrainingStepOnAnotherDevice):
    """The same mistake, which a CUDA build notices as well."""


class ResultsOnAGPU(TrainingStepOnAnotherDevice):
    """The same mistake, which a GPU notices as well."""
