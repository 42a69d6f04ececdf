"""Pages of comparisons and ablations: what stands first, what is marked, and the command that makes them again."""

from __future__ import annotations

import re

import pytest

from hetmusic.report import open_source
from hetmusic.report.page.blocks import Cards, Commands, Details, Notes, Table
from hetmusic.report.page.comparison_page import comparison_page
from hetmusic.report.page.writing import write_report
from tests.report.page.worlds import HOSTILE
from tests.report.results import row, write_results


def page_of(folder, kind, rows, reference):
    found = comparison_page(
        open_source(write_results(folder / kind, kind, rows, reference)), lambda step: None
    )
    return {section.name: section.blocks for section in found.sections}, found


def first(blocks, kind):
    return next(block for block in blocks if isinstance(block, kind))


@pytest.fixture
def comparison(tmp_path):
    rows = [row("popularity", [0.1, 0.12], -0.5), row("mine", [0.2, 0.3]), row("ials", [0.2, 0.22], -0.16)]
    return page_of(tmp_path, "comparison", rows, "mine")


@pytest.fixture
def ablation(tmp_path):
    rows = [
        row("full", [0.2, 0.4]),
        row("without social", [0.15, 0.25], -0.1),
        row("without kg", [0.1, 0.1], -0.4),
        row("shuffled-friends", [0.3, 0.3], 0.001),
        row("without emotion", [], problem="the graph has none"),
    ]
    return page_of(tmp_path, "ablation", rows, "full")


def test_the_best_models_stand_first(comparison):
    sections, page = comparison
    cards = first(sections["summary"], Cards).cards
    assert [(card.label, card.value) for card in cards] == [
        ("NDCG@10, mine", "0.2500"), ("NDCG@10, ials", "0.2100"), ("NDCG@10, popularity", "0.1100"),
    ]  # fmt: skip
    assert cards[0].detail == "± 0.0707"
    assert page.title == "Models compared: tiny"


def test_what_is_lost_most_stands_first(ablation):
    sections, page = ablation
    cards = first(sections["summary"], Cards).cards
    assert [(card.label, card.value) for card in cards] == [
        ("NDCG@10, full", "0.3000"),
        ("NDCG@10, without kg", "−40.0 %"),
        ("NDCG@10, without social", "−10.0 %"),
        ("NDCG@10, shuffled-friends", "+0.1 %"),
    ]
    assert cards[1].detail == "−42.0 to −39.0 %"
    assert page.title == "The model taken apart: tiny"
    assert first(sections["summary"], Notes).lines == ["without emotion: the graph has none"]


def test_best_and_second_best(comparison):
    table = first(comparison[0]["results"], Table)
    assert (table.caption, table.header) == ("NDCG by length of the list", ["model", "NDCG@10", "NDCG@50"])
    assert [each[0] for each in table.rows] == ["popularity", "mine", "ials"]
    assert (table.best, table.second) == ({(1, 1), (1, 2)}, {(2, 1), (2, 2)})
    assert table.rows[1][1] == "0.2500 ± 0.0707"


def test_differences_that_are_clear_are_marked(tmp_path):
    doubtful = row("b", [0.2, 0.2], -0.1)
    doubtful["tests"] = {
        key: {**found, "p_holm": {**found["p_holm"], "randomisation": 0.2}}
        for key, found in doubtful["tests"].items()
    }
    sections, _ = page_of(
        tmp_path, "comparison", [row("a", [0.3, 0.3]), doubtful, row("c", [0.1, 0.1], -0.5)], "a"
    )
    table = first(sections["tests"], Table)
    assert [each[0] for each in table.rows] == ["b", "c"]
    assert table.marked == {1}
    assert table.caption == "NDCG@10 against a"


def test_further_metrics_are_one_click_away(comparison):
    assert first(comparison[0]["tests"], Details).summary == "Tests of the other metrics"


def test_nothing_to_test(tmp_path):
    sections, _ = page_of(tmp_path, "comparison", [row("a", [0.3])], "a")
    assert "nothing to test" in first(sections["tests"], Notes).lines[0]


def test_no_results_at_all(tmp_path):
    sections, _ = page_of(tmp_path, "comparison", [row("a", [], problem="seed 0: crashed")], None)
    assert first(sections["summary"], Notes).lines == ["a: seed 0: crashed"]
    assert first(sections["results"], Notes).lines == ["No row has results."]
    assert "missing" in sections


def test_the_command_of_a_comparison(tmp_path):
    rows = [row("mine", [0.2]), row("ease", [0.1], -0.5, model="ease")]
    sections, _ = page_of(tmp_path, "comparison", rows, "mine")
    assert first(sections["summary"], Commands).lines[0] == (
        "hetmusic compare graphs/tiny --models mine=mmgnn,ease --split random --seeds 2 \\\n"
        "  --seed 0 --metric ndcg@10 --mask train+valid -k 10,50 --out results/comparison"
    )


def test_the_command_of_an_ablation(ablation):
    assert (
        first(ablation[0]["summary"], Commands)
        .lines[0]
        .startswith(
            "hetmusic ablate graphs/tiny --without social,kg,emotion --controls shuffled-friends \\\n  --split random "
        )
    )


def test_commands_can_be_run(ablation, comparison):
    """Options that do not exist (any more) would be refused."""
    from tests.test_docs import check_call

    for sections in (ablation[0], comparison[0]):
        check_call(first(sections["summary"], Commands).lines[0].replace("\\\n", "").split()[1:])


def test_labels_are_escaped(tmp_path, browser):
    rows = [
        row(name, [0.2 - number / 100], -0.1 if number else None) for number, name in enumerate(HOSTILE[:6])
    ]
    source = open_source(write_results(tmp_path / "c", "comparison", rows, HOSTILE[0]))
    file = write_report(source, tmp_path / "c.html")
    html = re.sub(r'"data:[^"]*"', '""', file.read_text(encoding="utf-8"))
    assert not any(name in html for name in HOSTILE[:4])
    browser.open(file)
    assert browser.console() == []
    assert browser.js("return window.broken") is None
    assert browser.js("return [...document.images].every(image => image.naturalWidth > 100)")
    assert HOSTILE[0] in [cell.text for cell in browser.all("tbody th")]
