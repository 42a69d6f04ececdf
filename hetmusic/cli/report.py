"""``hetmusic report``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hetmusic.cli._report_options import figure_options, settings


@click.command()
@click.argument("folder", metavar="RUN|RESULTS", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The HTML file.")
@figure_options
@click.option("--overwrite", is_flag=True, help="Replace an older report.")
@click.option("--quiet", is_flag=True, help="No progress.")
def command(folder: Path, out: Path, overwrite: bool, quiet: bool, **chosen: Any) -> None:
    """Write a page about a finished run, or the results of compare or ablate.

    It is one HTML file that loads nothing: what was built, how it was trained, how good it is, what it has learned, and
    a search for users with what is recommended to them and why.
    """
    from hetmusic.report import open_source
    from hetmusic.report.page.writing import SUFFIXES, write_report
    from hetmusic.report.writing import check_out

    check_out(out, overwrite, SUFFIXES)
    source = open_source(folder, settings(**chosen))
    on_step = (lambda step: None) if quiet else (lambda step: click.echo(step, err=True))
    path = write_report(source, out, overwrite=overwrite, on_step=on_step)
    click.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
