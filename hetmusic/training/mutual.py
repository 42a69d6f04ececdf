"""Deep mutual learning: towers teach each other what they believe about the same candidates."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Literal

import torch
from torch import Tensor, nn

from hetmusic.models.heads import ScoreView
from hetmusic.training.batches import Batch

Teacher = Literal["symmetric", "detached", "better"]


class MutualLearning(nn.Module):
    """Kullback-Leibler divergences between the softened score distributions of every pair of towers.

    For towers a and b, and every user of the batch, P_a = softmax_j(s_a(u, j) / T) over the candidates j that both towers
    can score and that are no input of the step. The loss is the mean over users and pairs of towers of
    T^2 (KL(P_a || P_b) + KL(P_b || P_a)): eq. 6 of the MM-GNN paper, each pair counted once, with the factor that keeps
    gradients the same size whatever T is (Hinton et al. 2015).

    :param temperature: T; above 1 the distributions are softer than those that the towers' own losses see.
    :param teacher: ``symmetric``: gradients flow into both sides of every divergence, as eq. 6 is written; ``detached``:
        only into the student, KL(teacher || student) (Zhang et al. 2018); ``better``: as ``detached``, and of each pair
        only the tower with the higher loss of its own learns.
    """

    def __init__(self, temperature: float = 1.0, teacher: Teacher = "detached") -> None:
        super().__init__()
        self.temperature = temperature
        self.teacher = teacher

    def forward(self, views: Sequence[ScoreView], batch: Batch, own: Sequence[Tensor] = ()) -> Tensor:
        """The divergence, a scalar.

        :param views: the towers' views of the batch's users (rows) and candidates (columns).
        :param own: each tower's own loss, needed for ``better`` alone.
        """
        softened = [view.users @ view.items.T / self.temperature for view in views]
        alone = self._not_input(softened[0], batch)
        everywhere = [
            self._log_softmax(s, alone) if v.present is None else None
            for s, v in zip(softened, views, strict=True)
        ]
        total = softened[0].new_zeros(())
        pairs = list(combinations(range(len(views)), 2))
        losses = (
            batch.total(torch.stack([loss.detach() for loss in own])) if self.teacher == "better" else own
        )
        for a, b in pairs:
            log_a, log_b, usable = everywhere[a], everywhere[b], alone
            if log_a is None or log_b is None:
                usable = alone & _both_present(views[a], views[b])
                log_a, log_b = (self._log_softmax(softened[k], usable) for k in (a, b))
            if self.teacher != "better":
                total = (
                    total
                    + self._divergence(log_a, log_b, usable, batch)
                    + self._divergence(log_b, log_a, usable, batch)
                )
                continue
            # decided by a weight and not by a branch: a GPU need not wait for the comparison
            a_teaches = (losses[a] < losses[b]).to(total.dtype)
            total = total + a_teaches * self._divergence(log_a, log_b, usable, batch)
            total = total + (1 - a_teaches) * self._divergence(log_b, log_a, usable, batch)
        return total * self.temperature**2 / max(len(pairs), 1)

    @staticmethod
    def _not_input(scores: Tensor, batch: Batch) -> Tensor:
        """Which (row, column) pairs are candidates, bool."""
        usable = torch.ones_like(scores, dtype=torch.bool)
        return usable.index_put_((batch.masked_rows, batch.masked_columns), usable.new_tensor(False))

    @staticmethod
    def _log_softmax(scores: Tensor, usable: Tensor) -> Tensor:
        """Log-probabilities over the usable candidates of each row, 0 elsewhere."""
        # a row without any candidate would be a softmax over nothing; what it gets instead is not counted
        some = usable.any(dim=1, keepdim=True)
        masked = scores.masked_fill(~usable & some, float("-inf"))
        return torch.log_softmax(masked, dim=1).masked_fill(~usable, 0.0)

    def _divergence(self, teacher: Tensor, student: Tensor, usable: Tensor, batch: Batch) -> Tensor:
        """Mean over rows of KL(teacher || student), from log-probabilities that are 0 outside ``usable``."""
        if self.teacher != "symmetric":
            teacher = teacher.detach()
        rows = batch.total(usable.any(dim=1).sum()).clamp(min=1)
        return (teacher.exp() * (teacher - student)).sum() / rows


def _both_present(a: ScoreView, b: ScoreView) -> Tensor:
    """Which columns both towers can score, bool ``(num_items,)`` or ``(1,)``."""
    if a.present is None:
        assert b.present is not None
        return b.present
    return a.present if b.present is None else a.present & b.present
