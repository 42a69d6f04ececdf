"""``hetmusic runs``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--metric", metavar="NAME", help="Sort by this. [default: what the runs stopped by, or ndcg@10]"
)
@click.option(
    "--format", "shape", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True
)
def command(folder: Path, metric: str | None, shape: str) -> None:
    """List the runs below DIR, best first by validation, and the settings in which they differ."""
    from hetmusic.cli._render_runs import RENDERERS
    from hetmusic.recommend.runs import by_metric, chosen_metric, list_runs

    found = list_runs(folder)
    chosen = chosen_metric(found, metric)
    click.echo(RENDERERS[shape](by_metric(found, chosen), chosen))
