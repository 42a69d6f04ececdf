"""Every built-in encoder passes the test kit, in each form that its arguments give it."""

from __future__ import annotations

from hetmusic.relations import relation_encoders
from hetmusic.testing import RelationEncoderTests
from tests.testing.coverage import covered


class TestSum(RelationEncoderTests):
    encoder = "sum"


class TestWeightedSum(RelationEncoderTests):
    encoder = "sum"
    arguments = {"weight": "log"}


class TestMean(RelationEncoderTests):
    encoder = "mean"


class TestWeightedMean(RelationEncoderTests):
    encoder = "mean"
    arguments = {"weight": "sqrt"}


class TestLightGCN(RelationEncoderTests):
    encoder = "lightgcn"
    arguments = {"weight": "linear"}


class TestSAGE(RelationEncoderTests):
    encoder = "sage"


class TestGAT(RelationEncoderTests):
    encoder = "gat"


class TestGATv2(RelationEncoderTests):
    encoder = "gatv2"


class TestRGCN(RelationEncoderTests):
    encoder = "rgcn"


class TestHGT(RelationEncoderTests):
    encoder = "hgt"


class TestTopK(RelationEncoderTests):
    encoder = "top-k"
    arguments = {"k": 2, "heads": 2}


class TestConfidence(RelationEncoderTests):
    encoder = "confidence"


class TestFixedRelativeConfidence(RelationEncoderTests):
    encoder = "confidence"
    arguments = {"learned": False, "relative": True}


class TestTimeDecay(RelationEncoderTests):
    encoder = "time-decay"


class TestFixedWeightedTimeDecay(RelationEncoderTests):
    encoder = "time-decay"
    arguments = {"learned": False, "half_life": 30.0, "weight": "log"}


class TestGated(RelationEncoderTests):
    encoder = "gated"


class TestAttentiveGated(RelationEncoderTests):
    encoder = "gated"
    arguments = {"attention": True}


def test_no_built_in_encoder_is_left_out():
    left = set(relation_encoders.classes) - covered(RelationEncoderTests, relation_encoders)
    assert not left, f"write a subclass of RelationEncoderTests for: {', '.join(sorted(left))}"
