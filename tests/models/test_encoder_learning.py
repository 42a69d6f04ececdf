"""What an encoder computes with but never learns: found in the first call with gradients."""

from __future__ import annotations

import logging

import pytest
import torch
from torch import nn

from hetmusic.errors import ConfigError
from hetmusic.relations import RelationEncoder, calling, relation_encoders
from tests.blocks import LIKED_BY
from tests.models.encoder_calls import NAMED, called


class LayerInMessage(RelationEncoder):
    def message(self, src, dst, edge):
        return nn.Linear(4, 4)(src.h)


class ParameterInForward(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.sum(src.h) * nn.Parameter(torch.ones(4))


SOMEWHERE = nn.Linear(4, 4)


class LayerOfTheModule(RelationEncoder):
    def message(self, src, dst, edge):
        return SOMEWHERE(src.h)


class ReturnsItsOwn(RelationEncoder):
    def forward(self, relation, src, dst):
        return torch.ones(5, 4, requires_grad=True)


@pytest.mark.parametrize(
    ("encoder", "what"),
    [
        (LayerInMessage, "Linear.weight of shape (4, 4)"),
        (ParameterInForward, "an nn.Parameter of shape (4,)"),
        (LayerOfTheModule, "an nn.Parameter of shape (4, 4)"),
        (ReturnsItsOwn, "a tensor that asks for a gradient of shape (5, 4)"),
    ],
)
def test_what_is_made_while_an_encoder_is_called_would_never_be_learned(encoder, what):
    with pytest.raises(ConfigError) as problem:
        called(encoder(4))
    said = str(problem.value)
    assert said.startswith(f"relation encoder {encoder.__name__} {NAMED} computes with ")
    assert what in said
    assert "make layers and nn.Parameter in __init__" in said


class NoGradient(RelationEncoder):
    def __init__(self, dim):
        super().__init__(dim)
        self.layer = nn.Linear(dim, dim)

    def message(self, src, dst, edge):
        with torch.no_grad():
            return self.layer(src.h)


class Unused(NoGradient):
    def message(self, src, dst, edge):
        return src.h


@pytest.mark.parametrize(
    ("encoder", "said"),
    [
        (
            NoGradient,
            "its result has no gradient (torch.no_grad, detach or numpy?), so that nothing learns through it",
        ),
        (Unused, "its result does not depend on layer.weight, layer.bias, so that they are never learned"),
    ],
)
def test_what_is_never_learned_is_warned_of_once(encoder, said, caplog):
    calling._warn.cache_clear()
    with caplog.at_level(logging.WARNING, "hetmusic"):
        for _ in range(2):  # layers
            called(encoder(4), times=2)
    assert [record.getMessage() for record in caplog.records] == [
        f"relation encoder {encoder.__name__} of {LIKED_BY}: {said}"
    ]


@pytest.mark.parametrize(
    "spec", [*relation_encoders.classes, "dgl.nn.pytorch:GATv2Conv", "dgl.nn.pytorch:SAGEConv"]
)
def test_nothing_is_wrong_with_encoders_that_come_along(spec, caplog):
    needed = {
        "dgl.nn.pytorch:GATv2Conv": {"num_heads": 2},
        "dgl.nn.pytorch:SAGEConv": {"aggregator_type": "mean"},
    }
    calling._warn.cache_clear()
    with caplog.at_level(logging.WARNING, "hetmusic"):
        called(relation_encoders.make(spec, dim=4, **{"heads": 2} if spec == "gat" else needed.get(spec, {})))
    assert caplog.records == []


def test_only_the_first_call_with_gradients_is_looked_at_closely(monkeypatch):
    looked = []
    monkeypatch.setattr(calling, "unlearned_leaves", lambda *given: looked.append(1) or "")
    called(LayerInMessage(4), times=3)
    assert len(looked) == 1
    with torch.no_grad():
        called(LayerInMessage(4))
    assert len(looked) == 1
