"""Mixed precision: the towers' matrix products in bfloat16, everything else in float32."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from torch import Tensor

from hetmusic.errors import ConfigError
from hetmusic.models import MMGNN
from hetmusic.models.inputs import IdInput

logger = logging.getLogger(__name__)

Precision = Literal["float32", "bfloat16"]


def check_precision(precision: Precision, model: MMGNN, device: torch.device) -> None:
    """Refuse bfloat16 where it would change nothing or is emulated.

    :raises ConfigError: naming the reason.
    """
    if precision == "float32":
        return
    setting = "training.precision = 'bfloat16'"
    if not _has_products(model):
        raise ConfigError(
            f"{setting} changes nothing: no tower multiplies by a matrix, since none has features or an encoder with weight "
            "matrices; use float32"
        )
    if device.type == "cuda" and not has_bfloat16(device):
        raise ConfigError(
            f"{setting}: {torch.cuda.get_device_name(device)} has no bfloat16 arithmetic (compute capability 8.0 and later "
            "have); use float32"
        )
    if device.type == "cpu":
        logger.info(
            "%s: a CPU without bfloat16 instructions (AVX512_BF16, AMX) is slower with it than with float32",
            setting,
        )


def mixed_precision(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """What the towers are encoded in: ``torch.autocast``, or nothing special."""
    # the meta device, on which steps are rehearsed, has no autocast
    if precision == "float32" or device.type not in {"cpu", "cuda"}:
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def has_bfloat16(device: torch.device) -> bool:
    """Whether a GPU computes in bfloat16 and does not emulate it."""
    with torch.cuda.device(device):  # torch asks the current one
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def in_full(representation: Tensor) -> Tensor:
    """In float32 if it is less: scores and losses are computed from it."""
    return representation.float() if representation.dtype is torch.bfloat16 else representation


def _has_products(model: MMGNN) -> bool:
    """Whether some part of the model multiplies by a matrix of weights; tables of embeddings are only read."""
    tables = {id(part.table) for part in model.modules() if isinstance(part, IdInput)}
    parts = [model.towers, *([] if model.emotion is None else [model.emotion])]
    return any(p.dim() > 1 and id(p) not in tables for part in parts for p in part.parameters())
