"""What the class of a plug-in must have."""

from __future__ import annotations

import pytest
from torch import nn

from hetmusic.errors import ConfigError, PluginError
from hetmusic.models.combine import combiners
from hetmusic.models.heads import heads
from hetmusic.relations import RelationEncoder, relation_encoders
from hetmusic.training.losses import losses


class Uncalled(RelationEncoder):
    def __init__(self, dim: int) -> None:
        self.layer = nn.Linear(dim, dim)

    def message(self, src, dst, edge):
        return self.layer(src.h)


class TestWhatAClassMustHave:
    """What a class lacks is found before anything is made of it, and shown as it is written."""

    @pytest.mark.parametrize("find", ["check", "make"])
    @pytest.mark.parametrize(
        ("methods", "message"),
        [
            (
                {},
                "relation encoder Mine does nothing yet: write message(self, src, dst, edge) or "
                "forward(self, relation, src, dst)",
            ),
            ({"mesage": lambda self, src, dst, edge: src.h}, "; it has mesage (did you mean 'message'?)"),
            (
                {"message": lambda self, src, edge: src.h},
                "it is called as message(self, src, dst, edge), and not as message(self, src, edge)",
            ),
            (
                {"message": lambda self, src, dst, edge: src.h, "reduce": lambda self, messages: messages},
                "it is called as reduce(self, relation, messages), and not as reduce(self, messages)",
            ),
            (
                {"message": lambda self, s, d, e: s.h, "__init__": lambda self, rate=1: None},
                "its constructor must take dim, which hetmusic gives it: def __init__(self, dim, ...), and hand it on with "
                "super().__init__(dim)",
            ),
        ],
    )
    def test_refused(self, find, methods, message):
        cls = type("Mine", (RelationEncoder,), methods)
        with pytest.raises(ConfigError) as problem:
            relation_encoders.check(cls, {}) if find == "check" else relation_encoders.make(cls, dim=2)
        assert message in str(problem.value)

    @pytest.mark.parametrize(
        "methods",
        [
            {"message": lambda self, a, b, c, more=1: a.h},
            {"message": lambda self, *ends: ends[0].h},
            {"message": staticmethod(lambda a, b, c: a.h)},
            {"forward": lambda self, relation, src, dst: dst.h, "__init__": lambda self, **more: None},
        ],
    )
    def test_accepted(self, methods):
        relation_encoders.check(type("Mine", (RelationEncoder,), methods), {})

    @pytest.mark.parametrize("resolver", [combiners, heads, losses], ids=lambda r: r.kind)
    def test_other_kinds_must_have_a_forward(self, resolver):
        cls = type("Mine", (resolver.base,), {})
        with pytest.raises(ConfigError, match=r"Mine does nothing yet: write forward\(self, "):
            resolver.check(cls, {})


def test_an_object_of_a_convolution_is_told_to_be_given_by_its_class():
    from hetmusic._dgl import dgl

    made = dgl.nn.pytorch.GATv2Conv(4, 4, 2)
    with pytest.raises(
        ConfigError, match=r"give its class, 'dgl.nn.pytorch.conv.gatv2conv:GATv2Conv', with its arg"
    ):
        relation_encoders.check(made, {})


def test_a_constructor_that_forgets_its_parent():
    with pytest.raises(PluginError, match=r"call super\(\).__init__\(...\) first"):
        relation_encoders.make(Uncalled, dim=2)


def test_a_module_that_never_calls_its_base_is_told_so():
    class Forgetful(RelationEncoder):
        def __init__(self, dim, rate=0.1):
            self.rate = rate  # a plain attribute, which torch takes before its own __init__

        def message(self, src, dst, edge):
            return self.rate * src.h

    with pytest.raises(
        ConfigError, match=r"Forgetful: its __init__ must call super\(\).__init__\(...\) first"
    ):
        relation_encoders.make(Forgetful, dim=4)
