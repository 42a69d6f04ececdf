"""What the commands about specifications print for people to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hetmusic.specs import CheckReport, SpecProblem


def checked(report: CheckReport) -> None:
    """What a specification and its files have in common, and what not."""
    for fact in report.facts:
        click.echo(fact)
    if report.facts and report.problems:
        click.echo()
    _problems("errors", report.errors)
    _problems("warnings", report.warnings)
    if not report.problems:
        click.echo(f"{report.path}: nothing is wrong")


def _problems(title: str, problems: Sequence[SpecProblem]) -> None:
    if problems:
        click.echo(f"{title}:")
    for problem in problems:
        click.echo(f"  {problem}")
