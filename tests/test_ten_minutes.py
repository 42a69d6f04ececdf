"""docs/relation_encoders.md takes a reader from nothing to a compared encoder: every step of it, in a new folder."""

from __future__ import annotations

import re

import pytest

from hetmusic.training import load_config
from tests.pages import blocks, run_shell


@pytest.mark.slow
def test_every_step_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    said = {}
    for language, code in blocks("relation_encoders.md", "Ten minutes"):
        if language == "python":
            name = code.splitlines()[0].removeprefix("# ")
            (tmp_path / name).write_text(code, encoding="utf-8")
        elif code.startswith("# space.toml"):
            (tmp_path / "space.toml").write_text(code, encoding="utf-8")
        elif language == "toml":
            (tmp_path / "decay.toml").write_text(code, encoding="utf-8")
            assert load_config(file=tmp_path / "decay.toml").relations["liked_by"].arguments == {"rate": 0.02}
        else:
            said |= {words[1]: out for words, out in run_shell(code)}
    assert list(said) == ["synth", "build", "check", "fit", "compare", "tune"]
    assert "FAILED" not in said["check"]
    mean, decay = (
        float(re.search(rf"^{row} +(\d\.\d+)", said["compare"], re.MULTILINE)[1])
        for row in ("mmgnn", "decay")
    )
    assert 0.6 * mean < decay < 0.9 * mean, "the page says a quarter"
