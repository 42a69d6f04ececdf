"""Runs as a table for people, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

from hetmusic._printable import one_line
from hetmusic.cli._table import table
from hetmusic.recommend.runs import ListedRun, differences


def as_table(runs: Sequence[ListedRun], metric: str) -> str:
    """One line a run; below, why some of them have no metrics."""
    keys = differences(runs)
    rows = [
        [one_line(cell) for cell in (run.path, run.status, _number(run, metric), *_settings(run, keys))]
        for run in runs
    ]
    lines = [table(["run", "status", metric, *keys], rows, numeric=[2])]
    lines += [one_line(f"{run.path}: {run.reason}") for run in runs if run.reason is not None]
    return "\n".join(lines)


def as_csv(runs: Sequence[ListedRun], metric: str) -> str:
    """The columns of the table, then the reason."""
    keys = differences(runs)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["run", "status", metric, *keys, "reason"])
    for run in runs:
        value = run.metrics.get(metric, "")
        writer.writerow([run.path, run.status, value, *_settings(run, keys), run.reason or ""])
    return stream.getvalue().removesuffix("\n")


def as_json(runs: Sequence[ListedRun], metric: str) -> str:
    """An array with all the metrics of every run, and the settings that differ."""
    keys = differences(runs)
    value = [
        {
            "run": run.path,
            "status": run.status,
            "reason": run.reason,
            "metrics": dict(run.metrics),
            "settings": {key: run.settings[key] for key in keys if key in run.settings},
        }
        for run in runs
    ]
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=str)


def _number(run: ListedRun, metric: str) -> str:
    return f"{run.metrics[metric]:.4f}" if metric in run.metrics else "-"


def _settings(run: ListedRun, keys: Sequence[str]) -> list[str]:
    return [_shown(run.settings[key]) if key in run.settings else "-" for key in keys]


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


#: format -> what writes it
RENDERERS: dict[str, Callable[[Sequence[ListedRun], str], str]] = {
    "table": as_table,
    "csv": as_csv,
    "json": as_json,
}
