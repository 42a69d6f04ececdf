"""A person's mistakes in a combiner: each an error that names the combiner, where it is used and what to do."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from hetmusic.errors import ConfigError, PluginError
from hetmusic.models import HeteroConv, RelationConfig, TowerConfig
from hetmusic.models.combine import Combiner
from hetmusic.models.config import ModelConfig
from hetmusic.models.mmgnn import MMGNN
from hetmusic.relations import relation_encoders
from tests.blocks import LIKED_BY, inputs, tiny_block
from tests.models.small_graph import AUDIO, model, schema, whole

RELATIONS = ("liked_by", "friends")


def run(combiner, grad=True):
    with torch.set_grad_enabled(grad):
        return model(RELATIONS, combine=combiner)(whole())


class First(Combiner):
    def forward(self, messages, has_edges):
        return messages[0] * has_edges[0][:, None]


class Raises(Combiner):
    def forward(self, messages, has_edges):
        raise KeyError("weights")


class NoStack(Combiner):
    def forward(self, messages, has_edges):
        return messages.sum(dim=0)


class NoColumn(Combiner):
    def forward(self, messages, has_edges):
        return messages[0] * has_edges[0]


class OtherSize(Combiner):
    def __init__(self, dim):
        super().__init__(dim)
        self.layer = nn.Linear(7, dim)

    def forward(self, messages, has_edges):
        return self.layer(messages[0])


class MixedDtypes(Combiner):
    def forward(self, messages, has_edges):
        return messages[0] @ torch.eye(self.dim, dtype=torch.float64)


class MixedDevices(Combiner):
    def forward(self, messages, has_edges):
        return messages[0] + torch.ones(self.dim, device="meta")


@pytest.mark.parametrize(
    ("combiner", "what", "fix"),
    [
        (Raises, "KeyError: 'weights'", ""),
        (
            NoStack,
            "'list' object has no attribute 'sum'",
            "torch.stack(list(messages)) makes one of shape (1, 5, 4)",
        ),
        (NoColumn, "must match the size of tensor", "a mask becomes a column by [:, None]"),
        (OtherSize, "shapes cannot be multiplied", "dim = 4 columns: make layers from dim"),
        (MixedDtypes, "RuntimeError", "bring both sides to one dtype"),
        (MixedDevices, "RuntimeError", "make tensors where the inputs are, with x.new_zeros(...)"),
    ],
)
def test_errors_inside_are_named_and_shown_with_their_traceback(combiner, what, fix):
    with pytest.raises(PluginError) as problem:
        run(combiner)
    said = str(problem.value)
    assert said.startswith(f"combiner {combiner.__name__} into user (tower ids, layer 1) failed: ")
    assert what in said
    assert fix in said
    assert re.search(r"test_combiner_mistakes\.py, line \d+\)", said)
    assert "in forward" in problem.value.trace
    assert problem.value.__cause__ is not None


class Stacked(Combiner):
    def forward(self, messages, has_edges):
        return torch.stack(list(messages))


class FewerColumns(Combiner):
    def forward(self, messages, has_edges):
        return messages[0][:, :2]


class Nothing(Combiner):
    def forward(self, messages, has_edges):
        messages[0].relu()  # and no return


class Doubles(Combiner):
    def forward(self, messages, has_edges):
        return messages[0].double()


class Elsewhere(Combiner):
    def forward(self, messages, has_edges):
        return messages[0].to("meta")


class InPlace(Combiner):
    def forward(self, messages, has_edges):
        return messages[0].mul_(2)


class MaskInPlace(First):
    def forward(self, messages, has_edges):
        has_edges[0].logical_not_()
        return super().forward(messages, has_edges)


class OverNothing(Combiner):
    def forward(self, messages, has_edges):
        stacked, masks = torch.stack(list(messages)), torch.stack(list(has_edges))[:, :, None]
        return (torch.softmax(stacked.masked_fill(~masks, float("-inf")), dim=0) * stacked).sum(dim=0)


class LayerInForward(Combiner):
    def forward(self, messages, has_edges):
        return nn.Linear(self.dim, self.dim)(messages[0])


@pytest.mark.parametrize(
    ("combiner", "what", "fix"),
    [
        (Stacked, "returned (1, 5, 4), expected (5, 4)", "one row a node"),
        (FewerColumns, "returned (5, 2), expected (5, 4)", "one row a node"),
        (Nothing, "returned a NoneType, expected a tensor of shape (5, 4)", ""),
        (Doubles, "returned torch.float64, expected torch.float32", "end with .to(torch.float32)"),
        (Elsewhere, "returned a tensor on meta, given tensors on cpu", "device=x.device"),
        (InPlace, "changed messages[0] in place", "write x = x * y instead of x *= y"),
        (MaskInPlace, "changed has_edges[0] in place", "avoid methods whose names end in _"),
        (LayerInForward, "Linear.weight of shape (4, 4)", "in __init__ and not in forward"),
    ],
)
def test_broken_contract(combiner, what, fix):
    with pytest.raises(ConfigError) as problem:
        run(combiner)
    said = str(problem.value)
    assert said.startswith(f"combiner {combiner.__name__} into user (tower ids, layer 1) ")
    assert what in said
    assert fix in said


def test_numbers_that_are_none_are_told_before_a_loss_is():
    conv = HeteroConv({LIKED_BY: relation_encoders.make("mean", dim=4)}, 4, OverNothing)
    with pytest.raises(
        ConfigError,
        match=r"^combiner OverNothing into user \(layer 1\) returned NaN or infinity for 1 of 3 nodes, of which 1 have",
    ):
        conv({LIKED_BY: tiny_block()}, {"song": inputs(3, 4)}, {"user": 3})


def test_what_keeps_the_contract_is_left_alone():
    assert torch.isfinite(run(First).users).all()
    assert torch.isfinite(run(First, grad=False).users).all()


def test_of_lower_precision_under_autocast():
    class Linear(Combiner):
        def __init__(self, dim):
            super().__init__(dim)
            self.layer = nn.Linear(dim, dim)

        def forward(self, messages, has_edges):
            return self.layer(messages[0] * has_edges[0][:, None])

    net = model(RELATIONS, combine=Linear)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        towers = net.encode_users(whole())
    assert towers["ids"].dtype == torch.float32


class InAList(First):
    def __init__(self, dim):
        super().__init__(dim)
        self.layers = [nn.Linear(dim, dim)]


class WithinItself(First):
    def __init__(self, dim):
        super().__init__(dim)
        self.part = nn.Linear(dim, dim)
        self.part.owner = self


class Wrong(First):
    def __init__(self, dim):
        super().__init__(dim)
        raise LookupError("no weights")


@pytest.mark.parametrize(
    ("combiner", "message"),
    [
        (InAList, "combiner InAList: self.layers is a list, where torch does not look for parameters"),
        (WithinItself, "combiner WithinItself: it contains itself: self.part.owner leads back to a module"),
        (WithinItself(4), "combiner WithinItself: it contains itself"),
        (Wrong, "combiner Wrong cannot be made: LookupError: no weights"),
        (First(3), "combiner First has dim = 3, but model.dim is 4"),
    ],
)
def test_what_cannot_be_trained_is_refused_when_it_is_made(combiner, message):
    with pytest.raises(ConfigError) as problem:
        model(RELATIONS, combine=combiner)
    assert str(problem.value).startswith(f"model.combine: {message}")


def test_the_combiner_of_one_tower_is_called_by_its_key():
    used = {name: RelationConfig() for name in RELATIONS}
    with pytest.raises(ConfigError, match=r"^towers\.audio\.combine: combiner InAList: "):
        MMGNN(schema(audio=AUDIO), ModelConfig(dim=4), used, {"audio": TowerConfig(combine=InAList)})
