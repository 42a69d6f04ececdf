"""Recommenders that cost nothing, a small graph with everything in it, and cells run without a process of their own."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from hetmusic.errors import ConfigError, UserError
from hetmusic.experiments.cells import CellFailure
from hetmusic.experiments.worker import Request, run_cell
from hetmusic.graph import MusicGraph
from hetmusic.models.config import StrictModel
from hetmusic.ranking import EmbeddingScorer, Scorer
from hetmusic.rivals import Problem, Recommender, Report
from tests.rivals.problems import add_content
from tests.training.worlds import community_graph

WAVES = "tests.experiments.toys:Waves"
FRAGILE = "tests.experiments.toys:Fragile"


def small_graph(folder: Path, modalities: bool = False, **sizes: int) -> MusicGraph:
    """Users, artists, friends and genres of two communities."""
    graph = community_graph(folder, **{"users": 30, "artists": 24, "likes": 10, **sizes})
    if modalities:
        add_content(graph)
    return graph


class WaveSettings(StrictModel):
    """Settings of :class:`Waves`."""

    angle: float = Field(0.3, ge=0, le=10)
    """What the scores depend on."""

    depth: int = Field(1, ge=1, le=9)
    """Another one."""

    kind: Literal["sine", "cosine"] = "cosine"
    """And a third."""

    validations: int = Field(0, ge=0)
    """Number of validations that it tells of; values fall with ``angle``."""


class Waves(Recommender):
    """Scores that are a wave over the items: the same for everyone, different for all settings and seeds."""

    Settings = WaveSettings

    def train(
        self, problem: Problem, seed: int, folder: Path | None, report: Report | None
    ) -> tuple[Scorer, dict[str, Any]]:
        settings: WaveSettings = self.settings
        for step in range(settings.validations):
            if report is not None:
                report(step, (step + 1) / (1 + settings.angle))
        wave = {"sine": np.sin, "cosine": np.cos}[settings.kind]
        items = wave(settings.angle * settings.depth * np.arange(problem.num_items) + seed)
        return EmbeddingScorer(np.ones((problem.num_users, 1)), items.reshape(-1, 1)), {"seed": seed}


class FragileSettings(StrictModel):
    """Settings of :class:`Fragile`."""

    how: Literal["mistake", "bug", "exit", "kill", "never", "not", "unless zero"] = "not"
    """How it ends."""

    level: float = Field(0.0, ge=0, le=1)
    """``unless zero`` ends in a mistake for any other value."""


class Fragile(Recommender):
    """Fails in as many ways as there are."""

    Settings = FragileSettings

    def train(
        self, problem: Problem, seed: int, folder: Path | None, report: Report | None
    ) -> tuple[Scorer, dict[str, Any]]:
        settings: FragileSettings = self.settings
        if settings.how == "mistake" or (settings.how == "unless zero" and settings.level):
            raise ConfigError("this graph\nis too small")
        if settings.how == "bug":
            raise ZeroDivisionError("somebody divided by zero")
        if settings.how == "exit":
            os._exit(3)
        if settings.how == "kill":
            os.kill(os.getpid(), 9)
        if settings.how == "never":
            time.sleep(600)
        items = np.arange(problem.num_items, dtype=float).reshape(-1, 1)
        return EmbeddingScorer(np.ones((problem.num_users, 1)), items), {}


class Counting:
    """Runs cells in this process, and remembers which.

    :param stop_after: number of cells after which it behaves as Ctrl-C does; None never.
    """

    def __init__(self, stop_after: int | None = None) -> None:
        self.ran: list[tuple[str, int]] = []
        self.stop_after = stop_after

    def __call__(self, request: Request, log: Path) -> CellFailure | None:
        if self.stop_after is not None and len(self.ran) >= self.stop_after:
            raise KeyboardInterrupt
        self.ran.append((request.cell.model, request.cell.seed))
        try:
            run_cell(request)
        except UserError as problem:
            return CellFailure.of(problem)
        return None


def files_of(folder: Path) -> Mapping[str, bytes]:
    """Every file below a folder, with what is in it."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
