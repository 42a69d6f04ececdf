"""The small finished run of the tests of hetmusic.recommend."""

from __future__ import annotations

from tests.recommend.conftest import graph as graph
from tests.recommend.conftest import run_folder as run_folder
