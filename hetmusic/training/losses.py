"""Ranking losses over the score views of a batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hetmusic._made_with import MadeWith
from hetmusic._resolve import Resolver
from hetmusic.models.heads import ScoreView
from hetmusic.training.batches import Batch
from hetmusic.training.cross_entropy import cross_entropy


class Loss(MadeWith, nn.Module):
    """Scores one view of a batch.

    A view whose items may be absent is judged on the targets it can score.
    """

    #: what a batch must be made of: ``users`` against the catalogue, ``pairs`` against shared or ``triples`` against own
    #: negatives
    batches: str = "pairs"
    #: whether several processes may share a step: means are over all their targets, ``sum / batch.total(count)``
    shares_steps: bool = False

    def forward(self, view: ScoreView, batch: Batch) -> Tensor:
        """Mean loss over the view's targets, a scalar; of several processes, each one's part of it.

        :param view: users by row and items by column of the batch.
        """
        raise TypeError(f"{type(self).__name__} must implement forward()")


losses: Resolver[Loss] = Resolver("loss", Loss, "hetmusic.losses", hooks=["forward"])


@losses.register("softmax")
class SoftmaxLoss(Loss):
    """Cross-entropy of each target against all candidates: logsumexp_j s(u, j) - s(u, i).

    Under ``sampled_softmax`` the candidates are drawn and scores are corrected by log Q; here they are the whole
    catalogue. Candidates that are known likes but not targets of the step are left out, as are absent items.

    With ``reconstruction`` the likes that were input of the step are predicted as well, as in a denoising autoencoder with
    the emphasis on what was hidden from it (Vincent et al. 2010): their own mean cross-entropy against all candidates,
    themselves among them, is added with this weight.

    :param reconstruction: weight of the likes that were input; 0 predicts the hidden ones alone.
    """

    batches = "users"
    shares_steps = True

    def __init__(self, reconstruction: float = 0.0) -> None:
        super().__init__()
        self.reconstruction = reconstruction

    def forward(self, view: ScoreView, batch: Batch) -> Tensor:  # noqa: D102
        return cross_entropy(view, batch, self.reconstruction)


@losses.register("sampled_softmax")
class SampledSoftmaxLoss(SoftmaxLoss):
    """The same against the batch's own positives and uniform negatives, with the log Q correction."""

    batches = "pairs"

    def __init__(self) -> None:
        super().__init__()


@losses.register("bpr")
class BPRLoss(Loss):
    """-log sigmoid(s(u, i) - s(u, j)) with j drawn for each pair (Rendle et al. 2009)."""

    batches = "triples"
    shares_steps = True

    def forward(self, view: ScoreView, batch: Batch) -> Tensor:  # noqa: D102
        negatives = batch.negative_columns
        assert negatives is not None
        users = view.users[batch.target_rows]
        positive = (users * view.items[batch.target_columns]).sum(dim=1, keepdim=True)
        negative = torch.einsum("bd,bnd->bn", users, view.items[negatives])
        loss: Tensor = functional.softplus(negative - positive)
        if view.present is not None:
            usable = view.present[batch.target_columns][:, None] & view.present[negatives]
            return torch.sum(loss * usable) / batch.total(usable.sum()).clamp(min=1)
        return loss.sum() / (batch.num_targets * negatives.shape[1])
