"""One resolver for every kind of plug-in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from torch import nn

from hetmusic._arguments import document, parse_arguments
from hetmusic._docstrings import description
from hetmusic._resolve import Resolver, text_of
from hetmusic.cli import main
from hetmusic.errors import ConfigError, PluginError
from hetmusic.features.extractor import extractors
from hetmusic.graph.raw.readers.base import readers
from hetmusic.models.combine import combiners
from hetmusic.models.heads import heads
from hetmusic.relations import RelationEncoder, relation_encoders
from hetmusic.rivals import recommenders
from hetmusic.training.losses import losses
from hetmusic.training.sampling import samplers

if TYPE_CHECKING:
    from collections.abc import Sequence

ALL = [relation_encoders, combiners, heads, losses, samplers, recommenders, extractors, readers]


class Tool:
    """Something to make.

    :param rate: how fast,
        in days.
    :param kind: of tool.
    """

    def __init__(
        self,
        size: int,
        rate: float = 0.1,
        kind: Literal["hammer", "saw"] = "saw",
        limit: float | None = None,
        parts: Sequence[int] = (),
        module: nn.Module | None = None,
        free="anything",
    ) -> None:
        self.found = (size, rate, kind, limit, parts, module, free)


class Broken(Tool):
    def __init__(self, size: int) -> None:
        raise ZeroDivisionError("not today")


class Uncalled(RelationEncoder):
    def __init__(self, dim: int) -> None:
        self.layer = nn.Linear(dim, dim)

    def message(self, src, dst, edge):
        return self.layer(src.h)


class Outer:
    class Inner(Tool):
        pass


tools: Resolver[Tool] = Resolver("tool", Tool, "hetmusic.tests.tools", given=["size"])
tools.register("plain")(Tool)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"rate": "0.2"}, 0.2),
        ({"rate": 1}, 1.0),
        ({"rate": "1e-3"}, 0.001),
    ],
)
def test_values_are_converted_to_the_annotated_type(given, expected):
    rate = tools.make("plain", size="3", **given).found[1]
    assert rate == expected
    assert isinstance(rate, float)
    assert tools.make("plain", size="3").found[0] == 3


def test_everything_else_is_passed_on():
    layer = nn.Linear(1, 1)
    made = tools.make("plain", size=1, limit="2.5", parts=[1], module=layer, free={"a": 1})
    assert made.found == (1, 0.1, "saw", 2.5, [1], layer, {"a": 1})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rat": 1}, "tool Tool has no argument 'rat' (did you mean 'rate'?)"),
        (
            {"xyz": 1},
            "tool Tool has no argument 'xyz'; it takes size, rate, kind, limit, parts, module, free",
        ),
        ({"rate": "fast"}, "tool Tool: rate = 'fast': it should be a valid number"),
        ({"rate": None}, "tool Tool: rate = None: it should be a valid number"),
        ({"size": 1.5}, "tool Tool: size = 1.5: it should be a valid integer"),
        ({"kind": "swa"}, "tool Tool: kind = 'swa': it should be 'hammer' or 'saw' (did you mean 'saw'?)"),
        ({"module": 1}, "tool Tool: module = 1: it should be an instance of Module"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ConfigError) as problem:
        tools.make("plain", **{"size": 1, **arguments})
    assert message in str(problem.value)


def test_missing_argument():
    with pytest.raises(ConfigError, match="tool Tool needs the argument 'size'"):
        tools.make("plain")


def test_checking_makes_nothing_and_knows_what_hetmusic_gives():
    assert tools.check(Broken, {}) is Broken
    with pytest.raises(ConfigError, match="'size' is given by hetmusic and cannot be set"):
        tools.check("plain", {"size": 1})
    with pytest.raises(ConfigError, match="it takes rate, kind"):
        tools.check("plain", {"xyz": 1})


def test_a_ready_object_takes_no_arguments():
    made = Tool(1)
    assert tools.make(made) is made
    assert tools.lookup(made) is Tool
    for refuse in (lambda: tools.check(made, {"rate": 1}), lambda: tools.make(made, size=1, rate=1)):
        with pytest.raises(ConfigError, match=r"takes no .rate.: make it with this, or give the class"):
            refuse()
    assert tools.make(made, size=1) is made, "what hetmusic gives to all is no mistake"


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
        ("tests.test_resolve.Tool", "(for a class, write tests.test_resolve:Tool)"),
        (f"{__name__}:Tol", "tests.test_resolve has no 'Tol' (did you mean 'Tool'?)"),
        (f"{__name__}:Outer.Iner", "has no 'Outer.Iner' (did you mean 'Inner'?)"),
        (
            nn.Linear,
            "'torch.nn.modules.linear:Linear' is not a tool: it is a class, but not a subclass of Tool",
        ),
        (f"{__name__}:tools", "is not a tool: it is a Resolver, not a class"),
        (17, "17 is not a tool: it is a int, not a class"),
        ("nowhere.at_all:Tool", "no module named 'nowhere' is installed or on PYTHONPATH"),
        ("tests.test_resole:Tool", "no module named 'tests.test_resole' is installed or on PYTHONPATH"),
        (
            "tests/test_resolve.py:Tool",
            "named by its module and not by a file: write 'tests.test_resolve:Tool'",
        ),
        ("./tests/test_resolve.py", "write 'tests.test_resolve:Class'"),
        ("tests\\test_resolve.py:Tool", "write 'tests.test_resolve:Tool'"),
        ("/home/me/own.py:Tool", "write 'own:Tool', with /home/me on PYTHONPATH"),
        ("own.py:Tool", "write 'own:Tool'"),
        (f"{__name__}:tool", "has no 'tool' (did you mean 'Tool'?)"),
        (f"{__name__}:Mine", "has no 'Mine'; it has Tool, Broken"),
        (
            RelationEncoder,
            "is not a tool but a relation encoder; docs/plugins.md says where each kind is named",
        ),
        ("GATv2Conv", "(a convolution of DGL is dgl.nn.pytorch:GATv2Conv)"),
        (":Tool", "it is not of the form 'module:Class': the module is missing"),
        ("tests.test_resolve:", "it is not of the form 'module:Class': the class is missing"),
        ("tests.test_resolve", "(tests.test_resolve is a module: write tests.test_resolve:Class)"),
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


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import not_there_at_all\n", "ModuleNotFoundError: No module named 'not_there_at_all'"),
        ("def half(:\n", "SyntaxError"),
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_module_that_fails_shows_its_traceback(install, code, message):
    name = install(code)
    with pytest.raises(PluginError) as problem:
        relation_encoders.make(f"{name}:Decay", dim=2)
    assert str(problem.value).startswith(f"relation encoder '{name}:Decay' cannot be imported: ")
    assert message in str(problem.value)
    assert f"{name}.py" in problem.value.trace
    assert "importlib" not in problem.value.trace
    assert "_resolve.py" not in problem.value.trace
    assert problem.value.__cause__ is not None


def test_a_constructor_that_fails_shows_its_traceback():
    with pytest.raises(PluginError) as problem:
        tools.make(Broken, size=1)
    assert str(problem.value).startswith("tool Broken cannot be made: ZeroDivisionError: not today (")
    assert 'raise ZeroDivisionError("not today")' in problem.value.trace


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


def test_annotations_that_cannot_be_resolved_are_not_checked():
    assert parse_arguments("tool", Tool, {"parts": "text", "rate": "2"}, ["size"]) == {
        "parts": "text",
        "rate": 2.0,
    }


def test_arguments_are_documented_from_signature_and_docstring():
    shown = {a.name: (str(a), a.text) for a in document(Tool, given=["size"])}
    assert shown["rate"] == ("rate: float = 0.1", "how fast, in days.")
    assert shown["limit"] == ("limit: float | None = None", "")
    assert shown["free"] == ("free='anything'", "")
    assert "size" not in shown
    assert str(document(Tool)[0]) == "size: int"


class Numpy:
    r"""A class that is documented as numpy documents.

    .. math::
       :math:`a`
    :math:`b` begins a line, and is no field.

    Parameters
    ----------
    heads : int
        Number of heads. Default:
        four.

        A second paragraph.
    slope : float, optional
        Slope.
    bare :

    Examples
    --------
    >>> told : int
    """

    def __init__(self, heads, slope=0.2, bare=None, typed: bool = True):
        """Make it.

        :param typed: said by the constructor.
        """


def test_docstrings_in_the_style_of_numpy_are_read():
    shown = {a.name: (a.type, a.text) for a in document(Numpy)}
    assert shown == {
        "heads": ("int", "Number of heads. Default: four."),
        "slope": ("float", "Slope."),
        "bare": ("", ""),
        "typed": ("bool", "said by the constructor."),
    }
    assert description(Numpy).endswith(":math:`b` begins a line, and is no field.")
    assert description(Tool) == "Something to make."


@pytest.mark.parametrize("resolver", ALL, ids=lambda r: r.kind)
def test_every_kind_of_plugin_has_names_paths_and_suggestions(resolver):
    name = next(iter(resolver.classes))
    cls = resolver.lookup(name)
    assert resolver.lookup(text_of(cls)) is resolver.lookup(cls) is cls
    with pytest.raises(ConfigError, match=f"no {resolver.kind} is called '{name}q' \\(did you mean"):
        resolver.lookup(f"{name}q")
    assert resolver.group.startswith("hetmusic.")


def test_the_command_line_shows_the_traceback_of_a_plugin(install, capsys, monkeypatch):
    import hetmusic.cli.info as command

    name = install("1 / 0\n")
    monkeypatch.setattr(
        command.command, "callback", lambda **_: relation_encoders.make(f"{name}:Decay", dim=2)
    )
    with pytest.raises(SystemExit) as stop:
        main(["info", "graph"])
    assert stop.value.code == 1
    said = capsys.readouterr().err
    first, last = said.splitlines()[0], said.splitlines()[-1]
    assert first == "Traceback (most recent call last):"
    assert f"{name}.py" in said
    assert last.startswith(f"error: relation encoder '{name}:Decay' cannot be imported: ZeroDivisionError")
    assert said.count("error:") == 1
