"""The first two tutorials, step by step in a new folder, the second on the graph of the first."""

from __future__ import annotations

import pytest

from tests.pages import blocks, run_python, run_shell


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("reader")


def follow(page, place, monkeypatch, capsys):
    """What the page's commands print, by the command's words; then what its Python prints."""
    monkeypatch.chdir(place)
    said, printed = [], ""
    for language, code in blocks(page):
        if language == "sh":
            said += run_shell(code)
        elif language == "python":
            capsys.readouterr()
            run_python(code, place)
            printed += capsys.readouterr().out
    return said, printed


@pytest.mark.slow
def test_build(place, monkeypatch, capsys):
    said, printed = follow("tutorials/build.md", place, monkeypatch, capsys)
    outputs = {tuple(words[1:3]): out for words, out in said}
    assert "nothing is wrong" in outputs["spec", "check"]
    assert "guesses" not in outputs["spec", "init"]
    text = (place / "music.yaml").read_text()
    for language, code in blocks("tutorials/build.md"):
        if language == "yaml":
            assert all(line in text for line in code.splitlines()), "the page quotes the description"
    kinds = outputs["info", "graphs/music"]
    assert all(kind in kinds for kind in ("genre", "emotion", "tag", "artist", "album"))
    assert all(name in outputs["features", "report"] for name in ("lyrics", "audio", "cover"))
    assert (
        printed.splitlines()[1] == "['a01', 'a02', 'a03'] ['Secret Pilots', 'Silver Riders', 'Silver Foxes']"
    )
    assert printed.splitlines()[-1].startswith("200 ")


@pytest.mark.slow
def test_fit(place, monkeypatch, capsys):
    if not (place / "graphs").exists():
        test_build(place, monkeypatch, capsys)
    said, printed = follow("tutorials/fit.md", place, monkeypatch, capsys)
    outputs = {" ".join(words[1:]): out for words, out in said}
    listed = outputs["recommend runs/first --user u001 -k 5"].splitlines()[2:]
    assert [line.split()[0] for line in printed.splitlines()] == list("12345")
    assert all(line.split()[0] in shown for line, shown in zip(printed.splitlines(), listed, strict=True))
    assert outputs["recommend runs/first --user u001 -k 5 --emotion calm"].splitlines()[2:] != listed
    assert "model.modalities" in outputs["runs runs"]
    assert outputs["evaluate runs/first --k 10,20"] != outputs["evaluate runs/first --k 10 --hide audio"]
    (compared,) = [out for command, out in outputs.items() if command.startswith("compare")]
    assert all(model in compared for model in ("mmgnn", "ease", "popularity"))
