"""``hetmusic build``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hetmusic.cli._build_options import as_arguments, build_options


@click.command()
@click.argument("dumps", metavar="[DUMP]...", nargs=-1)
@click.option(
    "--spec",
    "specs",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Specification (YAML) of your own tables.",
)
@click.option(
    "--raw",
    metavar="DIR or NAME=DIR",
    multiple=True,
    required=True,
    help="Folder of the raw files, one for each dump.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Graph folder to write.")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
@build_options
def command(
    dumps: tuple[str, ...],
    specs: tuple[Path, ...],
    raw: tuple[str, ...],
    out: Path,
    overwrite: bool,
    **options: Any,
) -> None:
    """Build a knowledge graph from raw dumps.

    DUMP is the name of a public data set (hetrec-lastfm), or use --spec for your own tables. Several are
    joined into one graph.
    """
    from hetmusic.cli._render import build_report
    from hetmusic.graph import MusicGraph

    if not dumps and not specs:
        raise click.UsageError("give the name of a DUMP or --spec FILE")
    named = [*dumps, *map(str, specs)]
    graph = MusicGraph.build(
        named, raw=raw_folders(raw), out=out, overwrite=overwrite, **as_arguments(options)
    )
    build_report(graph)


def raw_folders(given: tuple[str, ...]) -> str | dict[str, str]:
    """A single folder, or the folders by the name of their dump (``NAME=DIR``)."""
    if len(given) == 1 and ("=" not in given[0] or Path(given[0]).exists()):
        return given[0]
    found: dict[str, str] = {}
    for text in given:
        name, equals, folder = text.partition("=")
        if not equals or not name or not folder:
            raise click.UsageError(
                f"--raw {text}: of several dumps, each folder needs its name: --raw NAME=DIR"
            )
        if name in found:
            raise click.UsageError(f"--raw {name}=...: two folders are given for {name!r}")
        found[name] = folder
    return found
