"""bfloat16 in the towers' products, float32 everywhere else, and metrics that do not know of either."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
import torch

from hetmusic.errors import ConfigError
from hetmusic.fitting import fit
from hetmusic.graph import MusicGraph
from hetmusic.models.heads import ScoreView
from hetmusic.training import load_config
from hetmusic.training.losses import Loss
from hetmusic.training.precision import check_precision
from tests.training.test_emotion import add_mood
from tests.training.trainers import FAST, SAMPLED, audible_graph, trainer_of
from tests.training.worlds import community_graph

HALF = "training.precision=bfloat16"


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> MusicGraph:
    return audible_graph(tmp_path_factory.mktemp("graph") / "g")


def linear_dtypes(trainer: object, batch: object) -> set[torch.dtype]:
    """In what the projections of features come out during a step."""
    found = set()
    project = trainer.model.towers["audio"].inputs["artist"].project  # type: ignore[attr-defined]
    handle = project.register_forward_hook(lambda _, __, out: found.add(out.dtype))
    trainer.loss_of(batch).backward()  # type: ignore[attr-defined]
    handle.remove()
    return found


@pytest.mark.parametrize("settings", [(), SAMPLED])
def test_products_of_the_towers_are_in_bfloat16_and_gradients_in_float32(
    graph: MusicGraph, tmp_path: Path, settings: tuple[str, ...]
) -> None:
    losses, gradients = [], []
    for precision, expected in ((HALF, torch.bfloat16), ("training.precision=float32", torch.float32)):
        trainer = trainer_of(graph, tmp_path, *settings, precision)
        batch = next(trainer.batches.epoch(np.random.default_rng(0)))
        assert linear_dtypes(trainer, batch) == {expected}
        grads = [p.grad for p in trainer.model.parameters() if p.grad is not None]
        assert {g.dtype for g in grads} == {torch.float32}
        assert {p.dtype for p in trainer.model.parameters()} == {torch.float32}
        gradients.append(trainer.model.towers["audio"].inputs["artist"].project.weight.grad)
        losses.append(float(trainer.loss_of(batch).detach()))
    # the same up to the rounding of bfloat16, whose mantissa has 8 bits, and not to the last bit
    assert losses[0] == pytest.approx(losses[1], rel=0.01)
    assert losses[0] != losses[1]
    assert (gradients[0] - gradients[1]).norm() < 0.05 * gradients[1].norm()


@pytest.mark.parametrize("emotion", ["false", "true"])
def test_scores_and_losses_are_in_float32(graph: MusicGraph, tmp_path: Path, emotion: str) -> None:
    seen: list[tuple[torch.dtype, bool]] = []
    world = add_mood(audible_graph(tmp_path / "g")) if emotion == "true" else graph
    trainer = trainer_of(world, tmp_path, *SAMPLED, HALF, f"model.emotion={emotion}", "model.head=paper")
    honest = trainer.objective.loss

    class Watching(Loss):
        def forward(self, view: ScoreView, batch: object) -> torch.Tensor:
            seen.extend((t.dtype, torch.is_autocast_enabled("cpu")) for t in (view.users, view.items))
            loss: torch.Tensor = honest(view, batch)
            return loss

    trainer.objective.loss = Watching()
    loss = trainer.loss_of(next(trainer.batches.epoch(np.random.default_rng(0))))
    assert set(seen) == {(torch.float32, False)}
    assert loss.dtype == torch.float32


def test_metrics_of_a_run_in_bfloat16_are_those_of_its_float32_embeddings(
    graph: MusicGraph, tmp_path: Path
) -> None:
    run = fit(graph, load_config(overrides=[*FAST, HALF, "model.id_tower=false"]), tmp_path / "run")
    users, items = np.asarray(run.user_embeddings), np.asarray(run.item_embeddings)
    assert users.dtype == items.dtype == np.float32
    # embeddings that had gone through bfloat16 would have nothing in their lower 16 bits
    assert (users.view(np.uint32) & 0xFFFF).any()
    found = run.evaluate(part="valid", ks=[10], metrics=["ndcg"])
    per_user = []
    train, valid = run.split.train, run.split.valid
    for user in np.unique(valid.src):
        scores = items.astype(np.float64) @ users[user].astype(np.float64)
        scores[train.dst[train.src == user]] = -np.inf
        top = np.argsort(-scores.astype(np.float32), kind="stable")[:10]
        hits = np.isin(top, valid.dst[valid.src == user])
        gains = 1 / np.log2(np.arange(2, 12))
        per_user.append((hits * gains).sum() / gains[: min(10, (valid.src == user).sum())].sum())
    assert found.values["ndcg@10"] == pytest.approx(np.mean(per_user), abs=1e-12)
    assert found.values["ndcg@10"] == pytest.approx(run.metrics["values"]["ndcg@10"], abs=1e-12)


def test_validation_is_in_float32(graph: MusicGraph, tmp_path: Path) -> None:
    trainer = trainer_of(graph, tmp_path, HALF)
    other = trainer_of(graph, tmp_path)
    assert trainer.validate() == other.validate()


def test_a_model_without_matrices_is_refused(tmp_path: Path) -> None:
    graph = community_graph(tmp_path / "g")
    with pytest.raises(ConfigError, match="changes nothing: no tower multiplies by a matrix"):
        trainer_of(graph, tmp_path, HALF, "relations.friends.use=false")
    trainer_of(graph, tmp_path, HALF, 'relations.friends.encoder="gatv2"')


def test_a_gpu_without_bfloat16_is_refused(
    graph: MusicGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = trainer_of(graph, tmp_path).model
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    monkeypatch.setattr(torch.cuda, "device", contextlib.nullcontext)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla P4")
    with pytest.raises(ConfigError, match="Tesla P4 has no bfloat16 arithmetic"):
        check_precision("bfloat16", model, torch.device("cuda:0"))
    check_precision("float32", model, torch.device("cuda:0"))


def test_on_a_cpu_it_is_allowed_and_said_when_it_pays(
    graph: MusicGraph, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    trainer_of(graph, tmp_path, HALF)
    assert "a CPU without bfloat16 instructions" in caplog.text
