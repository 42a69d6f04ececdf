"""The runs below a folder: how good they are, and in what their configurations differ."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hetmusic import run_layout as layout
from hetmusic._toml import flat
from hetmusic.errors import ConfigError, RunError, UserError, did_you_mean
from hetmusic.recommend.stored_run import StoredRun

#: what runs are sorted by where their own settings do not agree on a metric
DEFAULT_METRIC = "ndcg@10"
#: status of a run that cannot be read; the others are those of ``run.json``
DAMAGED = "damaged"


@dataclass(frozen=True)
class ListedRun:
    """A run folder, whatever its state."""

    #: seen from the folder that was searched
    path: str
    #: ``finished``, ``running``, ``interrupted`` or ``damaged``
    status: str
    #: why it has no metrics; None for a finished run
    reason: str | None = None
    #: validation metrics, e.g. ``{"ndcg@10": 0.21}``
    metrics: Mapping[str, float] = field(default_factory=dict)
    #: the configuration and the graph by dotted key, as far as they can be read
    settings: Mapping[str, Any] = field(default_factory=dict)


def list_runs(folder: Path | str) -> list[ListedRun]:
    """Every run below a folder (or the folder itself), by path. Folders inside a run are not searched.

    :raises RunError: if there is no such folder, or no run in it.
    """
    top = Path(folder)
    if not top.is_dir():
        raise RunError(f"{top}: no such folder")
    found = [_listed(path, str(path.relative_to(top))) for path in _run_folders(top)]
    if not found:
        raise RunError(f"there is no run below {top}: no folder with a {layout.RUN_FILE}")
    return found


def chosen_metric(runs: Sequence[ListedRun], wanted: str | None) -> str:
    """The metric to sort by: the one that is wanted, else that of the runs' own early stopping if they agree.

    :raises ConfigError: if one is wanted that no finished run has.
    """
    known = sorted({name for run in runs for name in run.metrics})
    if wanted is not None:
        if wanted not in known:
            raise ConfigError(
                f"no finished run has the metric {wanted!r}{did_you_mean(wanted, known)}; they have "
                f"{', '.join(known) or 'none'}"
            )
        return wanted
    own = {str(run.settings.get("training.metric", DEFAULT_METRIC)) for run in runs if run.reason is None}
    (only,) = own if len(own) == 1 else (DEFAULT_METRIC,)
    return only


def by_metric(runs: Sequence[ListedRun], metric: str) -> list[ListedRun]:
    """The best run first; those without the metric last, by path."""
    return sorted(runs, key=lambda run: (metric not in run.metrics, -run.metrics.get(metric, 0), run.path))


def differences(runs: Sequence[ListedRun]) -> list[str]:
    """Keys of the settings that are not the same in all the runs whose settings can be read, in their order."""
    readable = [run.settings for run in runs if run.settings]
    keys = dict.fromkeys(key for settings in readable for key in settings)
    return [key for key in keys if any(s.get(key) != readable[0].get(key) for s in readable)]


def _run_folders(top: Path) -> Iterator[Path]:
    for folder, inside, files in os.walk(top):
        inside.sort()
        begun = layout.CONFIG_FILE in files and {"split", "embeddings", "weights", "state"} & set(inside)
        if layout.RUN_FILE in files or begun:
            inside.clear()
            yield Path(folder)


def _listed(folder: Path, path: str) -> ListedRun:
    try:
        info = layout.RunInfo.load(folder)
    except UserError as problem:
        return ListedRun(path, DAMAGED, str(problem))
    settings: dict[str, Any] = {}
    try:
        settings = {
            "graph": info.graph.path,
            "graph.checksum": info.graph.checksum,
            **flat(StoredRun(folder, info).config),
        }
        metrics = _metrics(StoredRun.open(folder)) if info.status == "finished" else None
    except UserError as problem:
        return ListedRun(path, DAMAGED, str(problem), settings=settings)
    if metrics is None:
        state = "being trained, or was killed" if info.status == "running" else info.status
        reason = f"it is {state}; go on with: hetmusic fit --resume {folder}"
        return ListedRun(path, info.status, reason, settings=settings)
    return ListedRun(path, info.status, None, metrics, settings)


def _metrics(run: StoredRun) -> dict[str, float]:
    values = run.metrics.get("values")
    file = run.path / layout.METRICS_FILE
    if not isinstance(values, dict) or not all(
        isinstance(value, (int, float)) and math.isfinite(value) for value in values.values()
    ):
        raise RunError(f"{file}: field values does not hold a number for each metric")
    return {str(name): float(value) for name, value in values.items()}
