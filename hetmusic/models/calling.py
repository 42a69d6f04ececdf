"""What is seen to around a call of another package's combiner or head, so that mistakes in it are named."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from hetmusic._foreign import is_foreign, naming
from hetmusic.errors import ConfigError
from hetmusic.relations.advice import device_hint, tensor_hint
from hetmusic.relations.calling import autocasting
from hetmusic.relations.learned import noting_parameters, unlearned_leaves, why_not_trainable

_IN_PLACE = (
    ", which others read as well: write x = x * y instead of x *= y, and avoid methods whose names end in _"
)


@contextmanager
def calling_plugin(
    name: str, plugin: nn.Module, inputs: Mapping[str, Tensor], advise: Callable[[Exception], str]
) -> Iterator[dict[int, str]]:
    """Around a call: errors are named, inputs must not change, and parameters that are made are noted.

    :param name: what is called, and where it is used.
    :param inputs: what it is given, as messages call it.
    :param advise: what to do about an error, as the end of a message.
    :return: of :func:`~hetmusic.relations.learned.noting_parameters`.
    :raises ConfigError: for inputs that were changed.
    :raises PluginError: if the plug-in raises an error, with the traceback.
    """
    # torch counts changes, but not in inference mode
    counted = {key: value for key, value in inputs.items() if not value.is_inference()}
    before = {key: value._version for key, value in counted.items()}
    named = naming(lambda: f"{name} failed", plugin, passed=(torch.OutOfMemoryError,), advise=advise)
    with named, noting_parameters() as made:
        yield made
    if changed := [key for key, value in counted.items() if value._version != before[key]]:
        raise ConfigError(f"{name} changed {' and '.join(changed)} in place{_IN_PLACE}")


def check_tensor(what: str, out: object, expected: tuple[int, int | None], like: Tensor) -> None:
    """Refuse a result of another shape, dtype or device.

    :param what: how messages begin, e.g. ``"combiner Mine into user returned"``.
    :param expected: None stands for any number of columns.
    """
    shown = "({}, {})".format(*("d" if size is None else size for size in expected))
    if not isinstance(out, Tensor):
        raise ConfigError(f"{what} a {type(out).__name__}, expected a tensor of shape {shown}")
    rows, columns = expected
    if out.dim() != 2 or len(out) != rows or (columns is not None and out.shape[1] != columns):
        raise ConfigError(f"{what} {tuple(out.shape)}, expected {shown}: one row a node")
    if out.device != like.device:
        raise ConfigError(
            f"{what} a tensor on {out.device}, given tensors on {like.device}{device_hint('x')}"
        )
    if out.dtype != like.dtype and not autocasting(out):
        raise ConfigError(
            f"{what} {out.dtype}, expected {like.dtype} as its input: end with .to({like.dtype})"
        )


def refuse_unlearned(
    name: str, out: Tensor, inputs: Sequence[Tensor], learned: Collection[int], made: Mapping[int, str]
) -> None:
    """Refuse a result that was computed with parameters which the optimiser does not know."""
    if found := unlearned_leaves(out, inputs, learned, made, "forward"):
        raise ConfigError(f"{name} {found}")


def check_module(kind: str, module: nn.Module) -> None:
    """Refuse a combiner or head of another package that cannot be trained as it is.

    :param kind: ``"combiner"`` or ``"head"``.
    :raises ConfigError: if it contains itself, or holds what looks learned but is not.
    """
    if is_foreign(type(module)) and (found := why_not_trainable(module, "forward")):
        raise ConfigError(f"{kind} {type(module).__name__}: {found}")


def advise_any(said: str, dim: int) -> str:
    """What may help against an error of torch's; empty if nothing comes to mind.

    :param dim: size of the representations.
    """
    if found := tensor_hint(said, dim, "x"):
        return found
    if "in-place" in said:
        return f"; inputs must not be changed{_IN_PLACE}"
    return ""
