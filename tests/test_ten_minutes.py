"""docs/relation_encoders.md takes a reader from nothing to a compared encoder: every step of it, in a new folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from hetmusic.training import load_config
from tests.cli.running import hetmusic

PAGE = Path(__file__).resolve().parent.parent / "docs" / "relation_encoders.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def steps() -> list[tuple[str, str]]:
    """(language, code) of every block of the section."""
    section = PAGE.read_text(encoding="utf-8").partition("## Ten minutes")[2].partition("\n## ")[0]
    return FENCE.findall(section)


@pytest.mark.slow
def test_every_step_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    said = {}
    for language, code in steps():
        if language == "python":
            name = code.splitlines()[0].removeprefix("# ")
            (tmp_path / name).write_text(code, encoding="utf-8")
        elif language == "toml":
            (tmp_path / "decay.toml").write_text(code, encoding="utf-8")
            assert load_config(file=tmp_path / "decay.toml").relations["liked_by"].arguments == {"rate": 0.02}
        else:
            for line in code.replace("\\\n", " ").splitlines():
                words = shlex.split(line)
                said[words[1]] = hetmusic(*words[1:]).succeeded().out
    assert list(said) == ["synth", "build", "check", "fit", "compare"]
    assert "FAILED" not in said["check"]
    mean, decay = (
        float(re.search(rf"^{row} +(\d\.\d+)", said["compare"], re.MULTILINE)[1])
        for row in ("mmgnn", "decay")
    )
    assert 0.6 * mean < decay < 0.9 * mean, "the page says a quarter"
