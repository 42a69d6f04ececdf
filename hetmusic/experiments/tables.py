"""A summary as tables: for people in Markdown, for programs in CSV, and in the cells that the command line prints."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hetmusic._io import replacing_file
from hetmusic.experiments.summary import TESTED, Summary
from hetmusic.ranking import METRIC_NAMES

#: what a missing number is shown as
NOTHING = "–"


@dataclass(frozen=True)
class Table:
    """Cells of text; the first column is left-aligned, the others are numbers."""

    title: str
    header: list[str]
    rows: list[list[str]]


def metric_keys(summary: Summary) -> list[str]:
    """The columns of the first table, the most telling first: the deciding metric, recall beside it, then longer lists."""
    metric = str(summary.about["metric"])
    own = int(metric.split("@")[1])
    ks = [own, *sorted((k for k in summary.about["ks"] if k != own), reverse=True)]
    return list(dict.fromkeys([metric, *(f"{name}@{k}" for k in ks for name in TESTED)]))


def metrics_table(summary: Summary, keys: Sequence[str], best: str = "{} *", second: str = "{} +") -> Table:
    """Mean ± sd over seeds.

    :param best: how the best value of a column is marked, and ``second`` the one after it.
    """
    rows = [[row["label"], *(_spread(row["metrics"].get(key), 4) for key in keys)] for row in summary.rows]
    for column, key in enumerate(keys, start=1):
        places = _places(summary, key)
        for row, place in zip(rows, places, strict=True):
            row[column] = {1: best, 2: second}.get(place or 0, "{}").format(row[column])
    return Table(heading(summary), [_first(summary), *keys], rows)


def tests_table(summary: Summary, key: str) -> Table | None:
    """Difference of every row from the reference in one metric; None if there is nothing to compare."""
    rows = []
    for row in summary.rows:
        if row["label"] == summary.reference:
            continue
        found = row["tests"].get(key)
        if found is None:
            rows.append([row["label"], *[NOTHING] * 5])
            continue
        ends = [_percent(found["relative_low"]), _percent(found["relative_high"])]
        shown = "[{}, {}]".format(*ends) if NOTHING not in ends else NOTHING
        p = [_p_value(found["p_holm"][name]) for name in ("t", "randomisation")]
        rows.append([row["label"], f"{found['difference']:+.4f}", _percent(found["relative"]), shown, *p])
    if not rows or summary.reference is None:
        return None
    title = f"{key} against {summary.reference}"
    return Table(title, [_first(summary), "difference", "in %", "95 % interval", "p (t)", "p (rand.)"], rows)


def cost_table(summary: Summary) -> Table:
    """Time and memory of a fit, means over seeds."""
    rows = []
    for row in summary.rows:
        cost = row["cost"]
        shown = [_mean(cost["seconds"], 1), _mean(cost["cpu_seconds"], 1), _mean(cost["peak_mb"], 0)]
        rows.append([row["label"], *shown, _mean(cost["base_mb"], 0), row["settings_from"]])
    return Table(
        "cost of a fit", [_first(summary), "seconds", "CPU s", "peak MB", "before MB", "settings"], rows
    )


def problems(summary: Summary) -> list[str]:
    """What is to be said about rows without all of their results."""
    return [f"{row['label']}: {row['problem']}" for row in summary.rows if row["problem"]]


def heading(summary: Summary) -> str:
    """What was done, in a line."""
    about = summary.about
    count = len(about["seeds"])
    over = f"{count} {'seed' if count == 1 else 'seeds'}" + (
        " (a split each)" if about["split_is_drawn"] else ""
    )
    masked = "nothing" if about["mask"] == "none" else about["mask"].replace("+", " and ")
    return f"{about['graph']['name']}, split {about['split']}, {over}, {masked} masked"


def explanations(summary: Summary) -> list[str]:
    """How to read the tables."""
    lines = ["mean ± sd over seeds; * best, + second best"]
    if any(row["tests"] for row in summary.rows):
        lines.append(
            f"tests: per user (averaged over seeds), row minus {summary.reference}; p of paired t and randomisation "
            "tests, Holm-corrected over the rows; interval by bootstrap over users"
        )
    return lines


def write_markdown(path: Path, summary: Summary) -> None:
    """Write the tables as Markdown, all cutoffs included."""
    about = summary.about
    keys = [f"{name}@{k}" for name in TESTED for k in about["ks"]]
    keys = list(dict.fromkeys([about["metric"], *keys]))
    tables = [metrics_table(summary, keys, "**{}**", "<u>{}</u>")]
    tables += [table for key in metric_keys(summary)[:2] if (table := tests_table(summary, key)) is not None]
    tables.append(cost_table(summary))
    parts = [f"### {table.title}\n\n{_markdown(table)}" for table in tables]
    lines = [
        line.replace("* best, + second best", "**best**, <u>second best</u>")
        for line in explanations(summary)
    ]
    parts.append("\n".join(f"- {line}" for line in [*lines, *problems(summary)]))
    with replacing_file(path) as temporary:
        temporary.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def write_csv(path: Path, summary: Summary) -> None:
    """Write one line for every row and metric."""
    tests = ("difference", "low", "high", "relative", "relative_low", "relative_high")
    names = ("t", "wilcoxon", "randomisation")
    header = ["label", "model", "metric", "seeds", "mean", "sd", "reference", *tests]
    header += [f"p_{name}" for name in names] + [f"p_{name}_holm" for name in names]
    with replacing_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        for row in summary.rows:
            for key in sorted(row["metrics"], key=_metric_order):
                value, found = row["metrics"][key], row["tests"].get(key)
                line = [row["label"], row["model"], key, len(row["seeds"]), value["mean"], value["sd"]]
                if found is not None:
                    line += [summary.reference, *(found[name] for name in tests)]
                    line += [found["p"][name] for name in names] + [found["p_holm"][name] for name in names]
                line += [None] * (len(header) - len(line))
                writer.writerow(["" if cell is None else cell for cell in line])


def _metric_order(key: str) -> tuple[int, int]:
    name, k = key.split("@")
    return METRIC_NAMES.index(name), int(k)


def _places(summary: Summary, key: str) -> list[int | None]:
    """Rank of every row's mean in a column, 1 the best; rows with equal means share it."""
    means = [row["metrics"][key]["mean"] if key in row["metrics"] else None for row in summary.rows]
    distinct = sorted({mean for mean in means if mean is not None}, reverse=True)
    return [None if mean is None else distinct.index(mean) + 1 for mean in means]


def _first(summary: Summary) -> str:
    return "variant" if summary.about["kind"] == "ablation" else "model"


def _spread(found: dict[str, Any] | None, digits: int) -> str:
    if found is None:
        return NOTHING
    sd = "" if found["sd"] is None else f" ± {found['sd']:.{digits}f}"
    return f"{found['mean']:.{digits}f}{sd}"


def _mean(found: dict[str, Any] | None, digits: int) -> str:
    return NOTHING if found is None else f"{found['mean']:,.{digits}f}"


def _percent(value: float | None) -> str:
    return NOTHING if value is None else f"{100 * value:+.1f}"


def _p_value(value: float | None) -> str:
    if value is None:
        return NOTHING
    return "<0.0001" if value < 0.0001 else f"{value:.4f}" if value < 0.1 else f"{value:.2f}"


def _markdown(table: Table) -> str:
    rule = ["---", *["---:"] * (len(table.header) - 1)]
    lines = [table.header, rule, *table.rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
