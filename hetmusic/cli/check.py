"""``hetmusic check``."""

from __future__ import annotations

import click


@click.command()
@click.argument("encoder")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Argument of the encoder, e.g. rate=0.2."
)
@click.option(
    "--dim", type=click.IntRange(min=1), default=8, show_default=True, help="Size of the representations."
)
@click.option("--cost/--no-cost", default=True, help="Whether time and memory are measured.")
def command(encoder: str, overrides: tuple[str, ...], dim: int, cost: bool) -> None:
    """Check ENCODER, a name or module:Class, against the contract of relation encoders.

    Exit status 0 if it keeps it, else 1.
    """
    from hetmusic._toml import merge, parse_override
    from hetmusic.cli._render_check import checked, failed
    from hetmusic.errors import UserError
    from hetmusic.relations import relation_encoders
    from hetmusic.testing import EncoderCase

    arguments: dict[str, object] = {}
    for text in overrides:
        arguments = merge(arguments, parse_override(text))
    relation_encoders.check(encoder, arguments, lambda name: f"--set {name}=VALUE")
    case = EncoderCase(encoder, arguments, dim)
    case.try_out()
    failures = checked(case, cost)
    if failures:
        raise UserError(failed(case, failures))
