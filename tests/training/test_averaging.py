"""The running average of the weights, by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hetmusic.training.averaging import WeightAverage


def averaged(decay, values, steps=0):
    """What is left of a weight that starts at 0 and then takes some values."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average = WeightAverage(model, decay)
    average.steps = steps
    for value in values:
        nn.init.constant_(model.weight, value)
        average.update()
    with average.applied():
        return model.weight.item()


def test_the_start_is_soon_forgotten():
    # d = 1/10, 2/11, then 0.2, which is less than 3/12
    first = 0.1 * 0 + 0.9 * 1
    second = 2 / 11 * first + 9 / 11 * 2
    third = 0.2 * second + 0.8 * 3
    assert averaged(0.2, [1, 2, 3]) == pytest.approx(third)


def test_after_many_steps_it_is_the_decay():
    assert averaged(0.9, [1.0], steps=1000) == pytest.approx(0.1)


def test_no_decay_is_no_average():
    assert averaged(0.0, [1, 2]) == 2


def test_the_weights_come_back():
    model = nn.Linear(2, 2)
    before = model.weight.detach().clone()
    average = WeightAverage(model, 0.5)
    nn.init.ones_(model.weight)
    with average.applied():
        assert torch.equal(model.weight, before)
    assert torch.equal(model.weight, torch.ones(2, 2))
