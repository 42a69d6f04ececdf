"""``hetmusic fit --explain-model``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hetmusic.cli._table import table

if TYPE_CHECKING:
    from hetmusic.models.explain import Structure


def structure(found: Structure) -> None:
    """Encoders by tower, layer and relation; parameters by tower; relations that are not used, and why."""
    rows = [
        [p.tower, str(p.layer), _arrow(p.edge_type), p.encoder, f"{p.parameters:,}", p.note]
        for p in found.places
    ]
    header = ["tower", "layer", "relation", "encoder", "parameters", "note"]
    click.echo(table(header, rows, [1, 4]))
    sizes = [[name, *(f"{n:,}" for n in parts), f"{sum(parts):,}"] for name, parts in found.towers.items()]
    click.echo("\n" + table(["tower", "inputs", "encoders", "combiners", "all"], sizes, [1, 2, 3, 4]))
    click.echo(f"\n{found.parameters:,} parameters in all")
    if found.unused:
        unused = [[_arrow(edge_type), reason] for edge_type, reason in found.unused.items()]
        click.echo("\n" + table(["relation not used", "why"], unused, []))


def _arrow(edge_type: tuple[str, str, str]) -> str:
    src, relation, dst = edge_type
    return f"{src} -{relation}-> {dst}"
