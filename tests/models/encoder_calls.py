"""Encoders that are called as a model calls them, on one small block."""

from __future__ import annotations

from hetmusic.models import HeteroConv
from tests.blocks import LIKED_BY, inputs, random_block

BLOCK = random_block(6, 5, 9)


NAMED = f"of {LIKED_BY} (layer 1)"


def called(encoder, times=1):
    h = {"song": inputs(6, 4), "user": inputs(5, 4)}
    h["song"].h.requires_grad_()
    conv = HeteroConv({LIKED_BY: encoder}, 4)
    return [conv({LIKED_BY: BLOCK}, h, {"user": 5})["user"] for _ in range(times)][-1]
