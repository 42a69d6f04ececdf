"""Honest evaluation of a scorer on the held-out part of a split."""

from hetmusic.evaluation.protocol import evaluate
from hetmusic.evaluation.result import Evaluation

__all__ = ["Evaluation", "evaluate"]
