"""``hetmusic features``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from hetmusic.cli import _train_emotion

PATH = click.Path(path_type=Path)


@click.group(name="features")
def command() -> None:
    """Give nodes their modalities."""


command.add_command(_train_emotion.command)


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
