"""``hetmusic compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hetmusic.cli import _experiments
from hetmusic.cli._experiments import PATH


@click.command()
@click.argument("graph", type=PATH)
@click.option(
    "--models",
    required=True,
    callback=_experiments.names,
    help="e.g. mmgnn,ease, or LABEL=MODEL for a model twice.",
)
@click.option(
    "--out", type=PATH, required=True, help="Folder of the comparison; what is there is not run again."
)
@click.option("--reference", help="Model to test the others against. [default: the best on validation]")
@click.option("--tuned", type=PATH, multiple=True, help="Folder of studies, for the models' settings.")
@click.option(
    "--settings", "files", multiple=True, metavar="MODEL=FILE", help="TOML file of a model's settings."
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="MODEL.KEY=VALUE",
    help="e.g. mmgnn.training.lr=0.003; of a row with a label, LABEL.KEY.",
)
@click.option("--tune-trials", type=click.IntRange(min=1), help="Tune each model first: most trials of each.")
@click.option("--tune-minutes", type=click.FloatRange(min=0), help="Tune each model first: minutes for each.")
@_experiments.protocol_options
@_experiments.quiet_option
def command(
    graph: Path,
    models: list[str],
    out: Path,
    reference: str | None,
    tuned: tuple[Path, ...],
    files: tuple[str, ...],
    overrides: tuple[str, ...],
    tune_trials: int | None,
    tune_minutes: float | None,
    quiet: bool,
    **judged: Any,
) -> None:
    """Fit, validate and test MODELS on the same splits of GRAPH."""
    from hetmusic.experiments.comparison import check_labels, compare
    from hetmusic.experiments.entries import Asked, make_entries, tune_all
    from hetmusic.experiments.tuning import Budget
    from hetmusic.graph import MusicGraph

    asked, protocol = Asked.parse(models, tuned, files, overrides), _experiments.protocol(**judged)
    check_labels(asked.models, reference)
    opened = MusicGraph.open(graph)
    progress = _experiments.Progress(quiet)
    with _experiments.going_on(out):
        if tune_trials is not None or tune_minutes is not None:
            budget = Budget(tune_trials or 50, tune_minutes)
            asked = tune_all(opened, asked, protocol, budget, out, progress.trial)
        entries = make_entries(opened, asked)
        summary = compare(opened, entries, protocol, out, reference=reference, on_cell=progress.cell)
    _experiments.report(summary, out, quiet)
