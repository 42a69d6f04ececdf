"""Training: configuration, batches, losses and the trainer (``hetmusic.fitting`` makes a run of it)."""

from __future__ import annotations

from hetmusic.training.config import FitConfig, SplitConfig, TrainingConfig
from hetmusic.training.load_config import load_config, make_config

__all__ = ["FitConfig", "SplitConfig", "TrainingConfig", "load_config", "make_config"]
