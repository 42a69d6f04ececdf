"""``hetmusic tune``."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from hetmusic.cli import _experiments
from hetmusic.cli._experiments import PATH


@click.command()
@click.argument("graph", type=PATH)
@click.option("--model", required=True, help="e.g. mmgnn, mmgnn:PRESET, ease or module:Class.")
@click.option("--space", type=PATH, help="TOML file of what to search. [default: the model's own]")
@click.option(
    "--out", type=PATH, required=True, help="Folder of the study; if there is one, it is gone on with."
)
@click.option(
    "--trials", type=click.IntRange(min=1), default=50, show_default=True, help="Most trials in all."
)
@click.option("--minutes", type=click.FloatRange(min=0), help="No trial starts after all took this long.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of search and fits.")
@_experiments.split_option
@click.option("--split-seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the split.")
@_experiments.metric_option
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="A setting that is not searched."
)
@_experiments.quiet_option
def command(
    graph: Path,
    model: str,
    space: Path | None,
    out: Path,
    trials: int,
    minutes: float | None,
    seed: int,
    split: str,
    split_seed: int,
    metric: str,
    overrides: tuple[str, ...],
    quiet: bool,
) -> None:
    """Search MODEL's settings on validation interactions of GRAPH."""
    from hetmusic.cli import _render
    from hetmusic.experiments.problems import SplitChoice, user_metric
    from hetmusic.experiments.tuning import Budget, plan_study, settings_from, tune
    from hetmusic.graph import MusicGraph
    from hetmusic.rivals import Problem

    plan = plan_study(model, space, settings_from(overrides), seed)
    choice, metric = SplitChoice.parse(split), user_metric(metric)
    opened = MusicGraph.open(graph)
    problem = Problem(opened, choice.make(opened, split_seed), metric)
    on_trial = partial(_experiments.Progress(quiet).trial, model)
    with _experiments.going_on(out):
        done = tune(problem, plan, Budget(trials, minutes), out, on_trial)
    if not quiet:
        _render.study_summary(graph, plan, metric, done, out)
