"""Honest evaluation of a scorer on the held-out part of a split."""

from hetmusic.evaluation.lists import Lists
from hetmusic.evaluation.protocol import evaluate, rank
from hetmusic.evaluation.result import Evaluation

__all__ = ["Evaluation", "Lists", "evaluate", "rank"]
