"""One small graph for all tests that only read it."""

from __future__ import annotations

import pytest

from hetmusic.graph import MusicGraph
from hetmusic.graph.splits import random_split
from hetmusic.rivals import Problem
from tests.experiments.toys import small_graph


@pytest.fixture(scope="session")
def graph(tmp_path_factory: pytest.TempPathFactory) -> MusicGraph:
    """Two communities; artists have genres and two modalities, users have friends."""
    return small_graph(tmp_path_factory.mktemp("experiments") / "graph", modalities=True)


@pytest.fixture(scope="session")
def problem(graph: MusicGraph) -> Problem:
    return Problem(graph, random_split(graph, seed=0))
