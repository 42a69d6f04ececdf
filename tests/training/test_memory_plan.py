"""The memory that a dry run states against what training then takes, and against allocations counted by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.msd_a import make
from hetmusic.training import automatic
from hetmusic.training.memory_plan import peak_bytes
from tests.blocks import random_block
from tests.training.worlds import community_graph

#: states the memory, or trains for an epoch and measures it, in a process of its own
CODE = """
import json, sys, threading, time
from hetmusic import MusicGraph
from hetmusic.fitting import fit, plan
from hetmusic.training import load_config
from hetmusic.training.memory_plan import resident_bytes

graph, mode, out, *settings = sys.argv[1:]
opened, config = MusicGraph.open(graph), load_config(overrides=["training.epochs=1", *settings])
if mode == "plan":
    print(json.dumps({**vars(found := plan(opened, config)), "peak": found.peak}))
else:
    peak, done = [0], threading.Event()

    def watch():
        while not done.is_set():
            peak[0] = max(peak[0], resident_bytes())
            time.sleep(0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    fit(opened, config, out)
    done.set()
    watcher.join()
    print(json.dumps({"peak": peak[0]}))
"""

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="no /proc to measure memory with"
)


def run(graph: Path, mode: str, out: Path, *settings: str) -> dict[str, int]:
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(graph), mode, str(out), *settings],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def check(graph: Path, out: Path, *settings: str) -> dict[str, int]:
    stated = run(graph, "plan", out / "none", *settings)
    assert not (out / "none").exists()
    measured = run(graph, "fit", out / "run", *settings)
    assert stated["peak"] == pytest.approx(measured["peak"], rel=0.2)
    return stated


def test_a_small_graph(tmp_path: Path) -> None:
    check(community_graph(tmp_path / "g").path, tmp_path)


@pytest.mark.parametrize("propagation", ["full", "sampled"])
def test_a_medium_graph(tmp_path: Path, propagation: str) -> None:
    graph = make(tmp_path / "g", 0.03)
    settings = (
        f'training.propagation="{propagation}"',
        "model.feature_components=64",
        "training.sampled_candidates=4000",
    )
    stated = check(graph.path, tmp_path, *settings)
    # three towers' features, 64 components each
    assert stated["features"] == 3 * graph.num_nodes("song") * 64 * 4
    assert stated["optimizer"] == 2 * stated["parameters"]
    # more than half of it is the model's, so that the agreement says something
    assert stated["peak"] > 2 * stated["process"]


def test_what_auto_chooses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automatic, "FULL_SOFTMAX_ITEMS", 5000)
    graph = make(tmp_path / "g", 0.03)
    settings = [choice.setting for choice in automatic.choose(graph)]
    assert {"training.sampled_candidates=2048", 'model.head="scaled"', "model.feature_components=128"} <= {
        *settings
    }
    check(graph.path, tmp_path, *settings, "training.epochs=1")


def test_products_take_their_results_alone() -> None:
    """No row an edge, which at five million likes would be 1 GB, but at most two numbers."""
    block = random_block(50, 40, 1500, 0).to(torch.device("meta"))
    x, weight = torch.zeros(50, 16, device="meta"), torch.ones(1500, device="meta")
    assert peak_bytes(lambda: block.sum(x, weight)) <= 4 * (40 * 16 + 2 * 1500)
    assert peak_bytes(lambda: block.sum(x)) <= 4 * (40 * 16 + 2 * 1500)


def test_training_on_a_gpu_can_be_planned_without_one(tmp_path: Path) -> None:
    graph = community_graph(tmp_path / "g").path
    plans = [run(graph, "plan", tmp_path / "none", f"training.device={name}") for name in ("cuda", "cpu")]
    assert [found["parameters"] for found in plans] == [plans[1]["parameters"]] * 2
    assert [found["step"] for found in plans] == [plans[1]["step"]] * 2


def test_peaks_are_counted_when_tensors_are_alive_together() -> None:
    def chain() -> None:
        x = torch.zeros(1000)
        for _ in range(5):
            x = x + 1  # the old one is freed when the new one is there

    assert peak_bytes(chain) == 2 * 4000
    assert peak_bytes(lambda: [torch.zeros(10) for _ in range(5)]) == 200
    view = torch.zeros(100)
    assert peak_bytes(lambda: view.view(10, 10).T) == 0


def test_what_backward_needs_stays_until_then() -> None:
    x = torch.ones(1000, device="meta", requires_grad=True)

    def step() -> None:
        (x.exp().exp().exp()).sum().backward()

    # three results are kept for their gradients; in the backward pass a gradient or two come on top
    assert 3 * 4000 <= peak_bytes(step) <= 6 * 4000 + 100
