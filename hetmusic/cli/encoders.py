"""``hetmusic encoders``."""

from __future__ import annotations

import click


@click.group(name="encoders", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List the relation encoders: what each does, and its arguments."""
    if ctx.invoked_subcommand is not None:
        return
    from hetmusic.cli._render_encoders import encoder_list

    encoder_list()


@command.command()
@click.argument("name")
def show(name: str) -> None:
    """Print signature, text and an example of NAME.

    NAME is a registered name, module:Class, or a convolution of dgl.nn (dgl.nn.pytorch:GATv2Conv).
    """
    from hetmusic.cli._render_encoders import encoder_details

    encoder_details(name)
