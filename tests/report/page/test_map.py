"""The map of songs in a real browser: pointing, tapping, keys, finding, and what is there without scripting."""

from __future__ import annotations

import json

import numpy as np
import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.report.page.browser import Browser
from tests.report.page.test_browser import type_into


@pytest.fixture
def page(browser, report):
    browser.open(report)
    assert browser.find("canvas").get_attribute("data-ready") == "true", browser.console()
    return browser


def parsed(browser, name):
    return json.loads(browser.js("return document.getElementById(arguments[0]).textContent", f"data-{name}"))


def place(browser, number):
    """Where a point is on the canvas, from its middle."""
    data = parsed(browser, "map")
    canvas = browser.find("canvas")
    width, height = canvas.size["width"], canvas.size["height"]
    x = data["x"][number] / 65535 * (width - 40) + 20
    y = (1 - data["y"][number] / 65535) * (height - 40) + 20
    return round(x - width / 2), round(y - height / 2)


def loneliest(browser):
    """The point that is farthest from all others: nothing else can be meant."""
    data = parsed(browser, "map")
    points = np.array([data["x"], data["y"]], float).T
    far = np.linalg.norm(points[:, None] - points, axis=2) + np.diag(np.full(len(points), np.inf))
    return int(far.min(axis=1).argmax())


def said_of(browser, number):
    """What is to be read about a point: song, artist, genres, cluster."""
    data, catalogue = parsed(browser, "map"), parsed(browser, "catalogue")
    item, cluster = data["items"][number], data["cluster"][number]
    lines = [catalogue["names"][item], catalogue["by_names"][catalogue["by"][item]]]
    lines += [", ".join(catalogue["genre_names"][genre] for genre in catalogue["genres"][item])]
    return [line for line in lines if line] + [f"cluster {cluster + 1}: {data['clusters'][cluster]['name']}"]


def test_all_songs_are_on_it(page):
    data = parsed(page, "map")
    assert len(data["items"]) == len(set(data["items"])) == 60
    assert sum(cluster["size"] for cluster in data["clusters"]) == 60
    assert len(page.all(".legend button")) == len(data["clusters"])


def test_pointing_at_a_song(page):
    number = loneliest(page)
    canvas = page.find("canvas")
    page.js("arguments[0].scrollIntoView({block: 'center'})", canvas)
    assert not page.find(".tip").is_displayed()
    ActionChains(page.driver).move_to_element_with_offset(canvas, *place(page, number)).perform()
    assert page.find(".tip").text.split("\n") == said_of(page, number)


def test_what_is_pointed_at_is_drawn(page):
    """A canvas without a single coloured pixel would pass all other tests."""
    colours = page.js(
        "const c = document.querySelector('canvas'), found = new Set();"
        "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 180) found.add(d[i] + ',' + d[i + 1]);"
        "return found.size"
    )
    assert colours > 3


def test_finding_a_song(page):
    name = said_of(page, 7)[0]
    type_into(page, "#find-item", name.lower()).send_keys(Keys.ENTER)
    assert page.find(".tip").text.split("\n")[0] == name
    assert page.find("#map-said").get_attribute("textContent").startswith(f"{name}; ")


def test_keys_go_from_song_to_song(page):
    canvas = page.find("canvas")
    page.js("arguments[0].focus()", canvas)
    met = {page.find(".tip strong").text}
    for key in (
        Keys.ARROW_LEFT,
        Keys.ARROW_LEFT,
        Keys.ARROW_UP,
        Keys.ARROW_UP,
        Keys.ARROW_RIGHT,
        Keys.ARROW_DOWN,
    ):
        canvas.send_keys(key)
        met.add(page.find(".tip strong").text)
        assert page.find("#map-said").get_attribute("textContent").startswith(page.find(".tip strong").text)
    assert len(met) >= 4
    canvas.send_keys(Keys.ESCAPE)
    assert not page.find(".tip").is_displayed()


def test_one_cluster_alone(page):
    button = page.all(".legend button")[0]
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    data = parsed(page, "map")
    other = data["cluster"].index(1)
    canvas = page.find("canvas")
    page.js("arguments[0].scrollIntoView({block: 'center'})", canvas)
    ActionChains(page.driver).move_to_element_with_offset(canvas, *place(page, other)).perform()
    shown = page.find(".tip").text
    assert not shown or "cluster 1:" in shown
    page.find(".whole").click()
    assert button.get_attribute("aria-pressed") == "false"


def test_zoom_stays_inside(page):
    for _ in range(12):
        page.find(".closer").click()
    assert "zoomed" in page.find("canvas").get_attribute("class")
    for _ in range(14):
        page.find(".farther").click()
    assert "zoomed" not in page.find("canvas").get_attribute("class")
    assert page.console() == []


def test_tapping_on_a_phone(browser, report):
    browser.size(390, 844)
    browser.open(report)
    number = loneliest(browser)
    canvas = browser.find("canvas")
    browser.js("arguments[0].scrollIntoView({block: 'center'})", canvas)
    x, y = place(browser, number)
    box = browser.js(
        "const r = arguments[0].getBoundingClientRect(); return [r.x, r.y, r.width, r.height]", canvas
    )
    point = {"x": box[0] + box[2] / 2 + x, "y": box[1] + box[3] / 2 + y}
    for kind, points in (("touchStart", [point]), ("touchEnd", [])):
        browser.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert browser.find(".tip").text.split("\n") == said_of(browser, number)


def test_without_scripting_the_picture_is_there(started, report):
    assert started  # skips where there is no browser
    silent = Browser(scripting=False)
    try:
        silent.prefer("light")
        silent.open(report)
        picture = silent.find("img.light-only[data-figure=clusters]")
        assert picture.is_displayed()
        assert picture.size["width"] > 300
        assert not silent.find("canvas").is_displayed()
        assert "needs scripting" in silent.find(".lookup noscript").text
        assert not silent.find("#find-user").is_displayed()
        assert not silent.find(".theme").is_displayed()
    finally:
        silent.close()
