"""``hetmusic features``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from hetmusic.cli import _train_emotion
from hetmusic.cli._features_extract import command as extract_command

PATH = click.Path(path_type=Path)


@click.group(name="features")
def command() -> None:
    """Give nodes their modalities."""


command.add_command(_train_emotion.command)
command.add_command(extract_command)


@command.command(name="import")
@click.argument("graph", type=PATH)
@click.option("--node", required=True, help="Node type, e.g. artist or song.")
@click.option("--modality", required=True, help="Name of the modality, e.g. text, audio or cover.")
@click.option("--values", type=PATH, required=True, help=".npy file, one vector a row, any length.")
@click.option("--keys", type=PATH, required=True, help="Original id of each row, one a line.")
@click.option("--key-column", help="KEYS is a table with a header; the ids are in this column.")
@click.option(
    "--unknown",
    type=click.Choice(["error", "skip"]),
    default="error",
    show_default=True,
    help="What to do with rows whose key the graph lacks.",
)
@click.option("--overwrite", is_flag=True, help="Replace a modality of the same name.")
def import_(
    graph: Path,
    node: str,
    modality: str,
    values: Path,
    keys: Path,
    key_column: str | None,
    unknown: Literal["error", "skip"],
    overwrite: bool,
) -> None:
    """Add ready-made vectors to any nodes of GRAPH."""
    from hetmusic.features.importing import import_features
    from hetmusic.graph import MusicGraph

    report = import_features(
        MusicGraph.open(graph),
        node,
        modality,
        values,
        keys,
        key_column=key_column,
        unknown=unknown,
        overwrite=overwrite,
    )
    click.echo(str(report))


@command.command(name="report")
@click.argument("graph", type=PATH)
@click.option("--node", help="Only of this node type.")
@click.option("--modality", help="Only this one.")
@click.option("--cache", type=PATH, help="Folder of results, if it is not GRAPH.cache.")
@click.option(
    "--csv", type=PATH, help="Write every node that failed: node, modality, key, name, path, reason."
)
@click.option("--overwrite", is_flag=True, help="Replace the CSV file if it exists.")
def report(
    graph: Path, node: str | None, modality: str | None, cache: Path | None, csv: Path | None, overwrite: bool
) -> None:
    """Show which nodes of GRAPH lack which modality, and why."""
    from hetmusic.cli import _render_features
    from hetmusic.features.extraction.report import reports, write_csv
    from hetmusic.features.extraction.run import default_cache
    from hetmusic.graph import MusicGraph

    opened = MusicGraph.open(graph)
    found = reports(opened, cache or default_cache(opened), node, modality)
    if csv is not None:
        write_csv(found, csv, overwrite)
    _render_features.report(found)


@command.command(name="list")
def list_() -> None:
    """List the extractors."""
    from hetmusic.cli import _render_features
    from hetmusic.features import extractors

    known = [extractors.lookup(name) for name in extractors.names]
    _render_features.extractor_list(sorted(known, key=lambda cls: (cls.kind, cls.name)))


@command.command(name="show")
@click.argument("name")
def show(name: str) -> None:
    """Show an extractor and its arguments.

    NAME may be an import path such as my_package.features:Mine.
    """
    from hetmusic.cli import _render_features
    from hetmusic.features import extractors

    _render_features.extractor(extractors.lookup(name))
