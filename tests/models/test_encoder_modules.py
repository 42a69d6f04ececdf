"""Encoders that cannot be trained as they are: refused when they are made."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hetmusic.errors import ConfigError
from hetmusic.graph import EdgeType
from hetmusic.models import HeteroConv
from hetmusic.relations import RelationEncoder
from tests.blocks import LIKED_BY, inputs, random_block
from tests.models.encoder_calls import BLOCK, called

LIKES_TOO = EdgeType("song", "played_by", "user")


def test_not_a_relation_encoder():
    with pytest.raises(ConfigError) as problem:
        HeteroConv({LIKED_BY: nn.Linear(4, 4)}, 4)
    assert f"the encoder of {LIKED_BY} is a Linear, not a RelationEncoder" in str(problem.value)


def test_parameters_without_shape():
    class Lazy(RelationEncoder):
        def __init__(self, dim):
            super().__init__(dim)
            self.layer = nn.LazyLinear(dim)

    with pytest.raises(
        ConfigError, match=r"Lazy of .* has parameters without shape \(layer.weight, layer.bias\)"
    ):
        HeteroConv({LIKED_BY: Lazy(4)}, 4)


@pytest.mark.parametrize(
    ("name", "value"), [("reduce", nn.Linear(4, 4)), ("share", True), ("message", "mean")]
)
def test_attributes_called_like_a_method(name, value):
    class Hides(RelationEncoder):
        def __init__(self, dim):
            super().__init__(dim)
            setattr(self, name, value)

        def forward(self, relation, src, dst):
            return relation.sum(src.h)

    with pytest.raises(
        ConfigError, match=rf"Hides of .*: self.{name} is a method of RelationEncoder; .* another one"
    ):
        HeteroConv({LIKED_BY: Hides(4)}, 4)


class TensorThatAsks(RelationEncoder):
    def __init__(self, dim):
        super().__init__(dim)
        self.w = torch.ones(dim, requires_grad=True)

    def message(self, src, dst, edge):
        return src.h * self.w


class TensorInAPart(RelationEncoder):
    def __init__(self, dim):
        super().__init__(dim)
        self.part = nn.Identity()
        self.part.w = torch.ones(dim, requires_grad=True)

    def message(self, src, dst, edge):
        return src.h * self.part.w


class BufferThatAsks(TensorThatAsks):
    def __init__(self, dim):
        RelationEncoder.__init__(self, dim)
        self.register_buffer("w", torch.ones(dim, requires_grad=True))


class ComputedOnce(TensorThatAsks):
    def __init__(self, dim):
        RelationEncoder.__init__(self, dim)
        self.start = nn.Parameter(torch.ones(dim))
        self.w = 2 * self.start


class LayersInAList(RelationEncoder):
    def __init__(self, dim):
        super().__init__(dim)
        self.layers = [nn.Linear(dim, dim)]

    def message(self, src, dst, edge):
        return self.layers[0](src.h)


class LayersInATable(LayersInAList):
    def __init__(self, dim):
        RelationEncoder.__init__(self, dim)
        self.layers = {0: {"a": (nn.Parameter(torch.ones(dim)),)}}


@pytest.mark.parametrize(
    ("encoder", "what", "fix"),
    [
        (TensorThatAsks, "self.w asks for a gradient but is no parameter", "make it with nn.Parameter(...)"),
        (
            TensorInAPart,
            "self.part.w asks for a gradient but is no parameter",
            "make it with nn.Parameter(...)",
        ),
        (BufferThatAsks, "self.w is a buffer, which is never learned", "make it with nn.Parameter(...)"),
        (ComputedOnce, "self.w was computed from parameters in __init__", "compute it in message or forward"),
        (LayersInAList, "self.layers is a list", "use nn.ModuleList"),
        (LayersInATable, "self.layers is a dict", "use nn.ModuleList, nn.ModuleDict or nn.ParameterList"),
    ],
)
def test_what_looks_learned_but_is_not_is_found_when_it_is_made(encoder, what, fix):
    with pytest.raises(ConfigError) as problem:
        HeteroConv({LIKED_BY: encoder(4)}, 4)
    said = str(problem.value)
    assert said.startswith(f"relation encoder {encoder.__name__} of {LIKED_BY}: {what}")
    assert fix in said


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
def test_what_is_learned_after_all_is_left_alone():
    """Layers that are listed twice, weights that a hook makes, constants, and what an encoder took on purpose."""

    class Fine(RelationEncoder):
        def __init__(self, dim):
            super().__init__(dim)
            self.layer = nn.utils.weight_norm(nn.Linear(dim, dim))
            self.recurrent = nn.GRU(dim, dim)
            self.all = [self.layer, {"again": self.recurrent}]
            self.constant = torch.ones(dim)
            self.names = ["a", "b"]
            self.frozen = [nn.Linear(dim, dim).requires_grad_(False)]

        def message(self, src, dst, edge):
            made_here = nn.Linear(4, 4)(src.h).detach()  # of no use, but of no harm either
            return self.frozen[0](self.recurrent(self.layer(src.h))[0] * self.constant) + 0 * made_here

    called(Fine(4), times=2).sum().backward()


class Linear(RelationEncoder):
    def __init__(self, dim):
        super().__init__(dim)
        self.layer = nn.Linear(dim, dim)

    def message(self, src, dst, edge):
        return self.layer(src.h)


def test_borrowed_layers_are_learned_by_their_lender():
    one, two = Linear(4), Linear(4)
    for encoder in (one, two):
        encoder.layer = nn.Linear(4, 4)
    two.borrow("layer", one)
    conv = HeteroConv({LIKED_BY: one, LIKES_TOO: two}, 4)
    blocks = {LIKED_BY: BLOCK, LIKES_TOO: random_block(6, 5, 9, edge_type=LIKES_TOO)}
    conv(blocks, {"song": inputs(6, 4), "user": inputs(5, 4)}, {"user": 5})


class WithinItself(Linear):
    def __init__(self, dim):
        super().__init__(dim)
        self.itself = self


class WithinAPart(Linear):
    def __init__(self, dim):
        super().__init__(dim)
        self.parts = nn.ModuleList([nn.Linear(dim, dim)])
        self.parts[0].owner = self


@pytest.mark.parametrize(
    ("encoder", "path"), [(WithinItself, "self.itself"), (WithinAPart, "self.parts.0.owner")]
)
def test_an_encoder_that_contains_itself(encoder, path):
    message = rf"^relation encoder {encoder.__name__} of {LIKED_BY}: it contains itself: {path} leads back .* in a tuple"
    with pytest.raises(ConfigError, match=message):
        called(encoder(4))


def test_the_way_out_of_containing_itself():
    class Named(Linear):
        def __init__(self, dim):
            super().__init__(dim)
            self.parts = nn.ModuleList([nn.Linear(dim, dim)])
            self.parts[0].owner = (self,)

    assert called(Named(4)).shape == (5, 4)
