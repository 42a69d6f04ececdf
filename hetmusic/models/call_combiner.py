"""Calling a combiner: a person's mistakes become errors that name the combiner, its place and what to do."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from hetmusic._foreign import is_foreign
from hetmusic.errors import ConfigError
from hetmusic.models.calling import advise_any, calling_plugin, check_tensor, refuse_unlearned
from hetmusic.models.combine import Combiner


def call_combiner(
    combiner: Combiner,
    messages: Sequence[Tensor],
    has_edges: Sequence[Tensor],
    into: str,
    learned: Collection[int] | None = None,
    **masses: Sequence[Tensor | None],
) -> Tensor:
    """Combine relations, and see that the combiner of another package keeps its contract.

    :param into: where it is used, for messages, e.g. ``"user (tower ids, layer 1)"``.
    :param learned: identities of the parameters that the optimiser knows; if given, the call is looked at more closely.
    :return: shape ``(num_dst, dim)``, of the dtype of the messages.
    :raises ConfigError: for a result of another shape, dtype or device, one that is no number, messages changed in place, or
        parameters made on the way.
    :raises PluginError: if the combiner raises an error, with the traceback.
    """
    if not is_foreign(type(combiner)):
        out: Tensor = combiner(messages, has_edges, **masses)
        return out
    name = f"combiner {type(combiner).__name__} into {into}"
    inputs = {f"messages[{number}]": message for number, message in enumerate(messages)}
    inputs |= {f"has_edges[{number}]": mask for number, mask in enumerate(has_edges)}
    with calling_plugin(name, combiner, inputs, lambda problem: _advise(problem, messages)) as made:
        out = combiner(messages, has_edges, **masses)
    check_tensor(f"{name} returned", out, (len(messages[0]), combiner.dim), messages[0])
    if learned is not None:
        given = [*messages, *(mass for several in masses.values() for mass in several if mass is not None)]
        refuse_unlearned(name, out, given, learned, made)
        _check_finite(name, out, messages, has_edges)
    # under autocast results may be of lower precision; what the next layer reads stays as it is
    return out.to(messages[0].dtype)


def _check_finite(name: str, out: Tensor, messages: Sequence[Tensor], has_edges: Sequence[Tensor]) -> None:
    """Refuse rows that are no numbers, made of messages that are; meta tensors and the like have no values."""
    if type(out) is not Tensor or out.is_meta or not all(bool(m.isfinite().all()) for m in messages):
        return
    bad = (~out.detach().isfinite()).any(dim=1)
    if not bool(bad.any()):
        return
    silent = ~torch.stack([mask.expand(len(out)) for mask in has_edges]).any(dim=0)
    raise ConfigError(
        f"{name} returned NaN or infinity for {int(bad.sum())} of {len(out)} nodes, of which {int((bad & silent).sum())} "
        "have no edges of any relation, from messages that are finite: a softmax over nothing is NaN, and counts need "
        ".clamp(min=1)"
    )


def _advise(problem: Exception, messages: Sequence[Tensor]) -> str:
    """What may help, as the end of a message; empty if nothing comes to mind."""
    said = str(problem)
    count, dim = messages[0].shape
    if re.search(r"'(list|tuple)'|must be Tensor, not (list|tuple)", said):
        return (
            "; messages and has_edges are lists with a tensor a relation: torch.stack(list(messages)) makes one of shape "
            f"({len(messages)}, {count}, {dim})"
        )
    if "must match the size of tensor" in said:
        return f"; messages are of shape ({count}, {dim}), has_edges of ({count},): a mask becomes a column by [:, None]"
    return advise_any(said, dim)
