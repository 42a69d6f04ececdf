"""One small planted world, its graph and a run, made by the command line itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.place import Place
from tests.cli.running import hetmusic

#: a model small enough for tests
SMALL = ("--set", "model.dim=8", "--set", "training.threads=1")


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A raw dump of 40 users and 60 songs."""
    folder = tmp_path_factory.mktemp("cli") / "world"
    sizes = {"users": 40, "songs": 60, "artists": 12, "listens_per_user": 15, "audio_seconds": 0.05}
    hetmusic("synth", "--out", folder, *(f"--set={name}={size}" for name, size in sizes.items())).succeeded()
    return folder


@pytest.fixture(scope="session")
def graph(world: Path) -> Path:
    """The graph of the world; tests that change it copy it first."""
    folder = world.parent / "graph"
    hetmusic("build", "--spec", world / "spec.yaml", "--raw", world, "--out", folder).succeeded()
    return folder


@pytest.fixture(scope="session")
def run(graph: Path) -> Path:
    """A run of three epochs; tests that change it copy it first."""
    folder = graph.parent / "run"
    hetmusic("fit", graph, "--out", folder, "--epochs", 3, "--quiet", *SMALL).succeeded()
    return folder


@pytest.fixture
def place(world: Path, graph: Path, run: Path, tmp_path: Path) -> Place:
    """Copies of all three that a test may damage."""
    shutil.copytree(world, tmp_path / "raw", ignore=shutil.ignore_patterns("audio", "covers", "truth"))
    shutil.copytree(graph, tmp_path / "graph")
    shutil.copytree(run, tmp_path / "run")
    found = Place(tmp_path)
    info = json.loads((run / "run.json").read_text())
    pointer = {**info["graph"], "path": str(found.graph), "relative": "../graph"}
    found.set_json("run/run.json", graph=pointer)
    return found
