"""Features that are too big for a GPU stay in main memory, and a step's result does not depend on where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hetmusic.graph import MusicGraph
from hetmusic.models.inputs import FeatureInput
from hetmusic.training import feature_storage
from hetmusic.training.feature_storage import FeatureStorage
from tests.training.trainers import SAMPLED, audible_graph, trainer_of


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> MusicGraph:
    return audible_graph(tmp_path_factory.mktemp("graph") / "g")


def tables(model: torch.nn.Module) -> list[FeatureInput]:
    return [part for part in model.modules() if isinstance(part, FeatureInput)]


def apart(trainer: object) -> None:
    """Take the features out of the model, as for a GPU."""
    trainer.features._keep_apart()  # type: ignore[attr-defined]


@pytest.mark.parametrize("settings", [(), SAMPLED, ("training.propagation=sampled", "training.fanout=4")])
def test_a_step_is_the_same_wherever_features_are(
    graph: MusicGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: tuple[str, ...]
) -> None:
    """Gathered by batch, or, of all items, brought piece by piece, and once more for the backward pass."""
    monkeypatch.setattr("hetmusic.models.inputs._PIECE", 7)
    found = []
    for keep in (False, True):
        trainer = trainer_of(graph, tmp_path, *settings)
        if keep:
            apart(trainer)
        batch = next(trainer.features.gathered(trainer.batches.epoch(np.random.default_rng(0))))
        assert bool(batch.user_blocks.features) == (keep and settings != ())
        loss = trainer.loss_of(batch)
        loss.backward()
        grads = {n: p.grad.to_dense() for n, p in trainer.model.named_parameters() if p.grad is not None}
        found.append((float(loss.detach()), grads, trainer.validate()))
    (loss, grads, valid), (other_loss, other_grads, other_valid) = found
    assert loss == pytest.approx(other_loss, rel=1e-6)
    assert valid == other_valid
    assert grads.keys() == other_grads.keys()
    assert all(torch.allclose(grads[name], other_grads[name], atol=1e-6) for name in grads)


def test_features_apart_do_not_move_with_the_model(graph: MusicGraph, tmp_path: Path) -> None:
    trainer = trainer_of(graph, tmp_path, *SAMPLED)
    apart(trainer)
    trainer.model.to("meta")
    trainer.device = torch.device("meta")
    assert {part.features.device.type for part in tables(trainer.model)} == {"cpu"}
    assert not any("features" in name for name, _ in trainer.model.named_buffers())
    batch = next(trainer.features.gathered(trainer.batches.epoch(np.random.default_rng(0))))
    assert {t.device.type for t in batch.to(torch.device("meta")).user_blocks.features.values()} == {"meta"}
    assert trainer.loss_of(
        batch
    ).is_meta  # the rows that were gathered are used: others could not be read by meta indices


def test_only_what_a_batch_reads_is_gathered(graph: MusicGraph, tmp_path: Path) -> None:
    trainer = trainer_of(graph, tmp_path, *SAMPLED)
    apart(trainer)
    batch = next(trainer.features.gathered(trainer.batches.epoch(np.random.default_rng(0))))
    (rows,) = batch.user_blocks.features.values()
    nodes = batch.user_blocks.input_nodes["artist"]
    assert torch.equal(rows, tables(trainer.model)[0].features[nodes])


def test_tables_share_one_copy_after_the_move(graph: MusicGraph, tmp_path: Path) -> None:
    """A module's buffers are moved one by one, so sharing would end there."""
    trainer = trainer_of(graph, tmp_path)
    FeatureStorage(trainer.model, torch.device("meta"))
    first, second = tables(trainer.model)
    assert first is not second
    assert first.features is second.features
    assert first.features.is_meta


@pytest.mark.parametrize(
    ("wanted", "free", "stays"),
    [("auto", 10_000, False), ("auto", 1_000, True), ("device", 1_000, False), ("cpu", 10_000, True)],
)
def test_what_decides(
    graph: MusicGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, free: int, stays: bool
) -> None:
    """30 artists with 6 features of 4 bytes are 720 bytes: more than half of 1,000."""
    storage = trainer_of(graph, tmp_path).features
    assert storage.num_bytes == 720
    monkeypatch.setattr(feature_storage.torch.cuda, "mem_get_info", lambda device: (free, 1 << 34))
    assert storage._stay(torch.device("cuda"), wanted) is stays  # type: ignore[arg-type]
    assert storage._stay(torch.device("cpu"), wanted) is False  # type: ignore[arg-type]
