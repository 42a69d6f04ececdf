"""The report of a comparison or an ablation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hetmusic._toml import flat
from hetmusic.experiments import tables
from hetmusic.report.page.blocks import (
    Block,
    Card,
    Cards,
    Commands,
    Details,
    Facts,
    Notes,
    Page,
    Section,
    Table,
    metric_name,
)
from hetmusic.report.page.comparison_commands import commands
from hetmusic.report.page.figures import Figures

if TYPE_CHECKING:
    from hetmusic.experiments.summary import Summary
    from hetmusic.report.source import ResultSource

_TITLES = {"comparison": "Models compared", "ablation": "The model taken apart"}
#: cards of the summary
_CARDS = 4
#: differences with smaller p-values are marked
_LEVEL = 0.05
#: before a number that is the best, or the second best, of its column
_BEST, _SECOND = "\x01", "\x02"


def comparison_page(source: ResultSource, on_step: Callable[[str], None]) -> Page:
    """Put the report of a comparison or an ablation together."""
    summary = source.summary
    figures = Figures(source, on_step)
    sections = [
        Section("summary", "Summary", _summary(source)),
        Section("results", "Results", [*figures.rest(numbers=False), *_results(summary)]),
        Section("tests", "Tests", _tests(summary)),
        Section("cost", "Cost and settings", _cost(summary)),
    ]
    if figures.missing:
        sections.append(Section("missing", "Not in this report", [Notes(figures.missing)]))
    name = str(summary.about["graph"]["name"])
    return Page(f"{_TITLES[source.kind]}: {name}", tables.heading(summary), sections)


def _summary(source: ResultSource) -> list[Block]:
    summary, about = source.summary, source.summary.about
    drawn = "a new one for each seed" if about["split_is_drawn"] else "the same for all seeds"
    facts = [
        ("Graph", f"{about['graph']['name']}, checksum {str(about['graph']['checksum'])[:12]}"),
        ("Split", f"{about['split']}, {drawn}"),
        ("Seeds", ", ".join(map(str, about["seeds"]))),
        (
            "Left out of the lists",
            "nothing" if about["mask"] == "none" else about["mask"].replace("+", " and "),
        ),
        ("Chosen by", metric_name(about["metric"])),
        ("Made with", f"hetmusic {about['hetmusic']}"),
    ]
    cards = _losses(summary) if source.kind == "ablation" else _means(summary, _by(summary))
    problems = tables.problems(summary)
    blocks: list[Block] = [Cards(cards)] if cards else []
    return [*blocks, Facts(facts), Commands(commands(source)), *([Notes(problems)] if problems else [])]


def _by(summary: Summary) -> list[dict[str, Any]]:
    """Rows with results, the best first."""
    metric = str(summary.about["metric"])
    done = [row for row in summary.rows if metric in row["metrics"]]
    return sorted(done, key=lambda row: -float(row["metrics"][metric]["mean"]))


def _means(summary: Summary, rows: list[dict[str, Any]]) -> list[Card]:
    metric = str(summary.about["metric"])
    values = [(row["label"], row["metrics"][metric]) for row in rows[:_CARDS]]
    return [
        Card(
            f"{metric_name(metric)}, {label}",
            f"{found['mean']:.4f}",
            "" if found["sd"] is None else f"± {found['sd']:.4f}",
        )
        for label, found in values
    ]


def _losses(summary: Summary) -> list[Card]:
    """The whole model, and the rows that lose most without what they lack."""
    metric = str(summary.about["metric"])
    whole = [row for row in _by(summary) if row["label"] == summary.reference]
    tested = [(row["label"], row["tests"][metric]) for row in summary.rows if metric in row["tests"]]
    known = [(label, found) for label, found in tested if found["relative"] is not None]
    worst = sorted(known, key=lambda each: float(each[1]["relative"]))[: _CARDS - 1]
    return _means(summary, whole) + [
        Card(
            f"{metric_name(metric)}, {label}",
            f"{_percent(found['relative'])} %",
            ""
            if found["relative_low"] is None or found["relative_high"] is None
            else f"{_percent(found['relative_low'])} to {_percent(found['relative_high'])} %",
        )
        for label, found in worst
    ]


def _percent(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "\N{MINUS SIGN}")


def _results(summary: Summary) -> list[Block]:
    known = {key.split("@")[0] for row in summary.rows for key in row["metrics"]}
    if not known:
        return [Notes(["No row has results."])]
    first = [name for name in ("ndcg", "recall") if name in known]
    further = [_metric(summary, name) for name in sorted(known - set(first))]
    found: list[Block] = [_metric(summary, name) for name in first]
    found.append(
        Notes(["Mean ± standard deviation over seeds. Bold: the best; underlined: the second best."])
    )
    return [*found, Details("All other metrics", further)] if further else found


def _metric(summary: Summary, name: str) -> Table:
    """One metric at all lengths of the list."""
    keys = [f"{name}@{k}" for k in summary.about["ks"]]
    found = tables.metrics_table(summary, keys, _BEST + "{}", _SECOND + "{}")
    places: dict[str, set[tuple[int, int]]] = {_BEST: set(), _SECOND: set()}
    for number, row in enumerate(found.rows):
        for column, cell in enumerate(row):
            if cell[:1] in places:
                places[cell[0]].add((number, column))
                row[column] = cell[1:]
    header = [found.header[0], *map(metric_name, keys)]
    caption = f"{metric_name(name)} by length of the list"
    best, second = frozenset(places[_BEST]), frozenset(places[_SECOND])
    return Table(caption, header, found.rows, best=best, second=second)


def _tests(summary: Summary) -> list[Block]:
    keys = dict.fromkeys(
        [*tables.metric_keys(summary), *(key for row in summary.rows for key in row["tests"])]
    )
    shown = [found for key in keys if (found := _test(summary, key)) is not None]
    if not shown:
        return [Notes(["There is nothing to test: fewer than two rows have results."])]
    said = [
        *tables.explanations(summary)[1:],
        f"marked rows: p below {_LEVEL} in both tests",
    ]
    more: list[Block] = [Details("Tests of the other metrics", shown[2:])] if shown[2:] else []
    return [*shown[:2], Notes(said), *more]


def _test(summary: Summary, key: str) -> Table | None:
    found = tables.tests_table(summary, key)
    others = [row for row in summary.rows if row["label"] != summary.reference]
    if found is None or not any(key in row["tests"] for row in others):
        return None
    clear = {
        number
        for number, row in enumerate(others)
        if key in row["tests"]
        and all(_is_small(row["tests"][key]["p_holm"].get(t)) for t in ("t", "randomisation"))
    }
    caption = f"{metric_name(key)} against {summary.reference}"
    return Table(caption, found.header, found.rows, marked=frozenset(clear))


def _is_small(p: float | None) -> bool:
    return p is not None and p < _LEVEL


def _cost(summary: Summary) -> list[Block]:
    def shown(given: dict[str, Any]) -> str:
        return ", ".join(f"{key} = {value}" for key, value in flat(given).items()) or "defaults"

    rows = [
        [row["label"], row["model"], shown(row["settings"])]
        for row in summary.rows
        if row["settings"] is not None
    ]
    settings = Table("What differs from the defaults", ["row", "model", "settings"], rows, frozenset({1, 2}))
    cost = tables.cost_table(summary)
    words = frozenset({len(cost.header) - 1})
    table = Table("Time and memory of a fit, means over seeds", cost.header, cost.rows, words)
    return [table, Details("Settings", [settings])]
