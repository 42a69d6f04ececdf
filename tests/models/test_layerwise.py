"""Inference in pieces against the whole graph at once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hetmusic.models import final_embeddings, layerwise
from hetmusic.models.hetero_conv import HeteroConv
from hetmusic.models.layerwise import embed, propagate
from hetmusic.relations import NodeInputs
from hetmusic.relations.encoders.gated import GatedEncoder
from hetmusic.relations.encoders.gatv2 import GATv2Encoder
from hetmusic.relations.encoders.mean import MeanEncoder
from hetmusic.training.memory_plan import peak_bytes
from tests.blocks import FRIENDS, LIKED_BY, LIKES, random_block
from tests.models.test_mmgnn import AUDIO, model, whole


@pytest.fixture(params=[1, 7, 20])
def piece(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(layerwise, "PIECE", request.param)
    return int(request.param)


@pytest.mark.parametrize("combine", ["sum", "attention", "semantic"])
@pytest.mark.parametrize("encoder", [MeanEncoder, GatedEncoder, GATv2Encoder])
def test_a_layer(piece: int, combine: str, encoder: type) -> None:
    torch.manual_seed(0)
    blocks = {
        LIKED_BY: random_block(30, 12, 60, edge_type=LIKED_BY),
        LIKES: random_block(12, 30, 60, 1, edge_type=LIKES),
        FRIENDS: random_block(12, 12, 20, 2, edge_type=FRIENDS),
    }
    conv = HeteroConv({edge_type: encoder(4) for edge_type in blocks}, 4, combine)
    src = {"user": NodeInputs(torch.randn(12, 4)), "song": NodeInputs(torch.randn(30, 4))}
    counts = {"user": 12, "song": 30}
    with torch.no_grad():
        pieces = propagate(conv, blocks, src, counts)
        for ntype, whole in conv(blocks, src, counts).items():
            assert torch.allclose(pieces[ntype], whole, atol=1e-6)


def test_rows_of_a_block() -> None:
    block = random_block(6, 5, 17)
    part = block.rows(1, 4)
    inside = (block.dst_index >= 1) & (block.dst_index < 4)
    assert torch.equal(part.src_index, block.src_index[inside])
    assert torch.equal(part.dst_index, block.dst_index[inside] - 1)
    assert torch.equal(part.edge["weight"], block.edge["weight"][inside])
    assert torch.equal(part.dst_degree, block.dst_degree[1:4])
    x = torch.randn(6, 2, requires_grad=True)
    target = torch.randn(3, 2)
    (gradient,) = torch.autograd.grad((part.sum(x) * target).sum(), x)
    padded = torch.zeros(5, 2).index_copy_(0, torch.arange(1, 4), target)
    (wanted,) = torch.autograd.grad((block.sum(x) * padded).sum(), x)
    assert torch.allclose(gradient, wanted)


@pytest.mark.parametrize("in_files", [False, True])
@pytest.mark.parametrize(
    "config",
    [
        {},
        {"separate_output": True},
        {"head": "paper", "inductive_users": False},
        {"item_bias": True, "combine": "semantic"},
    ],
    ids=str,
)
def test_final_embeddings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_files: bool, config: dict[str, object]
) -> None:
    made = model(["liked_by", "likes", "friends", "tag_of"], {"audio": AUDIO}, num_layers=2, **config)
    with torch.no_grad():
        view = made.eval()(whole())
    monkeypatch.setattr(layerwise, "_LARGE", 64)
    for size in (2, 10**6):
        monkeypatch.setattr(layerwise, "PIECE", size)
        users, items = final_embeddings(made, whole(), tmp_path if in_files else None)
        assert torch.allclose(users, view.users, atol=1e-5)
        assert torch.allclose(items, view.items, atol=1e-5)
        assert not list(tmp_path.iterdir())


def test_results_in_files_are_not_counted_as_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layerwise, "_LARGE", 64)
    monkeypatch.setattr(layerwise, "PIECE", 2)
    made = model(["liked_by"], {"audio": AUDIO}).eval().to("meta")
    blocks = whole().to(torch.device("meta"))
    inside, outside = (peak_bytes(lambda f=f: embed(made, blocks, f)) for f in (None, tmp_path))
    assert outside < inside
    assert embed(made, blocks, tmp_path)[1].shape == (7, 8)
