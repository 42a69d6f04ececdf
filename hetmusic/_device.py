"""Choosing where to compute."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hetmusic.errors import ConfigError

if TYPE_CHECKING:
    import torch


def check_device_name(name: str) -> None:
    """Check that a device is called ``auto``, ``cpu``, ``cuda`` or ``cuda:N``, whether it is there or not.

    :raises ConfigError: naming it.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", name):
        raise ConfigError(f"unknown device {name!r}; use auto, cpu, cuda or cuda:N")


def choose_device(name: str) -> torch.device:
    """Turn ``auto``, ``cpu``, ``cuda`` or ``cuda:N`` into a device that is there.

    :raises ConfigError: if the name is none of these, or the GPU does not exist.
    """
    import torch

    check_device_name(name)
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:  # a number too large
        raise ConfigError(f"unknown device {name!r}; use auto, cpu, cuda or cuda:N") from None
    if device.type == "cuda":
        count = torch.cuda.device_count()
        if count == 0:
            raise ConfigError(f"device {name!r} is not available: torch sees no GPU; use cpu")
        if device.index is not None and device.index >= count:
            raise ConfigError(f"device {name!r} does not exist: torch sees {count} GPU(s)")
    return device
