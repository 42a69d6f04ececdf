"""The options of ``hetmusic build`` that say how dumps are joined, what may be dropped and which part is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_JOINING = [
    click.option("--name", help="Name of the graph, by default that of the dump."),
    click.option("--item", metavar="TYPE", help="Node type to recommend, where several are possible."),
    click.option(
        "--match-names",
        metavar="TYPE[:ATTR+ATTR]",
        multiple=True,
        help="Join nodes of several dumps that have the same name, too.",
    ),
    click.option("--keep-apart", metavar="TYPE", multiple=True, help="Nodes that need not be joined."),
]
_TRUST = [
    click.option("--strict", is_flag=True, help="Make every dropped row an error."),
    click.option(
        "--max-dropped",
        type=float,
        metavar="SHARE",
        help="Share of the rows of a file that may be dropped (0.05, where the dump does not know better).",
    ),
]
_FILE = click.Path(path_type=Path)
_FILTERS = [
    click.option("--items", type=_FILE, help="Keep the items whose keys this file lists."),
    click.option("--users", type=_FILE, help="Keep the users whose keys this file lists."),
    click.option("--min-plays", type=float, help="Keep interactions with so many plays."),
    click.option("--sample", type=float, metavar="SHARE", help="Keep this share of the users, such as 0.01."),
    click.option("--sample-seed", type=int, help="Draw other users."),
    click.option("--top-users", type=int, metavar="N", help="Keep the users with most interactions."),
    click.option("--top-items", type=int, metavar="N", help="Keep the items with most interactions."),
    click.option("--user-core", type=int, metavar="N", help="Keep users with so many kept items."),
    click.option("--item-core", type=int, metavar="N", help="Keep items with so many kept users."),
    click.option(
        "--isolated",
        type=click.Choice(["drop", "linked", "keep"]),
        help="What to do with nodes that a filter leaves without edges (drop).",
    ),
]


def build_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which takes them by their names."""
    for option in reversed([*_JOINING, *_TRUST, *_FILTERS]):
        command = option(command)
    return command


def as_arguments(given: dict[str, Any]) -> dict[str, Any]:
    """What was given, as arguments of ``MusicGraph.build``."""
    from kg_schema.filters import Filters

    found = {key: list(value) if isinstance(value, tuple) else value for key, value in given.items()}
    found = {key: value for key, value in found.items() if value not in (None, [], False)}
    filters = {key: found.pop(key) for key in Filters.model_fields if key in found}
    return {**found, "filters": filters} if filters else found
