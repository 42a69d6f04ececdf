"""What fails in the backward pass: the plug-in is named, with its line of the forward pass and what to write instead."""

from __future__ import annotations

import re

import pytest
import torch

from hetmusic.errors import PluginError
from hetmusic.fitting import fit
from hetmusic.models.combine import Combiner
from hetmusic.relations import RelationEncoder
from hetmusic.training.losses import BPRLoss
from tests.training.plugins import Scaled, config

HERE = "tests.training.test_backward"


class Overwrites(RelationEncoder):
    def forward(self, relation, src, dst):
        out = relation.sum(src.h).exp()
        return self.more(out)

    def more(self, out):
        kept = out.sqrt()  # gradient needs the root
        kept.add_(1)  # and it is gone
        return kept


class Inherits(Overwrites):
    """The line is one of its parent's."""


class OverwritesToo(Combiner):
    def forward(self, messages, has_edges):
        out = messages[0].tanh()
        out *= 2
        return out


class OwnGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        raise LookupError("no gradient here")


class Wrong(BPRLoss):
    def forward(self, view, batch):
        return OwnGradient.apply(super().forward(view, batch))


def failing(graph, out, *overrides):
    with pytest.raises(PluginError) as problem:
        fit(graph, config(*overrides), out)
    assert not out.exists()
    return problem.value


@pytest.mark.parametrize("name", ["Overwrites", "Inherits"])
def test_a_result_that_is_changed_in_place(graph, tmp_path, name):
    """Beside another encoder of one's own, which is not to blame."""
    found = failing(
        graph,
        tmp_path / "run",
        f"relations.liked_by.encoder={HERE}:{name}",
        f"relations.friends.encoder={Scaled.__module__}:Scaled",
    )
    said = str(found)
    assert said.startswith(
        f"the gradients of relation encoder {name} (towers.ids.layers.0.encoders.artist__liked_by__user)"
    )
    assert "modified by an inplace operation" in said
    assert re.search(r"\(.*test_backward\.py, line \d+\); .*write x = x \+ y instead of x \+= y", said)
    assert "kept = out.sqrt()" in found.trace
    assert "return self.more(out)" in found.trace
    assert "/torch/" not in found.trace
    assert isinstance(found.__cause__, RuntimeError)


def test_of_a_combiner(graph, tmp_path):
    found = failing(graph, tmp_path / "run", f"model.combine={HERE}:OverwritesToo")
    assert str(found).startswith("the gradients of combiner OverwritesToo (towers.ids.layers.")
    assert "out = messages[0].tanh()" in found.trace


def test_a_gradient_of_ones_own_that_raises(graph, tmp_path):
    found = failing(graph, tmp_path / "run", f"training.loss={HERE}:Wrong")
    assert str(found).startswith(
        "the gradients of loss Wrong (training.loss) cannot be computed: LookupError: no gradient here"
    )
    assert 'raise LookupError("no gradient here")' in found.trace or "return OwnGradient" in found.trace


def test_what_is_no_plugins_fault_stays_what_it_is(graph, tmp_path, monkeypatch):
    monkeypatch.setattr(BPRLoss, "forward", lambda self, view, batch: OwnGradient.apply(view.users.sum()))
    with pytest.raises(LookupError):
        fit(graph, config("training.loss=bpr"), tmp_path / "run")
