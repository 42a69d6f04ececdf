"""A score taken apart twice: over the towers of the model, and over the relations that they read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hetmusic.models.call_head import call_head
from hetmusic.recommend.explain.copies import Ints
from hetmusic.recommend.explain.encoding import Encoder, Floats, Neighbourhood, Vectors, pair_scores
from hetmusic.recommend.explain.explanation import Parts
from hetmusic.recommend.explain.shapley import plan_shapley

#: name of the part that an item's learned bias is; no modality can be called so
ITEM_BIAS = "item bias"


@dataclass(frozen=True)
class Decomposition:
    """The scores of some pairs as a base and contributions."""

    names: list[str]
    #: shape ``(num_pairs,)``
    base: Floats
    #: shape ``(num_parts, num_pairs)``
    contributions: Floats
    exact: bool

    @property
    def total(self) -> Floats:
        """The scores, shape ``(num_pairs,)``."""
        return np.asarray(self.base + self.contributions.sum(axis=0))

    def plus(self, name: str, term: Floats) -> Decomposition:
        """With one more part, which is added to every score."""
        contributions = np.concatenate([self.contributions, term[None]])
        return Decomposition([*self.names, name], self.base, contributions, self.exact)

    def parts(self, pair: int) -> Parts:
        """Of one pair, the largest contribution first."""
        found = self.contributions[:, pair]
        order = np.argsort(-np.abs(found), kind="stable")
        named = {self.names[part]: float(found[part]) for part in order}
        return Parts(float(self.base[pair]), named, self.exact)


def over_towers(
    encoder: Encoder, users: Vectors, items: Vectors, item_nodes: Ints, rows: Ints, columns: Ints
) -> Decomposition:
    """Shapley values of the towers.

    A subset's value is what the head makes of its towers when those of the others are zero, for users and items alike: with
    the weights that they have, and nothing to say. What is added to the head's score is a part of its own.

    :param users: by tower.
    :param items: likewise.
    :param item_nodes: the items' indices.
    :param rows: the user of every pair.
    :param columns: its item.
    """
    model = encoder.model
    names = [*model.item_towers, *model.user_towers]
    ids = torch.from_numpy(item_nodes)
    plan = plan_shapley(len(names), model.head.additive)
    with torch.no_grad():
        present = model.presence(items, ids)  # of the items as they are, whichever towers are in the subset
        values = []
        for subset in plan.subsets:
            chosen = {name for name, inside in zip(names, subset, strict=True) if inside}
            view = call_head(model.head, _only(users, chosen), _only(items, chosen), present, ids)[0]
            values.append(pair_scores(view.users, view.items, rows, columns))
        found = Decomposition(names, values[0], plan.values(np.array(values)), plan.exact)
        if model.head.bias is not None:
            bias = model.head.bias[ids].double().numpy()[columns]
            found = Decomposition(names, found.base - bias, found.contributions, found.exact).plus(
                ITEM_BIAS, bias
            )
        for name, (left, right) in model.added_terms(users, items, ids).items():
            found = found.plus(name, pair_scores(left, right, rows, columns))
    return found


def over_relations(
    encoder: Encoder, users: Neighbourhood, items: Neighbourhood, rows: Ints, columns: Ints
) -> Decomposition:
    """Shapley values of the relations.

    A subset's value is what the model scores in a graph that has the edges of its relations alone.
    """
    of_users, of_items = set(encoder.reaching[encoder.user]), set(encoder.reaching[encoder.item])
    used = [t for t in encoder.model.edge_types if t in of_users | of_items]
    plan = plan_shapley(len(used))
    affects_items = np.array([t in of_items for t in used], dtype=bool)
    affects_users = np.array([t in of_users for t in used], dtype=bool)
    user_vectors: dict[bytes, dict[str, Tensor]] = {}
    values = np.zeros((len(plan.subsets), len(rows)))
    for group in _alike(plan.subsets & affects_items):
        silent = [t for t, inside in zip(used, plan.subsets[group[0]], strict=True) if not inside]
        item_vectors = encoder.encode(items, [t for t in silent if t in of_items])
        for number in group:
            subset = plan.subsets[number]
            key = (subset & affects_users).tobytes()
            if key not in user_vectors:
                unheard = [t for t, inside in zip(used, subset, strict=True) if not inside and t in of_users]
                user_vectors[key] = encoder.encode(users, unheard)
            final = encoder.final(user_vectors[key], item_vectors, items.nodes)
            values[number] = pair_scores(*final, rows, columns)
    return Decomposition(relation_names(used), values[0], plan.values(values), plan.exact)


def relation_names(edge_types: Sequence[tuple[str, str, str]]) -> list[str]:
    """Names of relations, with the types at their ends where several have the same."""
    relations = [relation for _, relation, _ in edge_types]
    return [
        relation if relations.count(relation) == 1 else f"{src} {relation} {dst}"
        for src, relation, dst in edge_types
    ]


def _only(vectors: Vectors, chosen: set[str]) -> dict[str, Tensor]:
    return {name: value if name in chosen else torch.zeros_like(value) for name, value in vectors.items()}


def _alike(subsets: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Numbers of the rows that are equal, group by group."""
    _, group = np.unique(subsets, axis=0, return_inverse=True)
    return [np.flatnonzero(group.reshape(-1) == number) for number in range(group.max() + 1)]
