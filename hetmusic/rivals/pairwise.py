"""What trained rivals have in common: embeddings of all users and items, learnt from pairs by BPR.

A step propagates over the whole graph if the model has one, scores a batch of training pairs and as many negatives, and
descends -log sigmoid(s(u, i) - s(u, j)) (Rendle et al. 2009, BPR-Opt). Validation ranks the whole catalogue.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from hetmusic._device import choose_device
from hetmusic.models.config import StrictModel
from hetmusic.ranking import EmbeddingScorer, Scorer
from hetmusic.rivals.base import Problem, Recommender, Report
from hetmusic.rivals.negatives import NegativeSampler
from hetmusic.training.stopping import EarlyStopping
from hetmusic.training.trainer import DivergedError


class PairwiseSettings(StrictModel):
    """Settings of every :class:`PairwiseRecommender`."""

    dim: int = Field(64, ge=1, le=8192)
    """Size of the embeddings."""

    lr: float = Field(0.005, gt=0)
    """Learning rate of Adam."""

    l2: float = Field(1e-3, ge=0)
    """Half of it multiplies the squared length of the layer-0 embeddings of a pair and its negative."""

    batch_size: int = Field(4096, ge=1)
    """Training pairs a step."""

    epochs: int = Field(1000, ge=1)
    """Most epochs trained."""

    patience: int = Field(8, ge=1)
    """Training stops after this many validations in a row without a better one."""

    validate_every: int = Field(5, ge=1)
    """Epochs between two validations."""

    device: str = "auto"
    """``auto`` (CUDA where there is a GPU), ``cpu``, ``cuda`` or ``cuda:N``."""


@dataclass(frozen=True)
class Embeddings:
    """What scores are made of: s(u, i) = user · item + bias."""

    #: shape ``(num_users, dim)``
    users: Tensor
    #: shape ``(num_items, dim)``
    items: Tensor
    #: shape ``(num_items,)``
    item_bias: Tensor | None = None
    #: loss of the model's own beside the ranking loss, a scalar; in training only
    auxiliary: Tensor | None = None

    def scorer(self) -> EmbeddingScorer:
        """The same for ranking."""
        bias = None if self.item_bias is None else self.item_bias.detach().cpu().numpy()
        return EmbeddingScorer(self.users.detach().cpu().numpy(), self.items.detach().cpu().numpy(), bias)


class PairwiseModel(nn.Module):
    """Learned tables of users and items; a subclass says what becomes of them.

    Items without training interactions start from zero, so that no noise enters what is known of them by other means.

    :param problem: what is to be learnt.
    :param dim: size of the embeddings.
    :param scale: standard deviation of the embeddings at the start.
    """

    def __init__(self, problem: Problem, dim: int, scale: float = 0.1) -> None:
        super().__init__()
        self.num_users, self.num_items = problem.num_users, problem.num_items
        known = torch.from_numpy(problem.train.getnnz(axis=0) > 0)
        self.user_table = nn.Parameter(torch.randn(self.num_users, dim) * scale)
        self.item_table = nn.Parameter(torch.randn(self.num_items, dim) * scale * known[:, None])

    def start_epoch(self) -> None:
        """Called before every epoch."""

    def embeddings(self) -> Embeddings:
        """Embeddings of all users and items, inside the autograd graph."""
        return Embeddings(self.user_table, self.item_table)

    def layer0(self) -> tuple[Tensor, Tensor]:
        """What L2 regularises: a row a user and a row an item."""
        return self.user_table, self.item_table


class PairwiseRecommender(Recommender):
    """A recommender made of a :class:`PairwiseModel`; a subclass gives ``Settings`` and :meth:`build`."""

    Settings = PairwiseSettings

    def build(self, problem: Problem, device: torch.device) -> PairwiseModel:
        """Make the untrained model.

        :param device: where it will be trained; what is no parameter or buffer has to be put there.
        """
        raise TypeError(f"{type(self).__name__} must implement build()")

    def train(  # noqa: D102
        self, problem: Problem, seed: int, folder: Path | None, report: Report | None
    ) -> tuple[Scorer, dict[str, Any]]:
        device = choose_device(self.settings.device)
        # the caller's own generator is left as it was
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = self.build(problem, device).to(device)
            return fit_pairwise(model, problem, self.settings, seed, report)


def fit_pairwise(
    model: PairwiseModel,
    problem: Problem,
    settings: PairwiseSettings,
    seed: int,
    report: Report | None = None,
) -> tuple[EmbeddingScorer, dict[str, Any]]:
    """Train a model and keep its best epoch.

    :param report: told about every validation; may raise to end the fit.
    :return: the scorer of the best validation, and how training went.
    :raises DivergedError: if the loss is not a finite number.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.lr)
    sampler = NegativeSampler(problem)
    stopping = EarlyStopping(settings.patience)
    best: EmbeddingScorer | None = None
    epoch = validations = 0
    while epoch < settings.epochs and not stopping.should_stop:
        _train_epoch(model, optimizer, sampler, settings, np.random.default_rng([seed, epoch]), epoch)
        epoch += 1
        if epoch % settings.validate_every and epoch < settings.epochs:
            continue
        scorer = _scorer(model)
        value = problem.validate(scorer)
        if stopping.update(value, epoch):
            best = scorer
        if report is not None:
            report(validations, value)
        validations += 1
    assert best is not None
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return best, {"epochs": epoch, "best_epoch": stopping.best_epoch, "parameters": parameters}


def batch_loss(model: PairwiseModel, users: Tensor, items: Tensor, negatives: Tensor, l2: float) -> Tensor:
    """The loss of a batch of triples, a scalar.

    :param users: int64, shape ``(n,)``; likewise ``items``, which they like, and ``negatives``, which they do not.
    """
    made = model.embeddings()
    # the backward pass of an embedding look-up sums in a fixed order; that of plain indexing does not
    rows = functional.embedding(users, made.users)
    better, worse = functional.embedding(items, made.items), functional.embedding(negatives, made.items)
    margin = (rows * (better - worse)).sum(dim=1)
    if made.item_bias is not None:
        margin = margin + made.item_bias[items] - made.item_bias[negatives]
    loss = functional.softplus(-margin).mean()
    if l2:
        user_table, item_table = model.layer0()
        parts = ((users, user_table), (items, item_table), (negatives, item_table))
        squares = sum(
            (functional.embedding(at, table).square().sum() for at, table in parts), margin.new_zeros(())
        )
        loss = loss + 0.5 * l2 * squares / len(users)
    return loss if made.auxiliary is None else loss + made.auxiliary


def _train_epoch(
    model: PairwiseModel,
    optimizer: torch.optim.Optimizer,
    sampler: NegativeSampler,
    settings: PairwiseSettings,
    rng: np.random.Generator,
    epoch: int,
) -> None:
    model.train()
    # dropout and shuffles draw from torch's generator
    torch.manual_seed(int(rng.integers(2**63)))
    model.start_epoch()
    device = model.user_table.device
    for step, triples in enumerate(sampler.epoch(settings.batch_size, rng)):
        users, items, negatives = (torch.from_numpy(part).to(device) for part in triples)
        loss = batch_loss(model, users, items, negatives, settings.l2)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise DivergedError(
                f"the loss became {value} in epoch {epoch}, step {step}; "
                f"a lower learning rate than lr = {settings.lr:g} usually helps"
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


def _scorer(model: PairwiseModel) -> EmbeddingScorer:
    model.eval()
    with torch.no_grad():
        scorer = model.embeddings().scorer()
    # tables are trained on in place
    bias = None if scorer.item_bias is None else scorer.item_bias.copy()
    return EmbeddingScorer(scorer.user_embeddings.copy(), scorer.item_embeddings.copy(), bias)
