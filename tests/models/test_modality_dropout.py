"""Modality dropout: how often, never the last one, and never at inference."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hetmusic.graph.types import Modality
from hetmusic.models import MMGNN, GraphSchema, ModelConfig, RelationConfig, full_graph_blocks
from hetmusic.models.modality_dropout import draw_dropped
from tests.blocks import LIKED_BY, random_block

NUM = {"user": 5, "song": 7}
BLOCKS = {LIKED_BY: random_block(7, 5, 20)}
EVERYWHERE = Modality(np.random.default_rng(0).random((7, 3)).astype(np.float32), np.ones(7, bool))
PARTLY = Modality(EVERYWHERE.values, np.array([True, True, True, False, False, False, False]))


def model(modalities=None, **config):
    torch.manual_seed(0)
    found = modalities or {"audio": EVERYWHERE, "text": PARTLY}
    schema = GraphSchema(NUM, tuple(BLOCKS), "user", "song", found)
    return MMGNN(schema, ModelConfig(**{"dim": 4, **config}), {"liked_by": RelationConfig()})


@given(
    st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=1, max_size=4),
    st.floats(0, 0.99),
    st.integers(0, 99),
)
def test_only_what_is_there_and_never_the_last_one(rows, p, seed):
    present = torch.tensor(rows)
    torch.manual_seed(seed)
    dropped = draw_dropped(present, p)
    assert not (dropped & ~present).any()
    assert torch.equal((present & ~dropped).any(dim=0), present.any(dim=0))


def test_how_often_by_hand():
    torch.manual_seed(0)
    n, p = 40_000, 0.6
    present = torch.ones(2, 3 * n, dtype=torch.bool)
    present[1, n : 2 * n] = False  # a single modality is kept
    dropped = draw_dropped(present, p).double()
    both, alone = dropped[:, :n], dropped[:, n : 2 * n]
    # hidden with p, unless both are (p squared), when either is kept with one half: standard error .0025
    assert both.mean(dim=1).tolist() == pytest.approx([p - p * p / 2] * 2, abs=0.01)
    assert alone.sum() == 0
    assert draw_dropped(present, 0.0).sum() == 0


def test_three_modalities_keep_each_of_them_alike():
    torch.manual_seed(0)
    p, n = 0.9, 60_000
    dropped = draw_dropped(torch.ones(3, n, dtype=torch.bool), p).double()
    assert dropped.mean(dim=1).tolist() == pytest.approx([p - p**3 / 3] * 3, abs=0.01)


def test_a_step_without_a_modality_is_a_step_of_a_graph_without_it():
    plain = {"id_tower": False, "feature_scaling": "none"}  # a scale would be that of fewer items
    net = model(modality_dropout=0.6, **plain).train()
    torch.manual_seed(2)
    net.draw_dropout()
    hidden = {name: net.towers[name].inputs["song"].dropped for name in ("audio", "text")}
    assert all(mask.any() for mask in hidden.values())
    bare = {
        name: Modality(found.values, found.present & ~hidden[name].numpy())
        for name, found in (("audio", EVERYWHERE), ("text", PARTLY))
    }
    other = model(bare, **plain)
    other.load_state_dict(net.state_dict())
    blocks = full_graph_blocks(BLOCKS, NUM, 2)
    for one, two in zip(views(net, blocks), views(other, blocks), strict=True):
        assert torch.equal(one.users, two.users)
        assert torch.equal(one.items, two.items)


def views(net, blocks):
    return net.score_views(net.encode_users(blocks), net.encode_items(blocks), None)


def test_inference_has_everything():
    net, blocks = model(modality_dropout=0.5), full_graph_blocks(BLOCKS, NUM, 2)
    before = net.eval()(blocks)
    net.train().draw_dropout()
    assert not torch.equal(net(blocks).items, before.items)
    assert torch.equal(net.eval()(blocks).items, before.items)


def test_none_unless_asked_for():
    net = model().train()
    before = net(full_graph_blocks(BLOCKS, NUM, 2)).items
    net.draw_dropout()
    assert torch.equal(net(full_graph_blocks(BLOCKS, NUM, 2)).items, before)


def test_each_step_draws_anew_and_the_same_from_the_same_seed():
    net = model(modality_dropout=0.5)
    part = net.towers["audio"].inputs["song"]

    def draw(seed):
        torch.manual_seed(seed)
        net.draw_dropout()
        first = part.dropped
        net.draw_dropout()
        assert not torch.equal(first, part.dropped)
        return first

    assert torch.equal(draw(1), draw(1))
    # the item's vectors for reading and for recommending lose the same modalities
    assert torch.equal(part.dropped, net.towers["audio"].outputs["song"].dropped)
