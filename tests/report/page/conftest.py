"""Runs, reports and a browser that the tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hetmusic.report import open_source
from hetmusic.report.page.writing import write_report
from tests.cli.conftest import SMALL
from tests.cli.running import hetmusic
from tests.report.page.browser import Browser, browser_path
from tests.report.page.worlds import HOSTILE, run_with_names


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was really fitted, on a world of 40 users and 60 songs."""
    folder = tmp_path_factory.mktemp("report")
    sizes = {"users": 40, "songs": 60, "artists": 12, "listens_per_user": 15, "audio_seconds": 0.05}
    raw, graph, run = (folder / name for name in ("raw", "graph", "run"))
    hetmusic("synth", "--out", raw, *(f"--set={name}={size}" for name, size in sizes.items())).succeeded()
    hetmusic("build", "--spec", raw / "spec.yaml", "--raw", raw, "--out", graph).succeeded()
    hetmusic("fit", graph, "--out", run, "--epochs", 3, "--quiet", *SMALL).succeeded()
    return run


@pytest.fixture(scope="session")
def report(fitted: Path) -> Path:
    return write_report(open_source(fitted), fitted.parent / "report.html")


@pytest.fixture(scope="session")
def hostile_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which everything has the names of :data:`HOSTILE`, 39 items in all."""
    return run_with_names(
        tmp_path_factory.mktemp("hostile"), [f"{name} {n}" for n in range(3) for name in HOSTILE]
    )


@pytest.fixture(scope="session")
def hostile_report(hostile_run: Path) -> Path:
    return write_report(open_source(hostile_run), hostile_run.parent / "report.html")


@pytest.fixture(scope="session")
def started() -> Iterator[Browser]:
    if browser_path() is None:
        pytest.skip("no chromium with chromedriver here: apt-get install chromium chromium-driver")
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def browser(started: Browser) -> Browser:
    """A window of a desktop, in light colours."""
    started.size(1280, 900)
    started.prefer("light")
    return started
