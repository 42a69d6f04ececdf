"""The device that is compared with the CPU.

It is the first GPU; where there is none, everything here is skipped. ``HETMUSIC_TEST_DEVICE=cpu`` runs the same code with
the CPU in its place (out of memory is then made up), ``HETMUSIC_TEST_DEVICE=cuda:1`` on another GPU.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from hetmusic.graph import MusicGraph
from tests.training.trainers import audible_graph

NAME = os.environ.get("HETMUSIC_TEST_DEVICE", "cuda")


@pytest.fixture(scope="session")
def name() -> str:
    """The device as configurations call it."""
    if NAME != "cpu" and not torch.cuda.is_available():
        pytest.skip("needs a GPU that torch sees (HETMUSIC_TEST_DEVICE=cpu runs the same on the CPU)")
    return NAME


@pytest.fixture(scope="session")
def device(name: str) -> torch.device:
    """The device, with its number."""
    return torch.device("cuda", torch.cuda.current_device()) if name == "cuda" else torch.device(name)


@pytest.fixture
def gpu(device: torch.device) -> torch.device:
    """The device, if it is a GPU indeed."""
    if device.type != "cuda":
        pytest.skip("is about memory or streams of a GPU")
    return device


@pytest.fixture(scope="session")
def graph(tmp_path_factory: pytest.TempPathFactory) -> MusicGraph:
    """Two communities, whose artists have features."""
    return audible_graph(tmp_path_factory.mktemp("graph") / "g", dim=24)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where trainers may write."""
    return tmp_path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a driver or library of CUDA warns of is no failure of these tests."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("default"))
