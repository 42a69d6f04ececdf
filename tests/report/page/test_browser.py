"""The report in a real browser: what it shows, what it answers, and that nothing in it runs or is loaded from elsewhere."""

from __future__ import annotations

import re

import pytest
from selenium.webdriver.common.keys import Keys

from hetmusic.recommend import Run
from tests.report.page.worlds import HOSTILE

READY = "return document.querySelector('.lookup').dataset.ready"


def type_into(browser, selector, text):
    field = browser.find(selector)
    field.clear()
    field.click()
    field.send_keys(text)
    return field


def opened(browser, file):
    browser.open(file)
    assert browser.js(READY) == "true", browser.console()
    return browser


def test_says_nothing_and_loads_nothing(browser, report):
    opened(browser, report)
    assert browser.console() == []
    assert [url for url in browser.requests() if not url.startswith("data:")] == [report.resolve().as_uri()]


def test_figures_are_there(browser, report):
    opened(browser, report)
    sizes = browser.js(
        "return [...document.images].map(i => [i.dataset.figure, i.complete, i.naturalWidth, i.naturalHeight, i.alt])"
    )
    assert {size[0] for size in sizes} >= {
        "training",
        "metrics",
        "popularity",
        "clusters",
        "heatmap",
        "emotion",
    }
    for name, complete, width, height, alt in sizes:
        assert complete, name
        assert min(width, height) > 100, name
        assert alt, name


def test_contents_lead_to_sections(browser, report):
    opened(browser, report)
    links = browser.all(".contents a")
    assert len(links) >= 4
    for link in links:
        name = link.get_attribute("href").partition("#")[2]
        assert browser.find(f"[id='{name}']").tag_name == "section"


def test_search_by_typing(browser, report, fitted):
    opened(browser, report)
    made = Run.open(fitted)
    field = type_into(browser, "#find-user", "U0")
    offered = [line.text.split()[-1] for line in browser.all("#found-users li")]
    assert offered == [key for key in made.user_keys if key.startswith("u0")]
    field.send_keys(Keys.ARROW_DOWN, Keys.ENTER)
    name = made.user_names[made.user_index[offered[1]]]
    assert browser.find(".result h3").text == f"User {name} ({offered[1]})"
    shown = [item.text for item in browser.all(".picks .item")]
    assert shown == [found.name for found in made.recommend(offered[1], 10)]
    train = made.split.train
    seen = set(train.dst[train.src == made.user_index[offered[1]]].tolist())
    valid = made.split.valid
    seen |= set(valid.dst[valid.src == made.user_index[offered[1]]].tolist())
    history = [line.text for line in browser.all(".halves > div:first-child li bdi")]
    assert sorted(history) == sorted(made.item_names[item] for item in seen)
    assert browser.all(".picks .why li"), "no reasons"


def test_search_for_nobody(browser, report):
    opened(browser, report)
    type_into(browser, "#find-user", "nobody").send_keys(Keys.ENTER)
    assert browser.find(".lookup .said").text == "This report knows no user with such a key or name."
    assert browser.find("#found-users").is_displayed() is False


def test_any_user(browser, report, fitted):
    opened(browser, report)
    browser.find(".any").click()
    assert browser.find("#find-user").get_attribute("value") in Run.open(fitted).user_names


def test_dark_and_light(browser, report):
    opened(browser, report)
    colour = "return getComputedStyle(document.body).backgroundColor"
    shown = "return [...document.images].filter(i => i.offsetWidth).map(i => i.className)"
    light = browser.js(colour)
    assert set(browser.js(shown)) == {"light-only"}
    browser.find(".theme").click()
    assert browser.js(colour) != light
    assert set(browser.js(shown)) == {"dark-only"}
    browser.find(".theme").click()
    assert browser.js(colour) == light
    browser.prefer("dark")
    opened(browser, report)
    assert browser.js(colour) != light
    assert browser.find(".theme").text == "Light"


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize("file", ["report", "hostile_report"])
def test_the_page_never_scrolls_sideways(browser, file, width, request):
    browser.size(width, 800)
    opened(browser, request.getfixturevalue(file))
    browser.js("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    wide = browser.js("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide[0] <= max(wide[1], width)


def luminance(colour):
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


CONTRASTS = """
const found = [];
for (const element of document.querySelectorAll("body *")) {
  const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
  if (!own || !element.offsetWidth) continue;
  let below = element;
  const filled = each => !/rgba\\(0, 0, 0, 0\\)|transparent/.test(getComputedStyle(each).backgroundColor);
  while (below && !filled(below)) below = below.parentElement;
  found.push([getComputedStyle(element).color, getComputedStyle(below || document.body).backgroundColor, element.className]);
}
return found;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(browser, report, scheme):
    """WCAG 2.1, 1.4.3: at least 4.5 to 1."""
    browser.prefer(scheme)
    opened(browser, report)
    browser.js("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    found = {tuple(each) for each in browser.js(CONTRASTS)}
    assert len(found) > 5
    for text, below, where in found:
        dark, bright = sorted((luminance(text), luminance(below)))
        assert (bright + 0.05) / (dark + 0.05) >= 4.5, (text, below, where)


def test_on_paper(browser, report):
    browser.prefer("dark")
    opened(browser, report)
    content = browser.pdf()
    assert content.startswith(b"%PDF-")
    assert len(content) > 20_000
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert browser.js("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        shown = "return [...document.querySelectorAll(arguments[0])].filter(each => each.offsetWidth).length"
        assert browser.js(shown, "button, input, nav, canvas, .dark-only") == 0
        assert browser.js(shown, "img.light-only") > 0
        closed = "return [...document.querySelectorAll('main .inside')].filter(each => !each.checkVisibility()).length"
        assert browser.js(closed) == 0
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
        browser.prefer("light")


def test_names_do_nothing(browser, hostile_report):
    opened(browser, hostile_report)
    assert browser.console() == []
    for name in ("</script>", "onerror", "{{ 7"):
        field = type_into(browser, "#find-user", name)
        assert browser.find("#found-users li").text.startswith(next(each for each in HOSTILE if name in each))
        field.send_keys(Keys.ENTER)
        assert name in browser.find(".result h3").text
    assert browser.js("return window.broken") is None
    assert (
        browser.js("return document.querySelectorAll('b, main img:not([src^=\"data:image/svg\"])').length")
        == 0
    )
    assert browser.js("return document.scripts.length") == 3 + len(browser.all("#data-map"))
    assert [url for url in browser.requests() if not url.startswith("data:")] == [
        hostile_report.resolve().as_uri()
    ]


def test_directions_stay_where_they_are(browser, hostile_report):
    opened(browser, hostile_report)
    assert "\u202e" not in browser.js("return document.documentElement.textContent")
    type_into(browser, "#find-user", "edirrevo").send_keys(Keys.ENTER)
    assert "\ufffdedirrevo" in browser.find(".result h3").text


def test_the_policy_forbids_everything_else(browser, report):
    opened(browser, report)
    browser.js(
        "const s = document.createElement('script'); s.textContent = 'window.added = 1'; document.body.append(s);"
        "const i = new Image(); i.src = 'http://127.0.0.1:9/x.png'; document.body.append(i);"
    )
    assert browser.js("return window.added") is None
    said = " ".join(browser.console())
    assert "script-src" in said
    assert "img-src" in said
