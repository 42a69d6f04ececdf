"""How much an edge counts is read off its attributes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hetmusic.relations import NodeInputs, RelationBlock, RelationEncoder

#: attributes of an edge, each on a scale of about one
FEATURES = 3


class EdgeFeatures(RelationEncoder):
    """Σ alpha_vu h_u, alpha = softmax over v's edges of a small network of plays, age and the source's popularity.

    Attributes that a relation does not have are zero, so that the encoder can read any relation.

    :param hidden: size of the network's only layer.
    """

    def __init__(self, dim: int, hidden: int = 16) -> None:
        super().__init__(dim)
        self.score = nn.Sequential(nn.Linear(FEATURES, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def forward(self, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> Tensor:
        """A row a destination node."""
        alpha = relation.softmax(self.score(self.features(relation, src).to(src.h.dtype)))
        return relation.sum(src.h, alpha[:, 0])

    @staticmethod
    def features(relation: RelationBlock, src: NodeInputs) -> Tensor:
        """Logarithms of plays and popularity, and years of age, shape ``(num_edges, 3)``."""
        none = torch.zeros(relation.num_edges, device=src.h.device)
        popularity = none if src.degree is None else src.degree.index_select(0, relation.src_index).log1p()
        plays = relation.edge["weight"].log1p() if "weight" in relation.edge else none
        years = relation.edge["age"] / 365 if "age" in relation.edge else none
        return torch.stack([plays, popularity, years], dim=1)
