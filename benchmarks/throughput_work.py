"""What everybody in throughput.py computes: the paper's model, and the parts of it that no library has an own form of."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hetmusic import MusicGraph

DIM, LAYERS, FANOUT, BATCH = 64, 2, 10, 1024

#: values and presence of a modality's features, of all songs
Features = tuple[Tensor, Tensor]
Step = Callable[[], float]


def in_memory(graph: MusicGraph) -> dict[str, Features]:
    """Values and presence of every modality, as they are stored."""
    found = {name: graph.modality("song", name) for name in graph.modalities("song")}
    return {
        name: (torch.from_numpy(np.array(modality.values)), torch.from_numpy(modality.present.copy()))
        for name, modality in found.items()
    }


class SongInput(nn.Module):
    """Projected features, and a learned vector in place of absent ones."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(width, DIM)
        self.absent = nn.Parameter(0.1 * torch.randn(DIM))

    def forward(self, values: Tensor, present: Tensor) -> Tensor:
        """Songs by row, ``(n, DIM)``."""
        return torch.where(present[:, None], self.project(values.float()), self.absent)


def user_table(users: int, sparse: bool) -> nn.Embedding:
    """Embeddings of the users of a tower."""
    table = nn.Embedding(users, DIM, sparse=sparse)
    nn.init.normal_(table.weight, std=0.1)
    return table


class Fusion(nn.Module):
    """Towers of users and songs put together, eqs. 4 and 5 of the paper."""

    def __init__(self, modalities: int) -> None:
        super().__init__()
        self.fuse = nn.Linear(DIM * (modalities + 1), DIM, bias=False)
        self.weights = nn.Parameter(torch.zeros(modalities))

    def users(self, towers: list[Tensor]) -> Tensor:
        """Users, ``(n, DIM)``, of all their towers."""
        return torch.sigmoid(self.fuse(torch.cat(towers, dim=1)))

    def songs(self, towers: list[Tensor], present: Tensor) -> Tensor:
        """Songs, ``(n, DIM)``, of the towers of the modalities that they have.

        :param present: bool ``(n, modalities)``.
        """
        logits = self.weights.expand(len(present), -1)
        logits = logits.masked_fill(~present & present.any(1, keepdim=True), float("-inf"))
        share = torch.softmax(logits, dim=1)
        return torch.stack([tower * share[:, [k]] for k, tower in enumerate(towers)]).sum(dim=0)


def bpr(users: Tensor, liked: Tensor, other: Tensor) -> Tensor:
    """Bayesian personalised ranking of pairs by row."""
    return functional.softplus((users * other).sum(dim=1) - (users * liked).sum(dim=1)).mean()


def optimizers_of(model: nn.Module, sparse: bool) -> list[torch.optim.Optimizer]:
    """Adam, and if asked SparseAdam for the tables of the users."""
    named: Mapping[str, nn.Parameter] = dict(model.named_parameters())
    tables = [p for name, p in named.items() if sparse and name.endswith("users.weight")]
    rest = [p for p in named.values() if not any(p is table for table in tables)]
    found: list[torch.optim.Optimizer] = [torch.optim.Adam(rest, lr=1e-3)]
    return [*found, torch.optim.SparseAdam(tables, lr=1e-3)] if tables else found


def update(loss: Tensor, optimizers: list[torch.optim.Optimizer]) -> float:
    """Backward pass and update; the loss."""
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()
    return float(loss.detach())
