"""``hetmusic build``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("dump", required=False)
@click.option(
    "--spec",
    type=click.Path(path_type=Path),
    help="Specification (YAML) of your own tables, instead of DUMP.",
)
@click.option("--raw", type=click.Path(path_type=Path), required=True, help="Folder of the raw files.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Graph folder to write.")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
def command(dump: str | None, spec: Path | None, raw: Path, out: Path, overwrite: bool) -> None:
    """Build a knowledge graph from a raw dump.

    DUMP is the name of a public data set (hetrec-lastfm), or use --spec for your own tables.
    """
    from hetmusic.cli._render import build_report
    from hetmusic.graph import MusicGraph

    if (dump is None) == (spec is None):
        raise click.UsageError("give either the name of a DUMP or --spec FILE")
    graph = MusicGraph.build(dump if dump is not None else str(spec), raw=raw, out=out, overwrite=overwrite)
    build_report(graph)
