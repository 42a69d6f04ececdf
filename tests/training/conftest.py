"""Fixtures shared by the tests of training."""

from __future__ import annotations

import pytest

from tests.training.worlds import community_graph


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    return community_graph(tmp_path_factory.mktemp("graph") / "g")
