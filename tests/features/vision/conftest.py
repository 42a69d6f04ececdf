"""Weight files of the published models' exact signature, with random values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from hetmusic._torchvision import import_torchvision

Make = Callable[..., Any]


@pytest.fixture(scope="session")
def models() -> Any:
    return import_torchvision().models


@pytest.fixture(scope="session")
def make_model(models: Any) -> Make:
    """A whole model of torchvision with seeded random weights, batch statistics included, in evaluation mode."""

    def make(name: str, seed: int = 0, **arguments: Any) -> torch.nn.Module:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = models.get_model(name, weights=None, **arguments)
            for module in model.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    torch.nn.init.normal_(module.running_mean, std=0.1)
                    torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
        return model.eval()

    return make


@pytest.fixture(scope="session")
def resnet50(make_model: Make) -> torch.nn.Module:
    return make_model("resnet50")


@pytest.fixture(scope="session")
def resnet50_file(resnet50: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "resnet50.pth"
    torch.save(resnet50.state_dict(), path)
    return path


@pytest.fixture(scope="session")
def tiny_state(make_model: Make) -> dict[str, torch.Tensor]:
    """The weights of the smallest model, SqueezeNet 1.1: 5 MB."""
    return make_model("squeezenet1_1").state_dict()
