"""``hetmusic export``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("graph", type=click.Path(path_type=Path))
@click.option(
    "--to",
    type=click.Choice(["dgl", "pyg", "networkx", "csv"]),
    required=True,
    help="What will read it.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder (dgl, csv) or file (pyg; networkx: .graphml or .json) to write.",
)
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
def command(graph: Path, to: str, out: Path, overwrite: bool) -> None:
    """Write a graph for another program: DGL, PyTorch Geometric, NetworkX, or tables.

    The whole graph is written, with what a split would hold out.
    """
    from hetmusic.cli._render_graph import export_report
    from hetmusic.graph import MusicGraph
    from hetmusic.graph.export import export_graph

    export_report(export_graph(MusicGraph.open(graph), to, out, overwrite), to)
