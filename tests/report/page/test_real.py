"""The report of a run on HetRec Last.fm: real names, in a real browser."""

from __future__ import annotations

import re

import pytest
from selenium.webdriver.common.keys import Keys

from hetmusic.recommend import Run
from hetmusic.report import ReportSettings, open_source
from hetmusic.report.page import lookup
from hetmusic.report.page.writing import write_report
from tests.cli.running import hetmusic
from tests.report.page.test_browser import opened, type_into

USERS = 100


@pytest.fixture(scope="module")
def run(shared_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hetrec")
    raw = shared_data / "hetrec-lastfm-2k"
    hetmusic("build", "hetrec-lastfm", "--raw", raw, "--out", folder / "graph").succeeded()
    small = ("--set", "model.dim=16", "--set", "training.batch_size=512")
    hetmusic("fit", folder / "graph", "--out", folder / "run", "--epochs", 1, "--quiet", *small).succeeded()
    return folder / "run"


@pytest.fixture(scope="module")
def report(run):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookup, "MOST_USERS", USERS)
        return write_report(open_source(run, ReportSettings(max_points=500)), run.parent / "report.html")


def test_all_users_would_fit(report):
    """8 MB for all 1,892 users: what they take is in proportion, the rest is there once."""
    html = report.read_text(encoding="utf-8")
    users = len(re.search(r'id="data-users">(.*?)</script>', html)[1].encode())
    assert users / USERS * 1892 + (report.stat().st_size - users) < 8e6


def test_shows_what_the_run_says(report, run, browser):
    opened(browser, report)
    assert browser.console() == []
    shown = browser.find(".coverage").text
    assert shown == f"Knows {USERS} of 1,892 users, drawn at random so that the file stays small."
    user = browser.find(".lookup").get_attribute("data-example")
    type_into(browser, "#find-user", user).send_keys(Keys.ENTER)
    expected = Run.open(run).explain(user, 10)
    assert [each.text for each in browser.all(".picks .item")] == [each.name for each in expected]
    said = [each.text for each in browser.all(".picks > li:first-child .why li")]
    assert said == [reason.text for reason in expected[0].reasons[:3]]


def test_figures_are_those_of_this_graph(report, browser):
    opened(browser, report)
    names = set(browser.js("return [...document.images].map(image => image.dataset.figure)"))
    assert names >= {
        "training",
        "metrics",
        "activity",
        "popularity",
        "calibration",
        "clusters",
        "heatmap",
        "emotion",
    }
    assert "Cantador" in browser.find("#data").text
