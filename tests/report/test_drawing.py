"""Names of any origin in figures, and files of every format."""

from __future__ import annotations

import io
import warnings
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor

import matplotlib as mpl
import numpy as np
import pytest

from hetmusic.errors import ConfigError
from hetmusic.report import (
    ReportSettings,
    collect,
    figure_names,
    figures_for,
    get_figure,
    open_source,
    render,
)
from hetmusic.report.drawing import clean, sheet, upright
from hetmusic.report.figure import FORMATS
from hetmusic.report.svg import inline, tidied
from hetmusic.report.theme import THEMES, get_theme, styled
from tests.report.page.worlds import HOSTILE
from tests.report.results import row, write_results
from tests.report.runs import make_run, make_world, world_vectors

STRANGE = [
    *HOSTILE,
    "日本語の曲",
    "🎵 👩‍🎤",
    "עברית",
    "two\nlines\r\n\tand a tab",
    "\x00\x0b\x1b[31m",
    "\udc80 half a pair",
    "\ufffe\uffff",
    "$",
    "$\\undefined{",
    "a" * 500,
    "",
]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Sigur Rós", "Sigur Rós"),
        ("a\nb\t c", "a b c"),
        ("a\u2028b", "a b"),
        ("\u202eabc\u2069", "abc"),
        ("a\x00b\ud800c\ufffed\U0001fffff", "abcdf"),
        ("<b>$x$</b>", "<b>$x$</b>"),
        ("🎵", "🎵"),
        (7, "7"),
    ],
)
def test_clean(text, shown):
    assert clean(text) == shown


def rotations(count, label):
    """Of the labels below so many bars, in the right one of two panels."""
    _, axes = sheet(9.0, 3.3).subplots(1, 2)
    upright(axes, range(count), [label] * count)
    return {round(text.get_rotation()) for text in axes.get_xticklabels()}


def test_labels_that_would_run_into_each_other_are_aslant():
    assert rotations(4, "64–255") == {0}
    assert rotations(9, "1,024–4,095") == {30}
    # of several lines the longest counts
    assert rotations(5, "25–28\n329 users") == {0}
    assert rotations(5, "156–259\n5,012,000 users") == {30}


def test_long_texts_are_cut():
    assert clean("a" * 41) == "a" * 39 + "…"
    assert clean("a" * 40) == "a" * 40
    assert clean("one two three", 8) == "one two…"


@pytest.mark.parametrize("text", STRANGE, ids=ascii)
def test_anything_can_be_drawn(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for format in FORMATS:
            with styled(get_theme("light")):
                figure = sheet(9, 3)
                axes = figure.subplots()
                axes.set_title(clean(text))
                axes.set_xticks([0], [clean(text)])
                stream = io.BytesIO()
                figure.savefig(stream, format=format)
            if format == "svg":
                words = [element.text for element in ET.fromstring(stream.getvalue()).iter() if element.text]
                assert not clean(text) or clean(text) in words


@pytest.fixture(scope="module")
def strange_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strange")
    names = [name.encode("utf-8", "replace").decode() for name in STRANGE][:21]
    graph = make_world(folder / "graph", names + ["x"] * (21 - len(names)))
    run = make_run(folder / "run", graph, *world_vectors())
    (run / "history.jsonl").write_text('{"epoch": 0, "loss": 2.0}\n', encoding="utf-8")
    (run / "emotion").mkdir()
    np.save(run / "emotion" / "item.npy", np.random.default_rng(0).uniform(-1, 1, (21, 2)).astype(np.float32))
    np.save(run / "emotion" / "item.present.npy", np.ones(21, bool))
    return run


#: architecture needs weights (see test_structure_figures.py); no held-out artist is cold here
DRAWN = [
    name for name in figure_names() if name not in ("architecture", "comparison", "ablation", "cold-warm")
]


@pytest.mark.parametrize("name", DRAWN)
def test_every_figure_in_every_format_and_theme(strange_run, name):
    spec = get_figure(name)
    data = collect(spec, open_source(strange_run, ReportSettings(clusters=3)))
    assert data.to_dict()["notes"] == list(data.notes)
    assert all(len(line) == len(table.header) for table in data.tables() for line in table.rows)
    for theme in THEMES:
        assert render(spec, data, theme, "png", dpi=30).startswith(b"\x89PNG")
        assert render(spec, data, theme, "pdf", dpi=30).startswith(b"%PDF")
        svg = render(spec, data, theme, "svg")
        ET.fromstring(svg)
        assert svg == render(spec, data, theme, "svg")


@pytest.mark.parametrize("kind", ["comparison", "ablation"])
def test_strange_models(tmp_path, kind):
    rows = [
        row("full", [0.1]),
        *(row(f"{n}{name}", [0.1], 0.1) for n, name in enumerate(STRANGE) if name.isprintable()),
    ]
    source = open_source(write_results(tmp_path / "results", kind, rows, "full"))
    spec = get_figure(kind)
    data = collect(spec, source)
    ET.fromstring(render(spec, data, "light", "svg"))
    assert len(spec.drawn(data).axes[0].get_yticks()) == len(rows)


def test_the_settings_of_matplotlib_are_left_as_they_were(strange_run):
    spec = get_figure("metrics")
    data = collect(spec, open_source(strange_run))
    before = dict(mpl.rcParams)
    first = render(spec, data)
    assert dict(mpl.rcParams) == before
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        assert render(spec, data) == first


def test_threads_do_not_disturb_each_other(strange_run):
    spec = get_figure("popularity")
    data = collect(spec, open_source(strange_run))
    themes = ["light", "dark"] * 4
    alone = {theme: render(spec, data, theme, "svg") for theme in THEMES}
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda theme: render(spec, data, theme, "svg"), themes))
    assert found == [alone[theme] for theme in themes]


def test_unknown_format_and_figure(strange_run):
    spec = get_figure("metrics")
    data = collect(spec, open_source(strange_run))
    with pytest.raises(ConfigError, match="unknown format 'jpg'"):
        render(spec, data, "light", "jpg")
    with pytest.raises(ConfigError, match="did you mean 'clusters'"):
        get_figure("clusterz")


def test_every_figure_is_described(strange_run):
    for name in figure_names():
        spec = get_figure(name)
        assert spec.name == name
        assert spec.title
        assert spec.caption.endswith(".")
        assert spec.needs <= {"run", "comparison", "ablation"}
    assert {spec.name for spec in figures_for(open_source(strange_run))} == set(figure_names()) - {
        "comparison",
        "ablation",
    }


def test_svg_ids_and_fonts():
    svg = (
        """<g id="a"><use xlink:href="#b" style="font: 9px 'DejaVu Sans', 'Noto Emoji'; fill: url(#c)"/></g>"""
        """<text>id="d"</text>"""
    )
    assert tidied(svg, "x-") == (
        """<g id="x-a"><use xlink:href="#x-b" style="font: 9px 'DejaVu Sans', Verdana, sans-serif; fill: url(#x-c)"/></g>"""
        """<text>id="d"</text>"""
    )


def test_inline(strange_run):
    spec = get_figure("training")
    svg = render(spec, collect(spec, open_source(strange_run)), "light", "svg")
    text = inline(svg, 'of "x" <y>')
    assert text.startswith("<svg ")
    assert "<metadata>" not in text
    element = ET.fromstring(text)
    assert element.attrib["role"] == "img"
    assert element.attrib["aria-label"] == 'of "x" <y>'
    assert "width" not in element.attrib
