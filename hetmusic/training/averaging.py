"""A running average of the weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of a model's parameters, used for validation and for the kept weights.

    average <- d · average + (1 - d) · weights after every step, d = min(decay, (1 + t) / (10 + t)) at step t = 0, 1, ..., so
    that the random weights of the start are soon forgotten; with decay 0 the average is the weights.

    :param model: whose parameters.
    :param decay: in [0, 1).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = model
        self.decay = decay
        #: number of updates so far
        self.steps = 0
        self.values: dict[str, Tensor] = {}
        if decay:
            self.values = {name: p.detach().clone() for name, p in model.named_parameters()}

    @torch.no_grad()
    def update(self) -> None:
        """Take in the current weights."""
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        for name, parameter in self.model.named_parameters():
            if name in self.values:
                self.values[name].lerp_(parameter, 1 - decay)

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """The model has the averaged weights within the block."""
        parameters = dict(self.model.named_parameters())
        kept = {name: parameters[name].detach().clone() for name in self.values}
        with torch.no_grad():
            for name, value in self.values.items():
                parameters[name].copy_(value)
        try:
            yield
        finally:
            with torch.no_grad():
                for name, value in kept.items():
                    parameters[name].copy_(value)
