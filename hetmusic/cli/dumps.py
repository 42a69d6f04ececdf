"""``hetmusic dumps``."""

from __future__ import annotations

import json

import click

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(name="dumps", invoke_without_command=True)
@JSON
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List the public data sets that can be built by name.

    With files, size, licence, citation and where to get them.
    """
    if ctx.invoked_subcommand is not None:
        return
    from hetmusic.cli._render_dumps import listing
    from hetmusic.dumps import known_dumps

    found = list(known_dumps())
    if as_json:
        click.echo(json.dumps([dump.to_dict() for dump in found], indent=2, ensure_ascii=False))
    else:
        listing(found)


@command.command()
@click.argument("name")
@JSON
def show(name: str, as_json: bool) -> None:
    """Explain what becomes of each file of a data set.

    NAME is that of a data set, or a specification (YAML).
    """
    from hetmusic.cli._render_dumps import explanation
    from hetmusic.dumps import describe
    from hetmusic.dumps.catalogue import facts
    from kg_schema.dump import DumpSpec

    spec = DumpSpec.load(name)
    if as_json:
        value = {"name": spec.name, **facts(spec), "mapping": describe(spec)}
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
    else:
        explanation(spec, describe(spec))
