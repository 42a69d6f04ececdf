"""The command that makes a comparison or an ablation again, as far as its results tell."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hetmusic.report.source import ResultSource


def commands(source: ResultSource) -> list[str]:
    """A command, and where to find what it does not say: the settings of the rows."""
    about = source.summary.about
    words = [*(_ablation(source) if source.kind == "ablation" else _comparison(source))]
    words += ["--split", str(about["split"]).removeprefix("file ")]
    words += ["--seeds", str(len(about["seeds"])), "--seed", str(about["seeds"][0])]
    words += ["--metric", about["metric"], "--mask", about["mask"], "-k", ",".join(map(str, about["ks"]))]
    words += ["--out", f"results/{source.path.resolve().name}"]
    return [shlex.join(["hetmusic", *words]), "# settings that are not defaults: under “Cost and settings”"]


def _graph(source: ResultSource) -> str:
    return f"graphs/{source.summary.about['graph']['name']}"


def _ablation(source: ResultSource) -> list[str]:
    labels = [row["label"] for row in source.summary.rows][1:]
    removed = [label.removeprefix("without ") for label in labels if label.startswith("without ")]
    controls = [label for label in labels if not label.startswith("without ")]
    words = ["ablate", _graph(source)]
    words += ["--without", ",".join(removed)] if removed else []
    return words + (["--controls", ",".join(controls)] if controls else [])


def _comparison(source: ResultSource) -> list[str]:
    rows = [(row["label"], row["model"]) for row in source.summary.rows]
    models = ",".join(label if label == model else f"{label}={model}" for label, model in rows)
    return ["compare", _graph(source), "--models", models]
