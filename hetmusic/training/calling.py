"""Calling losses and samplers of other packages: what they raise or return wrongly becomes an error that names them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from hetmusic._foreign import naming
from hetmusic.errors import ConfigError


def calling(kind: str, plugin: object) -> AbstractContextManager[None]:
    """Around a call of a loss or sampler: an error of another package's class names it.

    :param kind: what it is, e.g. ``"sampler"``.
    :raises PluginError: with the traceback.
    """
    return naming(lambda: f"{kind} {type(plugin).__name__} failed", plugin, passed=(torch.OutOfMemoryError,))


def check_loss_value(value: Any, loss: object) -> None:
    """See that a loss returned what can be minimised.

    :raises ConfigError: naming the loss and what to do.
    """
    name = f"loss {type(loss).__name__}"
    if not isinstance(value, Tensor):
        raise ConfigError(f"{name} returned a {type(value).__name__}, not a tensor")
    if value.dim() != 0:
        raise ConfigError(f"{name} returned shape {tuple(value.shape)}, not a scalar: return value.mean()")
    if not value.requires_grad:
        raise ConfigError(
            f"{name} returned a value without gradient, so nothing would be learned: avoid .detach(), .item() and "
            "torch.no_grad()"
        )


def check_loss_has_no_parameters(loss: torch.nn.Module) -> None:
    """Refuse a loss that would have to be trained itself.

    :raises ConfigError: naming its parameters.
    """
    if names := [name for name, _ in loss.named_parameters()]:
        raise ConfigError(
            f"loss {type(loss).__name__} has parameters of its own ({', '.join(names)}), which are not trained: give "
            "constants as arguments, and put what is learned into a head or an encoder"
        )
