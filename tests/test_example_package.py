"""The package in examples/encoder_package: installed offline, its tests run, its encoders used by name, taken away again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.worlds import community_graph

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    """A copy of the package, since building leaves files behind."""
    place = tmp_path_factory.mktemp("package") / "encoder_package"
    return shutil.copytree(ROOT / "examples" / "encoder_package", place)


@pytest.fixture(scope="module")
def site(package: Path) -> Path:
    """Where it is installed: no index, no build isolation, no dependencies."""
    target = package.parent / "site"
    options = ["--quiet", "--no-index", "--no-build-isolation", "--no-deps", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", target, package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


def run(site: Path | None, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """``python -m`` with the package installed, or without it."""
    path = os.pathsep.join(map(str, [ROOT, *([] if site is None else [site])]))
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
    )


def test_its_own_tests_pass(site, package):
    done = run(site, "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=package)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_its_encoders_have_names(site, tmp_path):
    out = run(site, "hetmusic", "encoders", cwd=tmp_path).stdout
    for name in ("decay", "sign-aware", "edge-features"):
        (line,) = [line for line in out.splitlines() if line.startswith(f"{name} ")]
        assert line.endswith("[listening-encoders 0.3.0]")
    shown = run(site, "hetmusic", "encoders", "show", "sign-aware", cwd=tmp_path).stdout
    assert shown.startswith("sign-aware(liked_from: float = 2.0, start: float = 0.5)")


def test_a_run_goes_on_while_the_package_is_there_and_names_it_when_it_is_not(site, tmp_path):
    community_graph(tmp_path / "graph")
    small = ["--set", "model.dim=8", "--quiet"]
    chosen = ["--set", "relations.liked_by.encoder=decay", "--set", "relations.liked_by.half_life=30"]
    fit = ["hetmusic", "fit", "graph", "--out", "run", "--epochs", 1, *small, *chosen]
    assert (done := run(site, *fit, cwd=tmp_path)).returncode == 0, done.stderr
    resume = ["hetmusic", "fit", "--resume", "run", "--epochs", 2, "--quiet"]
    assert (done := run(site, *resume, cwd=tmp_path)).returncode == 0, done.stderr
    done = run(None, "hetmusic", "fit", "--resume", "run", "--epochs", 3, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(
        "error: run needs the relation encoder 'decay' (relations.liked_by), which is listening_encoders.decay:Decay, of "
        "the package listening-encoders==0.3.0: install it, for example with `pip install listening-encoders==0.3.0`"
    )
    assert "Traceback" not in done.stderr
    assert run(None, "hetmusic", "recommend", "run", "--user", "u0", cwd=tmp_path).returncode == 0
