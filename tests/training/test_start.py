"""A start that ranks well is validated as epochs are."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hetmusic.cli._progress import EpochLines
from hetmusic.cli._render import fit_summary
from hetmusic.fitting import fit, resume
from tests.training.runs import config, weights

SPECTRAL = ("model.initialisation=spectral", "training.lr=1e-9", "training.patience=2", "training.epochs=4")


def history(run):
    return [json.loads(line) for line in (run.path / "history.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def run(tmp_path_factory, module_graph):
    return fit(module_graph, config(*SPECTRAL), tmp_path_factory.mktemp("start") / "run")


@pytest.fixture(scope="module")
def module_graph(tmp_path_factory):
    from tests.training.worlds import community_graph

    return community_graph(tmp_path_factory.mktemp("start") / "g")


def test_the_start_is_kept_if_no_epoch_is_better(run) -> None:
    lines = history(run)
    assert run.metrics["best_epoch"] == -1
    assert run.metrics["values"]["ndcg@10"] == pytest.approx(lines[0]["start_ndcg@10"])
    assert lines[0]["valid_ndcg@10"] <= lines[0]["start_ndcg@10"]
    assert ["start_ndcg@10" in line for line in lines] == [True] + [False] * (len(lines) - 1)
    assert len(lines) == 2  # patience counts from the start


def test_an_epoch_that_is_better_replaces_it(module_graph, tmp_path) -> None:
    found = fit(module_graph, config("model.initialisation=spectral", "model.dim=1"), tmp_path / "run")
    values = [line["valid_ndcg@10"] for line in history(found)]
    assert max(values) > history(found)[0]["start_ndcg@10"]
    assert found.metrics["best_epoch"] == int(np.argmax(values))


def test_a_random_start_is_not_validated(module_graph, tmp_path) -> None:
    assert "start_ndcg@10" not in history(fit(module_graph, config(), tmp_path / "run"))[0]


def test_resumed_equals_never_stopped(module_graph, tmp_path) -> None:
    chosen = ("model.initialisation=spectral", "training.patience=9")
    whole = fit(module_graph, config(*chosen, "training.epochs=3"), tmp_path / "whole")
    fit(module_graph, config(*chosen, "training.epochs=1"), tmp_path / "parts")
    parts = resume(tmp_path / "parts", epochs=3)
    assert weights(whole.path) == weights(parts.path)
    assert [line.get("start_ndcg@10") for line in history(whole)] == [
        line.get("start_ndcg@10") for line in history(parts)
    ]


def test_it_is_called_the_start(run, capsys: pytest.CaptureFixture[str]) -> None:
    fit_summary(run)
    assert "valid part, best: the start, before the first epoch" in capsys.readouterr().out
    EpochLines().on_epoch(history(run)[0])
    said = capsys.readouterr().err
    assert f"start_ndcg@10 {history(run)[0]['start_ndcg@10']:.4f}" in said
    assert "best: the start" in said
