"""``hetmusic build``."""

from __future__ import annotations

from pathlib import Path

import click


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
@click.option("--name", help="Name of the graph, by default that of the dump.")
@click.option("--item", metavar="TYPE", help="Node type to recommend, where several are possible.")
@click.option(
    "--match-names",
    metavar="TYPE[:ATTR+ATTR]",
    multiple=True,
    help="Join nodes of several dumps that have the same name, too.",
)
@click.option("--keep-apart", metavar="TYPE", multiple=True, help="Nodes that need not be joined.")
def command(
    dumps: tuple[str, ...],
    specs: tuple[Path, ...],
    raw: tuple[str, ...],
    out: Path,
    overwrite: bool,
    **options: str | tuple[str, ...] | None,
) -> None:
    """Build a knowledge graph from raw dumps.

    DUMP is the name of a public data set (hetrec-lastfm), or use --spec for your own tables. Several are
    joined into one graph.
    """
    from hetmusic.cli._render import build_report
    from hetmusic.graph import MusicGraph

    if not dumps and not specs:
        raise click.UsageError("give the name of a DUMP or --spec FILE")
    given = {
        key: list(value) if isinstance(value, tuple) else value for key, value in options.items() if value
    }
    named = [*dumps, *map(str, specs)]
    graph = MusicGraph.build(named, raw=raw_folders(raw), out=out, overwrite=overwrite, **given)
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
