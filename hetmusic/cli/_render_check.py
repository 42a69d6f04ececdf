"""The checks of an encoder as they are run, a line each."""

from __future__ import annotations

from collections.abc import Sequence
from unittest import SkipTest

import click

from hetmusic.testing import ContractError, EncoderCase, encoder_contract, measure_cost


def checked(case: EncoderCase, cost: bool) -> list[str]:
    """Run every check and say how it went.

    :param cost: whether to measure time and memory as well.
    :return: the names of those that failed.
    """
    failures = []
    for check in encoder_contract.checks.values():
        name = check.name.replace("_", " ")
        try:
            check(case)
        except SkipTest as reason:
            click.echo(f"skipped  {name}: {reason}")
        except ContractError as problem:
            failures.append(check.name)
            click.echo(f"{click.style('FAILED', fg='red', bold=True)}   {name}\n         {problem}")
        else:
            click.echo(f"ok       {name}")
    if cost and not failures:
        click.echo(f"\n{measure_cost(case)}")
    return failures


def failed(case: EncoderCase, failures: Sequence[str]) -> str:
    """The last line."""
    total = len(encoder_contract.checks)
    return f"{case} breaks {len(failures)} of {total} points of its contract: {', '.join(failures)}"
