"""What ``plot`` and ``report`` let one choose about figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from hetmusic.report import ReportSettings

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = [
    click.option(
        "-k",
        type=click.IntRange(min=1),
        default=10,
        show_default=True,
        metavar="N",
        help="Length of the lists.",
    ),
    click.option(
        "--clusters",
        type=click.IntRange(min=1),
        metavar="N",
        help="Clusters of songs. [default: 10, or fewer of few songs]",
    ),
    click.option(
        "--groups",
        type=click.IntRange(min=1),
        metavar="N",
        help="Groups of users. [default: found from the data]",
    ),
    click.option(
        "--max-points",
        type=click.IntRange(min=10),
        default=20_000,
        show_default=True,
        metavar="N",
        help="Of more songs, t-SNE draws a sample.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Of everything drawn at random.",
    ),
    click.option("--no-cache", is_flag=True, help="Neither read nor keep what is expensive."),
]


def figure_options(command: F) -> F:
    """Add the options that :func:`settings` reads."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def settings(
    *, k: int, clusters: int | None, groups: int | None, max_points: int, seed: int, no_cache: bool
) -> ReportSettings:
    """What :func:`figure_options` say together."""
    from hetmusic.report import ReportSettings

    return ReportSettings(
        k=k, clusters=clusters, groups=groups, max_points=max_points, seed=seed, cache=not no_cache
    )
