"""Every file in examples/ runs on its own and says what it should."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hetmusic.graph import MusicGraph
from hetmusic.recommend import Run
from hetmusic.synth import WorldSettings, make_world, write_dump

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SMALL = WorldSettings(users=60, songs=120, artists=20, listens_per_user=12)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    """Runs an example elsewhere than in the repository; its output. What it writes goes under ``tmp_path``."""

    def go(name: str, *arguments: str | Path) -> str:
        done = subprocess.run(
            [sys.executable, EXAMPLES / name, *map(str, arguments)],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(EXAMPLES.parent),
                "TMPDIR": str(tmp_path),
                "OMP_NUM_THREADS": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return go


def values(text: str, metric: str) -> list[float]:
    """Every value of a metric that the output names."""
    return [float(value) for value in re.findall(rf"{re.escape(metric)} (\d\.\d+)", text)]


def check_quickstart(run: Callable[..., str], tmp_path: Path) -> None:
    out = run("quickstart.py")
    (ndcg,) = values(out, "NDCG@10")
    assert ndcg > 0.25  # popularity reaches 0.08, the planted tastes themselves 0.57
    assert re.findall(r"^(\d) \w+.* -?\d+\.\d+$", out, re.MULTILINE) == list("12345")
    _, _, folder = out.strip().rpartition("are in ")
    opened = Run.open(Path(folder) / "run")
    assert opened.recommend(opened.user_keys[0], k=5)[0].name in out
    assert opened.evaluate(ks=[10])["ndcg@10"] == pytest.approx(ndcg, abs=5e-5)

    raw = write_dump(make_world(SMALL, seed=3), tmp_path / "raw")
    own = run("quickstart.py", raw / "spec.yaml", raw)
    graph = MusicGraph.open(Path(own.strip().rpartition("are in ")[2]) / "graph")
    assert graph.num_nodes("user") == SMALL.users


def check_custom_encoder(run: Callable[..., str], tmp_path: Path) -> None:
    out = run("custom_encoder.py")
    mean, recency = values(out, "NDCG@10")
    assert mean > recency > 0.15  # tastes in that world never change, so forgetting does not pay
    config = Run.open(Path(out.strip().rpartition("runs are in ")[2]) / "recency").config
    assert config["relations"]["liked_by"] == {
        "encoder": "custom_encoder:Recency",
        "half_life": 180.0,
        "use": True,
    }

    raw = write_dump(make_world(SMALL, seed=3), tmp_path / "raw")
    MusicGraph.build(raw / "spec.yaml", raw=raw, out=tmp_path / "graph")
    assert len(values(run("custom_encoder.py", tmp_path / "graph"), "NDCG@10")) == 2


CHECKS = {"quickstart.py": check_quickstart, "custom_encoder.py": check_custom_encoder}


@pytest.mark.slow
@pytest.mark.parametrize("name", CHECKS)
def test_example(name, run, tmp_path):
    CHECKS[name](run, tmp_path)


def test_every_example_is_run():
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(CHECKS)


def test_quickstart_is_quick_to_read():
    code = (EXAMPLES / "quickstart.py").read_text(encoding="utf-8").split('"""')[2]
    assert len([line for line in code.splitlines() if line.strip()]) <= 20
