"""Softmax cross-entropy of a batch of users against many candidates, with a backward pass of its own."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import normalize

from hetmusic.models.heads import ScoreView
from hetmusic.training.batches import Batch

#: cosine below which the logarithm of a proportional score goes on as a straight line
_LEAST = 0.05


def cross_entropy(view: ScoreView, batch: Batch, reconstruction: float = 0.0) -> Tensor:
    """Mean over the step's targets (u, i) of logsumexp_j s(u, j) - s(u, i), a scalar.

    Where several processes share a step, each has its part of that mean.

    Candidates j are the items that the view can score and that are not masked for u. With ``reconstruction`` > 0 the same
    mean over the masked pairs, for which every item that can be scored is a candidate, is added with that weight.

    :param view: users by row and items by column of the batch.
    """
    hidden = _countable(view, batch.target_columns)
    seen = _countable(view, batch.masked_columns) if reconstruction else None
    if view.proportional:
        return _of_proportional(view, batch, hidden, seen, reconstruction)
    result = _CrossEntropy.apply(view.users, view.items, batch, view.present, hidden, seen, reconstruction)
    assert isinstance(result, Tensor)
    return result


def _countable(view: ScoreView, columns: Tensor) -> Tensor:
    """1 for every pair whose item the view can score, else 0."""
    if view.present is None:
        return view.users.new_ones(len(columns))
    # counted, not selected: shapes that depend on values would make a GPU wait for the CPU
    return view.present[columns].to(view.users.dtype)


def _of_proportional(
    view: ScoreView, batch: Batch, hidden: Tensor, seen: Tensor | None, reconstruction: float
) -> Tensor:
    """The same where probabilities are proportional to the view's scores: s(u, j) is the logarithm of an inner product.

    Below :data:`_LEAST` of the largest that vectors of these lengths can have, the logarithm goes on as a straight line,
    so that a score may be zero or negative and still is drawn upwards by a target.
    """
    lowest = float("-inf")
    length = view.items.norm(dim=1).clamp(min=1e-12)
    # the products are fewer numbers than the items have, so the division is theirs
    cosine = normalize(view.users, dim=1) @ view.items.T / length
    scores = torch.where(
        cosine > _LEAST, cosine.clamp(min=_LEAST).log(), math.log(_LEAST) + cosine / _LEAST - 1
    )
    # a factor of the user is none of the ranking and none of the loss
    scores = scores + (length.log() if batch.log_q is None else length.log() - batch.log_q)
    target = scores[batch.target_rows, batch.target_columns]
    if view.present is not None:
        scores = scores.masked_fill(~view.present, lowest)
    candidates = scores.index_put(
        (batch.masked_rows, batch.masked_columns), scores.new_tensor(lowest)
    ).logsumexp(dim=1)
    loss = torch.where(hidden > 0, candidates[batch.target_rows] - target, 0.0).sum()
    loss = loss / batch.total(hidden.sum()).clamp(min=1)
    if seen is None:
        return loss
    again = scores.logsumexp(dim=1)[batch.masked_rows] - scores[batch.masked_rows, batch.masked_columns]
    again = torch.where(seen > 0, again, 0.0).sum() / batch.total(seen.sum()).clamp(min=1)
    return loss + reconstruction * again


class _CrossEntropy(torch.autograd.Function):
    """Softmax cross-entropy of inner products, in one matrix of the size of the scores.

    Scores, their softmax and the gradient follow each other in the same memory: a batch of users against a catalogue is
    the largest tensor of a step, and on a CPU every pass over it counts.
    """

    @staticmethod
    def forward(
        ctx: Any,
        users: Tensor,
        items: Tensor,
        batch: Batch,
        present: Tensor | None,
        hidden: Tensor,
        seen: Tensor | None,
        reconstruction: float,
    ) -> Tensor:
        rows, columns = batch.target_rows, batch.target_columns
        known = (batch.masked_rows, batch.masked_columns)
        scores = users @ items.T
        if batch.log_q is not None:
            scores -= batch.log_q
        target = scores[rows, columns]
        of_known = None if seen is None else scores[known]
        lowest = float("-inf")
        if present is not None:
            scores.masked_fill_(~present, lowest)
        top_of_all = None if seen is None else _finite(scores.amax(dim=1))
        scores.index_put_(known, scores.new_tensor(lowest))
        top = _finite(scores.amax(dim=1), 0.0 if top_of_all is None else top_of_all)
        softmax = scores.sub_(top[:, None]).exp_()
        total = softmax.sum(dim=1).clamp(min=torch.finfo(scores.dtype).tiny)
        mass = batch.total(hidden.sum()).clamp(min=1)
        # a target that is absent may have a score of any kind, which must not reach the sum
        loss = torch.where(hidden > 0, (total.log() + top)[rows] - target, 0.0).sum() / mass
        ctx.batch, ctx.reconstruction, ctx.seen = batch, reconstruction, None
        ctx.save_for_backward(users, items, softmax, total, hidden, mass)
        if seen is None or of_known is None or top_of_all is None:
            return loss
        others = total * (top - top_of_all).exp()
        share = of_known.masked_fill(seen == 0, lowest).sub_(top_of_all[known[0]]).exp_()
        everything = others.index_add(0, known[0], share)
        seen_mass = batch.total(seen.sum()).clamp(min=1)
        again = torch.where(seen > 0, (everything.log() + top_of_all)[known[0]] - of_known, 0.0)
        # what turns exp(s - top) into a probability among all candidates
        ctx.seen = (seen, share, everything, others / (total * everything), seen_mass)
        return loss + reconstruction * again.sum() / seen_mass

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        users, items, softmax, total, hidden, mass = ctx.saved_tensors
        batch, scale = ctx.batch, grads[0] / mass
        factor = _per_user(hidden, batch.target_rows, len(users)) * scale / total
        pull = None
        if ctx.seen is not None:
            seen, share, everything, probability, seen_mass = ctx.seen
            again = ctx.reconstruction * grads[0] / seen_mass
            weight = _per_user(seen, batch.masked_rows, len(users)) * again
            factor = factor + weight * probability
            pull = (weight / everything)[batch.masked_rows] * share - again * seen
        gradient = softmax.mul_(factor[:, None])
        gradient.index_put_((batch.target_rows, batch.target_columns), -scale * hidden, accumulate=True)
        if pull is not None:
            gradient.index_put_((batch.masked_rows, batch.masked_columns), pull, accumulate=True)
        grad_users = gradient @ items if ctx.needs_input_grad[0] else None
        grad_items = gradient.T @ users if ctx.needs_input_grad[1] else None
        return grad_users, grad_items, None, None, None, None, None


def _finite(top: Tensor, otherwise: float | Tensor = 0.0) -> Tensor:
    """Maxima of rows, something finite for a row without any candidate."""
    return torch.where(top == float("-inf"), otherwise, top)


def _per_user(counts: Tensor, rows: Tensor, num_users: int) -> Tensor:
    """Sums of the pairs' counts, shape ``(num_users,)``."""
    return counts.new_zeros(num_users).index_add(0, rows, counts)
