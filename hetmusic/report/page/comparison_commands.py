"""The command that makes a comparison or an ablation again, as far as its results tell."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hetmusic.report.source import ResultSource

#: characters of a line that the page has room for
_WIDTH = 84


def commands(source: ResultSource) -> list[str]:
    """A command, and where to find what it does not say: the settings of the rows."""
    about = source.summary.about
    words = [*(_ablation(source) if source.kind == "ablation" else _comparison(source))]
    words += ["--split", str(about["split"]).removeprefix("file ")]
    words += ["--seeds", str(len(about["seeds"])), "--seed", str(about["seeds"][0])]
    words += ["--metric", about["metric"], "--mask", about["mask"], "-k", ",".join(map(str, about["ks"]))]
    words += ["--out", f"results/{source.path.resolve().name}"]
    return [_folded(["hetmusic", *words]), "# settings that are not defaults: under “Cost and settings”"]


def _folded(words: Sequence[str]) -> str:
    """A command for a shell, on so many lines that none is broken inside an option."""
    parts = [shlex.quote(word) for word in words]
    lines = [parts[0]]
    for part, following in itertools.pairwise([*parts[1:], ""]):
        needed = len(part) + (1 + len(following) if part.startswith("-") else 0)
        if part.startswith("-") and len(lines[-1]) + 1 + needed > _WIDTH:
            lines.append(f"  {part}")
        else:
            lines[-1] += f" {part}"
    return " \\\n".join(lines)


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
