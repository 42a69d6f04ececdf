"""``hetmusic doctor``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """Check the installation: versions, devices, what works, what does not and what to do about it."""
    from hetmusic.doctor import diagnose

    checks = diagnose()
    if as_json:
        click.echo(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        for check in checks:
            click.echo(f"{check.status:>7}  {check.name}: {check.detail}")
            if check.advice:
                click.echo(f"         -> {check.advice}")
    if any(check.status == "broken" for check in checks):
        sys.exit(1)
