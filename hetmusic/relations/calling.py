"""Calling an encoder: a person's mistakes become errors that name the encoder, the relation and what to do."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hetmusic._foreign import naming
from hetmusic.errors import ConfigError
from hetmusic.relations.advice import advice, device_hint
from hetmusic.relations.attention import AttentionEncoder
from hetmusic.relations.base import RelationEncoder
from hetmusic.relations.block import NodeInputs, RelationBlock
from hetmusic.relations.learned import (
    idle_parameters,
    noting_parameters,
    unlearned_leaves,
    why_not_trainable,
)
from hetmusic.relations.picked_edges import PickedEdges

logger = logging.getLogger(__name__)


class Message(NamedTuple):
    """What one relation says to every destination."""

    #: shape ``(num_dst, dim)``
    value: Tensor
    #: log Σ exp(score) of the edges that it was made of, ``(num_dst, heads)``; None where nobody asked
    log_mass: Tensor | None = None


def call_encoder(
    encoder: RelationEncoder,
    relation: RelationBlock,
    src: NodeInputs,
    dst: NodeInputs,
    with_mass: bool = False,
    learned: Collection[int] | None = None,
) -> Message:
    """Encode one relation, and see that the encoder keeps its contract.

    :param with_mass: whether the log-mass is wanted, which an :class:`AttentionEncoder` alone can tell.
    :param learned: identities of the parameters that the optimiser knows; if given, the call is looked at more closely,
        which takes time, to find others.
    :return: a value of the dtype of ``src.h``.
    :raises ConfigError: for a result of another shape or dtype, inputs changed in place, or parameters made on the way.
    :raises PluginError: if another package's encoder raises an error, with the traceback.
    """
    versions = _versions(relation, src, dst)
    parameters = sum(1 for _ in encoder.parameters())
    noting: AbstractContextManager[dict[int, str]]
    noting = nullcontext({}) if learned is None else noting_parameters()
    named = naming(
        lambda: f"{name_of(encoder, relation)} failed",
        encoder,
        passed=(torch.OutOfMemoryError,),
        advise=lambda problem: advice(problem, relation, src, dst),
    )
    with named, noting as made:
        out, mass = _run(encoder, relation, src, dst, with_mass)
    _check_result(out, encoder, relation, src)
    if changed := _changed(versions, _versions(relation, src, dst)):
        raise ConfigError(
            f"{name_of(encoder, relation)} changed {' and '.join(changed)} in place, which other relations "
            "and towers read as well: write x = x * y instead of x *= y, and avoid methods whose names end in _"
        )
    if parameters != sum(1 for _ in encoder.parameters()):
        raise ConfigError(
            f"{name_of(encoder, relation)} made parameters while it was called, which the optimiser does not know: make "
            "them in __init__"
        )
    if learned is not None:
        if found := unlearned_leaves(out, [src.h, dst.h], learned, made):
            raise ConfigError(f"{name_of(encoder, relation)} {found}")
        _look_closely(out, encoder, relation, src, dst)
    # under autocast results may be of lower precision; what the next layer reads stays as it is
    return Message(out.to(src.like.dtype), mass)


def _run(
    encoder: RelationEncoder, relation: RelationBlock, src: NodeInputs, dst: NodeInputs, with_mass: bool
) -> tuple[Tensor, Tensor | None]:
    if not with_mass:
        return encoder(relation, src, dst), None
    assert isinstance(encoder, AttentionEncoder)
    found = encoder.attended(relation, src, dst)
    return found.mean, found.log_mass


def _look_closely(
    out: Tensor, encoder: RelationEncoder, relation: RelationBlock, src: NodeInputs, dst: NodeInputs
) -> None:
    """See in the first call what every call would do: rows that are no numbers, and what is never learned."""
    # meta tensors and the like have no values
    if type(out) is Tensor and out.device.type != "meta":
        bad = (~out.detach().isfinite()).any(dim=1)
        if bool(bad.any()) and bool(src.h.isfinite().all()) and bool(dst.h.isfinite().all()):
            raise ConfigError(
                f"{name_of(encoder, relation)} returned NaN or infinity for {int(bad.sum())} of {len(out)} destinations, of "
                f"which {int((bad & ~relation.has_edges).sum())} have no edges, from inputs that are finite: divide by "
                "x.clamp(min=...), and take relation.softmax, not a quotient of exp"
            )
    idle = idle_parameters(out, [src.h, dst.h], encoder)
    kind = f"relation encoder {type(encoder).__name__} of {relation.edge_type}"
    if src.h.requires_grad and not out.requires_grad:
        _warn(
            f"{kind}: its result has no gradient (torch.no_grad, detach or numpy?), so that nothing learns through it"
        )
    elif idle:
        _warn(f"{kind}: its result does not depend on {', '.join(idle)}, so that they are never learned")


@lru_cache(maxsize=256)
def _warn(message: str) -> None:
    """Warn once, and not for every layer and tower."""
    logger.warning("%s", message)


def check_ready(encoder: nn.Module, edge_type: object) -> None:
    """Refuse an encoder that cannot be trained as it is.

    :raises ConfigError: if it is no relation encoder, contains itself, or has parameters without shape, or tensors that look
        learned but are not.
    """
    if not isinstance(encoder, RelationEncoder):
        raise ConfigError(
            f"the encoder of {edge_type} is a {type(encoder).__name__}, not a RelationEncoder: derive it from "
            "hetmusic.relations.RelationEncoder, or give `encoder` the path of its class"
        )
    hidden = _hidden_names(encoder)
    if hidden:
        raise ConfigError(
            f"relation encoder {type(encoder).__name__} of {edge_type}: self.{hidden[0]} is a method of RelationEncoder; "
            "what you keep under that name needs another one"
        )
    if found := why_not_trainable(encoder):
        raise ConfigError(f"relation encoder {type(encoder).__name__} of {edge_type}: {found}")


def _hidden_names(encoder: RelationEncoder) -> list[str]:
    """Attributes that are called like a method: layers that cannot be reached, or values instead of a method."""
    methods = [
        name for name, value in vars(RelationEncoder).items() if callable(value) and not name.startswith("_")
    ]
    layers = {**encoder._modules, **encoder._parameters, **encoder._buffers}
    values = {name for name, value in vars(encoder).items() if not callable(value)}
    return [name for name in methods if name in layers or name in values]


def name_of(encoder: nn.Module, relation: RelationBlock) -> str:
    """How messages speak of an encoder."""
    return f"relation encoder {type(encoder).__name__} of {relation.place}"


def _check_result(out: object, encoder: RelationEncoder, relation: RelationBlock, src: NodeInputs) -> None:
    name, expected = name_of(encoder, relation), (relation.num_dst, src.like.shape[1])
    if not isinstance(out, Tensor):
        raise ConfigError(f"{name} returned a {type(out).__name__}, expected a tensor of shape {expected}")
    if out.shape != expected:
        hint = ": one row a destination node, dim columns"
        if out.shape[:1] == (relation.num_edges,) and relation.num_edges != relation.num_dst:
            hint = ", and that is one row an edge: bring them together with self.reduce(relation, messages)"
        raise ConfigError(f"{name} returned {tuple(out.shape)}, expected {expected}{hint}")
    if out.dtype != src.like.dtype and not autocasting(out):
        raise ConfigError(
            f"{name} returned {out.dtype}, expected {src.like.dtype} as its input: end with .to(src.h.dtype), and make "
            "constants with src.h.new_tensor"
        )
    if out.device != src.like.device:
        raise ConfigError(
            f"{name} returned a tensor on {out.device}, given tensors on {src.like.device}{device_hint('src.h')}"
        )


def _inputs(relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> Iterator[tuple[str, Tensor]]:
    for name, end in (("src.h", src), ("dst.h", dst)):
        if not end.deferred:
            yield name, end.h
    edge = relation.edge.read if isinstance(relation.edge, PickedEdges) else relation.edge
    for name, value in edge.items():
        yield f"edge[{name!r}]", value
    for name, degree in (("src.degree", src.degree), ("dst.degree", dst.degree)):
        if degree is not None:
            yield name, degree


def _versions(relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> dict[str, int]:
    """How often each input has been changed in place; torch counts it, but not in inference mode."""
    inputs = dict(_inputs(relation, src, dst))
    versions = {name: 0 if value.is_inference() else value._version for name, value in inputs.items()}
    return {**versions, "the edge attributes": len(relation.edge)}


def _changed(before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    """The inputs that were changed; an attribute that was read first meanwhile starts unchanged."""
    return [name for name in {**before, **after} if before.get(name, 0) != after.get(name, 0)]


def autocasting(out: Tensor) -> bool:
    """Whether results on its device may be of lower precision just now."""
    device = out.device.type
    return device in {"cpu", "cuda"} and torch.is_autocast_enabled(device)
