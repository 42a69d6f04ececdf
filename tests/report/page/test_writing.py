"""Where a report goes, and what it holds when parts of a run are missing."""

from __future__ import annotations

import re
import shutil

import pytest

from hetmusic.errors import RunError, UserError
from hetmusic.report import open_source
from hetmusic.report.page import writing
from hetmusic.report.page.document import render_page
from hetmusic.report.page.embedding import digest
from hetmusic.report.page.writing import write_report
from tests.report.page.worlds import HOSTILE, run_with_names


def test_one_file_that_loads_nothing(report):
    html = report.read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert not re.search(r'(src|href)="(?!data:|#)', html)
    assert "@import" not in html
    assert "url(" not in re.sub(r'"data:[^"]*"', "", html)


def test_policy_names_script_and_style(report):
    html = report.read_text(encoding="utf-8")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)[1].replace(
        "&#39;", "'"
    )
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)[1]
    script = re.search(r"<script>(.*?)</script>", html, re.DOTALL)[1]
    assert policy == (
        f"default-src 'none'; img-src data:; style-src '{digest(style)}'; script-src '{digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def test_names_are_escaped_everywhere(hostile_report):
    html = hostile_report.read_text(encoding="utf-8")
    without_data = re.sub(r'"data:[^"]*"', '""', html)
    for name in HOSTILE[:4]:
        assert name not in without_data
    assert not set("\u2028\u2029\u202e") & set(html)
    assert (
        len(re.findall("<script", html))
        == len(re.findall("</script>", html))
        == html.count("application/json") + 1
    )


def test_nothing_is_replaced_without_a_word(hostile_run, tmp_path):
    source, out = open_source(hostile_run), tmp_path / "report.html"
    out.write_text("mine")
    with pytest.raises(UserError, match="already exists; choose another --out or pass --overwrite"):
        write_report(source, out)
    assert out.read_text() == "mine"
    write_report(source, out, overwrite=True)
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")
    for wrong in (tmp_path, tmp_path / "report.pdf"):
        with pytest.raises(UserError, match=str(wrong)):
            write_report(source, wrong, overwrite=True)


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setattr(writing, "find_spec", lambda name: None if name == "jinja2" else object())
    with pytest.raises(UserError, match=r"reports need jinja2: pip install 'hetmusic\[report\]'"):
        writing.check_packages()


def test_without_the_graph(tmp_path):
    """What needs no graph is there, and the rest is said to be missing."""
    run = run_with_names(tmp_path, [f"song {n}" for n in range(30)])
    shutil.rmtree(tmp_path / "graph")
    html = write_report(open_source(run), tmp_path / "new" / "report.html").read_text(encoding="utf-8")
    assert 'id="missing"' in html
    assert f"the graph folder {tmp_path / 'graph'} that the run was fitted on is gone" in html
    assert 'id="search"' in html
    assert "NDCG@10" in html


@pytest.mark.parametrize("count", [1, 2, 3])
def test_hardly_any_song(tmp_path, count):
    run = run_with_names(tmp_path, [f"song {n}" for n in range(count)], users=4)
    html = write_report(open_source(run), tmp_path / "report.html").read_text(encoding="utf-8")
    assert 'id="search"' in html


def test_an_unfinished_run(hostile_run, tmp_path):
    own = tmp_path / "run"
    shutil.copytree(hostile_run, own)
    file = own / "run.json"
    file.write_text(file.read_text().replace('"finished"', '"interrupted"'))
    with pytest.raises(RunError, match="is not finished"):
        open_source(own)


def test_a_template_without_a_value_is_an_error():
    """Whatever a template asks for and does not get must not become an empty text."""
    from jinja2 import UndefinedError

    from hetmusic.report.page import document

    with pytest.raises(UndefinedError):
        document._environment().from_string("{{ nothing }}").render()
    assert callable(render_page)
