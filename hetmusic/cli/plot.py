"""``hetmusic plot``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hetmusic.cli._report_options import figure_options, settings
from hetmusic.report.figure import figure_names
from hetmusic.report.theme import THEMES


@click.command(epilog=f"Figures: {', '.join(figure_names())}.")
@click.argument("name")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="File to write: .png, .svg or .pdf, or .json for the numbers.",
)
@click.option("--theme", type=click.Choice(list(THEMES)), default="light", show_default=True)
@click.option("--dpi", type=click.IntRange(20, 1200), default=150, show_default=True, help="Dots per inch.")
@figure_options
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
def command(name: str, run: Path, out: Path, theme: str, dpi: int, overwrite: bool, **chosen: Any) -> None:
    """Draw the figure NAME of RUN, a finished run or what compare or ablate has written."""
    from hetmusic.report.writing import write_figure

    notes = write_figure(
        name, run, out, theme=theme, dpi=dpi, settings=settings(**chosen), overwrite=overwrite
    )
    click.echo(f"{out}: {name}")
    for note in notes:
        click.echo(f"  {note}")
