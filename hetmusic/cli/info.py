"""``hetmusic info``."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.argument("graph", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--verify", is_flag=True, help="Check the checksum of every file first.")
def command(graph: Path, as_json: bool, verify: bool) -> None:
    """Show what a graph holds: counts, degrees, modalities and what its build dropped."""
    from hetmusic.graph import MusicGraph

    summary = MusicGraph.open(graph, verify=verify).summary()
    if as_json:
        click.echo(json.dumps(summary, indent=2, ensure_ascii=False))
        return
    from hetmusic.cli._render import graph_summary

    graph_summary(summary)
