"""From tower embeddings to scores.

Both heads produce *views*: pairs of user and item matrices whose inner product is a score. The first view is the final
score; further views are the towers' own, which get a loss of their own. That every final score is one inner product is
what lets a finished run answer without torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hetmusic._resolve import Resolver
from hetmusic.errors import ConfigError, did_you_mean
from hetmusic.models.config import ModelConfig
from hetmusic.models.relation_choice import OTHER_TOWERS
from hetmusic.models.tower import l2_normalize


@dataclass(frozen=True)
class ScoreView:
    """A way to score: ``score(u, i) = <users[u], items[i]>`` for items that are present."""

    name: str
    #: shape ``(num_users, d)``
    users: Tensor
    #: shape ``(num_items, d)``
    items: Tensor
    #: which items this view can score, bool ``(num_items,)``; None means all
    present: Tensor | None = None
    #: whether P(item | user) is proportional to the score, where it is positive, rather than to its exponential
    proportional: bool = False

    def plus(self, users: Tensor, items: Tensor) -> ScoreView:
        """A term added to the score, by more columns, so that the sum still is one inner product."""
        both = (torch.cat([self.users, users], dim=1), torch.cat([self.items, items], dim=1))
        return ScoreView(self.name, *both, self.present, self.proportional)


class Head(nn.Module):
    """Combines towers into scores.

    :param towers: names of the towers that encode items, in order.
    :param user_towers: names of the towers that encode users only (the social tower under ``head = "paper"``).
    :param config: the model's configuration.
    :param num_items: size of the catalogue.
    """

    #: whether a score is a sum of one term a tower (and a bias), so that no tower's share depends on the others
    additive = False

    def __init__(
        self, towers: Sequence[str], user_towers: Sequence[str], config: ModelConfig, num_items: int
    ) -> None:
        super().__init__()
        self.towers = list(towers)
        self.user_towers = list(user_towers)
        self.config = config
        #: before the softmax; not trained, and all zero or logarithms, where the weights are given
        self.weights = nn.Parameter(
            _given_weights(config.tower_weights, self.towers), requires_grad=config.tower_weights == "learned"
        )
        self.bias = nn.Parameter(torch.zeros(num_items)) if config.item_bias else None

    def forward(
        self,
        users: Mapping[str, Tensor],
        items: Mapping[str, Tensor],
        present: Mapping[str, Tensor],
        item_ids: Tensor | None,
    ) -> list[ScoreView]:
        """Make the views, the final one first.

        :param users: per tower, shape ``(num_users, dim)``.
        :param items: per tower, shape ``(num_items, dim)``.
        :param present: per tower, bool ``(num_items,)``; a tower left out is present everywhere.
        :param item_ids: index of every item in the catalogue, ``(num_items,)``; None means the whole catalogue.
        """
        raise TypeError(f"{type(self).__name__} must implement forward()")

    def start_from(self, popularity: NDArray[np.int64]) -> None:
        """Start the items' bias at the logarithm of how popular they are, if the configuration says so.

        :param popularity: interactions of every item, ``(num_items,)``; one more is counted of each.
        """
        if self.bias is not None and self.config.item_bias == "popularity":
            with torch.no_grad():
                self.bias.copy_(torch.from_numpy(popularity).log1p())

    def start_from_spectrum(self, log_factor: NDArray[np.float32]) -> None:
        """Start from the factors of :func:`~hetmusic.models.spectral.item_vectors`, if the head has factors.

        :param log_factor: of every item, ``(num_items,)``.
        """

    def tower_weights(self, present: Mapping[str, Tensor], num_items: int) -> Tensor:
        """Convex weights of the towers for every item, renormalised over the towers present for it (eq. 5).

        With ``tower_weights = "equal"`` they are one over the number of towers present; with a table, in its proportions.

        :return: shape ``(num_items, num_towers)``, rows summing to one (to zero where nothing is present).
        """
        everywhere = torch.ones(num_items, dtype=torch.bool, device=self.weights.device)
        mask = torch.stack([present.get(name, everywhere) for name in self.towers], dim=1)
        # a softmax over nothing would be NaN, so rows without any tower are computed over all and then set to zero
        some = mask.any(dim=1, keepdim=True)
        scores = self.weights.expand(num_items, -1).masked_fill(~mask & some, float("-inf"))
        return torch.softmax(scores, dim=1) * some

    def with_bias(self, users: Tensor, items: Tensor, item_ids: Tensor | None) -> tuple[Tensor, Tensor]:
        """Append the items' bias as one more dimension, if the model has it."""
        if self.bias is None:
            return users, items
        bias = self.bias if item_ids is None else self.bias[item_ids]
        return torch.cat([users, users.new_ones(len(users), 1)], dim=1), torch.cat(
            [items, bias[:, None]], dim=1
        )


heads: Resolver[Head] = Resolver(
    "head", Head, "hetmusic.heads", given=["towers", "user_towers", "config", "num_items"], hooks=["forward"]
)


@heads.register("late")
class LateHead(Head):
    """Every tower scores for itself; the final score is the learned convex combination of tower scores.

    score(u, i) = sum_t w_t(i) s_t(u, i), s_t = cos(z_u,t, z_i,t) / temperature (or the plain inner product), with the
    weights renormalised over the towers that are present for song i. Nothing is fused before the score, so the parts of a
    score add up exactly.
    """

    additive = True

    def forward(  # noqa: D102
        self,
        users: Mapping[str, Tensor],
        items: Mapping[str, Tensor],
        present: Mapping[str, Tensor],
        item_ids: Tensor | None,
    ) -> list[ScoreView]:
        views = [self._view(name, users[name], items[name], present.get(name)) for name in self.towers]
        weights = self.tower_weights(present, len(views[0].items))
        weighted = torch.cat([view.items * weights[:, [k]] for k, view in enumerate(views)], dim=1)
        final = self.with_bias(torch.cat([view.users for view in views], dim=1), weighted, item_ids)
        return [ScoreView("final", *final), *(views if len(views) > 1 else [])]

    def _view(self, name: str, users: Tensor, items: Tensor, present: Tensor | None) -> ScoreView:
        if self.config.score == "cosine":
            users, items = l2_normalize(users), l2_normalize(items) / self.config.temperature
        return ScoreView(name, users, items, present)


@heads.register("scaled")
class ScaledHead(LateHead):
    """Towers' scores times a factor of the item: P(i | u) is proportional to exp(b_i) sum_t w_t(i) s_t(u, i).

    Under the late head scores are logarithms of probabilities. Here they are probabilities up to a factor of the user, as in
    models of mixtures (Hofmann 2004): who likes two kinds of music in equal parts, likes an item of one of them half as
    much as who likes nothing else, and no item of a third. The items' b start at the logarithm of their popularity.
    """

    def __init__(
        self, towers: Sequence[str], user_towers: Sequence[str], config: ModelConfig, num_items: int
    ) -> None:
        super().__init__(towers, user_towers, config, num_items)
        self.scale = nn.Parameter(torch.zeros(num_items))

    def start_from(self, popularity: NDArray[np.int64]) -> None:  # noqa: D102
        with torch.no_grad():
            self.scale.copy_(torch.from_numpy(popularity).log1p())

    def start_from_spectrum(self, log_factor: NDArray[np.float32]) -> None:  # noqa: D102
        with torch.no_grad():
            self.scale.copy_(torch.from_numpy(log_factor))

    def forward(  # noqa: D102
        self,
        users: Mapping[str, Tensor],
        items: Mapping[str, Tensor],
        present: Mapping[str, Tensor],
        item_ids: Tensor | None,
    ) -> list[ScoreView]:
        factor = (self.scale if item_ids is None else self.scale[item_ids]).exp()[:, None]
        return [
            replace(view, items=factor * view.items, proportional=True)
            for view in super().forward(users, items, present, item_ids)
        ]


@heads.register("paper")
class PaperHead(Head):
    """Eqs. 4 and 5 of the MM-GNN paper to the letter.

    e_u = sigmoid(W_u [towers of u]), e_i = convex combination of the towers of i, score = <e_u, e_i>. The towers' own views,
    <e_u,m, e_i,m>, are what mutual learning (eq. 6) compares; the paper gives them no loss of their own, which is
    ``training.tower_loss = 0``.
    """

    def __init__(
        self, towers: Sequence[str], user_towers: Sequence[str], config: ModelConfig, num_items: int
    ) -> None:
        super().__init__(towers, user_towers, config, num_items)
        self.fuse = nn.Linear(config.dim * (len(towers) + len(user_towers)), config.dim, bias=False)

    def forward(  # noqa: D102
        self,
        users: Mapping[str, Tensor],
        items: Mapping[str, Tensor],
        present: Mapping[str, Tensor],
        item_ids: Tensor | None,
    ) -> list[ScoreView]:
        parts = [users[name] for name in (*self.towers, *self.user_towers)]
        user = torch.sigmoid(self.fuse(torch.cat(parts, dim=1)))
        weights = self.tower_weights(present, len(items[self.towers[0]]))
        item = torch.stack([items[name] * weights[:, [k]] for k, name in enumerate(self.towers)]).sum(dim=0)
        final = ScoreView("final", *self.with_bias(user, item, item_ids))
        towers = [ScoreView(name, users[name], items[name], present.get(name)) for name in self.towers]
        return [final, *(towers if len(towers) > 1 else [])]


def _given_weights(weights: str | Mapping[str, float], towers: Sequence[str]) -> Tensor:
    """What a softmax turns into the weights asked for, shape ``(num_towers,)``.

    :raises ConfigError: for a tower that there is not, or one that is given no weight.
    """
    if isinstance(weights, str):
        return torch.zeros(len(towers))
    for name in weights:
        if name not in towers and name != OTHER_TOWERS:
            raise ConfigError(
                f"model.tower_weights: there is no tower {name!r}{did_you_mean(name, towers)}; towers: {', '.join(towers)}"
            )
    missing = [name for name in towers if name not in weights and OTHER_TOWERS not in weights]
    if missing:
        raise ConfigError(
            f"model.tower_weights: no weight is given for {', '.join(missing)}; {OTHER_TOWERS} = 1 stands for all not named"
        )
    return torch.tensor([weights.get(name, weights.get(OTHER_TOWERS, 0.0)) for name in towers]).log()
