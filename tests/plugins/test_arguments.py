"""What constructors of plug-ins take: converted, refused with a suggestion, documented."""

from __future__ import annotations

import pytest
from torch import nn

from hetmusic._arguments import document, parse_arguments
from hetmusic._docstrings import description
from hetmusic.errors import ConfigError
from tests.plugins.tools import Broken, Tool, tools


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
    with pytest.raises(
        ConfigError, match="tool Tool needs the argument 'size': give 'size', or a default in its __init__"
    ):
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
