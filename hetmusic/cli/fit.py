"""``hetmusic fit``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("graph", type=click.Path(path_type=Path), required=False)
@click.option("--out", type=click.Path(path_type=Path), help="Run folder to write.")
@click.option("--resume", type=click.Path(path_type=Path), help="Go on with this run, instead of GRAPH.")
@click.option("--preset", default="default", show_default=True, help="Configuration to start from.")
@click.option("--config", type=click.Path(path_type=Path), help="TOML file on top of the preset.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="e.g. training.lr=0.003; repeatable.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of the split and of training.")
@click.option("--split", type=click.Path(path_type=Path), help="File of a published split (user, item, label).")
@click.option("--epochs", type=click.IntRange(min=1), help="Most epochs in all.")
@click.option("--tensorboard", type=click.Path(path_type=Path), help="Folder for TensorBoard's event files.")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
@click.option("--quiet", is_flag=True, help="No progress, no summary.")
def command(
    graph: Path | None,
    out: Path | None,
    resume: Path | None,
    preset: str,
    config: Path | None,
    overrides: tuple[str, ...],
    seed: int | None,
    split: Path | None,
    epochs: int | None,
    tensorboard: Path | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Train a model on GRAPH, with early stopping on validation interactions."""
    from hetmusic.cli import _progress, _render
    from hetmusic.fitting import fit
    from hetmusic.fitting import resume as resume_run
    from hetmusic.graph import MusicGraph
    from hetmusic.training import load_config

    if resume is not None:
        given = {"GRAPH": graph, "--out": out, "--config": config, "--set": overrides, "--seed": seed, "--split": split}
        if clash := [name for name, value in given.items() if value]:
            raise click.UsageError(f"--resume goes on with the run as it was set up; {', '.join(clash)} cannot change it")
    elif graph is None or out is None:
        raise click.UsageError("give a GRAPH and --out RUN, or --resume RUN")
    observers = _progress.observers(quiet, tensorboard)
    if resume is not None:
        run = resume_run(resume, observers, epochs)
    else:
        assert graph is not None and out is not None
        settings = [f"seed={seed}", f"split.seed={seed}"] if seed is not None else []
        settings += ['split.kind="file"', f"split.file={str(split)!r}"] if split is not None else []
        settings += [f"training.epochs={epochs}"] if epochs is not None else []
        chosen = load_config(preset, config, [*settings, *overrides])
        run = fit(MusicGraph.open(graph), chosen, out, observers, overwrite)
    if not quiet:
        _render.fit_summary(_render.console(), run)
