"""``hetmusic fit``."""

from __future__ import annotations

from pathlib import Path

import click

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("graph", type=PATH, required=False)
@click.option("--out", type=PATH, help="Run folder to write.")
@click.option("--resume", type=PATH, help="Go on with this run, instead of GRAPH.")
@click.option("--preset", default="default", show_default=True, help="Configuration to start from.")
@click.option("--config", type=PATH, help="TOML file on top of the preset.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="e.g. training.lr=0.003.")
@click.option(
    "--auto",
    is_flag=True,
    help="Settings for the size of GRAPH and for this machine, over those of the preset.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Seed of the split and of training.")
@click.option("--split", type=PATH, help="File of a published split: columns userID, itemID, x_label.")
@click.option("--epochs", type=click.IntRange(min=1), help="Most epochs in all.")
@click.option("--device", help="Where to train: cpu, cuda, cuda:N, or auto: a GPU if there is one.")
@click.option(
    "--logger", "loggers", multiple=True, metavar="NAME", help="Experiment logger, e.g. tensorboard."
)
@click.option("--logger-set", multiple=True, metavar="NAME.KEY=VALUE", help="Argument of a logger.")
@click.option("--tensorboard", metavar="FOLDER", help="Short for the logger tensorboard with this folder.")
@click.option("--explain-model", is_flag=True, help="Print what the model is made of, and train nothing.")
@click.option("--dry-run", is_flag=True, help="Say how much memory training would take, and train nothing.")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
@click.option("--quiet", is_flag=True, help="No progress, no summary.")
@click.pass_context
def command(
    ctx: click.Context,
    graph: Path,
    out: Path,
    resume: Path | None,
    preset: str,
    config: Path | None,
    overrides: tuple[str, ...],
    auto: bool,
    seed: int | None,
    split: Path | None,
    epochs: int | None,
    device: str | None,
    loggers: tuple[str, ...],
    logger_set: tuple[str, ...],
    tensorboard: str | None,
    explain_model: bool,
    dry_run: bool,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Train a model on GRAPH, with early stopping on validation interactions."""
    from hetmusic import _torchrun
    from hetmusic.cli import _options, _progress, _render

    _options.check(ctx)
    first = _torchrun.rank() == 0  # of several processes, one speaks
    quiet = quiet or not first
    from hetmusic.fitting import fit, plan
    from hetmusic.fitting import resume as resume_run
    from hetmusic.graph import MusicGraph
    from hetmusic.training import load_config
    from hetmusic.training.loggers import make_loggers

    if tensorboard is not None:
        loggers, logger_set = (*loggers, "tensorboard"), (*logger_set, f"tensorboard.folder={tensorboard}")
    observers = [*_progress.observers(quiet), *(make_loggers(loggers, logger_set) if first else [])]
    if explain_model:
        from hetmusic.cli._render_structure import structure
        from hetmusic.fitting import explain_fit

        chosen = load_config(
            preset, config, [*_options.as_overrides(seed, split, epochs, device), *overrides]
        )
        structure(explain_fit(MusicGraph.open(graph), chosen))
        return
    with _progress.resumable(resume or out):
        if resume is not None:
            run = resume_run(resume, observers, epochs, device)
        else:
            opened = MusicGraph.open(graph)
            settings = [*_options.as_overrides(seed, split, epochs, device), *overrides]
            chosen = load_config(
                preset, config, settings, _options.automatic(opened, quiet) if auto else None
            )
            if dry_run:
                return _render.memory_plan(plan(opened, chosen))
            run = fit(opened, chosen, out, observers, overwrite)
    if not quiet:
        _render.fit_summary(run)
