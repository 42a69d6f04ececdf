"""Products, encoders and whole steps give on a GPU what they give on the CPU, up to rounding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from hetmusic.graph import MusicGraph
from hetmusic.relations import NodeInputs, relation_encoders
from hetmusic.relations.edge_kernels import segment_sum
from hetmusic.relations.kernels import sddmm, segment_softmax, spmm
from hetmusic.training.precision import has_bfloat16
from hetmusic.training.trainer import Trainer
from tests.blocks import random_block
from tests.training.trainers import SAMPLED, trainer_of

LOSSES = {
    "softmax": ("training.propagation=full", "training.averaging=0.9"),
    "softmax, sampled": (*SAMPLED, "training.averaging=0.9"),
    "softmax, learned from each other": (
        *SAMPLED,
        "training.mutual_weight=0.5",
        "training.mutual_teacher=better",
    ),
    "sampled softmax": (
        "training.loss=sampled_softmax",
        "training.negatives=8",
        "training.propagation=sampled",
        "training.weight_decay=0.001",
    ),
    "bpr": ("training.loss=bpr", "training.negatives=2", "training.propagation=sampled"),
    "without some of what is known": (*SAMPLED, "model.modality_dropout=0.3", "model.id_dropout=0.3"),
}


def leaf(value: Tensor, where: torch.device) -> Tensor:
    """A copy on a device, whose gradient is wanted."""
    return value.to(where, copy=True).requires_grad_()


def close(found: Tensor, expected: Tensor, what: str = "") -> None:
    """Equal up to the rounding of single precision, relative to the largest entry."""
    found, expected = found.detach(), expected.detach()
    scale = float(expected.abs().max()) if expected.numel() else 0.0
    torch.testing.assert_close(
        found.cpu(),
        expected.cpu(),
        rtol=1e-3,
        atol=max(1e-4 * scale, 1e-6),
        msg=lambda text: f"{what}: {text}",
    )


@pytest.mark.parametrize("edges", [0, 1, 4000])
def test_products_and_their_gradients(device: torch.device, edges: int) -> None:
    block = random_block(120, 90, edges)
    generator = torch.Generator().manual_seed(1)
    made = [torch.randn(n, 16, generator=generator) for n in (120, 90, 90)]
    weights = torch.rand(block.num_edges, generator=generator)
    found = []
    for where in (torch.device("cpu"), device):
        x, y, target = (leaf(value, where) for value in made)
        moved, values = block.to(where), leaf(weights, where)
        out = spmm(moved.csr, values, x)
        at_edges = sddmm(moved.csr, y, x)
        shares = segment_softmax(at_edges[:, None], moved.dst_index, moved.num_dst)
        summed = segment_sum(moved.csr, shares * x[moved.src_index], moved.dst_index)
        ((out + summed) * target).sum().backward()
        grads = [part.grad for part in (x, y, values) if part.grad is not None]
        assert len(grads) == 3 or not edges
        found.append([out, at_edges, shares, summed, *grads])
    for here, there in zip(*found, strict=True):
        close(there, here)


@pytest.mark.parametrize("encoder", relation_encoders.names)
def test_encoders(device: torch.device, encoder: str) -> None:
    torch.manual_seed(3)
    made, block = relation_encoders.make(encoder, dim=8), random_block(50, 40, 300)
    h = torch.randn(50, 8), torch.randn(40, 8)
    found = []
    for where in (torch.device("cpu"), device):
        moved, module = block.to(where), made.to(where)
        module.zero_grad()
        src, dst = (leaf(value, where) for value in h)
        ends = NodeInputs(src, None, moved.src_degree), NodeInputs(dst, None, moved.dst_degree)
        out = module(moved, *ends)
        out.square().sum().backward()
        grads = [p.grad.clone() for p in module.parameters() if p.grad is not None]
        found.append([out, src.grad, *grads])
    for here, there in zip(*found, strict=True):
        close(there, here, encoder)


def first_step(trainer: Trainer) -> tuple[float, dict[str, Tensor]]:
    trainer.model.train()
    torch.manual_seed(5)
    batch = next(trainer.features.gathered(trainer.batches.epoch(np.random.default_rng(0))))
    loss = trainer.loss_of(batch)
    loss.backward()
    grads = {n: p.grad.to_dense().cpu() for n, p in trainer.model.named_parameters() if p.grad is not None}
    return float(loss.detach()), grads


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("features_on", ["device", "cpu"])
def test_a_step_has_the_loss_and_gradients_of_the_cpu(
    graph: MusicGraph, folder: Path, name: str, loss: str, features_on: str
) -> None:
    here = trainer_of(graph, folder, *LOSSES[loss])
    there = trainer_of(
        graph, folder, *LOSSES[loss], f'training.device="{name}"', f"training.features_on={features_on}"
    )
    assert next(there.model.parameters()).device.type == torch.device(name).type
    expected, gradients = first_step(here)
    value, found = first_step(there)
    assert value == pytest.approx(expected, rel=1e-4)
    assert found.keys() == gradients.keys()
    for parameter, gradient in gradients.items():
        close(found[parameter], gradient, parameter)


@pytest.mark.parametrize("loss", LOSSES)
def test_epochs_with_batches_made_ahead(graph: MusicGraph, folder: Path, name: str, loss: str) -> None:
    """The whole way: sampling in a thread, copies beside the computation, Adam by rows, averages, validation."""
    losses, values = [], []
    for where in ("cpu", name):
        trainer = trainer_of(
            graph, folder, *LOSSES[loss], f'training.device="{where}"', "training.prefetch=3"
        )
        losses.append([trainer._train_epoch() for _ in range(3)])
        values.append(trainer.validate()[trainer.config.training.metric])
        for state in trainer.optimizer.state.values():
            assert state["exp_avg"].device.type == torch.device(where).type
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    assert values[1] == pytest.approx(values[0], abs=0.1)


def test_bfloat16(graph: MusicGraph, folder: Path, name: str) -> None:
    if name != "cpu" and not has_bfloat16(torch.device(name)):
        pytest.skip("this GPU has no bfloat16 arithmetic")
    for settings in (SAMPLED, ("training.propagation=full", 'relations.friends.encoder="gatv2"')):
        here = trainer_of(graph, folder, *settings)
        there = trainer_of(
            graph, folder, *settings, f'training.device="{name}"', "training.precision=bfloat16"
        )
        dtypes = set()
        project = there.model.towers["audio"].inputs["artist"].project
        project.register_forward_hook(lambda _, __, out, seen=dtypes: seen.add(out.dtype))
        expected, gradients = first_step(here)
        value, found = first_step(there)
        assert dtypes == {torch.bfloat16}
        assert value == pytest.approx(expected, rel=0.02)
        weight = "towers.audio.inputs.artist.project.weight"
        assert (found[weight] - gradients[weight]).norm() < 0.1 * gradients[weight].norm()
        assert {p.dtype for p in there.model.parameters()} == {torch.float32}
