"""Result folders of comparisons and ablations, written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hetmusic._io import write_json
from hetmusic.experiments.summary import Summary, spread

KEYS = ("ndcg@10", "recall@10", "ndcg@50", "recall@50")


def row(label: str, values: list[float], relative: float | None = None, **other: Any) -> dict[str, Any]:
    """A row whose metrics all have the same values, one a seed, and the same difference from the reference."""
    tested = {
        "difference": 0.01, "low": 0.0, "high": 0.02, "relative": relative,
        "relative_low": None if relative is None else relative - 0.02,
        "relative_high": None if relative is None else relative + 0.01,
        "users": 10, "seeds": [0, 1], "p": {"t": 0.01, "wilcoxon": 0.01, "randomisation": 0.01},
        "p_holm": {"t": 0.02, "wilcoxon": 0.02, "randomisation": 0.02},
    }  # fmt: skip
    cost = {
        name: spread([1.0] * len(values))
        for name in ("seconds", "cpu_seconds", "peak_mb", "base_mb", "gpu_mb")
    }
    made = {
        "label": label, "model": "mmgnn", "settings_from": "defaults", "settings": {}, "problem": None, "failures": {},
        "seeds": list(range(len(values))), "cells": [], "valid": spread(values), "cost": cost, "info": [],
        "metrics": {key: spread(values) for key in KEYS} if values else {},
        "tests": {} if relative is None else dict.fromkeys(KEYS, tested),
    }  # fmt: skip
    return {**made, **other}


def write_results(folder: Path, kind: str, rows: list[dict[str, Any]], reference: str | None) -> Path:
    """A folder as ``compare`` or ``ablate`` leaves it, without its cells."""
    about = {
        "kind": kind, "hetmusic": "0.1.0", "graph": {"name": "tiny", "checksum": "0" * 64, "features": ""},
        "split": "random", "split_is_drawn": True, "seeds": [0, 1], "metric": "ndcg@10", "mask": "train+valid",
        "ks": [10, 50],
    }  # fmt: skip
    folder.mkdir()
    write_json(folder / "comparison.json", {"format_version": 1, "kind": kind})
    Summary(about, reference, rows).save(folder)
    return folder
