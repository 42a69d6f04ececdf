"""Modules and constructors of other packages that fail: named, with the traceback of one's own code."""

from __future__ import annotations

import pytest

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
