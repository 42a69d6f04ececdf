"""Planted worlds: raw dumps whose true preferences are known, for tests, the demo and trying things out."""

from __future__ import annotations

from hetmusic.synth.dump import write_dump
from hetmusic.synth.settings import MODALITIES, SIGNALS, WorldSettings
from hetmusic.synth.world import World, make_world

__all__ = ["MODALITIES", "SIGNALS", "World", "WorldSettings", "make_world", "write_dump"]
