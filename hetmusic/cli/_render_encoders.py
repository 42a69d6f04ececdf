"""What is printed about relation encoders."""

from __future__ import annotations

from collections.abc import Sequence

import click

from hetmusic._arguments import Argument, document
from hetmusic._docstrings import description
from hetmusic._resolve import text_of
from hetmusic.cli._table import table
from hetmusic.errors import UserError
from hetmusic.relations import relation_encoders


def encoder_list() -> None:
    """A line an encoder, its arguments under it."""
    width = max(map(len, relation_encoders.names))
    for name in relation_encoders.names:
        try:
            cls = relation_encoders.lookup(name)
        except UserError as problem:
            click.echo(f"{name.ljust(width)}  cannot be used: {problem}")
            continue
        point = relation_encoders.entry_points.get(name)
        source = f"  [{point.dist.name} {point.dist.version}]" if point is not None and point.dist else ""
        click.echo(f"{click.style(name.ljust(width), bold=True)}  {_first_line(cls)}{source}")
        for argument in document(cls, relation_encoders.given):
            click.echo(f"{' ' * width}  {argument}")
    click.echo(
        "\nmore about one: hetmusic encoders show NAME; your own: module:Class; of DGL: dgl.nn.pytorch:GATv2Conv"
    )


def encoder_details(name: str) -> None:
    """Signature, text, arguments, and how to use it."""
    cls = relation_encoders.lookup(name)
    arguments = document(cls, relation_encoders.given)
    click.echo(click.style(f"{name}({', '.join(map(str, arguments))})", bold=True))
    if text_of(cls) != name:
        click.echo(text_of(cls))
    click.echo(f"\n{description(cls) or 'It has no docstring.'}\n")
    if arguments:
        rows = [[a.name, a.type, "required" if a.default is None else a.default, a.text] for a in arguments]
        click.echo(table(["argument", "type", "default", "meaning"], rows, []) + "\n")
    click.echo(f'[relations.liked_by]\nencoder = "{name}"')
    for argument in arguments:
        click.echo(_example(argument))
    click.echo(f"\nhetmusic fit GRAPH --out RUN --set relations.liked_by.encoder={name}{_options(arguments)}")


def _first_line(cls: type) -> str:
    lines = description(cls).splitlines()
    return lines[0] if lines else "(no docstring)"


def _example(argument: Argument) -> str:
    if argument.default is None:
        return f"{argument.name} = ...    # required"
    if argument.default == "None":
        return f"# {argument.name} is not set"
    value = {"True": "true", "False": "false"}.get(argument.default, argument.default.replace("'", '"'))
    return f"{argument.name} = {value}"


def _options(arguments: Sequence[Argument]) -> str:
    """What the example sets: all that must be given, in capitals what only a person knows, or else one that may be."""
    required = [a for a in arguments if a.default is None]
    given = required or [a for a in arguments if a.default != "None"][:1]
    return "".join(f" --set relations.liked_by.{a.name}={_plain(a)}" for a in given)


def _plain(argument: Argument) -> str:
    if argument.default is None:
        return argument.name.upper()
    return {"True": "true", "False": "false"}.get(argument.default, argument.default.strip("'"))
