"""Encoders that read play counts and times, computed by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hetmusic.errors import ConfigError
from hetmusic.relations import NodeInputs, RelationBlock, relation_encoders
from tests.blocks import LIKED_BY, inputs, random_block, tiny_block

SRC = NodeInputs(torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
DST = NodeInputs(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
TWO = NodeInputs(torch.eye(2))
USER = NodeInputs(torch.zeros(1, 2))


def two_listens(**edge):
    """One user with an edge from each of two songs."""
    attributes = {name: torch.tensor(value) for name, value in edge.items()}
    return RelationBlock.from_coo(LIKED_BY, torch.tensor([0, 1]), torch.tensor([0, 0]), 2, 1, attributes)


class TestConfidence:
    def test_by_hand(self):
        encoder = relation_encoders.make("confidence", dim=2, alpha=2.0)
        # weights of the edges (2 -> 1), (0 -> 0), (1 -> 0)
        out = encoder(tiny_block([5.0, 0.0, math.e - 1]), SRC, DST)
        expected = torch.tensor([[(1 + 3 * 3) / 4, (2 + 3 * 4) / 4], [5, 6], [0, 0]])
        assert torch.allclose(out, expected)

    def test_relative_to_the_users_mean_by_hand(self):
        encoder = relation_encoders.make("confidence", dim=2, relative=True)
        out = encoder(two_listens(weight=[10.0, 30.0]), TWO, USER)
        first, second = 1 + math.log(1.5), 1 + math.log(2.5)
        assert torch.allclose(out, torch.tensor([[first, second]]) / (first + second))

    @given(st.floats(0.01, 1000), st.integers(0, 9))
    def test_relative_confidence_does_not_depend_on_how_much_a_user_listens(self, factor, seed):
        block = random_block(6, 5, 14, seed)
        more = {**block.edge, "weight": block.edge["weight"] * factor}
        louder = RelationBlock.from_coo(LIKED_BY, block.src_index, block.dst_index, 6, 5, more)
        encoder = relation_encoders.make("confidence", dim=4, relative=True)
        src, dst = inputs(6, 4), inputs(5, 4, seed=2)
        assert torch.allclose(encoder(louder, src, dst), encoder(block, src, dst), atol=1e-5)

    def test_without_weights_it_is_the_mean(self):
        encoder = relation_encoders.make("confidence", dim=2)
        assert encoder(tiny_block(), SRC, DST).tolist() == [[2, 3], [5, 6], [0, 0]]

    def test_weights_of_zero_are_no_division_by_zero(self):
        encoder = relation_encoders.make("confidence", dim=2, relative=True)
        assert encoder(tiny_block([0.0, 0.0, 0.0]), SRC, DST).tolist() == [[2, 3], [5, 6], [0, 0]]

    def test_alpha_is_learned_or_fixed(self):
        for learned in (True, False):
            encoder = relation_encoders.make("confidence", dim=2, learned=learned)
            assert [p.requires_grad for p in encoder.parameters()] == [learned]
        encoder = relation_encoders.make("confidence", dim=2)
        encoder(two_listens(weight=[10.0, 30.0]), TWO, USER)[0, 1].backward()
        assert encoder.log_alpha.grad > 0  # more of alpha, more of what is played more

    def test_alpha_must_be_positive(self):
        with pytest.raises(ConfigError, match="'confidence' needs a positive alpha, not 0"):
            relation_encoders.make("confidence", dim=2, alpha=0)


class TestTimeDecay:
    def test_by_hand(self):
        encoder = relation_encoders.make("time-decay", dim=2, half_life=100.0)
        out = encoder(two_listens(time=[15_000.0, 15_200.0]), TWO, USER)
        assert torch.allclose(out, torch.tensor([[0.25 / 1.25, 1 / 1.25]]))

    def test_weights_multiply(self):
        encoder = relation_encoders.make("time-decay", dim=2, half_life=100.0, weight="linear")
        out = encoder(two_listens(time=[15_000.0, 15_200.0], weight=[8.0, 1.0]), TWO, USER)
        assert torch.allclose(out, torch.tensor([[2 / 3, 1 / 3]]))

    def test_every_destination_has_its_own_latest_edge(self):
        block = RelationBlock.from_coo(
            LIKED_BY,
            torch.tensor([0, 1, 0, 1]),
            torch.tensor([0, 0, 1, 1]),
            2,
            2,
            {"time": torch.tensor([9000.0, 9010.0, 15_010.0, 15_000.0])},
        )
        encoder = relation_encoders.make("time-decay", dim=2, half_life=10.0)
        expected = torch.tensor([[1 / 3, 2 / 3], [2 / 3, 1 / 3]])
        assert torch.allclose(encoder(block, TWO, NodeInputs(torch.zeros(2, 2))), expected)

    def test_an_unknown_time_counts_as_the_average_known_one(self):
        block = RelationBlock.from_coo(
            LIKED_BY,
            torch.tensor([0, 1, 2, 2]),
            torch.tensor([0, 0, 0, 1]),
            3,
            2,
            {
                "time": torch.tensor([100.0, 110.0, 100.0, 100.0]),
                "time_known": torch.tensor([True, True, False, False]),
            },
        )
        encoder = relation_encoders.make("time-decay", dim=3, half_life=10.0)
        out = encoder(block, NodeInputs(torch.eye(3)), NodeInputs(torch.zeros(2, 3)))
        # recencies 1/2 and 1, average 3/4; the second user has nothing but a listen of unknown time
        assert torch.allclose(out, torch.tensor([[0.5, 1, 0.75], [0, 0, 2.25]]) / 2.25)
        out.square().sum().backward()
        assert torch.isfinite(encoder.log_half_life.grad)

    def test_a_very_long_half_life_is_the_mean(self):
        block, src, dst = random_block(6, 5, 14), inputs(6, 4), inputs(5, 4, seed=2)
        decayed = relation_encoders.make("time-decay", dim=4, half_life=1e9)(block, src, dst)
        assert torch.allclose(decayed, relation_encoders.make("mean", dim=4)(block, src, dst), atol=1e-5)

    @given(st.floats(-2000, 2000), st.integers(0, 9))
    def test_when_the_calendar_starts_does_not_matter(self, shift, seed):
        block = random_block(6, 5, 14, seed)
        moved = {**block.edge, "time": block.edge["time"] + shift}
        later = RelationBlock.from_coo(LIKED_BY, block.src_index, block.dst_index, 6, 5, moved)
        encoder = relation_encoders.make("time-decay", dim=4, half_life=200.0)
        src, dst = inputs(6, 4), inputs(5, 4, seed=2)
        assert torch.allclose(encoder(later, src, dst), encoder(block, src, dst), atol=1e-4)

    def test_learned_half_life_follows_the_gradient(self):
        encoder = relation_encoders.make("time-decay", dim=2, half_life=100.0)
        encoder(two_listens(time=[15_000.0, 15_200.0]), TWO, USER)[0, 0].backward()
        assert encoder.log_half_life.grad > 0  # a longer life, more of what is old
        fixed = relation_encoders.make("time-decay", dim=2, learned=False)
        assert not any(p.requires_grad for p in fixed.parameters())

    @pytest.mark.parametrize("half_life", [0, -3.0])
    def test_half_life_must_be_positive(self, half_life):
        with pytest.raises(ConfigError, match="needs a positive half_life"):
            relation_encoders.make("time-decay", dim=2, half_life=half_life)

    def test_a_relation_without_times_is_an_error(self):
        with pytest.raises(ConfigError, match=r"song__liked_by__user \(layer 1\) needs edges with times"):
            relation_encoders.make("time-decay", dim=2)(tiny_block([1.0, 2.0, 3.0]), SRC, DST)
