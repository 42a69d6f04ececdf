"""Calling a head: a person's mistakes become errors that name the head, the setting and what to do."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor

from hetmusic._foreign import is_foreign
from hetmusic.errors import ConfigError
from hetmusic.models.calling import advise_any, calling_plugin, check_tensor, refuse_unlearned
from hetmusic.models.heads import Head, ScoreView


def call_head(
    head: Head,
    users: Mapping[str, Tensor],
    items: Mapping[str, Tensor],
    present: Mapping[str, Tensor],
    item_ids: Tensor | None,
    learned: Collection[int] | None = None,
) -> list[ScoreView]:
    """Make the views of a head, and see that the head of another package keeps its contract.

    :param learned: identities of the parameters that the optimiser knows; if given, the call is looked at more closely.
    :raises ConfigError: for anything but a list of :class:`~hetmusic.models.heads.ScoreView` of the right shapes, dtype and
        device, embeddings changed in place, or parameters made on the way.
    :raises PluginError: if the head raises an error, with the traceback.
    """
    if not is_foreign(type(head)):
        views: list[ScoreView] = head(users, items, present, item_ids)
        return views
    name = f"head {type(head).__name__} (model.head)"
    inputs = {f"users[{tower!r}]": value for tower, value in users.items()}
    inputs |= {f"items[{tower!r}]": value for tower, value in items.items()}
    inputs |= {f"present[{tower!r}]": mask for tower, mask in present.items()}
    with calling_plugin(name, head, inputs, lambda problem: _advise(problem, users, items)) as made:
        views = head(users, items, present, item_ids)
    _check_views(name, views, next(iter(users.values())), next(iter(items.values())))
    if learned is not None:
        given = [*users.values(), *items.values()]
        for view in views:
            refuse_unlearned(name, view.users, given, learned, made)
            refuse_unlearned(name, view.items, given, learned, made)
    return views


def _check_views(name: str, views: object, users: Tensor, items: Tensor) -> None:
    """Refuse what a loss cannot read.

    :param users: embeddings of some tower, which has as many rows as a view must have, and likewise ``items``.
    """
    if not isinstance(views, list) or not views or not all(isinstance(view, ScoreView) for view in views):
        got = f"a list of {_kinds(views)}" if isinstance(views, list) else f"a {type(views).__name__}"
        raise ConfigError(
            f"{name} returned {got}, expected a list of ScoreView (hetmusic.models.heads), the final one first: return "
            '[ScoreView("final", users, items)]'
        )
    for view in views:
        what = f"{name} returned in view {view.name!r}"
        check_tensor(f"{what} users of", view.users, (len(users), None), users)
        check_tensor(f"{what} items of", view.items, (len(items), view.users.shape[1]), items)
        _check_mask(what, view.present, len(items))


def _check_mask(what: str, mask: object, num_items: int) -> None:
    if mask is None or (isinstance(mask, Tensor) and mask.dtype == torch.bool and mask.shape == (num_items,)):
        return
    got = f"{mask.dtype} of {tuple(mask.shape)}" if isinstance(mask, Tensor) else f"a {type(mask).__name__}"
    raise ConfigError(f"{what} `present` as {got}, expected None or a bool tensor of shape ({num_items},)")


def _kinds(values: Sequence[object]) -> str:
    return ", ".join(dict.fromkeys(type(value).__name__ for value in values)) or "nothing"


def _advise(problem: Exception, users: Mapping[str, Tensor], items: Mapping[str, Tensor]) -> str:
    """What may help, as the end of a message; empty if nothing comes to mind."""
    said = str(problem)
    user, item = next(iter(users.values())), next(iter(items.values()))
    if isinstance(problem, KeyError) and problem.args:
        if problem.args[0] in items:
            return "; a tower left out of present is present everywhere: take present.get(name)"
        return f"; users has the towers {', '.join(users)}, items has {', '.join(items)}"
    if "NoneType" in said:
        return "; item_ids is None where the items are the whole catalogue, present.get(name) where all are present"
    if "must match the size of tensor" in said or "Sizes of tensors must match" in said:
        return f"; users have {len(user)} rows, items {len(item)}, each with {item.shape[1]} columns a tower"
    return advise_any(said, item.shape[1])
