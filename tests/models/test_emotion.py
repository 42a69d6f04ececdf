"""The emotion tower by hand (docs/model.md has its equations), and what it may never do."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from hetmusic.errors import ConfigError
from hetmusic.graph.emotions import ItemEmotions
from hetmusic.graph.types import Edges
from hetmusic.models import MMGNN, GraphSchema, ModelConfig, RelationConfig, full_graph_blocks
from hetmusic.models.mmgnn import EMOTION
from hetmusic.relations import RelationBlock
from hetmusic.testing.devices import move_to_fake_cuda
from tests.blocks import FRIENDS, LIKED_BY, fake_cuda, needs_cuda_build

NUM = {"user": 5, "song": 3}
#: song 0 has a point; song 1 has words alone, one said by two people and one by one; song 2 has nothing
EMOTIONS = ItemEmotions(
    np.array([[0.5, 0.0], [0, 0], [0, 0]], np.float32),
    np.array([True, False, False]),
    Edges(np.array([1, 1], np.int32), np.array([0, 1], np.int32), np.array([2, 1], np.float32)),
    2,
)
# u0 plays song 0 and, more, song 1; u1 plays what has no emotion; u2 plays nothing; u3 plays song 1; u4 is alone
PLAYS = torch.tensor([math.e - 1, math.e**2 - 1, 7.0, 3.0])
BLOCKS = {
    LIKED_BY: RelationBlock.from_coo(
        LIKED_BY, torch.tensor([0, 1, 2, 1]), torch.tensor([0, 0, 1, 3]), 3, 5, {"weight": PLAYS}
    ),
    # u0 hears of u1 and u2; u1 of u0; u2 of u0 and u1; u3 of u0
    FRIENDS: RelationBlock.from_coo(
        FRIENDS, torch.tensor([1, 2, 0, 0, 1, 0]), torch.tensor([0, 0, 1, 2, 2, 3]), 5, 5
    ),
}
X0, X1 = torch.tensor([math.tanh(0.5), 0.0]), torch.tensor([2 / 3, 2 / 3])
Y0 = (X0 + 2 * X1) / 3


def model(relations=("liked_by", "friends"), emotions=EMOTIONS, **config):
    torch.manual_seed(0)
    values = {"dim": 4, "emotion": True, "emotion_dim": 2, **config}
    schema = GraphSchema(NUM, tuple(BLOCKS), "user", "song", emotions=emotions)
    return MMGNN(schema, ModelConfig(**values), {name: RelationConfig() for name in relations})


def by_hand(**config):
    """x = tanh(a) + p e, with e = (1, 0) and (0, 2), for songs read and songs recommended; g = 1/4."""
    net = model(**config)
    with torch.no_grad():
        for table in (net.emotion.inputs, net.emotion.outputs):
            if table is not None:
                table.place[0].weight.copy_(torch.eye(2))
                table.place[0].bias.zero_()
                table.place[2].weight.copy_(torch.eye(2))
                table.words.copy_(torch.tensor([[1.0, 0.0], [0.0, 2.0]]))
        if net.emotion.gate is not None:
            net.emotion.gate.fill_(math.log(1 / 3))
    return net


def whole(layers=2):
    return full_graph_blocks(BLOCKS, NUM, layers)


def test_songs_by_hand():
    found = by_hand().encode_items(whole())[EMOTION]
    assert torch.allclose(found, torch.stack([X0, X1, torch.zeros(2)]))


def test_users_by_hand():
    found = by_hand().encode_users(whole())[EMOTION]
    expected = [
        Y0,  # no friend has an emotion, so there is no community to listen to
        Y0,  # nothing of one's own: the community alone
        Y0,  # likewise; the friend without emotion does not count
        0.75 * X1 + 0.25 * Y0,
        torch.zeros(2),
    ]
    assert torch.allclose(found, torch.stack(expected), atol=1e-6)


def test_without_community_friends_do_not_matter():
    found = by_hand(emotion_community=False).encode_users(whole())[EMOTION]
    zero = torch.zeros(2)
    assert torch.allclose(found, torch.stack([Y0, zero, zero, X1, zero]), atol=1e-6)
    assert torch.allclose(by_hand(relations=["liked_by"]).encode_users(whole())[EMOTION], found)


@pytest.mark.parametrize(
    ("config", "scale"), [({"score": "inner"}, None), ({"score": "cosine", "temperature": 0.5}, 0.5)]
)
def test_score_is_that_of_the_towers_plus_beta_times_the_emotions(config, scale):
    with_emotion = by_hand(emotion_beta=0.3, **config)
    without = model(emotion=False, **config)
    without.load_state_dict(with_emotion.state_dict(), strict=False)
    view, plain = with_emotion(whole()), without(whole())
    users, items = torch.stack([Y0, 0.75 * X1 + 0.25 * Y0]), torch.stack([X0, X1, torch.zeros(2)])
    if scale is not None:
        users = users / users.norm(dim=1, keepdim=True)
        items = items / items.norm(dim=1, keepdim=True).clamp(min=1e-9) / scale
    difference = (view.users @ view.items.T - plain.users @ plain.items.T)[[0, 3]]
    assert torch.allclose(difference, 0.3 * users @ items.T, atol=1e-6)
    assert (difference[:, 2] == 0).all()  # a song without emotion is neither helped nor hurt


def test_users_without_anything_to_go_by_are_neither_helped_nor_hurt():
    net = by_hand(emotion_beta=5.0)
    without = model(emotion=False)
    without.load_state_dict(net.state_dict(), strict=False)
    scores, plain = ((v.users @ v.items.T)[4] for v in (net(whole()), without(whole())))
    assert torch.equal(scores, plain)


def test_the_papers_head_adds_plain_inner_products():
    net = by_hand(head="paper", emotion_beta=2.0, separate_output=False)
    view = net(whole())
    assert torch.allclose(
        view.users[:, -2:] @ view.items[:, -2:].T,
        2 * net.encode_users(whole())[EMOTION] @ (net.encode_items(whole())[EMOTION].T),
    )


def test_a_learned_beta_and_gate_receive_gradients_and_a_fixed_beta_is_no_parameter():
    net = by_hand()
    view = net(whole())
    (view.users @ view.items.T)[3, :2].sum().backward()
    assert net.emotion.beta.grad.abs() > 0
    assert net.emotion.gate.grad.abs() > 0
    assert net.emotion.inputs.words.grad.abs().sum() > 0
    assert net.emotion.beta.item() == pytest.approx(0.1)
    assert "emotion.beta" not in dict(model(emotion_beta=0.7).named_parameters())


def test_what_the_graph_holds_is_not_in_the_weights():
    assert not any("known" in name or "word_" in name or "points" in name for name in by_hand().state_dict())


def test_auto_means_if_there_are_emotions():
    assert model(emotion="auto").emotion is not None
    assert model(emotion="auto", emotions=None).emotion is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"emotions": None}, "the graph knows no emotion of any song"),
        ({"num_layers": 1}, "emotion_community = true needs num_layers of 2 or more"),
        ({"relations": ["friends"], "inductive_users": False}, "needs a relation from items to users"),
    ],
)
def test_mistakes(arguments, message):
    with pytest.raises(ConfigError) as problem:
        model(**arguments)
    assert message in str(problem.value)


def test_a_single_layer_is_enough_without_community():
    found = by_hand(num_layers=1, emotion_community=False).encode_users(whole(1))[EMOTION]
    assert torch.allclose(found[0], Y0)


@needs_cuda_build
def test_forward_on_fake_cuda():
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    net = model()
    move_to_fake_cuda(net, mode)
    blocks = full_graph_blocks({t: fake_cuda(b, mode) for t, b in BLOCKS.items()}, NUM, 2)
    with mode:
        assert net.encode_users(blocks)[EMOTION].device.type == "cuda"


def test_a_step_on_the_meta_device():
    net = model().to("meta")
    view = net(whole().to(torch.device("meta")))
    (view.users @ view.items.T).sum().backward()
    assert net.emotion.beta.grad.device.type == "meta"
