"""Training: batches, losses, the trainer and the run folder it writes."""

from __future__ import annotations

from hetmusic.training.config import FitConfig, SplitConfig, TrainingConfig
from hetmusic.training.fit import fit, resume
from hetmusic.training.load_config import load_config, make_config

__all__ = ["FitConfig", "SplitConfig", "TrainingConfig", "fit", "load_config", "make_config", "resume"]
