"""Ranking losses over the score views of a batch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from hetmusic._resolve import Resolver
from hetmusic.models.heads import ScoreView
from hetmusic.training.batches import Batch


class Loss(nn.Module):
    """Scores one view of a batch.

    A view whose items may be absent is judged on the targets it can score.
    """

    #: what a batch must be made of: ``users`` against the catalogue, ``pairs`` against shared or ``triples`` against own
    #: negatives
    batches: str = "pairs"

    def forward(self, view: ScoreView, batch: Batch) -> Tensor:
        """Mean loss over the view's targets, a scalar.

        :param view: users by row and items by column of the batch.
        """
        raise TypeError(f"{type(self).__name__} must implement forward()")


losses: Resolver[Loss] = Resolver("loss", Loss, "hetmusic.losses")


@losses.register("softmax")
class SoftmaxLoss(Loss):
    """Cross-entropy of each target against all candidates: logsumexp_j s(u, j) - s(u, i).

    Under ``sampled_softmax`` the candidates are drawn and scores are corrected by log Q; here they are the whole
    catalogue. Candidates that are known likes but not targets of the step are left out, as are absent items.
    """

    batches = "users"

    def forward(self, view: ScoreView, batch: Batch) -> Tensor:  # noqa: D102
        counts = view.users.new_ones(len(batch.target_rows))
        if view.present is not None:
            # counted, not selected: shapes that depend on values would make a GPU wait for the CPU
            counts = view.present[batch.target_columns].to(counts.dtype)
        result = _CrossEntropy.apply(view.users, view.items, batch, view.present, counts)
        assert isinstance(result, Tensor)
        return result


class _CrossEntropy(torch.autograd.Function):
    """Softmax cross-entropy of inner products, in one matrix of the size of the scores.

    Scores, their softmax and the gradient follow each other in the same memory: a batch of users against a catalogue is
    the largest tensor of a step, and on a CPU every pass over it counts.
    """

    @staticmethod
    def forward(
        ctx: Any, users: Tensor, items: Tensor, batch: Batch, present: Tensor | None, counts: Tensor
    ) -> Tensor:
        rows, columns = batch.target_rows, batch.target_columns
        scores = users @ items.T
        if batch.log_q is not None:
            scores -= batch.log_q
        target = scores[rows, columns]
        lowest = scores.new_tensor(float("-inf"))
        scores.index_put_((batch.masked_rows, batch.masked_columns), lowest)
        if present is not None:
            scores.masked_fill_(~present, float("-inf"))
        top = scores.amax(dim=1, keepdim=True)
        # a user without targets may have no candidate left
        top = torch.where(top == float("-inf"), 0.0, top)
        softmax = scores.sub_(top).exp_()
        total = softmax.sum(dim=1, keepdim=True).clamp(min=torch.finfo(scores.dtype).tiny)
        mass = counts.sum().clamp(min=1)
        # a target that is absent may have a score of any kind, which must not reach the sum
        loss = torch.where(counts > 0, (total.log() + top)[rows, 0] - target, 0.0)
        ctx.batch = batch
        ctx.save_for_backward(users, items, softmax, total, counts, mass)
        return (loss * counts).sum() / mass

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        users, items, softmax, total, counts, mass = ctx.saved_tensors
        rows, columns = ctx.batch.target_rows, ctx.batch.target_columns
        scale = grads[0] / mass
        of_user = counts.new_zeros(len(users)).index_add(0, rows, counts)
        gradient = softmax.mul_(of_user[:, None] * scale / total)
        gradient.index_put_((rows, columns), -scale * counts, accumulate=True)
        grad_users = gradient @ items if ctx.needs_input_grad[0] else None
        grad_items = gradient.T @ users if ctx.needs_input_grad[1] else None
        return grad_users, grad_items, None, None, None


@losses.register("sampled_softmax")
class SampledSoftmaxLoss(SoftmaxLoss):
    """The same against the batch's own positives and uniform negatives, with the log Q correction."""

    batches = "pairs"


@losses.register("bpr")
class BPRLoss(Loss):
    """-log sigmoid(s(u, i) - s(u, j)) with j drawn for each pair (Rendle et al. 2009)."""

    batches = "triples"

    def forward(self, view: ScoreView, batch: Batch) -> Tensor:  # noqa: D102
        negatives = batch.negative_columns
        assert negatives is not None
        users = view.users[batch.target_rows]
        positive = (users * view.items[batch.target_columns]).sum(dim=1, keepdim=True)
        negative = torch.einsum("bd,bnd->bn", users, view.items[negatives])
        loss: Tensor = functional.softplus(negative - positive)
        if view.present is not None:
            usable = view.present[batch.target_columns][:, None] & view.present[negatives]
            return torch.sum(loss * usable) / usable.sum().clamp(min=1)
        return loss.mean()
