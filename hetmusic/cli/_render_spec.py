"""What the commands about specifications print for people to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from hetmusic.cli._render import quoted

if TYPE_CHECKING:
    from pathlib import Path

    from hetmusic.specs import CheckReport, InitReport, SpecProblem


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


def drafted(report: InitReport, out: Path, folder: Path) -> None:
    """What a drafted specification says, what it leaves out, and what comes next."""
    made = report.draft
    relations = [entry.values["relation"] for entry in made.edges] + (["tags"] if made.assignments else [])
    click.echo(
        f"wrote {out}: nodes {', '.join(made.nodes)}; relations {', '.join(dict.fromkeys(relations)) or 'none'}"
    )
    for text in made.left:
        click.echo(f"  not used: {text}")
    doubts = report.text.count("# ? ")
    if doubts:
        click.echo(f"  {doubts} {'guess is' if doubts == 1 else 'guesses are'} marked with `?`")
    where = f"{quoted(out)} --raw {quoted(folder)}"
    click.echo(f"\nnext: hetmusic spec check {where}\n      hetmusic build --spec {where} --out GRAPH")


def _problems(title: str, problems: Sequence[SpecProblem]) -> None:
    if problems:
        click.echo(f"{title}:")
    for problem in problems:
        click.echo(f"  {problem}")
