"""``hetmusic synth``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder to write the raw dump to."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="e.g. users=1000; repeatable.")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
def command(out: Path, seed: int, overrides: tuple[str, ...], overwrite: bool) -> None:
    """Write a raw dump of a made-up world, in the tables format, with its true preferences beside it."""
    from hetmusic._toml import merge, parse_override
    from hetmusic.synth import WorldSettings, make_world, write_dump

    values: dict[str, object] = {}
    for text in overrides:
        values = merge(values, parse_override(text))
    world = make_world(WorldSettings.parse(values), seed)
    write_dump(world, out, overwrite=overwrite)
    click.echo(f"wrote {out}")
    click.echo(f"next: hetmusic build --spec {out / 'spec.yaml'} --raw {out} --out GRAPH")
