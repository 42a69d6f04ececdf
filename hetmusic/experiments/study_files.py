"""What a study leaves for people and other commands: ``study.json``, ``trials.csv`` and ``best.toml``."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w

from hetmusic._io import read_json, replacing_file, write_json
from hetmusic._toml import merge
from hetmusic.errors import RunError
from hetmusic.experiments.journal import Trial, best_of
from hetmusic.experiments.mmgnn import nested
from hetmusic.experiments.models import is_mmgnn, with_implied

STUDY_FILE = "study.json"
TRIALS_FILE = "trials.csv"
BEST_FILE = "best.toml"
FORMAT_VERSION = 1

#: parts of a study's identity -> what a person calls them
_IDENTITY = {
    "model": "model",
    "graph": "graph",
    "split": "split",
    "metric": "metric",
    "seed": "seed",
    "fixed": "fixed settings",
    "space": "search space",
}


def read_study(folder: Path) -> dict[str, Any] | None:
    """``study.json``, or None if the folder has none.

    :raises RunError: if it cannot be read or is of a newer format version.
    """
    path = folder / STUDY_FILE
    if not path.is_file():
        return None
    value = read_json(path, RunError)
    version = value.get("format_version") if isinstance(value, dict) else None
    if version != FORMAT_VERSION:
        raise RunError(f"{path}: field format_version is {version}, this hetmusic reads {FORMAT_VERSION}")
    if missing := [key for key in _IDENTITY if key not in value]:
        raise RunError(f"{path}: field {missing[0]!r} is missing")
    return dict(value)


def check_same(folder: Path, stored: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    """Refuse to go on with a study under other conditions.

    :raises RunError: naming what is not the same.
    """
    for key, name in _IDENTITY.items():
        if stored[key] != identity[key]:
            raise RunError(
                f"{folder} holds a study with another {name} ({_short(stored[key])}, not {_short(identity[key])}); "
                "choose another --out"
            )


def write_study(
    folder: Path, identity: Mapping[str, Any], budget: Mapping[str, Any], trials: Sequence[Trial]
) -> None:
    """Write everything but the journal, each file atomically."""
    best = best_of(trials)
    states = [trial.state for trial in trials]
    summary = {
        **identity,
        "format_version": FORMAT_VERSION,
        "budget": dict(budget),
        "trials": {state: states.count(state) for state in ("complete", "pruned", "failed")},
        "seconds": round(sum(trial.seconds for trial in trials), 3),
        "best": None if best is None else best.model_dump(include={"number", "value", "settings", "seconds"}),
    }
    write_json(folder / STUDY_FILE, summary)
    if not trials:
        return
    _write_trials(folder / TRIALS_FILE, trials)
    if best is not None:
        text = _heading(identity, best, len(trials)) + tomli_w.dumps(best_settings(identity, best))
        with replacing_file(folder / BEST_FILE) as temporary:
            temporary.write_text(text, encoding="utf-8")


def best_settings(identity: Mapping[str, Any], best: Trial) -> dict[str, Any]:
    """The settings of a trial together with the fixed ones, nested; a complete ``--config`` where the model is mmgnn."""
    model = str(identity["model"])
    settings = with_implied(model, merge(identity["fixed"], nested(best.settings)))
    if not is_mmgnn(model):
        return settings
    return merge({"preset": "default", "training": {"metric": identity["metric"]}}, settings)


def _heading(identity: Mapping[str, Any], best: Trial, count: int) -> str:
    graph, split = identity["graph"]["name"], identity["split"]["description"]
    return (
        f"# {identity['model']}: best of {count} trials on {graph}, split {split}\n"
        f"# validation {identity['metric']} {best.value:.4f} (trial {best.number})\n"
    )


def _write_trials(path: Path, trials: Sequence[Trial]) -> None:
    keys = sorted({key for trial in trials for key in trial.settings})
    with replacing_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["trial", "state", "value", "validations", "seconds", *keys, "error"])
        for trial in trials:
            value = "" if trial.value is None else repr(trial.value)
            settings = [trial.settings.get(key, "") for key in keys]
            row = [trial.number, trial.state, value, len(trial.steps), f"{trial.seconds:.2f}", *settings]
            writer.writerow([*row, trial.error or ""])


def _short(value: Any) -> str:
    if isinstance(value, Mapping) and "checksum" in value:
        return f"{value['name']} {value['checksum'][:8]}/{value['features'][:8]}"
    if isinstance(value, Mapping) and "sha256" in value:
        return f"{value['description']} {value['sha256'][:8]}"
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
