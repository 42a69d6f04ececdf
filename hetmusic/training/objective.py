"""What training minimises: the loss of the final score, of every tower, and of their disagreement."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hetmusic._foreign import is_foreign
from hetmusic.models.heads import ScoreView
from hetmusic.training.batches import Batch
from hetmusic.training.calling import calling, check_loss_has_no_parameters, check_loss_value
from hetmusic.training.config import TrainingConfig
from hetmusic.training.losses import losses
from hetmusic.training.mutual import MutualLearning


class Objective(nn.Module):
    """L = L_final + tower_loss · mean_m L_m + mutual_weight · L_ML (the paper's total loss; L2 is the optimiser's).

    :param config: names the loss and holds the weights.
    """

    def __init__(self, config: TrainingConfig) -> None:
        super().__init__()
        extra = {"reconstruction": config.reconstruction} if config.reconstruction else {}
        self.loss = losses.make(config.loss, **{**extra, **config.loss_arguments})
        check_loss_has_no_parameters(self.loss)
        self.tower_weight = config.tower_loss
        self.mutual_weight = config.mutual_weight
        self.mutual_warmup = config.mutual_warmup
        self.mutual = MutualLearning(config.mutual_temperature, config.mutual_teacher)

    def forward(self, views: Sequence[ScoreView], batch: Batch, epoch: int = 0) -> Tensor:
        """The value for one batch, a scalar.

        :param views: the final view first, then those of the towers (none if there is a single tower).
        :param epoch: counted from 0; before ``mutual_warmup`` the towers learn from the data alone.
        """
        total = self._value(views[0], batch)
        towers = views[1:]
        mutual = self.mutual_weight > 0 and epoch >= self.mutual_warmup
        if not towers or not (self.tower_weight or mutual):
            return total
        own = [self._value(view, batch) for view in towers]
        if self.tower_weight:
            total = total + self.tower_weight * torch.stack(own).mean()
        if mutual:
            total = total + self.mutual_weight * self.mutual(towers, batch, own)
        return total

    def _value(self, view: ScoreView, batch: Batch) -> Tensor:
        with calling("loss", self.loss):
            value: Tensor = self.loss(view, batch)
        if is_foreign(type(self.loss)):
            check_loss_value(value, self.loss)
        return value
