"""From cells to numbers: means over seeds, costs, and tests of every row against one of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hetmusic._io import read_json, write_json
from hetmusic.errors import RunError
from hetmusic.evaluation.significance import (
    bootstrap_means,
    holm,
    interval,
    paired_t,
    randomisation,
    wilcoxon,
)
from hetmusic.experiments.cells import CellResult

RESULTS_FILE = "results.json"

#: metrics that are tested, at every cutoff, beside the deciding one
TESTED = ("ndcg", "recall")
#: resamples of the bootstrap, sign changes of the randomisation test, and their seed
RESAMPLES, DRAWS, SEED = 2_000, 10_000, 0
LEVEL = 0.95

#: what is needed of ``results.json``, and of each of its rows
_CONTENT = {"kind": str, "graph": dict, "split": str, "split_is_drawn": bool, "seeds": list, "metric": str, "mask": str,
            "ks": list, "tests": dict, "rows": list}  # fmt: skip
_ROW_CONTENT = {"label": str, "model": str, "metrics": dict, "tests": dict, "cost": dict, "failures": dict}

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """What one row of the table is made of."""

    label: str
    model: str
    #: where its settings come from
    source: str
    #: finished cells by seed
    results: Mapping[int, CellResult]
    #: why there is no cell, by seed
    failures: Mapping[int, str] = field(default_factory=dict)
    #: why there was nothing to run
    reason: str | None = None

    @property
    def problem(self) -> str | None:
        """Why there are not as many cells as there should be; None if there are."""
        seeds: dict[str, list[str]] = {}
        for seed, why in self.failures.items():
            seeds.setdefault(why, []).append(str(seed))
        parts = [f"{'seed' if len(s) == 1 else 'seeds'} {', '.join(s)}: {why}" for why, s in seeds.items()]
        return "; ".join(parts) or self.reason


@dataclass(frozen=True)
class Summary:
    """A finished comparison, JSON-serialisable."""

    #: graph, split, seeds, protocol
    about: dict[str, Any]
    #: label of the row that the others are tested against; None if no row has results
    reference: str | None
    #: one entry a row, in the order asked for
    rows: list[dict[str, Any]]

    def save(self, folder: Path) -> None:
        """Write ``results.json``, ``results.csv`` and ``results.md``."""
        from hetmusic.experiments.tables import write_csv, write_markdown

        write_json(folder / RESULTS_FILE, self.to_dict())
        write_csv(folder / "results.csv", self)
        write_markdown(folder / "results.md", self)

    @classmethod
    def load(cls, folder: Path) -> Summary:
        """Read ``results.json``.

        :raises RunError: if it is not there, since the command has not ended, or is damaged.
        """
        path = folder / RESULTS_FILE
        if not path.is_file():
            raise RunError(f"{folder} is not finished: it has no {RESULTS_FILE}; run the same command again")
        value = read_json(path, RunError)
        if not isinstance(value, dict):
            raise RunError(f"{path} is damaged: it does not hold a JSON object")
        about = {key: part for key, part in value.items() if key not in ("tests", "rows")}
        _check(path, value, _CONTENT, "")
        for number, row in enumerate(value["rows"]):
            _check(path, row, _ROW_CONTENT, f"rows[{number}].")
        return cls(about, value["tests"].get("reference"), value["rows"])

    @property
    def num_failed(self) -> int:
        """Number of cells that should be there and are not."""
        return sum(len(row["failures"]) for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Everything, with what the tests are."""
        tests = {
            "reference": self.reference,
            "unit": "user; the values of a user are averaged over seeds first",
            "difference": "row minus reference",
            "interval": f"{LEVEL:.0%} percentile bootstrap over users, {RESAMPLES} resamples",
            "tests": f"paired t, Wilcoxon signed rank, paired randomisation ({DRAWS} sign changes); two-sided",
            "holm": "over the rows, for each metric and test",
        }
        return {**self.about, "tests": tests, "rows": self.rows}


def _check(path: Path, value: Any, wanted: Mapping[str, type], where: str) -> None:
    for key, kind in wanted.items():
        found = value.get(key) if isinstance(value, dict) else None
        if not isinstance(found, kind):
            raise RunError(f"{path} is damaged: field {where}{key} is missing or not a {kind.__name__}")


def summarise(rows: Sequence[Row], reference: str | None, about: dict[str, Any]) -> Summary:
    """Put all numbers together.

    :param reference: label; None takes the row that is best on validation, which tells nothing about the test.
    """
    reference = _best_on_validation(rows) if reference is None else reference
    against = next((row for row in rows if row.label == reference and row.results), None)
    keys = _tested(about["metric"], about["ks"])
    tests = [_test(row, against, keys) if against is not None and row is not against else {} for row in rows]
    _correct(tests, keys)
    described = [{**_describe(row), "tests": found} for row, found in zip(rows, tests, strict=True)]
    return Summary(about, None if against is None else against.label, described)


def _best_on_validation(rows: Sequence[Row]) -> str | None:
    means = {
        row.label: np.mean([result.measured.valid for result in row.results.values()])
        for row in rows
        if row.results
    }
    return max(means, key=lambda label: float(means[label])) if means else None


def _tested(metric: str, ks: Sequence[int]) -> list[str]:
    """The deciding metric first."""
    return list(dict.fromkeys([metric, *(f"{name}@{k}" for name in TESTED for k in ks)]))


def _describe(row: Row) -> dict[str, Any]:
    cells = [result.measured for result in row.results.values()]
    metrics = {name: spread([cell.test[name] for cell in cells]) for name in (cells[0].test if cells else ())}
    cost = {
        name: spread([value for cell in cells if (value := getattr(cell, name)) is not None])
        for name in ("seconds", "cpu_seconds", "peak_mb", "base_mb", "gpu_mb")
    }
    return {
        "label": row.label,
        "model": row.model,
        "settings_from": row.source,
        "settings": cells[0].cell.given if cells else None,
        "problem": row.problem,
        "failures": {str(seed): why for seed, why in row.failures.items()},
        "seeds": list(row.results),
        "cells": [result.folder.name for result in row.results.values()],
        "valid": spread([cell.valid for cell in cells]),
        "metrics": metrics,
        "cost": cost,
        "info": [cell.info for cell in cells],
    }


def spread(values: Sequence[float]) -> dict[str, Any] | None:
    """Mean, standard deviation (of a sample; None for one value) and the values themselves; None of nothing."""
    if not values:
        return None
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "sd": sd, "values": [float(value) for value in values]}


def _test(row: Row, reference: Row, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Differences of a row from the reference for every metric; nothing if they have no seed in common."""
    common = [seed for seed in row.results if seed in reference.results]
    if not common:
        return {}
    values = [user_means([each.results[seed] for seed in common], keys) for each in (row, reference)]
    if not np.array_equal(values[0][0], values[1][0]):
        raise RunError(
            f"{row.label} and {reference.label} were tested on different users; remove their cells"
        )
    mine, theirs = values[0][1], values[1][1]
    differences = mine - theirs
    means = bootstrap_means(np.hstack([mine, theirs]), RESAMPLES, SEED)
    low, high = interval(means[:, : len(keys)] - means[:, len(keys) :], LEVEL)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = mine.mean(axis=0) / theirs.mean(axis=0) - 1
        relative_low, relative_high = interval(means[:, : len(keys)] / means[:, len(keys) :] - 1, LEVEL)
    tests = {
        "t": paired_t(differences),
        "wilcoxon": wilcoxon(differences),
        "randomisation": randomisation(differences, DRAWS, SEED),
    }
    return {
        key: {
            "difference": float(differences[:, column].mean()),
            "low": float(low[column]),
            "high": float(high[column]),
            "relative": _finite(relative[column]),
            "relative_low": _finite(relative_low[column]),
            "relative_high": _finite(relative_high[column]),
            "users": len(differences),
            "seeds": common,
            "p": {name: _finite(p[column]) for name, p in tests.items()},
        }
        for column, key in enumerate(keys)
    }


def user_means(results: Sequence[CellResult], keys: Sequence[str]) -> tuple[NDArray[np.int64], Floats]:
    """Every user's values, averaged over the seeds in which that user was tested.

    :return: users, ascending, and their values ``(num_users, num_keys)``.
    """
    tables = [result.per_user for result in results]
    users = np.unique(np.concatenate([table[0] for table in tables]))
    total, count = np.zeros((len(users), len(keys))), np.zeros((len(users), 1))
    for tested, values in tables:
        rows = np.searchsorted(users, tested)
        total[rows] += np.stack([values[key] for key in keys], axis=1)
        count[rows] += 1
    return users, total / count


def _correct(tests: Sequence[dict[str, dict[str, Any]]], keys: Sequence[str]) -> None:
    """Add Holm's correction over the rows."""
    done = [found for found in tests if found]
    for key in keys:
        for found in done:
            found[key]["p_holm"] = {}
        for name in done[0][key]["p"] if done else ():
            p = [math.nan if found[key]["p"][name] is None else found[key]["p"][name] for found in done]
            for found, adjusted in zip(done, holm(p), strict=True):
                found[key]["p_holm"][name] = _finite(adjusted)


def _finite(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None
