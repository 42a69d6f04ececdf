"""A whole step on one device: whatever of model, batch, blocks or loss stays behind is caught, without a GPU."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from hetmusic.graph import MusicGraph
from hetmusic.models.inputs import FeatureInput
from hetmusic.testing.devices import META, OneDevice, fake_cuda, move_to_fake_cuda
from hetmusic.training.batches import Batch
from hetmusic.training.optimizer import RowAdam, use_sparse_gradients
from hetmusic.training.trainer import Trainer
from tests.blocks import needs_cuda_build
from tests.training.test_emotion import add_mood
from tests.training.trainers import SAMPLED, audible_graph, trainer_of

#: loss -> settings under which every field of a batch is read
LOSSES = {
    "softmax": (*SAMPLED, "training.mutual_weight=0.1", "model.emotion=true"),
    "sampled softmax": (
        "training.loss=sampled_softmax",
        "training.negatives=8",
        "training.propagation=sampled",
    ),
    "bpr": ("training.loss=bpr", "training.mutual_weight=0.1", "training.propagation=sampled"),
    "softmax, whole graph": ("training.propagation=full", "model.item_bias=true"),
}


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> MusicGraph:
    return add_mood(audible_graph(tmp_path_factory.mktemp("graph") / "g"))


def on_meta(graph: MusicGraph, folder: Path, *settings: str) -> tuple[Trainer, Batch]:
    """A trainer on the meta device, and a batch that is there as well."""
    trainer = trainer_of(graph, folder, *settings)
    batch = next(trainer.features.gathered(trainer.batches.epoch(np.random.default_rng(0))))
    trainer.model.to(META)
    trainer.device = META
    trainer.optimizer = RowAdam(trainer.model.parameters())
    use_sparse_gradients(trainer.model, False)  # whose sums the meta device does not have
    return trainer, batch.to(META)


def step(trainer: Trainer, batch: Batch) -> Tensor:
    with OneDevice():
        loss = trainer.loss_of(batch)
        loss.backward()
        trainer.optimizer.step()
    return loss


@pytest.mark.parametrize("loss", LOSSES)
def test_a_step_is_on_one_device(graph: MusicGraph, tmp_path: Path, loss: str) -> None:
    trainer, batch = on_meta(graph, tmp_path, *LOSSES[loss])
    assert step(trainer, batch).is_meta
    assert {p.grad.device.type for p in trainer.model.parameters() if p.grad is not None} == {"meta"}


@pytest.mark.parametrize("loss", LOSSES)
def test_every_part_of_a_batch_that_stays_behind_is_caught(
    graph: MusicGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    trainer, batch = on_meta(graph, tmp_path, *LOSSES[loss])
    monkeypatch.setattr(Batch, "to", lambda self, device: self)  # which would bring it along
    fields = [f.name for f in dataclasses.fields(batch) if isinstance(getattr(batch, f.name), Tensor)]
    assert len(fields) >= 5
    for name in fields:
        left = torch.zeros_like(getattr(batch, name), device="cpu")
        with pytest.raises(RuntimeError, match="more than one device"):
            step(trainer, dataclasses.replace(batch, **{name: left}))


def test_edges_that_stay_behind_are_caught(
    graph: MusicGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, batch = on_meta(graph, tmp_path, *LOSSES["softmax"])
    behind = next(trainer.batches.epoch(np.random.default_rng(0)))
    monkeypatch.setattr(Batch, "to", lambda self, device: self)
    for depth, layer in enumerate(batch.user_blocks.layers):
        for edge_type in layer.blocks:
            if edge_type.relation != "liked_by":
                continue
            layers = list(batch.user_blocks.layers)
            block = behind.user_blocks.layers[depth].blocks[edge_type]
            layers[depth] = dataclasses.replace(layer, blocks={**layer.blocks, edge_type: block})
            mixed = dataclasses.replace(batch.user_blocks, layers=layers)
            with pytest.raises(RuntimeError, match="more than one device"):
                step(trainer, dataclasses.replace(batch, user_blocks=mixed))


def test_every_buffer_of_the_model_that_stays_behind_is_caught(graph: MusicGraph, tmp_path: Path) -> None:
    trainer, batch = on_meta(graph, tmp_path, *LOSSES["softmax"])
    caught = 0
    for module in trainer.model.modules():
        for name, buffer in list(module._buffers.items()):
            if buffer is None or not buffer.dim() or not name.endswith(("features", "known", "points")):
                continue
            module._buffers[name] = torch.zeros_like(buffer, device="cpu")
            with pytest.raises(RuntimeError, match="more than one device"):
                step(trainer, batch)
            module._buffers[name] = buffer
            caught += 1
    assert caught >= 6
    assert step(trainer, batch).is_meta


def test_features_from_main_memory_reach_the_device(graph: MusicGraph, tmp_path: Path) -> None:
    trainer = trainer_of(graph, tmp_path, *SAMPLED)
    trainer.features._keep_apart()
    batch = next(trainer.features.gathered(trainer.batches.epoch(np.random.default_rng(0)))).to(META)
    trainer.model.to(META)
    trainer.device = META
    use_sparse_gradients(trainer.model, False)
    trainer.optimizer = RowAdam(trainer.model.parameters())
    assert step(trainer, batch).is_meta
    assert batch.user_blocks.features
    for part in trainer.model.modules():
        if isinstance(part, FeatureInput):  # a table that reads its features here, by indices from there
            part.apart = None
    with pytest.raises(RuntimeError, match="more than one device"):
        step(
            trainer,
            dataclasses.replace(batch, user_blocks=dataclasses.replace(batch.user_blocks, features={})),
        )


@needs_cuda_build
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_forward_on_fake_cuda_in_either_precision(
    graph: MusicGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    """Under autocast too everything is on the GPU, and what scores and losses are made of is float32."""
    monkeypatch.setattr("torch.cuda.amp.common.amp_definitely_not_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: True)
    trainer = trainer_of(graph, tmp_path, *SAMPLED, f"training.precision={precision}")
    batch = next(trainer.batches.epoch(np.random.default_rng(0)))
    mode = FakeTensorMode(allow_non_fake_inputs=False)

    move_to_fake_cuda(trainer.model, mode)
    trainer.device = torch.device("cuda", 0)
    seen = []
    project = trainer.model.towers["audio"].inputs["artist"].project  # type: ignore[index, union-attr]
    project.register_forward_hook(lambda _, __, out: seen.append(out.dtype))  # type: ignore[operator, union-attr]
    moved = batch.map(lambda tensor: fake_cuda(tensor, mode))
    monkeypatch.setattr(Batch, "to", lambda self, device: self)
    with mode:
        loss = trainer.loss_of(moved)
    assert loss.device.type == "cuda"
    assert loss.dtype == torch.float32
    assert set(seen) == {getattr(torch, precision)}
