"""Modules and constructors of other packages that fail: named, with the traceback of one's own code."""

from __future__ import annotations

import re

import pytest

from hetmusic._foreign import naming
from hetmusic.cli import main
from hetmusic.errors import PluginError
from hetmusic.relations import relation_encoders
from tests.plugins.tools import Broken, tools


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


def test_a_module_that_lacks_another_one_is_told_to_install_it(install):
    name = install("import a_module_that_is_not_there")
    with pytest.raises(PluginError) as problem:
        tools.lookup(f"{name}:Tool")
    assert str(problem.value).endswith("; install a_module_that_is_not_there, which the module needs")


def test_a_script_that_ends_the_program_is_named(install):
    name = install("import sys\nprint('done')\nsys.exit(3)")
    with pytest.raises(
        PluginError, match=rf"tool '{name}:Tool' cannot be imported: SystemExit: 3 .*__main__"
    ):
        tools.lookup(f"{name}:Tool")


def test_the_insides_of_torch_are_not_in_the_traceback(install):
    """What is called through modules of torch's is shown by the lines of one's own."""
    code = """
from torch import nn

class Inner(nn.Module):
    def forward(self, x):
        return x.nothing

class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(Inner())

    def forward(self, x):
        return self.inner(x)
"""
    name = install(code)
    made = __import__(name).Outer()
    with pytest.raises(PluginError) as problem, naming(lambda: "it failed", made):
        made(1)
    assert re.findall(r"line (\d+), in (\w+)", problem.value.trace)[-2:] == [
        ("14", "forward"),
        ("6", "forward"),
    ]
    assert "/torch/" not in problem.value.trace
