"""A person's mistakes in a head: each an error that names the head, the setting and what to do."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch
from torch import nn

from hetmusic.errors import ConfigError, PluginError
from hetmusic.models.heads import Head, LateHead, ScoreView
from tests.models.small_graph import AUDIO, model, whole


def run(head):
    return model(("liked_by",), {"audio": AUDIO}, head=head)(whole())


class Sum(Head):
    """Inner products of the sums of the towers."""

    def forward(self, users, items, present, item_ids):
        return [ScoreView("final", sum(users.values()), sum(items.values()))]


class Raises(Head):
    def forward(self, users, items, present, item_ids):
        raise ZeroDivisionError("by nothing")


class NoSuchTower(Head):
    def forward(self, users, items, present, item_ids):
        return [ScoreView("final", users["lyrics"], items["lyrics"])]


class PresentEverywhere(Head):
    def forward(self, users, items, present, item_ids):
        return [ScoreView("final", users["ids"], items["ids"] * present["ids"][:, None])]


class WholeCatalogue(Head):
    def forward(self, users, items, present, item_ids):
        return [ScoreView("final", users["ids"], items["ids"] * item_ids.float()[:, None])]


class UsersWithItems(Head):
    def forward(self, users, items, present, item_ids):
        return [ScoreView("final", users["ids"] + items["ids"], items["ids"])]


class OtherSize(Sum):
    def __init__(self, towers, user_towers, config, num_items):
        super().__init__(towers, user_towers, config, num_items)
        self.fuse = nn.Linear(3, config.dim)

    def forward(self, users, items, present, item_ids):
        return [ScoreView("final", self.fuse(users["ids"]), items["ids"])]


@pytest.mark.parametrize(
    ("head", "what", "fix"),
    [
        (Raises, "ZeroDivisionError: by nothing", ""),
        (NoSuchTower, "KeyError: 'lyrics'", "users has the towers ids, audio, items has ids, audio"),
        (PresentEverywhere, "KeyError: 'ids'", "take present.get(name)"),
        (WholeCatalogue, "'NoneType' object", "item_ids is None where the items are the whole catalogue"),
        (UsersWithItems, "must match the size", "users have 5 rows, items 7, each with 4 columns a tower"),
        (OtherSize, "shapes cannot be multiplied", "dim = 4 columns"),
    ],
)
def test_errors_inside_are_named_and_shown_with_their_traceback(head, what, fix):
    with pytest.raises(PluginError) as problem:
        run(head)
    said = str(problem.value)
    assert said.startswith(f"head {head.__name__} (model.head) failed: ")
    assert what in said
    assert fix in said
    assert re.search(r"test_head_mistakes\.py, line \d+\)", said)
    assert "in forward" in problem.value.trace
    assert problem.value.__cause__ is not None


def view_of(**changes):
    """A head whose one view is that of :class:`Sum`, but for some of its fields."""

    class Changed(Sum):
        def forward(self, users, items, present, item_ids):
            (view,) = super().forward(users, items, present, item_ids)
            return [replace(view, **{name: change(view) for name, change in changes.items()})]

    return Changed


class Alone(Sum):
    def forward(self, users, items, present, item_ids):
        return super().forward(users, items, present, item_ids)[0]


class Scores(Sum):
    def forward(self, users, items, present, item_ids):
        return [users["ids"] @ items["ids"].T]


class Empty(Sum):
    def forward(self, users, items, present, item_ids):
        return []


class InPlace(Sum):
    def forward(self, users, items, present, item_ids):
        items["audio"].mul_(present["audio"][:, None])
        return super().forward(users, items, present, item_ids)


class LayerInForward(Sum):
    def forward(self, users, items, present, item_ids):
        layer = nn.Linear(4, 4)
        return [ScoreView("final", layer(users["ids"]), items["ids"])]


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (Alone, "returned a ScoreView, expected a list of ScoreView"),
        (Scores, "returned a list of Tensor, expected a list of ScoreView"),
        (Empty, "returned a list of nothing, expected a list of ScoreView"),
        (
            view_of(users=lambda v: None),
            "in view 'final' users of a NoneType, expected a tensor of shape (5, d)",
        ),
        (
            view_of(users=lambda v: v.users[:3]),
            "in view 'final' users of (3, 4), expected (5, d): one row a node",
        ),
        (view_of(items=lambda v: v.items[:, :2]), "in view 'final' items of (7, 2), expected (7, 4)"),
        (view_of(items=lambda v: v.items.mean(1)), "in view 'final' items of (7,), expected (7, 4)"),
        (view_of(items=lambda v: v.items.double()), "items of torch.float64, expected torch.float32"),
        (view_of(users=lambda v: v.users.to("meta")), "users of a tensor on meta, given tensors on cpu"),
        (
            view_of(present=lambda v: torch.ones(7)),
            "`present` as torch.float32 of (7,), expected None or a bool",
        ),
        (view_of(present=lambda v: [True] * 7), "`present` as a list, expected None or a bool"),
        (InPlace, "changed items['audio'] in place, which others read as well: write x = x * y"),
        (LayerInForward, "computes with Linear.weight of shape (4, 4) that the optimiser does not know"),
    ],
)
def test_broken_contract(head, what):
    with pytest.raises(ConfigError) as problem:
        run(head)
    assert str(problem.value).startswith(f"head {head.__name__} (model.head) ")
    assert what in str(problem.value)


def test_what_keeps_the_contract_is_left_alone():
    assert run(Sum).users.shape == (5, 4)
    with torch.no_grad():
        assert run(Sum).items.shape == (7, 4)


class InAList(Sum):
    def __init__(self, towers, user_towers, config, num_items):
        super().__init__(towers, user_towers, config, num_items)
        self.layers = [nn.Linear(4, 4)]


class WithinItself(Sum):
    def __init__(self, towers, user_towers, config, num_items):
        super().__init__(towers, user_towers, config, num_items)
        self.itself = self


class Wrong(Sum):
    def __init__(self, towers, user_towers, config, num_items):
        super().__init__(towers, user_towers, config, num_items)
        raise LookupError("no weights")


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (InAList, "head InAList: self.layers is a list, where torch does not look for parameters"),
        (WithinItself, "head WithinItself: it contains itself: self.itself leads back to a module"),
        (Wrong, "head Wrong cannot be made: LookupError: no weights"),
    ],
)
def test_what_cannot_be_trained_is_refused_when_it_is_made(head, message):
    with pytest.raises(ConfigError) as problem:
        model(("liked_by",), head=head)
    assert str(problem.value).startswith(f"model.head: {message}")


def test_a_ready_head_must_be_of_the_same_towers():
    made = model(("liked_by",), {"audio": AUDIO}, head=Sum).head
    assert model(("liked_by",), {"audio": AUDIO}, head=made).head is made
    with pytest.raises(
        ConfigError,
        match=r"^model\.head: the ready Sum object was made for the towers ids, audio, but .* ids: give",
    ):
        model(("liked_by",), head=made)


def test_heads_that_come_along_are_not_looked_at(monkeypatch):
    monkeypatch.setattr("hetmusic.models.call_head.calling_plugin", None)
    assert isinstance(model(("liked_by",), head="late").head, LateHead)
    run("late")
