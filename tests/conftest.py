"""Fixtures shared by all tests."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packages import install as install  # a fixture

_REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets, which is not part of the repository."""
    folder = Path(os.environ.get("HETMUSIC_DATA", _REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data not found at {folder}; set HETMUSIC_DATA")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What builds keep for the next one neither comes from nor goes to the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HETMUSIC_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _logging_as_at_the_start() -> None:
    """The command line sets how much is shown, also in fixtures of whole modules; each test begins as a new process does."""
    for name in ("hetmusic", "kg_schema"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.NOTSET)
        logger.handlers.clear()
