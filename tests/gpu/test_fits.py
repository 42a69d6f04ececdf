"""Whole trainings on a GPU: what they learn, and that runs go from one device to another."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from hetmusic.evaluation import evaluate
from hetmusic.fitting import fit, resume
from hetmusic.graph import MusicGraph
from hetmusic.recommend import Run
from hetmusic.training import load_config
from hetmusic.training.precision import has_bfloat16
from tests.training.test_processes import in_two
from tests.training.trainers import FAST, SAMPLED

WAYS = {
    "whole graph": ("training.propagation=full",),
    "sampled": (*SAMPLED, "training.prefetch=2"),
    "features in main memory": (*SAMPLED, "training.features_on=cpu"),
}


def trained(graph: MusicGraph, out: Path, device: str, *settings: str, epochs: int = 8) -> Run:
    config = load_config(
        overrides=[*FAST, *settings, f'training.device="{device}"', f"training.epochs={epochs}"]
    )
    return fit(graph, config, out)


def losses(run: Run) -> list[float]:
    return [json.loads(line)["loss"] for line in (run.path / "history.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("way", WAYS)
def test_a_training_learns_what_it_learns_on_the_cpu(
    graph: MusicGraph, folder: Path, name: str, way: str
) -> None:
    here = trained(graph, folder / "here", "cpu", *WAYS[way])
    there = trained(graph, folder / "there", name, *WAYS[way])
    assert losses(there) == pytest.approx(losses(here), rel=0.05)
    assert losses(there)[-1] < 0.9 * losses(there)[0]
    # users of one community, by parity, like the artists of one half
    top = there.recommend(there.user_keys, k=3)
    right = [(int(u[1:]) % 2 == 0) == (int(i.item_key[1:]) < 15) for u, items in top.items() for i in items]
    assert np.mean(right) > 0.8


def test_metrics_of_a_run_do_not_depend_on_where_they_are_computed(
    graph: MusicGraph, folder: Path, name: str
) -> None:
    """Validation and evaluation rank on the device; numpy ranks the same embeddings alike."""
    run = trained(graph, folder / "run", name, epochs=2)
    expected = evaluate(run.scorer, run.split, part="valid")
    assert run.metrics["values"] == pytest.approx(expected.values, abs=1e-12)
    found = run.evaluate(device=name)
    assert found.values == pytest.approx(run.evaluate().values, abs=1e-12)
    assert run.user_embeddings.dtype == np.float32


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("first", ["cpu", "device"])
def test_a_run_goes_on_on_the_other_device(
    graph: MusicGraph, folder: Path, name: str, way: str, first: str
) -> None:
    order = ("cpu", name) if first == "cpu" else (name, "cpu")
    whole = trained(graph, folder / "whole", "cpu", *WAYS[way], "training.averaging=0.9", epochs=4)
    trained(graph, folder / "parts", order[0], *WAYS[way], "training.averaging=0.9", epochs=2)
    parts = resume(folder / "parts", epochs=4, device=order[1])
    assert len(losses(parts)) == 4
    assert losses(parts) == pytest.approx(losses(whole), rel=0.05)
    assert parts.config["training"]["device"] == order[1]


def test_the_same_device_resumes_with_the_same_weights(graph: MusicGraph, folder: Path, name: str) -> None:
    """To the last bit on a CPU; on a GPU some sums have no fixed order."""
    whole = trained(graph, folder / "whole", name, *SAMPLED, epochs=4)
    trained(graph, folder / "parts", name, *SAMPLED, epochs=2)
    parts = resume(folder / "parts", epochs=4)
    assert losses(parts) == pytest.approx(losses(whole), rel=1e-3)


def test_bfloat16_learns_the_same(graph: MusicGraph, folder: Path, name: str) -> None:
    if name != "cpu" and not has_bfloat16(torch.device(name)):
        pytest.skip("this GPU has no bfloat16 arithmetic")
    full = trained(graph, folder / "full", name, *SAMPLED)
    half = trained(graph, folder / "half", name, *SAMPLED, "training.precision=bfloat16")
    assert losses(half) == pytest.approx(losses(full), rel=0.05)
    assert half.metrics["values"]["ndcg@10"] == pytest.approx(full.metrics["values"]["ndcg@10"], abs=0.1)


def test_two_processes_with_a_gpu_each(graph: MusicGraph, folder: Path, name: str) -> None:
    if name != "cpu" and torch.cuda.device_count() < 2:
        pytest.skip("needs two GPUs")
    alone = trained(graph, folder / "alone", name, "training.propagation=full", epochs=2)
    device = "cpu" if name == "cpu" else "cuda"
    settings = [*FAST, "training.propagation=full", f'training.device="{device}"']
    given = [text for setting in settings for text in ("--set", setting)]
    ends = in_two(
        ["-m", "hetmusic", "fit", str(graph.path), "--out", str(folder / "two"), *given], seconds=300
    )
    assert [status for status, _ in ends] == [0, 0], ends
    assert losses(Run.open(folder / "two")) == pytest.approx(losses(alone), rel=0.01)
