"""``hetmusic validate``."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.argument("graph", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(graph: Path, as_json: bool) -> None:
    """Check everything in a graph that can be wrong.

    Exit status 0 if there are no errors (warnings may be), else 1.
    """
    from hetmusic.errors import GraphFormatError
    from hetmusic.graph.validation import validate_graph

    report = validate_graph(graph)
    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=2, ensure_ascii=False))
    else:
        from hetmusic.cli._render_graph import validation

        validation(report)
    if not report.valid:
        kinds = "kind" if len(report.errors) == 1 else "kinds"
        raise GraphFormatError(f"{graph} has {len(report.errors)} {kinds} of errors, listed above")
