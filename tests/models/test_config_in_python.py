"""Sections of a configuration made in Python: a mistake is one line that says what to write."""

from __future__ import annotations

import pytest

from hetmusic.errors import ConfigError
from hetmusic.models import ModelConfig, RelationConfig, TowerConfig
from hetmusic.relations import RelationEncoder
from hetmusic.training import load_config, make_config
from hetmusic.training.plugins import check_plugins


class Mapped(RelationEncoder):
    def __init__(self, dim, fn=None):
        super().__init__(dim)
        self.fn = fn

    def message(self, src, dst, edge):
        return self.fn(src.h)


def double(x):
    return 2 * x


MISTAKES = {
    "a function": (
        lambda: RelationConfig(encoder=Mapped, fn=double),
        "RelationConfig: fn of encoder Mapped is a function, which a configuration file cannot hold",
    ),
    "an instance made with one": (
        lambda: RelationConfig(encoder=Mapped(4, fn=double)),
        "RelationConfig: fn of encoder Mapped is a function",
    ),
    "within a list": (
        lambda: RelationConfig(encoder="my_pkg.enc:Decay", fns=[double]),
        "RelationConfig: fns of encoder my_pkg.enc:Decay is a function",
    ),
    "within a table": (
        lambda: RelationConfig(encoder=Mapped, fn={"of": {"age": double}}),
        "RelationConfig: fn.of.age of encoder Mapped is a function",
    ),
    "of a tower": (
        lambda: TowerConfig(relations={"liked_by": {"encoder": Mapped, "fn": double}}),
        "TowerConfig: relations.liked_by: fn of encoder Mapped is a function",
    ),
    "of a combiner": (
        lambda: ModelConfig(combine_arguments={"fn": double}),
        "ModelConfig: combine_arguments: fn is",
    ),
    "a wrong value": (lambda: RelationConfig(fanout=0), "RelationConfig: fanout = 0: a fanout is a positive"),
    "no plug-in": (
        lambda: RelationConfig(encoder=3),
        "RelationConfig: encoder = 3: a plug-in is a registered",
    ),
    "by position": (
        lambda: RelationConfig(Mapped),
        "RelationConfig takes its settings by name, such as encoder=...",
    ),
    "unknown key": (
        lambda: TowerConfig(relatons={}),
        "TowerConfig: unknown key 'relatons' (did you mean 'relations'?)",
    ),
    "out of bounds": (lambda: ModelConfig(dim=0), "ModelConfig: dim = 0: Input should be greater"),
    "assigned": (lambda: setattr(ModelConfig(), "dim", 0), "ModelConfig: dim = 0: Input should be greater"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_one_line(name):
    make, said = MISTAKES[name]
    with pytest.raises(ConfigError) as problem:
        make()
    assert str(problem.value).startswith(said)
    assert "\n" not in str(problem.value)
    assert "pydantic" not in str(problem.value)


def test_what_is_put_in_later_is_found_before_anything_runs():
    config = load_config()
    config.relations["liked_by"] = RelationConfig(encoder=Mapped)
    config.relations["liked_by"].fn = double
    with pytest.raises(
        ConfigError, match=r"^relations\.liked_by: fn of relation encoder Mapped is a function"
    ):
        check_plugins(config)


def test_within_a_whole_configuration_the_key_is_told():
    with pytest.raises(ConfigError, match=r"^configuration: relations\.liked_by\.fanout = 0: a fanout is"):
        make_config({"relations": {"liked_by": {"fanout": 0}}})
