"""Worlds in which exactly one signal carries the answer, with the best ranking and the level without the signal."""

from __future__ import annotations

from hetmusic.synth.planted.catalogue import DESIGNS, WorldDesign
from hetmusic.synth.planted.files import write_planted
from hetmusic.synth.planted.planted import PlantedWorld, make_planted

__all__ = ["DESIGNS", "PlantedWorld", "WorldDesign", "make_planted", "write_planted"]
