"""The package's own tests: the contract, and one value an encoder by hand."""

from __future__ import annotations

import pytest
import torch
from listening_encoders import Decay, EdgeFeatures, SignAware

from hetmusic.graph import EdgeType
from hetmusic.relations import NodeInputs, RelationBlock
from hetmusic.testing import RelationEncoderTests


class TestDecay(RelationEncoderTests):
    encoder = Decay


class TestSignAware(RelationEncoderTests):
    encoder = "sign-aware"
    arguments = {"liked_from": 20}


class TestEdgeFeatures(RelationEncoderTests):
    encoder = "listening_encoders:EdgeFeatures"


def listens(**edge: list[float]) -> tuple[RelationBlock, NodeInputs, NodeInputs]:
    """Songs 0, 1 and 2 were heard by user 0; user 1 heard nothing."""
    attributes = {name: torch.tensor(values) for name, values in edge.items()}
    ends = torch.tensor([0, 1, 2]), torch.tensor([0, 0, 0])
    block = RelationBlock.from_coo(EdgeType("song", "liked_by", "user"), *ends, 3, 2, attributes)
    songs = torch.tensor([[1.0, 0.0], [0.0, 1.0], [4.0, 4.0]])
    return block, NodeInputs(songs, None, block.src_degree), NodeInputs(torch.zeros(2, 2))


def test_decay_by_hand() -> None:
    out = Decay(2, half_life=10.0)(*listens(age=[0.0, 10.0, 20.0]))
    assert (out * 3**0.5).flatten().tolist() == pytest.approx([1 + 4 / 4, 1 / 2 + 4 / 4, 0, 0])


def test_signs_by_hand() -> None:
    out = SignAware(2, start=0.5)(*listens(weight=[5.0, 3.0, 1.0]))
    assert out.tolist() == [[1 / 2 - 4 / 2, 1 / 2 - 4 / 2], [0, 0]]


def test_edge_features_need_no_attribute() -> None:
    torch.manual_seed(0)
    encoder = EdgeFeatures(2)
    out = encoder(*listens())
    assert torch.allclose(out, torch.tensor([[5 / 3, 5 / 3], [0, 0]]))
    assert encoder.features(*listens(weight=[0.0, 1.0, 3.0], age=[0.0, 365.0, 730.0])[:2])[:, 2].tolist() == [
        0,
        1,
        2,
    ]
