"""Names, paths and entry points of plug-ins, and what is said where nothing is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from hetmusic._resolve import Resolver, text_of
from hetmusic.errors import ConfigError
from hetmusic.features.extractor import extractors
from hetmusic.graph.raw.readers.base import readers
from hetmusic.models.combine import combiners
from hetmusic.models.heads import heads
from hetmusic.relations import RelationEncoder, relation_encoders
from hetmusic.rivals import recommenders
from hetmusic.training.losses import losses
from hetmusic.training.sampling import samplers
from tests.plugins.tools import Tool, tools

ALL = [relation_encoders, combiners, heads, losses, samplers, recommenders, extractors, readers]


class Outer:
    class Inner(Tool):
        pass


def test_a_module_that_lies_here_is_suggested(tmp_path, monkeypatch):
    (tmp_path / "pack").mkdir()
    (tmp_path / "decay.py").touch()
    (tmp_path / "pack" / "encoders.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for meant, written in (("decay", "decoy"), ("pack.encoders", "pack.encoder")):
        with pytest.raises(
            ConfigError, match=rf"no module named '{written}' .* \(did you mean '{meant}'\?\)"
        ):
            tools.make(f"{written}:Decay", size=1)


def test_classes_inside_classes():
    path = f"{__name__}:Outer.Inner"
    assert tools.lookup(path) is Outer.Inner
    assert text_of(Outer.Inner) == text_of(Outer.Inner(1)) == path
    assert text_of("plain") == "plain"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("plane", "no tool is called 'plane' (did you mean 'plain'?)"),
        ("tests.plugins.tools.Tool", "(for a class, write tests.plugins.tools:Tool)"),
        ("tests.plugins.tools:Tol", "tests.plugins.tools has no 'Tol' (did you mean 'Tool'?)"),
        (f"{__name__}:Outer.Iner", "has no 'Outer.Iner' (did you mean 'Inner'?)"),
        (
            nn.Linear,
            "'torch.nn.modules.linear:Linear' is not a tool: it is a class, but not a subclass of Tool",
        ),
        (f"{__name__}:tools", "is not a tool: it is a Resolver, not a class"),
        (17, "17 is not a tool: it is a int, not a class"),
        ("nowhere.at_all:Tool", "no module named 'nowhere' is installed or on PYTHONPATH"),
        ("tests.plugins.tols:Tool", "no module named 'tests.plugins.tols' is installed or on PYTHONPATH"),
        (
            "tests/plugins/tools.py:Tool",
            "named by its module and not by a file: write 'tests.plugins.tools:Tool'",
        ),
        ("./tests/plugins/tools.py", "write 'tests.plugins.tools:Class'"),
        ("tests\\plugins\\tools.py:Tool", "write 'tests.plugins.tools:Tool'"),
        ("/home/me/own.py:Tool", "write 'own:Tool', with /home/me on PYTHONPATH"),
        ("own.py:Tool", "write 'own:Tool'"),
        ("tests.plugins.tools:tool", "has no 'tool' (did you mean 'Tool'?)"),
        ("tests.plugins.tools:Mine", "has no 'Mine'; it has Tool, Broken"),
        (
            RelationEncoder,
            "is not a tool but a relation encoder; docs/plugins.md says where each kind is named",
        ),
        ("GATv2Conv", "(a convolution of DGL is dgl.nn.pytorch:GATv2Conv)"),
        (":Tool", "it is not of the form 'module:Class': the module is missing"),
        ("tests.plugins.tools:", "it is not of the form 'module:Class': the class is missing"),
        ("tests.plugins.tools", "(tests.plugins.tools is a module: write tests.plugins.tools:Class)"),
        (lambda: 1, "'<lambda>' is not a tool: it is a function, not a class; it must be a subclass of Tool"),
        (
            object(),
            "'object object' is not a tool: it is a object, not a class; it must be a subclass of Tool",
        ),
    ],
)
def test_what_cannot_be_found(spec, message):
    with pytest.raises(ConfigError) as problem:
        tools.make(spec, size=1)
    assert message in str(problem.value)


def test_entry_points_are_names(install):
    name = install(points={"hetmusic.relation_encoders": {"decay-of-others": "Decay"}})
    assert "decay-of-others" in relation_encoders.names
    made = relation_encoders.make("decay-of-others", dim=2, rate="0.5")
    assert (type(made).__module__, made.rate) == (name, 0.5)
    with pytest.raises(ConfigError, match="did you mean 'decay-of-others'"):
        relation_encoders.make("decay-of-other", dim=2)


def test_an_entry_point_without_class(install):
    name = install(points={"hetmusic.relation_encoders": {"half-named": ""}})
    with pytest.raises(
        ConfigError, match=rf"'half-named': its entry point says '{name}'.* it must be {name}:Class"
    ):
        relation_encoders.lookup("half-named")


def test_classes_of_other_libraries_are_adapted_once():
    own: Resolver[Tool] = Resolver("tool", Tool, "hetmusic.tests.tools")

    @own.adapter
    def adapt(cls):
        return type(cls.__name__, (Tool,), {}) if issubclass(cls, nn.Module) else None

    assert issubclass(own.lookup(nn.Linear), Tool)
    assert own.lookup(nn.Linear) is own.lookup("torch.nn:Linear")
    assert own.lookup(Outer.Inner) is Outer.Inner
    with pytest.raises(ConfigError, match="not a subclass of Tool"):
        own.lookup(Path)


@pytest.mark.parametrize("resolver", ALL, ids=lambda r: r.kind)
def test_every_kind_of_plugin_has_names_paths_and_suggestions(resolver):
    name = next(iter(resolver.classes))
    cls = resolver.lookup(name)
    assert resolver.lookup(text_of(cls)) is resolver.lookup(cls) is cls
    with pytest.raises(ConfigError, match=f"no {resolver.kind} is called '{name}q' \\(did you mean"):
        resolver.lookup(f"{name}q")
    assert resolver.group.startswith("hetmusic.")
