"""Features that are summed before they are projected, against the sums of projected ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hetmusic.graph.types import Modality
from hetmusic.models.deferred import DeferredInputs
from hetmusic.models.hetero_conv import HeteroConv
from hetmusic.models.inputs import FeatureInput
from hetmusic.relations import RelationBlock
from hetmusic.relations.encoders.gated import GatedEncoder
from hetmusic.relations.encoders.mean import MeanEncoder
from tests.blocks import LIKED_BY, random_block

SONGS = 30


def table(id_embedding: bool = False) -> FeatureInput:
    rng = np.random.default_rng(0)
    present = rng.random(SONGS) < 0.6
    values = rng.standard_normal((SONGS, 5)) * present[:, None]
    torch.manual_seed(0)
    return FeatureInput(Modality(values, present), 4, id_embedding=id_embedding)


def sampled(num_dst: int = 4, seed: int = 0) -> tuple[torch.Tensor, RelationBlock]:
    """Some songs, and who likes them."""
    nodes = torch.randperm(SONGS, generator=torch.Generator().manual_seed(seed))[:9]
    return nodes, random_block(9, num_dst, 20, seed)


def gradients(part: FeatureInput, out: torch.Tensor) -> list[torch.Tensor]:
    target = torch.linspace(-1, 1, out.numel()).view_as(out)
    named = [p for _, p in sorted(part.named_parameters())]
    return list(torch.autograd.grad((out * target).sum(), named))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("id_embedding", [False, True])
@pytest.mark.parametrize("drop", [False, True])
def test_sums_and_gradients(weighted: bool, id_embedding: bool, drop: bool) -> None:
    part = table(id_embedding)
    if drop:
        part.dropped = part.known & (torch.arange(SONGS) % 3 == 0)
    nodes, block = sampled()
    weight = block.edge["weight"] if weighted else None
    inputs = part.inputs(nodes)
    assert inputs.deferred
    ours, theirs = inputs.sum(block, weight), block.sum(part(nodes), weight)
    assert torch.allclose(ours, theirs, atol=1e-5)
    for mine, reference in zip(gradients(part, ours), gradients(part, theirs), strict=True):
        assert torch.allclose(mine, reference, atol=1e-5)


def test_a_node_has_what_the_definition_says() -> None:
    part = table()
    nodes = torch.arange(SONGS)
    wanted = torch.where(part.known[:, None], part.project(part.features), part.absent)
    assert torch.allclose(part(nodes), wanted, atol=1e-6)
    assert torch.allclose(part(None), wanted, atol=1e-6)


def test_rows_are_made_once_and_when_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    part, made = table(), []
    forward = FeatureInput.forward
    monkeypatch.setattr(
        FeatureInput, "forward", lambda self, nodes: (made.append(nodes), forward(self, nodes))[1]
    )
    nodes, block = sampled()
    inputs = part.inputs(nodes)
    assert inputs.first(2).h.shape == (2, 4)
    inputs.sum(block)
    assert [len(part) for part in made] == [2]
    # with as many sums as nodes nothing is saved, and what is made is used again
    wide = random_block(9, 9, 20)
    assert torch.allclose(inputs.sum(wide), wide.sum(part(nodes)), atol=1e-6)
    made.clear()
    assert inputs.with_degree(None).h is inputs.made().h
    inputs.sum(block)
    assert not made


def test_learned_weights_get_gradients() -> None:
    part = table()
    nodes, block = sampled()
    weight = torch.rand(block.num_edges, requires_grad=True)
    part.inputs(nodes).sum(block, weight).sum().backward()
    wanted = part(nodes).sum(dim=1)[block.src_index]
    assert torch.allclose(weight.grad, wanted, atol=1e-5)


@pytest.mark.parametrize("encoder", [MeanEncoder, GatedEncoder])
def test_encoders_are_given_what_they_read(encoder: type) -> None:
    part = table()
    nodes, block = sampled()
    torch.manual_seed(1)
    conv = HeteroConv({LIKED_BY: encoder(4)}, 4)
    deferred, plain = part.inputs(nodes), part.inputs(nodes).made()
    assert isinstance(deferred, DeferredInputs)
    assert not plain.deferred
    ours, theirs = (conv({LIKED_BY: block}, {"song": x}, {"user": 4})["user"] for x in (deferred, plain))
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_the_whole_graph_is_projected_at_once() -> None:
    assert not table().inputs(None).deferred
