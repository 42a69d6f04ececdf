"""Experiment loggers: where the figures of a run go beside its folder."""

from __future__ import annotations

from hetmusic.training.loggers import tensorboard  # noqa: F401 (registers itself)
from hetmusic.training.loggers.base import RunLogger, loggers
from hetmusic.training.loggers.make import make_loggers

__all__ = ["RunLogger", "loggers", "make_loggers"]
