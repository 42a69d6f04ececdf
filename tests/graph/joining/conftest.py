"""Raw files of two dumps that share songs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.graph.joining.dumps import listens_and_tracks


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Who plays which song, and what is known about the songs."""
    return listens_and_tracks(tmp_path / "raw")
